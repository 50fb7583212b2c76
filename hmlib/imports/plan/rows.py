"""The table of planned rows: written in slices, read for people, and moved over into the tables they go to by a statement each."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hmlib.db.database import Db
from hmlib.imports.kind import Planned, Table

DELETED_AT_ONCE = 2_000
MOST_ERRORS = 100_000
PLANNED = ("create", "update", "unchanged", "error")


async def clear(db: Db, batch_id: str) -> None:
    """Forget the rows of an earlier plan, some at a time, so that nobody waits."""
    while await db.run(
        """
        DELETE FROM import_row WHERE batch_id = :id AND number IN
            (SELECT number FROM import_row WHERE batch_id = :id ORDER BY number LIMIT :most)
        """,
        id=batch_id,
        most=DELETED_AT_ONCE,
    ):
        pass


async def add(tx: Db, batch_id: str, first: int, rows: Sequence[Planned]) -> None:
    """Further rows of a plan, numbered from ``first``."""
    await tx.many(
        """
        INSERT INTO import_row (batch_id, number, line, outcome, target, record_id, record_version, label, changed, before_json, after_json,
            what, value, message)
        VALUES (:batch_id, :number, :line, :outcome, :target, :id, :version, :label, :changed, :before, :after, :what, :value, :message)
        """,
        [{"batch_id": batch_id, "number": number, **as_row(row)} for number, row in enumerate(rows, first)],
    )


def as_row(row: Planned) -> dict[str, Any]:
    """A planned row as it is stored."""
    return {
        "line": row.line, "outcome": row.outcome, "target": row.target, "id": row.id, "version": row.version, "label": row.label,
        "changed": _text(row.fields), "before": None if row.before is None else _text(row.before),
        "after": None if row.after is None else _text(row.after), "what": row.what, "value": row.value, "message": row.message,
    }  # fmt: skip


async def counts(db: Db, batch_id: str) -> dict[str, int]:
    """How many rows of each outcome; what rows need beside themselves (line 0) is none."""
    rows = await db.all("SELECT outcome, count(*) AS rows FROM import_row WHERE batch_id = :id AND line > 0 GROUP BY outcome", id=batch_id)
    found = {row["outcome"]: row["rows"] for row in rows}
    return {outcome: found.get(outcome, 0) for outcome in PLANNED}


async def of_outcome(db: Db, batch_id: str, outcome: str, most: int, skipped: int = 0) -> list[dict[str, Any]]:
    """Rows of one outcome by their line."""
    rows = await db.all(
        """
        SELECT line, outcome, target, record_id, label, changed, what, value, message FROM import_row
        WHERE batch_id = :id AND outcome = :outcome AND line > 0 ORDER BY line, number LIMIT :most OFFSET :skipped
        """,
        id=batch_id,
        outcome=outcome,
        most=most,
        skipped=skipped,
    )
    return [{**row, "changed": msgspec.json.decode(row["changed"])} for row in rows]


async def refuse(tx: Db, batch_id: str, numbers: Mapping[int, str], column: str, message: str) -> None:
    """Rows that end with what another has become errors; ``numbers`` are their values by their number."""
    await tx.many(
        """
        UPDATE import_row SET outcome = 'error', what = :column, value = :value, message = :message
        WHERE batch_id = :id AND number = :number
        """,
        [{"id": batch_id, "number": number, "value": value, "column": column, "message": message} for number, value in numbers.items()],
    )


async def sharing(db: Db, batch_id: str, table: Table, columns: Sequence[str], shown: str) -> list[dict[str, Any]]:
    """The rows of a plan that would end with columns that a row outside the plan has, or an earlier one of it: number, and what stands in
    the column ``shown``."""
    said = {column: value("row.after_json", table, column) for column in columns}
    same = " AND ".join(f"other.{column} = {theirs}" for column, theirs in said.items())
    written = "row.batch_id = :id AND row.target = :target AND row.outcome IN ('create', 'update')"
    return await db.all(
        f"""
        SELECT row.number, {value("row.after_json", table, shown)} AS value
        FROM import_row row CROSS JOIN {table.name} other
        WHERE {written} AND {same} AND other.{table.key} <> row.record_id AND NOT EXISTS
            (SELECT 1 FROM import_row moved WHERE moved.record_id = other.{table.key} AND moved.batch_id = :id AND moved.outcome = 'update')
        UNION
        SELECT number, value FROM (
            SELECT row.number, {value("row.after_json", table, shown)} AS value,
                min(row.number) OVER (PARTITION BY {", ".join(said.values())}) AS first
            FROM import_row row WHERE {written} AND {" AND ".join(f"{theirs} IS NOT NULL" for theirs in said.values())}
        ) numbered WHERE first < number
        """,
        id=batch_id,
        target=table.name,
    )


def value(side: str, table: Table, column: str) -> str:
    """A column out of a JSON object, on both engines."""
    kind = table.columns[column]
    return f"{side} ->> '{column}'" if kind == "TEXT" else f"CAST({side} ->> '{column}' AS {kind})"


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
