"""What the work of a job is given: its request, the database, and the ways to say how far it is."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from hmlib.clock import utc_now
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseBusy
from hmlib.jobs.job import Cancelled, Job, LeaseLost, as_json

SAID_EVERY_SECONDS = 1.0
_MINE = "id = :id AND owner = :owner AND state = 'running'"


class JobRun:
    """One process at work on one job. ``spine`` is what the service hands to its work, ``kept`` what an earlier attempt kept."""

    def __init__(self, job: Job, db: Db, spine: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self.job, self.db, self.spine = job, db, spine
        self.kept: Mapping[str, Any] = msgspec.json.decode(job.kept)
        self.finished = False
        self._clock = clock
        self._said_at = float("-inf")
        self._said = (job.done, job.total)
        self._mine = {"id": job.id, "owner": job.owner}

    async def progress(self, done: int, total: int, note: str = "") -> None:
        """Say how far it is, outside any transaction; written at most once a second, so call it as often as you like.

        Raises Cancelled when somebody asked for the end, LeaseLost when another process has taken the job over.
        """
        self._said = (done, total)
        if self._clock() - self._said_at < SAID_EVERY_SECONDS:
            return
        self._said_at = self._clock()
        row = await self._say(done, total, note)
        if row is None:
            raise LeaseLost
        if row["cancel_asked_at"]:
            raise Cancelled

    async def keep(self, tx: Db, data: Mapping[str, Any]) -> None:
        """Keep where the work stands, in the transaction of the slice that got there: whoever goes on finds it in ``kept``.

        Raises LeaseLost when another process has taken the job over; let it leave the transaction, so that nothing of the slice stays.
        """
        await self._write(tx, "kept = :kept, attempts = 0", kept=as_json(data))

    async def finish(self, tx: Db, result: Mapping[str, Any], note: str = "") -> None:
        """The end of the job, in the work's last transaction. Raises LeaseLost as keep() does."""
        done, total = self._said
        await self._write(
            tx,
            "state = 'done', owner = '', ended_at = :now, result = :result, note = :note, done = :done, total = :total",
            now=utc_now(),
            result=as_json(result),
            note=note,
            done=max(done, total),
            total=total,
        )
        self.finished = True

    async def _say(self, done: int, total: int, note: str) -> dict[str, Any] | None:
        said = {"done": done, "total": total, "note": note}
        try:
            return await self.db.one(
                f"UPDATE job SET done = :done, total = :total, note = :note, version = version + 1 WHERE {_MINE} RETURNING cancel_asked_at",
                **said,
                **self._mine,
            )
        except DatabaseBusy:  # how far it is can be said a second later; whether it goes on is read without waiting for anybody
            return await self.db.one(f"SELECT cancel_asked_at FROM job WHERE {_MINE}", **self._mine)

    async def _write(self, tx: Db, what: str, **params: Any) -> None:
        if not await tx.run(f"UPDATE job SET {what}, version = version + 1 WHERE {_MINE}", **params, **self._mine):
            raise LeaseLost
