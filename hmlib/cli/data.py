"""`hm migrate`, `import` and `demo-data`: what goes into the databases."""

import asyncio
import io
import json
import os
import sys
import zipfile
from pathlib import Path

import click

from hmlib.cli.directory import directory_for
from hmlib.cli.local import database, imports_of, installed_services, migrations_of, part
from hmlib.cli.progress import Progress
from hmlib.clock import utc_now
from hmlib.config import Settings, load
from hmlib.db import migrate as migrations
from hmlib.processes.operations import Failed
from hmlib.records.audit import Actor
from hmlib.tables.files import Outcome
from hmlib.tables.rows import RowError
from hmlib.tables.sheets import Unreadable

ACTOR = Actor(id="", name="hm import")
SHOWN_CHANGES = 200


@click.command()
def migrate() -> None:
    """Bring every database to the schema of this version."""
    done = asyncio.run(migrate_all(installed_services()))
    for name in done:
        click.echo(f"Applied {name}")
    if not done:
        click.echo("Every database has the schema of this version already.")


async def migrate_all(services: list[Settings], *, make: bool = False) -> list[str]:
    """Migrate each service's database, made first when it may be; the names of what was applied, with the service before them."""
    done = []
    for settings in services:
        async with database(settings, make=make) as db:
            done += [f"{settings.service}: {name}" for name in await migrations.migrate(db, migrations_of(settings.service))]
    return done


@click.command("import")
@click.argument("kind")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--valid-only", is_flag=True, help="Apply the good rows although others have errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--space", help="For articles: the account number of a company, or the name of a space.")
def import_(kind: str, file: Path, *, dry_run: bool, valid_only: bool, as_json: bool, space: str | None) -> None:
    """Import FILE (CSV or XLSX; for articles a folder or ZIP) as KIND, such as companies, prices or labour."""
    service = service_of(kind)
    if space is not None and "space" not in getattr(imports_of(service), "OPTIONS", ()):
        raise click.UsageError(f"--space is for articles; {kind} say in their columns where they belong.")
    mapping = {"space": space} if space else {}
    with Progress(kind, quiet=as_json) as progress:
        job = import_file(load(service, os.environ), kind, file, mapping=mapping, dry_run=dry_run, valid_only=valid_only, progress=progress)
        outcome = asyncio.run(job)
    show(outcome, as_json=as_json, dry_run=dry_run)
    sys.exit(1 if outcome.errors and not valid_only else 0)


def service_of(kind: str) -> str:
    """The service that imports that kind. Raises click.UsageError with the kinds there are."""
    kinds = {name: settings.service for settings in installed_services() for name in kinds_of(settings.service)}
    if kind not in kinds:
        raise click.UsageError(f"There is no kind {kind!r}. Kinds are: {', '.join(kinds)}.")
    return kinds[kind]


def kinds_of(service: str) -> tuple[str, ...]:
    """The kinds of files a service imports, in the order in which they build on each other."""
    return tuple(getattr(imports_of(service), "KINDS", ()))


async def import_file(
    settings: Settings, kind: str, file: Path, *, mapping: dict[str, str], dry_run: bool, valid_only: bool, progress: Progress
) -> Outcome:
    """Run one import in this process. Raises Failed for a file that cannot be read as a table."""
    imports = imports_of(settings.service)
    assert imports is not None
    raw = await asyncio.to_thread(content, file)
    async with database(settings) as db, directory_for(settings) as directory:
        try:
            outcome: Outcome = await imports.run(
                kind, db, directory, raw, file.name,
                mapping=mapping, dry_run=dry_run, valid_only=valid_only, actor=ACTOR, now=utc_now(), progress=progress,
            )  # fmt: skip
        except Unreadable as error:
            raise Failed(f"{file.name}: {error}") from error
    return outcome


def content(path: Path) -> bytes:
    """A file's bytes; a folder as a ZIP of its files, hidden ones left out. Raises Failed for a link, which may lead anywhere."""
    if path.is_file():
        return path.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for file in sorted(path.rglob("*")):
            inside = file.relative_to(path)
            if any(name.startswith(".") for name in inside.parts):
                continue
            if file.is_symlink():
                raise Failed(f"{file} is a symbolic link. Put the file itself there.")
            if file.is_file():
                archive.write(file, inside)
    return packed.getvalue()


def show(outcome: Outcome, *, as_json: bool, dry_run: bool) -> None:
    """Print what an import did."""
    if as_json:
        click.echo(json.dumps(outcome.as_json(), default=str))
        return
    for note in outcome.notes:
        click.echo(f"Note: {note}")
    for change in outcome.changes[:SHOWN_CHANGES] if dry_run else ():
        fields = "; ".join(f"{name}: {before!s} -> {after!s}" for name, (before, after) in change.fields.items())
        click.echo(f"line {change.line}: {change.what} {change.label}" + (f" ({fields})" if fields else ""))
    for error in outcome.errors:
        click.echo(told(error), err=True)
    click.echo(summary(outcome, dry_run=dry_run))


def told(error: RowError) -> str:
    """One error in a line; a file or row as a whole has no column, an empty cell says nothing."""
    place = f"line {error.line}, {error.column}" if error.column else f"line {error.line}"
    return f"{place}: {error.message}" + (f" It says {error.value!r}." if error.value else "")


def summary(outcome: Outcome, *, dry_run: bool = False) -> str:
    """One sentence with the counts."""
    counts = f"{outcome.created} created, {outcome.updated} updated, {outcome.unchanged} unchanged"
    errors = f", {len(outcome.errors)} with errors" if outcome.errors else ""
    ending = " Nothing was changed: a dry run." if dry_run else "" if outcome.applied or not outcome.errors else " Nothing was changed."
    return f"{counts}{errors}.{ending}"


@click.command("demo-data")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def demo_data(folder: Path) -> None:
    """Write the demo MSP to FOLDER, in the files that hm import takes."""
    for name in write_demo(folder):
        click.echo(str(folder / name))


def write_demo(folder: Path) -> list[str]:
    """Every service's demo files; the names of what is in the folder then."""
    folder.mkdir(parents=True, exist_ok=True)
    for settings in installed_services():
        demo = part(settings.service, "demo")
        if demo is not None:
            demo.write(folder)
    return sorted(file.name for file in folder.iterdir())
