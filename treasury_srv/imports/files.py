"""Files into Treasury: reads a table of one kind, says what each row would do, and does it in one transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hmlib.api import tombstones
from hmlib.db.database import Db, Transaction
from hmlib.imports.uploads import Applying, NotApplied
from hmlib.nexus.directory import Summary
from hmlib.records import audit
from hmlib.resources import changes as resource_changes
from hmlib.resources.resource import Resource
from hmlib.tables import files
from hmlib.tables.columns import Column
from treasury_srv.catalogue import changes
from treasury_srv.catalogue.kinds import AGREEMENTS, ASSET_OVERRIDES, CONTACT_OVERRIDES, OVERRIDES, PLANS, PRICES, Noun
from treasury_srv.catalogue.labour import LABOUR
from treasury_srv.catalogue.line_items import LINE_ITEMS
from treasury_srv.imports import agreements as agreement_imports
from treasury_srv.imports import charges, labour_columns, prices
from treasury_srv.imports.planning import Drafted, Ground, Known
from treasury_srv.queries import agreements
from treasury_srv.queries.plans import Described
from treasury_srv.settings import PREFERENCES


class Directory(Protocol):
    """Who knows the companies and what they have, such as `nexus.on_behalf(…)`."""

    async def billing_summary(self) -> Summary: ...


@dataclass(frozen=True)
class Kind:
    """A kind of file: what it is about, its columns, what its rows mean beside what is stored, and how that is stored."""

    noun: Noun[Any] | Resource[Any]
    columns: tuple[Column, ...]
    draft: Callable[[Db, Ground], Awaitable[Drafted[Any]]]
    store: Callable[[Db, Any, str], Awaitable[None]]


_KINDS: Mapping[str, Kind] = {
    "prices": Kind(PRICES, prices.PRICE_COLUMNS, prices.draft_prices, prices.store_prices),
    "agreements": Kind(AGREEMENTS, agreement_imports.COLUMNS, agreement_imports.draft_agreements, agreement_imports.store_agreements),
    "overrides": Kind(OVERRIDES, prices.OVERRIDE_COLUMNS, prices.draft_overrides, prices.store_overrides),
    "asset-overrides": Kind(ASSET_OVERRIDES, charges.ASSET_COLUMNS, charges.draft_asset_overrides, charges.store_asset_overrides),
    "contact-overrides": Kind(CONTACT_OVERRIDES, charges.CONTACT_COLUMNS, charges.draft_contact_overrides, charges.store_contact_overrides),
    "line-items": Kind(LINE_ITEMS, charges.ITEM_COLUMNS, charges.draft_line_items, charges.store_line_items),
    "labour": Kind(LABOUR, labour_columns.COLUMNS, charges.draft_labour, charges.store_labour),
}

KINDS: Mapping[str, tuple[Column, ...]] = {name: kind.columns for name, kind in _KINDS.items()}
"""The kinds of file that can be imported, in an order in which each finds what it refers to, with their columns."""


async def run(
    kind: str,
    db: Db,
    directory: Directory,
    raw: bytes,
    name: str,
    *,
    mapping: Mapping[str, str] | None = None,
    dry_run: bool = False,
    valid_only: bool = False,
    actor: audit.Actor,
    now: str,
    progress: Callable[[int, int], None] | None = None,
    applying: Applying | None = None,
    shared: frozenset[str] = frozenset(),
) -> files.Outcome:
    """Import a file of one of KINDS, all or nothing; with `valid_only` its good rows, with `dry_run` only say what would happen.

    `applying` says what else belongs to it, in the same transaction; `shared` are people also at companies that the caller does not see.
    A file that is no table is one error. Raises KeyError for an unknown kind, and what the directory raises when it cannot answer.
    """
    chosen = _KINDS[kind]
    try:
        sheet, settings = await _read(db, chosen, raw, name, mapping)
    except files.Unreadable as unreadable:
        return files.Outcome(errors=[files.RowError(1, "", "", str(unreadable))])
    known = Known(None if kind == "prices" else await directory.billing_summary())
    ground = Ground(sheet, known, settings, now, progress, shared)
    if dry_run:
        return _outcome(sheet, await chosen.draft(db, ground))
    applying = applying or Applying.alone(db)
    try:
        async with applying.transaction() as tx:
            outcome, draft = await _applied(tx, chosen, ground, valid_only=valid_only)
            if draft.created or draft.updated:
                await audit.record_all(tx, actor, await asyncio.to_thread(_deeds, kind, name, draft, outcome), now=now)
            await applying.done(tx, outcome)
    except NotApplied as refused:
        return _nothing(refused.outcome)
    return outcome


async def _read(db: Db, kind: Kind, raw: bytes, name: str, mapping: Mapping[str, str] | None) -> tuple[files.Sheet, Mapping[str, str]]:
    """The file's rows, and the settings by which they were read. Raises Unreadable."""
    settings = await PREFERENCES.all(db)
    day_first = settings["date_order"] == "day_first"
    return await asyncio.to_thread(files.read, raw, name, kind.columns, mapping, day_first=day_first), settings


