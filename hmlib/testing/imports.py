"""Imports in tests: a file brought in, planned and applied, without a request; and jobs of imports worked on until they end."""

from typing import Any

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.clock import utc_now
from hmlib.db.database import Db, Transaction
from hmlib.imports import work
from hmlib.imports.answers import Imported, Wrong, imported
from hmlib.imports.batches import Batch, Choices
from hmlib.imports.jobs import KIND
from hmlib.imports.kind import Imports
from hmlib.jobs.kind import JobKinds
from hmlib.jobs.runner import Runner
from hmlib.records.audit import Actor
from hmlib.tables.sheets import Unreadable

EVERYTHING = CompanyScope()


async def whole(
    db: Db, imports: Imports, directory: Any, kind: str, raw: bytes, name: str, *, actor: Actor, said: Choices | None = None,
    dry_run: bool = False, valid_only: bool = False, scope: CompanyScope = EVERYTHING, now: str = "",
) -> Imported:  # fmt: skip
    """What an import did, or would do."""
    now = now or utc_now()
    try:
        add = await work.bring(db, imports, kind, name, raw, said or Choices(), scope, actor, now)
        async with db.write() as tx:
            batch = await add(tx)
        batch = await work.plan(db, imports, directory, batch, actor, now)
    except Unreadable as wrong:
        return Imported(0, 0, 0, [Wrong(1, "", "", str(wrong))], [], [], applied=False)

    async def nothing(tx: Transaction, applied: Batch) -> None:
        return

    if not dry_run:
        batch = await work.apply(db, imports, directory, batch, actor, valid_only=valid_only, transaction=db.write, done=nothing)
    told = await imported(db, batch)
    if dry_run or batch.state == "applied":
        return told
    return msgspec.structs.replace(told, created=0, updated=0, unchanged=0)


async def jobs_done(app: Any) -> None:
    """Work on all import jobs of an application that wait."""
    spine, kinds = app.spine, [kind for kind in app.spine.own(JobKinds).by_name.values() if kind.name == KIND]
    runner = Runner(spine.db, kinds, spine, spine.settings.home / "run" / "jobs")
    try:
        for row in await spine.db.all("SELECT id FROM job WHERE kind = :kind AND ended_at = '' ORDER BY id", kind=KIND):
            await runner.until_ended(row["id"])
    finally:
        await runner.stop()
