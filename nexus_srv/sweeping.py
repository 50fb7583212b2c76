"""Forgets what is over: codes, tickets, token families, counted attempts. Each step is safe in several processes at once."""

import asyncio
import random
import time

from hmlib.clock import utc_now
from hmlib.db.database import Db
from nexus_srv.queries import codes, refresh_tokens, throttle

EVERY_SECONDS = 300


async def sweep(db: Db) -> None:
    """Once."""
    now = utc_now()
    await codes.sweep(db, now)
    await refresh_tokens.sweep(db, now)
    await throttle.sweep(db, int(time.time()))


async def sweep_for_ever(db: Db) -> None:
    """Every five minutes or so."""
    while True:
        await asyncio.sleep(EVERY_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311  jitter, not a secret
        await sweep(db)
