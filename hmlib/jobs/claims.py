"""Who works on which job: what wants a worker, taking one in hand, and writing how it ended. A claim is one statement."""

from collections.abc import Collection
from dataclasses import dataclass

from hmlib.clock import shifted
from hmlib.db.database import Db
from hmlib.jobs.job import COLUMNS, Job, State
from hmlib.jobs.liveness import Owner

KEPT_DAYS = 90
KEPT_SCHEDULED_RUNS = 20
LOOKED_AT = 50
LONGEST_PAUSE_SECONDS = 3600.0
_ACTIVE = "job.state IN ('waiting', 'running')"
"""As the partial index has it: stood it not there, the whole table would be read."""


@dataclass(frozen=True)
class Active:
    """A job that waits, or that its owner works on."""

    id: str
    kind: str
    scheduled: bool
    attempts: int
    owner: Owner | None


@dataclass(frozen=True)
class Ending:
    """How one attempt at a job ended. ``waiting`` gives it back, to be begun at ``due_at``; unless ``counted``, this was no attempt."""

    job: Job
    state: State
    error: str = ""
    due_at: str = ""
    counted: bool = True


async def anything(db: Db) -> bool:
    """Whether any job waits or runs: the question of every process twice a second, asked without leaving the loop."""
    return await db.peek(f"SELECT 1 AS one FROM job WHERE {_ACTIVE} LIMIT 1") is not None


async def waiting(db: Db, kinds: Collection[str], now: str) -> list[Active]:
    """What may be begun, the longest waiting first: at most fifty. What is due in more than an hour is due: a clock was set back."""
    rows = await db.all(
        f"""
        SELECT id, kind, slot <> '' AS scheduled, attempts FROM job
        WHERE {_ACTIVE} AND state = 'waiting' AND (due_at <= :now OR due_at > :never)
            AND kind IN :kinds ORDER BY due_at, id LIMIT {LOOKED_AT}
        """,
        kinds=sorted(kinds),
        now=now,
        never=shifted(now, LONGEST_PAUSE_SECONDS),
    )
    return [Active(**{**row, "scheduled": bool(row["scheduled"])}, owner=None) for row in rows]


async def running(db: Db, kinds: Collection[str]) -> list[Active]:
    """What some process works on, or worked on when it died."""
    rows = await db.all(
        f"""
        SELECT job.id, job.kind, job.slot <> '' AS scheduled, job.attempts, job.owner, job_runner.machine, job_runner.beat
        FROM job LEFT JOIN job_runner ON job_runner.id = job.owner
        WHERE {_ACTIVE} AND job.state = 'running' AND job.kind IN :kinds ORDER BY job.id
        """,
        kinds=sorted(kinds),
    )
    return [
        Active(row["id"], row["kind"], bool(row["scheduled"]), row["attempts"], Owner(row["owner"], row["machine"] or "", row["beat"]))
        for row in rows
    ]


async def claim(db: Db, job: Active, me: str, machine: str, now: str) -> Job | None:
    """Take a job in hand as it was seen; None when somebody else was faster."""
    async with db.write() as tx:
        row = await tx.one(
            f"""
            UPDATE job SET state = 'running', owner = :me, attempts = attempts + 1, version = version + 1,
                started_at = CASE WHEN started_at = '' THEN :now ELSE started_at END
            WHERE id = :id AND owner = :owner AND state = :state RETURNING {COLUMNS}
            """,
            id=job.id,
            me=me,
            owner=job.owner.id if job.owner else "",
            state="running" if job.owner else "waiting",
            now=now,
        )
        if row:
            await _beat(tx, me, machine, now)
    return Job(**row) if row else None


async def beat(db: Db, me: str, machine: str, now: str) -> None:
    """Show that this process lives. One statement, on a row that nobody else writes: on PostgreSQL it waits for nobody."""
    await _beat(db, me, machine, now)


async def end(db: Db, ending: Ending, me: str, now: str) -> Job | None:
    """Write how an attempt ended; None when the job is another process's by now, or has ended. One statement, again as often as needed."""
    over = ending.state != "waiting"
    row = await db.one(
        f"""
        UPDATE job SET state = :state, owner = '', error = :error, due_at = :due_at, ended_at = :ended_at, version = version + 1,
            attempts = CASE WHEN :counted OR attempts = 0 THEN attempts ELSE attempts - 1 END
        WHERE id = :id AND owner = :me AND state = 'running' RETURNING {COLUMNS}
        """,
        id=ending.job.id,
        me=me,
        state=ending.state,
        error=ending.error,
        due_at=ending.job.due_at if over else ending.due_at,
        ended_at=now if over else "",
        counted=ending.counted,
    )
    return Job(**row) if row else None


async def leave(db: Db, id: str) -> bool:
    """A process ends, or is dead and its jobs are taken over; false while it has jobs."""
    if await db.value(f"SELECT count(*) FROM job WHERE {_ACTIVE} AND owner = :id", id=id):
        return False
    await db.run("DELETE FROM job_runner WHERE id = :id", id=id)
    return True


async def had_slot(db: Db, kind: str, slot: str) -> bool:
    """Whether scheduled work has had its run for a slot, or is about to."""
    return await db.peek("SELECT 1 AS one FROM job WHERE kind = :kind AND slot = :slot AND slot <> ''", kind=kind, slot=slot) is not None


@dataclass(frozen=True)
class Figures:
    """How many jobs of a kind wait and run, and when one last ended well ("" for never)."""

    kind: str
    waiting: int
    running: int
    succeeded_at: str


async def figures(db: Db, kinds: Collection[str]) -> list[Figures]:
    """Of every kind in ``kinds``, also of those without a job."""
    rows = await db.all(
        """
        SELECT kind, COALESCE(sum(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END), 0) AS waiting,
            COALESCE(sum(CASE WHEN state = 'running' THEN 1 ELSE 0 END), 0) AS running,
            COALESCE(max(CASE WHEN state = 'done' THEN ended_at ELSE '' END), '') AS succeeded_at
        FROM job WHERE kind IN :kinds GROUP BY kind
        """,
        kinds=sorted(kinds),
    )
    found = {row["kind"]: Figures(**row) for row in rows}
    return [found.get(kind, Figures(kind, 0, 0, "")) for kind in sorted(kinds)]


async def sweep(db: Db, now: str) -> int:
    """Forget what ended 90 days ago, of each schedule's good runs all but the newest twenty, and processes that have long gone; how many
    jobs that were."""
    old = await db.run("DELETE FROM job WHERE ended_at <> '' AND ended_at < :before", before=shifted(now, -KEPT_DAYS * 86_400))
    dull = await db.run(
        f"""
        DELETE FROM job WHERE slot <> '' AND state = 'done' AND (
            SELECT count(*) FROM job AS later
            WHERE later.kind = job.kind AND later.slot <> '' AND later.state = 'done' AND later.id > job.id
        ) >= {KEPT_SCHEDULED_RUNS}
        """
    )
    await db.run(
        f"""
        DELETE FROM job_runner
        WHERE seen_at < :before AND NOT EXISTS (SELECT 1 FROM job WHERE {_ACTIVE} AND job.owner = job_runner.id)
        """,
        before=shifted(now, -86_400),
    )
    return old + dull


async def _beat(db: Db, me: str, machine: str, now: str) -> None:
    await db.run(
        """
        INSERT INTO job_runner (id, machine, seen_at) VALUES (:id, :machine, :now)
        ON CONFLICT (id) DO UPDATE SET beat = job_runner.beat + 1, seen_at = :now
        """,
        id=me,
        machine=machine,
        now=now,
    )
