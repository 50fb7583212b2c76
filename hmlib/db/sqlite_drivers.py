"""The bindings of SQLite that a process may use, behind one face: pysqlite3, the standard library's sqlite3, APSW."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from hmlib.db.engine import BadDatabase, Row

OLDEST = (3, 51, 3)
"""Before it, resetting the write-ahead log could corrupt a database that several connections use."""

CACHED_STATEMENTS = 256


class Connection(Protocol):
    """One connection to a file, used by one thread at a time; nothing is in a transaction unless a statement begins one."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def rows(self, text: str, args: Sequence[Any] = ()) -> list[Row]:
        """Run one statement; all its rows."""

    def slices(self, text: str, args: Sequence[Any], size: int) -> Generator[list[Row], None, None]:
        """Run one statement; its rows, ``size`` at a time, none but these in memory."""

    def count(self, text: str, args: Sequence[Any] = ()) -> int:
        """Run one statement; how many rows it touched."""

    def many(self, text: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement once for each row of values."""

    def close(self) -> None:
        """End it; what was open is rolled back."""


@dataclass(frozen=True)
class Driver:
    """A binding: its name, the version of SQLite that it brings, the base class of its errors and what it can do.

    ``connect`` opens a file and waits so many seconds for others' locks; ``complete`` tells whether a text ends a statement;
    ``code`` is an error's primary result code, such as ``SQLITE_BUSY``, or "" where it is the caller's own mistake.
    """

    name: str
    version: tuple[int, ...]
    errors: type[Exception]
    connect: Callable[[Path, float], Connection]
    complete: Callable[[str], bool]
    code: Callable[[Exception], str]


def chosen(name: str) -> Driver:
    """The binding of that name, or for ``auto`` the first of pysqlite3, sqlite3 and apsw that is here and safe.

    Raises BadDatabase, which tells what was found, when there is none, or when the one asked for is missing or too old.
    """
    found: list[str] = []
    for candidate in MAKERS if name == "auto" else (name,):
        try:
            driver = MAKERS[candidate]()
        except ImportError:
            found.append(f"{candidate} is not installed")
            continue
        if driver.version >= OLDEST:
            return driver
        found.append(f"{candidate} brings SQLite {'.'.join(map(str, driver.version))}")
    wanted = ".".join(map(str, OLDEST))
    raise BadDatabase(f"No safe SQLite: {', '.join(found)}; before {wanted} it can corrupt a database in WAL mode. See HM_SQLITE.")


def _dbapi(module: Any, name: str) -> Driver:
    """pysqlite3 and the standard library's module are the same code over another SQLite."""

    def connect(file: Path, patience: float) -> Connection:
        return DbApiConnection(
            module.connect(str(file), timeout=patience, isolation_level=None, check_same_thread=False, cached_statements=CACHED_STATEMENTS)
        )

    def code(error: Exception) -> str:
        return "_".join(str(getattr(error, "sqlite_errorname", "")).split("_")[:2])

    return Driver(name, module.sqlite_version_info, module.Error, connect, module.complete_statement, code)


def _apsw() -> Driver:
    apsw = import_module("apsw")
    names: dict[int, str] = {number: name for name, number in apsw.mapping_result_codes.items() if isinstance(name, str)}

    def connect(file: Path, patience: float) -> Connection:
        connection = apsw.Connection(str(file), statementcachesize=CACHED_STATEMENTS)
        connection.set_busy_timeout(int(patience * 1000))
        return ApswConnection(connection, apsw.ExecutionCompleteError)

    def code(error: Exception) -> str:
        return names.get(getattr(error, "result", -1), "")

    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    return Driver("apsw", version, apsw.Error, connect, apsw.complete, code)


MAKERS: dict[str, Callable[[], Driver]] = {
    "pysqlite3": lambda: _dbapi(import_module("pysqlite3"), "pysqlite3"),
    "sqlite3": lambda: _dbapi(import_module("sqlite3"), "sqlite3"),
    "apsw": _apsw,
}


class DbApiConnection:
    """A connection of pysqlite3 or sqlite3."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @property
    def in_transaction(self) -> bool:
        return bool(self._connection.in_transaction)

    def rows(self, text: str, args: Sequence[Any] = ()) -> list[Row]:
        cursor = self._connection.execute(text, args)
        found = cursor.fetchall()
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found]

    def slices(self, text: str, args: Sequence[Any], size: int) -> Generator[list[Row], None, None]:
        cursor = self._connection.execute(text, args)
        names = [column[0] for column in cursor.description or ()]
        try:
            while found := cursor.fetchmany(size):
                yield [dict(zip(names, row, strict=True)) for row in found]
        finally:
            cursor.close()

    def count(self, text: str, args: Sequence[Any] = ()) -> int:
        cursor = self._connection.execute(text, args)
        rows = cursor.fetchall()  # to its end; the cursor itself miscounts a statement with RETURNING
        return len(rows) if cursor.description else max(0, int(cursor.rowcount))

    def many(self, text: str, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.executemany(text, rows)

    def close(self) -> None:
        self._connection.close()


class ApswConnection:
    """A connection of APSW, which is no DB-API: it counts changes by connection, and a cursor without rows has no description.

    ``complete`` is the error with which it says the latter.
    """

    def __init__(self, connection: Any, complete: type[Exception]) -> None:
        self._connection, self._complete = connection, complete

    @property
    def in_transaction(self) -> bool:
        return bool(self._connection.in_transaction)

    def rows(self, text: str, args: Sequence[Any] = ()) -> list[Row]:
        cursor = self._connection.execute(text, tuple(args))
        try:
            names = [column[0] for column in cursor.get_description()]
        except self._complete:
            return []
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def slices(self, text: str, args: Sequence[Any], size: int) -> Generator[list[Row], None, None]:
        cursor = self._connection.execute(text, tuple(args))
        try:
            names = [column[0] for column in cursor.get_description()]
            while found := list(islice(cursor, size)):
                yield [dict(zip(names, row, strict=True)) for row in found]
        except self._complete:
            return
        finally:
            cursor.close()

    def count(self, text: str, args: Sequence[Any] = ()) -> int:
        before = self._connection.total_changes()
        self._connection.execute(text, tuple(args)).fetchall()
        return int(self._connection.changes()) if self._connection.total_changes() != before else 0

    def many(self, text: str, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.executemany(text, [tuple(row) for row in rows])

    def close(self) -> None:
        self._connection.close()
