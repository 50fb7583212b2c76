"""Makes the plan of an import: reads the file in slices, asks the planner of each kind, and keeps what it says row by row."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from hmlib.clock import new_id, parse
from hmlib.db import change_numbers
from hmlib.db.database import Db
from hmlib.imports import batches
from hmlib.imports.batches import CREATE, LEAVE, Batch, Choices
from hmlib.imports.companies import Clue, Companies, KnownCompany, Question, name_form, number_form
from hmlib.imports.kind import Ground, ImportKind, Imports, Planned, Table, bad
from hmlib.imports.plan import rows as plan_rows
from hmlib.imports.presets import Part, Preset
from hmlib.imports.reading import COMPANY, instructions, source_of
from hmlib.jobs.job import LeaseLost
from hmlib.records.audit import Actor
from hmlib.tables import files
from hmlib.tables.files import Slice, Tail

MOST_NAMED = 20
COMPANIES = "companies"
Report = Callable[[int, int], Awaitable[None]]


@dataclass
class _Written:
    """What has been written of a plan so far; ``token`` stands in the import as long as nobody else plans it."""

    rows: int = 0
    token: str = field(default_factory=new_id)
    digest: Any = field(default_factory=hashlib.sha256)
    repeated: int = 0
    notes: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)


async def plan(
    db: Db, imports: Imports, directory: Any, batch: Batch, raw: bytes, actor: Actor, now: str, report: Report
) -> dict[str, int]:
    """Plan a file anew, in slices that each write for a moment; ``report`` is told rows done and in all. The counts by outcome.

    Raises Unreadable, LeaseLost when another process plans it, and what the directory raises when it cannot answer.
    """
    written = _Written()
    await db.run("UPDATE import_batch SET digest = :token WHERE id = :id", token=written.token, id=batch.id)
    await plan_rows.clear(db, batch.id)
    number = await change_numbers.latest(db)
    preset = preset_of(imports, batch)
    kinds = kinds_of(imports, batch, preset)
    companies = list(await imports.companies(db, directory)) if any(kind.of_companies for kind, _ in kinds) else []
    for kind, part in kinds:
        await _plan_kind(db, imports, directory, batch, raw, kind, part, preset, companies, actor, now, written, report)
    for kind, _ in kinds:
        for table in kind.tables:
            await _refuse_sharing(db, batch.id, table)
    counts = await plan_rows.counts(db, batch.id)
    counts["unchanged"] += written.repeated
    written.digest.update(msgspec.json.encode(counts))
    names = [kind.name for kind, _ in kinds]
    if CREATE in batch.said.companies.values() and COMPANIES not in names and imports.makes_companies:
        names.insert(0, COMPANIES)
    async with db.write() as tx:
        await batches.planned(tx, batch.id, names, counts, written.notes, written.questions, number, written.digest.hexdigest())
    return counts


def preset_of(imports: Imports, batch: Batch) -> Preset | None:
    """The preset that the file is read by."""
    return next((preset for preset in imports.presets if preset.name == batch.preset), None)


def kinds_of(imports: Imports, batch: Batch, preset: Preset | None) -> list[tuple[ImportKind, Part | None]]:
    """The kinds that a file holds, with what its preset says of each: one that holds several is read once for each."""
    if preset is not None:
        found = [(imports.kind(part.kind), part) for part in preset.parts]
        return [(kind, part) for kind, part in found if kind is not None]
    kind = imports.kind(batch.kind)
    return [(kind, None)] if kind is not None else []


async def _plan_kind(
    db: Db, imports: Imports, directory: Any, batch: Batch, raw: bytes, kind: ImportKind, part: Part | None, preset: Preset | None,
    companies: list[KnownCompany], actor: Actor, now: str, written: _Written, report: Report,
) -> None:  # fmt: skip
    said, zone = batch.said, await imports.zone(db)
    day_first = await imports.day_first(db) if imports.day_first else False
    how = instructions(batch.file_name, kind.columns, _said(said, companies), preset, part, day_first=day_first, zone=zone)
    source = source_of(said.said, preset)
    ground = _ground(db, directory, batch, companies, actor, now, zone, source, creates=part is None or part.creates)
    made = await _made_companies(imports, ground, batch)
    await _keep(db, batch.id, made, written)
    _learn(companies, made)
    if made:
        ground = _ground(db, directory, batch, companies, actor, now, zone, source, creates=part is None or part.creates)
    planner = await kind.planner(ground)
    parts: Iterator[Slice | Tail] = files.slices(raw, how)
    found: Slice | Tail | None
    while (found := await asyncio.to_thread(next, parts, None)) is not None:
        errors = [bad(error.line, error.column, error.value, error.message) for error in found.errors]
        planned = (
            [*await planner.take(found.rows)] if isinstance(found, Slice) else [*await planner.settle(), *_questions(kind, ground, written)]
        )
        await _keep(db, batch.id, [*errors, *planned], written)
        if isinstance(found, Tail):
            written.repeated += len(found.repeated)
            written.notes += [note for note in found.notes if note not in written.notes]
        _learn(companies, planned)
        await report(written.rows, 0)
    written.notes += [*ground.notes, *_missing(kind, ground.missing)]


async def _made_companies(imports: Imports, ground: Ground, batch: Batch) -> Sequence[Planned]:
    """Companies that a person has said are to be added, where they are not there by now."""
    wanted = [text for text, whom in batch.said.companies.items() if whom == CREATE and ground.companies.find(Clue(text=text)) is None]
    return await imports.makes_companies(ground, wanted) if imports.makes_companies and wanted else []


def _said(said: Choices, companies: Sequence[KnownCompany]) -> Any:
    """The company for the whole file by its number, which every kind of row can hold."""
    if not said.company:
        return said.said
    found = Companies(companies).find(Clue(text=said.company))
    return replace(said.said, company=found.account_number if found else said.company)


def _ground(
    db: Db, directory: Any, batch: Batch, companies: Sequence[KnownCompany], actor: Actor, now: str, zone: str, source: str, *,
    creates: bool,
) -> Ground:  # fmt: skip
    said, scope = batch.said, batch.scope
    seen = [company for company in companies if scope.sees(company.id)]
    plain = Companies(seen, source)
    by_id = {company.id: company for company in seen}
    chosen = {text: by_id.get(whom) or plain.find(Clue(text=whom)) for text, whom in said.companies.items() if whom not in (CREATE, LEAVE)}
    mapped = {text: company.id for text, company in chosen.items() if company is not None}
    left = frozenset(name_form(text) for text, id in said.companies.items() if id == LEAVE)
    today = parse(now).astimezone(ZoneInfo(zone)).date().isoformat()
    return Ground(
        db, directory, actor, scope, now, today, zone, source, creates, said.options, Companies(seen, source, mapped), seen,
        {company.id: company.account_number for company in companies}, left,
    )  # fmt: skip


def _learn(companies: list[KnownCompany], planned: Sequence[Planned]) -> None:
    """Companies that this very file makes or names anew: its people belong to them."""
    by_id = {company.id: at for at, company in enumerate(companies)} if any(one.target == "company" for one in planned) else {}
    for one in planned:
        if one.target != "company" or one.after is None:
            continue
        external = {one.after.get("source") or "": one.after["external_id"]} if one.after.get("external_id") else {}
        known = companies[by_id[one.id]] if one.id in by_id else None
        aliases = (*(known.aliases if known else ()), *((known.name,) if known else ()))
        learned = KnownCompany(
            one.id, one.after["account_number"], one.after["name"], {**(known.external_ids if known else {}), **external}, aliases,
            tuple(str(one.after["domains"]).split()),
        )  # fmt: skip
        if known:
            companies[by_id[one.id]] = learned
        else:
            companies.append(learned)


def _questions(kind: ImportKind, ground: Ground, written: _Written) -> list[Planned]:
    """Companies that are not found: each is one error, and one question."""
    asked = ground.unfound.questions
    earlier = {name_form(question.text) for question in written.questions}
    written.questions += [question for question in asked if name_form(question.text) not in earlier]
    if ground.unfound.not_listed:
        written.notes.append(f"{ground.unfound.not_listed:,} more rows name companies that are not listed.")
    return [bad(question.line, COMPANY, question.text, _asking(question)) for question in asked]


def _asking(question: Question) -> str:
    if len(question.candidates) > 1:
        said = f"It may be any of {len(question.candidates)} companies."
    elif number_form(question.text):
        said = "There is no company with this account number."
    else:
        said = "There is no such company."
    return said + (
        f" {question.rows - 1:,} more rows say the same."
        if question.rows > 2
        else " One more row says the same."
        if question.rows > 1
        else ""
    )


def _missing(kind: ImportKind, names: Sequence[str]) -> list[str]:
    """What a file that makes nothing has named and is not there, listed once."""
    if not names:
        return []
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return [f"{len(names):,} of the {kind.title.lower()} are not there and none was made: {', '.join(names[:MOST_NAMED])}{more}."]


async def _keep(db: Db, batch_id: str, planned: Sequence[Planned], written: _Written) -> None:
    if not planned:
        return
    for one in planned:
        written.digest.update(msgspec.msgpack.encode(one))
    async with db.write() as tx:
        if await tx.value("SELECT digest FROM import_batch WHERE id = :id", id=batch_id) != written.token:
            raise LeaseLost
        await plan_rows.add(tx, batch_id, written.rows, planned)
    written.rows += len(planned)


async def _refuse_sharing(db: Db, batch_id: str, table: Table) -> None:
    """Refuse rows that end with what another has. Each that is refused keeps what it had, so look again."""
    for unique in table.unique:
        while shared := await plan_rows.sharing(db, batch_id, table, unique.columns, unique.field):
            column = COMPANY if unique.field == "company_id" else unique.field
            async with db.write() as tx:
                await plan_rows.refuse(tx, batch_id, {row["number"]: str(row["value"])[:200] for row in shared}, column, unique.said)
