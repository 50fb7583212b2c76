"""What one sign-in gave one client, as rows in `token_family`: the refresh token that is good now, and whether any of it still is."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hmlib.clock import shifted
from hmlib.db.database import Db
from hmlib.keys import Keys

AGAIN_SECONDS = 20


@dataclass(frozen=True)
class Family:
    """A living family with the session and the account behind it. `auth_time` is whole seconds since 1970 UTC."""

    id: str
    client_id: str
    account_id: str
    sid: str
    scope: str
    generation: int
    auth_time: int
    amr: tuple[str, ...]
    last_seen_at: str
    expires_at: str
    rotated_at: str
    level: str

    def again(self, generation: int, now: str) -> bool:
        """Whether a token is of the generation spent just now: a worker beside, or an answer that was lost, asks for its successor.

        Several clocks wrote and read the time; one that is far ahead makes no token good for longer.
        """
        just_now = shifted(now, -AGAIN_SECONDS) < self.rotated_at < shifted(now, AGAIN_SECONDS)
        return generation + 1 == self.generation and just_now


def token(keys: Keys, family_id: str, generation: int) -> str:
    """The refresh token of a generation. It is made, not kept: the database holds nothing that would refresh."""
    return f"{family_id}.{generation}.{keys.mac('refresh token', family_id, str(generation))}"


def opened(keys: Keys, text: str) -> tuple[str, int] | None:
    """Family and generation of a token that we made, None for any other text."""
    family_id, _, rest = text.partition(".")
    number, _, mac = rest.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < 10 and mac.isascii()):
        return None
    return (family_id, int(number)) if hmac.compare_digest(mac, keys.mac("refresh token", family_id, number)) else None


async def open_family(tx: Db, *, id: str, client_id: str, account_id: str, sid: str, scope: str, expires_at: str, now: str) -> None:
    await tx.run(
        """
        INSERT INTO token_family (id, client_id, account_id, sid, scope, created_at, expires_at)
        VALUES (:id, :client_id, :account_id, :sid, :scope, :now, :expires_at)
        """,
        id=id,
        client_id=client_id,
        account_id=account_id,
        sid=sid,
        scope=scope,
        expires_at=expires_at,
        now=now,
    )


async def living(db: Db, id: str, *, now: str, idle_since: str) -> Family | None:
    """The family, unless it, its session, its account or the person's consent has come to an end."""
    row = await db.one(
        """
        SELECT f.id, f.client_id, f.account_id, f.sid, f.scope, f.generation, s.auth_time, s.amr, s.last_seen_at, s.expires_at,
            f.rotated_at, a.level
        FROM token_family f
        JOIN session s ON s.sid = f.sid
        JOIN account a ON a.id = f.account_id
        JOIN client c ON c.id = f.client_id
        WHERE f.id = :id AND f.revoked_at = '' AND f.expires_at > :now AND s.expires_at > :now AND s.last_seen_at > :idle_since
            AND a.status = 'active'
            AND (c.module OR EXISTS (SELECT 1 FROM consent WHERE account_id = f.account_id AND client_id = f.client_id))
        """,
        id=id,
        now=now,
        idle_since=idle_since,
    )
    return Family(**{**row, "amr": tuple(row["amr"].split())}) if row else None


async def rotate(db: Db, spent: Mapping[str, int], now: str) -> set[str]:
    """Spend the refresh tokens of these generations, by family, each to exactly one caller; which of the families it worked for.

    It does not for a token that is spent already, or whose session has just ended.
    """
    rows = await db.all(
        """
        UPDATE token_family SET generation = generation + 1, rotated_at = :now
        WHERE id IN :ids AND id || '.' || CAST(generation AS TEXT) IN :generations AND revoked_at = ''
            AND EXISTS (SELECT 1 FROM session WHERE sid = token_family.sid)
        RETURNING id
        """,
        ids=list(spent),
        generations=[f"{id}.{generation}" for id, generation in spent.items()],
        now=now,
    )
    return {row["id"] for row in rows}


async def seen(tx: Db, sids: Sequence[str], now: str) -> None:
    """A refresh counts as activity of the session."""
    await tx.run("UPDATE session SET last_seen_at = :now WHERE sid IN :sids AND last_seen_at < :now", sids=list(sids), now=now)


async def owner(db: Db, id: str) -> str | None:
    """The client that a family was given to."""
    found: str | None = await db.value("SELECT client_id FROM token_family WHERE id = :id", id=id)
    return found


async def account(db: Db, id: str) -> str | None:
    """The person in whose name a family was given."""
    found: str | None = await db.value("SELECT account_id FROM token_family WHERE id = :id", id=id)
    return found


async def revoke(tx: Db, id: str, now: str) -> bool:
    """End a family; false when it had ended already, or there is none."""
    return bool(await tx.run("UPDATE token_family SET revoked_at = :now WHERE id = :id AND revoked_at = ''", id=id, now=now))


async def revoke_session(tx: Db, sid: str, now: str) -> None:
    await tx.run("UPDATE token_family SET revoked_at = :now WHERE sid = :sid AND revoked_at = ''", sid=sid, now=now)


async def revoke_account(tx: Db, account_id: str, now: str) -> None:
    await tx.run("UPDATE token_family SET revoked_at = :now WHERE account_id = :id AND revoked_at = ''", id=account_id, now=now)


async def revoke_consent(tx: Db, account_id: str, client_id: str, now: str) -> list[str]:
    """End what one person gave one client; the families that ended."""
    rows = await tx.all(
        """
        UPDATE token_family SET revoked_at = :now WHERE account_id = :account_id AND client_id = :client_id AND revoked_at = ''
        RETURNING id
        """,
        account_id=account_id,
        client_id=client_id,
        now=now,
    )
    return [row["id"] for row in rows]


async def revoke_client(tx: Db, client_id: str, now: str) -> None:
    await tx.run("UPDATE token_family SET revoked_at = :now WHERE client_id = :id AND revoked_at = ''", id=client_id, now=now)


async def end_access_token(db: Db, jti: str, expires_at: str) -> None:
    """One access token, before its time."""
    await db.run(
        "INSERT INTO ended_token (jti, expires_at) VALUES (:jti, :expires_at) ON CONFLICT (jti) DO NOTHING", jti=jti, expires_at=expires_at
    )


async def sweep(db: Db, now: str) -> None:
    """Forget what has ended by itself."""
    await db.run("DELETE FROM token_family WHERE expires_at < :now", now=now)
    await db.run("DELETE FROM ended_token WHERE expires_at < :now", now=now)
