"""Lets programs follow a database by number: what has changed since then, with nothing missed however many write at once.

Each transaction that writes to a followed table takes the next number as its last act before its commit, and numbers become visible in
their order: triggers see to that (migration 0030_change_numbers of hmlib and of each service), so code that has never heard of it is
numbered too. Ask everything that belongs together in one snapshot (``db.read()``): it has all changes up to its number, and none after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hmlib.db.database import Db


@dataclass(frozen=True)
class Followed:
    """A number that a follower has, against where the database is: ``number`` is the one to ask from next time. ``anew`` says that the
    follower's own number leads nowhere (it has none, or it is of a time that a restore has undone): it is to start with everything."""

    since: int
    number: int
    anew: bool


@dataclass(frozen=True)
class Since:
    """What a follower asks for: what is as new as a UTC time, or newer than the change of a number; with neither, everything."""

    time: str = ""
    number: int | None = None

    def condition(self, kind: str, id: str, changed_at: str) -> str:
        """The condition that a row of a kind is so new: ``id`` and ``changed_at`` are its columns. Bind it with params()."""
        if self.number is not None:
            return newer(kind, id)
        return f"{changed_at} >= :since" if self.time else "TRUE"

    def params(self) -> dict[str, str | int]:
        """What condition() is bound with."""
        if self.number is not None:
            return {"since": self.number}
        return {"since": self.time} if self.time else {}


EVERYTHING = Since()


async def latest(db: Db) -> int:
    """The number of the last change: what is made of followed rows at one number is right as long as the number stands."""
    row = await db.peek("SELECT number FROM change_counter WHERE id = 1")
    assert row is not None
    return int(row["number"])


async def followed(snapshot: Db, since: int | None) -> Followed:
    """Where a follower stands who has everything up to ``since`` (None: who has nothing yet)."""
    row = await snapshot.one("SELECT number, floor FROM change_counter WHERE id = 1")
    assert row is not None
    anew = since is None or not row["floor"] <= since <= row["number"]
    return Followed(0 if anew else since or 0, row["number"], anew)


async def changed(snapshot: Db, kind: str, since: int) -> list[str]:
    """The ids of the rows of a kind that were written or deleted after that number."""
    rows = await snapshot.all("SELECT id FROM row_change WHERE kind = :kind AND number > :since ORDER BY id", kind=kind, since=since)
    return [row["id"] for row in rows]


def newer(kind: str, column: str) -> str:
    """The condition that a row was written after the number ``:since``; ``column`` has its id, ``kind`` is a word of ours."""
    return f"{column} IN (SELECT id FROM row_change WHERE kind = '{kind}' AND number > :since)"


async def gone(snapshot: Db, kind: str, table: str, since: int) -> Sequence[str]:
    """The ids of a kind that were deleted after that number, whoever could see them: the caller minds who may learn of which."""
    rows = await snapshot.all(
        f"""
        SELECT id FROM row_change
        WHERE kind = :kind AND number > :since AND NOT EXISTS (SELECT 1 FROM {table} WHERE {table}.id = row_change.id) ORDER BY id
        """,
        kind=kind,
        since=since,
    )
    return [row["id"] for row in rows]


async def start_anew(tx: Db, microseconds: int) -> None:
    """After a restore: every number given out so far leads nowhere. ``microseconds`` since 1970 are more than any count of changes."""
    await tx.run("UPDATE change_counter SET number = CASE WHEN number < :now THEN :now ELSE number + 1 END WHERE id = 1", now=microseconds)
    await tx.run("UPDATE change_counter SET floor = number WHERE id = 1")
