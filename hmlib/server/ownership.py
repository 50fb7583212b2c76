"""Whose a database is: the suite, the service and the key it was made with, and how far it had come when this machine last saw it."""

import asyncio
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import msgspec

from hmlib.clock import parse, utc_now
from hmlib.config import BadSetting, Settings
from hmlib.db import change_numbers
from hmlib.db.database import Db
from hmlib.db.database import connect as open_database
from hmlib.db.engine import DatabaseDown
from hmlib.db.migrate import has_table, is_empty
from hmlib.keys import Keys, Unsealable, load_master
from hmlib.private_files import write_privately
from hmlib.records import audit
from hmlib.records.audit import Actor

CLOCK_SECONDS = 3600
"""How far the clock may be behind the last time this machine saw the database: less is what clocks do when they are set."""

NOTE_SECONDS = 30.0
FOLDER = "suite"
_CHECK = b"hivematrix"
_COLUMNS = "suite_id, service, services, epoch, key_check, restored_at, held_at"


class NotOurs(BadSetting):
    """A database is missing, empty, older than it was, or another's; the text is a sentence that says which and what to do."""


@dataclass(frozen=True)
class Owner:
    """The one row of ``suite``. ``services`` have databases in this suite; ``epoch`` is a part of every ETag; ``restored_at`` and
    ``held_at`` are UTC times, empty for never and for not held.
    """

    suite_id: str
    service: str
    services: tuple[str, ...]
    epoch: str
    key_check: str
    restored_at: str = ""
    held_at: str = ""


class Witness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this machine last saw of a service's database, kept outside it: the end of its audit log, and when (UTC)."""

    suite_id: str
    service: str
    seq: int
    hash: str
    at: str


async def connect(settings: Settings, *, readers: int = 2, make: bool = False) -> Db:
    """The service's database, which must be there unless ``make``: only `hm init` makes one. Raises NotOurs, BadDatabase, DatabaseDown."""
    file = sqlite_file(settings)
    if file and not make and (not file.exists() or not file.stat().st_size):
        state = "is empty" if file.exists() else "is not there"
        raise NotOurs(f"{settings.db_variable}: the database {file} {state}. {remedy(settings.service)}")
    return await open_database(settings.db_url, readers=readers, variable=settings.db_variable, sqlite=settings.sqlite, make=make)


def sqlite_file(settings: Settings) -> Path | None:
    """The file of an SQLite database; None on another engine."""
    scheme, _, path = settings.db_url.partition(":///")
    return Path(path).absolute() if scheme == "sqlite" and path else None


async def read(db: Db) -> Owner | None:
    """The owner that the database names; None for one that names none, or was made before there were owners."""
    if not await has_table(db, "suite"):
        return None
    row = await db.one(f"SELECT {_COLUMNS} FROM suite WHERE id = 1")
    return Owner(**{**row, "services": tuple(row["services"].split())}) if row else None


async def verify(db: Db, settings: Settings, *, older: bool = False) -> Owner | None:
    """The owner, when the database is the one that this service of this suite has used; None when it is from before there were owners.

    ``older`` is whether it may have lost what it had when this machine last saw it. Raises NotOurs, BadSetting without a master key.
    """
    if await is_empty(db):
        raise NotOurs(f"{settings.db_variable} names an empty database. {remedy(settings.service)}")
    keys, seen = keys_of(settings), witness(settings)
    owner = await read(db)
    if owner is not None:
        _same_service(owner, settings)
        _same_suite(owner, seen, keys, settings)
    if seen is not None and not older:
        await _no_step_back(db, owner, seen, settings)
    return owner


def remedy(service: str) -> str:
    """What to do about a database that is lost."""
    return f"Put it back, bring it back with hm restore, or begin with an empty one: hm init --anew {service}."


def keys_of(settings: Settings) -> Keys:
    """The keys of the service. Raises BadSetting."""
    return Keys(load_master(settings.master_key_file), settings.service)


def _same_service(owner: Owner, settings: Settings) -> None:
    if owner.service != settings.service:
        raise NotOurs(f"{settings.db_variable} names the database of {owner.service}. Name the one of {settings.service}.")


def _same_suite(owner: Owner, seen: Witness | None, keys: Keys, settings: Settings) -> None:
    """The key must open what was sealed with it; which of the two is the wrong one is told by what this machine saw last."""
    ours = seen is None or seen.suite_id == owner.suite_id
    if ours and _opens(owner, keys):
        return
    if seen is not None and ours:
        raise NotOurs(
            f"HM_MASTER_KEY_FILE names {settings.master_key_file}, which is not the key of this suite's databases. Put that one back."
        )
    raise NotOurs(
        f"{settings.db_variable} names a database of another suite, or HM_MASTER_KEY_FILE the key of another. "
        f"Put back the database and the key that belong together, or bring them back with hm restore."
    )


def _opens(owner: Owner, keys: Keys) -> bool:
    try:
        return keys.unseal(owner.key_check, table="suite", column="key_check", row_id=owner.suite_id) == _CHECK
    except Unsealable:
        return False


