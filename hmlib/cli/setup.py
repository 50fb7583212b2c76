"""`hm init`: everything a suite needs before its first start, made once."""

import asyncio
import os
import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import click

from hmlib.cli import founding
from hmlib.cli.data import import_file, kinds_of, migrate_all, summary, write_demo
from hmlib.cli.local import database, installed_services, part
from hmlib.cli.progress import Progress
from hmlib.clock import utc_now
from hmlib.config import HUB, Settings, load
from hmlib.keys import new_master
from hmlib.processes.operations import Failed, Suite
from hmlib.server import certificates, checks

FOLDERS = ("", "keys", "logs", "run", "tls")


@click.command()
@click.option("--demo", is_flag=True, help="Also make the people alice, bob, carol and dave, and fill a demo MSP.")
@click.option("--anew", multiple=True, metavar="NAME", help="Begin anew with a service's lost database, or with certificates.")
@click.option("--accept", multiple=True, metavar="SERVICE", help="Take a service's database although it is older than it was.")
def init(demo: bool, anew: tuple[str, ...], accept: tuple[str, ...]) -> None:
    """Make keys, certificates, databases and the first user. Safe to run again: what is there stays, and what is lost is not replaced."""
    suite = Suite(os.environ)
    services = installed_services()
    checks.refuse_half_restored(suite.home)
    founding.check_names(services, anew, accept)
    if (anew or accept) and suite.is_up():
        raise Failed("The suite is running on what would be replaced. Stop it first: hm down")
    with suite.alone():
        asyncio.run(founding.refuse_losses(services, anew, accept))
        done = make_files(suite, services, anew)
        for settings in services:
            checks.check(settings)
        done += asyncio.run(make_content(services, accept))
    for sentence in done:
        click.echo(sentence)
    if demo:
        done += _demo(suite, services)
    if not done:
        click.echo("Everything was there already; nothing has changed.")
    for name, settings in suite.services.items():
        click.echo(f"{name:<10}{settings.origin}")
    if demo and suite.demo_logins.exists():
        click.echo(suite.demo_logins.read_text().strip())


def make_files(suite: Suite, services: list[Settings], anew: Collection[str] = ()) -> list[str]:
    """Folders, the master key and certificates; one sentence for each thing made."""
    done = []
    for name in FOLDERS:
        (suite.home / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    for settings in services:
        for folder in checks.database_folder(settings):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = suite.services[HUB].master_key_file
    if not key.exists():
        new_master(key)
        done.append(f"Made the master key: {key}. Keep a copy of it in a safe place, apart from the backups.")
    if founding.CERTIFICATES in anew:
        done += [f"Put the old certificates aside: {name}" for name in certificates.put_aside(suite.home / "tls", utc_now()[:19])]
    else:
        founding.check_certificates(suite)
    done += certificates.ensure(suite.home / "tls", suite.hosts(), datetime.now(UTC))
    founding.note_authority(suite)
    return done


async def make_content(services: list[Settings], accepted: Collection[str] = ()) -> list[str]:
    """Schemas, whose each database is, the user admin, and each module's credentials; one sentence for each thing made."""
    applied = await migrate_all(services, make=True)
    done = [f"Prepared the database of {name}" for name in dict.fromkeys(name.partition(":")[0] for name in applied)]
    for settings in services:
        async with database(settings, make=True) as db:
            done += await founding.take_over(db, settings, services, accepted=settings.service in accepted)
    hub = part(HUB, "commands")
    if hub is None:
        raise Failed("Nexus is not installed here, and hm init runs where it is.")
    settings = load(HUB, os.environ)
    async with database(settings) as db:
        done += await hub.register_modules(settings, db, utc_now())
        done += await hub.ensure_admin(settings, db, os.environ.get("HM_ADMIN_PASSWORD"), utc_now())
    return done


def _demo(suite: Suite, services: list[Settings]) -> list[str]:
    """The demo's people and its MSP, through the same imports that real files take."""
    folder = suite.home / "demo"
    folder.mkdir(mode=0o700, exist_ok=True)
    password = os.environ.get("HM_DEMO_PASSWORD") or "-".join(secrets.token_hex(3) for _ in range(4))
    done = asyncio.run(_demo_people(password))
    if done:
        suite.demo_logins.touch(mode=0o600)
        suite.demo_logins.write_text(f"Sign in as alice, bob, carol or dave with the password {password}\n")
    if (folder / ".imported").exists():
        return done
    files = folder / "files"
    if not files.exists():
        write_demo(files)
    for settings in services:
        done += [_import_demo(settings, kind, file) for kind in kinds_of(settings.service) if (file := demo_file(files, kind))]
    (folder / ".imported").touch()
    return done


async def _demo_people(password: str) -> list[str]:
    settings, hub = load(HUB, os.environ), part(HUB, "commands")
    assert hub is not None
    async with database(settings) as db:
        done: list[str] = await hub.ensure_demo_people(settings, db, password, utc_now())
    return done


def demo_file(folder: Path, kind: str) -> Path | None:
    """The demo's file of a kind, whatever its format; None when the demo has none."""
    found = [path for name in (f"{kind}.csv", f"{kind}.xlsx", f"{kind}.zip", kind) if (path := folder / name).exists()]
    return found[0] if found else None


def _import_demo(settings: Settings, kind: str, file: Path) -> str:
    with Progress(kind) as progress:
        job = import_file(settings, kind, file, mapping={}, dry_run=False, valid_only=False, progress=progress)
        outcome = asyncio.run(job)
    if outcome.errors:
        first = outcome.errors[0]
        raise Failed(f"The demo's {kind} cannot be imported: line {first.line}, {first.column}: {first.message}")
    sentence = f"Demo {kind}: {summary(outcome)}"
    click.echo(sentence)
    return sentence
