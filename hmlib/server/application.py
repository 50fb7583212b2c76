"""Puts a service together: its routes and the ones all services share, its pages, sessions and callers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tornado.routing import URLSpec
from tornado.web import HTTPError, url

from hmlib.api import openapi
from hmlib.api.answer_cache import AnswerCache
from hmlib.auth.sessions import Sessions
from hmlib.clock import utc_now
from hmlib.config import HUB, Settings
from hmlib.db.database import Db
from hmlib.db.migrate import refresh_statistics
from hmlib.jobs import claims
from hmlib.jobs.kind import JobKind, JobKinds
from hmlib.jobs.run import JobRun
from hmlib.jobs.runner import Runner
from hmlib.keys import Keys, load_master
from hmlib.logs import log_request
from hmlib.nexus.client import Nexus
from hmlib.records.preferences import Preferences
from hmlib.resources.pickers import Pickers, Source
from hmlib.server import csp_reports
from hmlib.sso import login, logout, presence
from hmlib.sso.callers import ModuleCallers
from hmlib.web import static_files
from hmlib.web.api_handler import ApiHandler
from hmlib.web.handler import Background, Callers, ServiceApplication, Spine
from hmlib.web.layout import NavigationItem, Pages
from hmlib.web.page_handler import PageHandler
from hmlib.web.problems import Problem


def application(
    settings: Settings,
    db: Db,
    nexus: Nexus | None,
    *,
    routes: Sequence[URLSpec],
    templates: Path,
    preferences: Preferences,
    navigation: Sequence[NavigationItem] = (),
    search_route: str | None = None,
    callers: Callers | None = None,
    keys: Keys | None = None,
    state: Callable[[Db], Awaitable[int]] | None = None,
    pickers: Mapping[str, Source] | None = None,
    imported: Sequence[str] = (),
    jobs: Sequence[JobKind] = (),
    parts: object = None,
    background: Sequence[Background] = (),
) -> ServiceApplication:
    """The Tornado application of one service.

    ``routes`` is the service's own table; health, static files, sign-in (in modules) and reports are added here. ``state`` counts
    the changes of the database, by which lists are remembered; ``pickers`` find what forms refer to, by plural; ``imported`` are plurals of
    what the page of imports takes. ``callers`` is Nexus's own; modules leave it out. ``jobs`` are the service's kinds of work, whose runs
    get the spine. ``parts`` are what the service's own handlers need (Spine.own), ``background`` runs beside the requests for as long as
    the process lives.
    """
    keys = keys or Keys(load_master(settings.master_key_file), settings.service)
    sessions = Sessions(db, keys)
    running: list[Background] = list(background)
    callers = callers or _module_callers(settings, db, nexus, sessions, preferences, running)
    kinds = [*jobs, *_own_jobs(sessions, preferences)]
    pages = Pages(settings, templates, navigation, search_route)
    answers = AnswerCache(state, settings.epoch) if state is not None else None
    shared = (answers, Pickers(pickers or {}, imported), JobKinds({kind.name: kind for kind in kinds}), csp_reports.ReportLimit())
    own = tuple(part for part in (parts, *shared) if part is not None)
    spine = Spine(settings, db, nexus, keys, sessions, preferences, callers, pages, tuple(routes), parts=own)
    runner = Runner(db, kinds, spine, settings.home / "run" / "jobs")
    whole = replace(spine, background=(*running, runner.run))
    return ServiceApplication(whole, [*routes, *_shared_routes(settings)], NotFound, log_request)


def _module_callers(
    settings: Settings, db: Db, nexus: Nexus | None, sessions: Sessions, preferences: Preferences, running: list[Background]
) -> ModuleCallers:
    assert nexus is not None
    callers = ModuleCallers(settings.service, db, sessions, nexus, settings.nexus_url, preferences)
    running += [callers.revocations.follow, callers.keep_keys, nexus.watch]
    return callers


def _shared_routes(settings: Settings) -> list[URLSpec]:
    own = [] if settings.service == HUB else [*login.routes(), *logout.routes()]
    return [
        *own,
        *presence.routes(),
        *openapi.routes(),
        *static_files.routes(),
        url(r"/csp-report", csp_reports.PolicyReport),
        url(r"/api/.*", ApiNotFound),
    ]


def _own_jobs(sessions: Sessions, preferences: Preferences) -> tuple[JobKind, ...]:
    """The scheduled work of every service."""

    async def sweep_sessions(run: JobRun) -> None:
        await sessions.sweep(utc_now(), await preferences.int(run.db, "session_idle_minutes") * 60)

    async def refresh(run: JobRun) -> None:
        await refresh_statistics(run.db)

    async def sweep_jobs(run: JobRun) -> None:
        forgotten = await claims.sweep(run.db, utc_now())
        async with run.db.write() as tx:
            await run.finish(tx, {"forgotten": forgotten})

    return (
        JobKind("session-sweep", "Forget sessions that have ended", sweep_sessions, every_seconds=300),
        JobKind("job-sweep", "Forget old jobs", sweep_jobs, every_seconds=86_400),
        JobKind("database-statistics", "Look again at how large the tables are", refresh, every_seconds=86_400),
    )


class NotFound(PageHandler):
    """Whatever no route knows."""

    async def prepare(self) -> None:
        self.check_host()
        raise HTTPError(404)


class ApiNotFound(ApiHandler):
    """Whatever no route knows below /api: said in the way of the API."""

    async def prepare(self) -> None:
        self.check_host()
        raise Problem(404, "not_found", "There is nothing at this address.")
