"""Plans: named price lists with their features."""

from collections.abc import Iterable, Mapping

import msgspec

from hmlib.db.database import Db
from hmlib.db.list_query import folded
from treasury_srv.queries import rows


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan; its name is unique whatever its case and accents. Times are UTC."""

    id: str
    name: str
    created_at: str = ""
    updated_at: str = ""
    version: int = 0


STORED = rows.Stored("plan", Plan, also=("folded",))


async def everything(db: Db) -> list[Plan]:
    """All plans by name."""
    return [Plan(**row) for row in await db.all(f"SELECT {STORED.columns} FROM plan ORDER BY folded, id")]


async def by_id(db: Db, id: str) -> Plan | None:
    row = await db.one(f"SELECT {STORED.columns} FROM plan WHERE id = :id", id=id)
    return Plan(**row) if row else None


async def insert(tx: Db, plans: Iterable[Plan], now: str) -> None:
    """Raises Conflict when a name is taken."""
    await tx.many(STORED.insert, [STORED.values(plan, now, folded=folded(plan.name)) for plan in plans])


async def save(tx: Db, plan: Plan, now: str) -> bool:
    """False when the row has changed since `plan.version`. Raises Conflict when the name is taken."""
    return bool(await tx.run(STORED.update, **STORED.values(plan, now, folded=folded(plan.name))))


async def delete(tx: Db, plan: Plan) -> bool:
    """False when the row has changed. Raises Conflict while agreements or prices refer to it."""
    return bool(await tx.run(STORED.delete, id=plan.id, version=plan.version))


async def features(db: Db, plan_id: str) -> dict[str, str]:
    """The labels of a plan's features by their names."""
    found = await db.all("SELECT name, label FROM plan_feature WHERE plan_id = :plan_id ORDER BY name", plan_id=plan_id)
    return {row["name"]: row["label"] for row in found}


async def put_features(tx: Db, plan_id: str, labels: Mapping[str, str]) -> None:
    """Replace a plan's features."""
    await tx.run("DELETE FROM plan_feature WHERE plan_id = :plan_id", plan_id=plan_id)
    await tx.many(
        "INSERT INTO plan_feature (plan_id, name, label) VALUES (:plan_id, :name, :label)",
        [{"plan_id": plan_id, "name": name, "label": label} for name, label in labels.items()],
    )


async def agreements_by_plan(db: Db, today: str) -> dict[str, int]:
    """How many agreements in force each plan has."""
    found = await db.all(
        """
        SELECT plan_id, count(*) AS agreements FROM agreement
        WHERE start_on <= :today AND (ended_on IS NULL OR ended_on > :today) GROUP BY plan_id
        """,
        today=today,
    )
    return {row["plan_id"]: row["agreements"] for row in found}


async def held_by(db: Db, id: str) -> dict[str, int]:
    """How many agreements and price versions, of any time, keep a plan."""
    row = await db.one(
        """
        SELECT (SELECT count(*) FROM agreement WHERE plan_id = :id) AS agreements,
            (SELECT count(*) FROM price_version WHERE plan_id = :id) AS versions
        """,
        id=id,
    )
    return {"agreement": row["agreements"], "price version": row["versions"]} if row else {}


class Described(Plan, frozen=True, kw_only=True):
    """A plan with its features, name to label."""

    features: dict[str, str] = {}


async def all_described(db: Db) -> list[Described]:
    """All plans with their features, in two statements."""
    async with db.read() as snapshot:
        features = await snapshot.all("SELECT plan_id, name, label FROM plan_feature ORDER BY plan_id, name")
        found = await snapshot.all(f"SELECT {STORED.columns} FROM plan ORDER BY folded, id")
    labels: dict[str, dict[str, str]] = {}
    for row in features:
        labels.setdefault(row["plan_id"], {})[row["name"]] = row["label"]
    return [Described(**row, features=labels.get(row["id"], {})) for row in found]


async def insert_described(tx: Db, plans: Iterable[Described], now: str) -> None:
    """Raises Conflict when a name is taken."""
    for plan in plans:
        await insert(tx, [plan], now)
        await put_features(tx, plan.id, plan.features)


async def save_described(tx: Db, plan: Described, now: str) -> bool:
    """False when the row has changed since `plan.version`. Raises Conflict when the name is taken."""
    if not await save(tx, plan, now):
        return False
    await put_features(tx, plan.id, plan.features)
    return True
