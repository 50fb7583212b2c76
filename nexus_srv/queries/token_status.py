"""Whether what a token says still holds: the account behind it, its session, and the token itself."""

from hmlib.auth.tokens import Claims, lineage
from hmlib.db.database import Db


async def level(db: Db, claims: Claims, now: str) -> str | None:
    """The level of the person a token speaks for as it is now; None when account, session or token have ended."""
    found: str | None = await db.value(
        """
        SELECT level FROM account WHERE id = :account_id AND status = 'active'
            AND (CAST(:sid AS TEXT) = '' OR EXISTS (SELECT 1 FROM session WHERE sid = :sid AND expires_at > :now))
            AND NOT EXISTS (SELECT 1 FROM ended_token WHERE jti IN :jtis)
            AND NOT EXISTS (SELECT 1 FROM token_family WHERE id = :family_id AND revoked_at <> '')
        """,
        account_id=claims.sub,
        sid=claims.sid or "",
        now=now,
        jtis=lineage(claims.jti),
        family_id=lineage(claims.jti)[-1],
    )
    return found


async def service(db: Db, claims: Claims) -> bool:
    """Whether a client may still speak for itself with its token."""
    ended = await db.value(
        """
        SELECT 1 AS one FROM client WHERE id = :client_id AND disabled
        UNION ALL SELECT 1 AS one FROM ended_token WHERE jti = :jti
        """,
        client_id=claims.client_id,
        jti=claims.jti,
    )
    return ended is None
