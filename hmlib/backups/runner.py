"""The planned backups as a job of Nexus; the work itself is done by a child process that ends."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable

from hmlib import logs
from hmlib.backups import schedule
from hmlib.backups.schedule import Run
from hmlib.clock import utc_now
from hmlib.db.database import Db
from hmlib.jobs.job import JobFailed
from hmlib.jobs.kind import JobKind
from hmlib.jobs.run import JobRun
from hmlib.processes.pids import started_at

COMMAND = (sys.executable, "-c", "from hmlib.cli.main import main; main()", "backup", "--planned")
LOOK_SECONDS = 1.0
NO_PLAN = 'No backup is planned. On the server, run: hm backup --schedule "daily 02:30" --recipient age1… DIR'

Zone = Callable[[], Awaitable[str]]


def planned_backups(zone: Zone, command: tuple[str, ...] = COMMAND) -> JobKind:
    """The kind of job that makes them; ``zone`` answers the time zone of the plan's times."""

    async def due(db: Db, now: str) -> str:
        """The plan's slot; once a backup was tried for it in vain, the moment of that."""
        plan = await schedule.read(db)
        if plan is None or not await schedule.is_due(db, plan, now, await zone()):
            return ""
        return max([plan.slot(now, await zone()), *(run.finished_at for run in await schedule.runs(db, 1))])

    async def run(run: JobRun) -> None:
        await _child_of_an_earlier_attempt(run)
        by_hand = bool(run.job.created_by) and not run.kept
        if not by_hand and not await due(run.db, utc_now()):
            return  # an earlier attempt, whose process died, has made it
        if await schedule.read(run.db) is None:
            raise JobFailed(NO_PLAN)
        await _make(run, command)

    return JobKind("backup", "Make the planned backup", run, due=due, when="as planned under Backups", page=lambda job: "/backups")


async def _child_of_an_earlier_attempt(run: JobRun) -> None:
    """Wait for the child that a killed process has left behind: two backups at once are none faster."""
    child = run.kept.get("child")
    while child and started_at(child[0]) == child[1]:
        await run.progress(0, 0, "A backup that was begun before is still being made.")
        await asyncio.sleep(LOOK_SECONDS)


async def _make(run: JobRun, command: tuple[str, ...]) -> None:
    """Run `hm backup --planned`, which notes how it went. Raises JobFailed with what it said."""
    began = utc_now()
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    words = await _awaited(run, process)
    last = next(iter(await schedule.runs(run.db, 1)), None)
    noted = last if last is not None and last.started_at >= began else None
    if process.returncode:
        if noted is None:
            async with run.db.write() as tx:
                await schedule.note(tx, Run(began, utc_now(), 0, 0, "", words))
        raise JobFailed(words or f"The backup ended with exit code {process.returncode}.")
    logs.event("backup made")
    async with run.db.write() as tx:
        await run.finish(tx, {"file": noted.file, "bytes": noted.bytes} if noted else {})


async def _awaited(run: JobRun, process: Process) -> str:
    """The last words of the child, which ends with this attempt."""
    done = asyncio.ensure_future(process.communicate())
    try:
        async with run.db.write() as tx:
            await run.keep(tx, {"child": [process.pid, started_at(process.pid)]})
        while not (await asyncio.wait([done], timeout=LOOK_SECONDS))[0]:
            await run.progress(0, 0, "Being made.")
    finally:
        if process.returncode is None and not done.done():
            process.terminate()
    _, words = await done
    return words.decode(errors="replace").strip()[-500:]
