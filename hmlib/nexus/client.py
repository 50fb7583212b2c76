"""The one way to speak to Nexus: tokens, directory, time limits, and a breaker that spares a Nexus in trouble."""

import asyncio
import base64
import logging
import random
import re
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec
from tornado.httpclient import HTTPResponse

from hmlib import logs
from hmlib.auth.jwks import KeysAway
from hmlib.cache import Bounded
from hmlib.config import BadSetting, Settings
from hmlib.nexus.directory import Asset, Company, Contact, Location, SignedIn, Summary, User, UserScope
from hmlib.nexus.directory_cache import READ_ON_SECONDS, Answers, Asker, TokenFor
from hmlib.nexus.transport import NexusDown, NexusRefused, Transport, checked, said

ALIVE_REMEMBERED_SECONDS = 2.0
ANNOUNCED_ANEW_SECONDS = 10.0  # a process that was not heard of for so long may have missed what it was told
REMEMBERED_TOKENS = 64
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  the name of a kind of token
__all__ = ["Directory", "Listed", "Nexus", "NexusDown", "NexusFor", "NexusRefused", "SignInRefused", "TokenFor"]

T = TypeVar("T")


class SignInRefused(Exception):
    """A password did not open a session: ``kind`` is wrong, throttled, mfa or busy; ``retry_after`` is seconds."""

    def __init__(self, kind: str, retry_after: int = 0) -> None:
        super().__init__(kind)
        self.kind, self.retry_after = kind, retry_after


