"""Serves a service's figures to Prometheus on a loopback port of its own, and watches the event loop and the database."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from prometheus_client import CONTENT_TYPE_LATEST
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from hmlib import logs, metrics
from hmlib.config import Settings
from hmlib.db.database import Db
from hmlib.metrics import MetricFiles

LOOPBACK = "127.0.0.1"
TICK_SECONDS = 0.5
KEPT_EVERY_SECONDS = 1.0


class Figures(RequestHandler):
    """GET /metrics in Prometheus's text format."""

    def initialize(self, files: MetricFiles | None) -> None:
        self.files = files

    def set_default_headers(self) -> None:
        self.clear_header("Server")

    async def get(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(await asyncio.to_thread(metrics.exposition, self.files))


def shared_files(settings: Settings, environ: Mapping[str, str]) -> MetricFiles | None:
    """Where the processes of this service keep their figures together; None for a process started by hand, which has only its own."""
    process = environ.get("SUPERVISOR_PROCESS_NAME")
    if process is None:
        return None
    return metrics.share(settings.home / "run" / "metrics" / settings.service, process.rpartition("_")[2])


def serve(port: int, files: MetricFiles | None) -> Callable[[], None]:
    """Answer /metrics on loopback; the function that ends it. Several processes share the port, and each answers for all."""
    try:
        sockets = bind_sockets(port, LOOPBACK, reuse_port=True)
    except OSError as error:
        logs.event("no metrics", logging.WARNING, port=port, error=logs.named(error))
        return lambda: None
    server = HTTPServer(Application([(r"/metrics", Figures, {"files": files})], log_function=lambda _: None))
    server.add_sockets(sockets)
    return server.stop


async def keep(files: MetricFiles | None) -> None:
    """Put the figures into the files every second, for ever; once, with a line in the log, what cannot be written."""
    if files is None:
        return
    good = True
    try:
        while True:
            await asyncio.sleep(KEPT_EVERY_SECONDS)
            good = await _kept(files, good)
    finally:
        with suppress(OSError):
            files.write()


async def _kept(files: MetricFiles, good: bool) -> bool:
    try:
        await asyncio.to_thread(files.write)
    except OSError as error:
        if good:
            logs.event("figures cannot be kept", logging.WARNING, error=logs.named(error))
        return False
    return True


async def watch(db: Db) -> None:
    """Note twice a second how late the event loop is and what the database did, for ever."""
    clock = asyncio.get_running_loop().time
    statements, seconds = 0, 0.0
    while True:
        due = clock() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        metrics.LOOP_LAG_SECONDS.labels("all").observe(max(0.0, clock() - due))
        metrics.DATABASE_STATEMENTS.labels(db.dialect).inc(db.statements - statements)
        metrics.DATABASE_SECONDS.labels(db.dialect).inc(db.seconds - seconds)
        statements, seconds = db.statements, db.seconds
