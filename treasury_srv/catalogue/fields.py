"""The fields of what people and programs enter: how each is written on a form and in JSON, and how it is read back exactly."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from hmlib import text as texts
from hmlib.clock import FIRST_YEAR, LAST_YEAR, moment_of
from hmlib.errors import Invalid
from hmlib.tables.cells import BadCell, reader
from hmlib.tables.columns import Column
from hmlib.tables.columns import Kind as CellKind
from treasury_srv.billing.money import PRICE_PLACES, TooLarge, decimal_text, scaled

Kind = Literal["text", "lines", "pairs", "choice", "date", "time", "int", "decimal", "bool"]
NEEDED = "This is needed."
PAIRS_AT_MOST = 100
_TYPED: Mapping[Kind, CellKind] = {"date": "date", "int": "int", "decimal": "decimal", "bool": "bool"}


@dataclass(frozen=True)
class Field:
    """One field. `attribute` is the record's where its name differs; a decimal is kept as an integer of `places` decimals and shown with
    at least `least` of them; a `choice` offers `choices`, or what its `source` finds when the form is shown; `empty` is what nothing means.
    A time is UTC in records and JSON, and in the MSP's zone on forms. Pairs are lines such as "antivirus: Included"."""

    name: str
    label: str
    kind: Kind = "text"
    attribute: str = ""
    required: bool = False
    empty: Any = None
    places: int = PRICE_PLACES
    least: int = 0
    choices: tuple[tuple[str, str], ...] = ()
    source: str = ""
    minimum: int | None = None
    maximum: int | None = None
    max_length: int = 200
    help: str = ""

    @property
    def key(self) -> str:
        return self.attribute or self.name


Rows = tuple[tuple[Field, ...], ...]


def fields(rows: Rows) -> list[Field]:
    """The fields of a form's rows, in order."""
    return [field for row in rows for field in row]


def shown(rows: Rows, record: msgspec.Struct) -> dict[str, Any]:
    """A record as JSON has it, by field: decimals and days are text."""
    return {field.name: _shown(field, getattr(record, field.key)) for field in fields(rows)}


def _shown(field: Field, value: Any) -> Any:
    if field.kind == "decimal" and value is not None:
        return decimal_text(value, field.places, field.least)
    return value


def written(rows: Rows, values: Mapping[str, Any], zone: str) -> dict[str, str]:
    """What shown() gave, as the texts of a form."""
    return {field.name: _written(field, values[field.name], zone) for field in fields(rows)}


def _written(field: Field, value: Any, zone: str) -> str:
    if field.kind == "bool":
        return "on" if value else ""
    if field.kind == "pairs":
        return "\n".join(f"{name}: {label}" for name, label in value.items())
    if field.kind == "time" and value:
        return _local(value, zone)
    return "" if value is None else str(value)


def _local(value: str, zone: str) -> str:
    """The time in the zone, as a form has it; as it is stored where the zone leads out of the calendar."""
    try:
        return datetime.fromisoformat(value).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")
    except OverflowError:
        return value[:16]


def posted(rows: Rows, form: Mapping[str, str]) -> dict[str, Any]:
    """What a form says, by field: a box that is not ticked is not sent, and means no."""
    found: dict[str, Any] = {field.name: form[field.name] for field in fields(rows) if field.name in form}
    return found | {field.name: field.name in form for field in fields(rows) if field.kind == "bool"}


def read(rows: Rows, given: Mapping[str, Any], zone: str = "UTC") -> dict[str, Any]:
    """A record's values out of what is given by field; what is not given is left out. Raises Invalid with all that is wrong."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in fields(rows):
        if field.name not in given:
            continue
        try:
            values[field.key] = _read(field, given[field.name], zone)
        except ValueError as wrong:
            errors[field.name] = str(wrong)
    if errors:
        raise Invalid(errors)
    return values


def _read(field: Field, raw: Any, zone: str) -> Any:
    """Raises ValueError with a sentence."""
    if field.kind == "bool" and isinstance(raw, bool):
        return raw
    if field.kind == "pairs":
        return _pairs(raw, field.max_length)
    text = "" if raw is None else (texts.lines if field.kind == "lines" else texts.one_line)(str(raw))
    value = None if text == "" else _parsed(field, text, zone)
    if value is None and field.required:
        raise ValueError(NEEDED)
    return field.empty if value is None else value


def _parsed(field: Field, text: str, zone: str) -> Any:
    if field.kind in ("text", "lines") or (field.kind == "choice" and field.source):
        if len(text) > field.max_length:
            raise ValueError(f"Use at most {field.max_length} characters.")
        return text
    if field.kind == "choice":
        if text not in dict(field.choices):
            raise ValueError("Choose one of the list.")
        return text
    if field.kind == "time":
        return _moment(text, zone)
    return _typed(field, text)


def _typed(field: Field, text: str) -> Any:
    column = Column(field.name, kind=_TYPED[field.kind], minimum=field.minimum, maximum=field.maximum)
    try:
        value = reader(column, "both", "point")(text)
    except BadCell as wrong:
        raise ValueError(f"The value {wrong.args[0]}.") from wrong
    if field.kind == "decimal" and value is not None:
        return _scaled(value, field.places)
    return value.isoformat() if field.kind == "date" and value is not None else value


def _scaled(value: Any, places: int) -> int:
    try:
        return scaled(value, places)
    except TooLarge as wrong:
        raise ValueError("The number is too large.") from wrong
    except ValueError as wrong:
        raise ValueError(f"Use at most {places} decimals.") from wrong


def _moment(text: str, zone: str) -> str:
    try:
        return moment_of(text, zone)
    except ValueError:
        raise ValueError(f"Use a day and a time such as 2026-11-22T10:00, in the years {FIRST_YEAR} to {LAST_YEAR}.") from None


def _pairs(raw: Any, most: int) -> dict[str, str]:
    """Names with their labels, from JSON's object or from lines with a colon; a line without one names itself."""
    if not isinstance(raw, Mapping):
        lines = [line.partition(":") for line in re.split(r"\r\n|\r|\n", str(raw or "")) if line.strip()]
        raw = {name.strip(): label.strip() or name.strip() for name, _, label in lines}
    found = {texts.one_line(name): texts.one_line(label) for name, label in raw.items()}
    if len(found) > PAIRS_AT_MOST or any(not name or not label or max(len(name), len(label)) > most for name, label in found.items()):
        raise ValueError(f"Use at most {PAIRS_AT_MOST} lines, each a name and a text of 1 to {most} characters.")
    return found
