"""Puts a checked backup in the place of what is there. Until it is done what was there stays aside, and a journal leads back to it."""

import asyncio
import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import msgspec

from hmlib.backups import copies
from hmlib.backups.checking import Opened, compare
from hmlib.backups.creating import FOLDERS, MASTER
from hmlib.clock import utc_now
from hmlib.config import HUB, Settings
from hmlib.db.database import connect
from hmlib.db.migrate import Folder, migrate
from hmlib.private_files import to_disk, write_privately
from hmlib.server import ownership
from hmlib.server.checks import RESTORE_JOURNAL

ASIDE = "before-restore-"
OLD_SCHEMA = "hm_before_restore"


class Move(msgspec.Struct, frozen=True):
    """A path that is replaced, where what was there is kept, and whether there was anything."""

    target: str
    aside: str
    had: bool


class Journal(msgspec.Struct, frozen=True):
    """All that a restore replaces, written before it begins: files, and the services whose PostgreSQL database is replaced."""

    moves: list[Move]
    schemas: list[str]


async def prepare(
    opened: Opened, services: Sequence[Settings], folders: Mapping[str, Sequence[Folder]], parts: Mapping[str, ModuleType | None]
) -> None:
    """Bring the SQLite copies to this version's schema and make them safe to go on with, while they still lie aside."""
    for settings in services:
        if settings.service in opened.manifest.databases and ownership.sqlite_file(settings):
            inside = opened.settings(settings)
            db = await connect(inside.db_url, readers=1, sqlite=settings.sqlite, make=False)
            try:
                await migrate(db, folders[settings.service])
                await ownership.came_back(db, inside, parts[settings.service], utc_now(), opened.manifest.made_at)
            finally:
                await db.close()


async def replace(
    opened: Opened, services: Sequence[Settings], folders: Mapping[str, Sequence[Folder]], parts: Mapping[str, ModuleType | None]
) -> list[Path]:
    """Put everything in its place; the folder in which what was there is kept, and what is kept elsewhere.

    Whatever goes wrong is undone before it is raised.
    """
    hub = next(settings for settings in services if settings.service == HUB)
    chosen = [settings for settings in services if settings.service in opened.manifest.databases]
    aside = hub.home / f"{ASIDE}{utc_now()[:19].replace(':', '').replace('-', '')}Z"
    pairs = _pairs(opened, hub, chosen)
    schemas = [settings for settings in chosen if not ownership.sqlite_file(settings)]
    moves = [Move(str(target), str(_kept(target, aside, number)), target.exists()) for number, (_, target) in enumerate(pairs)]
    aside.mkdir(mode=0o700)
    write_privately(hub.home / RESTORE_JOURNAL, msgspec.json.encode(Journal(moves, [settings.service for settings in schemas])))
    try:
        for settings in schemas:
            await _restore_schema(opened, settings, folders[settings.service], parts[settings.service])
        await asyncio.to_thread(_move_all, pairs, moves)
    except BaseException:
        await undo(hub.home, services)
        raise
    return [aside, *(Path(move.aside) for move in moves if move.had and Path(move.aside).parent != aside)]


async def finish(home: Path, services: Sequence[Settings]) -> None:
    """The restore is done: forget the way back. PostgreSQL's old tables go; files stay aside."""
    for settings in _with_schemas(home, services):
        await _script(settings, f"DROP SCHEMA IF EXISTS {OLD_SCHEMA} CASCADE")
    (home / RESTORE_JOURNAL).unlink()


async def undo(home: Path, services: Sequence[Settings]) -> bool:
    """Put back what an interrupted restore had put aside; false when there was none. It may itself be interrupted, and repeated."""
    file = home / RESTORE_JOURNAL
    if not file.exists():
        return False
    journal = msgspec.json.decode(file.read_bytes(), type=Journal)
    for settings in _with_schemas(home, services):
        await _old_schema_back(settings)
    await asyncio.to_thread(_move_back, journal.moves)
    file.unlink()
    return True


