"""`hm up`, `down`, `status`, `restart` and `supervisorctl`: the running suite."""

import os
import shutil
import signal
import sys
from datetime import UTC, datetime

import click

from hmlib import certificates, checks
from hmlib.ops import Failed, Suite
from hmlib.probes import port_is_free


@click.command()
@click.option("--detach", is_flag=True, help="Return once every service is ready, and leave them running.")
def up(detach: bool) -> None:
    """Start every service and wait until all are ready."""
    suite = Suite(os.environ)
    if suite.is_up():
        started = suite.start_stopped()
        _greet(suite)
        click.echo(f"Started {', '.join(started)}." if started else "The suite was running already.")
        return
    make_ready(suite)
    if detach:
        _leave_running(suite)
    else:
        _stay_with(suite)


def make_ready(suite: Suite) -> None:
    """Refuse what would fail later, and clear what an earlier run left. Raises BadSetting, Failed."""
    for name, settings in suite.here().items():
        checks.check(settings)
        if not port_is_free(settings.bind, settings.port):
            raise Failed(f"HM_{name.upper()}_PORT is {settings.port}, and another program listens there. See hm doctor.")
    for sentence in certificates.ensure(suite.home / "tls", suite.hosts(), datetime.now(UTC)):
        click.echo(sentence)
    shutil.rmtree(suite.home / "run", ignore_errors=True)
    for folder in ("run", "logs"):
        (suite.home / folder).mkdir(mode=0o700, exist_ok=True)


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
        suite.stop()
        raise


def _stay_with(suite: Suite) -> None:
    """Run supervisord in the foreground until it ends; Ctrl-C and SIGTERM end it in good order."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    child = suite.start_here()
    try:
        _greet(suite)
        click.echo("Press Ctrl-C to stop.")
        child.wait()
    except KeyboardInterrupt:
        click.echo("Stopping.")
    finally:
        child.terminate()
        child.wait()


@click.command()
def down() -> None:
    """Stop every service in good order."""
    suite = Suite(os.environ)
    if not suite.is_up():
        click.echo("The suite is not running.")
        return
    suite.stop()
    click.echo("The suite has stopped.")


@click.command()
def status() -> None:
    """Show each process: name, state, pid, uptime. Exit code 1 when one does not run."""
    suite = Suite(os.environ)
    running = [process.state == "RUNNING" for process in suite.processes()]
    suite.supervisorctl(["status"])
    sys.exit(0 if all(running) else 1)


@click.command()
@click.argument("service", required=False)
def restart(service: str | None) -> None:
    """Restart SERVICE, or all, one process after the other: no request is lost."""
    Suite(os.environ).restart(service, click.echo)


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def supervisorctl(arguments: tuple[str, ...]) -> None:
    """Pass everything on to supervisorctl, for this HM_HOME."""
    sys.exit(Suite(os.environ).supervisorctl(arguments))
