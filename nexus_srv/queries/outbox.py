"""What clients must be told, kept until they have taken it: rows in `outbox`."""

from dataclasses import dataclass

from hmlib.clock import new_id, shifted
from hmlib.db import Db
from hmlib.tokens import SIGNED_OUT

SCOPE_CHANGED = "urn:hivematrix:scope-changed"
KEYS_CHANGED = "urn:hivematrix:keys-changed"
CLAIMED_SECONDS = 15
BATCH = 100


@dataclass(frozen=True)
class Message:
    """One thing to tell one client. `account_id` or `sid` say whom it is about; `attempts` counts this one too."""

    id: str
    client_id: str
    event: str
    account_id: str
    sid: str
    created_at: str
    attempts: int
    logout_uri: str
    module: bool


async def session_ended(tx: Db, sid: str, now: str) -> None:
    """Tell every module, and every other client that was given tokens in this session."""
    await _add(tx, SIGNED_OUT, now, "AND (module OR id IN (SELECT client_id FROM token_family WHERE sid = :sid))", sid=sid)


async def account_ended(tx: Db, account_id: str, now: str) -> None:
    """Tell every module, and every other client that was given tokens for this person."""
    concerned = "AND (module OR id IN (SELECT client_id FROM token_family WHERE account_id = :account_id))"
    await _add(tx, SIGNED_OUT, now, concerned, account_id=account_id)


async def scope_changed(tx: Db, account_id: str, now: str) -> None:
    """Tell every module that this person may now see other companies."""
    await _add(tx, SCOPE_CHANGED, now, "AND module", account_id=account_id)


async def keys_changed(tx: Db, now: str) -> None:
    """Tell every module to fetch the key set anew."""
    await _add(tx, KEYS_CHANGED, now, "AND module")


async def claim(db: Db, now: str) -> list[Message]:
    """What is due, for this process alone for 15 seconds; what is not delivered by then is due again."""
    if not await db.value("SELECT 1 AS one FROM outbox WHERE due_at <= :now LIMIT 1", now=now):
        return []
    rows = await db.all(
        f"""
        UPDATE outbox SET due_at = :later, attempts = attempts + 1
        WHERE due_at <= :now AND id IN (SELECT id FROM outbox WHERE due_at <= :now ORDER BY due_at LIMIT {BATCH})
        RETURNING id, client_id, event, account_id, sid, created_at, attempts,
            (SELECT logout_uri FROM client WHERE client.id = outbox.client_id) AS logout_uri,
            (SELECT module FROM client WHERE client.id = outbox.client_id) AS module
        """,
        now=now,
        later=shifted(now, CLAIMED_SECONDS),
    )
    return [Message(**{**row, "module": bool(row["module"])}) for row in rows]


async def delivered(db: Db, id: str) -> None:
    await db.run("DELETE FROM outbox WHERE id = :id", id=id)


async def postpone(db: Db, id: str, due_at: str, error: str) -> None:
    await db.run("UPDATE outbox SET due_at = :due_at, last_error = :error WHERE id = :id", id=id, due_at=due_at, error=error[:200])


async def waiting(db: Db) -> int:
    return int(await db.value("SELECT count(*) FROM outbox"))


async def _add(tx: Db, event: str, now: str, concerned: str, *, account_id: str = "", sid: str = "") -> None:
    await tx.run(
        f"""
        INSERT INTO outbox (id, client_id, event, account_id, sid, created_at, due_at)
        SELECT CAST(:id AS TEXT) || '/' || id, id, :event, :account_id, :sid, :now, :now FROM client
        WHERE logout_uri <> '' AND NOT disabled {concerned}
        """,
        id=new_id(),
        event=event,
        account_id=account_id,
        sid=sid,
        now=now,
    )
