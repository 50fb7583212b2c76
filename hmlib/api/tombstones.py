"""What no longer exists, or has left a company, for those who follow a list by `updated_since`: table `tombstone` of each service."""

from collections.abc import Sequence

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db


async def bury(tx: Db, noun: str, id: str, company_ids: Sequence[str], now: str) -> None:
    """Remember that a row is gone, or gone from these companies; without companies it is everybody's (company "")."""
    await bury_all(tx, [(noun, id, company_id) for company_id in company_ids or [""]], now)


async def bury_all(tx: Db, graves: Sequence[tuple[str, str, str]], now: str) -> None:
    """bury() for many: each is a noun, an id and a company."""
    await tx.many(
        """
        INSERT INTO tombstone (noun, id, company_id, deleted_at) VALUES (:noun, :id, :company_id, :now)
        ON CONFLICT (noun, id, company_id) DO UPDATE SET deleted_at = excluded.deleted_at
        """,
        [{"noun": noun, "id": id, "company_id": company_id, "now": now} for noun, id, company_id in graves],
    )


async def buried(db: Db, noun: str, scope: CompanyScope, since: str) -> list[str]:
    """The ids that have gone since that UTC time from the companies in scope; the same id may live on elsewhere in it."""
    rows = await db.all(
        f"SELECT DISTINCT id FROM tombstone WHERE noun = :noun AND deleted_at >= :since AND {scope.clause('company_id')} ORDER BY id",
        noun=noun,
        since=since,
        **scope.params(),
    )
    return [row["id"] for row in rows]
