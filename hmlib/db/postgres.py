"""PostgreSQL behind asyncpg's pool, with the habits of the SQLite engine."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from hmlib.db import postgres_limits
from hmlib.db.engine import (
    LONG_PATIENCE_SECONDS,
    LONG_SNAPSHOTS,
    PATIENCE_SECONDS,
    SNAPSHOTS,
    BadDatabase,
    Conflict,
    DatabaseBusy,
    DatabaseDown,
    Engine,
    Kind,
    Link,
    Row,
)

WRITERS = 2
CACHED = 200
"""Prepared statements that a connection keeps."""
STATEMENT_SECONDS = 60
SCRIPT_SECONDS = 3600

# One write transaction at a time in the whole database, as on SQLite: what it has read cannot change under it.
_TURN = 0x486976654D
_BEGIN = (
    f"BEGIN; SET LOCAL lock_timeout = '{PATIENCE_SECONDS}s'; "
    f"SET LOCAL idle_in_transaction_session_timeout = '{STATEMENT_SECONDS}s'; "  # a frozen process must not keep the turn
    f"SELECT pg_advisory_xact_lock({_TURN})"
)

_DOWN = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
)
_BUSY = (
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,
)
_FORGOTTEN = (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError)
_WRONG = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError, asyncpg.ClientConfigurationError)
_KINDS: dict[type[Exception], Kind] = {
    asyncpg.UniqueViolationError: "unique",
    asyncpg.ForeignKeyViolationError: "foreign_key",
    asyncpg.CheckViolationError: "check",
    asyncpg.NotNullViolationError: "not_null",
}
_KEY = re.compile(r"\((\w+(?:, \w+)*)\)=\(")


async def open_engine(url: str, readers: int) -> "PostgresEngine":
    """Connect to ``url``; ``?statement_cache_size=0`` is for a PgBouncer that pools transactions, and must be said there.

    Raises BadDatabase for a wrong address or name and DatabaseDown when nobody answers there.
    """
    address, said = _address(url)
    cache_size = CACHED if said is None else said
    try:
        with named_errors():
            if said is None:
                await postgres_limits.refuse_pooler(address)
            pool = await asyncpg.create_pool(
                address,
                min_size=0,
                max_size=most_connections(readers),
                timeout=postgres_limits.CONNECT_SECONDS,
                command_timeout=STATEMENT_SECONDS,
                statement_cache_size=cache_size,
                init=_prepare,
                reset=_leave,
            )
            await _answers(pool)
    except _WRONG as error:
        raise BadDatabase(f"The PostgreSQL database cannot be used: {error}.") from error
    return PostgresEngine(pool)


async def _answers(pool: Any) -> None:
    """One connection now, so that what is wrong is known at the start."""
    try:
        async with pool.acquire(timeout=PATIENCE_SECONDS):
            pass
    except BaseException:
        pool.terminate()
        raise


def most_connections(readers: int = 2) -> int:
    """How many connections one process may hold at once."""
    return max(1, readers - 1) + WRITERS + SNAPSHOTS + LONG_SNAPSHOTS


async def limits(url: str) -> postgres_limits.Limits:
    """Ask the server at ``url``. Raises DatabaseDown, BadDatabase."""
    try:
        with named_errors():
            return await postgres_limits.limits(_address(url)[0])
    except _WRONG as error:
        raise BadDatabase(f"The PostgreSQL database cannot be used: {error}.") from error


def _address(url: str) -> tuple[str, int | None]:
    """The address as asyncpg knows it, and the size of its statement cache, None when the address does not say."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    size = query.pop("statement_cache_size", None)
    if size is not None and not re.fullmatch("[0-9]{1,6}", size):
        raise BadDatabase(f"statement_cache_size is {size!r}: it must be a whole number.")
    return urlunsplit(parts._replace(query=urlencode(query))), None if size is None else int(size)


async def _prepare(connection: Any) -> None:
    encoding = connection.get_settings().server_encoding
    if encoding != "UTF8":
        raise BadDatabase(f"The PostgreSQL database has the encoding {encoding}: make it with ENCODING 'UTF8'.")
    await connection.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=_number, format="text")


def _number(text: str) -> int | float:
    """A sum of BIGINTs is numeric on PostgreSQL and an integer on SQLite: here it is an int, anything broken a float."""
    return int(text) if text.lstrip("-").isdecimal() else float(text)


async def _leave(connection: Any) -> None:
    """Nothing to undo in a connection given back: no session state is ever set, and asyncpg has rolled back what was open."""


