"""`hm migrate`, `import` and `demo-data`: what goes into the databases."""

import asyncio
import io
import json
import os
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.cli.directory import directory_for
from hmlib.cli.local import database, imports_of, installed_services, migrations_of, part
from hmlib.cli.progress import Progress
from hmlib.clock import utc_now
from hmlib.config import Settings, load
from hmlib.db import migrate as migrations
from hmlib.db.database import Db
from hmlib.imports import batches, jobs, work
from hmlib.imports.answers import Imported, Wrong, imported
from hmlib.imports.batches import NOTHING, Batch, Choices
from hmlib.imports.kind import Imports
from hmlib.imports.reading import headings_of
from hmlib.jobs import job as a_job
from hmlib.jobs.job import Job
from hmlib.jobs.runner import Runner
from hmlib.processes.operations import Failed
from hmlib.records.audit import Actor
from hmlib.tables.files import Outcome
from hmlib.tables.rows import RowError
from hmlib.tables.sheets import Unreadable

ACTOR = Actor(id="", name="hm import")
LOOKED_EVERY_SECONDS = 0.5
SHOWN_CHANGES = 200
AUTO = "auto"
"""Instead of a kind: the headings tell what a file holds."""


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
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="'THEIRS=OURS'",
    help="A heading of the file and the column it stands for; several are possible.",
)
@click.option("--preset", default="", help="The name of a preset; else the headings tell it. none: read the columns by their own names.")
@click.option("--company", default="", help="Account number or name of the company of all rows that name none.")
def import_(
    kind: str, file: Path, *, dry_run: bool, valid_only: bool, as_json: bool, space: str | None, maps: tuple[str, ...], preset: str,
    company: str,
) -> None:  # fmt: skip
    """Import FILE (CSV or XLSX; for articles a folder or ZIP) as KIND, such as companies, prices or labour; auto where its headings
    tell."""
    service = service_of(kind) if kind != AUTO else service_for(content(file))
    said = Choices(mapping=mapped(maps), preset=preset, company=company, options={"space": space} if space else {})
    if space is not None and "space" not in getattr(imports_of(service), "OPTIONS", ()):
        raise click.UsageError(f"--space is for articles; {kind} say in their columns where they belong.")
    mapping = {"space": space} if space else {}
    with Progress(kind, quiet=as_json) as progress:
        job = import_file(
            load(service, os.environ), kind, file, mapping=mapping, dry_run=dry_run, valid_only=valid_only, progress=progress, said=said
        )
        outcome = asyncio.run(job)
    show(outcome, as_json=as_json, dry_run=dry_run)
    sys.exit(1 if outcome.errors and not valid_only else 0)


def mapped(maps: Sequence[str]) -> dict[str, str]:
    """What --map says: headings with their columns. Raises click.UsageError."""
    pairs = [said.rpartition("=") for said in maps]
    if any(not heading.strip() or not equals for heading, equals, _ in pairs):
        raise click.UsageError("Write --map 'Their heading=our column'.")
    return {heading.strip(): column.strip() for heading, _, column in pairs}


def service_for(raw: bytes) -> str:
    """The service whose presets know the headings of a file. Raises Failed."""
    for settings in installed_services():
        imports = imports_of(settings.service)
        if isinstance(imports, Imports) and imports.presets:
            try:
                _, preset = headings_of(raw, (), imports.presets)
            except Unreadable as error:
                raise Failed(str(error)) from error
            if preset is not None:
                return settings.service
    raise Failed("Nothing tells what this file holds. Name its kind instead of auto.")


def service_of(kind: str) -> str:
    """The service that imports that kind. Raises click.UsageError with the kinds there are."""
    kinds = {name: settings.service for settings in installed_services() for name in kinds_of(settings.service)}
    if kind not in kinds:
        raise click.UsageError(f"There is no kind {kind!r}. Kinds are: {', '.join(kinds)}.")
    return kinds[kind]


def kinds_of(service: str) -> tuple[str, ...]:
    """The kinds of files a service imports, in the order in which they build on each other."""
    imports = imports_of(service)
    return imports.names if isinstance(imports, Imports) else tuple(getattr(imports, "KINDS", ()))


