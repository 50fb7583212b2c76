"""One face for SQLite and PostgreSQL: plain SQL with named parameters in, dicts out."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from typing import Any, TypeVar

from hmlib.db.engine import BadDatabase, Conflict, DatabaseBusy, DatabaseDown, Engine, Link, Row
from hmlib.db.sql import Dialect, Unstorable, statement

__all__ = ["BadDatabase", "Conflict", "DatabaseBusy", "DatabaseDown", "Db", "Snapshot", "Transaction", "Unstorable", "connect"]

T = TypeVar("T")

SLICE = 1000
"""How many rows a cursor brings at a time."""


async def connect(url: str, *, readers: int = 2, variable: str = "", sqlite: str = "auto", make: bool = True) -> "Db":
    """Open ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://…`` for this process.

    An SQLite file that is not there is made unless ``make`` is false.
    ``readers`` is how many reads run at once: SQLite connections beside the one writer, or PostgreSQL connections beside
    those for writers and snapshots. ``variable`` is where the address comes from: what goes wrong names it. ``sqlite`` is the binding
    for a file: auto, pysqlite3, sqlite3 or apsw. Raises BadDatabase when the settings are wrong and DatabaseDown when the database
    cannot be reached.
    """
    try:
        return Db(await _opened(url, readers, sqlite, make=make))
    except BadDatabase as wrong:
        raise BadDatabase(f"{variable}: {wrong}" if variable else str(wrong)) from wrong
    except DatabaseBusy:
        raise
    except DatabaseDown as away:
        raise DatabaseDown(f"{variable}: The database does not answer ({away})." if variable else str(away)) from away


async def _opened(url: str, readers: int, binding: str, *, make: bool) -> Engine:
    if url.startswith("sqlite:///"):
        from hmlib.db import sqlite  # each engine is loaded only where it is used: asyncpg is an extra

        return await sqlite.open_engine(url.removeprefix("sqlite:///"), readers, binding, make=make)
    if not url.startswith(("postgresql://", "postgres://")):
        raise BadDatabase("A database address begins with sqlite:/// or postgresql://.")
    try:
        from hmlib.db import postgres
    except ModuleNotFoundError as error:
        raise BadDatabase("A postgresql:// database needs the extra: pip install 'hivematrix[postgres]'.") from error
    return await postgres.open_engine(url, readers)


class Db:
    """A database, safe to use from many coroutines at once.

    Parameters are ``:named``; a list goes only where ``IN :ids`` or ``NOT IN :ids`` stands. A statement that only reads
    (SELECT, VALUES, WITH without a writing part) runs on a reader; any other is a transaction by itself.

    Both engines take ``True`` and ``False`` for a BOOLEAN column; rows give bools on PostgreSQL and 1 and 0 on SQLite,
    equal to each other, so wrap them in ``bool()`` where the type is seen. Sums are ints on both, averages floats. LIKE minds case.
    A parameter's type on PostgreSQL is that of the column beside it: write ``CAST(:x AS TEXT)`` where none is.

    Every method raises Conflict, DatabaseDown and its special case DatabaseBusy, and Unstorable for a value that no column can hold.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing: set[asyncio.Task[Any] | None] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self.statements = 0
        self.seconds = 0.0

    @property
    def dialect(self) -> Dialect:
        """The engine's name, for the few statements that must differ."""
        return self._engine.dialect

    async def one(self, sql: str, /, **params: Any) -> Row | None:
        """The first row, or None when there is none."""
        rows = await self.all(sql, **params)
        return rows[0] if rows else None

    async def value(self, sql: str, /, **params: Any) -> Any:
        """The first column of the first row, or None when there is no row."""
        row = await self.one(sql, **params)
        return next(iter(row.values())) if row else None

    async def all(self, sql: str, /, **params: Any) -> list[Row]:
        """All rows, as dicts by column name."""
        translated = statement(sql, self.dialect)
        args = translated.bind(params)
        async with self._link(reads=translated.reads) as link:
            return await self._timed(link.rows(translated.text, args))

    def slices(self, sql: str, size: int = SLICE, /, **params: Any) -> AsyncIterator[list[Row]]:
        """All rows, ``size`` at a time, by a cursor of a snapshot: memory holds no more than these. Raises RuntimeError elsewhere."""
        raise RuntimeError("rows are read in slices out of a snapshot: async with db.read()")

    async def peek(self, sql: str, /, **params: Any) -> Row | None:
        """The row that a statement finds by a key, or None: for what every request asks.

        On SQLite it is read on the event loop's own thread, where that needs no wait: never use it for more than a row or two.
        """
        translated = statement(sql, self.dialect)
        args = translated.bind(params)
        started = time.perf_counter()
        rows = self._engine.peek(translated.text, args) if translated.reads else None
        if rows is None:
            return await self.one(sql, **params)
        self.statements += 1
        self.seconds += time.perf_counter() - started
        return rows[0] if rows else None

    async def run(self, sql: str, /, **params: Any) -> int:
        """Run a statement for its effect; how many rows it touched."""
        translated = statement(sql, self.dialect)
        args = translated.bind(params)
        async with self._link(reads=translated.reads) as link:
            return await self._timed(link.count(translated.text, args))

    async def many(self, sql: str, rows: Sequence[Mapping[str, Any]], /) -> None:
        """Run one statement for each row of parameters, all or none."""
        translated = statement(sql, self.dialect)
        args = [translated.bind(row) for row in rows]
        if not args:
            return
        async with self._link(reads=False) as link:
            await self._timed(link.many(translated.text, args))

    def write(self) -> AbstractAsyncContextManager["Transaction"]:
        """A transaction, kept when the block ends and forgotten when it raises or is cancelled.

        Write transactions of all processes run one after another on both engines, so what one reads stays true until it ends.
        A single statement on PostgreSQL may run beside them. Raises RuntimeError inside another of the same task.
        """
        self._refuse_nesting()
        return self._write()

    @asynccontextmanager
    async def read(self, *, long: bool = False) -> AsyncIterator["Db"]:
        """A snapshot: its statements all see the database as it was when the block began, whatever others write meanwhile.

        For all that is computed out of several statements. It only reads, and holds nobody up; a process has two open at once, so
        ask nothing of other services inside. What is read to the last row (an export) is ``long``: one such is open at a time, and
        others wait for it a minute, not the two. A transaction is a snapshot by itself.
        """
        async with self._engine.snapshot(long=long) as link:
            snapshot = Snapshot(self, link)
            try:
                yield snapshot
            finally:
                async with snapshot._closing():
                    pass

    def beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let ``work``, which raises nothing, go on after the answer that it came up with; close() waits for it."""
        task = asyncio.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    async def close(self) -> None:
        """Let running work end, then close the connections; asked after that, every method raises DatabaseDown."""
        await asyncio.gather(*self._ending, return_exceptions=True)
        await self._engine.close()

    @asynccontextmanager
    async def _write(self) -> AsyncIterator["Transaction"]:
        task = asyncio.current_task()
        link = await self._engine.acquire()
        self._writing.add(task)
        tx = Transaction(self, link)
        try:
            await self._timed(link.begin())
            yield tx
        except BaseException:
            await self._end(tx, link, keep=False)
            raise
        else:
            await self._end(tx, link, keep=True)
        finally:
            self._writing.discard(task)

    def _link(self, *, reads: bool) -> AbstractAsyncContextManager[Link]:
        if not reads:
            self._refuse_nesting()
        return self._engine.alone(reads=reads)

    def _refuse_nesting(self) -> None:
        if asyncio.current_task() in self._writing:
            raise RuntimeError("this task has a write transaction open: use the transaction, not the database")

    async def _end(self, tx: "Transaction", link: Link, *, keep: bool) -> None:
        """A task of its own ends the transaction, so that a cancelled caller leaves nothing open and no lock held."""
        task = asyncio.create_task(self._ended(tx, link, keep=keep))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        await asyncio.shield(task)

    async def _ended(self, tx: "Transaction", link: Link, *, keep: bool) -> None:
        try:
            async with tx._closing():
                if keep and not tx.failed:
                    await self._timed(link.commit())
                else:
                    with suppress(DatabaseDown):  # a lost connection forgets by itself, and must not hide the first error
                        await self._timed(link.rollback())
        finally:
            await self._engine.release(link)
        if keep and tx.failed:
            raise RuntimeError("a statement of the transaction failed and its error was swallowed: nothing was kept; use savepoint()")

    async def _timed(self, work: Awaitable[T]) -> T:
        started = time.perf_counter()
        try:
            return await work
        finally:
            self.statements += 1
            self.seconds += time.perf_counter() - started


class _Open(Db):
    """What an open read or write transaction is: the database over one link, until its end."""

    def __init__(self, db: Db, link: Link) -> None:
        super().__init__(db._engine)
        self._db = db
        self._own_link = link
        self._turn = asyncio.Lock()
        self._over = False

    async def peek(self, sql: str, /, **params: Any) -> Row | None:
        """As one(): within the transaction."""
        return await self.one(sql, **params)

    @asynccontextmanager
    async def read(self, *, long: bool = False) -> AsyncIterator[Db]:
        """The transaction itself: what it reads stays true until it ends."""
        yield self

    @asynccontextmanager
    async def _closing(self) -> AsyncIterator[None]:
        """Wait for a running statement and take no more."""
        async with self._turn:
            self._over = True
            yield

    async def _timed(self, work: Awaitable[T]) -> T:
        return await self._db._timed(work)


class Snapshot(_Open):
    """A read transaction, with the reading methods of the database; used after its end it raises RuntimeError."""

    def write(self) -> AbstractAsyncContextManager["Transaction"]:
        """Raises RuntimeError: what is written in one's past cannot be kept."""
        raise RuntimeError("a snapshot only reads")

    async def close(self) -> None:
        """Raises RuntimeError: it ends with its block."""
        raise RuntimeError("a snapshot ends with its block")

    async def slices(self, sql: str, size: int = SLICE, /, **params: Any) -> AsyncIterator[list[Row]]:
        """All rows, ``size`` at a time; other statements may be asked between two of them."""
        translated = statement(sql, self.dialect)
        rows = self._own_link.slices(translated.text, translated.bind(params), size)
        async with aclosing(rows):  # type: ignore[type-var]
            while found := await self._next(rows, reads=translated.reads):
                yield found

    async def _next(self, rows: AsyncIterator[list[Row]], *, reads: bool) -> list[Row]:
        async with self._link(reads=reads):
            return await self._timed(anext(rows, []))

    @asynccontextmanager
    async def _link(self, *, reads: bool) -> AsyncIterator[Link]:
        if not reads:
            raise RuntimeError("a snapshot only reads")
        async with self._turn:
            if self._over:
                raise RuntimeError("the snapshot is over")
            yield self._own_link