class PostgresLink(Link):
    """A link over one borrowed connection."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def rows(self, text: str, args: Sequence[Any]) -> list[Row]:
        with named_errors(self.connection):
            return [dict(record) for record in await self.connection.fetch(text, *args)]

    async def count(self, text: str, args: Sequence[Any]) -> int:
        with named_errors(self.connection):
            status: str = await self.connection.execute(text, *args)
        last = status.rpartition(" ")[2]
        return int(last) if last.isdecimal() else 0

    async def many(self, text: str, rows: Sequence[Sequence[Any]]) -> None:
        with named_errors(self.connection):
            await self.connection.executemany(text, rows)

    async def slices(self, text: str, args: Sequence[Any], size: int) -> AsyncIterator[list[Row]]:
        with named_errors(self.connection):
            cursor = await self.connection.cursor(text, *args)
            while found := await cursor.fetch(size):
                yield [dict(record) for record in found]

    async def script(self, text: str) -> None:
        with named_errors(self.connection):
            await self.connection.execute(text, timeout=SCRIPT_SECONDS)

    async def begin(self) -> None:
        with named_errors(self.connection):
            await self.connection.execute(_BEGIN)

    async def commit(self) -> None:
        with named_errors(self.connection):
            await self.connection.execute("COMMIT")

    async def rollback(self) -> None:
        with named_errors(self.connection):
            if self.connection.is_in_transaction():
                await self.connection.execute("ROLLBACK")


class PostgresEngine(Engine):
    """A pool; reads, single statements and transactions take a connection each.

    At most WRITERS transactions and SNAPSHOTS + LONG_SNAPSHOTS read transactions hold one: were they to take them all while they wait for
    their turn, the one whose turn it is could not read beside its transaction.
    """

    dialect = "postgresql"

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._closed = False
        self._transactions = asyncio.Semaphore(WRITERS)
        self._snapshots, self._long_snapshots = asyncio.Semaphore(SNAPSHOTS), asyncio.Semaphore(LONG_SNAPSHOTS)

    def alone(self, *, reads: bool) -> AbstractAsyncContextManager[Link]:
        return self._borrowed()

    @asynccontextmanager
    async def snapshot(self, *, long: bool) -> AsyncIterator[Link]:
        turn = _turn(self._long_snapshots, LONG_PATIENCE_SECONDS) if long else _turn(self._snapshots, PATIENCE_SECONDS)
        async with turn, self._borrowed() as link:
            with named_errors(link.connection):
                transaction = link.connection.transaction(isolation="repeatable_read", readonly=True)
                await transaction.start()
            try:
                await link.rows("SELECT 1", ())  # the first statement takes the snapshot
                yield link
            finally:
                with suppress(DatabaseDown), named_errors(link.connection):
                    await transaction.rollback()

    async def acquire(self) -> Link:
        await _acquired(self._transactions)
        try:
            return await self._borrow()
        except BaseException:
            self._transactions.release()
            raise

    async def _borrow(self) -> PostgresLink:
        if self._closed:
            raise DatabaseDown("the database is closed")
        with named_errors():
            try:
                return PostgresLink(await self._pool.acquire(timeout=PATIENCE_SECONDS))
            except TimeoutError as error:
                raise DatabaseBusy("no connection became free in time") from error

    async def release(self, link: Link) -> None:
        assert isinstance(link, PostgresLink)
        try:
            await self._return(link)
        finally:
            self._transactions.release()

    async def _return(self, link: PostgresLink) -> None:
        with named_errors(link.connection):
            await self._pool.release(link.connection)

    async def close(self) -> None:
        self._closed = True
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[PostgresLink]:
        link = await self._borrow()
        try:
            yield link
        finally:
            await self._return(link)


async def _acquired(turn: asyncio.Semaphore, seconds: float = PATIENCE_SECONDS) -> None:
    try:
        async with asyncio.timeout(seconds):
            await turn.acquire()
    except TimeoutError as error:
        raise DatabaseBusy("no turn came in time") from error


@asynccontextmanager
async def _turn(turns: asyncio.Semaphore, seconds: float) -> AsyncIterator[None]:
    await _acquired(turns, seconds)
    try:
        yield
    finally:
        turns.release()


@contextmanager
def named_errors(connection: Any = None) -> Iterator[None]:
    """Turn asyncpg's errors into the ones that both engines raise; a mistake in the SQL stays what it is."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        raise _conflict(error) from error
    except _BUSY as error:
        raise DatabaseBusy("the database is busy") from error
    except asyncpg.TooManyConnectionsError as error:
        raise DatabaseDown("PostgreSQL has no connection left for this user: raise its max_connections") from error
    except _FORGOTTEN as error:
        raise DatabaseDown("a pooler in between forgets prepared statements: add ?statement_cache_size=0 to the address") from error
    except _DOWN as error:
        raise DatabaseDown(str(error) or type(error).__name__) from error
    except asyncpg.InterfaceError as error:
        if connection is not None and _lost(connection):
            raise DatabaseDown("the connection to the database was lost") from error
        raise


def _lost(connection: Any) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # the pool has taken the broken connection back already
        return True


def _conflict(error: Any) -> Conflict:
    kind = _KINDS.get(type(error), "other")
    if kind == "not_null":
        return Conflict(kind, f"{error.table_name}.{error.column_name}")
    key = _KEY.search(error.detail or "") if kind == "unique" else None
    if key:
        return Conflict(kind, ", ".join(f"{error.table_name}.{column}" for column in key[1].split(", ")))
    return Conflict(kind, error.constraint_name or str(error))
