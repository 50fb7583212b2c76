"""Overrides: one thing that an agreement has otherwise, with the days from and to which."""

from collections.abc import Iterable, Sequence

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import ListDefinition, ListQuery, Page
from treasury_srv.queries import rows

LISTING = ListDefinition(
    sorts={"what": "agreement_override.what", "created_at": "agreement_override.created_at"},
    default="what",
    id_column="agreement_override.id",
    filters=("agreement_id", "company_id", "what", "updated_since"),
)


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """An override: `number` is scaled as what it replaces, `text` is a plan's id or a feature's label; unique by agreement, `what`
    and `valid_from`, which is empty for always; `valid_to` is the first day without it."""

    id: str
    agreement_id: str
    what: str
    number: int = 0
    text: str = ""
    valid_from: str = ""
    valid_to: str | None = None
    created_at: str = ""
    updated_at: str = ""
    version: int = 0


STORED = rows.Stored("agreement_override", Override)
_SOURCE = "agreement_override JOIN agreement ON agreement.id = agreement_override.agreement_id"
_FILTERS = {
    "agreement_id": "agreement_override.agreement_id = :agreement_id",
    "company_id": "agreement.company_id = :company_id",
    "what": "agreement_override.what = :what",
    "updated_since": "agreement_override.updated_at >= :updated_since",
}


async def of_agreements(db: Db, agreement_ids: Sequence[str]) -> list[Override]:
    found = await db.all(
        f"SELECT {STORED.columns} FROM agreement_override WHERE agreement_id IN :ids ORDER BY agreement_id, what, valid_from",
        ids=list(agreement_ids),
    )
    return [Override(**row) for row in found]


async def page_of(db: Db, scope: CompanyScope, list_query: ListQuery) -> Page[Override]:
    """Filters: agreement_id, company_id, what and updated_since."""
    wanted = [scope.clause("agreement.company_id"), *(_FILTERS[name] for name in list_query.filters)]
    params = {**scope.params(), **list_query.filters}
    column = list_query.column.removeprefix("agreement_override.")
    return await rows.page_of(db, STORED, _SOURCE, list_query, wanted, params, Override, lambda row: (getattr(row, column), row.id))


async def some(db: Db, scope: CompanyScope, ids: Sequence[str]) -> list[Override]:
    return await rows.some(db, STORED, ids, Override, scope, "agreement.company_id", _SOURCE)


async def insert(tx: Db, overrides: Iterable[Override], now: str) -> None:
    """Raises Conflict when the thing has an override from that day on, or when `valid_to` is not after `valid_from`."""
    await rows.insert(tx, STORED, overrides, now)


async def update(tx: Db, overrides: Iterable[Override], now: str) -> None:
    await rows.update(tx, STORED, overrides, now)


async def save(tx: Db, override: Override, now: str) -> bool:
    """False when the row has changed since `override.version`. Raises Conflict as insert does."""
    return await rows.save(tx, STORED, override, now)


async def delete(tx: Db, override: Override) -> bool:
    """False when the row has changed."""
    return bool(await tx.run(STORED.delete, id=override.id, version=override.version))
