"""What a job is, and how one is started and read."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from hmlib.clock import new_id, parse
from hmlib.db.database import Db
from hmlib.records.audit import Actor

State = Literal["waiting", "running", "done", "failed", "cancelled"]
ACTIVE: tuple[State, ...] = ("waiting", "running")


class JobFailed(Exception):
    """Raised by the work of a job that cannot be done; the text is for people and says what to do."""


class Cancelled(Exception):
    """Raised to the work of a job whose end somebody has asked for. Tidy up, and let it leave run()."""


class LeaseLost(Exception):
    """Raised to the work of a job that another process has taken over, or that has ended: nothing of it may be written any more."""


class Job(msgspec.Struct, frozen=True):
    """One piece of work. ``done`` of ``total`` are counted in whatever the kind counts, ``total`` 0 while it is not known.

    ``data`` is the request, ``kept`` where the work stands, ``result`` what came of it: JSON texts. Times are UTC, "" for not yet.
    ``slot`` is "" for work that a person or program asked for, ``owner`` the runner that works on it, ``attempts`` how often it was begun
    since ``kept`` was last written.
    """

    id: str
    kind: str
    title: str
    state: State
    done: int
    total: int
    note: str
    data: str
    kept: str
    result: str
    error: str
    slot: str
    created_by: str
    created_by_name: str
    created_at: str
    due_at: str
    started_at: str
    ended_at: str
    cancel_asked_at: str
    attempts: int
    owner: str
    version: int

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ACTIVE

    @property
    def scheduled(self) -> bool:
        """Whether it is a run of scheduled work, also one that a person asked for between two slots."""
        return bool(self.slot)

    def seconds(self, now: str) -> float | None:
        """How long it took, or has taken up to ``now``; None before it began. A clock that was set back makes it 0."""
        if not self.started_at:
            return None
        return max(0.0, (parse(self.ended_at or now) - parse(self.started_at)).total_seconds())

    def seconds_left(self, now: str) -> float | None:
        """How long it will take from ``now`` on if it goes on as it did; None where nobody can tell."""
        passed = self.seconds(now)
        if self.state != "running" or passed is None or not 0 < self.done <= self.total:
            return None
        return passed * (self.total - self.done) / self.done

    @property
    def request(self) -> Any:
        """``data`` as plain values."""
        return msgspec.json.decode(self.data)

    @property
    def outcome(self) -> Any:
        """``result`` as plain values; {} while there is none."""
        return msgspec.json.decode(self.result)


COLUMNS = ", ".join(Job.__struct_fields__)


def as_json(value: Mapping[str, Any]) -> str:
    """A request, a place or a result as it is stored."""
    return msgspec.json.encode(value).decode()


async def start(tx: Db, kind: str, title: str, data: Mapping[str, Any], actor: Actor, now: str) -> Job:
    """A job that waits for a runner, in the caller's own transaction, so that an Idempotency-Key covers it.

    ``kind`` is the name of one of the service's kinds, ``data`` what the work needs to know, as JSON values; never a secret.
    """
    job = await add(tx, kind, title, data, actor, now, slot="")
    assert job is not None
    return job


async def add(tx: Db, kind: str, title: str, data: Mapping[str, Any], actor: Actor, now: str, *, slot: str) -> Job | None:
    """As start(); with a ``slot`` None when it has had its run, or when scheduled work of the kind waits or runs just now."""
    row = await tx.one(
        f"""
        INSERT INTO job (id, kind, title, state, data, slot, created_by, created_by_name, created_at, due_at)
        VALUES (:id, :kind, :title, 'waiting', :data, :slot, :created_by, :created_by_name, :now, :now)
        ON CONFLICT DO NOTHING RETURNING {COLUMNS}
        """,
        id=new_id(),
        kind=kind,
        title=title,
        data=as_json(data),
        slot=slot,
        created_by=actor.id,
        created_by_name=actor.name,
        now=now,
    )
    return Job(**row) if row else None


async def by_id(db: Db, id: str) -> Job | None:
    row = await db.one(f"SELECT {COLUMNS} FROM job WHERE id = :id", id=id)
    return Job(**row) if row else None


async def ask_to_end(tx: Db, id: str, now: str) -> Job | None:
    """The job as it stands after somebody asked for its end; None when it has ended. What its kind puts back is kind.cancel()'s work."""
    row = await tx.one(
        f"""
        UPDATE job SET version = version + 1,
            state = CASE WHEN state = 'waiting' THEN 'cancelled' ELSE state END,
            ended_at = CASE WHEN state = 'waiting' THEN :now ELSE '' END,
            cancel_asked_at = CASE WHEN cancel_asked_at = '' THEN :now ELSE cancel_asked_at END
        WHERE id = :id AND state IN :active RETURNING {COLUMNS}
        """,
        id=id,
        active=list(ACTIVE),
        now=now,
    )
    return Job(**row) if row else None
