"""Opens a backup and looks at everything in it before anything is replaced: hashes, databases, rows, schema, whose it is."""

import asyncio
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import msgspec

from hmlib.backups import copies, manifest
from hmlib.backups.creating import MASTER
from hmlib.backups.manifest import Database, Manifest
from hmlib.backups.sealing import CannotOpen, Key
from hmlib.config import HUB, Settings
from hmlib.db.database import connect
from hmlib.db.sqlite_drivers import Connection, chosen
from hmlib.processes.operations import Failed
from hmlib.server import ownership


class BadBackup(Failed):
    """The backup is not whole, or not for this suite; nothing has been touched."""


@dataclass(frozen=True)
class Opened:
    """A backup that has passed every check, unpacked in ``place``."""

    place: Path
    manifest: Manifest

    def file(self, service: str) -> Path:
        """The copy of that service's database."""
        return self.place / self.manifest.databases[service].file

    def settings(self, settings: Settings) -> Settings:
        """The settings with which the unpacked SQLite copy can be opened as the service's database."""
        return replace(settings, db_url=f"sqlite:///{self.file(settings.service)}", master_key_file=self.place / MASTER)


async def open_backup(file: Path, key: Key, place: Path, services: Sequence[Settings], known: Callable[[str], set[str]]) -> Opened:
    """Unpack ``file`` into ``place`` and check it. ``known`` are the migrations that this program has for a service.

    Raises CannotOpen, BadBackup, in one sentence.
    """
    await asyncio.to_thread(_unpack, file, key, place)
    opened = Opened(place, _manifest(place))
    await asyncio.to_thread(_contents, opened)
    by_name = {settings.service: settings for settings in services}
    for name, database in opened.manifest.databases.items():
        if name not in by_name:
            raise BadBackup(f"The backup holds a database of {name}, which HM_MODULES does not name, or whose code is not here.")
        _schema(name, database, known(name))
        await _database(opened, by_name[name], database)
    if HUB not in opened.manifest.databases:
        raise BadBackup("The backup holds no database of Nexus.")
    return opened


def _unpack(file: Path, key: Key, place: Path) -> None:
    plain = place / "plain"
    key.open(file, plain)
    try:
        with tarfile.open(plain, "r:gz") as archive:
            for member in archive:
                _take(archive, member, place)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise CannotOpen(f"{file} is damaged: {error}.") from error
    finally:
        plain.unlink()


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> None:
    path = PurePosixPath(member.name)
    if not member.isfile() or path.is_absolute() or ".." in path.parts:
        raise BadBackup(f"The backup holds {member.name!r}, which no backup has.")
    source = archive.extractfile(member)
    assert source is not None
    target = place / path
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.touch(mode=0o600)
    with source, target.open("wb") as out:
        while chunk := source.read(manifest.CHUNK_BYTES):
            out.write(chunk)


def _manifest(place: Path) -> Manifest:
    try:
        return msgspec.json.decode((place / manifest.NAME).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise BadBackup(f"The backup has no {manifest.NAME} that this version can read: {error}.") from error


def _contents(opened: Opened) -> None:
    """Each file that the manifest names, and none beside them."""
    found = {path.relative_to(opened.place).as_posix() for path in opened.place.rglob("*") if path.is_file()} - {manifest.NAME}
    said = opened.manifest.files
    for name in sorted(said.keys() ^ found):
        raise BadBackup(
            f"{name} is missing in the backup." if name in said else f"The backup holds {name}, which its manifest does not name."
        )
    for name, content in said.items():
        if manifest.content_of(opened.place / name) != content:
            raise BadBackup(f"{name} in the backup is not what it was when the backup was made.")


def _schema(name: str, database: Database, known: set[str]) -> None:
    if unknown := sorted(set(database.migrations) - known):
        raise BadBackup(f"The backup of {name} was made by a newer version: it has {unknown[0]}. Install that version first.")


async def _database(opened: Opened, settings: Settings, database: Database) -> None:
    engine = "sqlite" if ownership.sqlite_file(settings) else "postgresql"
    if database.engine != engine:
        raise BadBackup(
            f"The backup of {settings.service} is of {database.engine}, and {settings.db_variable} names {engine}: set it to one."
        )
    if engine == "postgresql":
        await copies.program(settings, "pg_restore", "--list", str(opened.file(settings.service)), database=False)
        return
    await asyncio.to_thread(_whole, opened, settings, database)
    await _ours(opened, settings)


def _whole(opened: Opened, settings: Settings, database: Database) -> None:
    driver = chosen(settings.sqlite)
    connection = driver.connect(opened.file(settings.service), 0.0)
    try:
        _look(connection, settings.service, database)
    except driver.errors as error:
        raise BadBackup(f"The copy of {settings.service}'s database is damaged: {error}.") from error
    finally:
        connection.close()


def _look(connection: Connection, service: str, database: Database) -> None:
    if (answer := connection.rows("PRAGMA integrity_check")) != [{"integrity_check": "ok"}]:
        raise BadBackup(f"The copy of {service}'s database is damaged: {answer[0]}.")
    compare(service, database.rows, copies.rows(connection))
    if copies.migrations(connection) != database.migrations:
        raise BadBackup(f"The copy of {service}'s database has other migrations than the manifest says.")


def compare(service: str, said: Mapping[str, int], found: Mapping[str, int]) -> None:
    """Raises BadBackup for the first table whose rows are not as many as were counted."""
    for table in sorted(said.keys() | found.keys()):
        if said.get(table) != found.get(table):
            raise BadBackup(
                f"{service}: the table {table} has {found.get(table)} rows, and had {said.get(table)} when the backup was made."
            )


async def _ours(opened: Opened, settings: Settings) -> None:
    """The backup's key opens what the backup's database has sealed, and both are of the suite that the manifest names."""
    inside = opened.settings(replace(settings, home=opened.place))
    db = await connect(inside.db_url, readers=1, sqlite=settings.sqlite, make=False)
    try:
        owner = await ownership.verify(db, inside)
    finally:
        await db.close()
    if owner is None or owner.suite_id != opened.manifest.suite_id:
        raise BadBackup(f"The copy of {settings.service}'s database is another suite's than the backup's manifest says.")
