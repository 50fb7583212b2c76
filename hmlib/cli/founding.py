"""What must be there already before `hm init` makes anything, so that nothing lost is ever replaced by something empty."""

from collections.abc import Collection, Sequence
from pathlib import Path

from hmlib.cli.local import part
from hmlib.clock import utc_now
from hmlib.config import BadSetting, Settings
from hmlib.db.database import Db
from hmlib.db.migrate import is_empty
from hmlib.private_files import write_privately
from hmlib.processes.operations import Suite
from hmlib.server import certificates, ownership
from hmlib.server.ownership import NotOurs, Owner

CERTIFICATES = "certificates"
AFTER_RESTORE = "after_restore"
"""The part of a service that says what must end when its database is an older state of itself."""


def check_names(services: Sequence[Settings], anew: Collection[str], accepted: Collection[str]) -> None:
    """Raises BadSetting for a name after --anew or --accept that is none."""
    names = {settings.service for settings in services}
    if wrong := sorted({*anew} - {*names, CERTIFICATES} | {*accepted} - names):
        raise BadSetting(f"{wrong[0]} is no service here. There are: {', '.join(sorted(names))}.")


async def refuse_losses(services: Sequence[Settings], anew: Collection[str], accepted: Collection[str]) -> None:
    """Raises NotOurs, in one sentence, when a key or a database that this suite had is missing, empty, older or another's."""
    owners: dict[str, Owner | None] = {}
    lost: list[Settings] = []
    for settings in services:
        _refuse_without_key(settings)
        if await _is_missing(settings):
            lost.append(settings)
        else:
            owners[settings.service] = await _owner(settings, accepted)
    named = {name for owner in owners.values() if owner for name in owner.services}
    for settings in lost:
        if settings.service not in anew and (settings.service in named or ownership.witness(settings)):
            raise NotOurs(
                f"{settings.db_variable}: the database of {settings.service} is missing or empty. {ownership.remedy(settings.service)}"
            )


def _refuse_without_key(settings: Settings) -> None:
    """A new key opens nothing that the old one has sealed."""
    key = settings.master_key_file
    if key.exists():
        return
    file = ownership.sqlite_file(settings)
    there = file if file and file.exists() and file.stat().st_size else ownership.witness_file(settings)
    if there.exists():
        raise NotOurs(
            f"HM_MASTER_KEY_FILE: the master key {key} is missing, and {there} was made with it. Put the key back, or bring all back with "
            "hm restore; a suite that begins anew needs another HM_HOME."
        )


async def _is_missing(settings: Settings) -> bool:
    file = ownership.sqlite_file(settings)
    if file and (not file.exists() or not file.stat().st_size):
        return True
    db = await ownership.connect(settings, readers=1)
    try:
        return await is_empty(db)
    finally:
        await db.close()


async def _owner(settings: Settings, accepted: Collection[str]) -> Owner | None:
    db = await ownership.connect(settings, readers=1)
    try:
        if not settings.master_key_file.exists() and await ownership.read(db):
            raise NotOurs(f"{settings.db_variable} names a database whose master key is not at {settings.master_key_file}. Put it there.")
        if not settings.master_key_file.exists():
            return None
        return await ownership.verify(db, settings, older=settings.service in accepted)
    finally:
        await db.close()


async def take_over(db: Db, settings: Settings, services: Sequence[Settings], *, accepted: bool) -> list[str]:
    """Write down whose the database is and how far it has come; one sentence when it had been further."""
    names = [other.service for other in services]
    owner = await ownership.claim(db, settings, names, utc_now())
    if accepted:
        owner = await ownership.came_back(db, settings, part(settings.service, AFTER_RESTORE), utc_now())
    await ownership.note(db, settings, owner, anew=True)
    return [f"Took the database of {settings.service} as it is; everybody signs in again."] if accepted else []


def check_certificates(suite: Suite) -> None:
    """Raises BadSetting when a certificate or key that this suite had is missing, broken or another's."""
    certificates.check(suite.home / "tls", _noted(suite))


def note_authority(suite: Suite) -> None:
    """Keep which authority this suite has."""
    if (suite.home / "tls" / "ca.pem").exists():
        write_privately(authority_note(suite.home), certificates.fingerprint(suite.home / "tls" / "ca.pem").encode())


def authority_note(home: Path) -> Path:
    """Where the fingerprint of the authority is kept."""
    return home / ownership.FOLDER / "ca.sha256"


def _noted(suite: Suite) -> str | None:
    file = authority_note(suite.home)
    return file.read_text().strip() if file.exists() else None