async def import_file(
    settings: Settings, kind: str, file: Path, *, mapping: dict[str, str], dry_run: bool, valid_only: bool, progress: Progress,
    said: Choices = NOTHING,
) -> Outcome | Imported:  # fmt: skip
    """Run one import. Raises Failed for a file that cannot be read as a table."""
    imports = imports_of(settings.service)
    assert imports is not None
    raw = await asyncio.to_thread(content, file)
    if isinstance(imports, Imports):
        kind = "" if kind == AUTO else kind
        return await _by_job(settings, imports, kind, file, raw, said, dry_run=dry_run, valid_only=valid_only, progress=progress)
    async with database(settings) as db, directory_for(settings) as directory:
        try:
            outcome: Outcome = await imports.run(
                kind, db, directory, raw, file.name,
                mapping=mapping, dry_run=dry_run, valid_only=valid_only, actor=ACTOR, now=utc_now(), progress=progress,
            )  # fmt: skip
        except Unreadable as error:
            raise Failed(f"{file.name}: {error}") from error
    return outcome


@dataclass(frozen=True)
class Here:
    """What the work of an import needs of a service, as a command has it; `nexus` is None in Nexus."""

    directory: Any

    @property
    def nexus(self) -> "Here | None":
        """The suite's directory."""
        return None if self.directory is None else self

    def as_service(self) -> Any:
        """The directory as the service sees it."""
        return self.directory


async def _by_job(
    settings: Settings, imports: Imports, kind: str, file: Path, raw: bytes, said: Choices, *, dry_run: bool, valid_only: bool,
    progress: Progress,
) -> Imported:  # fmt: skip
    """Import a file as a job, and wait for its end. Raises Failed with what the job says, also for a file that is no table."""
    async with database(settings) as db, directory_for(settings) as directory:
        try:
            add = await work.bring(db, imports, kind, file.name, raw, said, CompanyScope(), ACTOR, utc_now())
        except Unreadable as error:
            raise Failed(f"{file.name}: {error}") from error
        async with db.write() as tx:
            batch = await add(tx)
            begun = await jobs.start(tx, batch, "planning" if dry_run else "applying", ACTOR, utc_now(), valid_only=valid_only)
        assert begun is not None, "nobody else knows of it"
        ended = await _worked_on(db, imports, Here(directory), settings, begun.id, progress)
        return await _outcome(db, batch, ended, dry_run=dry_run)


async def _worked_on(db: Db, imports: Imports, here: Here, settings: Settings, id: str, progress: Progress) -> Job:
    """The job when it has ended: in a service that runs, or here."""
    runner = Runner(db, jobs.jobs_of(imports)[:1], here, settings.home / "run" / "jobs")
    watching = asyncio.create_task(_watched(db, id, progress))
    try:
        return await runner.until_ended(id)
    finally:
        watching.cancel()
        await runner.stop()


async def _watched(db: Db, id: str, progress: Progress) -> None:
    while (found := await a_job.by_id(db, id)) is not None and found.active:
        progress(found.done, found.total)
        await asyncio.sleep(LOOKED_EVERY_SECONDS)


async def _outcome(db: Db, batch: Batch, ended: Job, *, dry_run: bool) -> Imported:
    if ended.state != "done":
        async with db.write() as tx:
            await batches.discard(tx, batch.id)
        raise Failed(ended.error or "The import was cancelled.")
    found = await batches.by_id(db, batch.id)
    assert found is not None
    told = await imported(db, found)
    return told if dry_run or told.applied else msgspec.structs.replace(told, created=0, updated=0, unchanged=0)


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


def show(outcome: Outcome | Imported, *, as_json: bool, dry_run: bool) -> None:
    """Print what an import did."""
    if as_json:
        errors = [{"line": e.line, "column": e.column, "value": e.value, "message": e.message} for e in outcome.errors]
        counts = {"created": outcome.created, "updated": outcome.updated, "unchanged": outcome.unchanged}
        click.echo(json.dumps({**counts, "errors": errors}, default=str))
        return
    for note in outcome.notes:
        click.echo(f"Note: {note}")
    for change in outcome.changes[:SHOWN_CHANGES] if dry_run else ():
        fields = "; ".join(f"{name}: {before!s} -> {after!s}" for name, (before, after) in change.fields.items())
        click.echo(f"line {change.line}: {change.what} {change.label}" + (f" ({fields})" if fields else ""))
    for error in outcome.errors:
        click.echo(told(error), err=True)
    click.echo(summary(outcome, dry_run=dry_run))


def told(error: RowError | Wrong) -> str:
    """One error in a line; a file or row as a whole has no column, an empty cell says nothing."""
    place = f"line {error.line}, {error.column}" if error.column else f"line {error.line}"
    return f"{place}: {error.message}" + (f" It says {error.value!r}." if error.value else "")


def summary(outcome: Outcome | Imported, *, dry_run: bool = False) -> str:
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
