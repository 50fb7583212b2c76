"""`hm`: the one command an operator needs."""

import os
import sys

import click

from hmlib.cli import backup, data, doctor, setup, suite, trust
from hmlib.cli.local import commands_of, installed_modules
from hmlib.config import BAD_CONFIGURATION, HUB, BadSetting
from hmlib.db.engine import DatabaseDown
from hmlib.db.migrate import NewerSchema
from hmlib.nexus.transport import NexusDown, NexusRefused
from hmlib.processes.operations import Failed

OWN = (
    setup.init,
    suite.up,
    suite.down,
    suite.status,
    suite.restart,
    suite.supervisorctl,
    data.migrate,
    data.import_,
    data.demo_data,
    backup.backup,
    backup.restore,
    backup.outbox,
    trust.trust,
    doctor.doctor,
)


class Commands(click.Group):
    """Our own commands, Nexus's beside them, and a module's under its name; the services' are loaded only when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, our own first."""
        hub = commands_of(HUB)
        modules = [name for name in installed_modules() if commands_of(name)]
        return [*super().list_commands(ctx), *(sorted(hub.commands) if hub else ()), *modules]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        if cmd_name in installed_modules():
            return commands_of(cmd_name)
        hub = commands_of(HUB)
        return hub.get_command(ctx, cmd_name) if hub else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hivematrix", prog_name="hm")
def hm() -> None:
    """Set up, run and look after a HiveMatrix suite."""


for command in OWN:
    hm.add_command(command)


def main() -> None:
    """Run `hm`. Exit codes: 0 good, 1 the thing failed, 2 wrong usage, 78 bad configuration."""
    try:
        sys.exit(hm.main(standalone_mode=False))
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except (BadSetting, NewerSchema) as wrong:
        _say(str(wrong), BAD_CONFIGURATION)
    except Failed as failed:
        _say(str(failed), 1)
    except DatabaseDown:
        _say("The database does not answer. See hm doctor.", 1)
    except NexusDown:
        _say("Nexus does not answer. See hm status.", 1)
    except NexusRefused as refusal:
        _say(f"Nexus refused: {refusal.detail or refusal.code}", 1)
    except OSError as wrong:
        if wrong.filename is None:
            raise
        _say(f"{os.fsdecode(wrong.filename)}: {wrong.strerror or wrong}.", 1)
    except (click.Abort, KeyboardInterrupt):
        _say("Stopped.", 1)


def _say(sentence: str, code: int) -> None:
    click.echo(f"hm: {sentence}", err=True)
    sys.exit(code)
