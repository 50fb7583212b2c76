"""The jobs of a service: what runs and ran, its progress and outcome, started and cancelled by people. Pages that every service has."""

from collections.abc import Mapping
from typing import Any

from tornado.routing import URLSpec
from tornado.web import HTTPError, url

from hmlib.auth.permissions import signed_in
from hmlib.jobs import overview
from hmlib.jobs.job import Job
from hmlib.jobs.kind import JobKind, JobKinds, cancel, start_scheduled
from hmlib.records import audit
from hmlib.server.jobs import api
from hmlib.web.page_handler import PageHandler
from hmlib.web.problems import Problem


class JobHandler(PageHandler):
    """What the pages about jobs share."""

    @property
    def kinds(self) -> Mapping[str, JobKind]:
        kinds = self.spine.own(JobKinds).by_name
        return kinds

    async def found(self, id: str) -> Job:
        """The job, if the caller may see it; else 404."""
        found = await overview.visible_to(self.db, self.known, id)
        if found is None:
            raise HTTPError(404)
        return found

    async def rows(self) -> dict[str, Any]:
        page = await overview.page_of(self.db, self.known, overview.LISTING.read(self.query, self.keys))
        first = next((one.id for one in page.rows if one.active), None)
        return {"page": page, "words": self.words, "kinds": self.kinds, "first_active": first}

    def words(self, job: Job) -> dict[str, Any]:
        """What a template needs to know of a job beside itself."""
        kind, left = self.kinds.get(job.kind), job.seconds_left(self.now)
        took = job.seconds(self.now)
        return {
            "job": job,
            "kind_title": kind.title if kind else job.kind.replace("-", " ").capitalize(),
            "page_url": kind.page(job) if kind and kind.page else "",
            "took": "" if took is None else duration(took),
            "left": "" if left is None else duration(left),
            "outcome": [(name.replace("_", " ").capitalize(), value) for name, value in job.outcome.items()],
            "may_cancel": overview.may_cancel(self.known, job, kind) and not job.cancel_asked_at,
        }


class JobListPage(JobHandler):
    """What runs and ran; where scheduled work is started now."""

    @signed_in
    async def get(self) -> None:
        schedules = await overview.schedules(self.db, self.known, list(self.kinds.values()))
        self.page("jobs/list.html", schedules=schedules, every=every, **await self.rows())

    @signed_in
    async def post(self) -> None:
        kind = self.kinds.get(self.form.get("kind", ""))
        if kind is None or not kind.scheduled:
            raise HTTPError(404)
        if not self.known.may(kind.permission):
            raise Problem(403, "not_allowed", "You may not start this. Ask an administrator if you need to.")
        async with self.transaction() as tx:
            begun = await start_scheduled(tx, kind, self.now, self.actor, self.now)
            if begun is not None:
                await audit.record(tx, self.actor, "job.started", f"job/{begun.id}", now=self.now, after={"kind": kind.name})
            else:
                self.toast(f"{kind.title}: this is under way already.", "info")
            self.see_other(self.reverse_url("job", begun.id) if begun else self.reverse_url("jobs"))


class JobRows(JobHandler):
    """The rows alone, looked at again while something runs."""

    @signed_in
    async def get(self) -> None:
        self.partial("jobs/_rows.html", **await self.rows())


class JobPage(JobHandler):
    """One job."""

    @signed_in
    async def get(self, id: str) -> None:
        self.page("jobs/page.html", **self.words(await self.found(id)))


class JobState(JobHandler):
    """How far it is, and what came of it."""

    @signed_in
    async def get(self, id: str) -> None:
        self.partial("jobs/_state.html", **self.words(await self.found(id)))


class JobCancellation(JobHandler):
    """Its end, asked for by a person."""

    @signed_in
    async def put(self, id: str) -> None:
        found = await self.found(id)
        if found.active and not overview.may_cancel(self.known, found, self.kinds.get(found.kind)):
            raise Problem(403, "not_allowed", "You may not stop this. Ask an administrator if you need to.")
        if not self.confirmed(f"Stop “{found.title}”?", "Stop it", self.reverse_url("job", id)):
            return
        async with self.transaction() as tx:
            ended = await cancel(tx, self.kinds, id, self.now)
            if ended is None:
                self.toast("It had ended already.", "info")
            else:
                await audit.record(tx, self.actor, "job.cancelled", f"job/{id}", now=self.now, before={"state": found.state})
                self.toast("Cancelled." if ended.state == "cancelled" else "It stops as soon as it can.")
            self.see_other(self.reverse_url("job", id))


def duration(seconds: float) -> str:
    """How long something takes, in words."""
    if seconds < 0.1:
        return "under 0.1 s"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    return f"{hours} h {minutes - 60 * hours} min" if hours else f"{minutes} min {int(seconds) - 60 * minutes} s"


def every(kind: JobKind) -> str:
    """When scheduled work runs, in words."""
    named = {86_400: "every day", 3600: "every hour", 60: "every minute"}
    if kind.when or kind.every_seconds in named:
        return kind.when or named[kind.every_seconds]
    minutes = kind.every_seconds // 60
    return f"every {minutes} minutes" if minutes else f"every {kind.every_seconds} seconds"


def routes() -> list[URLSpec]:
    """The addresses of a service's jobs, for people and programs."""
    return [
        url(r"/jobs", JobListPage, name="jobs"),
        url(r"/jobs/rows", JobRows, name="job-rows"),
        url(r"/jobs/([0-9a-f-]{36})", JobPage, name="job"),
        url(r"/jobs/([0-9a-f-]{36})/state", JobState, name="job-state"),
        url(r"/jobs/([0-9a-f-]{36})/cancellation", JobCancellation, name="job-cancellation"),
        *api.routes(),
    ]
