"""What Nexus gives for a sign-in: access tokens, refresh tokens, ID tokens and the ticket for the browser.

For `POST /api/token`:

    issuer = self.spine.own(NexusParts).issuer
    await issuer.signer.prepare()
    async with self.db.write() as tx:
        answer = await issuer.for_sign_in(tx, client, user, session, audience, self.now)

`client` is what client_auth answered, None for a caller without credentials; `session` is Nexus's own, which is only opened for a
client. `answer` carries everything the endpoint says but the user.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hmlib.auth.jwt import ACCESS, ID
from hmlib.auth.permissions import PERMISSIONS
from hmlib.auth.sessions import Session
from hmlib.auth.tokens import half_hash
from hmlib.clock import new_id, parse
from hmlib.config import HUB
from hmlib.db.database import Db
from hmlib.keys import Keys
from nexus_srv.oauth.signing_keys import Signer
from nexus_srv.queries import codes, refresh_tokens
from nexus_srv.queries.clients import OIDC_SCOPES, Client
from nexus_srv.queries.users import User

ACCESS_SECONDS = 300


@dataclass(frozen=True)
class Person:
    """For whom a token is made. `auth_time` is whole seconds since 1970 UTC; without a session there is no `sid`."""

    id: str
    level: str
    sid: str | None = None
    auth_time: int | None = None
    amr: tuple[str, ...] = ()


@dataclass(frozen=True)
class TokenAnswer:
    """What was given. `expires_in` is seconds, `session_expires_at` UTC text; what is empty was not given."""

    access_token: str
    expires_in: int
    scope: str
    refresh_token: str = ""
    id_token: str = ""
    session_expires_at: str = ""
    sid: str = ""
    ticket: str = ""

    def oauth(self) -> dict[str, Any]:
        """The answer of the token endpoint (RFC 6749 5.1)."""
        told = {"access_token": self.access_token, "token_type": "Bearer", "expires_in": self.expires_in, "scope": self.scope}
        more = {name: getattr(self, name) for name in ("refresh_token", "id_token", "session_expires_at")}
        return told | {name: value for name, value in more.items() if value}


@dataclass(frozen=True)
class Issuer:
    """Makes tokens with Nexus's keys and notes what it gave."""

    keys: Keys
    signer: Signer

    async def for_sign_in(self, tx: Db, client: Client | None, user: User, session: Session | None, audience: str, now: str) -> TokenAnswer:
        """What a right password is worth: to a module a token, a refresh token and a ticket, to any other caller a token alone."""
        if client is None or session is None:
            person = Person(user.id, user.level)
            token = await self.access_token(now, audience, client.id if client else HUB, PERMISSIONS[user.level], person)
            return TokenAnswer(token, ACCESS_SECONDS, _text(PERMISSIONS[user.level]))
        ticket = await codes.create_ticket(tx, self.keys, client_id=client.id, account_id=user.id, sid=session.sid, now=now)
        answer = await self.for_client(tx, client, person_of(session, user.level), session, frozenset(OIDC_SCOPES), new_id(), now)
        return TokenAnswer(**{**vars(answer), "ticket": ticket})

    async def for_client(
        self, tx: Db, client: Client, person: Person, session: Session, scope: frozenset[str], family_id: str, now: str
    ) -> TokenAnswer:
        """Open a family of tokens for a client; `scope` is what it was granted."""
        await refresh_tokens.open_family(
            tx,
            id=family_id,
            client_id=client.id,
            account_id=person.id,
            sid=session.sid,
            scope=_text(scope),
            expires_at=session.expires_at,
            now=now,
        )
        return await self.of_family(client, person, scope, family_id, 0, session.expires_at, now)

    async def of_family(
        self,
        client: Client,
        person: Person,
        scope: frozenset[str],
        family_id: str,
        generation: int,
        expires_at: str,
        now: str,
        narrowed: frozenset[str] | None = None,
    ) -> TokenAnswer:
        """The tokens of one generation of a family; `narrowed` is less than the access token might say."""
        effective = narrowed or effective_scope(client, person.level, scope)
        audience = client.id if client.module else HUB
        lifetime = min(ACCESS_SECONDS, int(parse(expires_at).timestamp() - parse(now).timestamp()) or 1)
        return TokenAnswer(
            access_token=await self.access_token(
                now, audience, client.id, effective, person, jti=f"{family_id}.{generation}", seconds=lifetime
            ),
            expires_in=lifetime,
            scope=_text(effective),
            refresh_token=refresh_tokens.token(self.keys, family_id, generation) if "offline_access" in scope else "",
            session_expires_at=expires_at,
            sid=person.sid or "",
        )

    async def access_token(
        self,
        now: str,
        audience: str,
        client_id: str,
        scope: Iterable[str],
        person: Person | None,
        *,
        jti: str = "",
        seconds: int = ACCESS_SECONDS,
        actors: tuple[str, ...] = (),
    ) -> str:
        """An access token (RFC 9068) for one service; without a `person` it is the client's own."""
        at = _seconds(now)
        claims: dict[str, Any] = {"aud": audience, "client_id": client_id, "scope": _text(scope), "iat": at, "exp": at + seconds}
        claims |= {"jti": jti or new_id(), "sub": person.id if person else client_id}
        if person:
            claims |= {"permission_level": person.level, **_proof(person)}
        if actors:
            claims["act"] = _chain(actors)
        return await self.signer.sign(ACCESS, claims)

    async def id_token(
        self, client: Client, user: User, person: Person, scope: frozenset[str], nonce: str, access_token: str, now: str
    ) -> str:
        """An ID token (OpenID Connect Core 2) that goes with an access token."""
        at = _seconds(now)
        claims: dict[str, Any] = {"sub": user.id, "aud": client.id, "azp": client.id, "iat": at, "exp": at + ACCESS_SECONDS}
        claims |= _proof(person) | {"at_hash": half_hash(access_token)} | ({"nonce": nonce} if nonce else {}) | claims_about(user, scope)
        return await self.signer.sign(ID, claims)


def person_of(session: Session, level: str) -> Person:
    return Person(session.user_id, level, session.sid, session.auth_time, session.amr)


def effective_scope(client: Client, level: str, granted: frozenset[str]) -> frozenset[str]:
    """What a token may say: never more than the person's level, and for a module all of it."""
    permissions = PERMISSIONS.get(level, frozenset())
    return (granted & frozenset(OIDC_SCOPES)) | (permissions if client.module else granted & permissions)


def claims_about(user: User, scope: frozenset[str]) -> dict[str, Any]:
    """What a client may know about a person (OpenID Connect Core 5.4)."""
    profile = {"name": user.display_name, "preferred_username": user.username, "locale": user.language, "zoneinfo": user.time_zone}
    email = {"email": user.email, "email_verified": False} if user.email else {}
    return (profile if "profile" in scope else {}) | (email if "email" in scope else {})


def _proof(person: Person) -> dict[str, Any]:
    """How and when the person showed who they are."""
    said = {"sid": person.sid, "auth_time": person.auth_time}
    return {name: value for name, value in said.items() if value is not None} | ({"amr": list(person.amr)} if person.amr else {})


def _chain(actors: tuple[str, ...]) -> dict[str, Any]:
    act: dict[str, Any] = {"sub": actors[0]}
    return act | ({"act": _chain(actors[1:])} if len(actors) > 1 else {})


def _text(scope: Iterable[str]) -> str:
    return " ".join(sorted(scope))


def _seconds(at: str) -> int:
    return int(parse(at).timestamp())
