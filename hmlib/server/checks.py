"""What a process refuses to start with: settings and files that would make it unsafe or useless."""

import ipaddress
import stat
from pathlib import Path

from tornado.web import Application

from hmlib.config import BadSetting, Settings
from hmlib.keys import load_master

RESTORE_JOURNAL = "restore.json"
"""In HM_HOME while a restore replaces things: the way back."""

OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
OTHERS_MAY_ANYTHING = stat.S_IRWXG | stat.S_IRWXO


def check(settings: Settings) -> None:
    """Raises BadSetting, one sentence, for the first thing that is wrong."""
    try:
        ipaddress.IPv4Address(settings.bind)
    except ValueError:
        raise BadSetting(f"HM_BIND is {settings.bind!r}: it must be an IPv4 address such as 127.0.0.1.") from None
    if not settings.home.is_dir():
        raise BadSetting(f"HM_HOME names {settings.home}, which is not there: run hm init.")
    refuse_half_restored(settings.home)
    for folder in (settings.home, *database_folder(settings)):
        refuse_if("HM_HOME", folder, OTHERS_MAY_WRITE, "others may write to it: chmod 700 it")
    load_master(settings.master_key_file)
    for file in (settings.key_file, settings.client_file):
        refuse_if("HM_HOME", file, OTHERS_MAY_ANYTHING, "others may read it: chmod 600 it")


def refuse_half_restored(home: Path) -> None:
    """Raises BadSetting while a restore has replaced some things and not others."""
    if (home / RESTORE_JOURNAL).exists():
        raise BadSetting("A restore was interrupted. Run hm restore again, or hm restore --undo to go back to what was there before.")


def refuse_if(variable: str, path: Path, mode: int, why: str) -> None:
    """Raises BadSetting when ``path`` exists with any of the permission bits of ``mode``."""
    if path.exists() and path.stat().st_mode & mode:
        raise BadSetting(f"{variable} holds {path}: {why}.")


def database_folder(settings: Settings) -> list[Path]:
    """The folder of an SQLite file, as a list of none or one."""
    scheme, _, path = settings.db_url.partition(":///")
    return [Path(path).parent] if scheme == "sqlite" else []


def check_application(app: Application) -> None:
    """Raises BadSetting when the application would show its insides or watch its source files."""
    for switch in ("debug", "autoreload", "serve_traceback"):
        if app.settings.get(switch):
            raise BadSetting(f"The application was made with {switch}=True, which no service may run with.")
