"""The one way to speak to Nexus: tokens, directory, time limits, and a breaker that spares a Nexus in trouble."""

import asyncio
import base64
import logging
import random
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from tornado.httpclient import HTTPResponse

from hmlib import logs
from hmlib.directory import Asset, Company, Contact, Location, SignedIn, Summary, User, UserScope
from hmlib.jwks import KeysAway
from hmlib.settings import BadSetting, Settings
from hmlib.wire import REQUEST_SECONDS, NexusDown, NexusRefused, Wire, checked, said

SUMMARY_SECONDS = 60.0
ALIVE_SECONDS = 1.0
ALIVE_REMEMBERED_SECONDS = 2.0
ANNOUNCED_ANEW_SECONDS = 10.0  # a process that was not heard of for so long may have missed what it was told
FRESH_SECONDS = 5.0
REMEMBERED_ANSWERS = 256
REMEMBERED_SUMMARIES = 8
WHOLE = "*"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  the name of a kind of token
__all__ = ["Directory", "Listed", "Nexus", "NexusDown", "NexusFor", "NexusRefused", "SignInRefused", "TokenFor"]

T = TypeVar("T")
TokenFor = Callable[[str], Awaitable[str]]


class SignInRefused(Exception):
    """A password did not open a session: ``kind`` is wrong, throttled, mfa or busy; ``retry_after`` is seconds."""

    def __init__(self, kind: str, retry_after: int = 0) -> None:
        super().__init__(kind)
        self.kind, self.retry_after = kind, retry_after


