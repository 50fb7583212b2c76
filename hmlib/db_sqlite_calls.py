"""What runs on the thread of a SQLite connection: plain calls that block."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pysqlite3

from hmlib.db_engine import PATIENCE_SECONDS, Row

T = TypeVar("T")

BUSY = {"SQLITE_BUSY", "SQLITE_LOCKED"}

_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "case_sensitive_like = ON")


def opened(file: Path, *, read_only: bool) -> Any:
    connection = pysqlite3.connect(
        str(file), timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        for pragma in (*_PRAGMAS, f"query_only = {int(read_only)}"):
            _patiently(connection, f"PRAGMA {pragma}")
    except pysqlite3.Error:
        connection.close()
        raise
    return connection


def _patiently(connection: Any, text: str) -> None:
    """SQLite does not wait by itself while two processes turn a new file to WAL at once."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.execute(text).fetchall()
        except pysqlite3.OperationalError as error:
            if error.sqlite_errorname not in BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def as_it_is(connection: Any, work: Callable[..., T], *args: Any) -> T:
    return work(connection, *args)


def in_transaction(connection: Any, work: Callable[..., T], *args: Any) -> T:
    begin(connection)
    try:
        found = work(connection, *args)
    except BaseException:
        rollback(connection)
        raise
    commit(connection)
    return found


def begin(connection: Any) -> None:
    rollback(connection)  # what a failed rollback left behind
    connection.execute("BEGIN IMMEDIATE")


def commit(connection: Any) -> None:
    try:
        connection.execute("COMMIT")
    except BaseException:
        rollback(connection)
        raise


def rollback(connection: Any) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def rows(connection: Any, text: str, args: Sequence[Any]) -> list[Row]:
    cursor = connection.execute(text, args)
    found = cursor.fetchall()
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found]


def count(connection: Any, text: str, args: Sequence[Any]) -> int:
    cursor = connection.execute(text, args)
    rows = cursor.fetchall()  # to its end; the cursor itself miscounts a statement with RETURNING
    return len(rows) if cursor.description else max(0, int(cursor.rowcount))


def many(connection: Any, text: str, rows: Sequence[Sequence[Any]]) -> None:
    connection.executemany(text, rows)


def script(connection: Any, text: str) -> None:
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if pysqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    if statement.strip():
        connection.execute(statement)
