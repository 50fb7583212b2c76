"""The work on an import, whoever asks for it: bring a file in, plan it, apply it, undo it; the same for page, program and command."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from hmlib.auth.permissions import CompanyScope
from hmlib.clock import utc_now
from hmlib.db.database import Db, Transaction
from hmlib.imports import batches
from hmlib.imports.batches import Batch, Choices
from hmlib.imports.kind import ImportKind, Imports
from hmlib.imports.plan import moving, planning
from hmlib.imports.plan.moving import PlanIsOld
from hmlib.imports.presets import applied as columns_of_part
from hmlib.imports.reading import headings_of
from hmlib.records import audit
from hmlib.records.audit import Actor
from hmlib.tables.columns import Column
from hmlib.tables.reading.headings import matched
from hmlib.tables.sheets import Unreadable

MOST_PLANS = 5
"""How often a file is planned while others write to its rows."""
TOUCHED = "Something has been written to these rows since, so the import cannot be undone as a whole. Nothing was changed."
TOO_BUSY = f"Others wrote to the same rows {MOST_PLANS} times while this was planned. Nothing was changed; try it again."


class Refused(Exception):
    """Raised when an import cannot go on as asked; the text is a sentence for the person."""


async def bring(
    db: Db, imports: Imports, kind: str, file_name: str, raw: bytes, said: Choices, scope: CompanyScope, actor: Actor, now: str
) -> Callable[[Transaction], Awaitable[Batch]]:
    """Look at a file, and answer what adds it as an import in a transaction. ``kind`` is "" where it is left to the preset.

    Raises Unreadable, also for a file of which nobody says what it holds.
    """
    columns = _all_columns(imports, kind)
    presets = [preset for preset in imports.presets if not kind or preset.part(kind)] if said.preset != "none" else []
    top, found = await asyncio.to_thread(headings_of, raw, columns, presets)
    if said.preset not in ("", "none"):
        found = next((preset for preset in imports.presets if preset.name == said.preset), None)
        if found is None:
            raise Unreadable(f"There is no preset {said.preset}. There are {', '.join(preset.name for preset in imports.presets)}.")
    if not kind and found is None:
        raise Unreadable("Nothing tells what this file holds. Choose what it is.")
    kind = kind or (found.parts[0].kind if found else "")
    if not said.mapping:
        said = _merged(await batches.remembered(db, kind, top), said)
    preset = found.name if found else ""
    understood = understand(imports, kind, preset, top, said)

    async def add(tx: Transaction) -> Batch:
        return await batches.add(tx, kind, file_name, raw, top, understood, preset, said, scope, actor, now)

    return add


def understand(imports: Imports, kind: str, preset_name: str, top: Sequence[str], said: Choices) -> dict[str, str]:
    """Which column each heading of a file is taken for."""
    preset = next((preset for preset in imports.presets if preset.name == preset_name), None)
    found: dict[str, str] = {}
    parts = [(part.kind, part) for part in preset.parts] if preset else [(kind, None)]
    for name, part in parts:
        columns = _all_columns(imports, name)
        columns = columns_of_part(columns, part) if part else columns
        found = matched(top, columns, said.mapping).columns | found
    return found


def missing(imports: Imports, batch: Batch) -> list[str]:
    """The needed columns that no heading of the file leads to."""
    if batch.preset:
        return []
    kind = imports.kind(batch.kind)
    there = set(batch.understood.values()) | ({"company_account_number"} if batch.said.company else set())
    made = {name for column in (kind.columns if kind else ()) if column.name in there for name in column.splits or ()}
    return [
        column.name for column in (kind.columns if kind else ()) if column.required and not column.aside and column.name not in there | made
    ]


def unclear(batch: Batch) -> bool:
    """Whether most headings are not understood, so that a person should look."""
    known = sum(1 for top in batch.headings if top and (top in batch.understood or top in batch.said.mapping))
    return sum(1 for top in batch.headings if top) > 2 * known


async def plan(
    db: Db, imports: Imports, directory: Any, batch: Batch, actor: Actor, now: str, report: planning.Report | None = None
) -> Batch:
    """The import with a plan of its rows. Raises Unreadable, Refused where its file is gone, and what the directory raises."""
    raw = await batches.content(db, batch.id)
    if raw is None:
        raise Refused("The file is not kept any more. Choose it again.")
    await planning.plan(db, imports, directory, batch, raw, actor, now, report or _unheard)
    found = await batches.by_id(db, batch.id)
    assert found is not None
    return found


async def apply(
    db: Db, imports: Imports, directory: Any, batch: Batch, actor: Actor, *,
    valid_only: bool, transaction: Callable[[], AbstractAsyncContextManager[Transaction]],
    done: Callable[[Transaction, Batch], Awaitable[None]], report: planning.Report | None = None,
) -> Batch:  # fmt: skip
    """The import as it is applied; planned again where others have written to its rows. With errors nothing is applied unless
    ``valid_only``: see ``state``. ``done`` does what belongs to it in the last transaction, such as answering or ending a job.

    Raises Refused where it has been applied before, or others never left its rows alone; and what plan() raises.
    """
    for attempt in range(MOST_PLANS):
        if attempt:
            batch = await plan(db, imports, directory, batch, actor, utc_now(), report)
        if batch.errors and not valid_only:
            return batch
        try:
            async with transaction() as tx:
                applied = await _applied(tx, imports, batch, actor)
                await done(tx, applied)
            return applied
        except PlanIsOld:
            continue
    raise Refused(TOO_BUSY)


async def undo(tx: Transaction, imports: Imports, batch: Batch, actor: Actor, now: str) -> None:
    """Bring back what was there before, in this transaction. Raises Refused; let it leave the transaction."""
    if not batch.may_be_undone(now) and batch.state != "undoing":
        raise Refused(f"An import can be undone for {batches.UNDO_DAYS} days after it was applied.")
    if not await batches.undone(tx, batch.id, now):
        raise Refused("It is undone already.")
    try:
        await moving.undo(tx, batch.id, _tables(imports, batch), now)
    except PlanIsOld as touched:
        raise Refused(TOUCHED) from touched
    await imports.written(tx, now)
    facts = {"file": batch.file_name, "digest": batch.digest, **_counts(batch)}
    await audit.record(tx, actor, f"{batch.kind}.import_undone", f"import/{batch.id}", now=now, before=facts)


async def _applied(tx: Transaction, imports: Imports, batch: Batch, actor: Actor) -> Batch:
    now = utc_now()
    if not await batches.applied(tx, batch.id, now):
        raise Refused("It is applied already.")
    kinds = _kinds(imports, batch)
    for kind in kinds:
        if kind.hold is not None:
            await kind.hold(tx)
    together = [name for kind in kinds for name in kind.together]
    await moving.apply(tx, batch.id, _tables(imports, batch), batch.number, together, now)
    if batch.created or batch.updated:
        await imports.written(tx, now)
    facts = {"file": batch.file_name, "digest": batch.digest, **_counts(batch)}
    await audit.record(tx, actor, f"{batch.kind}.imported", f"import/{batch.id}", now=now, after=facts)
    found = await batches.by_id(tx, batch.id)
    assert found is not None
    return found


def _kinds(imports: Imports, batch: Batch) -> list[ImportKind]:
    return [kind for name in batch.kinds.split() if (kind := imports.kind(name)) is not None]


def _tables(imports: Imports, batch: Batch) -> list[Any]:
    return list({table.name: table for kind in _kinds(imports, batch) for table in kind.tables}.values())


def _counts(batch: Batch) -> dict[str, int]:
    return {"created": batch.created, "updated": batch.updated, "unchanged": batch.unchanged, "errors": batch.errors}


def _all_columns(imports: Imports, kind: str) -> tuple[Column, ...]:
    found = imports.kind(kind)
    return found.columns if found else ()


def _merged(remembered: Choices, said: Choices) -> Choices:
    """What is said now goes before what was said of such a file earlier."""
    return Choices(
        mapping={**remembered.mapping, **said.mapping},
        words={**remembered.words, **said.words},
        company=said.company,
        source=said.source or remembered.source,
        decimal=said.decimal if said.decimal != "either" else remembered.decimal,
        preset=said.preset,
        companies={**remembered.companies, **said.companies},
        options=said.options,
    )


async def _unheard(done: int, total: int) -> None:
    """Nobody asks how far it is."""
