"""The jobs of a service for programs: read, started and cancelled. Every service has this."""

from collections.abc import Mapping
from typing import Any

import msgspec
from tornado.routing import URLSpec
from tornado.web import url

from hmlib.api import conventions
from hmlib.api.lists import answer_list
from hmlib.auth.permissions import signed_in
from hmlib.jobs import overview
from hmlib.jobs.job import Job, State
from hmlib.jobs.kind import JobKind, JobKinds, cancel, start_scheduled
from hmlib.records import audit
from hmlib.web.api_handler import ApiHandler, documented
from hmlib.web.problems import Problem


class JobAnswer(msgspec.Struct):
    """A piece of work. `done` of `total` are counted in whatever it works on, `total` 0 while that is not known; times are UTC, "" for not
    yet. `result` is what came of it, `error` says in a sentence why it failed; `scheduled` work was asked for by nobody, or between two
    slots by `created_by`. While `cancel_asked_at` is set and it runs, it is about to stop."""

    id: str
    kind: str
    title: str
    state: State
    done: int
    total: int
    note: str
    result: dict[str, Any]
    error: str
    scheduled: bool
    created_by: str
    created_by_name: str
    created_at: str
    started_at: str
    ended_at: str
    cancel_asked_at: str
    version: int


class JobStart(msgspec.Struct, forbid_unknown_fields=True):
    """Scheduled work to be done now, by the name of its kind."""

    kind: str


class JobApiHandler(ApiHandler):
    """What the addresses of jobs share."""

    @property
    def kinds(self) -> Mapping[str, JobKind]:
        kinds = self.spine.own(JobKinds).by_name
        return kinds

    async def found(self, id: str) -> Job:
        found = await overview.visible_to(self.db, self.known, id)
        if found is None:
            raise Problem(404, "not_found", "There is no such job.")
        return found


class JobListApi(JobApiHandler):
    """Jobs, the newest first."""

    @signed_in
    @documented(
        answers=list[JobAnswer],
        query={
            "state": "active, waiting, running, done, failed or cancelled",
            "kind": "the name of a kind",
            **{name: conventions.QUERY[name] for name in ("limit", "cursor")},
        },
    )
    async def get(self) -> None:
        """One's own jobs; with settings:admin everybody's and those of schedules."""
        await answer_list(
            self, overview.LISTING, lambda asked: overview.page_of(self.db, self.known, asked), lambda rows: [_answer(one) for one in rows]
        )

    @signed_in
    @documented(takes=JobStart, answers=JobAnswer, status=201)
    async def post(self) -> None:
        """Do scheduled work now; 409 while it is being done."""
        name = self.body(JobStart).kind
        kind = self.kinds.get(name)
        if kind is None or not kind.scheduled:
            known = ", ".join(sorted(kind.name for kind in self.kinds.values() if kind.scheduled))
            raise Problem(422, "invalid", "kind is no scheduled work.", errors={"kind": f"One of {known}."})
        if not self.known.may(kind.permission):
            raise Problem(403, "insufficient_scope", "The token does not allow this.")
        async with self.transaction() as tx:
            begun = await start_scheduled(tx, kind, self.now, self.actor, self.now)
            if begun is None:
                raise Problem(409, "under_way", "This is being done already.")
            await audit.record(tx, self.actor, "job.started", f"job/{begun.id}", now=self.now, after={"kind": kind.name})
            self.answer_created(_answer(begun), self.tag(begun.version), f"/api/jobs/{begun.id}")


class JobApi(JobApiHandler):
    """One job."""

    @signed_in
    @documented(answers=JobAnswer)
    async def get(self, id: str) -> None:
        """How far it is, and what came of it."""
        found = await self.found(id)
        self.answer(_answer(found), etag=self.tag(found.version))


class JobCancellationApi(JobApiHandler):
    """A job's end, asked for by a program."""

    @signed_in
    @documented(answers=JobAnswer)
    async def put(self, id: str) -> None:
        """Ask for its end: what waits is cancelled at once, what runs soon; the answer shows it as it stands. 409 once it has ended."""
        found = await self.found(id)
        if found.active and not overview.may_cancel(self.known, found, self.kinds.get(found.kind)):
            raise Problem(403, "insufficient_scope", "The token does not allow this.")
        async with self.transaction() as tx:
            ended = await cancel(tx, self.kinds, id, self.now)
            if ended is None:
                raise Problem(409, "ended", "It has ended already.")
            await audit.record(tx, self.actor, "job.cancelled", f"job/{id}", now=self.now, before={"state": found.state})
            self.answer(_answer(ended), etag=self.tag(ended.version))


def _answer(job: Job) -> JobAnswer:
    other = {"result": job.outcome, "scheduled": job.scheduled}
    return JobAnswer(**other, **{name: getattr(job, name) for name in JobAnswer.__struct_fields__ if name not in other})


def routes() -> list[URLSpec]:
    """The addresses of a service's jobs."""
    return [
        url(r"/api/jobs", JobListApi),
        url(r"/api/jobs/([0-9a-f-]{36})", JobApi),
        url(r"/api/jobs/([0-9a-f-]{36})/cancellation", JobCancellationApi),
    ]