async def _no_step_back(db: Db, owner: Owner | None, seen: Witness, settings: Settings) -> None:
    """The audit log only grows: a database without the entry that was its last, or with another there, is an older one or one made anew."""
    if parse(utc_now()).timestamp() < parse(seen.at).timestamp() - CLOCK_SECONDS:
        raise NotOurs(f"The clock says {utc_now()[:16]}Z, and {settings.service} ran at {seen.at[:16]}Z. Set the clock.")
    if owner is not None and _restored_since(owner, seen):
        return
    found = None if owner is None else await db.value("SELECT hash FROM audit WHERE seq = :seq", seq=seen.seq)
    if owner is None or (seen.seq and found != seen.hash):
        raise NotOurs(
            f"{settings.db_variable} names a database that is older or emptier than the one {settings.service} used on {seen.at[:10]}. "
            f"Put that one back, bring it back with hm restore, or take this one as it is: hm init --accept {settings.service}."
        )


def _restored_since(owner: Owner, seen: Witness) -> bool:
    """Whether the database went back on purpose, perhaps by a restore on another host, after this machine saw it last."""
    return owner.restored_at > seen.at


async def claim(db: Db, settings: Settings, services: Iterable[str], now: str) -> Owner:
    """Write down whose the migrated database is, unless that stands there already; ``services`` are added to those it names."""
    keys = keys_of(settings)
    suite_id = new_suite_id(settings)
    sealed = keys.seal(_CHECK, table="suite", column="key_check", row_id=suite_id)
    async with db.write() as tx:
        before = await read(tx)
        named = " ".join(sorted({*services, settings.service, *(before.services if before else ())}))
        await tx.run(
            """
            INSERT INTO suite (id, suite_id, service, services, epoch, key_check, made_at)
            VALUES (1, :suite_id, :service, :named, :epoch, :sealed, :now)
            ON CONFLICT (id) DO UPDATE SET services = :named
            """,
            suite_id=suite_id, service=settings.service, named=named, epoch=new_epoch(), sealed=sealed, now=now,
        )  # fmt: skip
        owner = await read(tx)
    assert owner is not None
    return owner


async def came_back(db: Db, settings: Settings, service: ModuleType | None, now: str, made_at: str = "") -> Owner:
    """Make an older state of the database, that of ``made_at`` when it is known, safe to go on with: nobody is signed in, no ETag of before
    means anything, and nothing is sent out until a person releases it. ``service`` says what else must end or be set right for this
    machine: ``async def came_back(tx, settings, now)``.
    """
    async with db.write() as tx:
        await tx.run("UPDATE suite SET epoch = :epoch, restored_at = :now, held_at = :now WHERE id = 1", epoch=new_epoch(), now=now)
        await change_numbers.start_anew(tx, int(parse(now).timestamp() * 1_000_000))
        await tx.run("DELETE FROM session_exchange")
        await tx.run("DELETE FROM session")
        if service is not None:
            await service.came_back(tx, settings, now)
        after = {"backup": made_at} if made_at else None
        await audit.record(tx, Actor(id="", name="hm"), "suite.restored", f"service/{settings.service}", now=now, after=after)
        owner = await read(tx)
    assert owner is not None
    return owner


def new_suite_id(settings: Settings) -> str:
    """The suite's id, the same for every database made with its master key. Raises BadSetting."""
    return Keys(load_master(settings.master_key_file), "suite").mac("suite id")[:22]


def new_epoch() -> str:
    """A value that no database has had: two restores of one backup must differ too, so it is drawn and not counted."""
    return secrets.token_hex(4)


def witness_file(settings: Settings) -> Path:
    """Where this machine keeps what it saw of the service's database."""
    return settings.home / FOLDER / f"{settings.service}.json"


def witness(settings: Settings) -> Witness | None:
    """What this machine last saw of the service's database; None when it never saw one. Raises BadSetting for a file that says nothing."""
    file = witness_file(settings)
    try:
        return msgspec.json.decode(file.read_bytes(), type=Witness)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotOurs(f"HM_HOME holds {file}, which is broken. Bring it back with hm restore, or remove it and run hm doctor.") from error


async def follow(db: Db, settings: Settings, owner: Owner) -> None:
    """Note it every half minute, for ever. Raises OSError where the file cannot be written."""
    while True:
        await asyncio.sleep(NOTE_SECONDS)
        with suppress(DatabaseDown):
            await note(db, settings, owner)


async def is_ours(db: Db, owner: Owner) -> bool:
    """Whether the database is still the very one that this process began with: not another's, and not restored meanwhile."""
    try:
        now = await read(db)
    except DatabaseDown:
        return False
    return now is not None and (now.suite_id, now.service, now.epoch) == (owner.suite_id, owner.service, owner.epoch)


async def note(db: Db, settings: Settings, owner: Owner, *, anew: bool = False) -> None:
    """Keep how far the database has come; ``anew`` also when it had been further."""
    seq, hash = await audit.head(db)
    seen = None if anew else witness(settings)
    if seen is None or seen.seq <= seq or _restored_since(owner, seen):
        write_privately(witness_file(settings), msgspec.json.encode(Witness(owner.suite_id, settings.service, seq, hash, utc_now())))
