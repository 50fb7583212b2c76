"""The four kinds of thing in the directory: company, contact, location, asset."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import ListDefinition, ListQuery, Page
from nexus_srv.directory import checks
from nexus_srv.queries import assets, companies, contacts, locations
from nexus_srv.queries.assets import Asset
from nexus_srv.queries.companies import Company
from nexus_srv.queries.contacts import Contact
from nexus_srv.queries.directory import Entry
from nexus_srv.queries.locations import Location

T = TypeVar("T", bound=Entry)


class Queries(Protocol[T]):
    """What each noun's module in queries/ offers."""

    @property
    def LISTING(self) -> ListDefinition: ...

    async def page_of(self, db: Db, scope: CompanyScope, list_query: ListQuery, *, since: str = "") -> Page[T]: ...
    async def plain_page_of(self, db: Db, scope: CompanyScope, list_query: ListQuery, *, since: str = "") -> Page[dict[str, Any]]: ...
    async def some(self, db: Db, scope: CompanyScope, ids: Sequence[str]) -> list[T]: ...
    async def visible(self, db: Db, scope: CompanyScope, id: str) -> T | None: ...
    async def of_source(self, db: Db, scope: CompanyScope, source: str) -> list[T]: ...
    async def insert(self, tx: Db, rows: Any, now: str) -> None: ...
    async def save(self, tx: Db, row: Any, now: str) -> bool: ...
    async def delete(self, tx: Db, id: str) -> None: ...


@dataclass(frozen=True)
class Noun(Generic[T]):
    """One of the four kinds of thing: its names, its record, its statements, its rules, and the companies an entry belongs to."""

    name: str
    plural: str
    kind: type[T]
    rows: Queries[T]
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


COMPANIES = Noun[Company](
    "company",
    "companies",
    Company,
    companies,
    checks.company,
    lambda row: [row.id],
    lambda row, today: {"status": "inactive"},
    {"status": "active"},
)
CONTACTS = Noun[Contact](
    "contact",
    "contacts",
    Contact,
    contacts,
    checks.contact,
    lambda row: [link.company_id for link in row.companies],
    _contact_idle,
    {"active": True, "ended_on": None},
    _contact_settled,
)
LOCATIONS = Noun[Location](
    "location",
    "locations",
    Location,
    locations,
    checks.location,
    lambda row: [row.company_id],
    lambda row, today: {"active": False},
    {"active": True},
)
ASSETS = Noun[Asset](
    "asset",
    "assets",
    Asset,
    assets,
    checks.asset,
    lambda row: [row.company_id],
    _asset_idle,
    {"retired_on": None},
)
NOUNS: Mapping[str, Noun[Any]] = {noun.plural: noun for noun in (COMPANIES, CONTACTS, LOCATIONS, ASSETS)}
