"""Spends refresh tokens for all who ask at the same moment in one write: what costs time is the disk, once for each write."""

import asyncio
from dataclasses import dataclass

from hmlib.clock import shifted
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseDown
from nexus_srv.queries import refresh_tokens
from nexus_srv.queries.refresh_tokens import Family

AT_MOST = 100
SEEN_EVERY_SECONDS = 60


@dataclass(frozen=True)
class Asked:
    """One token to be spent."""

    family: Family
    now: str
    answer: asyncio.Future[bool]


class Rotations:
    """One a process; tokens that are asked for while a write is under way go into the next one together."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._waiting: list[Asked] = []
        self._work: asyncio.Task[None] | None = None

    async def spend(self, family: Family, now: str) -> bool:
        """Spend the refresh token of the family's generation: true for exactly one caller. Raises DatabaseDown."""
        asked = Asked(family, now, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._work is None:
            self._work = asyncio.create_task(self._write_all())
        return await asked.answer

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:AT_MOST], self._waiting[AT_MOST:]
                await self._write(batch)
        finally:
            self._work = None

    async def _write(self, batch: list[Asked]) -> None:
        """Of several who bring the same token the first one is heard."""
        first = {asked.family.id: asked for asked in reversed(batch)}
        try:
            spent = await self._spent(first)
            for asked in batch:
                if not asked.answer.done():
                    asked.answer.set_result(asked is first[asked.family.id] and asked.family.id in spent)
        except DatabaseDown as down:
            for asked in batch:
                if not asked.answer.done():
                    asked.answer.set_exception(down)
        finally:
            for asked in batch:
                asked.answer.cancel()  # nobody waits for ever, whatever went wrong

    async def _spent(self, first: dict[str, Asked]) -> set[str]:
        generations, now = {id: asked.family.generation for id, asked in first.items()}, max(asked.now for asked in first.values())
        stale = [asked for asked in first.values() if asked.family.last_seen_at < shifted(asked.now, -SEEN_EVERY_SECONDS)]
        if not stale:
            return await refresh_tokens.rotate(self._db, generations, now)
        async with self._db.write() as tx:
            await refresh_tokens.seen(tx, [asked.family.sid for asked in stale], max(asked.now for asked in stale))
            return await refresh_tokens.rotate(tx, generations, now)
