"""Whether PostgreSQL has as many connections for the suite as its processes may want."""

import asyncio
from collections.abc import Mapping
from itertools import groupby
from urllib.parse import parse_qs, urlsplit

from hmlib.db import BadDatabase, DatabaseDown
from hmlib.ops import Suite
from hmlib.settings import Settings

SPARE = 5
"""Connections kept free for `hm`'s commands, a backup and a person with psql."""


def too_few(suite: Suite) -> list[str]:
    """A sentence for each PostgreSQL server that gives fewer connections than the processes on this machine may want. A server that
    does not answer is not judged: processes wait for theirs."""
    counts = suite.process_counts()
    here = [settings for name, settings in suite.here().items() if settings.db_url.startswith("postgresql://") and counts[name]]
    servers = groupby(sorted(here, key=lambda settings: server_of(settings.db_url)), lambda settings: server_of(settings.db_url))
    return [sentence for _, services in servers if (sentence := asyncio.run(_judged(list(services), counts)))]


def server_of(url: str) -> str:
    """Host and port of a database's address, or the folder of its socket."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or ",".join(parse_qs(parts.query).get("host", ["localhost"]))


async def _judged(services: list[Settings], counts: Mapping[str, int]) -> str | None:
    from hmlib import db_postgres  # asyncpg is an extra

    try:
        given = await db_postgres.limits(services[0].db_url)
    except (DatabaseDown, BadDatabase):
        return None  # said with the database itself
    processes = sum(counts[settings.service] for settings in services)
    wanted = processes * db_postgres.most_connections()
    if given.pooled or given.allowed >= wanted + SPARE:
        return None
    variables = " and ".join(settings.db_variable for settings in services)
    return (
        f"{variables}: PostgreSQL gives this user {given.allowed} connections, and {processes} processes may want {wanted}, "
        f"besides {SPARE} for hm: set max_connections to {wanted + SPARE + given.most - given.allowed} or more (or a limit of the user or "
        "the database, where one is set), or run fewer processes."
    )
