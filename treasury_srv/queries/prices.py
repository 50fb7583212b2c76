"""Price versions: a plan's rates for one term from a day on."""

from collections.abc import Iterable, Sequence

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import ListDefinition, ListQuery, Page
from treasury_srv.queries import rows

LISTING = ListDefinition(
    sorts={"valid_from": "price_version.valid_from", "term": "price_version.term", "created_at": "price_version.created_at"},
    default="-valid_from",
    id_column="price_version.id",
    filters=("plan_id", "term", "updated_since"),
)


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """One price version: unit prices in ten-thousandths (_e4), included TB in millionths (_e6); unique by plan, term and day."""

    id: str
    plan_id: str
    term: str
    valid_from: str
    currency: str
    per_user_e4: int
    per_workstation_e4: int
    per_server_e4: int
    per_vm_e4: int
    per_switch_e4: int
    per_firewall_e4: int
    per_hour_e4: int
    backup_base_workstation_e4: int
    backup_base_server_e4: int
    backup_included_tb_e6: int
    backup_per_tb_e4: int
    created_at: str = ""
    updated_at: str = ""
    version: int = 0


STORED = rows.Stored("price_version", Price)
_FILTERS = {
    "plan_id": "price_version.plan_id = :plan_id",
    "term": "price_version.term = :term",
    "updated_since": "price_version.updated_at >= :updated_since",
}


async def everything(db: Db) -> list[Price]:
    """All versions by plan, term and day."""
    found = await db.all(f"SELECT {STORED.columns} FROM price_version ORDER BY plan_id, term, valid_from")
    return [Price(**row) for row in found]


async def of_plan(db: Db, plan_id: str) -> list[Price]:
    """A plan's versions by term, the newest first."""
    found = await db.all(
        f"SELECT {STORED.columns} FROM price_version WHERE plan_id = :plan_id ORDER BY term, valid_from DESC", plan_id=plan_id
    )
    return [Price(**row) for row in found]


async def page_of(db: Db, list_query: ListQuery) -> Page[Price]:
    """Filters: plan_id, term and updated_since."""
    wanted = ["TRUE", *(_FILTERS[name] for name in list_query.filters)]
    column = list_query.column.removeprefix("price_version.")
    return await rows.page_of(
        db, STORED, "price_version", list_query, wanted, list_query.filters, Price, lambda row: (getattr(row, column), row.id)
    )


async def used_between(db: Db, plan_id: str, term: str, from_on: str, until_on: str) -> bool:
    """Whether an agreement with this plan (its own, or by override) and term was in force on a day of `[from_on, until_on)`."""
    found = await db.one(
        """
        SELECT agreement.id FROM agreement
        WHERE agreement.term = :term AND agreement.start_on < :until_on AND (agreement.ended_on IS NULL OR agreement.ended_on > :from_on)
            AND (agreement.plan_id = :plan_id OR agreement.id IN (
                SELECT agreement_id FROM agreement_override WHERE what = 'plan' AND text = :plan_id))
        LIMIT 1
        """,
        plan_id=plan_id,
        term=term,
        from_on=from_on,
        until_on=until_on,
    )
    return found is not None


async def finalised_until(db: Db, plan_id: str, term: str) -> str:
    """The last month for which a bill with this plan and term is finalised, "" when there is none."""
    return str(
        await db.value(
            """
            SELECT COALESCE(max(invoice.period), '') FROM invoice JOIN agreement ON agreement.id = invoice.agreement_id
            WHERE invoice.status = 'finalised' AND agreement.term = :term AND (agreement.plan_id = :plan_id OR agreement.id IN (
                SELECT agreement_id FROM agreement_override WHERE what = 'plan' AND text = :plan_id))
            """,
            plan_id=plan_id,
            term=term,
        )
    )


async def some(db: Db, ids: Sequence[str]) -> list[Price]:
    return await rows.some(db, STORED, ids, Price, CompanyScope(), "price_version.id")


async def insert(tx: Db, prices: Iterable[Price], now: str) -> None:
    """Raises Conflict when plan, term and day have a version, or the plan does not exist."""
    await rows.insert(tx, STORED, prices, now)


async def update(tx: Db, prices: Iterable[Price], now: str) -> None:
    await rows.update(tx, STORED, prices, now)


async def save(tx: Db, price: Price, now: str) -> bool:
    """False when the row has changed since `price.version`. Raises Conflict as insert does."""
    return await rows.save(tx, STORED, price, now)


async def delete(tx: Db, price: Price) -> bool:
    """False when the row has changed."""
    return bool(await tx.run(STORED.delete, id=price.id, version=price.version))
