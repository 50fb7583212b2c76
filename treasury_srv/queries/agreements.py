"""What is asked of agreements beside their own rows: where they stand, what hangs on them, whose their parts are."""

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db

_IN_FORCE = "agreement.start_on <= :today AND (agreement.ended_on IS NULL OR agreement.ended_on > :today)"
_STATES = {
    "in_force": _IN_FORCE,
    "ending": f"{_IN_FORCE} AND (agreement.ended_on IS NOT NULL OR agreement.end_on BETWEEN :today AND :soon)",
    "expired": f"{_IN_FORCE} AND agreement.ended_on IS NULL AND agreement.end_on < :today",
    "ended": "agreement.ended_on <= :today",
    "future": "agreement.start_on > :today",
}
IN_STATE = "(" + " OR ".join(f"(:state = '{name}' AND {condition})" for name, condition in _STATES.items()) + ")"
"""The condition of an agreement that is in :state on :today; an end before :soon is near."""


def seen_in(table: str, scope: CompanyScope) -> str:
    """The condition under which a scope sees the parts of agreements in a table."""
    return (
        "TRUE"
        if scope.rule == "all"
        else f"{table}.agreement_id IN (SELECT id FROM agreement WHERE {scope.clause('agreement.company_id')})"
    )


def parts_of_company(table: str) -> str:
    """The condition of the parts of agreements in a table that are :company_id's."""
    return f"{table}.agreement_id IN (SELECT id FROM agreement WHERE company_id = :company_id)"


async def hold(tx: Db) -> None:
    """Let no other transaction change what bills are made of until this one is over: what is read after it stays as it is."""
    await tx.run("UPDATE billing_state SET version = version WHERE id = 1")


async def finalised_months(db: Db, agreement_id: str) -> int:
    """How many finalised bills an agreement has."""
    return int(await db.value("SELECT count(*) FROM invoice WHERE agreement_id = :id AND status = 'finalised'", id=agreement_id))


async def held_by(db: Db, id: str) -> dict[str, int]:
    """How many bills, of any state, keep an agreement."""
    return {"bill": int(await db.value("SELECT count(*) FROM invoice WHERE agreement_id = :id", id=id))}


async def parts_of(db: Db, id: str) -> list[tuple[str, str]]:
    """The kinds and ids of what is deleted with an agreement."""
    rows = await db.all(
        """
        SELECT 'override' AS kind, id FROM agreement_override WHERE agreement_id = :id
        UNION ALL SELECT 'manual_item', id FROM manual_item WHERE agreement_id = :id
        """,
        id=id,
    )
    return [(row["kind"], row["id"]) for row in rows]


async def company_of(db: Db, id: str) -> list[str]:
    """The company whose agreement it is."""
    return [row["company_id"] for row in await db.all("SELECT company_id FROM agreement WHERE id = :id", id=id)]
