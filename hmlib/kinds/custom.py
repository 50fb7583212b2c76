"""Fields that administrators add to a kind: defined in the database, and then fields like any other on form, list, API, file and in
history."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.kinds.resource import Field, Record, Removal, Resource, Unique, Writer
from hmlib.kinds.types import Checked, Choice, Day, Fixed, Integer, Refused, Text, Value

R = TypeVar("R", bound=msgspec.Struct)
PREFIX = "custom."
MOST = 50
TYPES = {"text": "Text", "number": "Number", "date": "Date", "choice": "Choice", "link": "Link"}


def _name(said: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9_]{0,39}", said):
        raise Refused("Use small letters, digits and underscores, beginning with a letter.")
    return said


def _link(said: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>\"'\\@]{3,290}", said):
        raise Refused("Use an address that begins with https:// or http://.")
    return said


class CustomField(Record, frozen=True, kw_only=True):
    """A field that an administrator added to a kind of record. `kind` and `type` stay as they were made; `choices` are one a line."""

    kind: str
    label: Annotated[str, Field("Label", Text(80, needed=True), searched=True, listed=True, sort="=")]
    name: Annotated[
        str, Field("Name", Checked(check=_name, needed=True), help="For files and programs, such as rack_unit.", listed=True, sort="=")
    ]
    type: Annotated[str, Field("Type", Choice(TYPES, needed=True), fixed=True, listed=True)]
    choices: Annotated[str, Field("Choices", Text(4000, lines=True), help="One a line; for a choice.")] = ""
    help: Annotated[str, Field("Help", Text(200))] = ""
    place: Annotated[int, Field("Place", Integer(most=999, empty=0), help="Fields are shown in this order.", sort="=")] = 0


async def rules(tx: Db, writer: Writer, before: CustomField | None, after: CustomField) -> Mapping[str, str]:
    """A choice has something to choose from, and what is chosen somewhere stays; a kind has a bounded number of fields."""
    wrong = {}
    if after.type == "choice" and not after.choices.split("\n")[0]:
        wrong["choices"] = "Write down what can be chosen, one a line."
    if before is None and await tx.value("SELECT count(*) FROM custom_field WHERE kind = :kind", kind=after.kind) >= MOST:
        wrong["kind"] = f"There are at most {MOST} of them."
    if before is not None and after.type == "choice":
        used = await tx.all("SELECT DISTINCT text FROM custom_value WHERE field_id = :id", id=after.id)
        lost = [row["text"] for row in used if row["text"] not in after.choices.split("\n")]
        if lost:
            wrong["choices"] = f"{lost[0]} is chosen somewhere: it stays."
    return wrong


async def removal(db: Db, scope: CompanyScope, field: CustomField) -> Removal:
    """With the field its values go."""
    count = await db.value("SELECT count(*) FROM custom_value WHERE field_id = :id", id=field.id)
    return Removal(also=f"With it goes what {count:,} record{'s say' if count > 1 else ' says'} there." if count else "")


def definitions(*kinds: Resource[Any]) -> Resource[Any]:
    """The kind whose records are the fields that administrators add to these kinds."""
    choice = Choice({of.plural: of.heading for of in kinds}, needed=True)
    field = Field("Belongs to", choice, fixed=True, filtered=True, listed=True)
    kind = ("kind", Annotated.__class_getitem__((str, field)))  # type: ignore[attr-defined]
    record: Any = msgspec.defstruct("CustomField", [kind], bases=(CustomField,), frozen=True, kw_only=True)
    return replace(_DEFINITIONS, record=record)


_DEFINITIONS: Resource[Any] = Resource(
    name="custom_field",
    plural="custom-fields",
    record=CustomField,
    read="settings:admin",
    write="settings:admin",
    title="label",
    order="place",
    rules=rules,
    removal=removal,
    unique=(Unique(("kind", "name"), "custom_field_name", "name", "There is a field of this name."),),
)


async def with_custom(db: Db, of: Resource[R]) -> Resource[R]:
    """The kind with the fields that were added to it, as they are defined now."""
    if not of.custom:
        return of
    rows = await db.all(
        "SELECT id, name, label, type, choices, help FROM custom_field WHERE kind = :kind ORDER BY place, label, id", kind=of.plural
    )
    return _extended(of, tuple(tuple(row.values()) for row in rows)) if rows else of


@lru_cache(maxsize=64)
def _extended(of: Resource[R], defined: Sequence[tuple[str, ...]]) -> Resource[R]:
    added = [
        (f"custom_{name}", Annotated.__class_getitem__((Any, _field(id, name, label, type, choices, help))), None)  # type: ignore[attr-defined]
        for id, name, label, type, choices, help in defined
    ]
    record: Any = msgspec.defstruct(of.record.__name__, added, bases=(of.record,), frozen=True, kw_only=True)
    return replace(of, record=record)


def _field(id: str, name: str, label: str, type: str, choices: str, help: str) -> Field:
    return Field(
        label, _value(type, choices), name=PREFIX + name, help=help, searched=type != "date", filtered=True, stored=False, custom=id
    )


def _value(type: str, choices: str) -> Value:
    kinds: Mapping[str, Value] = {
        "text": Text(500, empty=None),
        "number": Fixed(places=6),
        "date": Day(),
        "choice": Choice({choice: choice for choice in choices.split("\n") if choice}, empty=None),
        "link": Checked(check=_link, empty=None),
    }
    return kinds[type]


async def read(db: Db, of: Resource[R], ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The attributes of added fields, by record."""
    attributes = {field.custom: attribute for attribute, field in of.fields.items() if field.custom}
    if not attributes or not ids:
        return {}
    rows = await db.all(
        "SELECT record_id, field_id, text, number FROM custom_value WHERE kind = :kind AND record_id IN :ids", kind=of.plural, ids=list(ids)
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["field_id"] in attributes:
            value = row["text"] if row["number"] is None else row["number"]
            found.setdefault(row["record_id"], {})[attributes[row["field_id"]]] = value
    return found


async def write(tx: Db, of: Resource[R], records: Sequence[R]) -> None:
    """Put the added fields of records in the place of what is stored of them."""
    fields = {attribute: field.custom for attribute, field in of.fields.items() if field.custom}
    if not fields:
        return
    ids = [of.id_of(record) for record in records]
    await tx.run("DELETE FROM custom_value WHERE kind = :kind AND record_id IN :ids", kind=of.plural, ids=ids)
    rows = [
        {"field_id": id, "record_id": of.id_of(record), "kind": of.plural, "text": str(value), "number": _number(value)}
        for record in records
        for attribute, id in fields.items()
        if (value := getattr(record, attribute)) is not None
    ]
    await tx.many(
        "INSERT INTO custom_value (field_id, record_id, kind, text, number) VALUES (:field_id, :record_id, :kind, :text, :number)", rows
    )


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def said(of: Resource[Any], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What a program says of added fields (an object under ``custom``) beside the others, by field; and which of them do not exist."""
    added = values.get("custom") or {}
    flat = {name: value for name, value in values.items() if name != "custom"} | {PREFIX + name: value for name, value in added.items()}
    return flat, {PREFIX + name: "There is no such field." for name in added if PREFIX + name not in of.by_name}


def told(of: Resource[Any], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The added fields that each of some records has, as JSON has them under ``custom``."""
    added = [(name.removeprefix(PREFIX), attribute, field.value) for name, (attribute, field) in of.by_name.items() if field.custom]
    return [{name: kind.write(row[attribute]) for name, attribute, kind in added if row.get(attribute) is not None} for row in rows]