async def _applied(tx: Transaction, kind: Kind, ground: Ground, *, valid_only: bool) -> tuple[files.Outcome, Drafted[Any]]:
    """Draft the file anew in the transaction that writes it. Raises NotApplied."""
    await agreements.hold(tx)
    draft = await kind.draft(tx, ground)
    outcome = _outcome(ground.sheet, draft)
    if outcome.errors and not valid_only:
        raise NotApplied(outcome)
    await _store(tx, kind, draft, ground.now)
    outcome.applied = True
    return outcome, draft


def _nothing(outcome: files.Outcome) -> files.Outcome:
    outcome.created = outcome.updated = outcome.unchanged = 0
    return outcome


async def _store(tx: Db, kind: Kind, draft: Drafted[Any], now: str) -> None:
    await kind.store(tx, draft, now)
    moved = [(before, after) for before, after in draft.replaced if getattr(before, "company_id", "") != getattr(after, "company_id", "")]
    await tombstones.add_all(tx, [(kind.noun.name, _id(kind.noun, before), before.company_id) for before, _ in moved], now)


def _id(kind: Noun[Any] | Resource[Any], record: Any) -> str:
    return kind.id_of(record) if isinstance(kind, Resource) else kind.id(record)


def _outcome(sheet: files.Sheet, draft: Drafted[Any]) -> files.Outcome:
    errors = sorted([*sheet.errors, *draft.errors], key=lambda error: error.line)
    unchanged = sum(change.what == "unchanged" for change in draft.changes) + len(sheet.repeated)
    return files.Outcome(len(draft.created), len(draft.updated), unchanged, errors, list(sheet.notes), draft.changes)


def _deeds(kind: str, name: str, draft: Drafted[Any], outcome: files.Outcome) -> list[audit.AuditEvent]:
    """One entry for the file, and one for each thing it made or changed, as if a person had done it by hand."""
    noun = _KINDS[kind].noun
    counts = {"created": outcome.created, "updated": outcome.updated, "unchanged": outcome.unchanged, "errors": len(outcome.errors)}
    deeds = [audit.AuditEvent(f"{kind}.imported", f"import/{kind}", after={"file": name, **counts})]
    if isinstance(draft, prices.PriceDraft):
        deeds += [changes.creation_of(PLANS, Described(id=plan.id, name=plan.name)) for plan in draft.new_plans]
    if isinstance(noun, Resource):
        return deeds + resource_changes.events_of(noun, [*((None, one) for one in draft.created), *draft.replaced])
    deeds += [changes.creation_of(noun, record) for record in draft.created]
    deeds += [changes.change_of(noun, before, record) for before, record in draft.replaced]
    return deeds
