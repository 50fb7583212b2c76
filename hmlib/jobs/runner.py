"""Works on jobs in every process of a service: each job in one process at a time, taken over when that dies."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hmlib import logs, metrics
from hmlib.clock import new_id, parse, shifted, utc_now
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseDown
from hmlib.jobs import claims
from hmlib.jobs.claims import Active, Ending
from hmlib.jobs.job import Cancelled, Job, JobFailed, LeaseLost, by_id
from hmlib.jobs.kind import JobKind, put_back, start_scheduled
from hmlib.jobs.liveness import Liveness
from hmlib.jobs.run import JobRun
from hmlib.records.audit import Actor

POLL_SECONDS = 0.5
BEAT_SECONDS = 5.0
SCHEDULE_SECONDS = 15.0
FIGURES_SECONDS = 15.0
AT_ONCE = 4
"""How many jobs a process works on at once, besides scheduled work, which is short and never waits for long imports."""

MOST_ATTEMPTS = 5
"""How often a job is begun without getting any further."""

GIVEN_UP = (
    f"It was begun {MOST_ATTEMPTS} times and got no further: its process ended each time, or the database did not answer. "
    "Start it again; if that happens again, tell your administrator."
)
BROKEN = (
    "It broke off by a fault of ours. Start it again; if that happens again, tell your administrator: the service's log says where it was."
)


class Runner:
    """One process's worker. ``folder`` is where processes on this machine show that they live (HM_HOME/run/jobs)."""

    def __init__(self, db: Db, kinds: Sequence[JobKind], spine: Any, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.id = new_id()
        self.kinds = {kind.name: kind for kind in kinds}
        self._db, self._spine, self._folder, self._clock = db, spine, folder, clock
        self._alive: Liveness | None = None
        self._running: dict[asyncio.Task[None], Job] = {}
        self._endings: list[Ending] = []
        self._wake = asyncio.Event()
        self._next_beat = self._next_schedule = self._next_figures = float("-inf")

    async def run(self) -> None:
        """Work for ever; what is under way when this is cancelled is given back, for another process to go on with."""
        try:
            while True:
                with suppress(DatabaseDown):  # readiness says so; it is asked again a moment later, and no ending is lost
                    await self.round()
                await self._pause()
        finally:
            await self.stop()

    async def round(self) -> None:
        """Look once at what there is to do. Raises DatabaseDown."""
        await self._write_endings()
        await self._beat()
        await self._plan()
        if await claims.anything(self._db):
            await self._take_over()
            await self._begin_waiting()
        await self._show_figures()

    async def until_ended(self, id: str) -> Job:
        """Work until a job has ended, here or elsewhere: for commands and tests, which have no run() beside them."""
        while True:
            await self.round()
            job = await by_id(self._db, id)
            if job is None or not job.active:
                assert job is not None, "a job that is waited for is not removed"
                return job
            await self._pause()

    async def stop(self) -> None:
        """Give back what is under way."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the tasks' ends are noted by callbacks
        with suppress(DatabaseDown):  # then the others see that this process is gone
            await self._write_endings()
            await claims.leave(self._db, self.id)
        if self._alive:
            self._alive.close()
            self._alive = None

    async def _pause(self) -> None:
        """Until the next look, or until a job here ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS * random.uniform(0.7, 1.0)):  # noqa: S311  jitter, not a secret
                await self._wake.wait()
        self._wake.clear()

    def _liveness(self) -> Liveness:
        """Our own sign of life, from the first moment that it may matter."""
        if self._alive is None:
            self._alive = Liveness(self._folder, self.id, self._clock)
        return self._alive

    async def _write_endings(self) -> None:
        while self._endings:
            ending = self._endings[0]
            task = asyncio.create_task(self._end(ending))
            await asyncio.wait([task])
            broken = task.exception()
            if isinstance(broken, DatabaseDown):
                raise broken
            if broken is not None:  # a mistake in what the kind puts back must not keep this and all other jobs from ending
                _log("a job's end could not put back what its start had set", broken, job=ending.job.id, kind=ending.job.kind)
                await claims.end(self._db, ending, self.id, utc_now())
            del self._endings[0]

    async def _end(self, ending: Ending) -> None:
        async with self._db.write() as tx:
            ended = await claims.end(tx, ending, self.id, utc_now())
            if ended is not None and not ended.active:
                await put_back(tx, self.kinds.get(ended.kind), ended)
        if ended is not None:
            _report(ending)

    async def _beat(self) -> None:
        if self._running and self._clock() >= self._next_beat:
            self._next_beat = self._clock() + BEAT_SECONDS
            await claims.beat(self._db, self.id, self._liveness().machine, utc_now())

    async def _plan(self) -> None:
        """A run for each slot that has had none."""
        if self._clock() < self._next_schedule:
            return
        self._next_schedule = self._clock() + SCHEDULE_SECONDS * random.uniform(0.8, 1.0)  # noqa: S311  jitter, not a secret
        looks = (self._plan_one(kind) for kind in self.kinds.values() if kind.scheduled)
        for broken in await asyncio.gather(*looks, return_exceptions=True):  # one kind's mistake must not stop the others
            if isinstance(broken, DatabaseDown):
                raise broken
            if broken is not None:
                _log("a schedule could not be read", broken)

    async def _plan_one(self, kind: JobKind) -> None:
        now = utc_now()
        slot = await kind.slot(self._db, now)
        if slot and not await claims.had_slot(self._db, kind.name, slot):
            await start_scheduled(self._db, kind, slot, Actor("", ""), now)

    async def _take_over(self) -> None:
        """Go on with the jobs of the dead, and with our own whose claim we never heard the answer to."""
        found = [job for job in await claims.running(self._db, self.kinds) if job.owner]
        dead = self._liveness().dead({job.owner.id: job.owner for job in found if job.owner and job.owner.id != self.id}.values())
        here = {job.id for job in (*self._running.values(), *(ending.job for ending in self._endings))}
        for job in found:
            if job.owner and (job.owner.id in dead or (job.owner.id == self.id and job.id not in here)):
                await self._begin(job)
        for id in dead:
            if await claims.leave(self._db, id):
                self._liveness().forget(id)

    async def _show_figures(self) -> None:
        if self._clock() < self._next_figures:
            return
        self._next_figures = self._clock() + FIGURES_SECONDS
        for of in await claims.figures(self._db, self.kinds):
            metrics.JOBS_NOW.labels(of.kind, "waiting").set(of.waiting)
            metrics.JOBS_NOW.labels(of.kind, "running").set(of.running)
            if of.succeeded_at:
                metrics.JOB_SUCCESS.labels(of.kind).set(parse(of.succeeded_at).timestamp())

    async def _begin_waiting(self) -> None:
        for job in await claims.waiting(self._db, self.kinds, utc_now()):
            await self._begin(job)

    async def _begin(self, seen: Active) -> None:
        if not seen.scheduled and sum(1 for mine in self._running.values() if not mine.slot) >= AT_ONCE:
            return
        job = await claims.claim(self._db, seen, self.id, self._liveness().machine, utc_now())
        if job is None:
            return
        if job.attempts > MOST_ATTEMPTS:
            self._endings.append(Ending(job, "failed", GIVEN_UP))
            return
        task = asyncio.create_task(self._work(job))
        self._running[task] = job
        task.add_done_callback(self._ended)

    async def _work(self, job: Job) -> None:
        run, began = JobRun(job, self._db, self._spine, self._clock), self._clock()
        try:
            await self.kinds[job.kind].run(run)
            if not run.finished:
                async with self._db.write() as tx:
                    await run.finish(tx, {})
        finally:
            metrics.JOB_SECONDS.labels(job.kind).inc(self._clock() - began)

    def _ended(self, task: asyncio.Task[None]) -> None:
        job = self._running.pop(task)
        if task.cancelled():
            self._endings.append(Ending(job, "waiting", due_at=utc_now(), counted=False))
        else:
            ending = _ending(job, task.exception())
            self._endings += [ending] if ending else []
        self._wake.set()


