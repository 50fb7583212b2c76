"""Forgets what is over: codes, tickets, token families, counted attempts. Each step is safe in several processes at once."""

import time

from hmlib.clock import utc_now
from hmlib.db.database import Db
from hmlib.jobs.kind import JobKind
from hmlib.jobs.run import JobRun
from nexus_srv.queries import codes, refresh_tokens, throttle


async def sweep(db: Db) -> None:
    """Once."""
    now = utc_now()
    await codes.sweep(db, now)
    await refresh_tokens.sweep(db, now)
    await throttle.sweep(db, int(time.time()))


async def _run(run: JobRun) -> None:
    await sweep(run.db)


SWEEP = JobKind("grant-sweep", "Forget codes, tokens and counted attempts that are over", _run, every_seconds=300)
