"""Imports by people, worked on beside the requests: tried out first, then applied, with progress that every process can tell."""

import asyncio
from collections.abc import Mapping

import msgspec

from hmlib import files, logs
from hmlib.audit import Actor
from hmlib.auth import Caller
from hmlib.clock import new_id, utc_now
from hmlib.db import Db
from hmlib.files import Outcome
from nexus_srv import imports
from nexus_srv.import_columns import COLUMNS
from nexus_srv.queries import import_runs
from nexus_srv.queries.import_runs import ImportRun

NOTED_EVERY_S = 0.5


class Jobs:
    """The imports that this process is working on."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, kind: str, name: str, raw: bytes, caller: Caller, actor: Actor, now: str) -> ImportRun:
        """Take a file in. It is tried out at once when its headings are understood. Raises files.Unreadable."""
        tops, known = await asyncio.to_thread(files.headings, raw, COLUMNS[kind])
        before = await import_runs.remembered(self._db, kind)
        mapping = known | {top: before[top] for top in tops if top in before}
        run = ImportRun(
            id=new_id(), kind=kind, file_name=name, headings=tuple(tops), mapping=mapping, state="mapping", done=0, total=0, outcome="",
            started_by=caller.id, started_by_name=caller.name, created_at=now, updated_at=now,
        )  # fmt: skip
        async with self._db.write() as tx:
            await import_runs.add(tx, run, raw)
        if not missing(kind, mapping) and not unclear(run):
            await self.check(run, caller, actor, now)
        return run

    async def check(self, run: ImportRun, caller: Caller, actor: Actor, now: str) -> bool:
        """Try the file out; false when it is being worked on already."""
        if not await import_runs.enter(self._db, run.id, ("mapping", "checked", "failed"), "checking", now):
            return False
        self._start(run.id, caller, actor, dry_run=True, valid_only=False)
        return True

    async def apply(self, run: ImportRun, caller: Caller, actor: Actor, now: str, *, valid_only: bool) -> bool:
        """Write what was tried out; false when somebody else was faster."""
        if not await import_runs.enter(self._db, run.id, ("checked",), "applying", now):
            return False
        self._start(run.id, caller, actor, dry_run=False, valid_only=valid_only)
        return True

    async def settled(self) -> None:
        """When nothing is being worked on any more."""
        await asyncio.gather(*self._tasks)

    def _start(self, id: str, caller: Caller, actor: Actor, *, dry_run: bool, valid_only: bool) -> None:
        task = asyncio.create_task(self._work(id, caller, actor, dry_run=dry_run, valid_only=valid_only))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, id: str, caller: Caller, actor: Actor, *, dry_run: bool, valid_only: bool) -> None:
        state, outcome = "failed", Outcome(errors=[files.RowError(1, "", "", "The import broke off. Try it again.")])
        try:
            run, raw = await import_runs.by_id(self._db, id), await import_runs.raw_of(self._db, id)
            if run is not None and raw is not None:
                outcome = await self._run(run, raw, caller, actor, dry_run=dry_run, valid_only=valid_only)
                state = "applied" if outcome.applied else "checked"
        finally:
            await import_runs.finish(self._db, id, state, written(outcome), utc_now())
            logs.event("import", id=id, state=state, created=outcome.created, updated=outcome.updated, errors=len(outcome.errors))

    async def _run(self, run: ImportRun, raw: bytes, caller: Caller, actor: Actor, *, dry_run: bool, valid_only: bool) -> Outcome:
        progress = [0, 0]
        noting = asyncio.create_task(self._noted(run.id, progress))
        try:
            return await imports.run(
                run.kind, self._db, None, raw, run.file_name, mapping=run.mapping, dry_run=dry_run, valid_only=valid_only, actor=actor,
                now=utc_now(), scope=caller.scope, progress=lambda done, total: progress.__setitem__(slice(None), (done, total)),
            )  # fmt: skip
        finally:
            noting.cancel()

    async def _noted(self, id: str, progress: list[int]) -> None:
        """Say in the database how far it is: also the sign that somebody is at work."""
        while True:
            await asyncio.sleep(NOTED_EVERY_S)
            await import_runs.note(self._db, id, progress[0], progress[1], utc_now())


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
