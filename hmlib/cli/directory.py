"""The directory for a command that imports into a module: from the running Nexus, or from one started in this process."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from tornado.netutil import bind_sockets

from hmlib.cli.local import database, migrations_of, part
from hmlib.config import HUB, Settings, load
from hmlib.nexus.client import Nexus, NexusFor
from hmlib.processes.operations import Failed
from hmlib.server import service
from hmlib.server.http_server import Server
from hmlib.server.listening import tls_context

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def directory_for(settings: Settings) -> AsyncIterator[NexusFor | None]:
    """The directory as the module ``settings.service`` may see it; None for Nexus, which has it itself."""
    if settings.service == HUB:
        yield None
        return
    nexus = Nexus.for_module(settings)
    try:
        if await nexus.alive():
            yield nexus.as_service()
            return
    finally:
        nexus.close()
    async with nexus_here() as url:
        near = Nexus.for_module(replace(settings, nexus_url=url))
        try:
            yield near.as_service()
        finally:
            near.close()


@asynccontextmanager
async def nexus_here() -> AsyncIterator[str]:
    """Run Nexus in this process on a free loopback port; its address. Raises Failed where Nexus is not installed."""
    settings, app = load(HUB, os.environ), part(HUB, "app")
    if app is None:
        raise Failed(f"Nexus does not answer at {settings.nexus_url}, and it is not installed here.")
    async with database(settings) as db:
        application = app.make_app(settings, db, None)
        service.prepare(application, db, migrations_of(HUB))
        application.settings.update(log_function=lambda _: None)
        server = Server(application, ssl_options=tls_context(settings))
        sockets = bind_sockets(0, LOOPBACK)
        server.add_sockets(sockets)
        try:
            yield f"{'https' if settings.tls else 'http'}://{LOOPBACK}:{sockets[0].getsockname()[1]}"
        finally:
            server.stop()
            await asyncio.wait_for(server.close_all_connections(), 5)
