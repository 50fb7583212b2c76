"""What programs send and get of a declared kind: Structs made from its fields, for reading bodies strictly and for the API's
description."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from hmlib.api.conventions import QUERY, ItemResult
from hmlib.kinds import statements
from hmlib.kinds.resource import Field, Resource
from hmlib.kinds.types import Choice, Day, Moment, YesNo
from hmlib.web.api_handler import Parameter
from hmlib.web.problems import Problem

MOST_ITEMS = 1000


class BulkAnswer(msgspec.Struct):
    """What became of each item, in the order of the list; behind these stand those that the list does not hold and that could not be
    ended. Then the ids of those that were ended because it does not hold them."""

    items: list[ItemResult]
    deactivated: list[str]


@lru_cache(maxsize=256)
def draft(of: Resource[Any]) -> type[msgspec.Struct]:
    """A record to be: what is needed must be given, the rest has the record's defaults. Nothing unknown is taken."""
    defaults = {one.name: one for one in msgspec.structs.fields(of.record)}
    needed, optional = [], []
    for attribute, name, field in _said(of):
        default, kind = defaults[attribute], _type(field)
        if attribute in of.required:
            needed.append((name, kind))
        else:
            given = field.value.empty if default.required else blank_of(default)
            optional.append((name, kind, field.value.write(given)))
    optional += [("custom", dict[str, Any], msgspec.field(default_factory=dict))] if of.custom else []
    return msgspec.defstruct(f"{_named(of)}Draft", [*needed, *optional], kw_only=True, forbid_unknown_fields=True, namespace=_doc(of))


@lru_cache(maxsize=256)
def patch(of: Resource[Any]) -> type[msgspec.Struct]:
    """The fields that may change, none of them needed."""
    fields = [(name, _type(field) | msgspec.UnsetType, msgspec.UNSET) for _, name, field in _said(of) if not field.fixed]
    fields += [("custom", dict[str, Any] | msgspec.UnsetType, msgspec.UNSET)] if of.custom else []
    return msgspec.defstruct(f"{_named(of)}Patch", fields, forbid_unknown_fields=True, namespace=_doc(of))


@lru_cache(maxsize=256)
def answer(of: Resource[Any]) -> type[msgspec.Struct]:
    """A record as it is answered. `fields=` leaves out all but the id and what it names, so nothing else is promised."""
    shown = [
        (name, _type(field) | msgspec.UnsetType, msgspec.UNSET)
        for name, (_, field) in of.by_name.items()
        if field.told and not field.custom
    ]
    shown += [("custom", dict[str, Any] | msgspec.UnsetType, msgspec.UNSET)] if of.custom else []
    names = {f"{attribute.removesuffix('_id')}_name": of.fields[attribute].value.empty for attribute in of.named}
    beside: list[Any] = [
        (name, (str if empty is not None else str | None) | msgspec.UnsetType, msgspec.UNSET) for name, empty in names.items()
    ]
    stamps: list[Any] = [(name, kind | msgspec.UnsetType, msgspec.UNSET) for name, kind in _STAMPS.items()]
    return msgspec.defstruct(
        _named(of), [(of.key, str), *(one for one in [*shown, *beside] if one[0] != of.key), *stamps], namespace=_doc(of)
    )


@lru_cache(maxsize=256)
def listed(of: Resource[Any]) -> Any:
    """A list of them."""
    return list.__class_getitem__(answer(of))


@lru_cache(maxsize=256)
def bulk(of: Resource[Any]) -> type[msgspec.Struct]:
    """What a PUT of a whole list takes: `source` names the system it comes from; `complete` says that what it does not hold is gone (from
    one company, where `company_id` is given)."""
    fields = [(name, _type(field) | msgspec.UnsetType, msgspec.UNSET) for _, name, field in _said(of) if name != "external_id"]
    fields += [("custom", dict[str, Any] | msgspec.UnsetType, msgspec.UNSET)] if of.custom else []
    item = msgspec.defstruct(
        f"{_named(of)}Item",
        [("external_id", Annotated[str, msgspec.Meta(min_length=1, max_length=200)]), *fields],
        forbid_unknown_fields=True,
        namespace=_doc(of),
    )
    items = list.__class_getitem__(item)
    named: tuple[Any, ...] = ("source", Annotated[str, msgspec.Meta(min_length=1, max_length=50)])
    ignored: tuple[Any, ...] = ("source", Annotated[str, msgspec.Meta(max_length=50)], "")
    whole: list[Any] = [
        named if "source" in of.fields else ignored,
        ("items", Annotated[items, msgspec.Meta(max_length=MOST_ITEMS)]),
        ("complete", bool, False),
        ("company_id", str | None, None),
    ]
    return msgspec.defstruct(f"{_named(of)}Bulk", whole, kw_only=True, forbid_unknown_fields=True)


def blank_of(field: Any) -> Any:
    """The default of a Struct's field."""
    return field.default_factory() if field.default is msgspec.NODEFAULT else field.default


_STAMPS: Mapping[str, Any] = {"created_at": str, "updated_at": str, "version": int}


def _said(of: Resource[Any]) -> list[tuple[str, str, Field]]:
    return [(attribute, name, field) for name, (attribute, field) in of.by_name.items() if not (field.ours or field.custom)]


def choices(field: Field) -> tuple[str, ...]:
    """All that a field can hold, where those are few and stand so in the record."""
    if type(field.value) is not Choice:
        return ()
    nothing = ("",) if field.value.empty == "" and not field.value.needed and "" not in field.value.labels else ()
    return (*field.value.labels, *nothing)


def _type(field: Field) -> Any:
    form: dict[str, Any] = {"enum": list(choices(field))} if choices(field) else {}
    form |= {"format": "date"} if isinstance(field.value, Day) else {"format": "date-time"} if isinstance(field.value, Moment) else {}
    said = msgspec.Meta(description=" ".join(filter(None, [f"{field.label}.", field.help])), extra_json_schema=form)
    kind: Any = Annotated.__class_getitem__((field.value.json, said))  # type: ignore[attr-defined]
    return kind | None if field.value.empty is None else kind


def _named(of: Resource[Any]) -> str:
    return "".join(part.capitalize() for part in of.name.split("_"))


def _doc(of: Resource[Any]) -> dict[str, Any]:
    return {"__doc__": of.record.__doc__}


def parameters(of: Resource[Any]) -> dict[str, Parameter]:
    """What a list may be asked, by name."""
    searchable = statements.searched(of)
    own = {name: _parameter(of, name) for name in statements.filters(of)}
    without = {name for name, there in (("q", searchable), ("since", of.followed)) if not there}
    return {name: said for name, said in QUERY.items() if name not in without} | own


def written_names(of: Resource[Any], fields: str) -> list[tuple[str, str, Any]]:
    """Name, attribute and how it is written, of each field of an answer. Raises Problem 400 for one that does not exist."""
    every = statements.answered(of)
    if not fields:
        return list(every.values())
    names = dict.fromkeys([of.key, *(name for name in fields.split(",") if name != "custom" or not of.custom)])
    unknown = next((name for name in names if name not in every), None)
    if unknown is not None:
        raise Problem(400, "invalid_fields", f"There is no field {unknown[:50]!r} here.")
    return [every[name] for name in names]


def _parameter(of: Resource[Any], name: str) -> Parameter:
    if name in of.filters:
        return Parameter(of.filters[name].said, choices=tuple(key for key, _ in of.filters[name].options))
    field = of.by_name[name][1]
    return Parameter(f"Of this {field.label.lower()}.", choices=("yes", "no") if isinstance(field.value, YesNo) else choices(field))
