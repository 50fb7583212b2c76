"""The fields of a declared kind as columns of a file: how each is found in other tools' exports, and how its cells are read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hmlib.imports.reading import COMPANY, COMPANY_CALLED, COMPANY_ID_COLUMN
from hmlib.kinds.resource import Field, Resource
from hmlib.kinds.several import Many, Pairs, Words
from hmlib.kinds.types import Choice, Day, Duration, Fixed, Integer, Moment, Reference, Size, Text, Value, YesNo
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
_NO_CELL = (Many, Pairs)


def columns_of(of: Resource[Any], more: Mapping[str, Mapping[str, Any]] | None = None) -> tuple[Column, ...]:
    """A column for every field that files may say; the company of a record is the column COMPANY, with one for its id in another system
    beside it. `more` are attributes of a Column by its name that a field does not have: key, words, yes_is, joined, time_also, between …

    Raises TypeError for an attribute that no Column has.
    """
    found: list[Column] = []
    for attribute, field in of.fields.items():
        if field.ours or isinstance(field.value, _NO_CELL):
            continue
        if attribute == "company_id":
            found += [
                Column(COMPANY, required=field.value.needed, kind="reference", label=field.label, also=COMPANY_CALLED),
                COMPANY_ID_COLUMN,
            ]
        else:
            found.append(column_of(field.name or attribute, field, required=attribute in of.required))
    return tuple(replace(column, **(more or {}).get(column.name, {})) for column in found)


def completed(of: Resource[Any], columns: Sequence[Column]) -> tuple[Column, ...]:
    """`columns`, which say more than a field does (other tools' words, natural keys), with one for every field that none of them is for."""
    known = {column.name for column in columns} | {"source"}
    return (*columns, *(column for column in columns_of(of) if column.name not in known and column.kind != "reference"))


def column_of(name: str, field: Field, *, required: bool = False) -> Column:
    """The column of one field."""
    value = field.value
    kind: Kind = next((kind for type, kind in _KINDS if isinstance(value, type)), "text")
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
    if isinstance(value, Choice):
        return {"choices": tuple(key for key in value.labels if key), "words": {**_by_label(value.labels), **value.also}}
    if isinstance(value, Integer):
        return {"minimum": value.least, "maximum": value.most}
    if isinstance(value, Fixed):
        return {"minimum": value.least, "maximum": value.most, "places": value.places if kind == "duration" else None}
    if isinstance(value, Text):
        return {"max_length": value.most, "lines": value.lines}
    return {"max_length": 10_000 if kind == "list" else 300}


def _by_label(labels: Mapping[str, str]) -> dict[str, str]:
    """What people call each choice is understood in files too."""
    return {label: key for key, label in labels.items() if key}
