"""What `hm doctor` asks beyond one service: has PostgreSQL room for every process, do names resolve, is Nexus reached, do clocks agree."""

import asyncio
import socket
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from urllib.parse import parse_qs, urlsplit

from hmlib.auth.jwt import LEEWAY_SECONDS
from hmlib.config import HUB, BadSetting, Settings
from hmlib.db.engine import BadDatabase, DatabaseDown
from hmlib.db.migrate import has_table
from hmlib.jobs import overview
from hmlib.nexus.client import Nexus
from hmlib.nexus.transport import NexusDown, NexusRefused
from hmlib.processes.operations import Suite
from hmlib.server import ownership

SPARE = 5
"""Connections kept free for `hm`'s commands, a backup and a person with psql."""


def too_few(suite: Suite) -> list[str]:
    """A sentence for each PostgreSQL server that gives fewer connections than the processes on this machine may want. A server that
    does not answer is not judged: processes wait for theirs."""
    counts = suite.process_counts()
    here = [settings for name, settings in suite.here().items() if settings.db_url.startswith("postgresql://") and counts[name]]
    servers = groupby(sorted(here, key=lambda settings: server_of(settings.db_url)), lambda settings: server_of(settings.db_url))
    return [sentence for _, services in servers if (sentence := asyncio.run(_judged(list(services), counts)))]


async def failing_jobs(settings: Settings) -> list[str]:
    """A sentence for each scheduled work of a service that failed the last time; nothing where its database cannot be asked."""
    try:
        db = await ownership.connect(settings, readers=1)
    except (BadSetting, DatabaseDown):
        return []  # said where the database is looked at
    try:
        failed = await overview.failing(db) if await has_table(db, "job") else []
    except DatabaseDown:
        return []
    finally:
        await db.close()
    return [f"{settings.service}: “{job.title}” failed at {job.ended_at[:16]}Z: {job.error} The page Jobs has more." for job in failed]


def server_of(url: str) -> str:
    """Host and port of a database's address, or the folder of its socket."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or ",".join(parse_qs(parts.query).get("host", ["localhost"]))


async def _judged(services: list[Settings], counts: Mapping[str, int]) -> str | None:
    from hmlib.db import postgres  # asyncpg is an extra

    try:
        given = await postgres.limits(services[0].db_url)
    except (DatabaseDown, BadDatabase):
        return None  # said with the database itself
    processes = sum(counts[settings.service] for settings in services)
    wanted = processes * postgres.most_connections()
    if given.pooled or given.allowed >= wanted + SPARE:
        return None
    variables = " and ".join(settings.db_variable for settings in services)
    return (
        f"{variables}: PostgreSQL gives this user {given.allowed} connections, and {processes} processes may want {wanted}, "
        f"besides {SPARE} for hm: set max_connections to {wanted + SPARE + given.most - given.allowed} or more (or a limit of the user or "
        "the database, where one is set), or run fewer processes."
    )


# libcurl's numbers of what went wrong (CURLE_…), as an operator would say it.
WHY = {
    6: "its name does not resolve",
    7: "nobody listens there",
    28: "it does not answer in time",
    35: "it does not speak TLS there",
    60: "its certificate is not one that tls/ca.pem vouches for",
}


def unresolved(services: Sequence[Settings]) -> Iterator[str]:
    """A sentence for each host of the suite's origins that this machine cannot find."""
    named = {f"HM_{HUB.upper()}_URL": services[0].nexus_url} | {f"HM_{one.service.upper()}_URL": one.origin for one in services}
    for variable, origin in named.items():
        parts = urlsplit(origin)
        try:
            socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        except OSError:
            yield f"{variable} (or HM_MODULES) names {parts.hostname}, which does not resolve here, and the services find each other by it"


async def call_to_nexus(settings: Settings) -> tuple[bool, str]:
    """Ask Nexus for a token of the module's own and for one company with it; whether that went well, and a sentence."""
    name = settings.service
    try:
        nexus = Nexus.for_module(settings)
    except BadSetting as wrong:
        return False, f"{name}: {wrong}"
    try:
        skew = await nexus.clock_ahead()
        await nexus.as_service().companies.page(limit="1")
    except NexusDown as down:
        return False, f"{name} does not reach Nexus at {settings.nexus_url}: {_why(down)}"
    except NexusRefused as refused:
        return False, (
            f"{name}: Nexus at {settings.nexus_url} refuses its credentials ({refused.code}). Remove {settings.client_file}, "
            f"then hm init and hm restart {name}"
        )
    finally:
        nexus.close()
    if abs(skew) > LEEWAY_SECONDS:
        return False, f"{name}: Nexus's clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}: let both machines set theirs by NTP"
    return True, f"{name} reaches Nexus at {settings.nexus_url} with its own credentials, and their clocks agree"


def _why(down: NexusDown) -> str:
    number = getattr(down.__cause__, "errno", None)
    return WHY.get(number, str(down)) if isinstance(number, int) else str(down)
