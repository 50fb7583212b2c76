"""Makes the planned backups, in exactly one process of Nexus at a time; the work itself is done by a child process that ends."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable

from hmlib import logs, metrics
from hmlib.backups import schedule
from hmlib.backups.schedule import LEASE_SECONDS, Run
from hmlib.clock import new_id, utc_now
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseDown

LOOK_SECONDS = 30.0
COMMAND = (sys.executable, "-c", "from hmlib.cli.main import main; main()", "backup", "--planned")

Zone = Callable[[], Awaitable[str]]


async def run_for_ever(db: Db, zone: Zone) -> None:
    """Look every half minute whether a backup is due; ``zone`` answers the time zone of the plan's times."""
    holder = new_id()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await look(db, await zone(), holder)
        except DatabaseDown:
            continue  # readiness says so; the slot is still due when it is back


async def look(db: Db, zone: str, holder: str, command: tuple[str, ...] = COMMAND) -> bool:
    """Make a backup if one is due and nobody else does; whether one was tried. Raises DatabaseDown."""
    planned = await schedule.read(db)
    if planned is None or not await schedule.is_due(db, planned, utc_now(), zone) or not await schedule.claim(db, holder, utc_now()):
        return False
    try:
        if await schedule.is_due(db, planned, utc_now(), zone):  # another process may have made it before this one's claim
            await _make(db, holder, command)
        return True
    finally:
        await schedule.release(db, holder)


async def _make(db: Db, holder: str, command: tuple[str, ...]) -> None:
    """Run `hm backup --planned`, which notes how it went, and keep the claim meanwhile."""
    began = utc_now()
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    done = asyncio.ensure_future(process.communicate())
    try:
        while not (await asyncio.wait([done], timeout=LEASE_SECONDS / 4))[0]:
            await schedule.claim(db, holder, utc_now())
    finally:
        if process.returncode is None and not done.done():
            process.terminate()
    _, words = await done
    good = process.returncode == 0
    if not good and not any(run.started_at >= began for run in await schedule.runs(db, 1)):
        async with db.write() as tx:
            await schedule.note(tx, Run(began, utc_now(), 0, 0, "", words.decode(errors="replace").strip()[-500:]))
    if good:
        metrics.JOBS.labels("backup", "done").inc()
        logs.event("backup made")
        return
    metrics.JOBS.labels("backup", "failed").inc()
    logs.event("backup failed", logging.ERROR, said=words.decode(errors="replace").strip()[-500:])
