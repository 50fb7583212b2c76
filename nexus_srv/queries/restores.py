"""What ends when Nexus's database is an older state of itself."""

from hmlib.db.database import Db


async def end_grants(tx: Db, now: str, past: str) -> None:
    """Refresh tokens, codes, tickets and one-time links are worth nothing any more; ``past`` is a moment before ``now``."""
    await tx.run("UPDATE token_family SET revoked_at = :now WHERE revoked_at = ''", now=now)
    await tx.run("DELETE FROM authorization_code")
    await tx.run("DELETE FROM adoption_ticket")
    await tx.run("UPDATE invite SET expires_at = :past WHERE used_at IS NULL AND expires_at > :past", past=past)
