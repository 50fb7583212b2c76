"""Runs one process of a service: checks, database, application, server, and an end that loses nothing."""

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hmlib import logs, metrics
from hmlib.clock import utc_now
from hmlib.config import BAD_CONFIGURATION, HUB, BadSetting, Settings, load
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseDown
from hmlib.db.migrate import Folder, NewerSchema, migrate, newer, pending
from hmlib.nexus.client import Nexus
from hmlib.processes import pids
from hmlib.server import accepting, checks, health, listening, metrics_endpoint, ownership
from hmlib.server.disk import WriteCheck
from hmlib.server.http_server import MAX_CONNECTIONS, Server
from hmlib.server.ownership import Owner
from hmlib.web.handler import ServiceApplication

PROCESS_NAME = "SUPERVISOR_PROCESS_NAME"
DATABASE_PATIENCE_SECONDS = 10
PAUSE_SECONDS = 2.0

MakeApp = Callable[[Settings, Db, Any], ServiceApplication]  # the third is the Nexus client, or None inside Nexus
Background = Callable[[], Awaitable[None]]


def run(service: str, make_app: MakeApp, migrations: Sequence[Folder]) -> int:
    """Serve until SIGTERM or SIGINT; the process's exit code: 0 when it was asked to stop, 78 for bad configuration.

    What the application needs besides handlers it says in its settings: ``background``, functions that run for ever beside
    the requests (restarted when they fail), and ``ready``, more checks for /readyz by name.
    """
    try:
        settings = load(service, os.environ)
        logs.configure(service, settings.log)
        checks.check(settings)
        _note(settings)
        asyncio.run(_serve(settings, make_app, migrations))
    except (BadSetting, NewerSchema) as wrong:
        sys.stderr.write(f"{service}: {wrong}\n")
        _outlast_startsecs()
        return BAD_CONFIGURATION
    except DatabaseDown as away:
        sys.stderr.write(f"{service}: {away}\n")
        return 1
    except Exception as broken:
        logs.event("stopped by an error", logging.CRITICAL, error=logs.named(broken), where=logs.frames(broken.__traceback__))
        return 1
    return 0


def _note(settings: Settings) -> None:
    """A process that supervisord started can be found when supervisord is gone; on a full disk it serves without that."""
    if process := os.environ.get(PROCESS_NAME):
        try:
            pids.note(settings.home, process)
        except OSError as full:
            logs.event("the process cannot note itself", logging.WARNING, error=logs.named(full))


def _outlast_startsecs() -> None:
    """Supervisord tries again after any end within startsecs (1 s), whatever the exit code; only a later 78 is left alone."""
    if PROCESS_NAME in os.environ:
        sys.stderr.flush()
        time.sleep(1.5)


async def _serve(settings: Settings, make_app: MakeApp, migrations: Sequence[Folder]) -> None:
    stopping = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopping.set)
    async with AsyncExitStack() as stack:
        sockets = listening.sockets(settings)
        files = metrics_endpoint.shared_files(settings, os.environ)
        db = await _database(settings)
        stack.push_async_callback(db.close)
        owner = await _owner(db, settings, migrations)
        settings = replace(settings, epoch=owner.epoch)
        app = make_app(settings, db, _nexus(settings, stack))
        checks.check_application(app)
        readiness = prepare(app, db, migrations, owner, checks.database_folder(settings))
        room = accepting.room(2 * MAX_CONNECTIONS)
        server = Server(app, ssl_options=listening.tls_context(settings), trusted_proxies=settings.trusted_proxies, room=room)
        following = _forever(partial(ownership.follow, db, settings, owner))
        for work in (
            metrics_endpoint.watch(db),
            metrics_endpoint.keep(files),
            following,
            *(_forever(work) for work in app.spine.background),
        ):
            await stack.enter_async_context(_beside(work))
        gc.collect()
        gc.freeze()  # what is there by now stays: the collector need not walk it each time (60 ms in which nobody is answered)
        server.add_sockets(sockets)
        stack.callback(metrics_endpoint.serve(settings.metrics_port, files))
        await stack.enter_async_context(_announced(settings, readiness))
        await stopping.wait()
        await _drain(server, readiness)
        with suppress(DatabaseDown, OSError):
            await ownership.note(db, settings, owner)


