"""Imports by people: the file, how its headings are understood, how far the work is, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from hmlib.clock import shifted
from hmlib.db.database import Db

KEPT_DAYS = 90
SILENT_SECONDS = 30
WORKING = ("checking", "applying")
_COLUMNS = "id, kind, file_name, headings, mapping, state, done, total, outcome, started_by, started_by_name, created_at, updated_at"


@dataclass(frozen=True)
class ImportRun:
    """One import. `state` goes mapping, checking, checked, applying, applied, or failed; `headings` are the file's, `mapping` leads from
    a heading to a column ("" leaves it out); `done` of `total` rows are worked on; `outcome` is JSON once there is one."""

    id: str
    kind: str
    file_name: str
    headings: tuple[str, ...]
    mapping: Mapping[str, str]
    state: str
    done: int
    total: int
    outcome: str
    started_by: str
    started_by_name: str
    created_at: str
    updated_at: str

    def interrupted(self, now: str) -> bool:
        """Whether the process that worked on it has gone silent."""
        return self.state in WORKING and self.updated_at < shifted(now, -SILENT_SECONDS)


async def add(tx: Db, run: ImportRun, raw: bytes) -> None:
    """A new import; those older than 90 days go."""
    await tx.run("DELETE FROM import_run WHERE created_at < :before", before=shifted(run.created_at, -KEPT_DAYS * 86_400))
    await tx.run(
        f"""
        INSERT INTO import_run ({_COLUMNS}, raw) VALUES (:id, :kind, :file_name, :headings, :mapping, :state, :done, :total, :outcome,
            :started_by, :started_by_name, :created_at, :updated_at, :raw)
        """,
        **{**vars(run), "headings": _text(run.headings), "mapping": _text(run.mapping)},
        raw=raw,
    )


async def recent(db: Db, started_by: str | None) -> list[ImportRun]:
    """The latest fifty, of everybody or of one person."""
    mine = "TRUE" if started_by is None else "started_by = :started_by"
    params = {} if started_by is None else {"started_by": started_by}
    rows = await db.all(f"SELECT {_COLUMNS} FROM import_run WHERE {mine} ORDER BY created_at DESC, id DESC LIMIT 50", **params)
    return [_run(row) for row in rows]


async def by_id(db: Db, id: str) -> ImportRun | None:
    row = await db.one(f"SELECT {_COLUMNS} FROM import_run WHERE id = :id", id=id)
    return _run(row) if row else None


async def raw_of(db: Db, id: str) -> bytes | None:
    """The file, as long as it may still be needed."""
    found = await db.value("SELECT raw FROM import_run WHERE id = :id", id=id)
    return None if found is None else bytes(found)


async def enter(tx: Db, id: str, before: tuple[str, ...], state: str, now: str) -> bool:
    """Go on to a state, if the import is in one of those before it (or was interrupted while working); false when somebody was faster."""
    touched = await tx.run(
        """
        UPDATE import_run SET state = :state, done = 0, total = 0, updated_at = :now
        WHERE id = :id AND (state IN :before OR (state IN :working AND updated_at < :silent))
        """,
        id=id,
        before=list(before),
        working=list(WORKING),
        state=state,
        now=now,
        silent=shifted(now, -SILENT_SECONDS),
    )
    return bool(touched)


async def choose(tx: Db, id: str, kind: str, mapping: Mapping[str, str], now: str) -> None:
    """Keep how the headings are understood, for this file and for the next ones of its kind."""
    await tx.run("UPDATE import_run SET mapping = :mapping, updated_at = :now WHERE id = :id", id=id, mapping=_text(mapping), now=now)
    await tx.many(
        """
        INSERT INTO import_mapping (kind, heading, column_name) VALUES (:kind, :heading, :column)
        ON CONFLICT (kind, heading) DO UPDATE SET column_name = excluded.column_name
        """,
        [{"kind": kind, "heading": heading, "column": column} for heading, column in mapping.items()],
    )


async def remembered(db: Db, kind: str) -> dict[str, str]:
    """How headings of this kind of file were understood before."""
    rows = await db.all("SELECT heading, column_name FROM import_mapping WHERE kind = :kind", kind=kind)
    return {row["heading"]: row["column_name"] for row in rows}


async def note(db: Db, id: str, done: int, total: int, now: str) -> None:
    await db.run(
        "UPDATE import_run SET done = :done, total = :total, updated_at = :now WHERE id = :id AND state IN :working",
        id=id,
        done=done,
        total=total,
        now=now,
        working=list(WORKING),
    )


async def finish(db: Db, id: str, state: str, outcome: str, now: str) -> bool:
    """Keep what came of it; the file itself is not needed any more once it is applied. False when it has been applied before."""
    raw = ", raw = NULL" if state == "applied" else ""
    touched = await db.run(
        f"UPDATE import_run SET state = :state, outcome = :outcome, updated_at = :now{raw} WHERE id = :id AND raw IS NOT NULL",
        id=id,
        state=state,
        outcome=outcome,
        now=now,
    )
    return bool(touched)


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _run(row: Mapping[str, Any]) -> ImportRun:
    headings = tuple(msgspec.json.decode(row["headings"], type=list[str]))
    return ImportRun(**{**row, "headings": headings, "mapping": msgspec.json.decode(row["mapping"], type=dict[str, str])})