def _ending(job: Job, broken: BaseException | None) -> Ending | None:
    """What is still to be written of how an attempt ended; None when the work has written its end, or it is another's by now."""
    match broken:
        case None:
            metrics.JOBS.labels(job.kind, "done").inc()
            return None
        case LeaseLost():
            logs.event("a job was taken over", logging.WARNING, job=job.id, kind=job.kind)
            return None
        case Cancelled():
            return Ending(job, "cancelled")
        case JobFailed():
            return Ending(job, "failed", str(broken))
        case DatabaseDown():
            return Ending(job, "waiting", due_at=shifted(utc_now(), 2.0**job.attempts))
    _log("a job broke off", broken, job=job.id, kind=job.kind)
    return Ending(job, "failed", BROKEN)


def _report(ending: Ending) -> None:
    """Count and log an attempt that did not end well."""
    metrics.JOBS.labels(ending.job.kind, ending.state).inc()
    logs.event("a job ended", logging.WARNING, job=ending.job.id, kind=ending.job.kind, state=ending.state)


def _log(event: str, broken: BaseException, **fields: str) -> None:
    """An error that nobody foresaw."""
    metrics.ERRORS.labels("job").inc()
    logs.event(event, logging.ERROR, error=logs.named(broken), where=logs.frames(broken.__traceback__), **fields)
