"""Who a request comes from, in a module: from its session or its bearer token, verified here and not at Nexus."""

import asyncio
import time
from typing import Protocol

from hmlib.auth import Caller, CompanyScope, effective_permissions
from hmlib.clock import shifted, utc_now
from hmlib.db import Db
from hmlib.jwks import BadToken, Jwks, KeysAway
from hmlib.nexus import Nexus, NexusDown, NexusFor, NexusRefused
from hmlib.revocations import Revocations
from hmlib.sessions import Session, Sessions, Tokens
from hmlib.tokens import Claims, Verifier

REFRESH_BEFORE_SECONDS = 30
SCOPE_SECONDS = 60
READ_ON_SECONDS = 15 * 60
WAIT_FOR_REFRESH_SECONDS = 5.0


class Callers(Protocol):
    """How a service finds out who is calling. Nexus has its own; modules use ModuleCallers."""

    async def by_session(self, session: Session, now: str) -> Caller | None:
        """The caller behind a living session, or None when it has come to its end."""

    async def by_bearer(self, token: str, now: str) -> Caller:
        """The caller behind a bearer token. Raises BadToken."""

    def nexus_for(self, caller: Caller, session: Session | None) -> NexusFor | None:
        """The directory as this caller may see it; None inside Nexus itself."""


