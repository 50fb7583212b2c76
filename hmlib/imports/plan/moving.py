"""The last transaction of an import, and of its undo: planned rows move over by a few statements a table, whatever their number."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from hmlib.db import change_numbers
from hmlib.db.database import Conflict, Db
from hmlib.imports.kind import Table
from hmlib.imports.plan.rows import value

BEFORE, AFTER = "before_json", "after_json"
MUCH_ROOM, USUAL_ROOM = 65_536, 2_000
MOST_COMPARED = 500
"""Rows of a kind that others may have written while a plan was made, before all of it is planned again."""


class PlanIsOld(Exception):
    """Raised when a row has been written by somebody else since it was planned; let it leave the transaction."""


async def apply(tx: Db, batch_id: str, tables: Sequence[Table], number: int, together: Sequence[str], now: str) -> None:
    """Write what was planned at a change number. Raises PlanIsOld, also for what the data do not allow any more."""
    await tx.run("UPDATE import_turn SET number = number + 1 WHERE id = 1")  # two imports go one after another, on PostgreSQL too
    for kind in together:
        if await change_numbers.changed(tx, kind, number):
            raise PlanIsOld
    try:
        async with _much_room(tx):
            for table in _whole(tables):
                await _check_new(tx, batch_id, table, number)
                await _let_go(tx, batch_id, table)
                await _update(tx, batch_id, table, AFTER, 0, now)
                await tx.run(_insert(table), id=batch_id, now=now)
            for table in tables:
                if table.part_of:
                    await _put_parts(tx, batch_id, table, AFTER)
            await _bury_left(tx, batch_id, tables, BEFORE, AFTER, now)
    except Conflict as conflict:
        raise PlanIsOld from conflict


async def undo(tx: Db, batch_id: str, tables: Sequence[Table], now: str) -> None:
    """Write what was there before. Raises PlanIsOld where a row is not as the import has left it, or something hangs on it."""
    try:
        async with _much_room(tx):
            await _bury_made(tx, batch_id, tables, now)
            for table in tables:
                if table.part_of:
                    await _put_parts(tx, batch_id, table, BEFORE)
            for table in reversed(_whole(tables)):
                await _delete(tx, batch_id, table)
            for table in _whole(tables):
                await _let_go(tx, batch_id, table)
                await _update(tx, batch_id, table, BEFORE, 1, now)
                await _count_on(tx, batch_id, table)
            await _bury_left(tx, batch_id, tables, AFTER, BEFORE, now)
    except Conflict as conflict:
        raise PlanIsOld from conflict


@asynccontextmanager
async def _much_room(tx: Db) -> AsyncIterator[None]:
    """Give SQLite 64 MiB of pages at hand, and take them back however the transaction ends: with its usual 2 MB a large one reads its own
    pages back again and again, which doubles its time (measured with 100,000 devices)."""
    await _keep_pages(tx, MUCH_ROOM)
    try:
        yield
    finally:
        await _keep_pages(tx, USUAL_ROOM)


async def _keep_pages(tx: Db, kib: int) -> None:
    if tx.dialect == "sqlite":
        await tx.run(f"PRAGMA cache_size = -{kib}")


def _whole(tables: Sequence[Table]) -> list[Table]:
    return [table for table in tables if not table.part_of]


async def _check_new(tx: Db, batch_id: str, table: Table, number: int) -> None:
    """Nobody has made meanwhile what the plan would make once more."""
    changed = await change_numbers.changed(tx, table.noun, number) if table.keys else []
    if len(changed) > MOST_COMPARED:
        raise PlanIsOld
    for key in table.keys if changed else ():
        rows = await tx.all(f"SELECT {', '.join(key)} FROM {table.name} WHERE {table.key} IN :changed", changed=changed)
        theirs = {tuple(row.values()) for row in rows}
        ours = await tx.all(
            f"""
            SELECT {", ".join(f"{value(AFTER, table, column)} AS {column}" for column in key)} FROM import_row
            WHERE batch_id = :id AND outcome = 'create' AND target = :target AND {value(AFTER, table, key[-1])} IN :names
            """,
            id=batch_id,
            target=table.name,
            names=sorted({one[-1] for one in theirs}),
        )
        if any(tuple(row.values()) in theirs for row in ours):
            raise PlanIsOld


async def _update(tx: Db, batch_id: str, table: Table, side: str, later: int, now: str) -> None:
    """Every row that was to change has the version that it was planned at, or ``later`` ones, and is written."""
    wanted = await _count(tx, batch_id, table, "update")
    if not wanted:
        return
    assignments = ", ".join(f"{column} = {value(f'planned.{side}', table, column)}" for column in table.columns)
    written = await tx.run(
        f"""
        UPDATE {table.name} SET {assignments}, updated_at = :now, version = {table.name}.version + 1 FROM import_row planned
        WHERE planned.batch_id = :id AND planned.outcome = 'update' AND planned.target = '{table.name}'
            AND {table.name}.{table.key} = planned.record_id AND {table.name}.version = planned.record_version + :later
        """,
        id=batch_id,
        now=now,
        later=later,
    )
    if written != wanted:
        raise PlanIsOld


async def _count_on(tx: Db, batch_id: str, table: Table) -> None:
    """Rows that are as earlier imports left them again are untouched for these, too: what they know of their versions goes on by the two
    that an import and its undo have taken, so that several imports are undone one after another. What others wrote between stays seen."""
    await tx.run(
        """
        UPDATE import_row SET record_version = import_row.record_version + 2 FROM import_row undone
        WHERE undone.batch_id = :id AND undone.outcome = 'update' AND undone.target = :target
            AND import_row.record_id = undone.record_id AND import_row.target = undone.target AND import_row.batch_id <> :id
            AND (
                (import_row.outcome = 'update' AND import_row.record_version < undone.record_version)
                OR (import_row.outcome = 'create' AND import_row.record_version <= undone.record_version)
            )
            AND import_row.batch_id IN (SELECT id FROM import_batch WHERE state = 'applied')
        """,
        id=batch_id,
        target=table.name,
    )


async def _let_go(tx: Db, batch_id: str, table: Table) -> None:
    """Rows that give up what only one may have do so first, so that others of the file may take it; both engines look at each row."""
    for unique in table.unique:
        free = unique.columns[-1]
        moved = " OR ".join(f"{_said(BEFORE, column)} <> {_said(AFTER, column)}" for column in unique.columns)
        await tx.run(
            f"""
            UPDATE {table.name} SET {free} = '~' || {table.name}.{table.key} FROM import_row planned
            WHERE planned.batch_id = :id AND planned.outcome = 'update' AND planned.target = '{table.name}'
                AND {table.name}.{table.key} = planned.record_id AND ({moved})
            """,
            id=batch_id,
        )


def _said(side: str, column: str) -> str:
    return f"COALESCE(planned.{side} ->> '{column}', '')"


def _insert(table: Table) -> str:
    names = ", ".join([table.key, *table.columns])
    values = ", ".join(["planned.record_id", *(value(f"planned.{AFTER}", table, column) for column in table.columns)])
    return f"""
        INSERT INTO {table.name} ({names}, created_at, updated_at, version) SELECT {values}, CAST(:now AS TEXT), CAST(:now AS TEXT), 1
        FROM import_row planned WHERE planned.batch_id = :id AND planned.outcome = 'create' AND planned.target = '{table.name}'
        ORDER BY planned.number
        """


async def _delete(tx: Db, batch_id: str, table: Table) -> None:
    """Every row that was made is as it was made, and goes."""
    made = f"FROM import_row WHERE batch_id = :id AND outcome = 'create' AND target = '{table.name}'"
    gone = await tx.run(
        f"""
        DELETE FROM {table.name} WHERE {table.key} IN (SELECT record_id {made}) AND ({table.key}, version) IN
            (SELECT record_id, record_version {made})
        """,
        id=batch_id,
    )
    if gone != await _count(tx, batch_id, table, "create"):
        raise PlanIsOld


async def _put_parts(tx: Db, batch_id: str, table: Table, side: str) -> None:
    """What belongs to the rows that were planned, as it is on one side."""
    of = "SELECT record_id FROM import_row WHERE batch_id = :id AND target = :target AND outcome IN ('part before', 'part after')"
    await tx.run(f"DELETE FROM {table.name} WHERE {table.key} IN ({of})", id=batch_id, target=table.name)
    names = ", ".join([table.key, *table.columns])
    values = ", ".join(["planned.record_id", *(value(f"planned.{side}", table, column) for column in table.columns)])
    await tx.run(
        f"""
        INSERT INTO {table.name} ({names}) SELECT {values} FROM import_row planned
        WHERE planned.batch_id = :id AND planned.outcome = :outcome AND planned.target = :target ORDER BY planned.number
        """,
        id=batch_id,
        target=table.name,
        outcome="part before" if side == BEFORE else "part after",
    )


async def _bury_left(tx: Db, batch_id: str, tables: Sequence[Table], gone: str, kept: str, now: str) -> None:
    """Rows that have left a company are remembered for who follows that one."""
    for table in _whole(tables):
        if table.company and table.company != table.key:
            await tx.run(
                f"""
                {_GRAVE} SELECT :noun, record_id, {gone} ->> '{table.company}', CAST(:now AS TEXT) FROM import_row
                WHERE batch_id = :id AND target = :target AND outcome = 'update'
                    AND {gone} ->> '{table.company}' <> {kept} ->> '{table.company}'
                {_AGAIN}
                """,
                id=batch_id,
                target=table.name,
                noun=table.noun,
                now=now,
            )
    for table in tables:
        if table.part_of and table.company:
            then, later = ("part before", "part after") if gone == BEFORE else ("part after", "part before")
            await tx.run(
                f"""
                {_GRAVE} SELECT :noun, was.record_id, was.{gone} ->> '{table.company}', CAST(:now AS TEXT) FROM import_row was
                WHERE was.batch_id = :id AND was.target = :target AND was.outcome = :then AND NOT EXISTS (
                    SELECT 1 FROM import_row now_is WHERE now_is.batch_id = :id AND now_is.record_id = was.record_id
                        AND now_is.outcome = :later AND now_is.{kept} ->> '{table.company}' = was.{gone} ->> '{table.company}')
                    AND EXISTS (SELECT 1 FROM {table.part_of} WHERE {table.part_of}.id = was.record_id)
                {_AGAIN}
                """,
                id=batch_id, target=table.name, noun=table.noun, now=now, then=then, later=later,
            )  # fmt: skip


async def _bury_made(tx: Db, batch_id: str, tables: Sequence[Table], now: str) -> None:
    """What was made and goes again is remembered, for each company that it belonged to."""
    for table in tables:
        outcome, whose = ("part after", table.company) if table.part_of else ("create", table.company)
        if not table.noun:
            continue
        company = "''" if not whose else "record_id" if whose == table.key else f"{AFTER} ->> '{whose}'"
        made = f"AND record_id IN (SELECT record_id FROM import_row WHERE batch_id = :id AND {_MADE} '{table.part_of}')"
        await tx.run(
            f"""
            {_GRAVE} SELECT :noun, record_id, {company}, CAST(:now AS TEXT) FROM import_row
            WHERE batch_id = :id AND target = :target AND outcome = :outcome {made if table.part_of else ""}
            {_AGAIN}
            """,
            id=batch_id, target=table.name, noun=table.noun, now=now, outcome=outcome,
        )  # fmt: skip


async def _count(tx: Db, batch_id: str, table: Table, outcome: str) -> int:
    return int(
        await tx.value(
            "SELECT count(*) FROM import_row WHERE batch_id = :id AND outcome = :outcome AND target = :target",
            id=batch_id,
            outcome=outcome,
            target=table.name,
        )
    )


_MADE = "outcome = 'create' AND target ="
_GRAVE = "INSERT INTO tombstone (noun, id, company_id, deleted_at)"
_AGAIN = "ON CONFLICT (noun, id, company_id) DO UPDATE SET deleted_at = excluded.deleted_at"
