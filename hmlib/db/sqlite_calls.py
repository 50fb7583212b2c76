"""What runs on the thread of a SQLite connection: plain calls that block."""

import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hmlib.db.engine import PATIENCE_SECONDS, Row
from hmlib.db.sqlite_drivers import Connection, Driver

T = TypeVar("T")

BUSY = {"SQLITE_BUSY", "SQLITE_LOCKED"}

_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "case_sensitive_like = ON")


def opened(driver: Driver, file: Path, *, read_only: bool, patience: float = PATIENCE_SECONDS) -> Connection:
    """A connection with the safe settings, which waits ``patience`` seconds for others' locks once it is open."""
    connection = driver.connect(file, PATIENCE_SECONDS)
    try:
        for pragma in (*_PRAGMAS, f"query_only = {int(read_only)}", f"busy_timeout = {int(patience * 1000)}"):
            _patiently(driver, connection, f"PRAGMA {pragma}")
    except driver.errors:
        connection.close()
        raise
    return connection


def _patiently(driver: Driver, connection: Connection, text: str) -> None:
    """SQLite does not wait by itself while two processes turn a new file to WAL at once."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.rows(text)
        except driver.errors as error:
            if driver.code(error) not in BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def as_it_is(connection: Connection, work: Callable[..., T], *args: Any) -> T:
    return work(connection, *args)


def in_transaction(connection: Connection, work: Callable[..., T], *args: Any) -> T:
    begin(connection)
    try:
        found = work(connection, *args)
    except BaseException:
        rollback(connection)
        raise
    commit(connection)
    return found


def begin(connection: Connection) -> None:
    rollback(connection)  # what a failed rollback left behind
    connection.count("BEGIN IMMEDIATE")


def begin_reading(connection: Connection) -> None:
    """Open a transaction that sees the database as it is now, whatever is written meanwhile."""
    rollback(connection)
    connection.count("BEGIN")
    connection.rows("SELECT 1 FROM sqlite_master LIMIT 1")  # the first read takes the snapshot


def commit(connection: Connection) -> None:
    try:
        connection.count("COMMIT")
    except BaseException:
        rollback(connection)
        raise


def rollback(connection: Connection) -> None:
    if connection.in_transaction:
        connection.count("ROLLBACK")


def rows(connection: Connection, text: str, args: Sequence[Any]) -> list[Row]:
    return connection.rows(text, args)


def slices(connection: Connection, text: str, args: Sequence[Any], size: int) -> Generator[list[Row], None, None]:
    return connection.slices(text, args, size)


def next_slice(_: Connection, rows: Generator[list[Row], None, None]) -> list[Row]:
    """The next rows, none after the last ones."""
    return next(rows, [])


def end_slices(_: Connection, rows: Generator[list[Row], None, None]) -> None:
    rows.close()


def count(connection: Connection, text: str, args: Sequence[Any]) -> int:
    return connection.count(text, args)


def many(connection: Connection, text: str, rows: Sequence[Sequence[Any]]) -> None:
    connection.many(text, rows)


def script(connection: Connection, text: str, complete: Callable[[str], bool]) -> None:
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if complete(statement):
            connection.count(statement)
            statement = ""
    if statement.strip():
        connection.count(statement)
