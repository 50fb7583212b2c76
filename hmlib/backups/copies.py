"""Copies of a database while it is in use: one moment of it, whole, with its rows counted at that moment."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from hmlib.backups.manifest import Database
from hmlib.config import Settings
from hmlib.db import sqlite_calls as sqlite
from hmlib.db.database import Db
from hmlib.db.sqlite_drivers import Connection, chosen
from hmlib.processes.operations import Failed
from hmlib.server import ownership

SCHEMA = "public"
PLAIN = ("--no-owner", "--no-privileges")
_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
)
_PG_TABLES = f"SELECT tablename AS name FROM pg_tables WHERE schemaname = '{SCHEMA}' ORDER BY tablename"
_BOOK = "SELECT folder, name FROM migration ORDER BY folder, name"


async def size(settings: Settings) -> int:
    """About how many bytes the copy will have. Raises Failed."""
    if file := ownership.sqlite_file(settings):
        return file.stat().st_size + (wal.stat().st_size if (wal := file.with_name(f"{file.name}-wal")).exists() else 0)
    db = await ownership.connect(settings, readers=1)
    try:
        return int(await db.value("SELECT pg_database_size(current_database())"))
    finally:
        await db.close()


def file_in_use(settings: Settings, file: Path) -> bool:
    """Whether somebody else has the SQLite database open; one that is missing or broken is nobody's."""
    if not file.is_file():
        return False
    driver = chosen(settings.sqlite)
    connection = driver.connect(file, 0.0)
    try:
        connection.rows("PRAGMA locking_mode = EXCLUSIVE")  # in WAL mode whoever has it open holds a lock, also while idle
        connection.rows("SELECT 1 FROM sqlite_master LIMIT 1")
    except driver.errors as error:
        return driver.code(error) in sqlite.BUSY
    finally:
        connection.close()
    return False


async def copy(settings: Settings, folder: Path) -> Database:
    """Copy the service's database into ``folder``. Raises Failed, DatabaseDown."""
    if file := ownership.sqlite_file(settings):
        return await asyncio.to_thread(_copy_file, settings, file, folder)
    return await _dump(settings, folder)


def _copy_file(settings: Settings, file: Path, folder: Path) -> Database:
    """VACUUM INTO reads in one transaction; copying the file, or in steps, would take pieces of different moments."""
    driver = chosen(settings.sqlite)
    target = folder / f"{settings.service}.db"
    target.touch(mode=0o600)
    connection = sqlite.opened(driver, file, read_only=False)
    try:
        connection.count("VACUUM INTO ?", (str(target),))
    except driver.errors as error:
        raise Failed(f"The database of {settings.service} cannot be copied: {error}.") from error
    finally:
        connection.close()
    copied = driver.connect(target, 0.0)
    try:
        return Database("sqlite", target.name, migrations(copied), rows(copied))
    finally:
        copied.close()


def migrations(connection: Connection) -> list[str]:
    """The names of what was applied to the SQLite database."""
    return [f"{row['folder']}/{row['name']}" for row in connection.rows(_BOOK)]


def rows(connection: Connection) -> dict[str, int]:
    """How many rows each table of the SQLite database has."""
    return {row["name"]: int(_one(connection, row["name"])) for row in connection.rows(_TABLES)}


def _one(connection: Connection, table: str) -> int:
    return int(connection.rows(f'SELECT count(*) AS n FROM "{table}"')[0]["n"])


async def _dump(settings: Settings, folder: Path) -> Database:
    """pg_dump of the very snapshot in which the rows are counted."""
    target = folder / f"{settings.service}.pgdump"
    db = await ownership.connect(settings, readers=1)
    try:
        async with db.read() as snapshot:
            name = await snapshot.value("SELECT pg_export_snapshot()")
            await program(settings, "pg_dump", f"--snapshot={name}", f"--schema={SCHEMA}", "--format=custom", f"--file={target}", *PLAIN)
            book = [f"{row['folder']}/{row['name']}" for row in await snapshot.all(_BOOK)]
            return Database("postgresql", target.name, book, await postgres_rows(snapshot))
    finally:
        await db.close()


async def postgres_rows(db: Db) -> dict[str, int]:
    """How many rows each table of the PostgreSQL database has."""
    return {row["name"]: int(await db.value(f'SELECT count(*) FROM "{row["name"]}"')) for row in await db.all(_PG_TABLES)}


async def program(settings: Settings, name: str, *options: str, database: bool = True) -> str:
    """Run one of PostgreSQL's programs on the service's database; what it prints. The password goes by the environment, as anybody may
    read arguments. Raises Failed with its words.
    """
    found = postgres_program(name)
    address, environ = _address(settings.db_url)
    command: Sequence[str] = [found, *options, *([f"--dbname={address}"] if database else [])]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, **environ}
    )
    out, wrong = await process.communicate()
    if process.returncode:
        raise Failed(f"{name} failed for {settings.service}: {wrong.decode(errors='replace').strip()}")
    return out.decode(errors="replace")


def postgres_program(name: str) -> str:
    """Where the newest installed one is. Raises Failed."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda file: int("".join(filter(str.isdigit, file.parts[-3])) or 0)
    )
    found = str(versions[-1]) if versions else shutil.which(name)
    if not found:
        raise Failed(f"{name} is not installed: it comes with PostgreSQL's client programs (on Debian: postgresql-client).")
    return found


def _address(url: str) -> tuple[str, dict[str, str]]:
    """The address without its password and without what asyncpg alone understands, and the password's variable."""
    parts = urlsplit(url)
    query = urlencode([(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "statement_cache_size"])
    user, at, hosts = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    return urlunsplit(parts._replace(netloc=f"{name}{at}{hosts}", query=query)), {"PGPASSWORD": unquote(password)} if password else {}
