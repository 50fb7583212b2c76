"""A first look through a whole file: where its headings are, what its columns mean, how they write numbers and days, what is no data."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from hmlib.tables.cells import heading, is_blank
from hmlib.tables.columns import Column
from hmlib.tables.dates import Order, OrderHabit, order_of
from hmlib.tables.numbers import Habit, Numbers, without_unit
from hmlib.tables.reading.headings import Matched, Place, forms, known, matched
from hmlib.tables.sheets import Cells, Unreadable, grid

_WORDS = "total totals grandtotal subtotal sum summe gesamt gesamtsumme zwischensumme totaal totale totalgeneral somme suma"
_TOTALS = frozenset(_WORDS.split())
_REMARK = re.compile(r"(?:generated|exported|printed|created|report|page|source|filters?)\b.*|[^:]*[0-9]:[0-9]{2}\b.*", re.IGNORECASE)
_TOP, _BOTTOM = 10, 6
Rows = Iterable[tuple[int, Cells]]


@dataclass(frozen=True, kw_only=True)
class Instructions:
    """How a file is to be read: its name, the columns of its kind (as a preset has them), the person's `mapping` from headings to columns
    ("" leaves one out) and `words` by column, what rows without a value get (`default`, by column), and what holds where the cells leave
    it open: `day_first` for 03/04/2026, `numbers` for 1.500, `zone` for times without an offset ("" leaves those as they are).
    `elsewhere` are headings that another reading of the file uses; for `noted`, `needs`, `first_of` and `totals` see
    hmlib.imports.presets."""

    name: str = ""
    columns: tuple[Column, ...]
    mapping: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    default: Mapping[str, str] = field(default_factory=dict)
    day_first: bool = False
    numbers: Numbers = "either"
    zone: str = ""
    noted: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()
    first_of: tuple[str, ...] = ()
    totals: bool = False


@dataclass(frozen=True)
class Survey:
    """What the first look found. `top` are the headings, on the line `line`; `rows` how many stand below it; `skip` are lines at the end
    that are no data; `numbers` and `orders` are those of each place."""

    top: list[str]
    line: int
    rows: int
    matched: Matched
    numbers: tuple[Numbers, ...]
    orders: tuple[Order, ...]
    skip: frozenset[int]
    notes: list[str]


def survey(raw: bytes, how: Instructions) -> Survey:
    """Looks through the whole file, so that one that cannot be taken is refused at once. Raises Unreadable. Blocking."""
    words = known(how.columns, how.mapping) | {heading(text) for text in how.noted}
    table = grid(raw, words)
    line, top, titles, rest = headed(table.rows, words, how.name)
    found = matched(top, how.columns, how.mapping, (*how.noted, *how.elsewhere))
    habits = [_Habits(place, table.delimiter) for place in found.places]
    learning = [habit for habit in habits if habit.is_open]
    last: deque[tuple[int, Cells]] = deque(maxlen=_BOTTOM)
    count = 0
    for at, cells in rest:
        count += 1
        last.append((at, cells))
        for habit in learning:
            habit.learn(cells)
    skip = _no_data(last, top, bool(titles)) if found.places else []
    notes = [
        *table.notes,
        *_said_of_lines(titles, "stand above the headings"),
        *found.notes,
        *_said_of_lines(skip, "are totals or stand below the table"),
    ]
    file_order = order_of((habit.order for habit in habits), how.day_first)
    return Survey(
        top,
        line,
        count,
        found,
        tuple(habit.numbers(how.numbers) for habit in habits),
        tuple(habit.order or file_order for habit in habits),
        frozenset(skip),
        notes,
    )


def headed(rows: Iterator[tuple[int, Cells]], words: frozenset[str], name: str) -> tuple[int, list[str], list[int], Rows]:
    """The line of the headings among the first ten rows and their texts, the lines above it, and the rows below it. Raises Unreadable."""
    first = list(islice(rows, _TOP))
    if not first:
        raise Unreadable(f"The file {name} is empty." if name else "The file is empty.")
    fits = [sum(any(form in words for form in forms(str(cell))) for cell in cells) for _, cells in first]
    at = fits.index(max(fits))
    top = [str(cell).strip() for cell in first[at][1]]
    while top and not top[-1]:
        top.pop()
    return first[at][0], top, [line for line, _ in first[:at]], chain(first[at + 1 :], rows)


def is_total(cells: Cells) -> bool:
    """Whether the first filled cell of a row says that it sums up those above, while the others hold no words."""
    filled = [str(cell) for cell in cells if not is_blank(cell)]
    return bool(filled) and heading(filled[0]) in _TOTALS and not any(letter.isalpha() for text in filled[1:] for letter in text)


def _no_data(last: Sequence[tuple[int, Cells]], top: Sequence[str], is_report: bool) -> list[int]:
    """The lines at the end that are totals, or in a table with a title above it a remark below it."""
    found: list[int] = []
    for line, cells in reversed(last):
        if len(top) < 2 or not (is_total(cells) or (is_report and _is_remark(cells))):
            break
        found.insert(0, line)
    return found


def _is_remark(cells: Cells) -> bool:
    filled = [str(cell)[:200].strip() for cell in cells if not is_blank(cell)]
    return len(filled) == 1 and _REMARK.fullmatch(filled[0]) is not None


def _said_of_lines(lines: Sequence[int], what: str) -> list[str]:
    if not lines:
        return []
    if len(lines) == 1:
        return [f"Line {lines[0]} was left out: it {what.replace('stand ', 'stands ').replace('are totals', 'is a total')}."]
    return [f"Lines {', '.join(map(str, lines))} were left out: they {what}."]


class _Habits:
    """How one place writes its numbers or days."""

    def __init__(self, place: Place, delimiter: str) -> None:
        column = place.column
        self._at = place.at
        self._numbers = Habit(delimiter) if column.kind in ("decimal", "size", "duration") or column.numeric else None
        self._days = OrderHabit() if column.kind in ("date", "datetime") else None
        self._bare: Callable[[str], str] = without_unit if column.kind in ("size", "duration") else str

    @property
    def is_open(self) -> bool:
        """Whether its cells decide anything."""
        return self._numbers is not None or self._days is not None

    def learn(self, cells: Cells) -> None:
        """What the cells of one row say."""
        for at in self._at:
            cell = cells[at] if at < len(cells) else None
            if not isinstance(cell, str):
                continue
            if self._days is not None:
                self._days.learn(cell)
            elif self._numbers is not None:
                self._numbers.learn(self._bare(cell))

    def numbers(self, told: Numbers) -> Numbers:
        """What the cells say, else what was `told`."""
        return self._numbers.numbers(told) if self._numbers else told

    @property
    def order(self) -> Order | None:
        """None where the cells leave it open."""
        return self._days.order if self._days else None
