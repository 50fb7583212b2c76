"""Contacts and assets as imports plan them: what checks and completes a row's entry."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from nexus_srv.directory import checks
from nexus_srv.queries.assets import Asset
from nexus_srv.queries.contacts import Contact
from nexus_srv.queries.directory import Entry

T = TypeVar("T", bound=Entry)


@dataclass(frozen=True)
class Noun(Generic[T]):
    """One of the two: its names, its record, its rules, and the companies an entry belongs to."""

    name: str
    plural: str
    kind: type[T]
    checked: Callable[[T], T]
    company_ids: Callable[[T], list[str]]
    idle: Callable[[T, str], dict[str, Any]]
    busy: dict[str, Any]
    settled: Callable[[T | None, T, str], T] = lambda before, wanted, today: wanted
    """What follows from a change, whichever way it came: page, API, list or import. It takes what was, what is wanted and the day."""


def _end(planned: str | None, first: str | None, today: str) -> str:
    """The first day that no longer counts of what comes to its end now: an earlier end that was planned stays, a later one does not."""
    return max(min(planned or today, today), first or "")


def _contact_idle(contact: Contact, today: str) -> dict[str, Any]:
    return {"active": False, "ended_on": _end(contact.ended_on, contact.active_on, today)}


def _asset_idle(asset: Asset, today: str) -> dict[str, Any]:
    return {"retired_on": _end(asset.retired_on, asset.active_on, today)}


def _contact_settled(before: Contact | None, wanted: Contact, today: str) -> Contact:
    """Who is made inactive ends now at the latest, and who is made active again has no end behind them.

    One who was never active has no day of their own: without a planned end none is made up.
    """
    if not wanted.active and (wanted.ended_on or (before is not None and before.active)):
        over = before.ended_on if before is not None and not before.active else None
        latest = min(over or today, today) if (wanted.ended_on or "9") > today else today  # told again, it does not end anew
        return msgspec.structs.replace(wanted, ended_on=_end(wanted.ended_on, wanted.active_on, latest))
    back = before is not None and wanted.active and not before.active and wanted.ended_on == before.ended_on
    return msgspec.structs.replace(wanted, ended_on=None) if back and (wanted.ended_on or "") <= today else wanted


CONTACTS = Noun[Contact](
    "contact",
    "contacts",
    Contact,
    checks.contact,
    lambda row: [link.company_id for link in row.companies],
    _contact_idle,
    {"active": True, "ended_on": None},
    _contact_settled,
)
ASSETS = Noun[Asset](
    "asset",
    "assets",
    Asset,
    checks.asset,
    lambda row: [row.company_id],
    _asset_idle,
    {"retired_on": None},
)
