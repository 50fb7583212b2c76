"""The devices of companies: their rows in `asset`, and which of them a caller may see."""

from collections.abc import Iterable
from typing import Any

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import ListDefinition, folded
from nexus_srv.queries import directory

TYPES = ("workstation", "server", "vm", "switch", "firewall", "other")

LISTING = ListDefinition(
    sorts={
        "name": "asset.name_form",
        "company": "company.name_form",
        "type": "asset.type",
        "backup_bytes": "asset.backup_bytes",
        "created_at": "asset.created_at",
        "updated_at": "asset.updated_at",
    },
    default="name",
    id_column="asset.id",
    filters=("company_id", "type", "contact_id", "status"),
)


class Asset(directory.Entry, frozen=True, kw_only=True):
    """A device. `type` is workstation, server, vm, switch, firewall or other; `active_on` and `retired_on` are days, the latter the
    first that no longer counts; `backup_bytes` is bytes, as measured at `measured_at`."""

    company_id: str
    name: str
    type: str = "workstation"
    serial: str = ""
    operating_system: str = ""
    contact_id: str | None = None
    active_on: str | None = None
    retired_on: str | None = None
    last_seen_at: str | None = None
    backup_bytes: int = 0
    measured_at: str | None = None
    notes: str = ""
    company_name: str = ""


_FIELDS = directory.stored_fields(Asset, "company_name")
COLUMNS = (*_FIELDS, "name_form", "search")
_COLUMNS = (
    ", ".join(f"asset.{name}" for name in (*_FIELDS, "name_form", "created_at", "updated_at", "version"))
    + ", company.name AS company_name, company.name_form AS company_form"
)
_FROM = "asset JOIN company ON company.id = asset.company_id"
_INSERT = directory.insert_sql("asset", COLUMNS)


async def everything(db: Db) -> list[Asset]:
    """All of them, for an import to compare with."""
    return [_asset(row) for row in await db.all(f"SELECT {_COLUMNS} FROM {_FROM} ORDER BY asset.id")]


async def insert(tx: Db, assets: Iterable[Asset], now: str) -> None:
    """Raises Conflict when an external id is taken."""
    await tx.many(_INSERT, [{**columns_of(asset), "now": now} for asset in assets])


def columns_of(asset: Asset) -> dict[str, Any]:
    """Its row, but for times and version."""
    values = {name: getattr(asset, name) for name in _FIELDS}
    words = [asset.name, asset.type, asset.serial, asset.operating_system]
    return {**values, "name_form": folded(asset.name), "search": folded(" ".join(words))}


def _asset(row: dict[str, Any]) -> Asset:
    return Asset(**_shaped(row))


def _shaped(row: dict[str, Any]) -> dict[str, Any]:
    """The row itself, with the fields of an Asset."""
    del row["name_form"], row["company_form"]
    return row


async def count_of_contact(db: Db, contact_id: str) -> int:
    """How many assets are somebody's."""
    return int(await db.value("SELECT count(*) FROM asset WHERE contact_id = :contact_id", contact_id=contact_id))


async def works_at(db: Db, scope: CompanyScope, contact_id: str, company_id: str) -> bool:
    """Whether a contact is one of this company, as far as the scope sees it."""
    link = "SELECT 1 FROM contact_company WHERE contact_id = :contact_id AND company_id = :company_id"
    statement = f"{link} AND {scope.clause('company_id')}"
    return await db.value(statement, contact_id=contact_id, company_id=company_id, **scope.params()) is not None


async def stands_at(db: Db, scope: CompanyScope, location_id: str, company_id: str) -> bool:
    """Whether a location is one of this company, as far as the scope sees it."""
    statement = f"SELECT 1 FROM location WHERE id = :location_id AND company_id = :company_id AND {scope.clause('company_id')}"
    return await db.value(statement, location_id=location_id, company_id=company_id, **scope.params()) is not None
