"""Makes a backup: copies of every database that is here, keys and files, in one encrypted file that is whole or not there."""

import gzip
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from hmlib.backups import copies, manifest
from hmlib.backups.manifest import Database, Manifest
from hmlib.backups.sealing import Lock
from hmlib.clock import utc_now
from hmlib.config import HUB, Settings
from hmlib.private_files import to_disk
from hmlib.processes.operations import Failed
from hmlib.server import ownership

SUFFIX = ".tar.gz.age"
PREFIX = "hivematrix-"
FOLDERS = ("keys", "tls", "attachments")
MASTER = "keys/master.key"
SPARE_BYTES = 64 * 1024 * 1024
SCRATCH = ".backup-"


@dataclass(frozen=True)
class Made:
    """A backup that is whole: its file and length, and what it says of itself."""

    file: Path
    bytes: int
    manifest: Manifest


async def make(services: Sequence[Settings], folder: Path, lock: Lock) -> Made:
    """Make a backup in ``folder`` (made when it is not there). Modules first, Nexus last: what a module says of a company that Nexus
    does not have would be a riddle, the other way it is only a company without. Raises Failed, BadSetting, DatabaseDown, OSError.
    """
    lock.check()
    hub = next(settings for settings in services if settings.service == HUB)
    suite_id = await _whose(services)
    _refuse_without_space(hub.home, folder, sum([await copies.size(settings) for settings in services]))
    now = utc_now()
    with scratch(hub.home, SCRATCH) as place:
        ordered = sorted(services, key=lambda settings: settings.service == HUB)
        databases = {settings.service: await copies.copy(settings, place) for settings in ordered}
        said = _described(services, suite_id, databases, place, now)
        name = f"{PREFIX}{now[:19].replace(':', '').replace('-', '')}Z{SUFFIX}"
        file = _closed(said, place, _files(hub), folder / name, lock)
    return Made(file, file.stat().st_size, said)


@contextmanager
def scratch(home: Path, prefix: str) -> Iterator[Path]:
    """A private folder in ``home`` that goes when the block ends, and those with it that a killed process left."""
    for left in home.glob(f"{prefix}*"):
        pid = left.name.removeprefix(prefix).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=f"{prefix}{os.getpid()}-", dir=home) as place:
        yield Path(place)


def _refuse_without_space(home: Path, folder: Path, wanted: int) -> None:
    """The copies and the archive lie side by side in HM_HOME for a while, and the archive alone where it goes, a folder made if need be."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for place, times in ((home, 2), (folder, 1)):
        free = shutil.disk_usage(place).free
        if free < times * wanted + SPARE_BYTES:
            raise Failed(
                f"A backup needs about {(times * wanted + SPARE_BYTES) / 1e6:,.0f} MB free in {place}, where {free / 1e6:,.0f} MB are."
            )


async def _whose(services: Sequence[Settings]) -> str:
    """The suite's id. A database that was lost, emptied or swapped must not push good backups out. Raises BadSetting, Failed."""
    found = set()
    for settings in services:
        db = await ownership.connect(settings, readers=1)
        try:
            owner = await ownership.verify(db, settings)
        finally:
            await db.close()
        if owner is None:
            raise Failed(f"The database of {settings.service} does not say yet whose it is: run hm init, once.")
        found.add(owner.suite_id)
    if len(found) > 1:
        raise Failed("The databases are of different suites. See hm doctor.")
    return found.pop()


def _described(services: Sequence[Settings], suite_id: str, databases: dict[str, Database], place: Path, now: str) -> Manifest:
    hub = next(settings for settings in services if settings.service == HUB)
    contents = {database.file: manifest.content_of(place / database.file) for database in databases.values()}
    contents |= {name: manifest.content_of(file) for name, file in _files(hub).items()}
    origins = {settings.service: settings.origin for settings in services}
    return Manifest("hivematrix-backup/1", version("hivematrix"), suite_id, now, origins, databases, contents)


def _files(hub: Settings) -> dict[str, Path]:
    """Keys, certificates and attachments by their names in the backup; drafts and what is no file are left out."""
    found = {
        file.relative_to(hub.home).as_posix(): file
        for name in FOLDERS
        for file in sorted((hub.home / name).rglob("*"))
        if file.is_file() and not file.is_symlink() and not file.name.startswith(".")
    }
    return {**found, MASTER: hub.master_key_file}


def _closed(said: Manifest, place: Path, files: dict[str, Path], target: Path, lock: Lock) -> Path:
    """Pack, encrypt beside the target, bring it to the disk, and give it its name last."""
    plain, draft = place / "plain", target.with_name(f".{target.name}.{os.getpid()}")
    given = place / manifest.NAME
    given.write_bytes(msgspec.json.encode(said))
    with (
        plain.open("xb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        for name, file in {manifest.NAME: given, **{name: files.get(name, place / name) for name in said.files}}.items():
            archive.add(file, name, filter=_private)
    try:
        lock.close(plain, draft)
        to_disk(draft)
        draft.rename(target)
        to_disk(target.parent)
    finally:
        draft.unlink(missing_ok=True)
    return target


def _private(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o600
    return info


def there(folder: Path) -> list[Path]:
    """The backups in ``folder``, the oldest first: their names sort by time."""
    return sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))


def thin_out(folder: Path, keep: int) -> list[str]:
    """Remove all but the newest ``keep`` backups; the names of those removed. Call it only once a new one is whole."""
    old = there(folder)[:-keep]
    for file in old:
        file.unlink()
    return [file.name for file in old]
