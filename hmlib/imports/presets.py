"""Presets: what is known of another tool's export, so that its file is read as it comes. A preset is data and lives with its kinds."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from hmlib.tables.cells import heading
from hmlib.tables.columns import Column


@dataclass(frozen=True)
class From:
    """Where a column's value stands in another tool's file: the first of these headings whose cell is filled, or all of them `joined` with
    a space or a line break. `words` turn what the tool says into what is stored, "*" standing for all other words; `yes_is` says by
    heading what that heading's yes and no mean; `time` is a second heading with the time of the day, `unit` that of a bare number, `after`
    are labels that stand before the value in its cell. No heading at all says that the file has no such column."""

    headings: tuple[str, ...]
    joined: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    yes_is: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    time: tuple[str, ...] = ()
    unit: str = ""
    after: tuple[str, ...] = ()


def at(*headings: str) -> From:
    """The first filled one of these headings, as it stands there."""
    return From(headings)


@dataclass(frozen=True)
class Part:
    """What one kind of record takes from the file. Of each group in `needs` one heading has to be filled, and with more than 0, for a row
    to count (a customer without a person is no contact, no hours are no work); of rows that agree in the columns
    `first_of` the first one counts (a customer stands there again for each of its people); `creates` is False where a file only
    updates what is there."""

    kind: str
    columns: Mapping[str, From]
    needs: tuple[tuple[str, ...], ...] = ()
    first_of: tuple[str, ...] = ()
    creates: bool = True


@dataclass(frozen=True)
class Preset:
    """One export of one tool: `marks` are headings by which it is told apart, `source` the system whose ids it brings, `day_first` the
    order of its dates and `decimal` its mark where the cells leave that open. `noted` are headings whose values are kept beside the row
    and named in the outcome; `totals` says that rows that begin with "Total" are none of its data, wherever they stand."""

    name: str
    label: str
    source: str
    marks: tuple[str, ...]
    parts: tuple[Part, ...]
    day_first: bool | None = None
    decimal: Literal["point", "comma", "either"] = "either"
    noted: tuple[str, ...] = ()
    totals: bool = False

    def part(self, kind: str) -> Part | None:
        """What a kind takes from the file, if anything."""
        return next((part for part in self.parts if part.kind == kind), None)


def recognised(headings: Iterable[str], presets: Iterable[Preset]) -> Preset | None:
    """The preset whose marks all stand among the headings; of several the one with the most marks."""
    there = {heading(text) for text in headings}
    fits = [preset for preset in presets if all(heading(mark) in there for mark in preset.marks)]
    return max(fits, key=lambda preset: len(preset.marks), default=None)


def named(name: str, presets: Iterable[Preset]) -> Preset | None:
    """The preset that a person asks for by its name."""
    return next((preset for preset in presets if preset.name == name), None)


def applied(columns: Sequence[Column], part: Part) -> tuple[Column, ...]:
    """A kind's columns as this tool's file has them. A column of which the preset says nothing is still found by its own name; one that it
    says stands under no heading is not in the file."""
    there = (column for column in columns if column.name not in part.columns or part.columns[column.name].headings)
    return tuple(_applied(column, part.columns.get(column.name)) for column in there)


def _applied(column: Column, said: From | None) -> Column:
    if said is None:
        return replace(column, also=(), time_also=())
    return replace(
        column,
        headings=said.headings,
        also=(),
        joined=said.joined,
        words={**column.words, **said.words},
        yes_is={**column.yes_is, **said.yes_is},
        time_also=said.time,
        unit=said.unit or column.unit,
        after=said.after,
    )


def mapping_key(kind: str, headings: Iterable[str]) -> str:
    """The name under which a mapping is remembered: the kind and the set of headings, whatever their order, case, spaces and underscores.
    64 characters."""
    folded = sorted({form for text in headings if (form := heading(text))})
    return hashlib.sha256("\n".join([kind, *folded]).encode()).hexdigest()
