"""What is said of a file that was read: bad cells, notes, and how many more there were than are listed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

MAX_ERRORS = 5_000
MAX_NOTES = 100
_SHOWN = 200
_MOST_ALIKE = 1_000
_MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class RowError:
    """One cell that cannot be used: `line` counts from 1 in the file, `value` is what stands there (at most 200 characters)."""

    line: int
    column: str
    value: str
    message: str


class Report:
    """Bad cells and notes, the first so many of them, and how many more there were."""

    def __init__(self, notes: Iterable[str] = ()) -> None:
        self._errors: list[RowError] = []
        self._listed = 0
        self._alike: dict[tuple[str, str], tuple[RowError, list[int]]] = {}
        self._notes = list(notes)
        self._more: Counter[str] = Counter()
        self._kept: dict[tuple[str, str], list[int]] = {}
        self._silent: dict[str, list[int]] = {}

    def error(self, line: int, column: str, value: object, message: str) -> None:
        """One cell that cannot be used."""
        if self._listed < MAX_ERRORS:
            self._listed += 1
            self._errors.append(RowError(line, column, str(value)[:_SHOWN], message))
        else:
            self._more["more errors are not listed"] += 1

    def alike(self, line: int, column: str, value: object, message: str, key: str = "") -> None:
        """One that is wrong as others of its column are: those of one key, or without it of one value, become one error, named by its
        first line."""
        error = RowError(line, column, str(value)[:_SHOWN], message)
        if (known := self._alike.get((column, key or error.value))) is not None:
            known[1][0] += 1
        elif len(self._alike) < _MOST_ALIKE:
            self._alike[column, key or error.value] = error, [0]
        else:
            self.error(line, column, value, message)

    def note(self, text: str, kind: str) -> None:
        """A note about one line; `kind` says what the others of its kind are, such as "more lines were left out"."""
        if len(self._notes) < MAX_NOTES:
            self._notes.append(text)
        else:
            self._more[kind] += 1

    def keep(self, line: int, heading: str, value: str) -> None:
        """A value beside the columns, noted with its lines."""
        key = heading, value[:_SHOWN]
        if key in self._kept or len(self._kept) < MAX_NOTES:
            self._kept.setdefault(key, []).append(line)
        else:
            self._more["more values have no column here; they are kept with the import"] += 1

    def silent(self, line: int, column: str) -> None:
        """A measured column that says nothing in a row: what is stored there stays."""
        found = self._silent.setdefault(column, [0, line])
        found[0] += 1

    def taken(self) -> list[RowError]:
        """The errors since the last call."""
        found, self._errors = self._errors, []
        return found

    def end(self) -> list[RowError]:
        """The errors that are alike, after the last row: each says how many more there are."""
        for error, more in self._alike.values():
            others = f" {more[0]:,} more rows say the same." if more[0] > 1 else " One more row says the same." if more[0] else ""
            self.error(error.line, error.column, error.value, error.message + others)
        return self.taken()

    @property
    def notes(self) -> list[str]:
        """All notes: those about the file, those about lines, what was kept beside them, and how many more there were."""
        kept = [
            f"{heading} {value} ({_lines(lines)}) has no column here; it is kept with the import."
            for (heading, value), lines in self._kept.items()
        ]
        silent = [
            f"{column} says nothing on line {line}{f' and {rows - 1:,} more' if rows > 1 else ''}; what is stored there stays."
            for column, (rows, line) in self._silent.items()
        ]
        return [*self._notes, *silent, *kept, *(f"{count:,} {kind}." for kind, count in self._more.items())]


def _lines(lines: list[int]) -> str:
    first = ", ".join(f"{line:,}" for line in lines[:_MOST_LINES])
    more = f" and {len(lines) - _MOST_LINES:,} more" if len(lines) > _MOST_LINES else ""
    return f"line {first}" if len(lines) == 1 else f"lines {first}{more}"
