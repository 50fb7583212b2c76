"""When backups are made by themselves, and how those that were tried went: rows in Nexus's database."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from zoneinfo import ZoneInfo

from hmlib.clock import new_id, parse, shifted
from hmlib.db.database import Db
from hmlib.processes.operations import Failed

RETRY_SECONDS = 15 * 60
KEPT_RUNS = 100
LATE_SECONDS = 6 * 3600
"""How long after its time a backup that should be there is called too old."""

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_AT = re.compile(rf"(daily|{'|'.join(_DAYS)}) ([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True)
class Plan:
    """``at`` is such as ``daily 02:30`` or ``sunday 02:30``, in Nexus's time zone; ``keep`` is how many backups stay in ``folder``."""

    at: str
    folder: str
    keep: int
    recipient: str
    passphrase_file: str
    changed_at: str

    def has(self, run: "Run") -> bool:
        """Whether this is a whole backup of the plan: one made by hand into another folder does not stand for it."""
        return not run.error and PurePath(run.file).parent == PurePath(self.folder)

    def slot(self, now: str, zone: str) -> str:
        """The latest moment (UTC) up to ``now`` at which a backup was due."""
        return _slot(self.at, parse(now), ZoneInfo(zone))


@dataclass(frozen=True)
class Run:
    """A backup that was tried: UTC times, how long it took, its file, and what went wrong ("" for nothing)."""

    started_at: str
    finished_at: str
    milliseconds: int
    bytes: int
    file: str
    error: str


def check_at(at: str) -> str:
    """``at`` in the way it is kept. Raises Failed."""
    if not _AT.fullmatch(at.strip().lower()):
        raise Failed(f"{at!r} is no schedule: write daily 02:30, or a day of the week as in sunday 02:30; off ends it.")
    return at.strip().lower()


def _slot(at: str, now: datetime, zone: ZoneInfo) -> str:
    word, hour, minute = at.split()[0], *map(int, at.split()[1].split(":"))
    local = now.astimezone(zone)
    for back in range(9):
        day = (local - timedelta(days=back)).date()
        moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
        if moment <= now and word in ("daily", _DAYS[day.weekday()]):
            return moment.isoformat(timespec="microseconds")[:26] + "Z"
    raise AssertionError("one of nine days is every day of the week")


async def read(db: Db) -> Plan | None:
    """The plan; None when backups are made by hand alone."""
    row = await db.one("SELECT at, folder, keep, recipient, passphrase_file, changed_at FROM backup_plan WHERE id = 1")
    return Plan(**row) if row else None


async def store(tx: Db, plan: Plan | None) -> None:
    """Make this the plan."""
    await tx.run("DELETE FROM backup_plan")
    if plan is not None:
        await tx.run(
            """
            INSERT INTO backup_plan (id, at, folder, keep, recipient, passphrase_file, changed_at)
            VALUES (1, :at, :folder, :keep, :recipient, :passphrase_file, :changed_at)
            """,
            **plan.__dict__,
        )


async def note(tx: Db, run: Run) -> None:
    """Keep how a backup went, and of earlier ones the newest hundred."""
    await tx.run(
        """
        INSERT INTO backup_run (id, started_at, finished_at, milliseconds, bytes, file, error)
        VALUES (:id, :started_at, :finished_at, :milliseconds, :bytes, :file, :error)
        """,
        id=new_id(),
        **run.__dict__,
    )
    await tx.run(f"DELETE FROM backup_run WHERE id NOT IN (SELECT id FROM backup_run ORDER BY started_at DESC, id DESC LIMIT {KEPT_RUNS})")


async def runs(db: Db, limit: int) -> list[Run]:
    """The last ones, the newest first."""
    rows = await db.all(
        "SELECT started_at, finished_at, milliseconds, bytes, file, error FROM backup_run ORDER BY started_at DESC, id DESC LIMIT :limit",
        limit=limit,
    )
    return [Run(**row) for row in rows]


async def last_good(db: Db) -> Run | None:
    """The newest backup that is whole; None when there is none."""
    return next((run for run in await runs(db, KEPT_RUNS) if not run.error), None)


async def is_due(db: Db, plan: Plan, now: str, zone: str) -> bool:
    """Whether a backup of the plan is to be made now: its slot has none yet, and the last one that failed is a while ago."""
    since = max(plan.slot(now, zone), plan.changed_at)
    if plan.slot(now, zone) < plan.changed_at:
        return False
    tried = [run for run in await runs(db, KEPT_RUNS) if run.started_at >= since]
    return not any(plan.has(run) for run in tried) and not any(
        run.error and run.finished_at > shifted(now, -RETRY_SECONDS) for run in tried
    )


async def is_late(db: Db, plan: Plan, now: str, zone: str) -> bool:
    """Whether the newest whole backup is older than the slot of some hours ago."""
    wanted = plan.slot(shifted(now, -LATE_SECONDS), zone)
    return wanted > plan.changed_at and not any(plan.has(run) and run.started_at >= wanted for run in await runs(db, KEPT_RUNS))


async def hold(db: Db) -> str:
    """Since when nothing is sent out, "" when it is."""
    return str(await db.value("SELECT held_at FROM suite WHERE id = 1") or "")


async def let_go(tx: Db) -> bool:
    """Send out again what has waited; false when nothing was held."""
    return bool(await tx.run("UPDATE suite SET held_at = '' WHERE id = 1 AND held_at <> ''"))
