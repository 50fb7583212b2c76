"""Brings a database to the schema this program knows: numbered .sql files, each applied once with its bookkeeping row."""

import asyncio
import re
import time
from collections.abc import Sequence
from pathlib import Path

from hmlib.clock import utc_now
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseBusy
from hmlib.db.sql import Dialect

Folder = tuple[str, Path]

WAIT_SECONDS = 600
"""How long to wait for another process that is migrating."""

BREAKING = "_breaks"
"""How the name of a migration ends that older versions cannot work with. All others only expand, and older versions go on."""

_FILE = re.compile(r"(?P<name>(?P<number>\d{4})_[a-z0-9_]+)(?:\.(?P<dialect>sqlite|postgresql))?\.sql")
_BOOK = (
    "CREATE TABLE IF NOT EXISTS migration (folder TEXT NOT NULL, name TEXT NOT NULL, applied_at TEXT NOT NULL, PRIMARY KEY (folder, name))"
)
_TABLE_EXISTS = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name",
    "postgresql": "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = :name",
}


class NewerSchema(Exception):
    """The database has migrations that this program does not know and cannot live with: of a newer version that says so, of another
    service, or of another line of versions."""


async def migrate(db: Db, folders: Sequence[Folder]) -> list[str]:
    """Apply what is missing, folder by folder in order of number; the names applied, such as ``wiki/0001_articles``.

    One process at a time; each file is one transaction with its bookkeeping row. Raises NewerSchema before changing anything.
    """
    missing = await pending(db, folders)
    return [name for name in missing if await _patiently_applied(db, name, _files(db.dialect, folders)[name])]


async def pending(db: Db, folders: Sequence[Folder]) -> list[str]:
    """The names of the migrations that the database lacks.

    Raises NewerSchema when it has others than a newer version of this program would have added by expanding.
    """
    known = _files(db.dialect, folders)
    applied = await _applied(db)
    missing = [name for name in known if name not in applied]
    _refuse_strange(sorted(applied - known.keys()), list(known), missing)
    return missing


async def newer(db: Db, folders: Sequence[Folder]) -> list[str]:
    """The names of the migrations that the database has beyond this program's."""
    return sorted(await _applied(db) - _files(db.dialect, folders).keys())


def _refuse_strange(unknown: Sequence[str], known: Sequence[str], missing: Sequence[str]) -> None:
    """Raises NewerSchema for the first reason why this program must not work with the database."""
    last = dict(map(_numbered, known))  # of each folder, as they are in order
    if strange := [name for name in unknown if _numbered(name)[1] <= last.get(_numbered(name)[0], "9999")]:
        raise NewerSchema(
            f"The database has migrations that no version before this one had ({', '.join(strange)}): it belongs to another service."
        )
    if unknown and missing:
        raise NewerSchema(
            f"The database is of a newer version ({unknown[-1]}) that is no successor of this one: it lacks {', '.join(missing)}."
        )
    if breaking := [name for name in unknown if name.endswith(BREAKING)]:
        raise NewerSchema(
            f"A newer version has changed the database in a way that this one cannot work with ({', '.join(breaking)}): "
            "start the newer version, or restore a backup from before."
        )


def _numbered(name: str) -> tuple[str, str]:
    """Folder and number of a migration: ``wiki/0001_articles`` is ("wiki", "0001")."""
    folder, _, short = name.partition("/")
    return folder, short[:4]


async def refresh_statistics(db: Db) -> None:
    """Let the engine look again at how many rows its tables have, by which it plans: after an import, and in a daily sweep.

    SQLite looks at the tables that have changed much, and at a sample of their rows. Raises DatabaseDown.
    """
    await db.run("PRAGMA optimize = 0x10002" if db.dialect == "sqlite" else "ANALYZE")


def known(folders: Sequence[Folder]) -> set[str]:
    """The names of every migration in the folders, whatever the engine."""
    return {f"{folder}/{file.name.split('.')[0]}" for folder, path in folders for file in path.glob("*.sql")}


async def has_table(db: Db, name: str) -> bool:
    """Whether the database has a table of that name."""
    return bool(await db.one(_TABLE_EXISTS[db.dialect], name=name))


async def is_empty(db: Db) -> bool:
    """Whether no migration has ever been applied: a database that nobody has used yet, or one that was lost and made anew."""
    return not await _applied(db)


async def _applied(db: Db) -> set[str]:
    if not await has_table(db, "migration"):
        return set()
    return {f"{row['folder']}/{row['name']}" for row in await db.all("SELECT folder, name FROM migration")}


async def _patiently_applied(db: Db, name: str, file: Path) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return await _newly_applied(db, name, file)
        except DatabaseBusy:
            if time.monotonic() > deadline:
                raise


async def _newly_applied(db: Db, name: str, file: Path) -> bool:
    """Apply one file, unless another process just has."""
    text = await asyncio.to_thread(file.read_text, encoding="utf-8")
    folder, _, short = name.partition("/")
    async with db.write() as tx:
        await tx.run(_BOOK)
        if name in await _applied(tx):
            return False
        await tx.script(text)
        await tx.run(
            "INSERT INTO migration (folder, name, applied_at) VALUES (:folder, :name, :now)", folder=folder, name=short, now=utc_now()
        )
    return True


def _files(dialect: Dialect, folders: Sequence[Folder]) -> dict[str, Path]:
    """Each migration's file for ``dialect``, in order. Raises ValueError for a folder that is not one clean sequence."""
    return {f"{folder}/{name}": file for folder, path in folders for name, file in _sequence(path, dialect)}


def _sequence(path: Path, dialect: Dialect) -> list[tuple[str, Path]]:
    names: dict[str, str] = {}
    files: dict[str, Path] = {}
    for file in sorted(path.glob("*.sql")):
        match = _FILE.fullmatch(file.name)
        if not match or names.setdefault(match["number"], match["name"]) != match["name"]:
            raise ValueError(f"{file} is not the only migration of a number: name each 0001_name.sql or 0001_name.{dialect}.sql")
        if match["dialect"] in (None, dialect):
            files[match["name"]] = file
    if len(files) != len(names):
        raise ValueError(f"{path} lacks {dialect} files for {', '.join(sorted(names.values() - files.keys()))}")
    return list(files.items())
