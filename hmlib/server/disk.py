"""Says whether anything can still be written: tried when /readyz asks, and not more often than every few seconds."""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hmlib import logs
from hmlib.clock import utc_now
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseBusy, DatabaseDown

GOOD_FOR_SECONDS = 5.0
BAD_FOR_SECONDS = 1.0
PATIENCE_SECONDS = 1.0
ROOM_BYTES = 1024 * 1024
"""What must be free beside a database in a file: below it small writes may still fit where larger ones fail."""


class WriteCheck:
    """A check for Readiness. ``folders`` are those of databases in files; ``clock`` tells seconds.

    One row is written, and room is taken and given back in the folders; asked again within seconds it answers what it found last.
    """

    def __init__(self, db: Db, folders: Sequence[Path], clock: Callable[[], float] = time.monotonic) -> None:
        self._db, self._folders, self._clock = db, folders, clock
        self._good, self._until = True, float("-inf")
        self._turn = asyncio.Lock()

    async def holds(self) -> bool:
        """Whether writing works, as far as can be said within a second or so: a database that is only busy does."""
        async with self._turn:
            if self._clock() >= self._until:
                good = await self._tried()
                if good != self._good:
                    logs.event("writing works again" if good else "nothing can be written")
                self._good, self._until = good, self._clock() + (GOOD_FOR_SECONDS if good else BAD_FOR_SECONDS)
            return self._good

    async def _tried(self) -> bool:
        try:
            await asyncio.gather(*(asyncio.to_thread(take_room, folder) for folder in self._folders))
            await asyncio.wait_for(self._write(), PATIENCE_SECONDS)
        except (DatabaseBusy, TimeoutError):  # others are writing
            return True
        except (DatabaseDown, OSError):
            return False
        return True

    async def _write(self) -> None:
        await self._db.run(
            "INSERT INTO write_probe (id, at) VALUES (1, :now) ON CONFLICT (id) DO UPDATE SET at = excluded.at", now=utc_now()
        )


def take_room(folder: Path, size: int = ROOM_BYTES) -> None:
    """Take so many bytes of the disk that ``folder`` is on and give them back. Raises OSError where there is no room. Blocking."""
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, size)
