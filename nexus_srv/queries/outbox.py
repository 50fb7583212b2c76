"""What clients must be told, kept until they have taken it: rows in `outbox`."""

from collections import Counter
from dataclasses import dataclass

from hmlib.auth.tokens import SIGNED_OUT, TOKENS_ENDED
from hmlib.clock import new_id, shifted
from hmlib.db.database import Db

SCOPE_CHANGED = "urn:hivematrix:scope-changed"
KEYS_CHANGED = "urn:hivematrix:keys-changed"
CLAIMED_SECONDS = 15


@dataclass(frozen=True)
class Message:
    """One thing to tell one client: `account_id`, `sid`, `jti` or `ended_client` say what it is about; `attempts` counts this one too."""

    id: str
    client_id: str
    event: str
    account_id: str
    sid: str
    jti: str
    ended_client: str
    created_at: str
    attempts: int


@dataclass(frozen=True)
class Due:
    """A client with something due, and how it did lately: failures in a row, and how often it has announced itself."""

    client_id: str
    logout_uri: str
    module: bool
    failures: int
    announcements: int


@dataclass(frozen=True)
class Delivery:
    """How telling a client goes; times are UTC text, "" for never."""

    failures: int = 0
    failing_since: str = ""
    failed_at: str = ""
    last_error: str = ""
    told_at: str = ""
    given_up: int = 0
    given_up_at: str = ""
    waiting: int = 0
    next_at: str = ""


@dataclass(frozen=True)
class Abandoned:
    """How much one client was never told, and why it was not the last time."""

    client_id: str
    messages: int
    error: str


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


async def tokens_ended(tx: Db, jti: str, now: str) -> None:
    """Tell every module that a token, and what it was exchanged for, has ended: a whole family by its id."""
    await _add(tx, TOKENS_ENDED, now, "AND module", jti=jti)


async def client_ended(tx: Db, client_id: str, now: str) -> None:
    """Tell every module that the tokens given to a client so far have ended."""
    await _add(tx, TOKENS_ENDED, now, "AND module", ended_client=client_id)


async def keys_changed(tx: Db, now: str) -> None:
    """Tell every module to fetch the key set anew."""
    await _add(tx, KEYS_CHANGED, now, "AND module")


async def due(db: Db, now: str) -> list[Due]:
    """The clients that have something due; while the suite is held after a restore, its own modules alone."""
    rows = await db.all(
        """
        SELECT c.id AS client_id, c.logout_uri, c.module, COALESCE(d.failures, 0) AS failures, COALESCE(d.announcements, 0) AS announcements
        FROM client c LEFT JOIN delivery d ON d.client_id = c.id
        WHERE c.logout_uri <> '' AND (c.module OR NOT EXISTS (SELECT 1 FROM suite WHERE suite.held_at <> ''))
            AND EXISTS (SELECT 1 FROM outbox o WHERE o.client_id = c.id AND o.due_at <= :now AND o.claimed_until <= :now)
        ORDER BY c.id
        """,
        now=now,
    )
    return [Due(**{**row, "module": bool(row["module"])}) for row in rows]


async def claim(db: Db, client_id: str, most: int, now: str) -> list[Message]:
    """What is due for a client, for this process alone for 15 seconds; what is not delivered by then is due again."""
    rows = await db.all(
        """
        UPDATE outbox SET claimed_until = :until, attempts = attempts + 1
        WHERE claimed_until <= :now AND id IN (
            SELECT id FROM outbox WHERE client_id = :client_id AND due_at <= :now AND claimed_until <= :now ORDER BY due_at LIMIT :most)
        RETURNING id, client_id, event, account_id, sid, jti, ended_client, created_at, attempts
        """,
        client_id=client_id,
        most=most,
        now=now,
        until=shifted(now, CLAIMED_SECONDS),
    )
    return [Message(**row) for row in rows]


async def delivered(db: Db, message: Message, now: str) -> bool:
    """It was taken. True when the client had not answered before: what waits for it is then due at once."""
    async with db.write() as tx:
        await tx.run("DELETE FROM outbox WHERE id = :id", id=message.id)
        failing = await tx.value("SELECT failures FROM delivery WHERE client_id = :id", id=message.client_id)
        await tx.run(
            """
            INSERT INTO delivery (client_id, told_at) VALUES (:client_id, :now)
            ON CONFLICT (client_id) DO UPDATE SET told_at = :now, failures = 0, failing_since = '', last_error = ''
            """,
            client_id=message.client_id,
            now=now,
        )
        if failing:
            await _hasten(tx, message.client_id, now)
    return bool(failing)


