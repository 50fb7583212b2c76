"""What a kind of job is, and when scheduled work is due: slots, each of which has one run at most, and a missed one at the next chance."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from hmlib.clock import parse, shifted
from hmlib.db.database import Db
from hmlib.jobs.job import Job, add, ask_to_end
from hmlib.jobs.run import JobRun
from hmlib.records.audit import Actor

EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class JobKind:
    """A kind of work, as a service lists it. ``title`` is what people read.

    A kind with ``every_seconds`` runs at each whole multiple of them since 1970 (UTC); one with ``due`` at the slots that it names: asked
    with the database and the time now, it answers the latest slot up to now that wants a run (any text that names it, at most one run
    each) or "" for none. A slot that was missed runs at the next chance, several missed ones once. ``when`` says it in words, where
    ``every_seconds`` does not.

    ``permission`` is what it takes to start scheduled work by hand and to cancel what is not one's own. ``page`` is the address of a page
    that shows more of a job than the jobs page does. ``run`` works in slices that write for well under a second each, may be begun again
    by another process with what JobRun.keep() kept, and writes its end with JobRun.finish(). ``put_back`` is called in the transaction in
    which a job ends without being done, also one whose work never began or broke off by a fault of ours: whatever was set when it was
    started ("is being imported") is there set back, so that nobody waits for it for ever.
    """

    name: str
    title: str
    run: Callable[[JobRun], Awaitable[None]]
    every_seconds: int = 0
    due: Callable[[Db, str], Awaitable[str]] | None = None
    when: str = ""
    permission: str = "settings:admin"
    page: Callable[[Job], str] | None = None
    put_back: Callable[[Db, Job], Awaitable[None]] | None = None

    @property
    def scheduled(self) -> bool:
        return self.every_seconds > 0 or self.due is not None

    async def slot(self, db: Db, now: str) -> str:
        """The slot that wants a run now, "" for none; it may have had its run."""
        if self.due is not None:
            return await self.due(db, now)
        return every(self.every_seconds, now) if self.scheduled else ""


@dataclass(frozen=True)
class JobKinds:
    """The kinds of work of one service."""

    by_name: Mapping[str, JobKind]


def every(seconds: int, now: str) -> str:
    """The latest whole multiple of ``seconds`` since 1970 (UTC). After a clock's jump it is another one, so nothing waits for ever."""
    return shifted(EPOCH, int(parse(now).timestamp()) // seconds * seconds)


async def cancel(tx: Db, kinds: Mapping[str, JobKind], id: str, now: str) -> Job | None:
    """The job as it stands after somebody asked for its end: what waits ends at once, what runs at its next word of progress.

    None when it has ended, or there is none.
    """
    found = await ask_to_end(tx, id, now)
    if found is not None and not found.active:
        await put_back(tx, kinds.get(found.kind), found)
    return found


async def put_back(tx: Db, kind: JobKind | None, job: Job) -> None:
    """What the kind puts back when a job ends without being done."""
    if kind is not None and kind.put_back is not None:
        await kind.put_back(tx, job)


async def start_scheduled(tx: Db, kind: JobKind, slot: str, actor: Actor, now: str) -> Job | None:
    """A run of scheduled work for a slot. None when the slot has had its run, or when a run waits or works just now."""
    return await add(tx, kind.name, kind.title, {}, actor, now, slot=slot)
