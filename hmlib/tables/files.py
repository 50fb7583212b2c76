"""Tables in: CSV and XLSX read against declared columns, each bad cell named; what an import did. (Tables out: export.py.)"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hmlib.jobs.child_process import Child, Limits, TooMuch
from hmlib.tables import child_questions, rows
from hmlib.tables.columns import Column
from hmlib.tables.formats import write_csv, write_json, write_xlsx
from hmlib.tables.reading.report import RowError
from hmlib.tables.reading.survey import Instructions
from hmlib.tables.rows import Row, Sheet, Slice, Tail
from hmlib.tables.sheets import MAX_BYTES, Unreadable, is_workbook

__all__ = [
    "MAX_BYTES",
    "Change",
    "Column",
    "Instructions",
    "Outcome",
    "Row",
    "RowError",
    "Sheet",
    "Slice",
    "Tail",
    "Unreadable",
    "headings",
    "read",
    "slices",
    "write_csv",
    "write_json",
    "write_xlsx",
]

SHORT = 64 * 1024
"""Bytes of a CSV file that is read where it is; a longer one, and every workbook, is read in a child process with an end to its time
and memory."""
LIMITS = Limits(seconds=60, patience=180.0, memory=300 * 2**20)


@dataclass(frozen=True, slots=True)
class Change:
    """What a row would do or did: `what` is create, update or unchanged; `fields` maps a changed field to (before, after)."""

    line: int
    what: str
    label: str
    fields: dict[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass
class Outcome:
    """The result of an import or of its dry run (`applied` is False then, and when errors kept everything out)."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: list[RowError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    applied: bool = False

    def as_json(self) -> dict[str, Any]:
        """What `hm import --json` prints."""
        errors = [{"line": e.line, "column": e.column, "value": e.value, "message": e.message} for e in self.errors]
        return {"created": self.created, "updated": self.updated, "unchanged": self.unchanged, "errors": errors}


def slices(raw: bytes, how: Instructions) -> Iterator[Slice | Tail]:
    """A file in slices of at most 500 rows, and at the end a Tail; a long file is read in a child process that is never far ahead.
    Raises Unreadable, at the latest after the last row. Blocking; give each step to a thread where others wait."""
    if _is_short(raw):
        yield from rows.slices(raw, how)
        return
    with _limited(raw) as child:
        yield from child_questions.slices_of(child.stream("slices", msgspec.msgpack.encode(how), raw), how.columns)


def read(raw: bytes, name: str, columns: Sequence[Column], mapping: Mapping[str, str] | None = None, *, day_first: bool = False) -> Sheet:
    """The rows of a file. `mapping` leads from a heading in the file to a column's name ("" leaves it out); what it does not mention
    is matched without case, spaces and underscores. Dates like 03/04/2026 follow the file's unmistakable ones, else `day_first`;
    numbers like 1.500 follow their column's. Two lines with the same key are reported: exact copies as a note, others as an error.
    Raises Unreadable. Blocking."""
    how = Instructions(name=name, columns=tuple(columns), mapping=dict(mapping or {}), day_first=day_first)
    return rows.whole(slices(raw, how), columns)


def headings(raw: bytes, columns: Sequence[Column], others: tuple[str, ...] = ()) -> tuple[list[str], dict[str, str]]:
    """The headings of a file, and which column each is taken for: what a person needs to choose a mapping. `others` are headings that
    help to find their line. Raises Unreadable. Blocking."""
    how = Instructions(columns=tuple(columns), noted=others)
    if _is_short(raw):
        return rows.headings(raw, how)
    with _limited(raw) as child:
        return child_questions.headings_of(child.ask("headings", msgspec.msgpack.encode(how), raw))


def _is_short(raw: bytes) -> bool:
    return len(raw) <= SHORT and not is_workbook(raw)


@contextlib.contextmanager
def _limited(raw: bytes) -> Iterator[Child]:
    """A child for one file. Raises Unreadable for a file that asks for too much."""
    if len(raw) > MAX_BYTES:
        raise Unreadable("The file is larger than 50 MB.")
    try:
        with Child("hmlib.tables.child_questions", LIMITS) as child:
            yield child
    except TooMuch:
        kind = "workbook is damaged, has a password, or" if is_workbook(raw) else "file"
        raise Unreadable(f"The {kind} takes more than {LIMITS.memory >> 20} MB of memory or {LIMITS.seconds} seconds to read.") from None
