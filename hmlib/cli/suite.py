"""`hm up`, `down`, `status`, `restart` and `supervisorctl`: the running suite."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import click

from hmlib.cli import doctor_checks, founding
from hmlib.config import BadSetting, Settings
from hmlib.db.engine import DatabaseDown
from hmlib.processes.operations import START_SECONDS, STOP_SECONDS, Failed, Suite
from hmlib.processes.probes import port_is_free
from hmlib.server import certificates, checks, ownership

PATIENCE_SECONDS = START_SECONDS + STOP_SECONDS
"""How long `hm down` waits for another command that is starting the suite."""


@click.command()
@click.option("--detach", is_flag=True, help="Return once every service is ready, and leave them running.")
def up(detach: bool) -> None:
    """Start every service and wait until all are ready."""
    suite = Suite(os.environ)
    with ExitStack() as alone:
        alone.enter_context(suite.alone())
        if suite.is_up():
            started = suite.start_stopped()
            _greet(suite)
            click.echo(f"Started {', '.join(started)}." if started else "The suite was running already.")
            return
        make_ready(suite)
        if detach:
            _leave_running(suite)
        else:
            _stay_with(suite, ready=alone.close)


def make_ready(suite: Suite) -> None:
    """Refuse what would fail later, and clear what an earlier run left. Raises BadSetting, Failed."""
    for settings in suite.here().values():
        checks.check(settings)
        asyncio.run(refuse_another(settings))
    for sentence in doctor_checks.too_few(suite):
        raise BadSetting(sentence)
    if left := suite.left():
        suite.end_left(left, click.echo)
    for name, settings in suite.here().items():
        if not port_is_free(settings.bind, settings.port):
            raise Failed(f"HM_{name.upper()}_PORT is {settings.port}, and another program listens there. See hm doctor.")
    founding.check_certificates(suite)
    for sentence in certificates.ensure(suite.home / "tls", suite.hosts(), datetime.now(UTC)):
        click.echo(sentence)
    founding.note_authority(suite)
    shutil.rmtree(suite.home / "run", ignore_errors=True)
    for folder in ("run", "logs"):
        (suite.home / folder).mkdir(mode=0o700, exist_ok=True)


async def refuse_another(settings: Settings) -> None:
    """Raises NotOurs for a database that is missing or not this service's; one that does not answer yet is left to the service to await."""
    try:
        db = await ownership.connect(settings, readers=1)
    except DatabaseDown:
        return
    try:
        await ownership.verify(db, settings)
    finally:
        await db.close()


def _greet(suite: Suite) -> None:
    """Wait until all is ready and say where it is. Raises Failed."""
    suite.wait_until_ready(click.echo)
    if suite.demo_logins.exists():
        click.echo(suite.demo_logins.read_text().strip())


def _leave_running(suite: Suite) -> None:
    """Start supervisord as a daemon; stop it again when a service does not come up, so that a mended setting counts next time."""
    suite.start_detached()
    try:
        _greet(suite)
    except Failed:
        _end(suite)
        raise


def _stay_with(suite: Suite, ready: Callable[[], None]) -> None:
    """Run supervisord in the foreground until it ends; Ctrl-C and SIGTERM end it in good order."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    child = suite.start_here()
    try:
        _greet(suite)
        ready()
        _tell_systemd("READY=1")
        click.echo("Press Ctrl-C to stop.")
        if child.wait():
            raise Failed(f"supervisord ended unexpectedly ({child.returncode}). {suite.why_silent()}")
    except KeyboardInterrupt:
        _tell_systemd("STOPPING=1")
        click.echo("Stopping.")
    finally:
        child.terminate()
        child.wait()


def _tell_systemd(state: str) -> None:
    """Say how it is, where this runs as a unit of Type=notify (sd_notify(3)); elsewhere nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address.startswith(("/", "@")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
            notifications.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
            notifications.sendall(state.encode())


@click.command()
def down() -> None:
    """Stop every service in good order; also what goes on when supervisord is gone."""
    suite = Suite(os.environ)
    with suite.alone(PATIENCE_SECONDS):
        click.echo("The suite has stopped." if _end(suite) else "The suite is not running.")


def _end(suite: Suite) -> bool:
    """Stop what runs, whatever looks after it; false when nothing did. Raises Failed."""
    if suite.is_up():
        suite.stop()
        return True
    left = suite.left()
    if left:
        suite.end_left(left, click.echo)
    return bool(left)


@click.command()
def status() -> None:
    """Show each process: name, state, pid, uptime. Exit code 1 when one does not run."""
    suite = Suite(os.environ)
    if left := suite.left():
        for alone in left:
            click.echo(f"{alone.name:<32} ALONE     pid {alone.pid}, uptime {timedelta(seconds=int(alone.uptime_seconds))}")
        raise Failed(suite.why_silent())
    processes = suite.processes()
    suite.supervisorctl(["status"])
    for process in processes:
        if process.gave_up:
            click.echo(suite.last_words(process))
    sys.exit(0 if all(process.state == "RUNNING" for process in processes) else 1)


@click.command()
@click.argument("service", required=False)
def restart(service: str | None) -> None:
    """Restart SERVICE, or all, one process after the other: no request is lost."""
    suite = Suite(os.environ)
    with suite.alone():
        suite.restart(service, click.echo)


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def supervisorctl(arguments: tuple[str, ...]) -> None:
    """Pass everything on to supervisorctl, for this HM_HOME."""
    sys.exit(Suite(os.environ).supervisorctl(arguments))
