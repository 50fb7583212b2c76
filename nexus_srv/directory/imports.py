"""Imports: a file of companies, contacts, assets or locations, tried out or applied, all rows or the good ones."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hmlib.api import tombstones
from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.engine import Conflict
from hmlib.imports.uploads import Applying, NotApplied
from hmlib.records import audit
from hmlib.records.audit import Actor
from hmlib.tables import files
from hmlib.tables.files import Outcome
from hmlib.tables.rows import RowError, Sheet
from nexus_srv.directory.changes import change_of, creation_of, differences
from nexus_srv.directory.import_columns import COLUMNS
from nexus_srv.directory.import_kinds import PLANNERS, numbered
from nexus_srv.directory.import_plan import Known, Plan, Planner
from nexus_srv.directory.kinds import COMPANIES, NOUNS, Noun
from nexus_srv.queries import assets, companies, contacts, locations
from nexus_srv.queries import directory as state

KINDS = tuple(COLUMNS)
CHUNK = 1000
EVERYTHING = CompanyScope()
Progress = Callable[[int, int], None]
_ROWS: Mapping[str, Any] = {"companies": companies, "contacts": contacts, "assets": assets, "locations": locations}


async def run(
    kind: str,
    db: Db,
    directory: Path | None,
    raw: bytes,
    name: str,
    *,
    mapping: Mapping[str, str] | None = None,
    dry_run: bool = False,
    valid_only: bool = False,
    actor: Actor,
    now: str,
    progress: Progress | None = None,
    scope: CompanyScope = EVERYTHING,
    day_first: bool = False,
    applying: Applying | None = None,
) -> Outcome:
    """Import a file of one of KINDS. With errors nothing is applied, unless `valid_only`; `outcome.applied` says what happened.

    `progress` is called with rows done and rows in all; a row that is to be written is half done when it is understood.
    `applying` says what else belongs to it, in the same transaction. `scope` keeps it within some companies.
    `directory` is not used: Nexus itself is the directory.
    """
    try:
        sheet = await asyncio.to_thread(files.read, raw, name, COLUMNS[kind], mapping, day_first=day_first)
    except files.Unreadable as unreadable:
        return Outcome(errors=[RowError(1, "", "", str(unreadable))])
    report = progress or (lambda done, total: None)
    count = await state.state(db)
    plan = await _planned(kind, db, sheet, scope, now, lambda done: report(done if dry_run else done // 2, len(sheet.rows)))
    if dry_run:
        return plan.outcome
    if plan.outcome.errors and not valid_only:
        return _nothing(plan.outcome)
    job = _Job(kind, sheet, scope, valid_only, actor, now, name, report, applying or Applying.alone(db))
    return await _applied(job, plan, count)


@dataclass(frozen=True)
class _Job:
    kind: str
    sheet: Sheet
    scope: CompanyScope
    valid_only: bool
    actor: Actor
    now: str
    name: str
    report: Progress
    applying: Applying


async def _planned(kind: str, db: Db, sheet: Sheet, scope: CompanyScope, now: str, report: Callable[[int], None]) -> Plan[Any]:
    everything = await companies.everything(db)
    people = await contacts.everything(db) if kind in ("contacts", "assets") else []
    loaded: dict[str, list[Any]] = {"companies": everything, "contacts": people}
    existing: list[Any] = loaded[kind] if kind in loaded else await _ROWS[kind].everything(db)
    planner = await asyncio.to_thread(lambda: PLANNERS[kind](existing, Known.of(scope, everything, people), sheet.present, now))
    for start in range(0, len(sheet.rows), CHUNK):
        await asyncio.to_thread(_take, planner, sheet.rows[start : start + CHUNK])
        report(min(start + CHUNK, len(sheet.rows)))
    return _finished(planner, sheet, everything)


def _take(planner: Planner[Any], rows: list[files.Row]) -> None:
    for row in rows:
        planner.take(row)


def _finished(planner: Planner[Any], sheet: Sheet, everything: list[Any]) -> Plan[Any]:
    planner.settle()
    plan = planner.plan
    if planner.noun is COMPANIES:
        plan.creates = numbered(plan.creates, {company.account_number for company in (*everything, *(after for _, after in plan.updates))})
    plan.outcome.errors = sorted([*sheet.errors, *plan.outcome.errors], key=lambda error: error.line)
    plan.outcome.notes = list(sheet.notes)
    plan.outcome.unchanged += len(sheet.repeated)
    return plan


async def _applied(job: _Job, plan: Plan[Any], count: int) -> Outcome:
    """Write what was planned; planned again inside the transaction when the directory has changed in between."""
    try:
        async with job.applying.transaction() as tx:
            if await state.state(tx) != count:
                plan = await _planned(job.kind, tx, job.sheet, job.scope, job.now, lambda done: None)
                if plan.outcome.errors and not job.valid_only:
                    raise NotApplied(plan.outcome)
            await _written(tx, job, plan)
            await _recorded(tx, job, plan)
            plan.outcome.applied = True
            await job.applying.done(tx, plan.outcome)
    except NotApplied as refused:
        return _nothing(refused.outcome)
    except Conflict as conflict:
        plan.outcome.errors.append(RowError(1, "", "", f"The data do not allow this ({conflict.constraint or 'a reference'})."))
        return _nothing(plan.outcome)
    return plan.outcome


async def _written(tx: Db, job: _Job, plan: Plan[Any]) -> None:
    table, total = _ROWS[job.kind], len(job.sheet.rows)
    waiting = len(plan.creates) + len(plan.updates)
    if plan.moved:
        await table.let_go(tx, plan.moved)
    for start in range(0, len(plan.creates), CHUNK):
        await table.insert(tx, chunk := plan.creates[start : start + CHUNK], job.now)
        waiting -= len(chunk)
        job.report(total - waiting // 2, total)
    for start in range(0, len(plan.updates), CHUNK):
        changed = [after for _, after in plan.updates[start : start + CHUNK]]
        await table.update(tx, changed, job.now)
        waiting -= len(changed)
        job.report(total - waiting // 2, total)
    await _buried(tx, NOUNS[job.kind], plan, job.now)
    if plan.creates or plan.updates:
        await state.count_change(tx, job.now)


async def _buried(tx: Db, noun: Noun[Any], plan: Plan[Any], now: str) -> None:
    for before, after in plan.updates:
        left = [id for id in noun.company_ids(before) if id not in noun.company_ids(after)]
        if left:
            await tombstones.add(tx, noun.name, before.id, left, now)


async def _recorded(tx: Db, job: _Job, plan: Plan[Any]) -> None:
    """One entry for the file and one for each thing it made or changed, as if a person had done it by hand."""
    noun, outcome = NOUNS[job.kind], plan.outcome
    counts = {"file": job.name, "created": outcome.created, "updated": outcome.updated, "unchanged": outcome.unchanged}
    after = {**counts, "errors": len(outcome.errors)}
    deeds = [audit.AuditEvent(f"{job.kind}.imported", f"import/{job.kind}", after=after)]
    deeds += [creation_of(noun, entry) for entry in plan.creates]
    deeds += [change_of(noun, before, differences(before, after)) for before, after in plan.updates]
    await audit.record_all(tx, job.actor, deeds, now=job.now)


def _nothing(outcome: Outcome) -> Outcome:
    outcome.applied = False
    outcome.created = outcome.updated = outcome.unchanged = 0
    return outcome
