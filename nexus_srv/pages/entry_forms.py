"""The forms of the directory: which fields an entry has on a page, how they are written there and read back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from hmlib.errors import Invalid
from nexus_srv.queries import assets, companies
from nexus_srv.queries.directory import Entry

TYPE_LABELS = {
    "workstation": "Workstation",
    "server": "Server",
    "vm": "Virtual machine",
    "switch": "Switch",
    "firewall": "Firewall",
    "other": "Other",
}
STATUS_LABELS = {"prospect": "Prospect", "active": "Active", "inactive": "Inactive"}
COMPLIANCE_LABELS = {"standard": "Standard", "hipaa": "HIPAA", "cjis": "CJIS"}
ROLE_LABELS = {"": "No role", "primary": "Primary", "billing": "Billing", "technical": "Technical"}


@dataclass(frozen=True)
class Field:
    """One field of a form. `widget` is text, tel, url, date, number, lines (a text of several), words (a list), yes (a checkbox) or
    choice; the choices of a `source` are found when the form is shown. What is `optional` is None when it is empty."""

    name: str
    label: str
    widget: str = "text"
    required: bool = False
    optional: bool = False
    maxlength: int = 200
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    source: str = ""
    autocomplete: str = "off"


Rows = tuple[tuple[Field, ...], ...]

_PLACE: Rows = (
    (Field("address", "Address", "lines", maxlength=500),),
    (
        Field("postal_code", "Postal code", maxlength=20),
        Field("city", "City", maxlength=100),
        Field("region", "State or region", maxlength=100),
    ),
    (Field("country", "Country", "choice", source="countries"),),
)
_EXTERNAL = Field("external_id", "External id", optional=True, help="By which name another system knows it; imports match by it.")
_NOTES = Field("notes", "Notes", "lines", maxlength=10_000)

COMPANY: Rows = (
    (
        Field("name", "Name", required=True),
        Field("account_number", "Account number", maxlength=6, help="Six digits; the next free number when left empty."),
    ),
    (
        Field("status", "Status", "choice", required=True, choices=tuple((key, STATUS_LABELS[key]) for key in companies.STATUSES)),
        Field(
            "compliance_level", "Compliance", "choice", choices=tuple((key, COMPLIANCE_LABELS[key]) for key in companies.COMPLIANCE_LEVELS)
        ),
    ),
    (Field("main_phone", "Main phone", "tel", maxlength=50), Field("website", "Website", maxlength=300)),
    (Field("domains", "E-mail domains", "words", maxlength=2000, help="With a comma between them."),),
    *_PLACE,
    (Field("parent_id", "Belongs to", "choice", optional=True, source="companies"), _EXTERNAL),
    (_NOTES,),
)
CONTACT: Rows = (
    (Field("first_name", "First name", maxlength=100), Field("last_name", "Last name", maxlength=100)),
    (Field("emails", "E-mail addresses", "words", maxlength=2000, help="The first one is the primary one; with a comma between them."),),
    (
        Field("phone", "Phone", "tel", maxlength=50),
        Field("mobile_phone", "Mobile phone", "tel", maxlength=50),
        Field("title", "Title", maxlength=100),
    ),
    (Field("active", "Active", "yes"), Field("billable", "Billable", "yes")),
    (Field("exclusion_reason", "Why not billable", help="Kiosk, shared mailbox, …"),),
    (
        Field("active_on", "Counts from", "date", optional=True),
        Field("ended_on", "Counts no longer from", "date", optional=True, help="The first day that no longer counts."),
    ),
    (_EXTERNAL,),
    (_NOTES,),
)
LOCATION: Rows = (
    (Field("company_id", "Company", "choice", required=True, source="companies"), Field("name", "Name", required=True)),
    *_PLACE,
    (Field("phone", "Phone", "tel", maxlength=50), _EXTERNAL),
    (Field("active", "In use", "yes"),),
)
ASSET: Rows = (
    (Field("company_id", "Company", "choice", required=True, source="companies"), Field("name", "Host name", required=True)),
    (
        Field("type", "Type", "choice", required=True, choices=tuple((key, TYPE_LABELS[key]) for key in assets.TYPES)),
        Field("operating_system", "Operating system", maxlength=100),
        Field("serial", "Serial number", maxlength=100),
    ),
    (Field("contact_id", "Used by", "choice", optional=True, source="contacts"),),
    (
        Field("active_on", "Counts from", "date", optional=True),
        Field("retired_on", "Retired on", "date", optional=True, help="The first day that no longer counts."),
    ),
    (Field("backup_bytes", "Backup in bytes", "number", maxlength=20), _EXTERNAL),
    (_NOTES,),
)


def fields(rows: Rows) -> list[Field]:
    return [field for row in rows for field in row]


def written(rows: Rows, entry: Entry) -> dict[str, str]:
    """The values of a form as texts, by field."""
    return {field.name: _written(field, getattr(entry, field.name)) for field in fields(rows)}


def read(rows: Rows, form: Mapping[str, str], before: Any) -> Any:
    """The entry as the form wants it. A field that the form does not have stays as it is, except a checkbox. Raises Invalid."""
    values: dict[str, Any] = {}
    for field in fields(rows):
        if field.name in form or field.widget == "yes":
            values[field.name] = _read(field, form.get(field.name, ""))
    if ("first_name" in values or "last_name" in values) and hasattr(before, "emails"):
        values["name"] = ""
    return msgspec.structs.replace(before, **values)


def _written(field: Field, value: Any) -> str:
    if field.widget == "yes":
        return "on" if value else ""
    if field.widget == "words":
        return ", ".join(value)
    return "" if value is None else str(value)


def _read(field: Field, text: str) -> Any:
    if field.widget == "yes":
        return text == "on"
    if field.widget == "words":
        return tuple(part for part in re.split(r"[\s,;]+", text) if part)
    if field.widget == "number":
        return _number(field, text)
    return None if field.optional and not text.strip() else text


def _number(field: Field, text: str) -> int:
    digits = re.sub(r"[\s,'_]", "", text) or "0"
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 19):
        raise Invalid({field.name: "Enter a whole number."})
    return int(digits)
