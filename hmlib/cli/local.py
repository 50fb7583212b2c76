"""What of the suite is installed on this machine: services are found by name, never imported by one."""

import importlib
import importlib.util
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from types import ModuleType

import click

from hmlib.config import HUB, Settings, load
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseDown
from hmlib.db.migrate import Folder
from hmlib.imports.kind import Imports
from hmlib.processes.operations import Failed
from hmlib.server import ownership


def installed_modules() -> list[str]:
    """The modules of HM_MODULES whose code is here, in that order. Raises BadSetting."""
    return [module.name for module in load(HUB, os.environ).modules if is_installed(module.name)]


def installed_services() -> list[Settings]:
    """The settings of every service whose code is here, Nexus first. Raises BadSetting."""
    return [load(name, os.environ) for name in (HUB, *installed_modules())]


def is_installed(service: str) -> bool:
    """Whether the package of that service can be imported."""
    return importlib.util.find_spec(f"{service}_srv") is not None


@cache
def part(service: str, name: str) -> ModuleType | None:
    """The module ``<service>_srv.<name>``, or None where the service has none."""
    if not is_installed(service) or importlib.util.find_spec(f"{service}_srv.{name}") is None:
        return None
    return importlib.import_module(f"{service}_srv.{name}")


def commands_of(service: str) -> click.Group | None:
    """The commands a service brings along, or None."""
    module = part(service, "commands")
    found = getattr(module, "commands", None)
    return found if isinstance(found, click.Group) and found.commands else None


def imports_of(service: str) -> Imports | ModuleType | None:
    """What a service imports: its commands name it as ``IMPORTS``; or None."""
    found = getattr(part(service, "commands"), "IMPORTS", None)
    return found if isinstance(found, ModuleType | Imports) else None


def migrations_of(service: str) -> Sequence[Folder]:
    """The folders of a service's migrations, in order."""
    module = part(service, "app")
    folders: Sequence[Folder] = getattr(module, "MIGRATIONS", ())
    return folders


@asynccontextmanager
async def database(settings: Settings, *, make: bool = False) -> AsyncIterator[Db]:
    """The service's database, closed afterwards; ``make`` is for `hm init`, which alone makes one, and has looked at it already.

    Raises Failed when it does not answer, NotOurs when it is missing, empty, older than it was, or another's.
    """
    try:
        db = await ownership.connect(settings, make=make)
    except DatabaseDown as error:
        raise Failed(f"The database of {settings.service} does not answer. See {settings.db_variable}.") from error
    try:
        if not make:
            await ownership.verify(db, settings)
        yield db
    finally:
        await db.close()
