"""One-time links with which a person sets their own password; each works once, for the account it was made for."""

from hmlib.clock import new_id, shifted
from hmlib.db.database import Db


async def create(tx: Db, account_id: str, code_mac: str, *, by: str, minutes: int, now: str) -> str:
    """A new link in place of every earlier one; answers when it ends."""
    await void(tx, account_id, now)
    expires_at = shifted(now, minutes * 60)
    await tx.run(
        """
        INSERT INTO invite (id, code_mac, account_id, created_by, created_at, expires_at)
        VALUES (:id, :code_mac, :account_id, :by, :now, :expires_at)
        """,
        id=new_id(),
        code_mac=code_mac,
        account_id=account_id,
        by=by,
        now=now,
        expires_at=expires_at,
    )
    return expires_at


async def account_of(db: Db, code_mac: str, now: str) -> str | None:
    """Whose link this is, while it works."""
    found: str | None = await db.value(
        """
        SELECT invite.account_id FROM invite JOIN account ON account.id = invite.account_id
        WHERE invite.code_mac = :code_mac AND invite.used_at IS NULL AND invite.expires_at > :now AND account.status = 'active'
        """,
        code_mac=code_mac,
        now=now,
    )
    return found


async def use(tx: Db, code_mac: str, now: str) -> str | None:
    """Spend the link; answers whose it was, once."""
    row = await tx.one(
        """
        UPDATE invite SET used_at = :now WHERE code_mac = :code_mac AND used_at IS NULL AND expires_at > :now
            AND account_id IN (SELECT id FROM account WHERE status = 'active')
        RETURNING account_id
        """,
        code_mac=code_mac,
        now=now,
    )
    return row["account_id"] if row else None


async def void(tx: Db, account_id: str, now: str) -> None:
    await tx.run("UPDATE invite SET used_at = :now WHERE account_id = :account_id AND used_at IS NULL", account_id=account_id, now=now)
