"""Jobs as people and programs look for them: those they may see, and how each schedule goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hmlib.auth.permissions import Caller
from hmlib.db.database import Db
from hmlib.db.list_query import BadListQuery, ListDefinition, ListQuery, Page
from hmlib.jobs.job import ACTIVE, COLUMNS, Job
from hmlib.jobs.kind import JobKind

SEES_ALL = "settings:admin"
STATES = ("active", "waiting", "running", "done", "failed", "cancelled")
LISTING = ListDefinition(sorts={"created_at": "job.created_at"}, default="-created_at", id_column="job.id", filters=("state", "kind"))


@dataclass(frozen=True)
class Schedule:
    """How scheduled work goes: its newest run, and its newest one that failed."""

    kind: JobKind
    last: Job | None
    last_failed: Job | None


async def page_of(db: Db, caller: Caller, list_query: ListQuery) -> Page[Job]:
    """The jobs that the caller may see: one's own, or all of them. ``state`` may be one of STATES. Raises BadAsk."""
    where, params = _seen(caller)
    if state := list_query.filters.get("state"):
        if state not in STATES:
            raise BadListQuery("invalid_filter", f"state must be one of {', '.join(STATES)}.", "state")
        where += " AND state IN :states"
        params["states"] = list(ACTIVE) if state == "active" else [state]
    if "kind" in list_query.filters:
        where += " AND kind = :kind"
        params["kind"] = list_query.filters["kind"]
    place, order, limits = list_query.sql()
    async with db.read() as snapshot:
        total = await snapshot.value(f"SELECT count(*) FROM job WHERE {where}", **params)
        rows = await snapshot.all(f"SELECT {COLUMNS} FROM job WHERE {where} {place} {order}", **params, **limits)
    return list_query.page([Job(**row) for row in rows], total, key=lambda job: (job.created_at, job.id))


async def visible_to(db: Db, caller: Caller, id: str) -> Job | None:
    """A job, if there is one that the caller may see."""
    where, params = _seen(caller)
    row = await db.one(f"SELECT {COLUMNS} FROM job WHERE id = :id AND {where}", id=id, **params)
    return Job(**row) if row else None


def may_cancel(caller: Caller, job: Job, kind: JobKind | None) -> bool:
    """Whether somebody who may see a job may also end it."""
    return job.active and (job.created_by == caller.id or caller.may(kind.permission if kind else SEES_ALL))


async def schedules(db: Db, caller: Caller, kinds: Sequence[JobKind]) -> list[Schedule]:
    """The scheduled work that the caller may start, with how it went."""
    names = [kind.name for kind in kinds if kind.scheduled and caller.may(kind.permission)]
    async with db.read() as snapshot:
        last, failed = await _newest(snapshot, names, "TRUE"), await _newest(snapshot, names, "state = 'failed'")
    return [Schedule(kind, last.get(kind.name), failed.get(kind.name)) for kind in kinds if kind.name in names]


async def failing(db: Db) -> list[Job]:
    """The newest run of each schedule, where it failed."""
    rows = await db.all(
        f"""
        SELECT {COLUMNS} FROM job
        WHERE state = 'failed' AND id IN (SELECT max(id) FROM job WHERE slot <> '' AND state IN ('done', 'failed') GROUP BY kind)
        ORDER BY kind
        """
    )
    return [Job(**row) for row in rows]


async def _newest(db: Db, kinds: Sequence[str], condition: str) -> dict[str, Job]:
    rows = await db.all(
        f"""
        SELECT {COLUMNS} FROM job
        WHERE id IN (SELECT max(id) FROM job WHERE slot <> '' AND kind IN :kinds AND {condition} GROUP BY kind)
        """,
        kinds=list(kinds),
    )
    return {row["kind"]: Job(**row) for row in rows}


def _seen(caller: Caller) -> tuple[str, dict[str, Any]]:
    """A condition, with its parameters, for what a caller may see."""
    return ("TRUE", {}) if caller.may(SEES_ALL) else ("created_by = :caller_id", {"caller_id": caller.id})
