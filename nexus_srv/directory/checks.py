"""What may stand in the fields of companies, contacts, locations and assets."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from hmlib import clock, text
from hmlib.errors import Invalid
from hmlib.tables import cells
from nexus_srv.queries import assets, contacts
from nexus_srv.queries.assets import Asset
from nexus_srv.queries.contacts import Contact

T = TypeVar("T", bound=msgspec.Struct)
Check = Callable[[Any], Any]

MAX_BYTES = 2**60


class Refused(Exception):
    """One value that cannot stand; the text says why."""


def asset(wanted: Asset) -> Asset:
    """The asset in its stored form. Raises Invalid."""
    good = _checked(wanted, _ASSET)
    _check_days(good.active_on, good.retired_on, "retired_on")
    return good


def contact(wanted: Contact) -> Contact:
    """The contact in its stored form: the name is made of first and last name where it is missing. Raises Invalid."""
    full = " ".join(part for part in (wanted.first_name.strip(), wanted.last_name.strip()) if part)
    good = _checked(msgspec.structs.replace(wanted, name=wanted.name.strip() or full or next(iter(wanted.emails), "")), _CONTACT)
    _check_days(good.active_on, good.ended_on, "ended_on")
    if len({link.company_id for link in good.companies}) < len(good.companies):
        raise Invalid({"companies": "A company stands there twice."})
    if any(link.role not in contacts.ROLES for link in good.companies):
        raise Invalid({"role": f"Choose one of {', '.join(contacts.ROLES[1:])}."})
    links = tuple(sorted(good.companies, key=lambda link: link.company_id))
    good = msgspec.structs.replace(good, email=good.emails[0] if good.emails else "", companies=links)
    return msgspec.structs.replace(good, exclusion_reason="") if good.billable else good


def _checked(wanted: T, checks: dict[str, Check]) -> T:
    errors: dict[str, str] = {}
    changed: dict[str, Any] = {}
    for field, check in checks.items():
        value = getattr(wanted, field)
        try:
            good = check(value)
        except Refused as refused:
            errors[field] = str(refused)
            continue
        if good != value:
            changed[field] = good
    if errors:
        raise Invalid(errors)
    return msgspec.structs.replace(wanted, **changed) if changed else wanted


def _check_days(first: str | None, last: str | None, field: str) -> None:
    if first and last and last < first:
        raise Invalid({field: "This is before the day it begins."})


def _text(most: int, *, lines: bool = False, needed: bool = False) -> Check:
    read = text.lines if lines else text.one_line

    def check(value: str) -> str:
        try:
            value = read(value)
        except text.Unseen as unseen:
            raise Refused(str(unseen)) from None
        if needed and not value:
            raise Refused("This is needed.")
        if len(value) > most:
            raise Refused(f"Use at most {most} characters.")
        return value

    return check


def _optional(check: Check) -> Check:
    return lambda value: None if value is None or value == "" else check(value)


def _one_of(choices: tuple[str, ...]) -> Check:
    def check(value: str) -> str:
        if value not in choices:
            raise Refused(f"Choose one of {', '.join(filter(None, choices))}.")
        return value

    return check


def _emails(values: tuple[str, ...]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for value in values:
        try:
            address = cells.email(value)
        except cells.BadCell as wrong:
            raise Refused(f"{value[:100]} {wrong.args[0]}.") from None
        if address:
            found.setdefault(address.casefold(), address)
    if len(found) > 20:
        raise Refused("Use at most 20 addresses.")
    return tuple(found.values())


def _day(value: str) -> str:
    try:
        return clock.day_of(value)
    except ValueError:
        raise Refused("Use a date such as 2026-11-22.") from None


def _moment(value: str) -> str:
    try:
        return clock.moment_of(value)
    except ValueError:
        raise Refused("Use a UTC time such as 2026-11-22T10:00:00Z.") from None


def _bytes(value: int) -> int:
    if not 0 <= value <= MAX_BYTES:
        raise Refused("Use a number of bytes from 0 to 2^60.")
    return value


_ORIGIN: dict[str, Check] = {"source": _text(50), "external_id": _optional(_text(200))}
_ASSET: dict[str, Check] = {
    "name": _text(200, needed=True),
    "type": _one_of(assets.TYPES),
    "serial": _text(100),
    "operating_system": _text(100),
    "contact_id": _optional(_text(64)),
    "active_on": _optional(_day),
    "retired_on": _optional(_day),
    "last_seen_at": _optional(_moment),
    "backup_bytes": _bytes,
    "measured_at": _optional(_moment),
    "notes": _text(10_000, lines=True),
    **_ORIGIN,
}
_CONTACT: dict[str, Check] = {
    "name": _text(200, needed=True),
    "first_name": _text(100),
    "last_name": _text(100),
    "emails": _emails,
    "phone": _text(50),
    "mobile_phone": _text(50),
    "title": _text(100),
    "exclusion_reason": _text(200),
    "active_on": _optional(_day),
    "ended_on": _optional(_day),
    "notes": _text(10_000, lines=True),
    **_ORIGIN,
}
