"""Manual devices and users: what an agreement counts although the directory does not know it."""

from collections.abc import Iterable, Sequence

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import ListDefinition, ListQuery, Page
from treasury_srv.queries import rows

LISTING = ListDefinition(
    sorts={"name": "manual_item.name", "created_at": "manual_item.created_at"},
    default="name",
    id_column="manual_item.id",
    filters=("agreement_id", "company_id", "kind", "updated_since"),
)


class ManualItem(msgspec.Struct, frozen=True, kw_only=True):
    """A device or user by hand; `kind` is device or user, `price_e4` counts for the billing type custom only."""

    id: str
    agreement_id: str
    kind: str
    name: str
    billing_type: str
    price_e4: int = 0
    from_on: str | None = None
    to_on: str | None = None
    note: str = ""
    created_at: str = ""
    updated_at: str = ""
    version: int = 0


STORED = rows.Stored("manual_item", ManualItem)
_SOURCE = "manual_item JOIN agreement ON agreement.id = manual_item.agreement_id"
_FILTERS = {
    "agreement_id": "manual_item.agreement_id = :agreement_id",
    "company_id": "agreement.company_id = :company_id",
    "kind": "manual_item.kind = :kind",
    "updated_since": "manual_item.updated_at >= :updated_since",
}


async def of_agreement(db: Db, agreement_id: str) -> list[ManualItem]:
    found = await db.all(
        f"SELECT {STORED.columns} FROM manual_item WHERE agreement_id = :agreement_id ORDER BY kind, name, id", agreement_id=agreement_id
    )
    return [ManualItem(**row) for row in found]


async def page_of(db: Db, scope: CompanyScope, list_query: ListQuery) -> Page[ManualItem]:
    """Filters: agreement_id, company_id, kind and updated_since."""
    wanted = [scope.clause("agreement.company_id"), *(_FILTERS[name] for name in list_query.filters)]
    params = {**scope.params(), **list_query.filters}
    column = list_query.column.removeprefix("manual_item.")
    return await rows.page_of(db, STORED, _SOURCE, list_query, wanted, params, ManualItem, lambda row: (getattr(row, column), row.id))


async def some(db: Db, scope: CompanyScope, ids: Sequence[str]) -> list[ManualItem]:
    return await rows.some(db, STORED, ids, ManualItem, scope, "agreement.company_id", _SOURCE)


async def insert(tx: Db, items: Iterable[ManualItem], now: str) -> None:
    """Raises Conflict for a billing type that the kind does not have, or a `to_on` that is not after `from_on`."""
    await rows.insert(tx, STORED, items, now)


async def save(tx: Db, item: ManualItem, now: str) -> bool:
    """False when the row has changed since `item.version`. Raises Conflict as insert does."""
    return await rows.save(tx, STORED, item, now)


async def delete(tx: Db, item: ManualItem) -> bool:
    """False when the row has changed."""
    return bool(await tx.run(STORED.delete, id=item.id, version=item.version))
