"""The rows of the outbox: what is to be told to whom, who is just telling it, and how telling each target goes."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from hmlib.clock import new_id, shifted
from hmlib.db.database import Db

CLAIMED_SECONDS = 15


@dataclass(frozen=True)
class Message:
    """One thing to tell one target: ``body`` is JSON; ``attempts`` counts this one too."""

    id: str
    kind: str
    target: str
    body: str
    created_at: str
    attempts: int

    @property
    def content(self) -> Any:
        """``body`` as plain values."""
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class Due:
    """A target with something due, and how it did lately: failures in a row, and how often it has announced itself."""

    kind: str
    target: str
    failures: int
    announcements: int


@dataclass(frozen=True)
class Delivery:
    """How telling a target goes; times are UTC text, "" for never."""

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
    """How much one target was never told, and why it was not the last time."""

    kind: str
    target: str
    messages: int
    error: str


async def add(tx: Db, kind: str, target: str, body: Mapping[str, Any], now: str, *, inside: bool = False) -> None:
    """Tell this, in the transaction of what it tells of. ``inside`` goes out even while a restored suite is held."""
    await tx.run(
        """
        INSERT INTO outbox_message (id, kind, target, body, inside, created_at, due_at)
        VALUES (:id, :kind, :target, :body, :inside, :now, :now)
        """,
        id=new_id(),
        kind=kind,
        target=target,
        body=msgspec.json.encode(body).decode(),
        inside=inside,
        now=now,
    )


async def due(db: Db, kinds: Collection[str], now: str) -> list[Due]:
    """The targets that have something due; while the suite is held after a restore, only for what goes inside."""
    rows = await db.all(
        """
        SELECT m.kind, m.target, COALESCE(max(t.failures), 0) AS failures, COALESCE(max(t.announcements), 0) AS announcements
        FROM outbox_message m LEFT JOIN outbox_target t ON t.kind = m.kind AND t.target = m.target
        WHERE m.kind IN :kinds AND m.due_at <= :now AND m.claimed_until <= :now
            AND (m.inside OR NOT EXISTS (SELECT 1 FROM suite WHERE suite.held_at <> ''))
        GROUP BY m.kind, m.target ORDER BY m.kind, m.target
        """,
        kinds=sorted(kinds),
        now=now,
    )
    return [Due(**row) for row in rows]


async def claim(db: Db, kind: str, target: str, most: int, now: str) -> list[Message]:
    """What is due for a target, for this process alone for 15 seconds; what is not delivered by then is due again."""
    rows = await db.all(
        """
        UPDATE outbox_message SET claimed_until = :until, attempts = attempts + 1
        WHERE claimed_until <= :now AND id IN (
            SELECT id FROM outbox_message
            WHERE kind = :kind AND target = :target AND due_at <= :now AND claimed_until <= :now
                AND (inside OR NOT EXISTS (SELECT 1 FROM suite WHERE suite.held_at <> ''))
            ORDER BY due_at, id LIMIT :most)
        RETURNING id, kind, target, body, created_at, attempts
        """,
        kind=kind,
        target=target,
        most=most,
        now=now,
        until=shifted(now, CLAIMED_SECONDS),
    )
    return sorted((Message(**row) for row in rows), key=lambda message: (message.created_at, message.id))


async def delivered(db: Db, message: Message, now: str) -> bool:
    """It was taken. True when the target had not answered before: what waits for it is then due at once."""
    async with db.write() as tx:
        await tx.run("DELETE FROM outbox_message WHERE id = :id", id=message.id)
        whom = {"kind": message.kind, "target": message.target}
        failing = await tx.value("SELECT failures FROM outbox_target WHERE kind = :kind AND target = :target", **whom)
        await tx.run(
            """
            INSERT INTO outbox_target (kind, target, told_at) VALUES (:kind, :target, :now)
            ON CONFLICT (kind, target) DO UPDATE SET told_at = :now, failures = 0, failing_since = '', last_error = ''
            """,
            now=now,
            **whom,
        )
        if failing:
            await _hasten(tx, message.kind, message.target, now)
    return bool(failing)


async def postpone(db: Db, message: Message, error: str, *, away: bool, announcements: int, later: str, now: str) -> bool:
    """It was not taken: due again at `later`, or at once when the target announced itself meanwhile.

    `away` says that the target could not answer at all, rather than that it refused this. True when that is news.
    """
    async with db.write() as tx:
        whom = {"kind": message.kind, "target": message.target}
        await tx.run(
            """
            INSERT INTO outbox_target (kind, target, failures, failing_since, failed_at, last_error)
            VALUES (:kind, :target, :away, :now, :now, :error)
            ON CONFLICT (kind, target) DO UPDATE SET failures = outbox_target.failures + :away, failed_at = :now, last_error = :error,
                failing_since = CASE WHEN outbox_target.last_error = '' THEN :now ELSE outbox_target.failing_since END
            """,
            error=error,
            away=int(away),
            now=now,
            **whom,
        )
        state = await tx.one("SELECT failures, announcements FROM outbox_target WHERE kind = :kind AND target = :target", **whom)
        assert state is not None
        await tx.run(
            "UPDATE outbox_message SET claimed_until = '', due_at = :due_at, last_error = :error WHERE id = :id",
            id=message.id,
            due_at=later if state["announcements"] == announcements else now,
            error=error,
        )
    return away and bool(state["failures"] == 1)


async def announced(db: Db, kind: str, target: str, now: str) -> None:
    """A target says that it is there: what waits for it is due at once, and so is what somebody is just failing to tell it."""
    async with db.write() as tx:
        await tx.run(
            """
            INSERT INTO outbox_target (kind, target, announcements) VALUES (:kind, :target, 1)
            ON CONFLICT (kind, target) DO UPDATE SET announcements = outbox_target.announcements + 1
            """,
            kind=kind,
            target=target,
        )
        await tx.run("UPDATE outbox_message SET attempts = 0 WHERE kind = :kind AND target = :target", kind=kind, target=target)
        await _hasten(tx, kind, target, now)


async def give_up(tx: Db, kind: str, before: str, now: str) -> list[Abandoned]:
    """Forget what is older than `before`, by target; who was never told is noted there. What was never tried is tried before."""
    rows = await tx.all(
        """
        DELETE FROM outbox_message WHERE kind = :kind AND created_at < :before AND attempts > 0 AND claimed_until <= :now
            AND (inside OR NOT EXISTS (SELECT 1 FROM suite WHERE suite.held_at <> '')) RETURNING target, last_error
        """,
        kind=kind,
        before=before,
        now=now,
    )
    reasons = {row["target"]: row["last_error"] for row in rows}
    counts = Counter(row["target"] for row in rows)
    for target, count in counts.items():
        await tx.run(
            """
            INSERT INTO outbox_target (kind, target, given_up, given_up_at) VALUES (:kind, :target, :count, :now)
            ON CONFLICT (kind, target) DO UPDATE SET given_up = outbox_target.given_up + :count, given_up_at = :now
            """,
            kind=kind,
            target=target,
            count=count,
            now=now,
        )
    return [Abandoned(kind, target, counts[target], reasons[target]) for target in sorted(counts)]


async def overdue(db: Db, kind: str, before: str) -> bool:
    """Whether anything waits, tried at least once, that is older than `before`."""
    sql = "SELECT 1 AS one FROM outbox_message WHERE kind = :kind AND created_at < :before AND attempts > 0 LIMIT 1"
    return await db.value(sql, kind=kind, before=before) is not None


async def delivery(db: Db, kind: str, target: str) -> Delivery:
    """How telling a target goes."""
    row = await db.one(
        """
        SELECT failures, failing_since, failed_at, last_error, told_at, given_up, given_up_at FROM outbox_target
        WHERE kind = :kind AND target = :target
        """,
        kind=kind,
        target=target,
    )
    waiting = await db.one(
        "SELECT count(*) AS waiting, min(due_at) AS next_at FROM outbox_message WHERE kind = :kind AND target = :target",
        kind=kind,
        target=target,
    )
    assert waiting is not None
    return Delivery(**(row or {}), waiting=waiting["waiting"], next_at=waiting["next_at"] or "")


async def waiting(db: Db) -> dict[str, int]:
    """How much waits, by kind."""
    return {row["kind"]: row["waiting"] for row in await db.all("SELECT kind, count(*) AS waiting FROM outbox_message GROUP BY kind")}


async def _hasten(tx: Db, kind: str, target: str, now: str) -> None:
    await tx.run(
        "UPDATE outbox_message SET due_at = :now WHERE kind = :kind AND target = :target AND due_at > :now AND claimed_until <= :now",
        kind=kind,
        target=target,
        now=now,
    )
