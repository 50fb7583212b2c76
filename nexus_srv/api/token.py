"""A password for a token: how every module's own form signs people in."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hmlib.auth.permissions import anyone
from hmlib.config import HUB
from hmlib.web.api_handler import ApiHandler, documented
from hmlib.web.headers import leave_plain
from hmlib.web.problems import Problem
from nexus_srv.identity import passwords
from nexus_srv.identity.passwords import Busy
from nexus_srv.identity.sign_in import LONGEST_USERNAME, Attempt, SecondFactorNeeded, SignIn, WrongPassword
from nexus_srv.identity.throttle import Throttled
from nexus_srv.oauth import client_auth
from nexus_srv.oauth.protocol import OAuthError
from nexus_srv.oauth.token_issuer import TokenAnswer
from nexus_srv.parts import NexusParts
from nexus_srv.queries.clients import Client
from nexus_srv.queries.users import User

REALM = 'Bearer realm="hivematrix"'


class Asked(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Who signs in. `audience` is the service the token is for (nexus unless given); a module's token is always its own.

    Only a module, with its own credentials, says whence the person came: their `address` and `browser`.
    """

    username: Annotated[str, Meta(min_length=1, max_length=LONGEST_USERNAME)]
    password: Annotated[str, Meta(min_length=1, max_length=passwords.LONGEST_BYTES)]
    audience: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET
    address: Annotated[str, Meta(max_length=45)] | UnsetType = UNSET
    browser: Annotated[str, Meta(max_length=1000)] | UnsetType = UNSET


class SignedInUser(msgspec.Struct, frozen=True):
    """Whose token it is."""

    id: str
    username: str
    display_name: str
    permission_level: str


class Signed(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token of 300 seconds. To a module also a refresh token, the session it opened, and a ticket for /sso/adopt, good for 30 seconds."""

    token: str
    expires_in: int
    user: SignedInUser
    token_type: str = msgspec.field(default_factory=lambda: "Bearer")
    refresh_token: str = ""
    ticket: str = ""
    session_expires_at: str = ""
    sid: str = ""


class Token(ApiHandler):
    """Trades a password for a token; the limits, the timing and the words are the sign-in page's."""

    async def prepare(self) -> None:
        leave_plain(self.request)
        """No bearer token is looked at here: an Authorization header holds a client's credentials."""
        self.check_request()

    @anyone
    @documented(takes=Asked, answers=Signed)
    async def post(self) -> None:
        """Trade a username and a password for a token."""
        if not self.hm.password_login:
            raise Problem(403, "password_login_off", "Passwords are taken on Nexus's own page only.")
        try:
            client = await self._client()
            asked = self._asked(client)
            attempt = self._attempt(asked, client)
            user = await self._sign_in.judge(attempt, self.now)
            answer = await self._given(client, user, attempt, client.id if client else _audience(asked))
        except WrongPassword:
            raise Problem(401, "invalid_credentials", "The username and password do not match.", {"WWW-Authenticate": REALM}) from None
        except SecondFactorNeeded:
            raise Problem(403, "mfa_required", "This account asks for a second factor: go on at Nexus's own page.") from None
        except Throttled as refusal:
            raise Problem(429, "throttled", "Too many attempts. Wait a little.", retry_after=refusal.retry_after) from refusal
        except Busy as refusal:
            raise Problem(503, "busy", "Too many people are signing in just now.", retry_after=refusal.retry_after) from refusal
        self.answer(_signed(answer, user))

    @property
    def _sign_in(self) -> SignIn:
        found = self.spine.own(NexusParts).sign_in
        return found

    async def _client(self) -> Client | None:
        """The module whose credentials came along, if any."""
        try:
            client = await client_auth.by_basic(self.db, self.keys, self.request.headers.get_list("Authorization"), self.address)
        except OAuthError as error:
            raise Problem(error.status, error.error, error.description, error.headers) from error
        if client and not client.module:
            raise Problem(403, "unauthorized_client", "Only a module of the suite may do this.")
        return client

    def _asked(self, client: Client | None) -> Asked:
        asked = self.body(Asked)
        if client is None and (asked.address is not UNSET or asked.browser is not UNSET):
            raise Problem(400, "unknown_field", "Only a module says whence a person came.")
        if client is None and _audience(asked) not in {HUB, *(module.name for module in self.hm.modules)}:
            raise Problem(400, "invalid_value", "There is no such audience.", pointer="/audience")
        if client is not None and _audience(asked, client.id) != client.id:
            raise Problem(400, "invalid_value", "A module's token is its own; exchange it for another audience.", pointer="/audience")
        if not passwords.fits_in(asked.password):
            raise Problem(400, "invalid_value", f"A password has at most {passwords.LONGEST_BYTES} bytes.", pointer="/password")
        return asked

    def _attempt(self, asked: Asked, client: Client | None) -> Attempt:
        browser = self.request.headers.get("User-Agent", "") if asked.browser is UNSET else asked.browser
        address = self.address if asked.address is UNSET else asked.address
        return Attempt(asked.username, asked.password, address, browser, self.request_id, client.id if client else "")

    async def _given(self, client: Client | None, user: User, attempt: Attempt, audience: str) -> TokenAnswer:
        """Tokens, and for a module also Nexus's own session, which the browser is given later."""
        issuer = self.spine.own(NexusParts).issuer
        await issuer.signer.document()  # the very first use makes a key, in a transaction of its own
        async with self.db.write() as tx:
            session = None
            if client:
                _, session = await self._sign_in.open(tx, attempt, user, self.now)
            else:
                await self._sign_in.succeed(tx, attempt, user, self.now)
            return await issuer.for_sign_in(tx, client, user, session, audience, self.now)


def _audience(asked: Asked, default: str = HUB) -> str:
    return default if asked.audience is UNSET else asked.audience


def _signed(answer: TokenAnswer, user: User) -> Signed:
    return Signed(
        token=answer.access_token,
        expires_in=answer.expires_in,
        user=SignedInUser(user.id, user.username, user.display_name, user.level),
        refresh_token=answer.refresh_token,
        ticket=answer.ticket,
        session_expires_at=answer.session_expires_at,
        sid=answer.sid,
    )
