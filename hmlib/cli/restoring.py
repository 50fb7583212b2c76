"""The steps of `hm restore`: look at everything, replace, and set right what this machine has otherwise."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from hmlib.backups import checking, copies, replacing
from hmlib.backups.checking import BadBackup, Opened
from hmlib.backups.creating import scratch
from hmlib.backups.sealing import Key
from hmlib.cli import founding
from hmlib.cli.founding import AFTER_RESTORE
from hmlib.cli.local import installed_services, migrations_of, part
from hmlib.config import BadSetting, Settings
from hmlib.db.database import connect
from hmlib.db.migrate import known
from hmlib.processes.operations import Failed, Suite
from hmlib.server import certificates, ownership

SCRATCH = ".restore-"


async def undo(suite: Suite) -> bool:
    """Put back what an interrupted restore had put aside."""
    return await replacing.undo(suite.home, installed_services())


async def restore_file(suite: Suite, file: Path, key: Key, *, only_check: bool, over_another: bool) -> list[str]:
    """Restore the backup in ``file``; sentences about what was done. Raises Failed, BadSetting; then nothing is changed."""
    services = installed_services()
    suite.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with scratch(suite.home, SCRATCH) as place:
        opened = await checking.open_backup(file, key, place, services, lambda name: known(migrations_of(name)))
        said = f"The backup of {opened.manifest.made_at[:16]}Z is whole: {', '.join(opened.manifest.databases)}."
        if only_check:
            return [said]
        if await undo(suite):
            said += " What an interrupted restore had begun was undone first."
        if not over_another:
            _refuse_another_suite(opened, services)
        await _refuse_users(opened, services)
        return [said, *await _put_in_place(suite, opened, services)]


async def _put_in_place(suite: Suite, opened: Opened, services: list[Settings]) -> list[str]:
    folders = {settings.service: migrations_of(settings.service) for settings in services}
    parts = {settings.service: part(settings.service, AFTER_RESTORE) for settings in services}
    for folder in ("keys", "logs", "run", "tls"):
        (suite.home / folder).mkdir(mode=0o700, exist_ok=True)
    await replacing.prepare(opened, services, folders, parts)
    try:
        kept = await replacing.replace(opened, services, folders, parts)
    except OSError as error:
        place = error.filename2 or error.filename
        raise Failed(f"{place or 'A file'} cannot be replaced: {error.strerror or error}. All is as it was before.") from error
    try:
        made = certificates.ensure(suite.home / "tls", suite.hosts(), datetime.now(UTC))
        founding.note_authority(suite)
        await _note_all(opened, services)
    except BaseException:
        await undo(suite)
        raise
    await replacing.finish(suite.home, services)
    return [*_moved(opened, services), *made, *_missing(opened, services), *_last_words(kept)]


async def _note_all(opened: Opened, services: list[Settings]) -> None:
    """From now on this machine misses what it has now."""
    for settings in services:
        if settings.service in opened.manifest.databases:
            db = await ownership.connect(settings, readers=1)
            try:
                owner = await ownership.verify(db, settings, older=True)
                assert owner is not None
                await ownership.note(db, settings, owner, anew=True)
            finally:
                await db.close()


def _refuse_another_suite(opened: Opened, services: list[Settings]) -> None:
    seen = [witness.suite_id for settings in services if (witness := ownership.witness(settings))]
    key = services[0].master_key_file
    try:
        here = {*seen, *({ownership.new_suite_id(services[0])} if key.exists() else ())}
    except BadSetting:
        here = {*seen}  # a key that is broken: the backup brings it back
    if here - {opened.manifest.suite_id}:
        raise BadBackup("Another suite lives here. Choose another HM_HOME, or put that one aside: --replace-other-suite.")


async def _refuse_users(opened: Opened, services: list[Settings]) -> None:
    """A database may be in use by a suite that this home knows nothing of: one of another HM_HOME or host, a process started by hand."""
    for settings in services:
        if settings.service in opened.manifest.databases and await _in_use(settings):
            raise Failed(
                f"{settings.db_variable}: others have this database open. Stop every suite that uses it, or name another database."
            )


async def _in_use(settings: Settings) -> bool:
    if file := ownership.sqlite_file(settings):
        return await asyncio.to_thread(copies.file_in_use, settings, file)
    db = await connect(settings.db_url, readers=1, variable=settings.db_variable)
    try:
        others = await db.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
    finally:
        await db.close()
    return bool(others)


def _moved(opened: Opened, services: list[Settings]) -> list[str]:
    """What is at another address than it was."""
    before = opened.manifest.origins
    return [
        f"{settings.service} was at {before[settings.service]} and is at {settings.origin} now; its registered addresses follow."
        for settings in services
        if settings.service in before and before[settings.service] != settings.origin
    ]


def _missing(opened: Opened, services: list[Settings]) -> list[str]:
    return [
        f"The backup has no database of {settings.service}: what is here of it was left as it is; hm init makes one where there is none."
        for settings in services
        if settings.service not in opened.manifest.databases
    ]


def _last_words(kept: list[Path]) -> list[str]:
    return [
        f"Restored. Everybody signs in again. What was here before is kept as {', '.join(map(str, kept))}: remove it when all is well.",
        "Nothing is sent to other systems until you say so: hm outbox release. Start with: hm up --detach",
    ]
