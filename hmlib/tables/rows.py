"""A table's rows against declared columns: each good row with its values, each bad cell named."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from hmlib import text as texts
from hmlib.tables.cells import BadCell, Column, Rounded, heading, numbers_of, reader
from hmlib.tables.dates import order_of
from hmlib.tables.sheets import Cells, Grid, Unreadable, grid

MAX_ERRORS = 5_000
MAX_NOTES = 100
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
    """What a file says: its good rows in order, its first 5,000 bad cells, and notes for the person. `present` are the declared columns
    it has; `repeated` are the lines left out because an earlier line says exactly the same."""

    rows: list[Row]
    errors: list[RowError]
    notes: list[str]
    present: frozenset[str] = frozenset()
    repeated: tuple[int, ...] = ()


class _Report:
    """Bad cells and notes, the first so many of them, and how many more there were."""

    def __init__(self, notes: Iterable[str]) -> None:
        self.errors: list[RowError] = []
        self._notes = list(notes)
        self._more: Counter[str] = Counter()

    def error(self, line: int, column: str, value: object, message: str) -> None:
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(RowError(line, column, str(value)[:_SHOWN], message))
        else:
            self._more["more errors are not listed"] += 1

    def note(self, text: str, kind: str) -> None:
        """A note about one line; `kind` says what the others of its kind are, such as "more lines were left out"."""
        if len(self._notes) < MAX_NOTES:
            self._notes.append(text)
        else:
            self._more[kind] += 1

    @property
    def notes(self) -> list[str]:
        return [*self._notes, *(f"{count:,} {kind}." for kind, count in self._more.items())]


@dataclass(frozen=True)
class _Place:
    """Where a column stands in the rows, and how its cells are read."""

    column: Column
    read: Callable[[Any], Any]


def read(raw: bytes, name: str, columns: Sequence[Column], mapping: Mapping[str, str], *, day_first: bool) -> Sheet:
    """See files.read, which calls this in a limited child where the file is long. Raises Unreadable. Blocking."""
    table = grid(raw, {heading(column.name) for column in columns} | {heading(text) for text in mapping})
    first = list(islice(table.rows, 10))
    at, top, places, notes = _matched(table, first, columns, mapping, name)
    report = _Report(notes)
    missing = [column.name for column in columns if column.required and column.name not in places]
    if missing:
        for column in missing:
            report.error(first[at][0], column, "", "The file has no such column.")
        return Sheet([], report.errors, report.notes, frozenset(places))
    if not places:
        raise Unreadable("The file has none of the columns " + ", ".join(column.name for column in columns) + ".")
    found = [column for column in columns if column.name in places]
    body = list(_narrowed(chain(first[at + 1 :], table.rows), len(top), [places[column.name] for column in found], report))
    rows = _values(body, [column.name for column in columns], _readers(found, body, table.delimiter, day_first), report)
    rows, repeated = _without_repeats(rows, columns, report)
    report.errors.sort(key=lambda error: error.line)
    return Sheet(rows, report.errors, report.notes, frozenset(places), repeated)


def headings(raw: bytes, columns: Sequence[Column]) -> tuple[list[str], dict[str, str]]:
    """See files.headings. The whole file is read, so that one that cannot be taken is refused before anybody maps its columns."""
    table = grid(raw, {heading(column.name) for column in columns})
    first = list(islice(table.rows, 10))
    _, top, places, _ = _matched(table, first, columns, {}, "")
    for _ in table.rows:
        continue
    return top, {top[place]: name for name, place in places.items()}


def _matched(
    table: Grid, first: Sequence[tuple[int, Cells]], columns: Sequence[Column], mapping: Mapping[str, str], name: str
) -> tuple[int, list[str], dict[str, int], list[str]]:
    """Where the heading is among the first rows, its texts, the place of each column in it, and notes."""
    names = {heading(column.name): column.name for column in columns}
    names |= {heading(text): column for text, column in mapping.items()}
    if not first:
        raise Unreadable(f"The file {name} is empty." if name else "The file is empty.")
    fits = [sum(heading(str(cell)) in names for cell in cells) for _, cells in first]
    at = fits.index(max(fits))
    top = [str(cell).strip() for cell in first[at][1]]
    while top and not top[-1]:
        top.pop()
    places: dict[str, int] = {}
    notes = list(table.notes)
    for place, text in enumerate(top):
        column = names.get(heading(text))
        if column and column in places:
            notes.append(f"The column {text[:_SHOWN]} stands there twice; the first one counts.")
        elif column:
            places[column] = place
        elif text and column is None:
            notes.append(f"The column {text[:_SHOWN]} is not known and was left out.")
    return at, top, places, notes


def _narrowed(rows: Iterable[tuple[int, Cells]], width: int, wanted: Sequence[int], report: _Report) -> Iterator[tuple[int, Cells]]:
    """The wanted cells of each row. Short rows are filled up, empty cells past the heading ignored; anything more means that the row
    is shifted."""
    for line, cells in rows:
        extra = next((cell for cell in cells[width:] if cell not in ("", None) and not str(cell).isspace()), None)
        if extra is not None:
            report.error(line, "", str(extra).strip(), f"The row has more cells ({len(cells)}) than the heading ({width}).")
        else:
            yield line, [cells[place] if place < len(cells) else "" for place in wanted]


def _readers(found: Sequence[Column], body: Sequence[tuple[int, Cells]], delimiter: str, day_first: bool) -> list[_Place]:
    """How each column is read: days by what the file's unmistakable ones say, numbers by what their column's say."""
    dated = [place for place, column in enumerate(found) if column.kind in ("date", "datetime")]
    order = order_of((cells[place] for _, cells in body for place in dated), day_first)
    numbers = [
        numbers_of((cells[place] for _, cells in body), delimiter) if column.kind == "decimal" or column.numeric else "either"
        for place, column in enumerate(found)
    ]
    return [_Place(column, reader(column, order, how)) for column, how in zip(found, numbers, strict=True)]


def _values(body: list[tuple[int, Cells]], names: Sequence[str], places: Sequence[_Place], report: _Report) -> list[Row]:
    rows: list[Row] = []
    empty: dict[str, Any] = dict.fromkeys(names)
    body.reverse()
    while body:  # a row's cells go as its values come, so that both are never there at once
        line, cells = body.pop()
        values, good = empty.copy(), True
        for place, cell in zip(places, cells, strict=True):
            column = place.column
            try:
                value = place.read(cell)
            except BadCell as wrong:
                report.error(line, column.name, cell, f"The value {wrong.args[0]}.")
                good = False
                continue
            except texts.Unseen as unseen:
                report.error(line, column.name, cell, str(unseen))
                good = False
                continue
            if type(value) is Rounded:
                report.note(f"Line {line}: {column.name} {str(cell)[:_SHOWN]} was rounded to {value}.", "more values were rounded")
                value = value.number
            values[column.name] = value
            if value is None and column.required:
                report.error(line, column.name, cell, "A value is needed here.")
                good = False
        if good:
            rows.append(Row(line, values))
    return rows


def _without_repeats(rows: list[Row], columns: Sequence[Column], report: _Report) -> tuple[list[Row], tuple[int, ...]]:
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
            report.note(
                f"Line {row.line} repeats line {earlier.line} and was left out.", "more lines repeat earlier ones and were left out"
            )
        else:
            what = "external_id" if identity and len(identity) == 1 else " + ".join(keys)
            value = ", ".join(str(row.values[name]) for name in what.split(" + "))
            report.error(row.line, what, value, f"The same {what} is on line {earlier.line} with other values.")
    return kept, tuple(repeated)


def _identity(values: Mapping[str, Any], keys: Sequence[str], known: bool) -> tuple[str, ...] | None:
    if known and values["external_id"] is not None:
        return (values["external_id"],)
    parts = [values[key] for key in keys]
    return ("", *(str(part).casefold() for part in parts)) if keys and None not in parts else None