class Nexus:
    """Nexus's client: one a process. Methods raise NexusDown when it cannot answer and NexusRefused when it says no."""

    def __init__(self, settings: Settings, client_id: str = "", client_secret: str = "") -> None:
        self._wire = Wire(settings)
        self._basic = "Basic " + base64.b64encode(f"{quote(client_id)}:{quote(client_secret)}".encode()).decode()
        self._client_id = client_id
        self._alive_until, self._alive = 0.0, False
        self._refused = False
        self._service_tokens: dict[tuple[str, str], tuple[str, float]] = {}
        self._answers: OrderedDict[tuple[str, str], tuple[str, float, Any]] = OrderedDict()
        self._summaries: OrderedDict[tuple[str, str], Summary] = OrderedDict()

    @classmethod
    def for_module(cls, settings: Settings) -> "Nexus":
        """A client with the module's own credentials, which ``hm init`` wrote. Raises BadSetting when they are missing."""
        try:
            written = msgspec.json.decode(settings.client_file.read_bytes())
            return cls(settings, written["client_id"], written["client_secret"])
        except (OSError, KeyError, msgspec.DecodeError) as error:
            raise BadSetting(f"HM_HOME has no usable {settings.client_file.name} for this service: run hm init first.") from error

    @property
    def calls(self) -> int:
        """How many requests were sent, for tests and figures."""
        return self._wire.calls

    @property
    def url(self) -> str:
        return self._wire.url

    @property
    def client_id(self) -> str:
        return self._client_id

    @property
    def seems_down(self) -> bool:
        """True while the last word from Nexus was silence; asks nobody."""
        return self._wire.breaker.silent or (not self._alive and self._alive_until > 0)

    def close(self) -> None:
        self._wire.close()

    async def alive(self) -> bool:
        """Whether Nexus answers within a second; remembered for two."""
        if time.monotonic() < self._alive_until:
            return self._alive
        try:
            answer = await self._wire.send("GET", "/healthz", seconds=ALIVE_SECONDS, guarded=False)
            self._alive = answer.code == 200
        except NexusDown:
            self._alive = False
        self._alive_until = time.monotonic() + ALIVE_REMEMBERED_SECONDS
        return self._alive

    async def watch(self, pause: float = 2.0) -> None:
        """Ask for Nexus's health for ever, so that pages can tell without asking. Run it as a task.

        At its start, and whenever Nexus or this process was away, it announces this module: what Nexus could not tell it meanwhile is
        told at once.
        """
        heard_at = float("-inf")
        while True:
            began = time.monotonic()
            if not await self.alive():
                heard_at = float("-inf")
            elif began - heard_at > ANNOUNCED_ANEW_SECONDS:
                heard_at = began if await self._announced() else heard_at
            else:
                heard_at = began
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  jitter, not a secret

    async def announce(self) -> None:
        """Tell Nexus that this module is there to be told things. It may be said at any time, by any of its processes."""
        checked(await self._wire.send("POST", "/api/announcement", body=b"", headers={"Authorization": self._basic}, guarded=False), (204,))

    async def _announced(self) -> bool:
        """Whether Nexus heard it; one that refuses is asked again, for an older Nexus may be on its way out."""
        try:
            await self.announce()
        except NexusDown:
            return False
        except NexusRefused as refused:
            if not self._refused:
                logs.event("Nexus does not hear that this module is there", logging.WARNING, status=refused.status, code=refused.code)
            self._refused = True
            return False
        self._refused = False
        return True

    # Signing in

    async def token_by_password(self, username: str, password: str, *, address: str, browser: str) -> SignedIn:
        """Trade a password for a session at Nexus. Raises SignInRefused, NexusDown."""
        body = msgspec.json.encode({"username": username, "password": password, "address": address, "browser": browser[:200]})
        headers = {"Authorization": self._basic, "Content-Type": "application/json"}
        answer = await self._wire.send("POST", "/api/token", body=body, headers=headers, guarded=False)
        if answer.code == 200:
            return msgspec.json.decode(answer.body, type=SignedIn)
        raise _refused_sign_in(answer)

    async def code(self, code: str, verifier: str, redirect_uri: str) -> SignedIn:
        return await self._tokens(grant_type="authorization_code", code=code, code_verifier=verifier, redirect_uri=redirect_uri)

    async def refresh(self, refresh_token: str) -> SignedIn:
        return await self._tokens(grant_type="refresh_token", refresh_token=refresh_token)

    async def exchange(self, token: str, audience: str) -> tuple[str, int]:
        """A token for another service on the same person's behalf; answers it and its life in seconds."""
        answer = await self._grant(grant_type=EXCHANGE, subject_token=token, subject_token_type=ACCESS_TOKEN, audience=audience)
        return answer["access_token"], answer["expires_in"]

    async def service_token(self, audience: str, scope: str) -> str:
        """A token of the module itself, for no person; kept until shortly before it ends."""
        held = self._service_tokens.get((audience, scope))
        if held and held[1] > time.time() + 30:
            return held[0]
        answer = await self._grant(grant_type="client_credentials", audience=audience, scope=scope)
        self._service_tokens[audience, scope] = (answer["access_token"], time.time() + answer["expires_in"])
        return str(answer["access_token"])

    async def end_session(self, nexus_token: str) -> None:
        """End the person's session everywhere. ``nexus_token`` has audience nexus and a sid."""
        answer = await self._wire.send("DELETE", "/api/session", headers={"Authorization": f"Bearer {nexus_token}"})
        checked(answer, (200, 204, 401))

    async def jwks(self) -> bytes:
        """Nexus's key set, as Jwks asks for it. Raises KeysAway."""
        try:
            return checked(await self._wire.send("GET", "/.well-known/jwks.json"), (200,)).body
        except (NexusDown, NexusRefused) as error:
            raise KeysAway("Nexus gave no key set") from error

    async def scopes(self, user_ids: Sequence[str]) -> dict[str, UserScope]:
        """The company scopes of users, in one call; those Nexus does not know are absent."""
        token = await self.service_token("nexus", "scopes:read")
        answer = await self._wire.send(
            "GET", "/api/scopes?" + urlencode({"ids": ",".join(user_ids)}), headers={"Authorization": f"Bearer {token}"}
        )
        items = msgspec.json.decode(checked(answer, (200,)).body, type=dict[str, list[UserScope]])["items"]
        return {item.user_id: item for item in items}

    def on_behalf(self, caller_id: str, token_for: TokenFor) -> "NexusFor":
        """The directory as one caller may see it."""
        return NexusFor(self, caller_id, token_for)

    def as_service(self) -> "NexusFor":
        """The directory as the module itself may see it."""
        return NexusFor(self, f"service {self._client_id}", lambda audience: self.service_token(audience, "directory:read"))

    # Plumbing

    async def get(self, caller_id: str, path: str, token_for: TokenFor, kind: type[T]) -> T:
        """GET with a short memory: fresh for 5 seconds, then asked again by ETag. Never shared between callers.

        While Nexus is away what was answered last is answered again; without that, NexusDown.
        """
        etag, fresh_until, value = self._answers.get((caller_id, path), ("", 0.0, None))
        if time.monotonic() < fresh_until:
            return value  # type: ignore[no-any-return]
        try:
            answer = await self._asked(path, token_for, etag)
        except NexusDown:
            if value is None:
                raise
            return value  # type: ignore[no-any-return]
        if answer.code == 200:
            etag, value = answer.headers.get("Etag", ""), msgspec.json.decode(answer.body, type=kind)
        self._answers[caller_id, path] = (etag, time.monotonic() + FRESH_SECONDS, value)
        _forget_oldest(self._answers, REMEMBERED_ANSWERS)
        return value  # type: ignore[no-any-return]

    async def _asked(self, path: str, token_for: TokenFor, etag: str, seconds: float = REQUEST_SECONDS) -> HTTPResponse:
        headers = {"Authorization": f"Bearer {await token_for('nexus')}"} | ({"If-None-Match": etag} if etag else {})
        return checked(await self._wire.send("GET", path, headers=headers, seconds=seconds), (200, 304))

    async def post(self, path: str, body: object, token: str) -> bytes:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return checked(await self._wire.send("POST", path, body=msgspec.json.encode(body), headers=headers), (200, 201)).body

    async def summary(self, caller_id: str, ids: Sequence[str] | None, token_for: TokenFor) -> Summary:
        """The billing summary, kept by ETag: an unchanged directory costs one small answer. While Nexus is away, the last one."""
        key = (caller_id, WHOLE if ids is None else ",".join(ids))
        held = self._summaries.get(key)
        path = "/api/billing_summary" + ("" if ids is None else "?" + urlencode({"ids": ",".join(ids)}))
        try:
            answer = await self._asked(path, token_for, held.etag if held else "", SUMMARY_SECONDS)
        except NexusDown:
            return held or self._part_of_whole(caller_id, ids or ())
        if answer.code == 200 or held is None:
            decoded = await asyncio.to_thread(msgspec.json.decode, answer.body, type=Summary)
            held = msgspec.structs.replace(decoded, etag=answer.headers.get("Etag", ""))
        else:
            held = msgspec.structs.replace(held, as_of=answer.headers.get("X-As-Of", held.as_of))
        self._summaries[key] = held
        if (caller_id, WHOLE) in self._summaries:  # the one all others can be taken from goes last
            self._summaries.move_to_end((caller_id, WHOLE))
        _forget_oldest(self._summaries, REMEMBERED_SUMMARIES)
        return held

    def _part_of_whole(self, caller_id: str, ids: Sequence[str]) -> Summary:
        """Some companies out of the last whole summary of this caller. Raises NexusDown when there was none."""
        whole = self._summaries.get((caller_id, WHOLE))
        if whole is None:
            raise NexusDown("Nexus is away, and nothing was asked of it before")
        return msgspec.structs.replace(whole, companies=[company for company in whole.companies if company.id in ids])

    async def _tokens(self, **fields: str) -> SignedIn:
        answer = await self._grant(**fields)
        return SignedIn(
            token=answer["access_token"],
            expires_in=answer["expires_in"],
            refresh_token=answer.get("refresh_token", ""),
            session_expires_at=answer.get("session_expires_at", ""),
            id_token=answer.get("id_token", ""),
        )

    async def _grant(self, **fields: str) -> dict[str, Any]:
        headers = {"Authorization": self._basic, "Content-Type": "application/x-www-form-urlencoded"}
        answer = await self._wire.send("POST", "/oauth/token", body=urlencode(fields).encode(), headers=headers)
        return msgspec.json.decode(checked(answer, (200,)).body, type=dict[str, Any])


