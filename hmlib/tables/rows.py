"""A table's rows against declared columns: each good row with its values, each bad cell named."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from hmlib import text as texts
from hmlib.tables.cells import BadCell, Rounded, TwoReadings, heading, is_blank, plain, reader
from hmlib.tables.columns import LEFT, Column
from hmlib.tables.numbers import span
from hmlib.tables.reading.headings import Place
from hmlib.tables.reading.names import parted
from hmlib.tables.reading.report import MAX_ERRORS, MAX_NOTES, Report, RowError
from hmlib.tables.reading.survey import Instructions, Survey, is_total, survey
from hmlib.tables.sheets import Cells, Unreadable, grid

__all__ = ["MAX_ERRORS", "MAX_NOTES", "Row", "RowError", "Sheet", "Slice", "Tail", "headings", "read", "slices"]

SLICE = 500
"""Rows that are handed on at once."""
_SHOWN = 200
_NO_COMPANY = "The file does not say which company its rows belong to. Choose the column that does, or one company for the whole file."


@dataclass(frozen=True, slots=True)
class Row:
    """A good row: its values by column, and under `beside` what has no column but is kept. Those of files.read() have a value for every
    declared column, None where the cell is empty, says N/A, or the file has no such column. Those of a Slice have one only where the
    row says something, and None where it says that there is nothing."""

    line: int
    values: dict[str, Any]
    beside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sheet:
    """What a file says: its good rows in order, its first 5,000 bad cells, and notes for the person. `present` are the declared columns
    it has; `repeated` are the lines left out because an earlier line says exactly the same."""

    rows: list[Row]
    errors: list[RowError]
    notes: list[str]
    present: frozenset[str] = frozenset()
    repeated: tuple[int, ...] = ()


@dataclass(frozen=True)
class Slice:
    """At most 500 good rows, and the cells found bad on the way to them; `total` are the rows of the whole table."""

    rows: list[Row]
    errors: list[RowError]
    total: int = 0


@dataclass(frozen=True)
class Tail:
    """What is known after the last row: bad cells that are alike, all notes, the columns that the file has, and the lines left out because
    they repeat others."""

    errors: list[RowError]
    notes: list[str]
    present: frozenset[str]
    repeated: tuple[int, ...]


def read(raw: bytes, how: Instructions) -> Sheet:
    """A whole file at once. Raises Unreadable. Blocking."""
    return whole(slices(raw, how), how.columns)


def whole(parts: Iterable[Slice | Tail], columns: Sequence[Column]) -> Sheet:
    """All slices of a file as one sheet."""
    rows: list[Row] = []
    errors: list[RowError] = []
    tail = Tail([], [], frozenset(), ())
    empty: dict[str, Any] = {column.name: None for column in columns if not column.aside}
    for part in parts:
        errors += part.errors
        if isinstance(part, Slice):
            rows += (Row(row.line, {**empty, **row.values}, row.beside) for row in part.rows)
        else:
            tail = part
    order = {column.name: at for at, column in enumerate(columns)}
    errors.sort(key=lambda error: (error.line, order.get(error.column, -1)))
    return Sheet(rows, errors, tail.notes, tail.present, tail.repeated)


def headings(raw: bytes, how: Instructions) -> tuple[list[str], dict[str, str]]:
    """See files.headings. The whole file is read, so that one that cannot be taken is refused before anybody maps its columns."""
    found = survey(raw, how)
    return found.top, found.matched.columns


def slices(raw: bytes, how: Instructions) -> Iterator[Slice | Tail]:
    """The file in slices, and at the end a Tail. The file is gone through twice, and no more than a slice is held. Raises Unreadable before
    the first slice. Blocking."""
    found = survey(raw, how)
    report = Report(found.notes)
    missing = [column for column in how.columns if _is_missing(column, found.matched.present, how)]
    for column in missing:
        report.error(found.line, column.name, "", _NO_COMPANY if column.kind == "reference" else "The file has no such column.")
    if not missing and not found.matched.places:
        names = ", ".join(column.name for column in how.columns if not column.aside)
        raise Unreadable(f"The file has none of the columns {names}.")
    repeats = _Repeats(how, report)
    if not missing:
        reading = _Reading(found, how, report)
        rows = repeats.without(reading.rows(raw))
        while some := list(islice(rows, SLICE)):
            yield Slice(some, report.taken(), found.rows)
    errors = report.end()
    yield Tail(errors, report.notes, _given(found.matched.present, how), tuple(repeats.lines))


def _given(present: frozenset[str], how: Instructions) -> frozenset[str]:
    """The columns that rows may say something of: those that the file has, and those that are made."""
    made = {name for column in how.columns if column.name in present for name in column.splits or ()}
    made |= {column.name for column in how.columns if column.between and set(column.between) <= present}
    return frozenset((present | made | how.default.keys()) - {column.name for column in how.columns if column.aside})


def _is_missing(column: Column, present: frozenset[str], how: Instructions) -> bool:
    if not column.required or column.aside or column.name in present or column.name in how.default:
        return False
    made = [other for other in how.columns if other.name in present and column.name in (other.splits or ())]
    return not made and not (column.between and set(column.between) <= present)


class _Reading:
    """Turns the rows of a file into values."""

    def __init__(self, found: Survey, how: Instructions, report: Report) -> None:
        self._found, self._how, self._report = found, how, report
        places = zip(found.matched.places, found.numbers, found.orders, strict=True)
        starts = {place.column.name: place for place in found.matched.places}
        self._cells = [
            _Cell(place, reader(place.column, order, numbers, place.unit, how.zone), how, starts) for place, numbers, order in places
        ]
        self._made = [column for column in how.columns if column.splits or (column.between and column.name not in found.matched.present)]
        self._days_of_another = {name for name, place in starts.items() if not place.at}
        self._aside = [column.name for column in how.columns if column.aside]
        self._required = [column.name for column in how.columns if column.required]
        self._kept = _places_of(how.noted, found.top)
        self._needs = [tuple(_places_of(group, found.top).values()) for group in how.needs]

    def rows(self, raw: bytes) -> Iterator[Row]:
        """The good rows."""
        words = {heading(text) for text in self._found.top}
        width = len(self._found.top)
        for line, cells in grid(raw, words).rows:
            if line <= self._found.line or line in self._found.skip or (self._how.totals and _begins_with_total(cells)):
                continue
            if len(cells) > width and (extra := next((cell for cell in cells[width:] if not is_blank(cell)), None)) is not None:
                self._report.error(line, "", str(extra).strip(), f"The row has more cells ({len(cells)}) than the heading ({width}).")
                continue
            if len(cells) != width:
                cells = cells[:width] + [""] * (width - len(cells))
            if not self._is_filled(line, cells):
                continue
            if (values := self._values(line, cells)) is not None:
                yield Row(line, values, self._beside(line, cells) if self._kept else {})

    def _is_filled(self, line: int, cells: Cells) -> bool:
        for group, places in zip(self._how.needs, self._needs, strict=True):
            if all(_says_nothing(cells[at]) for at in places):
                what = f"nothing under {' or '.join(group)}"
                self._report.note(f"Line {line} has {what} and was left out.", f"more lines have {what} and were left out")
                return False
        return True

    def _values(self, line: int, cells: Cells) -> dict[str, Any] | None:
        values: dict[str, Any] = {}
        good = True
        for cell in self._cells:
            value = self._value(line, cell, cells)
            if value is _BAD:
                good = False
            elif value is not LEFT:
                values[cell.name] = value
        for name, value in self._how.default.items():
            if values.get(name) is None:
                values[name] = value
        if not good or (self._made and not self._make(line, values)):
            return None
        for name in self._aside:
            values.pop(name, None)
        return values if self._has_all(line, values) else None

    def _value(self, line: int, cell: "_Cell", cells: Cells) -> Any:
        """LEFT where the row says nothing of the column, _BAD where it says what cannot be used."""
        raw, report = cell.raw(cells), self._report
        try:
            value = LEFT if raw is LEFT else cell.read(raw)
        except TwoReadings as two:
            report.alike(line, cell.name, raw, f"The value {two.args[0]}.", "two readings")
            return _BAD
        except BadCell as wrong:
            (report.alike if cell.is_worded else report.error)(line, cell.name, raw, f"The value {wrong.args[0]}.")
            return _BAD
        except texts.Unseen as unseen:
            report.error(line, cell.name, raw, str(unseen))
            return _BAD
        if type(value) is Rounded:
            report.note(f"Line {line}: {cell.name} {str(raw)[:_SHOWN]} was rounded to {value}.", "more values were rounded")
            return value.number
        if value is None and cell.column.measured:
            report.silent(line, cell.name)
            return LEFT
        return value

    def _make(self, line: int, values: dict[str, Any]) -> bool:
        """Fills columns that are made of others. False where that cannot be."""
        for column in self._made:
            if column.splits and values.get(column.name):
                for name, part in zip(column.splits, parted(values[column.name]), strict=True):
                    if values.get(name) is None:
                        values[name] = part
            elif column.between:
                start, end = (values.get(name) for name in column.between)
                if isinstance(start, datetime) and isinstance(end, datetime):
                    only_a_time = column.between[1] in self._days_of_another
                    values[column.name] = span(end - start + timedelta(days=1 if end < start and only_a_time else 0))
                    if values[column.name] < 0:
                        self._report.error(line, column.between[1], end.isoformat(" "), "The end is before the start.")
                        return False
        return True

    def _has_all(self, line: int, values: Mapping[str, Any]) -> bool:
        missing = [name for name in self._required if values.get(name) is None]
        for name in missing:
            self._report.error(line, name, "", "A value is needed here.")
        return not missing

    def _beside(self, line: int, cells: Cells) -> dict[str, str]:
        found = {text: said for text, at in self._kept.items() if (said := plain(cells[at]))}
        for text, said in found.items():
            self._report.keep(line, text, said)
        return found


class _Bad:
    pass


_BAD = _Bad()


def _says_nothing(cell: object) -> bool:
    text = plain(cell)
    return text is None or not text.strip("0.,: ")


def _places_of(wanted: Iterable[str], top: Sequence[str]) -> dict[str, int]:
    forms = {heading(text) for text in wanted}
    return {text: at for at, text in enumerate(top) if heading(text) in forms}


def _begins_with_total(cells: Cells) -> bool:
    first = next((str(cell) for cell in cells if not is_blank(cell)), "")
    return is_total(cells) or first[:20].lstrip().casefold().startswith("total for ")


class _Cell:
    """How the value of one column is found in a row and read."""

    def __init__(self, place: Place, read: Callable[[Any], Any], how: Instructions, starts: Mapping[str, Place]) -> None:
        self.column, self.name, self.read = place.column, place.column.name, read
        self.is_worded = place.column.kind in ("choice", "bool")
        said = {heading(their): ours for their, ours in how.words.get(self.name, {}).items()}
        self._words = {**{heading(their): ours for their, ours in place.column.words.items() if their != "*"}, **said}
        self._others = place.column.words.get("*")
        by_heading = {heading(text): means for text, means in place.column.yes_is.items()}
        self._means = {at: by_heading[heading(text)] for at, text in zip(place.at, place.texts, strict=True) if heading(text) in by_heading}
        self._at, self._time_at, self._joined = place.at, place.time_at, place.column.joined
        start = next((other.between[0] for other in how.columns if other.between and other.between[1] == self.name), "")
        self._day_at = starts[start].at if start in starts else ()
        self._is_plain = len(self._at) == 1 and self._time_at is None and not self._words and self._others is None
        self._is_plain = self._is_plain and not self._means and not place.column.after
        self._first = self._at[0] if self._at else 0
        self._labels = tuple(label.casefold() for label in place.column.after)

    def raw(self, cells: Cells) -> Any:
        """The cell, in the words of this suite; LEFT where it says nothing."""
        if self._is_plain:
            return cells[self._first]
        at, raw = self._filled(cells)
        if self._labels:
            raw = _labelled(raw, self._labels)
        if self._time_at is not None:
            raw = _timed(raw, cells[self._time_at])
        if at in self._means and not is_blank(raw):
            return _meant(raw, self._means[at])
        if (self._words or self._others is not None) and (text := plain(raw)) is not None:
            ours = self._words.get(heading(text), self._others)
            return raw if ours is None else (ours or LEFT)
        return raw

    def _filled(self, cells: Cells) -> tuple[int, Any]:
        """The first filled cell of several and its place, or all of them joined."""
        if self._joined:
            parts = [text for at in self._at if (text := plain(cells[at], lines=True)) is not None]
            return -1, self._joined.join(parts)
        places = self._at or self._day_at
        at = next((at for at in places if plain(cells[at]) is not None), places[0] if places else -1)
        return at, cells[at] if places else None


def _labelled(raw: Any, labels: Sequence[str]) -> Any:
    """What stands after the first of the labels that is there, up to the next label of any kind."""
    if not isinstance(raw, str):
        return raw
    words = raw[:1_000].split()
    found = ((label, at) for label in labels for at, word in enumerate(words) if word.casefold().startswith(label))
    label, at = next(found, ("", -1))
    if at < 0:
        return raw
    end = next((end for end, later in enumerate(words[at + 1 :], at + 1) if later[:1].isalpha() and ":" in later), len(words))
    return " ".join([words[at][len(label) :], *words[at + 1 : end]]).strip()


def _timed(day: Any, time: Any) -> Any:
    """A day and a time of the day as one text; a workbook's day says midnight, and its time stands on the first day that it knows."""
    said, clock = plain(day), plain(time)
    if said is None or clock is None:
        return day
    return f"{said.removesuffix(' 00:00:00')} {clock.rpartition(' ')[2] if clock[:4] in ('1899', '1900') else clock}"


