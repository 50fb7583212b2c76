"""Answers kept by Idempotency-Key, so that a request sent twice is done once."""

from dataclasses import dataclass

from hmlib.clock import shifted
from hmlib.db import Db

KEPT_SECONDS = 86_400
ABANDONED_SECONDS = 60


@dataclass(frozen=True)
class Replay:
    """What a key was used for; `status` is None while the first request is being worked on."""

    request_hash: str
    status: int | None
    etag: str
    location: str
    body: str


async def claim(db: Db, caller_id: str, key_mac: str, request_hash: str, now: str) -> Replay | None:
    """None when the key is the caller's now; else what it was used for. A claim that was never answered lapses after a minute."""
    async with db.write() as tx:
        await tx.run("DELETE FROM replay WHERE created_at < :before", before=shifted(now, -KEPT_SECONDS))
        taken = await tx.run(
            """
            INSERT INTO replay (caller_id, key_mac, request_hash, created_at) VALUES (:caller_id, :key_mac, :request_hash, :now)
            ON CONFLICT (caller_id, key_mac) DO UPDATE SET created_at = excluded.created_at
                WHERE replay.status IS NULL AND replay.created_at < :abandoned AND replay.request_hash = excluded.request_hash
            """,
            caller_id=caller_id,
            key_mac=key_mac,
            request_hash=request_hash,
            now=now,
            abandoned=shifted(now, -ABANDONED_SECONDS),
        )
        if taken:
            return None
        row = await tx.one(
            "SELECT request_hash, status, etag, location, body FROM replay WHERE caller_id = :caller_id AND key_mac = :key_mac",
            caller_id=caller_id,
            key_mac=key_mac,
        )
    return Replay(**row) if row else None


async def keep(db: Db, caller_id: str, key_mac: str, status: int, etag: str, location: str, body: str) -> None:
    await db.run(
        """
        UPDATE replay SET status = :status, etag = :etag, location = :location, body = :body
        WHERE caller_id = :caller_id AND key_mac = :key_mac
        """,
        caller_id=caller_id,
        key_mac=key_mac,
        status=status,
        etag=etag,
        location=location,
        body=body,
    )


async def release(db: Db, caller_id: str, key_mac: str) -> None:
    """The request failed: it may be sent again."""
    await db.run(
        "DELETE FROM replay WHERE caller_id = :caller_id AND key_mac = :key_mac AND status IS NULL", caller_id=caller_id, key_mac=key_mac
    )
