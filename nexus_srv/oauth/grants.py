"""The four ways to get a token from the token endpoint: a code, a refresh token, the client's own name, another token."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hmlib.auth.jwks import BadToken
from hmlib.auth.sessions import Sessions
from hmlib.auth.tokens import Claims
from hmlib.clock import parse, shifted
from hmlib.config import HUB
from hmlib.db.database import Db
from hmlib.keys import Keys
from hmlib.records import audit
from hmlib.records.audit import Actor
from hmlib.records.preferences import Preferences
from nexus_srv.oauth.protocol import (
    ACCESS_TOKEN_TYPE,
    CODE_GRANT,
    EXCHANGE_GRANT,
    REFRESH_GRANT,
    SERVICE_GRANT,
    OAuthError,
    needed,
    scope_of,
    verifies,
)
from nexus_srv.oauth.refresh_rotation import Rotations
from nexus_srv.oauth.token_issuer import ACCESS_SECONDS, Issuer, Person, TokenAnswer, effective_scope, person_of
from nexus_srv.queries import codes, outbox, refresh_tokens, token_status, users
from nexus_srv.queries.clients import Client
from nexus_srv.queries.codes import Code
from nexus_srv.queries.refresh_tokens import Family

LONGEST_CHAIN = 2


@dataclass(frozen=True)
class Grants:
    """The token endpoint's answers. Everything raises OAuthError."""

    db: Db
    keys: Keys
    preferences: Preferences
    issuer: Issuer
    rotations: Rotations

    async def answer(self, client: Client, form: Mapping[str, str], actor: Actor, now: str) -> dict[str, Any]:
        """What a client gets for the parameters it sent; `actor` says from where."""
        grant = needed(form, "grant_type")
        await self.issuer.signer.prepare()
        if grant == CODE_GRANT:
            return (await self.by_code(client, form, actor, now)).oauth()
        if grant == REFRESH_GRANT:
            return (await self.by_refresh(client, form, actor, now)).oauth()
        if grant == SERVICE_GRANT:
            return await self.for_service(client, form, now)
        if grant == EXCHANGE_GRANT:
            return await self.by_exchange(client, form, now)
        raise OAuthError("unsupported_grant_type", "This grant type is not offered.")

    async def by_code(self, client: Client, form: Mapping[str, str], actor: Actor, now: str) -> TokenAnswer:
        """A code is spent whatever comes of it; when it comes again, what the first use gave is ended."""
        code, verifier = needed(form, "code"), needed(form, "code_verifier")
        async with self.db.write() as tx:
            found = await codes.use(tx, self.keys, code, now)
            if found is None:
                await self._second_use(tx, client, code, actor, now)
            fits = found and found.client_id == client.id and form.get("redirect_uri", found.redirect_uri) == found.redirect_uri
            good = found if found and fits and verifies(found.challenge, verifier) else None
            answer = await self._redeemed(tx, client, good, actor, now) if good else None
        if answer is None:
            raise _spent()
        return answer

    async def _redeemed(self, tx: Db, client: Client, code: Code, actor: Actor, now: str) -> TokenAnswer | None:
        user = await users.by_id(tx, code.account_id)
        session = next(iter(await Sessions(tx, self.keys).by_sid(code.sid, now)), None)
        if user is None or not user.active or session is None:
            return None
        scope, person = frozenset(code.scope.split()), person_of(session, user.level)
        answer = await self.issuer.for_client(tx, client, person, session, scope, code.family_id, now)
        await audit.record(tx, _for(client, actor, user.id, user.display_name), "sign_on.granted", f"client/{client.id}", now=now)
        if "openid" not in scope:
            return answer
        token = await self.issuer.id_token(client, user, person, scope, code.nonce, answer.access_token, now)
        return replace(answer, id_token=token)

    async def _second_use(self, tx: Db, client: Client, code: str, actor: Actor, now: str) -> None:
        family_id = await codes.spent_family(tx, self.keys, code)
        if family_id:
            await self._revoke(tx, client, family_id, "code.replayed", actor, now)

    async def by_refresh(self, client: Client, form: Mapping[str, str], actor: Actor, now: str) -> TokenAnswer:
        """Each refresh token is good for one successor, told again for some seconds.

        One that comes later than that, or from another client, ends its whole family.
        """
        given = refresh_tokens.opened(self.keys, needed(form, "refresh_token"))
        if given is None:
            raise _spent()
        id, generation = given
        family = await self._living(id, now)
        if family.client_id != client.id or (family.generation != generation and not family.again(generation, now)):
            raise await self._reused(client, id, actor, now)
        scope = frozenset(family.scope.split())
        narrowed = _narrowed(effective_scope(client, family.level, scope), form)
        if family.generation == generation and not await self.rotations.spend(family, now):
            family = await self._living(id, now)
            if not family.again(generation, now):
                raise await self._reused(client, id, actor, now)
        person = Person(family.account_id, family.level, family.sid, family.auth_time, family.amr)
        return await self.issuer.of_family(client, person, scope, id, generation + 1, family.expires_at, now, narrowed)

    async def _living(self, id: str, now: str) -> Family:
        idle = await self.preferences.int(self.db, "session_idle_minutes") * 60
        family = await refresh_tokens.living(self.db, id, now=now, idle_since=shifted(now, -idle))
        if family is None:
            raise _spent()
        return family

    async def _reused(self, client: Client, family_id: str, actor: Actor, now: str) -> OAuthError:
        async with self.db.write() as tx:
            await self._revoke(tx, client, family_id, "refresh_token.reused", actor, now)
        return _spent()

    async def _revoke(self, tx: Db, client: Client, family_id: str, action: str, actor: Actor, now: str) -> None:
        account_id = await refresh_tokens.account(tx, family_id)
        if await refresh_tokens.revoke(tx, family_id, now):
            await outbox.tokens_ended(tx, family_id, now)
            await audit.record(tx, _for(client, actor, account_id or "", ""), action, f"client/{client.id}", now=now)

    async def for_service(self, client: Client, form: Mapping[str, str], now: str) -> dict[str, Any]:
        """A token of the client itself, for no person."""
        if client.public or not client.service:
            raise OAuthError("unauthorized_client", "This client may not call in its own name.")
        audience = form.get("audience") or HUB
        allowed = frozenset(client.service.get(audience, ()))
        if not allowed:
            raise OAuthError("invalid_target", "This client may not call that service in its own name.")
        scope = _narrowed(allowed, form) or allowed
        token = await self.issuer.access_token(now, audience, client.id, scope, None)
        return TokenAnswer(token, ACCESS_SECONDS, " ".join(sorted(scope))).oauth()

    async def by_exchange(self, client: Client, form: Mapping[str, str], now: str) -> dict[str, Any]:
        """A token for another service on the same person's behalf (RFC 8693), never for longer than the one it comes from."""
        self._check_exchange(client, form)
        subject = await self._subject(client, needed(form, "subject_token"))
        audience = needed(form, "audience")
        if audience not in client.exchange:
            raise OAuthError("invalid_target", "This client may not call that service for others.")
        level = await token_status.level(self.db, subject, now)
        if level is None:
            raise OAuthError("invalid_request", "The subject token is not good any more.")
        allowed = effective_scope(client, level, subject.scope) & subject.scope & frozenset(client.exchange[audience])
        scope = _narrowed(allowed, form) or allowed
        seconds = min(ACCESS_SECONDS, subject.exp - int(parse(now).timestamp()))
        if seconds < 1:
            raise OAuthError("invalid_request", "The subject token is about to end.")
        token = await self.issuer.access_token(
            now,
            audience,
            client.id,
            scope,
            Person(subject.sub, level, subject.sid, subject.auth_time, subject.amr),
            jti=f"{subject.jti}.{secrets.token_hex(4)}",
            seconds=seconds,
            actors=(client.id, *subject.actors),
        )
        return TokenAnswer(token, seconds, " ".join(sorted(scope))).oauth() | {"issued_token_type": ACCESS_TOKEN_TYPE}

    def _check_exchange(self, client: Client, form: Mapping[str, str]) -> None:
        if client.public or not client.exchange:
            raise OAuthError("unauthorized_client", "This client may not exchange tokens.")
        if (
            needed(form, "subject_token_type") != ACCESS_TOKEN_TYPE
            or form.get("requested_token_type", ACCESS_TOKEN_TYPE) != ACCESS_TOKEN_TYPE
        ):
            raise OAuthError("invalid_request", "Only access tokens are exchanged, and only for access tokens.")
        if "actor_token" in form:
            raise OAuthError("invalid_request", "An actor token is not taken: the client itself is the actor.")
        if "resource" in form:
            raise OAuthError("invalid_target", "Name the service by audience.")

    async def _subject(self, client: Client, token: str) -> Claims:
        """The claims of a token that was meant for this very client."""
        try:
            subject = await self.issuer.signer.verifier_for(client.id if client.module else HUB).verify(token)
        except BadToken:
            raise OAuthError("invalid_request", "The subject token is not good here.") from None
        if subject.permission_level is None or (not client.module and subject.client_id != client.id):
            raise OAuthError("invalid_request", "The subject token does not speak for a person, or is another client's.")
        if len(subject.actors) >= LONGEST_CHAIN:
            raise OAuthError("invalid_request", "The subject token has passed through too many hands.")
        return subject


def _for(client: Client, actor: Actor, account_id: str, name: str) -> Actor:
    return replace(actor, id=account_id, name=name, on_behalf_of=client.id)


def _narrowed(allowed: frozenset[str], form: Mapping[str, str]) -> frozenset[str] | None:
    """The scopes a client asks for, None when it asks for none in particular."""
    wanted = scope_of(form.get("scope", ""))
    if wanted - allowed:
        raise OAuthError("invalid_scope", "A scope was asked for that was not granted.")
    return wanted or None


def _spent() -> OAuthError:
    return OAuthError("invalid_grant", "This grant is not good, or not good any more.")
