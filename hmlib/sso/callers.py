"""Who a request comes from, in a module: from its session or its bearer token, verified here and not at Nexus."""

import asyncio
import time

from hmlib.auth.jwks import BadToken, Jwks, KeysAway
from hmlib.auth.permissions import Caller, CompanyScope, effective_permissions
from hmlib.auth.revocations import Revocations
from hmlib.auth.sessions import CLAIM_SECONDS, Session, Sessions, Tokens
from hmlib.auth.tokens import Claims, Verifier
from hmlib.cache import Bounded
from hmlib.clock import utc_now
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseDown
from hmlib.nexus.client import Nexus, NexusFor
from hmlib.nexus.scopes import Scopes
from hmlib.nexus.transport import NexusDown, NexusRefused
from hmlib.records.preferences import Preferences

REFRESH_BEFORE_SECONDS = 30
KEYS_SECONDS = 2.0
PATIENCE_SECONDS = 1.5
STORE_TRIES = 3
REMEMBERED_TOKENS = 2000
READ_ON = "read_on_minutes"
READ_ON_MINUTES = "15"


class ModuleCallers:
    """A module's Callers: tokens verified locally, refreshed once however many processes ask, scopes from Nexus in bulk."""

    def __init__(self, service: str, db: Db, sessions: Sessions, nexus: Nexus, issuer: str, preferences: Preferences) -> None:
        self._service, self._db, self._sessions, self._nexus, self._preferences = service, db, sessions, nexus, preferences
        self.jwks = Jwks(self._keys)
        self.verifier = Verifier(issuer, service, self.jwks)
        self.scopes = Scopes(db, nexus, nexus.forget)
        self.revocations = Revocations(db, self.jwks, self.scopes.forget)
        self._exchanged: Bounded[tuple[str, str], tuple[str, float]] = Bounded(REMEMBERED_TOKENS)
        self._refreshing: dict[str, asyncio.Task[Session | None]] = {}

    @property
    def read_on_seconds(self) -> int:
        """How long one may read on once a token has run out while Nexus is away: the setting, as this process last read it."""
        return int(self._preferences.remembered(self._db, READ_ON, READ_ON_MINUTES)) * 60

    async def by_session(self, session: Session, now: str) -> Caller | None:
        """The row says that the session lives, as a logout anywhere deletes it; its tokens may have ended without it."""
        if session.tokens is None:
            return None
        if session.tokens.access_expires - time.time() < REFRESH_BEFORE_SECONDS:
            try:
                fresh = await self._refreshed(session, session.tokens)
            except (NexusDown, DatabaseDown):  # nothing can be asked for, or nothing kept of what would be answered
                return await self._while_away(session, session.tokens, now)
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
        return await self._person(claims, session, session.tokens.access, now)

    async def keep_keys(self) -> None:
        """Have Nexus's keys before the first token comes, for ever: it may be that Nexus is away by then. Run it as a task."""
        while True:
            await self.jwks.prepare()
            await asyncio.sleep(KEYS_SECONDS)

    async def _keys(self) -> bytes:
        try:
            return await self._nexus.jwks()
        except (NexusDown, NexusRefused) as error:
            raise KeysAway("Nexus does not answer its keys") from error

    async def by_bearer(self, token: str, now: str) -> Caller:
        await self.revocations.ready()
        if self._nexus.seems_down:
            await self._preferences.all(self._db)  # how long one may read on; with a session it has been read already
        claims, ended = await self._claims(token)
        if self.revocations.hits(claims):
            raise BadToken("revoked")
        if claims.permission_level is None:
            caller = self._caller(claims, claims.client_id, CompanyScope(), token, service=True)
        else:
            scope = await self.scopes.of(claims.sub, claims.permission_level, now, self.read_on_seconds)
            caller = self._caller(claims, claims.sub, scope, token)
        return caller.reading_on() if ended else caller

    async def _claims(self, token: str) -> tuple[Claims, bool]:
        """What a bearer token says, and whether it has ended: then it is good for reading on, if Nexus is away and not for too long.

        Raises BadToken.
        """
        try:
            return await self.verifier.verify(token), False
        except KeysAway:
            raise
        except BadToken:
            claims = await self.verifier.verify(token, late_seconds=self.read_on_seconds)
            if not self._nexus.seems_down and await self._nexus.alive():
                raise
            return claims, True

    def nexus_for(self, caller: Caller, session: Session | None) -> NexusFor:
        """The directory as the caller may see it. A service has no person for whom the module could ask: it asks as itself."""
        if caller.kind == "service":
            return self._nexus.as_service(read_on_seconds=self.read_on_seconds)
        return self._nexus.on_behalf(
            caller.id,
            lambda audience: self.token_for(caller, session, audience),
            view=(caller.level, caller.granted, caller.scope, caller.client_id, caller.on_behalf_of),
            read_on_seconds=self.read_on_seconds,
        )

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
            self._exchanged.put(key, (token, time.time() + life))
        return token

    def forget_session(self, id_hash: str) -> None:
        self._exchanged.drop_where(lambda key: key[0] == id_hash)

    async def _person(self, claims: Claims, session: Session, token: str, now: str) -> Caller:
        assert claims.permission_level is not None
        scope = await self.scopes.renewed(session.user_id, claims.permission_level, session.known_scope, now, self.read_on_seconds)
        return self._caller(claims, session.user_name, scope, token)

    def _caller(self, claims: Claims, name: str, scope: CompanyScope, token: str, *, service: bool = False) -> Caller:
        return Caller(
            id=claims.sub,
            name=name,
            level=claims.permission_level,
            permissions=effective_permissions(claims.permission_level, claims.scope),
            scope=scope,
            sid=claims.sid,
            client_id=claims.client_id,
            kind="service" if service else "user",
            auth_time=claims.auth_time,
            amr=claims.amr,
            on_behalf_of=claims.act or "",
            token=token,
            granted=claims.scope,
        )

    async def _refreshed(self, session: Session, tokens: Tokens) -> Session | None:
        """The session with fresh tokens, or None when Nexus ended it. One refresh at a time, in all processes together.

        While the present token is good nobody waits long for the next one, and nobody at all for a Nexus that is known to be away: it is
        asked for its health all the time, and its return is seen by that. Raises NexusDown.
        """
        if self._nexus.unwell:
            if tokens.access_expires <= time.time():
                raise NexusDown("Nexus did not say that it is well when it was last asked")
            return session
        call = self._refreshing.get(session.id_hash)
        if call is None:
            call = self._refreshing[session.id_hash] = asyncio.create_task(self._refresh_or_wait(session))
            call.add_done_callback(lambda done: self._refresh_ended(session.id_hash, done))
        if tokens.access_expires <= time.time() + PATIENCE_SECONDS:  # it would run out while it is waited for
            return await self._nexus.while_well(call)
        await asyncio.wait({call}, timeout=PATIENCE_SECONDS)
        try:
            return call.result() if call.done() else session
        except DatabaseDown:
            return session

    def _refresh_ended(self, id_hash: str, call: "asyncio.Task[Session | None]") -> None:
        self._refreshing.pop(id_hash, None)
        if not call.cancelled():
            call.exception()  # whoever still waits hears of it; that nobody does is no error

    async def _refresh_or_wait(self, session: Session) -> Session | None:
        pause, deadline = 0.02, time.monotonic() + CLAIM_SECONDS
        while time.monotonic() < deadline:
            current = await self._sessions.reload(session)
            if current is None or current.tokens is None or _fresh(current.tokens):
                return current
            claim = await self._sessions.claim_refresh(current, utc_now())
            if claim:
                return await self._claimed(session, claim)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        raise NexusDown("another process has been refreshing this session for too long")

    async def _claimed(self, session: Session, claim: str) -> Session | None:
        """What is spent is what the row holds under the claim: another process may have renewed it just before."""
        current = await self._sessions.reload(session)
        if current is None or current.tokens is None:
            return None
        if _fresh(current.tokens):
            await self._sessions.release_refresh(session, claim)
            return current
        return await self._spend(current, current.tokens, claim)

    async def _spend(self, session: Session, tokens: Tokens, claim: str) -> Session | None:
        """Trade the refresh token in. Unless it is certain that Nexus heard nothing the claim is left to lapse by itself: the answer may
        still be on its way, and a second process must not come with the same token meanwhile."""
        try:
            answer = await self._nexus.refresh(tokens.refresh)
        except NexusRefused as refusal:
            if refusal.code == "invalid_grant":
                return None if await self._sessions.end_claimed(session, claim) else await self._sessions.reload(session)
            await self._sessions.release_refresh(session, claim)
            raise NexusDown("Nexus does not refresh now") from refusal
        except NexusDown as down:
            if not down.unsure:
                await self._sessions.release_refresh(session, claim)
            raise
        await self._store(session, Tokens(answer.token, int(time.time()) + answer.expires_in, answer.refresh_token))
        return await self._sessions.reload(session)

    async def _store(self, session: Session, tokens: Tokens) -> None:
        """What Nexus gave is there once: a database that is busy is asked again. Raises DatabaseDown."""
        for _ in range(STORE_TRIES - 1):
            try:
                return await self._sessions.store_tokens(session, tokens)
            except DatabaseDown:
                await asyncio.sleep(0.2)
        return await self._sessions.store_tokens(session, tokens)

    async def _while_away(self, session: Session, tokens: Tokens, now: str) -> Caller | None:
        """Nexus is away: the token's own life first, then for some minutes reading."""
        try:
            claims = await self.verifier.verify(tokens.access, late_seconds=self.read_on_seconds)
        except KeysAway as error:
            raise NexusDown("no keys to verify with") from error
        except BadToken:
            return None
        caller = await self._person(claims, session, tokens.access, now)
        return caller if tokens.access_expires > time.time() else caller.reading_on()


def _fresh(tokens: Tokens) -> bool:
    return tokens.access_expires - time.time() >= REFRESH_BEFORE_SECONDS
