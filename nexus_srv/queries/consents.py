"""What people allowed clients that are not modules: rows in `consent`."""

from collections.abc import Iterable
from dataclasses import dataclass

from hmlib.db.database import Db


@dataclass(frozen=True)
class Consent:
    """What one person allowed one client."""

    client_id: str
    client_name: str
    scope: str
    given_at: str


async def scope_of(db: Db, account_id: str, client_id: str) -> frozenset[str]:
    """The scopes a person allowed a client so far."""
    scope = await db.value(
        "SELECT scope FROM consent WHERE account_id = :account_id AND client_id = :client_id", account_id=account_id, client_id=client_id
    )
    return frozenset((scope or "").split())


async def give(tx: Db, account_id: str, client_id: str, scope: Iterable[str], now: str) -> None:
    await tx.run(
        """
        INSERT INTO consent (account_id, client_id, scope, given_at) VALUES (:account_id, :client_id, :scope, :now)
        ON CONFLICT (account_id, client_id) DO UPDATE SET scope = excluded.scope, given_at = excluded.given_at
        """,
        account_id=account_id,
        client_id=client_id,
        scope=" ".join(sorted(scope)),
        now=now,
    )


async def of_account(db: Db, account_id: str) -> list[Consent]:
    rows = await db.all(
        """
        SELECT consent.client_id, client.name AS client_name, consent.scope, consent.given_at
        FROM consent JOIN client ON client.id = consent.client_id WHERE consent.account_id = :account_id ORDER BY client.name, client.id
        """,
        account_id=account_id,
    )
    return [Consent(**row) for row in rows]


async def take_back(tx: Db, account_id: str, client_id: str) -> bool:
    """False when there was none."""
    return bool(
        await tx.run(
            "DELETE FROM consent WHERE account_id = :account_id AND client_id = :client_id", account_id=account_id, client_id=client_id
        )
    )
