"""Imports as jobs: plan, apply, undo. Begun again by another process when theirs dies; the end of each is in its last transaction."""

from collections.abc import Mapping
from typing import Any

from hmlib.clock import utc_now
from hmlib.db.database import Db, Transaction
from hmlib.imports import batches, work
from hmlib.imports.batches import Batch, State
from hmlib.imports.kind import Imports
from hmlib.imports.plan import rows as plan_rows
from hmlib.jobs import job
from hmlib.jobs.job import Cancelled, Job, JobFailed
from hmlib.jobs.kind import JobKind
from hmlib.jobs.run import JobRun
from hmlib.nexus.transport import NexusDown
from hmlib.records.audit import Actor
from hmlib.tables.sheets import Unreadable

KIND, SWEEP = "import", "import-sweep"
AWAY = "Nexus did not answer, so nobody could say which companies the rows mean. Nothing was changed; try it again."
_TITLES: Mapping[State, str] = {"planning": "Try out {}", "applying": "Import {}", "undoing": "Undo the import of {}"}
_BEFORE: Mapping[State, tuple[State, ...]] = {
    "planning": ("mapping", "planned", "failed"),
    "applying": ("mapping", "planned"),
    "undoing": ("applied",),
}
_BACK: Mapping[State, State] = {"planning": "mapping", "applying": "planned", "undoing": "applied"}


async def start(tx: Transaction, batch: Batch, state: State, actor: Actor, now: str, *, valid_only: bool = False) -> Job | None:
    """A job that brings an import to what follows a state: planning, applying (planned first where it is not) or undoing. None when
    somebody else was faster."""
    data = {"import": batch.id, "state": state, "valid_only": valid_only}
    begun = await job.start(tx, KIND, _TITLES[state].format(batch.file_name), data, actor, now)
    return begun if await batches.enter(tx, batch.id, _BEFORE[state], state, begun.id) else None


def jobs_of(imports: Imports) -> tuple[JobKind, ...]:
    """The kinds of job that imports need."""

    async def run(run: JobRun) -> None:
        batch = await batches.by_id(run.db, run.job.request["import"])
        if batch is None:
            raise JobFailed("The import was discarded.")
        state: State = run.job.request["state"]
        try:
            await (_undo if state == "undoing" else _go)(run, imports, batch)
        except Unreadable as wrong:
            await _back(run.db, batch, "failed", str(wrong))
            raise JobFailed(str(wrong)) from wrong
        except work.Refused as refusal:
            await _back(run.db, batch, _BACK[state], str(refusal))
            raise JobFailed(str(refusal)) from refusal
        except NexusDown as away:
            await _back(run.db, batch, _BACK[state], AWAY)
            raise JobFailed(AWAY) from away
        except Cancelled:
            await _back(run.db, batch, _BACK[state], "")
            raise

    async def sweep(run: JobRun) -> None:
        now = utc_now()
        for id in await batches.stale(run.db, now):
            await plan_rows.clear(run.db, id)
        forgotten = await batches.forget(run.db, now)
        async with run.db.write() as tx:
            await run.finish(tx, {"forgotten": forgotten})

    return (
        JobKind(KIND, "Imports", run, permission=imports.write, put_back=_put_back),
        JobKind(SWEEP, "Forget old imports", sweep, every_seconds=86_400),
    )


async def _put_back(tx: Db, ended: Job) -> None:
    """No import is being worked on once its job has ended: stopped before it began, given up, or broken off."""
    batch = await batches.by_id(tx, ended.request["import"])
    if batch is not None and batch.working and batch.job_id == ended.id:
        await batches.settled(tx, batch.id, _BACK[ended.request["state"]], ended.error)


def directory_of(run: JobRun) -> Any:
    """The suite's directory as the service itself sees it; None in Nexus."""
    nexus = run.spine.nexus
    return nexus.as_service() if nexus is not None else None


async def _go(run: JobRun, imports: Imports, batch: Batch) -> None:
    actor = Actor(run.job.created_by, run.job.created_by_name)
    planning = run.job.request["state"] == "planning"
    if planning or not batch.digest or batch.number == 0:
        batch = await work.plan(run.db, imports, directory_of(run), batch, actor, utc_now(), run.progress)
    if planning:
        async with run.db.write() as tx:
            await batches.settled(tx, batch.id, "planned")
            await run.finish(tx, _result(batch))
        return

    async def done(tx: Transaction, applied: Batch) -> None:
        await run.finish(tx, {**_result(applied), "applied": True})

    after = await work.apply(
        run.db, imports, directory_of(run), batch, actor,
        valid_only=run.job.request["valid_only"], transaction=run.db.write, done=done, report=run.progress,
    )  # fmt: skip
    if after.state != "applied":
        async with run.db.write() as tx:
            await batches.settled(tx, batch.id, "planned")
            await run.finish(tx, {**_result(after), "applied": False}, "Nothing was applied: some rows cannot be used.")


async def _undo(run: JobRun, imports: Imports, batch: Batch) -> None:
    async with run.db.write() as tx:
        await work.undo(tx, imports, batch, Actor(run.job.created_by, run.job.created_by_name), utc_now())
        await run.finish(tx, {**_result(batch), "undone": True})


async def _back(db: Db, batch: Batch, state: State, problem: str) -> None:
    async with db.write() as tx:
        await batches.settled(tx, batch.id, state, problem)


def _result(batch: Batch) -> dict[str, Any]:
    return {"created": batch.created, "updated": batch.updated, "unchanged": batch.unchanged, "errors": batch.errors}
