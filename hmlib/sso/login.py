"""Signing in to a module: its own form, silent single sign-on through Nexus, and the hand-over."""

import base64
import hashlib
import secrets
import time
from collections.abc import Sequence
from urllib.parse import urlencode

from tornado.routing import URLSpec
from tornado.web import url

from hmlib.auth import tokens
from hmlib.auth.jwks import BadToken
from hmlib.auth.permissions import anyone
from hmlib.auth.sessions import NewSession, Tokens
from hmlib.clock import shifted
from hmlib.nexus.client import Nexus, SignInRefused
from hmlib.nexus.directory import SignedIn
from hmlib.nexus.transport import NexusDown, NexusRefused
from hmlib.sso import pending_sign_ins
from hmlib.sso.callers import ModuleCallers
from hmlib.sso.pending_sign_ins import Transaction
from hmlib.web import requests
from hmlib.web.page_handler import PageHandler
from hmlib.web.problems import Problem
from hmlib.web.requests import BadRequest

SILENT_TRIES = 3
SILENT_SECONDS = 10
SCOPE = "openid profile offline_access"

WRONG = "That username and password do not match."
THROTTLED = "Too many attempts. Wait a little, then try again."
UNCONFIRMED = "Nexus did not confirm this sign-in. Try again."
BUSY = "Too many people are signing in just now. Try again in a few seconds."
AWAY = "Signing in is not possible just now, because Nexus does not answer. This page will work again as soon as it does."


class SignInHandler(PageHandler):
    """What the pages of signing in share."""

    def never_kept(self) -> None:
        return None

    def form_origins(self) -> Sequence[str]:
        return (self.hm.nexus_url,)

    @property
    def hub(self) -> Nexus:
        return self.spine.hub

    @property
    def module_callers(self) -> ModuleCallers:
        callers = self.spine.callers
        assert isinstance(callers, ModuleCallers)
        return callers

    @property
    def callback_url(self) -> str:
        return f"{self.hm.origin}/auth/callback"

    def go_to_nexus(self, next_path: str, prompt: str | None) -> None:
        """Ask Nexus who this is (OAuth 2.1 code flow, PKCE S256, state, nonce); ``prompt`` none asks without showing anything."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        transaction = Transaction(state, nonce, verifier, next_path, time.time())
        pending_sign_ins.keep(self, transaction)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(transaction.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.hub.client_id,
            "redirect_uri": self.callback_url,
            "scope": SCOPE,
            "state": transaction.state,
            "nonce": transaction.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        self.see_other(f"{self.hm.nexus_url}/oauth/authorize?" + urlencode(asked | ({"prompt": prompt} if prompt else {})))

    async def open_session(self, answer: SignedIn, name: str, sub: str = "") -> None:
        """Open the module's session with what Nexus gave, under a new id. Raises BadToken when it does not hold."""
        claims = await self.module_callers.verifier.verify(answer.token)
        if self.module_callers.revocations.hits(claims):
            raise BadToken("ended while it was on its way")
        if sub and claims.sub != sub:
            raise BadToken("the two tokens name different people")
        hours = await self.preferences.int(self.db, "session_absolute_hours")
        ends = min(shifted(self.now, hours * 3600), answer.session_expires_at or "9999")
        if self.session:
            await self.sessions.end(self.session.id_hash)
        new_session = NewSession(
            user_id=claims.sub,
            user_name=name,
            level=claims.permission_level or "client",
            sid=claims.sid or "",
            auth_time=claims.auth_time or claims.iat,
            amr=claims.amr,
            address=self.address,
            browser=self.request.headers.get("User-Agent", ""),
            expires_at=ends,
            tokens=Tokens(answer.token, int(time.time()) + answer.expires_in, answer.refresh_token),
        )
        cookie, self.session = await self.sessions.open(new_session, self.now)
        self.put_cookie(self.hm.cookie, cookie)
        self.drop_cookie(f"{self.hm.cookie}_pre")

    @property
    def tries_cookie(self) -> str:
        return f"{self.hm.cookie}_tries"

    def tried_silently(self) -> int:
        """How often this browser has just come back from Nexus signed in, and yet is here again: a loop ends in the form."""
        tries = self.get_cookie(self.tries_cookie) or ""
        return int(tries) if tries in ("1", "2", "3") else 0

    def show_form(self, status: int = 200, error: str = "", username: str = "", notice: str = "", next_path: str = "/") -> None:
        self.set_status(status)
        self.page(
            "login.html",
            action=self.reverse_url("login"),
            next=next_path,
            error=error,
            notice=notice,
            username=username,
            nexus_login_url=self.reverse_url("login-elsewhere") + "?" + urlencode({"next": next_path}),
            password_login=self.hm.password_login,
        )


