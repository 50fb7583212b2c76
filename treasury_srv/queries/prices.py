"""Price versions: a plan's rates for one term from a day on."""

from collections.abc import Iterable

import msgspec

from hmlib.db import Db
from treasury_srv.queries import rows


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


async def by_id(db: Db, id: str) -> Price | None:
    row = await db.one(f"SELECT {STORED.columns} FROM price_version WHERE id = :id", id=id)
    return Price(**row) if row else None


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
