"""The form of a declared kind and the columns of its files: what they show of a record, and what they say of one."""

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from tornado.web import HTTPError

from hmlib.errors import Invalid, NotAllowed
from hmlib.kinds import statements
from hmlib.kinds.resource import Field, Resource
from hmlib.kinds.types import Reference, YesNo
from hmlib.resources import changes, pickers
from hmlib.web.page_handler import PageHandler


def on_form(of: Resource[Any]) -> list[tuple[str, str, Field]]:
    """Attribute, name and field of what a form has, in order."""
    shown = ((attribute, name, field) for name, (attribute, field) in of.by_name.items())
    return [(attribute, name, field) for attribute, name, field in shown if field.on_form and not field.ours and field.value.widget]


def rows(of: Resource[Any]) -> list[list[tuple[str, str, Field]]]:
    """The same in the rows of the form: those that stand beside each other together."""
    found: list[list[tuple[str, str, Field]]] = []
    for one in on_form(of):
        if one[2].beside and found:
            found[-1].append(one)
        else:
            found.append([one])
    return found


def written(of: Resource[Any], record: Any, zone: str) -> dict[str, str]:
    """What a form says of a record, as texts by name."""
    return {name: field.value.show(getattr(record, attribute), zone) for attribute, name, field in on_form(of)}


async def said(handler: PageHandler, of: Resource[Any], before: Any | None = None) -> tuple[dict[str, Any], dict[str, str]]:
    """What the posted form says by name, and what is wrong with what it refers to. A box that is not ticked is not sent: no."""
    posted: dict[str, Any] = {}
    for _, name, field in on_form(of):
        if name in handler.form or isinstance(field.value, YesNo):
            posted[name] = handler.form.get(name, "off" if isinstance(field.value, YesNo) else "")
    if before is not None:  # what a control shows is less than is stored, such as a time without its seconds
        stood = written(of, before, await handler.preferences.text(handler.db, "time_zone"))
        posted = {name: value for name, value in posted.items() if not value or value != stood[name]}
    return await pickers.resolved(handler, of, posted, before)


async def context(
    handler: PageHandler,
    of: Resource[Any],
    record: Any | None,
    typed: Mapping[str, str] | None,
    errors: Mapping[str, str] | None,
    filled: Mapping[str, Any],
) -> dict[str, Any]:
    """What the form's template is shown with; a new record begins with what the kind fills in and the address names. ``filled`` is what
    pages_of() says of ``fills``."""
    zone = await handler.preferences.text(handler.db, "time_zone")
    given = {name: value for name, value in handler.query.items() if name in of.by_name}
    if record is not None:
        stored = written(of, record, zone)
    else:
        stored = written(of, changes.blank(of, {}), zone) | dict(filled.get("begins", {})) | given
    values = dict(typed or {})
    return {
        "offered": filled.get("offered", {}),
        "note": filled.get("note", ""),
        "of": of,
        "record": record,
        "rows": rows(of),
        "written": stored,
        "base": values.get("base") or json.dumps(stored),
        "values": values,
        "errors": dict(errors or {}),
        "version": values.get("version") or getattr(record, "version", None),
        "chosen": await pickers.chosen(handler, of, {**stored, **values}),
        "back": filled.get("back") or pickers.back(handler, of, record, given),
    }


async def conflict(handler: PageHandler, of: Resource[Any], theirs: Any) -> dict[str, Any]:
    """Field by field what was there, what they saved, and what was typed here."""
    zone = await handler.preferences.text(handler.db, "time_zone")
    base, now = _texts(handler.form.get("base", "")), written(of, theirs, zone)
    posted, _ = await said(handler, of, theirs)
    names = {name: await pickers.chosen(handler, of, sides) for name, sides in {"base": base, "theirs": now, "yours": posted}.items()}
    fields = []
    for _, name, field in on_form(of):
        yours = str(posted.get(name, now[name])).replace("\r\n", "\n")
        sides = {"base": base.get(name, ""), "theirs": now[name], "yours": "" if yours == "off" else yours}
        called = {value: names[side].get(name) or _called(field, value) for side, value in sides.items() if _is_named(field)}
        fields.append({"name": name, "label": field.label, "names": called, **sides})
    return {"of": of, "record": theirs, "fields": fields}


def errors(of: Resource[Any], refusal: Invalid | NotAllowed) -> dict[str, str]:
    """Messages by field; what concerns no field of the form stands above it."""
    told = refusal.errors if isinstance(refusal, Invalid) else {"": refusal.detail}
    names = {name for _, name, _ in on_form(of)}
    above = " ".join(text for name, text in told.items() if name not in names)
    return {**({"": above} if above else {}), **{name: text for name, text in told.items() if name in names}}


def version(form: Mapping[str, str]) -> int:
    """The version that a form was made from. Raises HTTPError 400."""
    given = form.get("version", "")
    if not re.fullmatch("[0-9]{1,18}", given):
        raise HTTPError(400)
    return int(given)


def columns(of: Resource[Any]) -> list[dict[str, str]]:
    """The headings of the list, as macros/table.html takes them."""
    definition = statements.definition(of)
    found: list[dict[str, str]] = []
    for attribute, field in of.fields.items():
        if field.listed:
            sort = (field.name or attribute).removesuffix("_id")
            kind = "hm-num" if field.value.widget in ("number", "decimal") else "hm-wide" if len(found) > 3 else ""
            found.append({"label": field.label, "sort": sort if sort in definition.sorts else "", "class": kind})
    return found


def filters(handler: PageHandler, of: Resource[Any], chosen: Mapping[str, str]) -> list[dict[str, Any]]:
    """The filters above the list, as macros/table.html takes them: what can be chosen, and pickers for what is referred to."""
    found: list[dict[str, Any]] = []
    for name, (_, field) in of.by_name.items():
        if field.filtered:
            one: dict[str, Any] = {"name": name, "label": field.label, "options": ()}
            if isinstance(field.value, Reference):
                one |= {"kind": "picker", "label_chosen": chosen.get(name, ""), "at": handler.reverse_url(f"{field.value.to}-picker")}
            elif field.value.widget == "yes":
                one |= {"options": [("yes", "Yes"), ("no", "No")]}
            elif field.value.widget == "choice":
                one |= {"options": list(getattr(field.value, "labels").items())}  # noqa: B009  Choice is the one with labels
            else:
                one |= {"kind": "text"}
            found.append(one)
    return found + [
        {"name": name, "label": one.label, "options": one.options, "kind": one.kind} for name, one in of.filters.items() if one.label
    ]


def _is_named(field: Field) -> bool:
    return isinstance(field.value, Reference | YesNo) or field.value.widget == "choice"


def _called(field: Field, value: str) -> str:
    """What a control says, in words: of a box whether it is ticked."""
    return field.value.words(bool(value) if isinstance(field.value, YesNo) else value)


def _texts(raw: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(raw, type=dict[str, str])
    except msgspec.DecodeError:
        return {}
