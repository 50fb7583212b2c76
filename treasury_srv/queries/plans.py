"""What is asked of plans beside their own rows: what was agreed by them."""

from hmlib.db.database import Db


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
