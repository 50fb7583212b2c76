"""`hm doctor`: looks at everything a suite depends on and says in plain sentences what is wrong."""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click
import msgspec

from hmlib.backups import schedule
from hmlib.cli import doctor_checks as capacity
from hmlib.cli import doctor_checks as seams
from hmlib.cli import founding
from hmlib.cli.local import database, installed_services, is_installed, migrations_of, part
from hmlib.clock import utc_now
from hmlib.config import HUB, BadSetting, Settings
from hmlib.db import migrate
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseDown
from hmlib.processes.operations import Suite
from hmlib.processes.probes import port_is_free, readiness
from hmlib.server import certificates, checks, ownership

LOW_SPACE = 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is as it should be, and a sentence."""

    good: bool
    sentence: str


@click.command()
def doctor() -> None:
    """Look for what is wrong: settings, files, certificates, databases, ports, clock. Exit code 1 when something is."""
    findings = list(examine(Suite(os.environ)))
    for finding in findings:
        mark = click.style("good", fg="green") if finding.good else click.style("BAD ", fg="red")
        click.echo(f"{mark}  {finding.sentence}")
    sys.exit(0 if all(finding.good for finding in findings) else 1)


def examine(suite: Suite) -> Iterator[Finding]:
    """Everything worth looking at, one finding after the other."""
    yield Finding(True, f"HiveMatrix {version('hivematrix')} on Python {sys.version.split()[0]}, data in {suite.home}")
    yield from _settings(suite)
    yield from _certificate(suite)
    running = suite.is_up()
    alone = bool(suite.left())
    yield Finding(running, "supervisord is running" if running else suite.why_silent())
    if running:
        yield from (Finding(False, suite.last_words(process)) for process in suite.processes() if process.gave_up)
    services = installed_services()
    for settings in services:
        yield from _service(settings, running=running or alone)
        yield from (Finding(False, sentence) for sentence in asyncio.run(seams.failing_jobs(settings)))
    yield from _seams(suite, services, running=running or alone)
    for sentence in capacity.too_few(suite):
        yield Finding(False, sentence)
    for name in suite.services:
        if not is_installed(name):
            yield Finding(True, f"{name} is not installed here, so it is expected to run elsewhere")
    yield from asyncio.run(_backups(suite.services[HUB]))
    yield _space(suite.home)
    yield _clock()


def _settings(suite: Suite) -> Iterator[Finding]:
    for settings in suite.services.values():
        try:
            checks.check(settings)
        except BadSetting as wrong:
            yield Finding(False, f"{settings.service}: {wrong}")
        else:
            yield Finding(True, f"{settings.service}: settings, keys and permissions are in order")


def _certificate(suite: Suite) -> Iterator[Finding]:
    if not suite.services["nexus"].tls:
        yield Finding(True, "HM_TLS is off: a proxy in front must speak TLS")
        return
    try:
        founding.check_certificates(suite)
    except BadSetting as wrong:
        yield Finding(False, str(wrong))
        return
    for file in ("ca.pem", "server.pem"):
        try:
            days = certificates.days_left(suite.home / "tls" / file, datetime.now(UTC))
        except (OSError, ValueError):
            yield Finding(False, f"tls/{file} is missing or broken: hm init says what to do")
        else:
            hint = "" if days >= certificates.RENEW_DAYS else ": hm init renews it, then hm restart"
            yield Finding(not hint, f"tls/{file} is good for {days} more days{hint}")


def _service(settings: Settings, *, running: bool) -> Iterator[Finding]:
    yield asyncio.run(_database(settings))
    here = f"{settings.service} on {settings.bind}:{settings.port}"
    if running:
        ready, said = readiness(settings)
        yield Finding(ready, f"{here} {'is ready' if ready else _unready(said)}")
    else:
        free = port_is_free(settings.bind, settings.port)
        yield Finding(free, f"{here}: the port is free" if free else f"{here}: another program listens there")


def _unready(said: str) -> str:
    """Why a service cannot serve, as its /readyz names it."""
    try:
        failed = msgspec.json.decode(said, type=dict[str, str | list[str]]).get("failed", [])
    except msgspec.DecodeError:
        failed = []
    return f"is not ready, for its {' and '.join(failed)}: see its log" if failed else "does not answer /readyz with 200: see its log"


def _seams(suite: Suite, services: list[Settings], *, running: bool) -> Iterator[Finding]:
    """What holds the services together; a Nexus that should run here and does not is not asked."""
    unresolved = list(seams.unresolved(services))
    yield from (Finding(False, sentence) for sentence in unresolved)
    if is_installed(HUB):
        yield from asyncio.run(_registrations(suite.services[HUB]))
    if unresolved or running or HUB not in suite.here():
        for settings in services:
            if settings.service != HUB:
                yield Finding(*asyncio.run(seams.call_to_nexus(settings)))


async def _registrations(settings: Settings) -> list[Finding]:
    """Whether Nexus knows every module as it is today; nothing where its database cannot be asked, which has been said already."""
    hub = part(HUB, "commands")
    if hub is None or not (await _database(settings)).good:
        return []
    async with database(settings) as db:
        wrong = await hub.misregistered(settings, db)
    good = Finding(True, "Nexus knows every module with its addresses of today and its credentials")
    return [Finding(False, sentence) for sentence in wrong] or [good]


async def _database(settings: Settings) -> Finding:
    name = settings.service
    try:
        db = await ownership.connect(settings, readers=1)
    except (BadSetting, DatabaseDown) as wrong:
        return Finding(False, f"{name}: the database cannot be used: {wrong}")
    try:
        await ownership.verify(db, settings)
        missing = await migrate.pending(db, migrations_of(name))
        newer = await migrate.newer(db, migrations_of(name))
    except (BadSetting, migrate.NewerSchema, DatabaseDown) as wrong:
        return Finding(False, f"{name}: {wrong}")
    finally:
        await db.close()
    if missing:
        return Finding(False, f"{name}: the database lacks {len(missing)} migrations: hm migrate applies them")
    schema = "the schema of a newer version, which this one can work with" if newer else "the schema of this version"
    return Finding(True, f"{name}: the database ({db.dialect}) answers, is the one of this suite, and has {schema}")


async def _backups(hub: Settings) -> list[Finding]:
    """The age of the last backup, and whether something waits for a person after a restore."""
    try:
        db = await ownership.connect(hub, readers=1)
    except (BadSetting, DatabaseDown):
        return []  # said above
    try:
        if not await migrate.has_table(db, "backup_plan"):
            return []
        return await _backup_findings(db)
    finally:
        await db.close()


async def _backup_findings(db: Db) -> list[Finding]:
    planned, good, runs, held = await schedule.read(db), await schedule.last_good(db), await schedule.runs(db, 1), await schedule.hold(db)
    age = f"the last whole backup is of {good.started_at[:16]}Z" if good else "no backup was made yet"
    found = [Finding(False, f"nexus: apps outside are told nothing since the restore at {held[:16]}Z: hm outbox release")] if held else []
    if planned is None:
        return [*found, Finding(True, f"{age}; none is planned: hm backup --schedule 'daily 02:30' DIR")]
    zone = str(await db.value("SELECT value FROM preference WHERE key = 'time_zone'") or "UTC")
    late = await schedule.is_late(db, planned, utc_now(), zone)
    error = f"; the last one failed: {runs[0].error}" if runs and runs[0].error else ""
    return [*found, Finding(not late and not error, f"{age}, planned {planned.at}{', which is too old' if late else ''}{error}")]


def _space(home: Path) -> Finding:
    free = shutil.disk_usage(home if home.exists() else Path.cwd()).free
    return Finding(free > LOW_SPACE, f"{free / 1024**3:.1f} GiB are free for {home}")


def _clock() -> Finding:
    """Tokens live for 300 s, so a clock that is far off signs nobody in; only what is plainly wrong can be seen from here."""
    newest = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    now = datetime.now(UTC)
    good = now >= newest
    return Finding(good, f"the clock says {now:%Y-%m-%d %H:%M:%S} UTC" + ("" if good else ", which is before this program was written"))
