"""SQLite behind aiosqlite's threads: one writer and a few readers per process, one hop to a thread per statement."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hmlib.adapters.aiosqlite import ConnectionThread
from hmlib.db import sqlite_calls as sqlite
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
from hmlib.db.sqlite_drivers import Connection, Driver, chosen
from hmlib.db.sqlite_file import LOOK_SECONDS, InPlace, found

T = TypeVar("T")

_DOWN = {"SQLITE_IOERR", "SQLITE_FULL", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_PROTOCOL"}
_REFUSALS: dict[str, Kind] = {"UNIQUE": "unique", "FOREIGN KEY": "foreign_key", "CHECK": "check", "NOT NULL": "not_null"}
_REFUSAL = re.compile(r"(UNIQUE|FOREIGN KEY|CHECK|NOT NULL) constraint failed(?:: (?:index '(?P<index>.*)'|(?P<what>.*)))?", re.DOTALL)


async def open_engine(path: str, readers: int, binding: str, *, make: bool = True) -> "SqliteEngine":
    """Open the file at ``path``, with ``make`` also a new one. Raises BadDatabase for an unsafe SQLite, no file, or no place for one."""
    driver = chosen(binding)
    file = found(path, make=make)
    threads: list[Thread] = []
    try:
        with named_errors(driver):
            for reader in range(1 + max(1, readers)):
                threads.append(await Thread(driver, file, read_only=bool(reader)).started())
            near = sqlite.opened(driver, file, read_only=True, patience=0)
    except DatabaseDown as error:
        await _close_all(threads)
        if isinstance(error, DatabaseBusy):
            raise
        raise BadDatabase(
            f"The database {file} cannot be opened: {error}. Put a whole one back, or bring it back with hm restore."
        ) from error
    return SqliteEngine(driver, file, threads[0], threads[1:], near)


class Thread(ConnectionThread):
    """One SQLite connection and the thread that alone uses it."""

    def __init__(self, driver: Driver, file: Path, *, read_only: bool) -> None:
        super().__init__(lambda: sqlite.opened(driver, file, read_only=read_only))
        self.driver = driver

    async def started(self) -> "Thread":
        try:
            await self
        except self.driver.errors:
            await self.thread_ended()
            raise
        return self

    async def run_on_thread(self, work: Callable[..., T], *args: Any) -> T:
        """Run ``work(connection, *args)`` on the thread, after what was asked before it, even if the caller is cancelled."""
        try:
            with named_errors(self.driver):
                return await self.work(work, *args)
        except (ValueError, self.driver.errors) as error:
            if self.ended:
                raise DatabaseDown("the database is closed") from error
            raise


class SqliteLink(Link):
    """A link over one thread; ``alone`` makes each call a transaction by itself. What was written counts once the file is still there."""

    def __init__(self, thread: Thread, in_place: InPlace, *, alone: bool = False) -> None:
        self.thread = thread
        self._in_place = in_place
        self._alone = alone
        self._around = sqlite.in_transaction if alone else sqlite.as_it_is

    async def rows(self, text: str, args: Sequence[Any]) -> list[Row]:
        return await self._kept(sqlite.rows, text, args)

    async def count(self, text: str, args: Sequence[Any]) -> int:
        return await self._kept(sqlite.count, text, args)

    async def many(self, text: str, rows: Sequence[Sequence[Any]]) -> None:
        await self._kept(sqlite.many, text, rows)

    async def slices(self, text: str, args: Sequence[Any], size: int) -> AsyncIterator[list[Row]]:
        rows = await self.thread.run_on_thread(sqlite.slices, text, args, size)
        try:
            while found := await self.thread.run_on_thread(sqlite.next_slice, rows):
                yield found
        finally:
            await asyncio.shield(self.thread.run_on_thread(sqlite.end_slices, rows))

    async def script(self, text: str) -> None:
        await self._kept(sqlite.script, text, self.thread.driver.complete)

    async def _kept(self, work: Callable[..., T], *args: Any) -> T:
        answer: T = await self.thread.run_on_thread(self._around, work, *args)
        if self._alone:
            self._in_place.check()
        return answer

    async def begin(self) -> None:
        await self.thread.run_on_thread(sqlite.begin)

    async def begin_reading(self) -> None:
        await self.thread.run_on_thread(sqlite.begin_reading)

    async def commit(self) -> None:
        await self.thread.run_on_thread(sqlite.commit)
        self._in_place.check()

    async def rollback(self) -> None:
        await self.thread.run_on_thread(sqlite.rollback)


@dataclass
class _Reader:
    thread: Thread
    link: SqliteLink
    asked: int = 0


class SqliteEngine(Engine):
    """One writer, lent to one transaction at a time, and readers that never wait for it.

    A read transaction has a connection of its own, opened when it is first needed, so that nobody else reads in its past.
    ``near`` is asked on the event loop's own thread: for a row by its key a hop costs more than the question.
    """

    dialect = "sqlite"

    def __init__(self, driver: Driver, file: Path, writer: Thread, readers: Sequence[Thread], near: Connection) -> None:
        self._driver, self._file = driver, file
        self._writer, self._near = writer, near
        self._in_place = InPlace(file)
        self._readers = [_Reader(thread, SqliteLink(thread, self._in_place)) for thread in readers]
        self._alone = SqliteLink(writer, self._in_place, alone=True)
        self._turn = asyncio.Lock()
        self._snapshots: list[Thread] = []
        self._snapshots_free: list[Thread] = []
        self._snapshot_turns, self._long_turns = asyncio.Semaphore(SNAPSHOTS), asyncio.Semaphore(LONG_SNAPSHOTS)
        self._closed = False

    def alone(self, *, reads: bool) -> AbstractAsyncContextManager[Link]:
        return self._reading() if reads else self._writing()

    def peek(self, text: str, args: Sequence[Any]) -> list[Row] | None:
        if self._closed:
            return None
        self._look(every=LOOK_SECONDS)
        try:
            return self._near.rows(text, args)
        except self._driver.errors:
            return None  # busy, or wrong: the thread's connection waits for the one and names the other

    @asynccontextmanager
    async def snapshot(self, *, long: bool) -> AsyncIterator[Link]:
        turns = self._long_turns if long else self._snapshot_turns
        await _acquired(turns, LONG_PATIENCE_SECONDS if long else PATIENCE_SECONDS)
        try:
            link = SqliteLink(await self._snapshot_thread(), self._in_place)
            try:
                await link.begin_reading()
                yield link
            finally:
                await asyncio.shield(self._end_snapshot(link))
        finally:
            turns.release()

    async def _snapshot_thread(self) -> Thread:
        self._look()
        if self._snapshots_free:
            return self._snapshots_free.pop()
        with named_errors(self._driver):
            thread = await Thread(self._driver, self._file, read_only=True).started()
        self._snapshots.append(thread)
        return thread

    async def _end_snapshot(self, link: SqliteLink) -> None:
        with suppress(DatabaseDown):
            await link.rollback()
        self._snapshots_free.append(link.thread)

    async def acquire(self) -> Link:
        await self._take_turn()
        return SqliteLink(self._writer, self._in_place)

    async def release(self, link: Link) -> None:
        self._turn.release()

    async def close(self) -> None:
        self._closed = True
        with suppress(DatabaseBusy):
            await self._wait_for_turn()
            self._turn.release()
        self._near.close()
        await _close_all([self._writer, *(reader.thread for reader in self._readers), *self._snapshots])

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Link]:
        self._look(every=LOOK_SECONDS)
        reader = min(self._readers, key=lambda reader: reader.asked)
        reader.asked += 1
        try:
            yield reader.link
        finally:
            reader.asked -= 1

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Link]:
        await self._take_turn()
        try:
            yield self._alone
        finally:
            self._turn.release()

    async def _take_turn(self) -> None:
        self._look()
        await self._wait_for_turn()

    def _look(self, *, every: float = 0.0) -> None:
        if self._closed:
            raise DatabaseDown("the database is closed")
        self._in_place.check(every=every)

    async def _wait_for_turn(self) -> None:
        await _acquired(self._turn)


async def _acquired(turn: asyncio.Lock | asyncio.Semaphore, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for one's turn. Raises DatabaseBusy when it does not come in time."""
    try:
        async with asyncio.timeout(seconds):
            await turn.acquire()
    except TimeoutError as error:
        raise DatabaseBusy("the database is busy") from error


@contextmanager
def named_errors(driver: Driver) -> Iterator[None]:
    """Turn SQLite's errors into the ones that both engines raise; a mistake in the SQL stays what it is."""
    try:
        yield
    except driver.errors as error:
        name = driver.code(error)
        if name == "SQLITE_CONSTRAINT":
            raise _conflict(str(error)) from error
        if name in sqlite.BUSY:
            raise DatabaseBusy("the database is busy") from error
        if name in _DOWN:
            raise DatabaseDown(str(error)) from error
        raise


def _conflict(message: str) -> Conflict:
    refusal = _REFUSAL.fullmatch(message)
    if not refusal:
        return Conflict("other", message)
    return Conflict(_REFUSALS[refusal[1]], refusal["index"] or refusal["what"] or "")


async def _close_all(threads: Sequence[Thread]) -> None:
    await asyncio.gather(*(thread.close() for thread in threads))
