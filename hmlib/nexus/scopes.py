"""Which companies a person may see, as Nexus last said: kept in the service's database, for sessions and bearer tokens alike."""

import time
from collections.abc import Callable
from typing import Protocol

from hmlib.auth import company_scope
from hmlib.auth.company_scope import KnownScope
from hmlib.auth.permissions import CompanyScope
from hmlib.cache import Bounded
from hmlib.clock import shifted
from hmlib.db.database import Db
from hmlib.db.deferred_writes import DeferredWrites
from hmlib.nexus.directory import UserScope
from hmlib.nexus.transport import NexusDown

FRESH_SECONDS = 60
REMEMBERED_PEOPLE = 4096


class Source(Protocol):
    """Who knows the scopes: client.Nexus."""

    async def scopes(self, user_ids: list[str]) -> dict[str, UserScope]:
        """By user id. Raises NexusDown, NexusRefused."""


class Scopes:
    """The scopes of one service's callers. An answer is fresh for a minute; after that, while Nexus is away, it is good as long as the
    callers may read on."""

    def __init__(self, db: Db, source: Source, changed: Callable[[str], None]) -> None:
        """``changed`` is called with a user's id when they may see something else than before."""
        self._db, self._source, self._changed = db, source, changed
        self._deferred = DeferredWrites(db)
        self._held: Bounded[str, tuple[CompanyScope, float]] = Bounded(REMEMBERED_PEOPLE)
        self._changes = 0

    async def of(self, user_id: str, level: str, now: str, read_on_seconds: float) -> CompanyScope:
        """What a person may see. Raises NexusDown when nothing is known that is young enough."""
        if level == "admin":
            return CompanyScope()
        held = self._held.get(user_id)
        if held and held[1] > time.monotonic():
            return held[0]
        changes = self._changes
        row = await self._db.one("SELECT scope, at, forgotten FROM user_scope WHERE user_id = :user_id", user_id=user_id)
        known = KnownScope(company_scope.read(row["scope"]), row["at"], row["forgotten"]) if row else KnownScope()
        scope = await self.renewed(user_id, level, known, now, read_on_seconds)
        if changes == self._changes:  # nothing was pushed while this was asked for
            self._held.put(user_id, (scope, time.monotonic() + FRESH_SECONDS))
        return scope

    async def renewed(self, user_id: str, level: str, known: KnownScope, now: str, read_on_seconds: float) -> CompanyScope:
        """What is known, asked for anew when it is older than a minute. Raises NexusDown as of() does."""
        if level == "admin":
            return CompanyScope()
        if known.scope is not None and known.at > shifted(now, -FRESH_SECONDS):
            return known.scope
        try:
            found = (await self._source.scopes([user_id])).get(user_id)
        except NexusDown:
            if known.scope is None or known.at <= shifted(now, -read_on_seconds):
                raise
            return known.scope
        scope = CompanyScope(found.rule, frozenset(found.company_ids)) if found else CompanyScope("only")  # type: ignore[arg-type]
        if known.scope is not None and known.scope != scope:
            self._changed(user_id)
        await self._deferred.noted(
            f"scope {user_id}", _KEEP, user_id=user_id, scope=company_scope.written(scope), now=now, forgotten=known.forgotten
        )
        return scope

    def forget(self, user_id: str) -> None:
        """Forget it in this process; the row is forgotten by Sessions.forget_scope."""
        self._changes += 1
        self._held.drop(user_id)
        self._changed(user_id)


_KEEP = """
    INSERT INTO user_scope (user_id, scope, at, forgotten) VALUES (:user_id, :scope, :now, :forgotten)
    ON CONFLICT (user_id) DO UPDATE SET scope = excluded.scope, at = excluded.at WHERE user_scope.forgotten = excluded.forgotten
    """