class SignInPage(SignInHandler):
    """The module's own form; before it is shown, Nexus is asked silently whether it knows the browser already."""

    @anyone
    async def get(self) -> None:
        next_path = requests.next_path(self.query.get("next", "/"), self.hm.origin)
        if self.caller:
            self.see_other(next_path)
        elif not await self.hub.alive():
            self.set_status(503)
            self.set_header("Retry-After", "5")
            self.page("unavailable.html", retry_url=self.request.uri, request_id=self.request_id)
        elif "form" in self.query or self.tried_silently() >= SILENT_TRIES:
            notice = "You are signed out." if "signed_out" in self.query else ""
            self.show_form(next_path=next_path, notice=notice)
        else:
            self.go_to_nexus(next_path, "none")

    @anyone
    async def post(self) -> None:
        if not self.hm.password_login:
            raise Problem(404, "not_found", "Passwords are not taken here.")
        username, password = self.form.get("username", ""), self.form.get("password", "")
        next_path = requests.next_path(self.form.get("next", "/"), self.hm.origin)
        if not username or not password or len(username) > 200:
            self.show_form(422, "Enter your username and your password.", username[:200], next_path=next_path)
            return
        try:
            answer = await self.hub.token_by_password(
                username, password, address=self.address, browser=self.request.headers.get("User-Agent", "")
            )
        except SignInRefused as refusal:
            self._refused(refusal, username, next_path)
            return
        except NexusDown:
            self.show_form(503, AWAY, username, next_path=next_path)
            return
        try:
            await self._signed_in(answer, next_path)
        except BadToken:
            self.show_form(503, UNCONFIRMED, username, next_path=next_path)

    async def _signed_in(self, answer: SignedIn, next_path: str) -> None:
        """Open the session, then hand the browser over to Nexus, so that the next module needs no form."""
        person = answer.user
        await self.open_session(answer, (person.display_name or person.username) if person else "")
        self.set_header("Referrer-Policy", "strict-origin")
        self.page("handover.html", action=f"{self.hm.nexus_url}/sso/adopt", ticket=answer.ticket, next=self.hm.origin + next_path)

    def _refused(self, refusal: SignInRefused, username: str, next_path: str) -> None:
        if refusal.kind == "mfa":
            self.go_to_nexus(next_path, "login")
            return
        status, words = {"throttled": (429, THROTTLED), "busy": (503, BUSY)}.get(refusal.kind, (401, WRONG))
        if refusal.retry_after:
            self.set_header("Retry-After", str(refusal.retry_after))
        self.show_form(status, words, username, next_path=next_path)


class SignInElsewhere(SignInHandler):
    """To Nexus's own page, which knows more ways of signing in than a password."""

    @anyone
    async def get(self) -> None:
        self.go_to_nexus(requests.next_path(self.query.get("next", "/"), self.hm.origin), None)


class Callback(SignInHandler):
    """Back from Nexus: with a code, or with the word that there must be a form."""

    @anyone
    async def get(self) -> None:
        transaction = pending_sign_ins.take(self, self.query.get("state", ""))
        if transaction is None or self.query.get("iss") != self.hm.nexus_url:
            raise BadRequest(
                "invalid_state", "This sign-in was not begun in this browser, or it is too old. Start again from the page you wanted."
            )
        if "error" in self.query:
            self.see_other(self.reverse_url("login") + "?" + urlencode({"form": "1", "next": transaction.next}))
            return
        try:
            answer = await self.hub.code(self.query.get("code", ""), transaction.verifier, self.callback_url)
            claims = await tokens.id_token(
                self.module_callers.verifier,
                answer.id_token,
                client_id=self.hub.client_id,
                nonce=transaction.nonce,
                access_token=answer.token,
            )
            await self.open_session(answer, claims.name or claims.preferred_username, claims.sub)
        except (NexusRefused, BadToken) as error:
            raise Problem(400, "sign_in_failed", "Nexus did not confirm this sign-in. Start again from the page you wanted.") from error
        self.put_cookie(self.tries_cookie, str(self.tried_silently() + 1), SILENT_SECONDS)
        self.see_other(transaction.next)


def routes() -> list[URLSpec]:
    """What a module answers about signing in; put them into its route table."""
    return [
        url(r"/login", SignInPage, name="login"),
        url(r"/login/elsewhere", SignInElsewhere, name="login-elsewhere"),
        url(r"/auth/callback", Callback, name="callback"),
    ]