async def postpone(db: Db, message: Message, error: str, *, away: bool, announcements: int, later: str, now: str) -> bool:
    """It was not taken: due again at `later`, or at once when the client announced itself meanwhile.

    `away` says that the client could not answer at all, rather than that it refused this. True when that is news.
    """
    async with db.write() as tx:
        await tx.run(
            """
            INSERT INTO delivery (client_id, failures, failing_since, failed_at, last_error) VALUES (:client_id, :away, :now, :now, :error)
            ON CONFLICT (client_id) DO UPDATE SET failures = delivery.failures + :away, failed_at = :now, last_error = :error,
                failing_since = CASE WHEN delivery.last_error = '' THEN :now ELSE delivery.failing_since END
            """,
            client_id=message.client_id,
            error=error,
            away=int(away),
            now=now,
        )
        state = await tx.one("SELECT failures, announcements FROM delivery WHERE client_id = :id", id=message.client_id)
        assert state is not None
        await tx.run(
            "UPDATE outbox SET claimed_until = '', due_at = :due_at, last_error = :error WHERE id = :id",
            id=message.id,
            due_at=later if state["announcements"] == announcements else now,
            error=error,
        )
    return away and bool(state["failures"] == 1)


async def announced(db: Db, client_id: str, now: str) -> None:
    """A client says that it is there: what waits for it is due at once, and so is what somebody is just failing to tell it."""
    async with db.write() as tx:
        await tx.run(
            """
            INSERT INTO delivery (client_id, announcements) VALUES (:client_id, 1)
            ON CONFLICT (client_id) DO UPDATE SET announcements = delivery.announcements + 1
            """,
            client_id=client_id,
        )
        await tx.run("UPDATE outbox SET attempts = 0 WHERE client_id = :id", id=client_id)
        await _hasten(tx, client_id, now)


async def _hasten(tx: Db, client_id: str, now: str) -> None:
    await tx.run("UPDATE outbox SET due_at = :now WHERE client_id = :id AND due_at > :now AND claimed_until <= :now", id=client_id, now=now)


async def give_up(tx: Db, before: str, now: str) -> list[Abandoned]:
    """Forget what is older than `before`, by client; who was never told is noted there."""
    rows = await tx.all(
        "DELETE FROM outbox WHERE created_at < :before AND claimed_until <= :now RETURNING client_id, last_error", before=before, now=now
    )
    reasons = {row["client_id"]: row["last_error"] for row in rows}
    counts = Counter(row["client_id"] for row in rows)
    for client_id, count in counts.items():
        await tx.run(
            """
            INSERT INTO delivery (client_id, given_up, given_up_at) VALUES (:client_id, :count, :now)
            ON CONFLICT (client_id) DO UPDATE SET given_up = delivery.given_up + :count, given_up_at = :now
            """,
            client_id=client_id,
            count=count,
            now=now,
        )
    return [Abandoned(client_id, counts[client_id], reasons[client_id]) for client_id in sorted(counts)]


async def overdue(db: Db, before: str) -> bool:
    """Whether anything waits that is older than `before`."""
    return await db.value("SELECT 1 AS one FROM outbox WHERE created_at < :before LIMIT 1", before=before) is not None


async def delivery(db: Db, client_id: str) -> Delivery:
    """How telling a client goes."""
    row = await db.one(
        "SELECT failures, failing_since, failed_at, last_error, told_at, given_up, given_up_at FROM delivery WHERE client_id = :id",
        id=client_id,
    )
    waiting = await db.one("SELECT count(*) AS waiting, min(due_at) AS next_at FROM outbox WHERE client_id = :id", id=client_id)
    assert waiting is not None
    return Delivery(**(row or {}), waiting=waiting["waiting"], next_at=waiting["next_at"] or "")


async def waiting(db: Db) -> int:
    return int(await db.value("SELECT count(*) FROM outbox"))


async def _add(
    tx: Db, event: str, now: str, concerned: str, *, account_id: str = "", sid: str = "", jti: str = "", ended_client: str = ""
) -> None:
    await tx.run(
        f"""
        INSERT INTO outbox (id, client_id, event, account_id, sid, jti, ended_client, created_at, due_at)
        SELECT CAST(:id AS TEXT) || '/' || id, id, :event, :account_id, :sid, :jti, :ended_client, :now, :now FROM client
        WHERE logout_uri <> '' AND NOT disabled {concerned}
        """,
        id=new_id(),
        event=event,
        account_id=account_id,
        sid=sid,
        jti=jti,
        ended_client=ended_client,
        now=now,
    )