class Transaction(_Open):
    """An open write transaction, with the methods of the database; the statements see each other's effects.

    After a failed statement it takes no more, on both engines: let the error leave the block, or guard the statement with
    savepoint(). Used after its end it raises RuntimeError.
    """

    def __init__(self, db: Db, link: Link) -> None:
        super().__init__(db, link)
        self._depth = 0
        self.failed = False

    def write(self) -> AbstractAsyncContextManager["Transaction"]:
        """Raises RuntimeError: transactions do not nest."""
        raise RuntimeError("transactions do not nest: pass the open one on")

    async def close(self) -> None:
        """Raises RuntimeError: it ends with its block."""
        raise RuntimeError("a transaction ends with its block")

    async def script(self, text: str) -> None:
        """Run a file of statements in the engine's own dialect, untranslated: for migrations."""
        async with self._link(reads=False) as link:
            await self._timed(link.script(text))

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that can fail by itself: when the block raises, only its own effects are forgotten and the transaction goes on."""
        self._depth += 1
        name = f"part_{self._depth}"
        await self.run(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            self.failed = False
            await self.run(f"ROLLBACK TO SAVEPOINT {name}")
            raise
        finally:
            self._depth -= 1
        await self.run(f"RELEASE SAVEPOINT {name}")

    @asynccontextmanager
    async def _link(self, *, reads: bool) -> AsyncIterator[Link]:
        async with self._turn:
            if self._over or self.failed:
                raise RuntimeError(
                    "the transaction is over" if self._over else "a statement of this transaction has failed; it takes no more"
                )
            try:
                yield self._own_link
            except BaseException:
                self.failed = True
                raise
