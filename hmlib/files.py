"""Tables in: CSV and XLSX read against declared columns, each bad cell named; what an import did. (Tables out: exports.py.)"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hmlib.cells import BadCell, Column, heading, reader
from hmlib.dates import order_of
from hmlib.exports import write_csv, write_json, write_xlsx
from hmlib.sheets import MAX_BYTES, Cells, Grid, Unreadable, grid

__all__ = [
    "MAX_BYTES",
    "Change",
    "Column",
    "Outcome",
    "Row",
    "RowError",
    "Sheet",
    "Unreadable",
    "headings",
    "read",
    "write_csv",
    "write_json",
    "write_xlsx",
]

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class RowError:
    """One cell that cannot be used: `line` counts from 1 in the file, `value` is what stands there (at most 200 characters)."""

    line: int
    column: str
    value: str
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """A good row: a value for every declared column, None where the cell is empty, says N/A, or the file has no such column."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Sheet:
    """What a file says: its good rows in order, its bad cells, and notes for the person. `present` are the declared columns it has;
    `repeated` are the lines left out because an earlier line says exactly the same."""

    rows: list[Row]
    errors: list[RowError]
    notes: list[str]
    present: frozenset[str] = frozenset()
    repeated: tuple[int, ...] = ()


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


def read(raw: bytes, name: str, columns: Sequence[Column], mapping: Mapping[str, str] | None = None, *, day_first: bool = False) -> Sheet:
    """The rows of a file. `mapping` leads from a heading in the file to a column's name ("" leaves it out); what it does not mention
    is matched without case, spaces and underscores. Dates like 03/04/2026 follow the file's unmistakable ones, else `day_first`.
    Two lines with the same key are reported: exact copies as a note, others as an error. Raises Unreadable. Blocking."""
    table = grid(raw, {heading(column.name) for column in columns} | {heading(text) for text in mapping or {}})
    at, top, places, notes = _matched(table, columns, mapping or {}, name)
    missing = [column.name for column in columns if column.required and column.name not in places]
    if missing:
        line = table.rows[at][0] if table.rows else 1
        return Sheet([], [RowError(line, column, "", "The file has no such column.") for column in missing], notes, frozenset(places))
    if not places:
        raise Unreadable("The file has none of the columns " + ", ".join(column.name for column in columns) + ".")
    body = table.rows[at + 1 :]
    read_cell = _readers(columns, places, body, table.delimiter, day_first)
    rows, errors = _values(body, len(top), [column.name for column in columns], read_cell)
    rows, repeated = _without_repeats(rows, columns, errors, notes)
    return Sheet(rows, errors, notes, frozenset(places), repeated)


def headings(raw: bytes, columns: Sequence[Column]) -> tuple[list[str], dict[str, str]]:
    """The headings of a file, and which column each is taken for: what a person needs to choose a mapping. Raises Unreadable."""
    table = grid(raw, {heading(column.name) for column in columns})
    _, top, places, _ = _matched(table, columns, {}, "")
    return top, {top[place]: name for name, place in places.items()}


def _matched(
    table: Grid, columns: Sequence[Column], mapping: Mapping[str, str], name: str
) -> tuple[int, list[str], dict[str, int], list[str]]:
    """Where the heading is among the rows, its texts, the place of each column in it, and notes."""
    names = {heading(column.name): column.name for column in columns}
    names |= {heading(text): column for text, column in mapping.items()}
    if not table.rows:
        raise Unreadable(f"The file {name} is empty." if name else "The file is empty.")
    fits = [sum(heading(str(cell)) in names for cell in cells) for _, cells in table.rows[:10]]
    at = fits.index(max(fits))
    top = [str(cell).strip() for cell in table.rows[at][1]]
    while top and not top[-1]:
        top.pop()
    places: dict[str, int] = {}
    notes = list(table.notes)
    for place, text in enumerate(top):
        column = names.get(heading(text))
        if column and column in places:
            notes.append(f"The column {text} stands there twice; the first one counts.")
        elif column:
            places[column] = place
        elif text and column is None:
            notes.append(f"The column {text} is not known and was left out.")
    return at, top, places, notes


def _readers(
    columns: Sequence[Column], places: Mapping[str, int], body: Sequence[tuple[int, Cells]], delimiter: str, day_first: bool
) -> list[tuple[Column, int, Callable[[Any], Any]]]:
    found = [(column, places[column.name]) for column in columns if column.name in places]
    dated = [place for column, place in found if column.kind in ("date", "datetime")]
    order = order_of((cells[place] for _, cells in body for place in dated if place < len(cells)), day_first)
    return [(column, place, reader(column, order, comma=delimiter == ";")) for column, place in found]


def _values(
    body: Iterable[tuple[int, Cells]], width: int, names: Sequence[str], readers: Sequence[tuple[Column, int, Callable[[Any], Any]]]
) -> tuple[list[Row], list[RowError]]:
    rows: list[Row] = []
    errors: list[RowError] = []
    empty: dict[str, Any] = dict.fromkeys(names)
    for line, cells in body:
        good = True
        if len(cells) != width and not _fits(line, cells, width, errors):
            continue
        values = empty.copy()
        for column, place, read_cell in readers:
            try:
                value = values[column.name] = read_cell(cells[place])
            except BadCell as wrong:
                errors.append(RowError(line, column.name, str(cells[place])[:_SHOWN], f"The value {wrong.args[0]}."))
                good = False
                continue
            if value is None and column.required:
                errors.append(RowError(line, column.name, str(cells[place])[:_SHOWN], "A value is needed here."))
                good = False
        if good:
            rows.append(Row(line, values))
    return rows, errors


def _fits(line: int, cells: Cells, width: int, errors: list[RowError]) -> bool:
    """Short rows are filled up, empty cells past the heading ignored; anything more means that the row is shifted."""
    if any(cell not in ("", None) and not str(cell).isspace() for cell in cells[width:]):
        extra = str(next(cell for cell in cells[width:] if cell not in ("", None)))
        errors.append(RowError(line, "", extra.strip()[:_SHOWN], f"The row has more cells ({len(cells)}) than the heading ({width})."))
        return False
    cells += [""] * (width - len(cells))
    return True


def _without_repeats(
    rows: list[Row], columns: Sequence[Column], errors: list[RowError], notes: list[str]
) -> tuple[list[Row], tuple[int, ...]]:
    keys = [column.name for column in columns if column.key]
    known = any(column.name == "external_id" for column in columns)
    first: dict[tuple[str, ...], Row] = {}
    kept: list[Row] = []
    repeated = []
    for row in rows:
        identity = _identity(row.values, keys, known)
        earlier = first.setdefault(identity, row) if identity else row
        if earlier is row:
            kept.append(row)
        elif earlier.values == row.values:
            repeated.append(row.line)
            notes.append(f"Line {row.line} repeats line {earlier.line} and was left out.")
        else:
            what = "external_id" if identity and len(identity) == 1 else " + ".join(keys)
            value = ", ".join(str(row.values[name]) for name in what.split(" + "))
            errors.append(RowError(row.line, what, value[:_SHOWN], f"The same {what} is on line {earlier.line} with other values."))
    return kept, tuple(repeated)


def _identity(values: Mapping[str, Any], keys: Sequence[str], known: bool) -> tuple[str, ...] | None:
    if known and values["external_id"] is not None:
        return (values["external_id"],)
    parts = [values[key] for key in keys]
    return ("", *(str(part).casefold() for part in parts)) if keys and None not in parts else None
