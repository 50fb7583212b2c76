"""Puts a service together: its routes and the ones all services share, its pages, sessions and callers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tornado.routing import URLSpec
from tornado.web import Application, HTTPError, url

from hmlib.api import openapi
from hmlib.api.answer_cache import AnswerCache
from hmlib.auth.sessions import Sessions
from hmlib.clock import utc_now
from hmlib.config import HUB, Settings
from hmlib.db.database import Db
from hmlib.jobs import claims
from hmlib.jobs.kind import JobKind
from hmlib.jobs.run import JobRun
from hmlib.jobs.runner import Runner
from hmlib.keys import Keys, load_master
from hmlib.logs import log_request
from hmlib.nexus.client import Nexus
from hmlib.records.preferences import Preferences
from hmlib.resources.pickers import Source
from hmlib.server import csp_reports
from hmlib.sso import login, logout, presence
from hmlib.sso.callers import Callers, ModuleCallers
from hmlib.web import static_files
from hmlib.web.api_handler import ApiHandler
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
    jobs: Sequence[JobKind] = (),
    **more: Any,
) -> Application:
    """The Tornado application of one service.

    ``routes`` is the service's own table; health, static files, sign-in (in modules) and reports are added here. ``state`` counts
    the changes of the database, by which lists are remembered; ``pickers`` find what forms refer to, by plural.
    ``callers`` is Nexus's own; modules leave it out. ``jobs`` are the service's kinds of work, whose runs get the application's settings
    as ``spine``. ``more`` are further settings for the service's handlers, among them ``background``: coroutine functions that run beside
    the requests for as long as the process lives.
    """
    keys = keys or Keys(load_master(settings.master_key_file), settings.service)
    sessions = Sessions(db, keys)
    background = list(more.pop("background", ()))
    callers = callers or _module_callers(settings, db, nexus, sessions, preferences, background)
    spine: dict[str, Any] = dict(hm=settings, db=db, nexus=nexus, keys=keys, sessions=sessions, callers=callers, preferences=preferences)
    kinds = [*jobs, *_own_jobs(sessions, preferences)]
    app = Application(
        [*routes, *_shared_routes(settings)], default_handler_class=NotFound, compress_response=False, log_function=log_request,
        routes=tuple(routes), pages=Pages(settings, templates, navigation, search_route), background=background,
        answers=AnswerCache(state, settings.epoch) if state is not None else None, pickers=pickers or {},
        job_kinds={kind.name: kind for kind in kinds}, **{**spine, **more},
    )  # fmt: skip
    background += [Runner(db, kinds, app.settings, settings.home / "run" / "jobs").run]
    return app


def _module_callers(
    settings: Settings, db: Db, nexus: Nexus | None, sessions: Sessions, preferences: Preferences, background: list[Any]
) -> ModuleCallers:
    assert nexus is not None
    callers = ModuleCallers(settings.service, db, sessions, nexus, settings.nexus_url, preferences)
    background += [callers.revocations.follow, callers.keep_keys, nexus.watch]
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

    async def sweep_jobs(run: JobRun) -> None:
        forgotten = await claims.sweep(run.db, utc_now())
        async with run.db.write() as tx:
            await run.finish(tx, {"forgotten": forgotten})

    return (
        JobKind("session-sweep", "Forget sessions that have ended", sweep_sessions, every_seconds=300),
        JobKind("job-sweep", "Forget old jobs", sweep_jobs, every_seconds=86_400),
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