async def _owner(db: Db, settings: Settings, migrations: Sequence[Folder]) -> Owner:
    """Whose the database is, before anything is changed in it; then its schema. Raises BadSetting, NewerSchema."""
    owner = await ownership.verify(db, settings)
    await migrate(db, migrations)
    if beyond := await newer(db, migrations):
        logs.event("the database is of a newer version", logging.WARNING, migrations=beyond)
    owner = owner or await ownership.claim(db, settings, (), utc_now())
    try:
        await ownership.note(db, settings, owner)
    except OSError as full:  # what can be read is served all the same; it is noted again while the process runs
        logs.event("how far the database has come cannot be noted", logging.WARNING, error=logs.named(full))
    return owner


async def _database(settings: Settings) -> Db:
    """The database, given some time to come up itself."""
    for _ in range(DATABASE_PATIENCE_SECONDS):
        try:
            return await ownership.connect(settings)
        except DatabaseDown:
            logs.event("waiting for the database", logging.WARNING, variable=settings.db_variable)
            await asyncio.sleep(1)
    return await ownership.connect(settings)


def _nexus(settings: Settings, stack: AsyncExitStack) -> Nexus | None:
    if settings.service == HUB:
        return None
    nexus = Nexus.for_module(settings)
    stack.callback(nexus.close)
    return nexus


def prepare(
    app: ServiceApplication, db: Db, migrations: Sequence[Folder], owner: Owner | None = None, folders: Sequence[Path] = ()
) -> health.Readiness:
    """Give the application its health addresses and its log; ``owner`` is whose the database must stay, ``folders`` where it needs room."""
    given: dict[str, health.Check] = {"database": lambda: _answers(db), "migrations": lambda: _migrated(db, migrations)}
    if owner is not None:
        given["suite"] = lambda: ownership.is_ours(db, owner)
        given["disk"] = WriteCheck(db, folders).holds
    readiness = health.Readiness(given | dict(app.spine.ready))
    app.add_handlers(".*", health.routes(readiness))
    return readiness


async def _answers(db: Db) -> bool:
    try:
        return bool(await db.value("SELECT 1 AS one"))
    except DatabaseDown:
        return False


async def _migrated(db: Db, migrations: Sequence[Folder]) -> bool:
    try:
        return not await pending(db, migrations)
    except (DatabaseDown, NewerSchema):  # the latter only when a newer version says that this one cannot go on
        return False


async def _forever(work: Background) -> None:
    """Run ``work``, and again a little later when it fails: nothing of it may stop the process."""
    while True:
        try:
            await work()
        except Exception as broken:
            metrics.ERRORS.labels("background").inc()
            logs.event("background work failed", logging.ERROR, error=logs.named(broken), where=logs.frames(broken.__traceback__))
        await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def _beside(work: Awaitable[None]) -> AsyncIterator[None]:
    """Run ``work`` as a task until the block ends."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _announced(settings: Settings, readiness: health.Readiness) -> AsyncIterator[None]:
    """While the process can be sent requests, HM_HOME/run/<process>.ready holds its pid: `hm` restarts by it."""
    file = pids.ready_file(settings.home, os.environ.get(PROCESS_NAME) or settings.service)
    async with _beside(_announce(file, settings, readiness)):
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


async def _announce(file: Path, settings: Settings, readiness: health.Readiness) -> None:
    while (failed := await readiness.failed()) or not _wrote_pid(file):
        logs.event("not ready", logging.WARNING, failed=failed)
        await asyncio.sleep(1)
    logs.event("ready", origin=settings.origin, port=settings.port)


def _wrote_pid(file: Path) -> bool:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(str(os.getpid()))
    except OSError:  # a full disk: it is tried again
        return False
    return True


async def _drain(server: Server, readiness: health.Readiness) -> None:
    logs.event("draining", active=len(server.active))
    readiness.draining = True
    await server.drain()
    logs.event("stopped")
