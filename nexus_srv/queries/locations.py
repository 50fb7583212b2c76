"""The places of companies: their rows in `location`, and which of them a caller may see."""

from collections.abc import Iterable, Sequence
from typing import Any

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import ListDefinition, ListQuery, Page, folded
from nexus_srv.queries import directory

LISTING = ListDefinition(
    sorts={
        "name": "location.name_form",
        "company": "company.name_form",
        "city": "location.city",
        "country": "location.country",
        "created_at": "location.created_at",
        "updated_at": "location.updated_at",
    },
    default="name",
    id_column="location.id",
    filters=("company_id", "country", "active"),
)


class Location(directory.Entry, frozen=True, kw_only=True):
    """A place of a company. `address` may have several lines; `country` is two letters (ISO 3166)."""

    company_id: str
    name: str
    address: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    phone: str = ""
    active: bool = True
    company_name: str = ""


_FIELDS = directory.stored_fields(Location, "company_name")
_STORED = (*_FIELDS, "name_form", "search")
_COLUMNS = (
    ", ".join(f"location.{name}" for name in (*_FIELDS, "name_form", "created_at", "updated_at", "version"))
    + ", company.name AS company_name, company.name_form AS company_form"
)
_FROM = "location JOIN company ON company.id = location.company_id"
_FILTERS = {
    "company_id": "location.company_id = :company_id",
    "country": "location.country = :country",
    "active": "location.active = (:active = 'yes')",
}
_INSERT = directory.insert_sql("location", _STORED)
_UPDATE = directory.update_sql("location", _STORED)


async def page_of(db: Db, scope: CompanyScope, list_query: ListQuery, *, since: str = "") -> Page[Location]:
    rows, total = await _found(db, scope, list_query, since)
    return directory.paged(list_query, rows, total, _location, "location")


async def plain_page_of(db: Db, scope: CompanyScope, list_query: ListQuery, *, since: str = "") -> Page[dict[str, Any]]:
    """As page_of(), without making a Location of each row."""
    rows, total = await _found(db, scope, list_query, since)
    return directory.paged(list_query, rows, total, _shaped, "location")


async def _found(db: Db, scope: CompanyScope, list_query: ListQuery, since: str) -> tuple[list[dict[str, Any]], int]:
    wanted, params = directory.narrowed("location", scope.clause("location.company_id"), scope, list_query, _FILTERS, since)
    after, order, place = list_query.sql()
    async with db.read() as snapshot:
        rows = await snapshot.all(f"SELECT {_COLUMNS} FROM {_FROM} WHERE {wanted} {after} {order}", **params, **place)
        total = await snapshot.value(f"SELECT count(*) FROM location WHERE {wanted}", **params)
    return rows, total


async def some(db: Db, scope: CompanyScope, ids: Sequence[str]) -> list[Location]:
    seen = scope.clause("location.company_id")
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM {_FROM} WHERE location.id IN :ids AND {seen} ORDER BY location.name_form, location.id",
        ids=list(ids),
        **scope.params(),
    )
    return [_location(row) for row in rows]


async def visible(db: Db, scope: CompanyScope, id: str) -> Location | None:
    found = await some(db, scope, [id])
    return found[0] if found else None


async def everything(db: Db) -> list[Location]:
    """All of them, for an import to compare with."""
    return [_location(row) for row in await db.all(f"SELECT {_COLUMNS} FROM {_FROM} ORDER BY location.id")]


async def of_source(db: Db, scope: CompanyScope, source: str) -> list[Location]:
    """Those in scope that a system knows by an external id."""
    wanted = f"location.source = :source AND location.external_id IS NOT NULL AND {scope.clause('location.company_id')}"
    rows = await db.all(f"SELECT {_COLUMNS} FROM {_FROM} WHERE {wanted} ORDER BY location.id", source=source, **scope.params())
    return [_location(row) for row in rows]


async def insert(tx: Db, locations: Iterable[Location], now: str) -> None:
    """Raises Conflict when the name or the external id is taken."""
    await tx.many(_INSERT, [{**_values(location), "now": now} for location in locations])


async def update(tx: Db, locations: Iterable[Location], now: str) -> None:
    """As save does, for many that were read in this very transaction."""
    await tx.many(_UPDATE, [{**_values(location), "version": location.version, "now": now} for location in locations])


async def let_go(tx: Db, ids: Sequence[str]) -> None:
    """Free the names of locations that get another one in this very transaction, so that they can be exchanged."""
    await tx.run("UPDATE location SET name_form = id WHERE id IN :ids", ids=list(ids))


async def save(tx: Db, location: Location, now: str) -> bool:
    """False when the row has changed since `location.version`. Raises Conflict as insert does."""
    return bool(await tx.run(_UPDATE, **_values(location), version=location.version, now=now))


async def delete(tx: Db, id: str) -> None:
    await tx.run("DELETE FROM location WHERE id = :id", id=id)


def _values(location: Location) -> dict[str, Any]:
    values = {name: getattr(location, name) for name in _FIELDS}
    words = [location.name, location.address, location.city, location.postal_code, location.external_id or ""]
    return {**values, "name_form": folded(location.name), "search": folded(" ".join(words))}


def _location(row: dict[str, Any]) -> Location:
    return Location(**_shaped(row))


def _shaped(row: dict[str, Any]) -> dict[str, Any]:
    """The row itself, with the fields of a Location."""
    row["active"] = bool(row["active"])
    del row["name_form"], row["company_form"]
    return row