def _pairs(opened: Opened, hub: Settings, services: Sequence[Settings]) -> list[tuple[Path | None, Path]]:
    """What comes from where (None: nothing comes) and what it replaces. The log files beside a database belong to the one that goes."""
    pairs: list[tuple[Path | None, Path]] = []
    for settings in services:
        if file := ownership.sqlite_file(settings):
            pairs += [(None, file.with_name(f"{file.name}{end}")) for end in ("-wal", "-shm")]
            pairs.append((opened.file(settings.service), file))
        pairs.append((None, ownership.witness_file(settings)))
    pairs.append((opened.place / MASTER, hub.master_key_file))
    names = [name for name in opened.manifest.files if name.partition("/")[0] in FOLDERS and name != MASTER]
    return pairs + [(opened.place / name, hub.home / name) for name in names]


def _kept(target: Path, aside: Path, number: int) -> Path:
    """Where what was there is kept. What lies outside the home stays beside its place: a rename leads into no other file system."""
    home, place = aside.parent.resolve(), target.parent.resolve()
    near = place.is_relative_to(home) and (not place.exists() or place.stat().st_dev == home.stat().st_dev)
    return aside / f"{number:03}-{target.name}" if near else target.with_name(f"{target.name}.{aside.name}")


def _move_all(pairs: Sequence[tuple[Path | None, Path]], moves: Sequence[Move]) -> None:
    for (source, target), move in zip(pairs, moves, strict=True):
        if target.exists():
            target.replace(move.aside)
        if source is not None:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.move(source, target)
            target.chmod(0o644 if target.suffix == ".pem" else 0o600)
            to_disk(target)
    for folder in {target.parent for _, target in pairs if target.parent.exists()}:
        to_disk(folder)


def _move_back(moves: Sequence[Move]) -> None:
    for move in moves:
        target, aside = Path(move.target), Path(move.aside)
        if aside.exists():
            aside.replace(target)
        elif not move.had:
            target.unlink(missing_ok=True)


def _with_schemas(home: Path, services: Sequence[Settings]) -> list[Settings]:
    journal = msgspec.json.decode((home / RESTORE_JOURNAL).read_bytes(), type=Journal)
    return [settings for settings in services if settings.service in journal.schemas]


async def _restore_schema(opened: Opened, settings: Settings, folders: Sequence[Folder], part: ModuleType | None) -> None:
    """The old tables move into a schema of their own; the new ones come in one transaction, are counted, and made safe to go on with."""
    file = str(opened.file(settings.service))
    listed = await copies.program(settings, "pg_restore", "--list", file, database=False)
    makes = f"SCHEMA - {copies.SCHEMA} " in listed
    await _script(settings, f"ALTER SCHEMA {copies.SCHEMA} RENAME TO {OLD_SCHEMA};" + ("" if makes else f"CREATE SCHEMA {copies.SCHEMA}"))
    await copies.program(settings, "pg_restore", "--single-transaction", "--exit-on-error", *copies.PLAIN, file)
    db = await connect(settings.db_url, readers=1, variable=settings.db_variable)
    inside = dataclasses.replace(settings, master_key_file=opened.place / MASTER)
    try:
        compare(settings.service, opened.manifest.databases[settings.service].rows, await copies.postgres_rows(db))
        await migrate(db, folders)
        await ownership.came_back(db, inside, part, utc_now(), opened.manifest.made_at)
    finally:
        await db.close()


async def _old_schema_back(settings: Settings) -> None:
    db = await connect(settings.db_url, readers=1, variable=settings.db_variable)
    try:
        there = await db.value("SELECT 1 FROM pg_namespace WHERE nspname = :name", name=OLD_SCHEMA)
    finally:
        await db.close()
    if there:
        await _script(settings, f"DROP SCHEMA IF EXISTS {copies.SCHEMA} CASCADE; ALTER SCHEMA {OLD_SCHEMA} RENAME TO {copies.SCHEMA}")


async def _script(settings: Settings, text: str) -> None:
    db = await connect(settings.db_url, readers=1, variable=settings.db_variable)
    try:
        async with db.write() as tx:
            await tx.script(text)
    finally:
        await db.close()
