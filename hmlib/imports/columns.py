"""The fields of a declared kind as columns of a file: how each is found in other tools' exports, and how its cells are read."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hmlib.imports.reading import COMPANY, COMPANY_CALLED, COMPANY_ID_COLUMN
from hmlib.kinds.resource import Field, Resource
from hmlib.kinds.several import Many, Pairs, Words
from hmlib.kinds.types import MOST_BYTES, Choice, Day, Duration, Fixed, Integer, Moment, Reference, Size, Text, Value, YesNo
from hmlib.tables.columns import Column, Kind

_KINDS: tuple[tuple[type[Value], Kind], ...] = (
    (Words, "list"),
    (Choice, "choice"),
    (Day, "date"),
    (Moment, "datetime"),
    (Integer, "int"),
    (Duration, "duration"),
    (Fixed, "decimal"),
    (Size, "size"),
    (YesNo, "bool"),
    (Reference, "reference"),
)
"""What kind of column holds a type of value, the narrower type first; all others are text, which the type itself reads."""
_NO_CELL = (Many, Pairs, Reference)


def columns_of(
    of: Resource[Any], more: Mapping[str, Mapping[str, Any]] | None = None, without: frozenset[str] = frozenset()
) -> tuple[Column, ...]:
    """A column for every field that files may say, but for those `without`; the company of a record is the column COMPANY, with one for its
    id in another system beside it. `more` are attributes of a Column by its name that a field does not have: key, words, yes_is, joined,
    time_also, between … Headings and words are those of the field, too. Ids of other records and the system that a file comes from stand
    in no cell.

    Raises TypeError for an attribute that no Column has.
    """
    found: list[Column] = []
    for attribute, field in of.fields.items():
        name = field.name or attribute
        if attribute == "company_id":
            column = Column(COMPANY, required=field.value.needed, kind="reference", label=field.label, also=COMPANY_CALLED)
            found += [_with(column, (more or {}).get(COMPANY, {})), COMPANY_ID_COLUMN]
        elif field.stored and not field.ours and not isinstance(field.value, _NO_CELL) and name not in {*without, "source"}:
            found.append(_with(column_of(name, field, required=attribute in of.required), (more or {}).get(name, {})))
    return tuple(found)


def _with(column: Column, more: Mapping[str, Any]) -> Column:
    """The column with further attributes; what tells headings and words comes to those that it has."""
    also = tuple(dict.fromkeys((*more.get("also", ()), *column.also)))
    return replace(column, **{**more, "also": also, "words": {**column.words, **more.get("words", {})}})


def column_of(name: str, field: Field, *, required: bool = False) -> Column:
    """The column of one field."""
    value = field.value
    kind: Kind = next((kind for type, kind in _KINDS if isinstance(value, type)), "text")
    if isinstance(value, Choice) and type(value).parse is not Choice.parse:
        kind = "text"  # it reads more than its words
    return Column(
        name,
        required=required,
        kind=kind,
        label=field.label,
        also=field.also,
        measured=field.measured,
        **_bounds(value, kind),
    )


def _bounds(value: Value, kind: Kind) -> dict[str, Any]:
    if isinstance(value, Choice) and kind == "choice":
        return {"choices": tuple(key for key in value.labels if key), "words": {**_by_label(value.labels), **value.also}}
    if isinstance(value, Integer):
        return {"minimum": value.least, "maximum": value.most}
    if isinstance(value, Size):
        return {"minimum": 0, "maximum": MOST_BYTES}
    if isinstance(value, Fixed):
        return {"minimum": value.least, "maximum": value.most, "places": value.places if kind == "duration" else None}
    if isinstance(value, Text):
        return {"max_length": value.most, "lines": value.lines}
    return {"max_length": 10_000 if kind == "list" else 300}


def _by_label(labels: Mapping[str, str]) -> dict[str, str]:
    """What people call each choice is understood in files too."""
    return {label: key for key, label in labels.items() if key}