class Nexus:
    """Nexus's client: one a process. Methods raise NexusDown when it cannot answer and NexusRefused when it says no."""

    def __init__(
        self, settings: Settings, client_id: str = "", client_secret: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._transport = Transport(settings)
        self._basic = "Basic " + base64.b64encode(f"{quote(client_id)}:{quote(client_secret)}".encode()).decode()
        self._client_id = client_id
        self._refused = False
        self._service_tokens: Bounded[tuple[str, str], tuple[str, float]] = Bounded(REMEMBERED_TOKENS)
        self.answers = Answers(lambda path, headers, seconds: self._transport.send("GET", path, headers=headers, seconds=seconds), clock)

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
        return self._transport.calls

    @property
    def url(self) -> str:
        return self._transport.url

    @property
    def client_id(self) -> str:
        return self._client_id

    @property
    def seems_down(self) -> bool:
        """True while the last word from Nexus was silence; asks nobody."""
        return self._transport.breaker.silent or self._transport.unwell or self.answers.silent

    def close(self) -> None:
        self._transport.close()

    async def alive(self) -> bool:
        """Whether Nexus answers within a second; remembered for two."""
        well = await self._transport.well(time.monotonic() - ALIVE_REMEMBERED_SECONDS)
        self.answers.silent = self.answers.silent and not well
        return well

    @property
    def unwell(self) -> bool:
        """Whether Nexus did not answer the last question for its health, which watch() puts every two seconds; asks nobody."""
        return self._transport.unwell

    async def while_well(self, call: "asyncio.Future[T]") -> T:
        """What the call answers, which may take long while Nexus is well. Raises NexusDown within two seconds when it is not."""
        return await self._transport.while_well(call)

    async def clock_ahead(self) -> float:
        """By how many seconds Nexus's clock is ahead of ours; to a second, as a Date header has no more."""
        answer = checked(await self._transport.send("GET", "/healthz", guarded=False, doubted=False), (200,))
        return parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()

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
        checked(
            await self._transport.send("POST", "/api/announcement", body=b"", headers={"Authorization": self._basic}, guarded=False), (204,)
        )

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
        answer = await self._transport.send("POST", "/api/token", body=body, headers=headers, guarded=False)
        if answer.code == 200:
            return msgspec.json.decode(answer.body, type=SignedIn)
        raise _refused_sign_in(answer)

    async def code(self, code: str, verifier: str, redirect_uri: str) -> SignedIn:
        return await self._tokens(grant_type="authorization_code", code=code, code_verifier=verifier, redirect_uri=redirect_uri)

    async def refresh(self, refresh_token: str) -> SignedIn:
        """Spends the refresh token: the call is left to its end whoever stops waiting, as its answer is the only one."""
        return await self._tokens(doubted=False, grant_type="refresh_token", refresh_token=refresh_token)

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
        self._service_tokens.put((audience, scope), (answer["access_token"], time.time() + answer["expires_in"]))
        return str(answer["access_token"])

    async def end_session(self, nexus_token: str) -> None:
        """End the person's session everywhere. ``nexus_token`` has audience nexus and a sid."""
        answer = await self._transport.send("DELETE", "/api/session", headers={"Authorization": f"Bearer {nexus_token}"})
        checked(answer, (200, 204, 401))

    async def jwks(self) -> bytes:
        """Nexus's key set, as Jwks asks for it. Raises KeysAway."""
        try:
            return checked(await self._transport.send("GET", "/.well-known/jwks.json"), (200,)).body
        except (NexusDown, NexusRefused) as error:
            raise KeysAway("Nexus gave no key set") from error

    async def scopes(self, user_ids: Sequence[str]) -> dict[str, UserScope]:
        """The company scopes of users, in one call; those Nexus does not know are absent."""
        token = await self.service_token("nexus", "scopes:read")
        answer = await self._transport.send(
            "GET", "/api/scopes?" + urlencode({"ids": ",".join(user_ids)}), headers={"Authorization": f"Bearer {token}"}
        )
        items = msgspec.json.decode(checked(answer, (200,)).body, type=dict[str, list[UserScope]])["items"]
        return {item.user_id: item for item in items}

    def on_behalf(
        self, caller_id: str, token_for: TokenFor, *, view: Hashable = "", read_on_seconds: float = READ_ON_SECONDS
    ) -> "NexusFor":
        """The directory as one caller may see it.

        ``view`` names everything that decides what their token may see: answers got with another one are never theirs. While Nexus is
        away an answer is good for ``read_on_seconds``.
        """
        return NexusFor(self.answers, Asker(caller_id, view, token_for, read_on_seconds))

    def as_service(self, read_on_seconds: float = READ_ON_SECONDS) -> "NexusFor":
        """The directory as the module itself may see it."""
        return self.on_behalf(
            f"service {self._client_id}", lambda audience: self.service_token(audience, "directory:read"), read_on_seconds=read_on_seconds
        )

    def forget(self, caller_id: str) -> None:
        """Drop what was answered to a person, as they may see something else now."""
        self.answers.forget(caller_id)

    # Plumbing

    async def post(self, path: str, body: object, token: str) -> bytes:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return checked(await self._transport.send("POST", path, body=msgspec.json.encode(body), headers=headers), (200, 201)).body

    async def _tokens(self, *, doubted: bool = True, **fields: str) -> SignedIn:
        answer = await self._grant(doubted=doubted, **fields)
        return SignedIn(
            token=answer["access_token"],
            expires_in=answer["expires_in"],
            refresh_token=answer.get("refresh_token", ""),
            session_expires_at=answer.get("session_expires_at", ""),
            id_token=answer.get("id_token", ""),
        )

    async def _grant(self, *, doubted: bool = True, **fields: str) -> dict[str, Any]:
        headers = {"Authorization": self._basic, "Content-Type": "application/x-www-form-urlencoded"}
        answer = await self._transport.send("POST", "/oauth/token", body=urlencode(fields).encode(), headers=headers, doubted=doubted)
        return msgspec.json.decode(checked(answer, (200,)).body, type=dict[str, Any])


class Directory(Generic[T]):
    """One kind of thing in the directory, as one caller may see it."""

    def __init__(self, answers: Answers, asker: Asker, plural: str, kind: type[T]) -> None:
        self._answers, self._asker, self._plural, self._kind = answers, asker, plural, kind

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
        return await self._answers.get(self._asker, path, self._read)

    async def _read(self, raw: bytes, headers: Mapping[str, str]) -> "Listed[T]":
        """An array, with Link and X-Total-Count where it is a page."""
        rows = msgspec.json.decode(raw, type=list[self._kind])  # type: ignore[name-defined]
        following = re.search(r'<([^>]*)>; rel="next"', headers.get("Link", ""))
        cursor = dict(parse_qsl(urlsplit(following[1]).query)).get("cursor") if following else None
        total = headers.get("X-Total-Count", "")
        return Listed(rows, cursor, int(total) if total.isascii() and total.isdecimal() else len(rows))


@dataclass(frozen=True)
class Listed(Generic[T]):
    """A page of a list; ``next_cursor`` asks for the one that follows, ``total`` counts all of them."""

    items: list[T]
    next_cursor: str | None = None
    total: int | None = None


class NexusFor:
    """Nexus on one caller's behalf: what they may not see does not exist here."""

    def __init__(self, answers: Answers, asker: Asker) -> None:
        self._answers, self._asker = answers, asker
        self.companies = Directory(answers, asker, "companies", Company)
        self.contacts = Directory(answers, asker, "contacts", Contact)
        self.locations = Directory(answers, asker, "locations", Location)
        self.assets = Directory(answers, asker, "assets", Asset)
        self.users = Directory(answers, asker, "users", User)

    async def billing_summary(self, ids: Sequence[str] | None = None) -> Summary:
        """Every company the caller may see (or those of ``ids``), with all that can be counted, in one call."""
        return await self._answers.summary(self._asker, ids)


def _refused_sign_in(answer: HTTPResponse) -> Exception:
    retry_after = answer.headers.get("Retry-After", "")
    seconds = int(retry_after) if re.fullmatch("[0-9]{1,6}", retry_after) else 0
    kinds = {401: "wrong", 400: "wrong", 429: "throttled", 503: "busy"}
    if answer.code == 403 and said(answer).get("code") == "mfa_required":
        return SignInRefused("mfa")
    if answer.code in kinds:
        return SignInRefused(kinds[answer.code], seconds)
    return NexusDown(f"Nexus answered {answer.code} to a sign-in")
