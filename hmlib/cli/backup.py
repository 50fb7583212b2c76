"""`hm backup`, `hm restore` and `hm outbox`: a copy of everything, and the way back."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import click

from hmlib.backups import creating
from hmlib.backups import schedule as plan
from hmlib.backups.schedule import Plan, Run
from hmlib.backups.sealing import Key, Lock
from hmlib.cli.local import database, installed_services
from hmlib.cli.restoring import restore_file, undo
from hmlib.clock import utc_now
from hmlib.config import HUB, BadSetting, Settings, load
from hmlib.db.engine import DatabaseDown
from hmlib.processes.operations import Failed, Suite
from hmlib.records import audit
from hmlib.records.audit import Actor
from hmlib.server import checks

ACTOR = Actor(id="", name="hm")
PASSPHRASE_FILE = "HM_BACKUP_PASSPHRASE_FILE"  # noqa: S105  the name of a variable
FIELD = click.Path(dir_okay=False, path_type=Path)
KEEP = 14


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), required=False)
@click.option("--recipient", default="", metavar="AGE1…", help="Encrypt for this age recipient; this machine then keeps no secret.")
@click.option("--passphrase-file", type=FIELD, help=f"Read the passphrase from this file, or from the one that {PASSPHRASE_FILE} names.")
@click.option("--schedule", metavar="WHEN", help="Back up by itself: 'daily 02:30' or 'sunday 02:30' in Nexus's time zone; off ends it.")
@click.option("--keep", type=click.IntRange(1, 10_000), default=KEEP, show_default=True, help="How many backups stay; for --schedule.")
@click.option("--planned", is_flag=True, hidden=True)
def backup(folder: Path | None, recipient: str, passphrase_file: Path | None, schedule: str | None, keep: int, planned: bool) -> None:
    """Write everything (databases, keys, certificates, attachments) to one encrypted file in DIR, while the suite runs or not."""
    services = installed_services()
    file = passphrase_file or (Path(named) if (named := os.environ.get(PASSPHRASE_FILE)) and not recipient else None)
    folder, file = folder and folder.resolve(), file and file.resolve()
    if planned:
        asyncio.run(_planned(services))
    elif schedule is not None:
        asyncio.run(_schedule(schedule, folder, keep, recipient, file))
    elif folder is None:
        raise click.UsageError("Say where: hm backup DIR.")
    else:
        lock = Lock(recipient) if recipient else Lock(passphrase=_read(file) if file else _asked(twice=True))
        asyncio.run(_make_and_note(services, folder, lock))


async def _make_and_note(services: Sequence[Settings], folder: Path, lock: Lock) -> None:
    """Make one, and note in Nexus's database and audit log how it went."""
    hub = load(HUB, os.environ)
    began, started_at = time.monotonic(), utc_now()
    try:
        made = await creating.make(services, folder, lock)
    except (Failed, BadSetting, DatabaseDown, OSError) as wrong:
        sentence = _sentence(wrong)
        try:
            await _note(hub, Run(started_at, utc_now(), _since(began), 0, "", sentence[:1000]))
        except DatabaseDown:  # as on a full disk: the reason is the one that came first
            sentence += " Nor could this be noted at Nexus."
        if isinstance(wrong, BadSetting):
            raise
        raise Failed(f"No backup was made: {sentence}") from wrong
    run = Run(started_at, utc_now(), _since(began), made.bytes, str(made.file), "")
    await _note(hub, run)
    rows = sum(sum(database.rows.values()) for database in made.manifest.databases.values())
    names = ", ".join(made.manifest.databases)
    click.echo(f"Backed up {names}: {rows:,} rows, {made.bytes / 1e6:,.1f} MB in {run.milliseconds / 1000:.1f} s: {made.file}")


def _sentence(wrong: Exception) -> str:
    if isinstance(wrong, OSError):
        return f"{wrong.filename or 'The disk'}: {wrong.strerror or 'cannot be used'}."
    return str(wrong)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


async def _note(hub: Settings, run: Run) -> None:
    async with database(hub) as db, db.write() as tx:
        await plan.note(tx, run)
        after = {"file": Path(run.file).name, "bytes": run.bytes, "error": run.error}
        await audit.record(tx, ACTOR, "suite.backup_failed" if run.error else "suite.backed_up", "suite", now=run.finished_at, after=after)


