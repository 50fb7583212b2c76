"""What no longer exists, or has left a company, for those who follow a list by `updated_since`: table `tombstone` of each service."""

from collections.abc import Sequence

from hmlib.auth.permissions import CompanyScope
from hmlib.db.change_numbers import Since
from hmlib.db.database import Db


async def add(tx: Db, kind: str, id: str, company_ids: Sequence[str], now: str) -> None:
    """Remember that a row is gone, or gone from these companies; without companies it is everybody's (company "")."""
    await add_all(tx, [(kind, id, company_id) for company_id in company_ids or [""]], now)


async def add_all(tx: Db, gone: Sequence[tuple[str, str, str]], now: str) -> None:
    """add() for many: each is a kind, an id and a company."""
    await tx.many(
        """
        INSERT INTO tombstone (noun, id, company_id, deleted_at) VALUES (:kind, :id, :company_id, :now)
        ON CONFLICT (noun, id, company_id) DO UPDATE SET deleted_at = excluded.deleted_at
        """,
        [{"kind": kind, "id": id, "company_id": company_id, "now": now} for kind, id, company_id in gone],
    )


async def gone_since(db: Db, kind: str, scope: CompanyScope, since: Since) -> list[str]:
    """The ids that have gone since then from the companies in scope or from everybody; the same id may live on elsewhere."""
    theirs = f"(company_id = '' OR {scope.clause('company_id')})"
    newer = since.condition("tombstone", "noun || '/' || id || '/' || company_id", "deleted_at")
    rows = await db.all(
        f"SELECT DISTINCT id FROM tombstone WHERE noun = :kind AND {newer} AND {theirs} ORDER BY id",
        kind=kind,
        **since.params(),
        **scope.params(),
    )
    return [row["id"] for row in rows]
