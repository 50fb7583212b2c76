"""What a database engine must offer, and the errors both engines raise alike."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

from hmlib.config import BadSetting
from hmlib.db.sql import Dialect

Row = dict[str, Any]
Kind = Literal["unique", "foreign_key", "check", "not_null", "other"]

PATIENCE_SECONDS = 10
"""How long a statement waits for another's lock before DatabaseBusy."""

LONG_PATIENCE_SECONDS = 60
"""How long an export waits for the one before it."""

SNAPSHOTS, LONG_SNAPSHOTS = 2, 1
"""How many read transactions a process has open at once, and how many that take long beside them; more wait."""


class BadDatabase(BadSetting):
    """The database that the settings name cannot be used; the text is one sentence that says why."""


class Conflict(Exception):
    """A constraint refuses the data; nothing of the statement was kept.

    ``kind`` says which sort. ``constraint`` is ``table.column`` ("a.x, a.y" for several) for unique and not_null, the
    constraint's or expression index's name for check and unique expressions, a trigger's message for other, and for foreign_key
    the constraint's name on PostgreSQL and nothing on SQLite, which does not tell.
    """

    def __init__(self, kind: Kind, constraint: str) -> None:
        super().__init__(f"{kind}: {constraint}")
        self.kind = kind
        self.constraint = constraint


class DatabaseDown(Exception):
    """The database cannot be asked now: gone, closed, full, or its disk fails. A write may or may not have been kept."""


class DatabaseBusy(DatabaseDown):
    """Others held the database's lock for longer than PATIENCE_SECONDS; nothing was kept."""


class Link(ABC):
    """One connection, asked one thing at a time. Each method raises Conflict and DatabaseDown."""

    @abstractmethod
    async def rows(self, text: str, args: Sequence[Any]) -> list[Row]:
        """Run one statement; all its rows."""

    @abstractmethod
    async def count(self, text: str, args: Sequence[Any]) -> int:
        """Run one statement; how many rows it touched."""

    @abstractmethod
    async def many(self, text: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement once per row of values, all or none."""

    @abstractmethod
    def slices(self, text: str, args: Sequence[Any], size: int) -> AsyncIterator[list[Row]]:
        """Run one reading statement within an open transaction; its rows, so many at a time."""

    @abstractmethod
    async def script(self, text: str) -> None:
        """Run a file of statements as it stands."""

    @abstractmethod
    async def begin(self) -> None:
        """Open a transaction that no other write transaction runs beside."""

    @abstractmethod
    async def commit(self) -> None:
        """Keep the transaction; when that fails, nothing is kept."""

    @abstractmethod
    async def rollback(self) -> None:
        """Forget the transaction, if one is open."""


class Engine(ABC):
    """The connections to one database."""

    dialect: Dialect

    @abstractmethod
    def alone(self, *, reads: bool) -> AbstractAsyncContextManager[Link]:
        """A link for a single statement, which is a transaction by itself."""

    @abstractmethod
    def snapshot(self, *, long: bool) -> AbstractAsyncContextManager[Link]:
        """A link whose statements all see the database as it was at the first moment; it only reads. What takes ``long`` waits for its like
        alone, and for LONG_PATIENCE_SECONDS."""

    def peek(self, text: str, args: Sequence[Any]) -> list[Row] | None:
        """The rows of a read of one row by its key without a wait, or None when that is not possible here or now."""
        return None

    @abstractmethod
    async def acquire(self) -> Link:
        """A link for a write transaction, the borrower's own until it is given back."""

    @abstractmethod
    async def release(self, link: Link) -> None:
        """Take a lent link back."""

    @abstractmethod
    async def close(self) -> None:
        """Let running work end, then close every connection."""