class Directory(Generic[T]):
    """One kind of thing in the directory, as one caller may see it."""

    def __init__(self, nexus: Nexus, caller_id: str, token_for: TokenFor, plural: str, kind: type[T]) -> None:
        self._nexus, self._caller_id, self._token_for = nexus, caller_id, token_for
        self._plural, self._kind = plural, kind

    async def some(self, ids: Sequence[str]) -> list[T]:
        """Those of ``ids`` (at most 200) the caller may see, in one call."""
        return (await self._get({"ids": ",".join(ids), "limit": str(len(ids) or 1)})).items

    async def page(self, **query: str) -> "Listed[T]":
        """One page of the list: q, sort, limit (1 to 1,000), cursor and the list's filters."""
        return await self._get(query)

    async def everything(self, **query: str) -> list[T]:
        """Every row the caller may see, 1,000 a call."""
        found: list[T] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = await self._get({**query, "limit": "1000"} | ({"cursor": cursor} if cursor else {}))
            found += answer.items
            cursor = answer.next_cursor
        return found

    async def _get(self, query: Mapping[str, str]) -> "Listed[T]":
        path = f"/api/{self._plural}?" + urlencode(query)
        return await self._nexus.get(self._caller_id, path, self._token_for, Listed[self._kind])  # type: ignore[name-defined]


class Listed(msgspec.Struct, Generic[T], frozen=True):
    """A page of a list as Nexus answers it."""

    items: list[T]
    next_cursor: str | None = None
    total: int | None = None


class NexusFor:
    """Nexus on one caller's behalf: what they may not see does not exist here."""

    def __init__(self, nexus: Nexus, caller_id: str, token_for: TokenFor) -> None:
        self._nexus, self._caller_id, self._token_for = nexus, caller_id, token_for
        self.companies = Directory(nexus, caller_id, token_for, "companies", Company)
        self.contacts = Directory(nexus, caller_id, token_for, "contacts", Contact)
        self.locations = Directory(nexus, caller_id, token_for, "locations", Location)
        self.assets = Directory(nexus, caller_id, token_for, "assets", Asset)
        self.users = Directory(nexus, caller_id, token_for, "users", User)

    async def billing_summary(self, ids: Sequence[str] | None = None) -> Summary:
        """Every company the caller may see (or those of ``ids``), with all that can be counted, in one call."""
        return await self._nexus.summary(self._caller_id, ids, self._token_for)


def _refused_sign_in(answer: HTTPResponse) -> Exception:
    retry_after = answer.headers.get("Retry-After", "")
    seconds = int(retry_after) if re.fullmatch("[0-9]{1,6}", retry_after) else 0
    kinds = {401: "wrong", 400: "wrong", 429: "throttled", 503: "busy"}
    if answer.code == 403 and said(answer).get("code") == "mfa_required":
        return SignInRefused("mfa")
    if answer.code in kinds:
        return SignInRefused(kinds[answer.code], seconds)
    return NexusDown(f"Nexus answered {answer.code} to a sign-in")


def _forget_oldest(answers: "OrderedDict[tuple[str, str], Any]", most: int) -> None:
    while len(answers) > most:
        answers.popitem(last=False)
