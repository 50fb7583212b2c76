"""Which column of a kind each heading of a file is taken for: by a person's mapping, another tool's known headings, names and synonyms."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hmlib.tables.cells import heading
from hmlib.tables.columns import Column
from hmlib.tables.numbers import UNITS

_SHOWN, _LISTED = 200, 20
_UNITS = "|".join(sorted({unit for units in UNITS.values() for unit in units} | {"unix", "epoch", "unix_ms", "epoch_ms", "utc"}))
_LAST_WORD = re.compile(rf"(.+?)(?:[\s_]*[(\[]([^()\[\]]{{1,20}})[)\]]|[\s_]+({_UNITS}))\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where a column stands in the rows: the cells that make its value, the one with its time of the day, and the unit that its heading
    names. `texts` are the headings of the cells."""

    column: Column
    at: tuple[int, ...]
    texts: tuple[str, ...]
    time_at: int | None = None
    unit: str = ""


@dataclass(frozen=True)
class Matched:
    """The places of the columns that a file has, by the order of the columns, and notes for the person."""

    places: tuple[Place, ...]
    notes: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def present(self) -> frozenset[str]:
        """The names of the columns that the file has."""
        return frozenset(place.column.name for place in self.places)

    @property
    def columns(self) -> dict[str, str]:
        """From a heading, as it stands in the file, to the column it is taken for."""
        return {text: place.column.name for place in reversed(self.places) for text in place.texts if not place.column.aside}


def known(columns: Iterable[Column], mapping: Mapping[str, str]) -> frozenset[str]:
    """The folded forms of all headings that mean something: by them the line of the headings is found."""
    texts = (text for column in columns for text in (*_names(column), *column.time_also))
    return frozenset(heading(text) for text in (*texts, *mapping))


def forms(text: str) -> tuple[str, ...]:
    """The forms under which a heading is looked up: whole, and without the unit or currency at its end."""
    found = _LAST_WORD.fullmatch(text.strip()) if len(text) <= _SHOWN else None
    return (heading(text), heading(found[1])) if found else (heading(text),)


def matched(top: Sequence[str], columns: Sequence[Column], mapping: Mapping[str, str], others: Iterable[str] = ()) -> Matched:
    """Every column's place among the headings; each goes to the column that knows it best. `mapping` leads from a heading
    to a column's name ("" leaves it out) and goes before all else; `others` are headings that are known without being columns."""
    chosen = {heading(text): name for text, name in mapping.items()}
    free = {at: text for at, text in enumerate(top) if text and heading(text) not in chosen}
    elsewhere = {heading(text) for text in others}
    best = _best(columns)
    places = [place for column in columns if (place := _place_of(column, top, chosen, _left_to(column, free, best))) is not None]
    used = {at for place in places for at in (*place.at, *([] if place.time_at is None else [place.time_at]))}
    used |= {at for at, text in free.items() if heading(text) in elsewhere}
    left = [at for at, text in enumerate(top) if at not in used and (at in free or chosen.get(heading(text)))]
    unknown = [at for at in left if at in free and not _stands_twice(at, top, used)]
    said = [note for place in places if (note := _alternatives(place))]
    said += _left_out([top[at][:_SHOWN] for at in unknown])
    said += [f"The column {top[at][:_SHOWN]} stands there twice; the first one counts." for at in left if at not in unknown]
    return Matched(tuple(places), tuple(said), tuple(top[at] for at in unknown))


def _place_of(column: Column, top: Sequence[str], chosen: Mapping[str, str], free: Mapping[int, str]) -> Place | None:
    """Where a column stands, if it does: where the person says, else where its names say."""
    asked = [at for at, text in enumerate(top) if chosen.get(heading(text)) == column.name]
    return _place(column, asked[:1], top) if asked else _found(column, free, top)


def _left_out(texts: Sequence[str]) -> list[str]:
    if len(texts) < 2:
        return [f"The column {text} is not known and was left out." for text in texts]
    more = f" and {len(texts) - _LISTED} more" if len(texts) > _LISTED else ""
    return [f"The columns {', '.join(texts[:_LISTED])}{more} are not known and were left out."]


def _alternatives(place: Place) -> str:
    if len(place.at) < 2 or place.column.joined or place.column.headings:
        return ""
    first, *others = (text[:_SHOWN] for text in place.texts)
    return f"{place.column.name} is taken from {first}, where that is empty from {' or '.join(others)}."


def _best(columns: Sequence[Column]) -> dict[str, int]:
    """How well the column knows a heading that knows it best, 0 being its own name."""
    best: dict[str, int] = {}
    for column in columns:
        for form, rank in _ranks(column).items():
            best[form] = min(rank, best.get(form, rank))
    return best


def _ranks(column: Column) -> dict[str, int]:
    own = (column.name, *([column.label] if column.label else []))
    ranks = {heading(text): rank for rank, text in reversed(list(enumerate(column.also, 1)))} | {heading(text): 0 for text in own}
    return {} if column.headings else ranks


def _left_to(column: Column, free: Mapping[int, str], best: Mapping[str, int]) -> dict[int, str]:
    """The headings that no other column knows better."""
    if column.headings:
        return dict(free)
    ranks = _ranks(column)
    return {at: text for at, text in free.items() if (form := heading(text)) not in best or ranks.get(form) == best[form]}


def _stands_twice(at: int, top: Sequence[str], used: set[int]) -> bool:
    return any(heading(top[other]) == heading(top[at]) for other in used)


def _found(column: Column, free: Mapping[int, str], top: Sequence[str]) -> Place | None:
    """A column by its own name or one of its synonyms, the best of them first."""
    by_form: dict[str, int] = {}
    for at, text in free.items():
        by_form.setdefault(heading(text), at)
    for at, text in free.items():
        for form in forms(text)[1:]:
            if column.kind in ("size", "duration", "decimal", "int", "datetime"):
                by_form.setdefault(form, at)
    found = list(dict.fromkeys(by_form[form] for text in _names(column) if (form := heading(text)) in by_form))
    times = [by_form[heading(text)] for text in column.time_also if heading(text) in by_form and by_form[heading(text)] not in found]
    if not found and not (times and column.aside):
        return None
    return _place(column, found, top, times[0] if times else None)


def _names(column: Column) -> tuple[str, ...]:
    return column.headings or (column.name, *([column.label] if column.label else []), *column.also)


def _place(column: Column, found: Sequence[int], top: Sequence[str], time_at: int | None = None) -> Place:
    unit = next((unit for at in found if (unit := unit_of(top[at], column.kind))), "")
    return Place(column, tuple(found), tuple(top[at] for at in found), time_at, unit)


def unit_of(text: str, kind: str) -> str:
    """The unit that a heading names for a kind of column, such as "gb", "minutes", "unix" or "utc"; "" where it names none."""
    if kind == "datetime":
        return next((unit for unit in ("unix ms", "unix", "utc") if _says(text, unit)), "unix" if "epoch" in text.casefold() else "")
    found = _LAST_WORD.fullmatch(text.strip()) if len(text) <= _SHOWN else None
    word = ((found[2] or found[3]) if found else text).strip(" .").casefold()
    return word if word in UNITS.get(kind, {}) else ""


def _says(text: str, unit: str) -> bool:
    words = re.split(r"[\W_]+", text[:_SHOWN].casefold())
    return all(word in words for word in unit.split())
