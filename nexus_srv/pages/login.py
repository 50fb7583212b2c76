"""Nexus's own sign-in page, signing out, and proving once more who one is."""

from urllib.parse import urlencode

from hmlib.auth.permissions import anyone, signed_in
from hmlib.clock import parse
from hmlib.web import requests
from hmlib.web.page_handler import PageHandler
from nexus_srv.identity import passwords, session_ends
from nexus_srv.identity.passwords import Busy
from nexus_srv.identity.sign_in import LONGEST_USERNAME, Attempt, SecondFactorNeeded, SignIn, WrongPassword, proved_recently
from nexus_srv.identity.throttle import Throttled
from nexus_srv.oauth import authorization
from nexus_srv.pages.onward import lead_on
from nexus_srv.parts import NexusParts
from nexus_srv.queries import clients, sessions, users

WRONG = "That username and password do not match."
THROTTLED = "Too many attempts. Wait a little, then try again."
BUSY = "Too many people are signing in just now. Try again in a few seconds."
SECOND_FACTOR = "This account asks for a second factor, which cannot be shown here yet. Ask an administrator."


class StepUpPage(PageHandler):
    """A page for what matters most: it asks who one is once more when that was shown longer than ten minutes ago."""

    def must_confirm(self, back_to: str) -> bool:
        """True, and the browser on its way to the question, when the proof is too old."""
        if proved_recently(self.known, self.now):
            return False
        self.see_other(f"{self.reverse_url('confirm')}?{urlencode({'next': back_to})}")
        return True


class PasswordPage(StepUpPage):
    """What the pages that take a password share."""

    def never_kept(self) -> None:
        return None

    @property
    def sign_in(self) -> SignIn:
        found = self.spine.own(NexusParts).sign_in
        return found

    @property
    def next_path(self) -> str:
        given = self.query if self.request.method in ("GET", "HEAD") else self.form
        return requests.next_path(given.get("next", "/"), self.hm.origin)

    async def go_on(self) -> None:
        """To where the person was going: a client that sent them here is not reached by a redirect of our form."""
        client_id = authorization.client_id_of(self.next_path)
        if client_id is None:
            self.see_other(self.next_path)
            return
        client = await clients.by_id(self.db, client_id)
        lead_on(self, self.next_path, client.name if client else "")

    def attempt(self, username: str, password: str) -> Attempt:
        if not username or len(username) > LONGEST_USERNAME or not passwords.fits_in(password):
            raise requests.BadRequest("invalid_request", "A username or password like that cannot exist.")
        return Attempt(username, password, self.address, self.request.headers.get("User-Agent", ""), self.request_id)

    def refused(self, refusal: Exception) -> str:
        """Set the status and say what the person may know."""
        if isinstance(refusal, Throttled | Busy):
            self.set_header("Retry-After", str(refusal.retry_after))
            self.set_status(429 if isinstance(refusal, Throttled) else 503)
            return THROTTLED if isinstance(refusal, Throttled) else BUSY
        self.set_status(403 if isinstance(refusal, SecondFactorNeeded) else 401)
        return SECOND_FACTOR if isinstance(refusal, SecondFactorNeeded) else WRONG


class SignInPage(PasswordPage):
    """Username and password in one form."""

    @anyone
    async def get(self) -> None:
        if self.caller:
            self.see_other(self.next_path)
        else:
            self._answer_form()

    @anyone
    async def post(self) -> None:
        attempt = self.attempt(self.form.get("username", ""), self.form.get("password", ""))
        try:
            user = await self.sign_in.judge(attempt, self.now)
            async with self.db.write() as tx:
                if self.session:
                    await session_ends.end_sid(tx, self.sessions, self.session.sid, self.now)
                cookie, _ = await self.sign_in.open(tx, attempt, user, self.now)
        except (WrongPassword, SecondFactorNeeded, Throttled, Busy) as refusal:
            self._answer_form(error=self.refused(refusal), username=attempt.username)
            return
        self.put_cookie(self.hm.cookie, cookie)
        self.drop_cookie(f"{self.hm.cookie}_pre")
        await self.go_on()

    def _answer_form(self, error: str = "", username: str = "") -> None:
        notice = "You are signed out." if "signed_out" in self.query else ""
        self.page("login.html", action=self.reverse_url("login"), next=self.next_path, error=error, notice=notice, username=username)


class SignOutPage(PageHandler):
    """Signing out here signs out everywhere."""

    def never_kept(self) -> None:
        return None

    @anyone
    async def get(self) -> None:
        self.page("logout.html", action=self.reverse_url("logout"))

    @anyone
    async def post(self) -> None:
        if self.session:
            async with self.db.write() as tx:
                await session_ends.end_sid(tx, self.sessions, self.session.sid, self.now)
        for name in [name for name in self.cookies if name.startswith(self.hm.cookie)]:
            self.drop_cookie(name)
        self.session = None
        self.set_header("Clear-Site-Data", '"cache", "storage"')
        self.see_other(self.reverse_url("login") + "?signed_out=1")


class ConfirmPage(PasswordPage):
    """The password once more, before something that matters (step-up)."""

    @signed_in
    async def get(self) -> None:
        self._answer_form()

    @signed_in
    async def post(self) -> None:
        assert self.session is not None
        user = await users.by_id(self.db, self.known.id)
        assert user is not None
        try:
            await self.sign_in.judge(self.attempt(user.username, self.form.get("password", "")), self.now)
        except (WrongPassword, SecondFactorNeeded, Throttled, Busy) as refusal:
            self._answer_form(error=self.refused(refusal))
            return
        async with self.db.write() as tx:
            await sessions.prove_again(tx, self.session.id_hash, int(parse(self.now).timestamp()))
            cookie = await self.sessions.renew_id(self.session.id_hash, tx)
        if cookie:
            self.put_cookie(self.hm.cookie, cookie)
        await self.go_on()

    def _answer_form(self, error: str = "") -> None:
        self.page("account/confirm.html", action=self.reverse_url("confirm"), next=self.next_path, error=error)
