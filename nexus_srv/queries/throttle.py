"""Counts attempts before they are judged, in one atomic statement each."""

from dataclasses import dataclass

from hmlib.db.database import Db

LONGEST_WAIT_S = 3600
FORGOTTEN_AFTER_S = 86_400


@dataclass(frozen=True)
class Bucket:
    """What attempts are counted on: `limit` are judged at once, the next one waits `wait_s` seconds, and each further one twice as long."""

    name: str
    limit: int
    wait_s: int = 30


async def admit(tx: Db, bucket: Bucket, now_s: int) -> int:
    """Count one attempt: 0 when it may be judged, else the seconds to wait (and then it is not counted).

    `now_s` may come from clocks that differ or go back: where nobody has to wait no time is compared, and a wait is never longer
    than it was set.
    """
    admitted = await tx.one(
        """
        INSERT INTO throttle (bucket, failures, wait_s, counted_at_s) VALUES (:bucket, 1, 0, :now)
        ON CONFLICT (bucket) DO UPDATE SET
            failures = CASE WHEN throttle.counted_at_s < :forgotten THEN 1 ELSE throttle.failures + 1 END,
            wait_s = CASE
                WHEN throttle.counted_at_s < :forgotten OR throttle.failures + 1 < :limit THEN 0
                WHEN throttle.wait_s = 0 THEN :first
                WHEN throttle.wait_s * 2 > :longest THEN :longest
                ELSE throttle.wait_s * 2
            END,
            counted_at_s = :now
        WHERE throttle.wait_s = 0 OR throttle.counted_at_s + throttle.wait_s <= :now
        RETURNING failures
        """,
        bucket=bucket.name,
        now=now_s,
        forgotten=now_s - FORGOTTEN_AFTER_S,
        limit=bucket.limit,
        first=bucket.wait_s,
        longest=LONGEST_WAIT_S,
    )
    return 0 if admitted else await _seconds_left(tx, bucket, now_s)


async def _seconds_left(tx: Db, bucket: Bucket, now_s: int) -> int:
    """What is left to wait. A wait that began in what is the future here, on a clock ahead of ours, begins now."""
    await tx.run("UPDATE throttle SET counted_at_s = :now WHERE bucket = :bucket AND counted_at_s > :now", bucket=bucket.name, now=now_s)
    until = await tx.value("SELECT counted_at_s + wait_s FROM throttle WHERE bucket = :bucket", bucket=bucket.name)
    return max(1, (until or now_s) - now_s)


async def forgive(tx: Db, bucket: Bucket) -> None:
    """Forget every attempt, after the right password or by an administrator."""
    await tx.run("DELETE FROM throttle WHERE bucket = :bucket", bucket=bucket.name)


async def uncount(tx: Db, bucket: Bucket) -> None:
    """Take one attempt back: it succeeded, and says nothing about the others from the same place."""
    await tx.run(
        "UPDATE throttle SET failures = failures - 1, wait_s = CASE WHEN failures - 1 < :limit THEN 0 ELSE wait_s END "
        "WHERE bucket = :bucket AND failures > 0",
        bucket=bucket.name,
        limit=bucket.limit,
    )


async def sweep(db: Db, now_s: int) -> int:
    return await db.run("DELETE FROM throttle WHERE counted_at_s < :forgotten", forgotten=now_s - FORGOTTEN_AFTER_S)