async def _planned(services: Sequence[Settings]) -> None:
    async with database(load(HUB, os.environ)) as db:
        planned = await plan.read(db)
    if planned is None:
        raise Failed("No backup is planned. Plan one with: hm backup --schedule 'daily 02:30' DIR")
    try:
        lock = Lock(planned.recipient) if planned.recipient else Lock(passphrase=_read(Path(planned.passphrase_file)))
    except Failed as wrong:
        await _note(load(HUB, os.environ), Run(utc_now(), utc_now(), 0, 0, "", str(wrong)))
        raise
    await _make_and_note(services, Path(planned.folder), lock)
    for name in creating.thin_out(Path(planned.folder), planned.keep):
        click.echo(f"Removed the old backup {name}")


async def _schedule(at: str, folder: Path | None, keep: int, recipient: str, file: Path | None) -> None:
    wanted = None
    if at.strip().lower() != "off":
        if folder is None:
            raise click.UsageError("Say where: hm backup --schedule 'daily 02:30' DIR.")
        (Lock(recipient) if recipient else Lock(passphrase=_read(file) if file else "")).check()
        wanted = Plan(plan.check_at(at), str(folder), keep, recipient, str(file) if file and not recipient else "", utc_now())
    async with database(load(HUB, os.environ)) as db, db.write() as tx:
        before = await plan.read(tx)
        await plan.store(tx, wanted)
        await audit.record(tx, ACTOR, "suite.backup_planned", "suite", now=utc_now(), before=before, after=wanted)
    click.echo(
        f"Backups are made {wanted.at}, in {wanted.folder}; the last {wanted.keep} stay."
        if wanted
        else "No backups are made by themselves."
    )


@click.command()
@click.argument("source", metavar="FILE|DIR", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--identity", type=FIELD, help="The age identity file of the recipient for whom the backup was made.")
@click.option("--passphrase-file", type=FIELD, help=f"Read the passphrase from this file, or from the one that {PASSPHRASE_FILE} names.")
@click.option("--check", "only_check", is_flag=True, help="Check the backup and change nothing.")
@click.option("--replace-other-suite", is_flag=True, help="Also where another suite lives now; it is put aside.")
@click.option("--undo", "undone", is_flag=True, help="Go back to what was there before a restore that was interrupted.")
def restore(
    source: Path | None, identity: Path | None, passphrase_file: Path | None, only_check: bool, replace_other_suite: bool, undone: bool
) -> None:
    """Check a backup (of a DIR the newest) and put it in the place of what is here. The suite must be stopped."""
    suite = Suite(os.environ)
    with nullcontext() if only_check else suite.alone():
        if not only_check and (suite.is_up() or suite.left()):
            raise Failed("The suite is running. Stop it first: hm down")
        if undone:
            click.echo("Everything is as it was before." if asyncio.run(undo(suite)) else "No restore was interrupted.")
            return
        if source is None:
            raise click.UsageError("Say which: hm restore FILE, or the folder of the backups.")
        file = _newest(source)
        phrase = passphrase_file or (Path(named) if (named := os.environ.get(PASSPHRASE_FILE)) and not identity else None)
        key = Key(_read(identity)) if identity else Key(passphrase=_read(phrase) if phrase else _asked(twice=False))
        for sentence in asyncio.run(restore_file(suite, file, key, only_check=only_check, over_another=replace_other_suite)):
            click.echo(sentence)


def _newest(source: Path) -> Path:
    if source.is_file():
        return source
    found = creating.there(source)
    if not found:
        raise Failed(f"There is no backup in {source}.")
    return found[-1]


def _read(file: Path) -> str:
    """What a secret file says, without the line's end. Raises Failed."""
    try:
        if file.stat().st_mode & checks.OTHERS_MAY_ANYTHING:
            raise Failed(f"{file} may be read by others: chmod 600 it.")
        return file.read_text().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{file} cannot be read: {error}.") from error


def _asked(*, twice: bool) -> str:
    if not sys.stdin.isatty():
        other = "--recipient" if twice else "--identity"
        raise click.UsageError(f"Give {other} or --passphrase-file, or set {PASSPHRASE_FILE}: there is no terminal to ask at.")
    phrase: str = click.prompt("Passphrase of the backup", hide_input=True, confirmation_prompt=twice, err=True)
    return phrase


@click.group()
def outbox() -> None:
    """What is sent out of the suite."""


@outbox.command("release")
def outbox_release() -> None:
    """Send out again, after a restore, what is held since then."""
    released = [settings.service for settings in installed_services() if asyncio.run(_released(settings))]
    click.echo(f"Sending again: {', '.join(released)}." if released else "Nothing was held.")


async def _released(settings: Settings) -> bool:
    async with database(settings) as db, db.write() as tx:
        held = await plan.let_go(tx)
        if held:
            await audit.record(tx, ACTOR, "outbox.released", f"service/{settings.service}", now=utc_now())
        return held