def _meant(raw: Any, means: tuple[str, str]) -> Any:
    """What a heading's yes or no mean; anything else stays as it is."""
    try:
        said = reader(Column("", kind="bool"), "both", "either")(raw)
    except BadCell:
        return raw
    return means[0] if said else means[1]


class _Repeats:
    """Leaves out rows that say what an earlier one said of the same thing, and names those that contradict one."""

    def __init__(self, how: Instructions, report: Report) -> None:
        self._keys = list(how.first_of) or [column.name for column in how.columns if column.key]
        self._known = not how.first_of and any(column.name == "external_id" for column in how.columns)
        self._first_counts, self._report = bool(how.first_of), report
        self._first: dict[int, tuple[int, int]] = {}
        self.lines: list[int] = []

    def without(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows but those."""
        for row in rows:
            identity = _identity(row.values, self._keys, self._known)
            if identity is None:
                yield row
                continue
            said = hash(repr(row.values))
            line, earlier = self._first.setdefault(hash(identity), (row.line, said))
            if line == row.line:
                yield row
            elif earlier == said or self._first_counts:
                self._repeats(row.line, line)
            else:
                self._contradicts(row, line, identity)

    def _repeats(self, line: int, earlier: int) -> None:
        self.lines.append(line)
        if not self._first_counts:
            self._report.note(f"Line {line} repeats line {earlier} and was left out.", "more lines repeat earlier ones and were left out")

    def _contradicts(self, row: Row, line: int, identity: tuple[str, ...]) -> None:
        what = "external_id" if len(identity) == 1 else " + ".join(self._keys)
        value = ", ".join(str(row.values[name]) for name in what.split(" + "))
        self._report.error(row.line, what, value, f"The same {what} is on line {line} with other values.")


def _identity(values: Mapping[str, Any], keys: Sequence[str], known: bool) -> tuple[str, ...] | None:
    if known and values.get("external_id") is not None:
        return (values["external_id"],)
    parts = [values.get(key) for key in keys]
    return ("", *(str(part).casefold() for part in parts)) if keys and None not in parts else None
