"""What a PostgreSQL server gives us: how many connections, and whether a pooler stands in between."""

from dataclasses import dataclass

import asyncpg

from hmlib.db.engine import BadDatabase

CONNECT_SECONDS = 5

# A superuser may also take the connections that are kept for superusers; PostgreSQL 16 keeps some for another role.
_LIMITS = """
    SELECT pg_backend_pid() AS pid, CAST(current_setting('max_connections') AS INT) AS most,
        CASE WHEN rolsuper THEN 0 ELSE CAST(current_setting('superuser_reserved_connections') AS INT)
            + CAST(COALESCE(current_setting('reserved_connections', true), '0') AS INT) END AS kept,
        rolconnlimit AS for_user, (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS for_database
    FROM pg_roles WHERE rolname = current_user
"""


@dataclass(frozen=True)
class Limits:
    """What a server gives: ``allowed`` connections to this user in all (``most`` is its max_connections), or a pooler that shares out."""

    pooled: bool
    allowed: int
    most: int


async def refuse_pooler(address: str) -> None:
    """A pooler between us and the server gives each statement to whichever connection is free, where a statement prepared before is not
    known. Raises BadDatabase, as all would look well until the second process comes."""
    if (await limits(address)).pooled:
        raise BadDatabase(
            "A pooler such as PgBouncer answers at this address: add ?statement_cache_size=0 to it, or ?statement_cache_size=200 where the "
            "pooler pools sessions or keeps prepared statements itself"
        )


async def limits(address: str) -> Limits:
    """Ask the server at ``address``, as asyncpg knows it. Raises asyncpg's errors."""
    connection = await asyncpg.connect(address, timeout=CONNECT_SECONDS, command_timeout=CONNECT_SECONDS, statement_cache_size=0)
    try:
        row = await connection.fetchrow(_LIMITS)
        pooled = row["pid"] != connection.get_server_pid()  # a pooler makes up the number by which a client cancels
        own = [limit for limit in (row["for_user"], row["for_database"]) if limit >= 0]
        return Limits(pooled, min([row["most"] - row["kept"], *own]), row["most"])
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
