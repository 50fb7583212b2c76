"""Imports by people, worked on beside the requests: tried out first, then applied, with progress that every process can tell."""

import asyncio
from collections.abc import Mapping

import msgspec

from hmlib import logs
from hmlib.auth.permissions import Caller
from hmlib.clock import new_id, utc_now
from hmlib.db.database import Db, Transaction
from hmlib.imports.uploads import AppliedAlready, Applying
from hmlib.records.audit import Actor
from hmlib.tables import files
from hmlib.tables.files import Outcome
from nexus_srv.directory import imports
from nexus_srv.directory.import_columns import COLUMNS
from nexus_srv.queries import import_runs
from nexus_srv.queries.import_runs import ImportRun

NOTED_EVERY_S = 0.5


class Jobs:
    """The imports that this process is working on."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, kind: str, name: str, raw: bytes, caller: Caller, now: str) -> ImportRun:
        """A file as an import that is to be added, its headings understood as they were before. Raises files.Unreadable."""
        tops, known = await asyncio.to_thread(files.headings, raw, COLUMNS[kind])
        before = await import_runs.remembered(self._db, kind)
        mapping = known | {top: before[top] for top in tops if top in before}
        return ImportRun(
            id=new_id(), kind=kind, file_name=name, headings=tuple(tops), mapping=mapping, state="mapping", done=0, total=0, outcome="",
            started_by=caller.id, started_by_name=caller.name, created_at=now, updated_at=now,
        )  # fmt: skip

    def work(self, id: str, caller: Caller, actor: Actor, *, dry_run: bool, valid_only: bool = False) -> None:
        """Try a file out, or write it, beside the request that has claimed it with claim(), whose transaction is kept by now."""
        task = asyncio.create_task(self._work(id, caller, actor, dry_run=dry_run, valid_only=valid_only))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """When nothing is being worked on any more."""
        await asyncio.gather(*self._tasks)

    async def _work(self, id: str, caller: Caller, actor: Actor, *, dry_run: bool, valid_only: bool) -> None:
        state, outcome = "failed", Outcome(errors=[files.RowError(1, "", "", "The import broke off. Try it again.")])
        try:
            run, raw = await import_runs.by_id(self._db, id), await import_runs.raw_of(self._db, id)
            if run is not None and raw is not None:
                outcome = await self._run(run, raw, caller, actor, dry_run=dry_run, valid_only=valid_only)
                state = "applied" if outcome.applied else "checked"
        except AppliedAlready:
            state = "applied"  # by another process, which took this one for dead; what it kept stands
        finally:
            if not outcome.applied:
                await import_runs.finish(self._db, id, state, written(outcome), utc_now())
            logs.event("import", id=id, state=state, created=outcome.created, updated=outcome.updated, errors=len(outcome.errors))

    async def _run(self, run: ImportRun, raw: bytes, caller: Caller, actor: Actor, *, dry_run: bool, valid_only: bool) -> Outcome:
        async def done(tx: Transaction, outcome: Outcome) -> None:
            """What came of it is kept with what it did: a process that dies after this has nothing to do again."""
            if not await import_runs.finish(tx, run.id, "applied", written(outcome), utc_now()):
                raise AppliedAlready

        progress = [0, 0]
        noting = asyncio.create_task(self._noted(run.id, progress))
        try:
            return await imports.run(
                run.kind, self._db, None, raw, run.file_name, mapping=run.mapping, dry_run=dry_run, valid_only=valid_only, actor=actor,
                now=utc_now(), scope=caller.scope, applying=Applying(self._db.write, done),
                progress=lambda done, total: progress.__setitem__(slice(None), (done, total)),
            )  # fmt: skip
        finally:
            noting.cancel()

    async def _noted(self, id: str, progress: list[int]) -> None:
        """Say in the database how far it is: also the sign that somebody is at work."""
        while True:
            await asyncio.sleep(NOTED_EVERY_S)
            await import_runs.note(self._db, id, progress[0], progress[1], utc_now())


async def claim(tx: Transaction, id: str, now: str, *, dry_run: bool) -> bool:
    """Take an import in hand; false when somebody else was faster."""
    before, state = (("mapping", "checked", "failed"), "checking") if dry_run else (("checked",), "applying")
    return await import_runs.enter(tx, id, before, state, now)


def missing(kind: str, mapping: Mapping[str, str]) -> list[str]:
    """The needed columns that no heading leads to."""
    return [column.name for column in COLUMNS[kind] if column.required and column.name not in mapping.values()]


def unclear(run: ImportRun) -> bool:
    """Whether most headings are not understood, so that a person should look."""
    return sum(1 for top in run.headings if top and top not in run.mapping) > len(run.mapping)


def written(outcome: Outcome) -> str:
    """An outcome with its notes and its changes, as it is kept."""
    changes = [[change.line, change.what, change.label, change.fields] for change in outcome.changes]
    return msgspec.json.encode({**outcome.as_json(), "notes": outcome.notes, "changes": changes, "applied": outcome.applied}).decode()


class Kept(msgspec.Struct):
    """An outcome as it was kept."""

    created: int
    updated: int
    unchanged: int
    errors: list[files.RowError]
    notes: list[str]
    changes: list[files.Change]
    applied: bool


def kept(raw: str) -> Kept | None:
    """An outcome read back; None where there is none yet."""
    if not raw:
        return None
    found = msgspec.json.decode(raw)
    changes = [files.Change(line, what, label, fields) for line, what, label, fields in found.pop("changes")]
    errors = [files.RowError(**error) for error in found.pop("errors")]
    return Kept(**found, changes=changes, errors=errors)
