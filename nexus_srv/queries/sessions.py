"""What Nexus asks of its own sessions beyond opening and ending them."""

from hmlib.db.database import Db


async def prove_again(tx: Db, id_hash: str, auth_time: int) -> None:
    """The person has shown once more who they are, at `auth_time` (whole seconds since 1970 UTC)."""
    await tx.run("UPDATE session SET auth_time = :auth_time WHERE id_hash = :id_hash", auth_time=auth_time, id_hash=id_hash)


async def sids_of(tx: Db, user_id: str, now: str) -> list[str]:
    """A person's living sign-ins, the one seen last first."""
    rows = await tx.all(
        "SELECT sid FROM session WHERE user_id = :user_id AND expires_at > :now ORDER BY last_seen_at DESC", user_id=user_id, now=now
    )
    return [row["sid"] for row in rows]
