"""Writes down, beside answers, what makes later requests faster and no answer depends on: reading waits for no writer and no full disk."""

import asyncio
import logging
import time
from typing import Any

from hmlib import logs
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseDown

AGAIN_SECONDS = 5.0
PATIENCE_SECONDS = 0.5


class DeferredWrites:
    """What a process notes in one database. While that fails it is tried every few seconds only."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._again_at = float("-inf")

    def note(self, what: str, sql: str, **params: Any) -> None:
        """Run a statement beside the answer, unless one for the same ``what`` is under way."""
        if what not in self._under_way and time.monotonic() >= self._again_at:
            self._under_way[what] = self._db.beside(self._noted(what, sql, **params))

    async def noted(self, what: str, sql: str, **params: Any) -> None:
        """As note(), and wait for it a little: where the next request should find it."""
        self.note(what, sql, **params)
        if task := self._under_way.get(what):
            await asyncio.wait([task], timeout=PATIENCE_SECONDS)

    async def _noted(self, what: str, sql: str, **params: Any) -> None:
        try:
            await self._db.run(sql, **params)
        except DatabaseDown:
            self._again_at = time.monotonic() + AGAIN_SECONDS
            logs.event("nothing can be noted down", logging.WARNING)
        finally:
            self._under_way.pop(what, None)