class ModuleCallers:
    """A module's Callers: tokens verified locally, refreshed once however many processes ask, scopes from Nexus in bulk."""

    def __init__(self, service: str, db: Db, sessions: Sessions, nexus: Nexus, issuer: str) -> None:
        self._service, self._sessions, self._nexus = service, sessions, nexus
        self.jwks = Jwks(self._keys)
        self.verifier = Verifier(issuer, service, self.jwks)
        self.revocations = Revocations(db, self.jwks, self._forget_scope)
        self._scopes: dict[str, tuple[CompanyScope, float]] = {}
        self._exchanged: dict[tuple[str, str], tuple[str, float]] = {}
        self._refreshing: dict[str, asyncio.Future[Session | None]] = {}

    async def by_session(self, session: Session, now: str) -> Caller | None:
        """The row says that the session lives, as a logout anywhere deletes it; its tokens may have ended without it."""
        if session.tokens is None:
            return None
        left = session.tokens.access_expires - time.time()
        if left < REFRESH_BEFORE_SECONDS:
            try:
                fresh = await self._refreshed(session)
            except NexusDown:
                return await self._while_away(session, now, left)
            if fresh is None or fresh.tokens is None:
                return None
            session = fresh
        assert session.tokens is not None
        try:
            claims = await self.verifier.verify(session.tokens.access)
        except KeysAway as error:
            raise NexusDown("no keys to verify with") from error
        except BadToken:
            return None
        if self.revocations.hits(claims):  # its tokens alone have ended: the browser signs on anew, most often unseen
            await self._sessions.end(session.id_hash)
            return None
        return await self._person(claims, session, now)

    async def _keys(self) -> bytes:
        try:
            return await self._nexus.jwks()
        except (NexusDown, NexusRefused) as error:
            raise KeysAway("Nexus does not answer its keys") from error

    async def by_bearer(self, token: str, now: str) -> Caller:
        claims = await self.verifier.verify(token)
        if self.revocations.hits(claims):
            raise BadToken("revoked")
        if claims.permission_level is None:
            permissions = effective_permissions(None, claims.scope)
            return Caller(
                claims.sub, claims.client_id, None, permissions, CompanyScope(), client_id=claims.client_id, kind="service", token=token
            )
        return self._caller(claims, claims.sub, await self._scope(claims.sub, claims.permission_level), token)

    def nexus_for(self, caller: Caller, session: Session | None) -> NexusFor:
        return self._nexus.on_behalf(caller.id, lambda audience: self.token_for(caller, session, audience))

    async def token_for(self, caller: Caller, session: Session | None, audience: str) -> str:
        """A token for another service on the caller's behalf. Raises NexusDown, NexusRefused."""
        key = (session.id_hash if session else caller.token, audience)
        held = self._exchanged.get(key)
        if held and held[1] > time.time() + 20:
            return held[0]
        token = await self._sessions.exchanged(session, audience, time.time()) if session else None
        if token is None:
            token, life = await self._nexus.exchange(caller.token, audience)
            if session:
                await self._sessions.store_exchanged(session, audience, token, int(time.time()) + life)
            self._remember(key, token, time.time() + life)
        return token

    def _remember(self, key: tuple[str, str], token: str, until: float) -> None:
        if len(self._exchanged) > 2000:
            self._exchanged = {kept: held for kept, held in self._exchanged.items() if held[1] > time.time()}
        self._exchanged[key] = (token, until)

    def forget_session(self, id_hash: str) -> None:
        self._exchanged = {key: held for key, held in self._exchanged.items() if key[0] != id_hash}

    async def _person(self, claims: Claims, session: Session, now: str) -> Caller:
        assert claims.permission_level is not None and session.tokens is not None
        scope = await self._session_scope(session, claims.permission_level, now)
        return self._caller(claims, session.user_name, scope, session.tokens.access)

    def _caller(self, claims: Claims, name: str, scope: CompanyScope, token: str) -> Caller:
        return Caller(
            id=claims.sub,
            name=name,
            level=claims.permission_level,
            permissions=effective_permissions(claims.permission_level, claims.scope),
            scope=scope,
            sid=claims.sid,
            client_id=claims.client_id,
            auth_time=claims.auth_time,
            amr=claims.amr,
            on_behalf_of=claims.act or "",
            token=token,
        )

    async def _refreshed(self, session: Session) -> Session | None:
        """The session with fresh tokens, or None when Nexus ended it. One refresh at a time, in all processes together."""
        waiting = self._refreshing.get(session.id_hash)
        if waiting is None:
            waiting = asyncio.ensure_future(self._refresh_or_wait(session))
            self._refreshing[session.id_hash] = waiting
            waiting.add_done_callback(lambda _: self._refreshing.pop(session.id_hash, None))
        return await asyncio.shield(waiting)

    async def _refresh_or_wait(self, session: Session) -> Session | None:
        deadline = time.monotonic() + WAIT_FOR_REFRESH_SECONDS
        while time.monotonic() < deadline:
            current = await self._sessions.reload(session)
            if current is None or current.tokens is None:
                return None
            if current.tokens.access_expires - time.time() >= REFRESH_BEFORE_SECONDS:
                return current
            if await self._sessions.claim_refresh(current, utc_now()):
                return await self._spend(current, current.tokens)
            await asyncio.sleep(0.05)
        raise NexusDown("another process has been refreshing this session for too long")

    async def _spend(self, session: Session, tokens: Tokens) -> Session | None:
        try:
            answer = await self._nexus.refresh(tokens.refresh)
        except NexusRefused:
            await self._sessions.end(session.id_hash)
            return None
        except NexusDown:
            await self._sessions.release_refresh(session)
            raise
        await self._sessions.store_tokens(session, Tokens(answer.token, int(time.time()) + answer.expires_in, answer.refresh_token))
        return await self._sessions.reload(session)

    async def _while_away(self, session: Session, now: str, left: float) -> Caller | None:
        """Nexus is away: the token's own life first, then a quarter of an hour of reading."""
        if session.tokens is None or left < -READ_ON_SECONDS:
            return None
        try:
            claims = await self.verifier.verify(session.tokens.access, late_seconds=READ_ON_SECONDS)
        except BadToken:
            return None
        caller = await self._person(claims, session, now)
        if left > 0:
            return caller
        readable = frozenset(word for word in caller.permissions if word.endswith(":read"))
        return Caller(**{**vars(caller), "permissions": readable, "read_only": True})

    async def _session_scope(self, session: Session, level: str, now: str) -> CompanyScope:
        if level == "admin":
            return CompanyScope()
        if session.scope is not None and session.scope_at > shifted(now, -SCOPE_SECONDS):
            return session.scope
        try:
            scope = await self._scope(session.user_id, level)
        except NexusDown:
            if session.scope is None:
                raise
            return session.scope
        await self._sessions.store_scope(session, scope, now)
        return scope

    async def _scope(self, user_id: str, level: str) -> CompanyScope:
        """What a user may see, remembered for at most a minute; the last known while Nexus is away."""
        if level == "admin":
            return CompanyScope()
        held = self._scopes.get(user_id)
        if held and held[1] > time.monotonic():
            return held[0]
        found = (await self._nexus.scopes([user_id])).get(user_id)
        scope = CompanyScope(found.rule, frozenset(found.company_ids)) if found else CompanyScope("only")  # type: ignore[arg-type]
        self._scopes[user_id] = (scope, time.monotonic() + SCOPE_SECONDS)
        return scope

    def _forget_scope(self, user_id: str) -> None:
        self._scopes.pop(user_id, None)
