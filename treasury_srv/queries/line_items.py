"""Line items: recurring, one-off and yearly charges of companies, and which of them a caller may see."""

from collections.abc import Iterable, Sequence

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import ListDefinition, ListQuery, Page, folded, like
from treasury_srv.queries import rows

LISTING = ListDefinition(
    sorts={"name": "line_item.folded", "kind": "line_item.kind", "created_at": "line_item.created_at"},
    default="name",
    id_column="line_item.id",
    filters=("company_id", "kind", "updated_since"),
)


class LineItem(msgspec.Struct, frozen=True, kw_only=True):
    """A charge: quantity in millionths, unit price in ten-thousandths (negative is a discount); unique by company, name and kind."""

    id: str
    company_id: str
    name: str
    kind: str
    quantity_e6: int = 1_000_000
    unit_price_e4: int
    from_on: str | None = None
    to_on: str | None = None
    year: int | None = None
    month: int | None = None
    tax_category: str = "standard"
    created_at: str = ""
    updated_at: str = ""
    version: int = 0


STORED = rows.Stored("line_item", LineItem, also=("folded",))
_FILTERS = {
    "company_id": "line_item.company_id = :company_id",
    "kind": "line_item.kind = :kind",
    "updated_since": "line_item.updated_at >= :updated_since",
}


async def page_of(db: Db, scope: CompanyScope, list_query: ListQuery) -> Page[LineItem]:
    """Filters: company_id, kind and updated_since."""
    wanted = [scope.clause("line_item.company_id"), *(_FILTERS[name] for name in list_query.filters)]
    params = {**scope.params(), **list_query.filters}
    if list_query.q:
        wanted.append("line_item.folded LIKE :like ESCAPE '\\'")
        params["like"] = like(list_query.q)
    column = list_query.column.removeprefix("line_item.")
    return await rows.page_of(
        db,
        STORED,
        "line_item",
        list_query,
        wanted,
        params,
        LineItem,
        lambda row: (folded(row.name) if column == "folded" else getattr(row, column), row.id),
    )


async def of_companies(db: Db, company_ids: Sequence[str]) -> list[LineItem]:
    found = await db.all(
        f"SELECT {STORED.columns} FROM line_item WHERE company_id IN :ids ORDER BY company_id, folded, kind", ids=list(company_ids)
    )
    return [LineItem(**row) for row in found]


async def some(db: Db, scope: CompanyScope, ids: Sequence[str]) -> list[LineItem]:
    return await rows.some(db, STORED, ids, LineItem, scope, "line_item.company_id")


async def insert(tx: Db, items: Iterable[LineItem], now: str) -> None:
    """Raises Conflict when the company has an item of that name and kind, or its dates do not make one kind of fee."""
    await tx.many(STORED.insert, [STORED.values(item, now, folded=folded(item.name)) for item in items])


async def update(tx: Db, items: Iterable[LineItem], now: str) -> None:
    await tx.many(STORED.update, [STORED.values(item, now, folded=folded(item.name)) for item in items])


async def save(tx: Db, item: LineItem, now: str) -> bool:
    """False when the row has changed since `item.version`. Raises Conflict as insert does."""
    return bool(await tx.run(STORED.update, **STORED.values(item, now, folded=folded(item.name))))


async def delete(tx: Db, item: LineItem) -> bool:
    """False when the row has changed."""
    return bool(await tx.run(STORED.delete, id=item.id, version=item.version))
