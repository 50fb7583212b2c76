"""The authorization endpoint: who is at this browser, told to a client by way of the browser (OAuth 2.1, OpenID Connect)."""

import hmac
from collections.abc import Mapping
from urllib.parse import urlencode

from hmlib import json
from hmlib.auth.permissions import anyone
from hmlib.clock import parse
from hmlib.web.page_handler import PageHandler
from hmlib.web.problems import Problem
from nexus_srv.oauth import authorization
from nexus_srv.oauth.authorization import AuthorizationRequest, UnknownClient
from nexus_srv.oauth.id_token_hints import hinted
from nexus_srv.oauth.protocol import OAuthError, with_parameters
from nexus_srv.pages.onward import lead_on
from nexus_srv.parts import NexusParts
from nexus_srv.queries import clients, codes, consents

FRESH_SECONDS = 600


class AuthorizationPage(PageHandler):
    """What the pages of authorization share: reading the request, and the two ways back to the client."""

    _client_name = ""

    def never_kept(self) -> None:
        return None

    async def request_of(self, asked: Mapping[str, str]) -> AuthorizationRequest | None:
        """What the client wants; None when it was already told that it cannot be. Raises Problem for one we do not know."""
        try:
            client = authorization.checked_client(await clients.by_id(self.db, asked.get("client_id", "")), asked)
        except UnknownClient:
            raise Problem(400, "unknown_client", "The program that sent you here is not known, or its address is not registered.") from None
        self._client_name = client.name
        try:
            return authorization.checked(client, asked)
        except OAuthError as error:
            self.tell(asked["redirect_uri"], asked.get("state", ""), {"error": error.error, "error_description": error.description})
            return None

    def tell(self, redirect_uri: str, state: str, parameters: Mapping[str, str]) -> None:
        """Back to the client; `iss` says who answers (RFC 9207). No page that is left on the way is told to anybody."""
        self.set_header("Referrer-Policy", "no-referrer")
        kept = {"state": state} if state else {}
        address = with_parameters(redirect_uri, {**parameters, **kept, "iss": self.hm.origin})
        if self.request.method == "POST":
            lead_on(self, address, self._client_name)
        else:
            self.see_other(address)

    def refuse(self, auth_request: AuthorizationRequest, error: str) -> None:
        self.tell(auth_request.redirect_uri, auth_request.state, {"error": error})

    async def give_code(self, auth_request: AuthorizationRequest) -> None:
        """To the client with a code."""
        assert self.session is not None
        code = await codes.create(
            self.db,
            self.keys,
            client_id=auth_request.client.id,
            account_id=self.known.id,
            sid=self.session.sid,
            redirect_uri=auth_request.redirect_uri,
            scope=" ".join(sorted(auth_request.scope)),
            nonce=auth_request.nonce,
            challenge=auth_request.challenge,
            now=self.now,
        )
        self.tell(auth_request.redirect_uri, auth_request.state, {"code": code})


class Authorize(AuthorizationPage):
    """Answers at once when it can, else by way of the sign-in page or of the question whether the client may."""

    def check_xsrf(self) -> None:
        """A post changes nothing here: it is only taken on to the same address, where the session's cookie is seen."""

    @anyone
    async def post(self) -> None:
        if await self.request_of(self.form) is not None:
            self.see_other(f"{self.request.path}?{urlencode(self.form)}")

    @anyone
    async def get(self) -> None:
        auth_request = await self.request_of(self.query)
        if auth_request is None:
            return
        if self.caller is None or self._stale(auth_request):
            self._sign_in(auth_request)
        elif auth_request.hint and await self._hinted(auth_request) != self.caller.id:
            self.refuse(auth_request, "login_required")
        elif not await self._consented(auth_request):
            self._ask(auth_request)
        else:
            await self.give_code(auth_request)

    async def _hinted(self, auth_request: AuthorizationRequest) -> str | None:
        """Whom the client's id_token_hint names."""
        return await hinted(self.spine.own(NexusParts).signer, auth_request.hint, auth_request.client.id)

    def _stale(self, auth_request: AuthorizationRequest) -> bool:
        """Whether the person must show once more who they are."""
        auth_time = self.known.auth_time or 0
        asked_for = bool(auth_request.prompts & {"login", "select_account"})
        too_old = auth_request.max_age is not None and parse(self.now).timestamp() - auth_time > auth_request.max_age
        return (asked_for or too_old) and auth_time < self._asked_at()

    def _sign_in(self, auth_request: AuthorizationRequest) -> None:
        """To the sign-in page and back here, with a note of when that was: signing in after it is enough."""
        if "none" in auth_request.prompts:
            self.refuse(auth_request, "login_required")
            return
        at = str(int(parse(self.now).timestamp()))
        asked = {**self.query, "fresh": f"{at}.{self._fresh_mac(at)}"}
        page = self.reverse_url("confirm" if self.caller else "login")
        self.see_other(f"{page}?{urlencode({'next': f'{self.request.path}?{urlencode(asked)}'})}")

    def _asked_at(self) -> float:
        """When this browser was sent to sign in for this very request; the end of time if it was not, or long ago."""
        at, _, mac = self.query.get("fresh", "").partition(".")
        known = at.isascii() and at.isdigit() and hmac.compare_digest(mac.encode(), self._fresh_mac(at).encode())
        return float(at) if known and parse(self.now).timestamp() - float(at) < FRESH_SECONDS else float("inf")

    def _fresh_mac(self, at: str) -> str:
        return self.keys.mac(
            "authorize again", at, *(self.query.get(name, "") for name in ("client_id", "state", "nonce", "code_challenge"))
        )

    async def _consented(self, auth_request: AuthorizationRequest) -> bool:
        if auth_request.client.module:
            return True
        given = await consents.scope_of(self.db, self.known.id, auth_request.client.id)
        return "consent" not in auth_request.prompts and auth_request.scope <= given

    def _ask(self, auth_request: AuthorizationRequest) -> None:
        if "none" in auth_request.prompts:
            self.refuse(auth_request, "consent_required")
            return
        assert self.session is not None
        sealed = self.keys.seal(json.encode(self.query), table="form", column="authorization", row_id=self.session.id_hash)
        self.page(
            "consent.html",
            client=auth_request.client,
            scope=sorted(auth_request.scope),
            auth_request=sealed,
            action=self.reverse_url("consent"),
        )
