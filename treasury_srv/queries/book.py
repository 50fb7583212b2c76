"""The whole book for one month: everything that Treasury knows of all companies (or of some), in a fixed number of statements."""

from collections.abc import Sequence
from typing import Any

import msgspec

from hmlib.db import change_numbers
from hmlib.db.database import Db
from treasury_srv.queries import invoices
from treasury_srv.queries.invoices import InvoiceState

Rows = list[dict[str, Any]]


class Book(msgspec.Struct, frozen=True, gc=False):
    """Rows as they were found, for facts to be made of; `finalised` by agreement and month, `standings` by agreement for this month,
    `version` the number of changes they are true for."""

    version: int
    plans: Rows
    features: Rows
    versions: Rows
    agreements: Rows
    overrides: Rows
    manual: Rows
    asset_overrides: Rows
    contact_overrides: Rows
    items: Rows
    entries: Rows
    finalised: dict[str, dict[str, dict[str, int]]]
    invoice_states: dict[str, InvoiceState]


class Changes(msgspec.Struct, frozen=True):
    """Whose bills may have changed: companies by id, and whoever has one of the `things` (devices and people)."""

    companies: frozenset[str]
    things: frozenset[str]


async def changed(snapshot: Db, since: int) -> Changes:
    """What has changed after a number."""
    rows = await snapshot.all(
        """
        SELECT kind, id FROM row_change
        WHERE number > :since AND kind IN ('bill', 'asset_override', 'contact_override', 'plan', 'plan_term')
        """,
        since=since,
    )
    ids: dict[str, set[str]] = {}
    for row in rows:
        ids.setdefault(row["kind"], set()).add(row["id"])
    companies = ids.get("bill", set())
    if "plan" in ids or "plan_term" in ids:
        companies = companies | await _on_plans(snapshot, ids.get("plan", set()), ids.get("plan_term", set()))
    return Changes(frozenset(companies), frozenset(ids.get("asset_override", set()) | ids.get("contact_override", set())))


async def _on_plans(snapshot: Db, plans: set[str], terms: set[str]) -> set[str]:
    """The companies with an agreement on one of these plans, or on one of these (plan's id, slash, term), be it by an override."""
    rows = await snapshot.all(
        """
        SELECT company_id FROM agreement WHERE plan_id IN :plans OR plan_id || '/' || term IN :terms
        UNION
        SELECT agreement.company_id FROM agreement_override JOIN agreement ON agreement.id = agreement_override.agreement_id
        WHERE agreement_override.what = 'plan'
            AND (agreement_override.text IN :plans OR agreement_override.text || '/' || agreement.term IN :terms)
        """,
        plans=plans,
        terms=terms,
    )
    return {row["company_id"] for row in rows}


async def of_period(db: Db, period: str, span: tuple[str, str, str], ids: Sequence[str] | None = None, things: Sequence[str] = ()) -> Book:
    """The book for a month, as it was at one moment. `span` is the UTC times at which months begin: the oldest that pools look back to,
    this one, the next. `ids` narrows it to companies, whose devices and people are `things`."""
    async with db.read() as snapshot:
        return await _of_period(snapshot, period, span, ids, things)


async def _of_period(db: Db, period: str, span: tuple[str, str, str], ids: Sequence[str] | None, things: Sequence[str]) -> Book:
    history_at, first_at, next_at = span
    params: dict[str, Any] = {} if ids is None else {"ids": list(ids)}
    own: dict[str, Any] = {} if ids is None else {"things": list(things)}

    def of(column: str) -> str:
        return "TRUE" if ids is None else f"{column} IN :ids"

    def its(column: str) -> str:
        return "TRUE" if ids is None else f"{column} IN :things"

    return Book(
        version=await change_numbers.latest(db),
        plans=await db.all("SELECT id, name FROM plan"),
        features=await db.all("SELECT plan_id, name, label FROM plan_feature"),
        versions=await db.all(f"SELECT {_PRICE} FROM price_version"),
        agreements=await db.all(f"SELECT {_AGREEMENT} FROM agreement WHERE {of('company_id')}", **params),
        overrides=await db.all(f"SELECT {_OVERRIDE} FROM {_OVERRIDES} WHERE {of('agreement.company_id')}", **params),
        manual=await db.all(f"SELECT {_MANUAL} FROM {_MANUALS} WHERE {of('agreement.company_id')}", **params),
        # By the thing, not by the company it was at when it got its billing type: it may have moved since.
        asset_overrides=await db.all(f"SELECT asset_id AS id, billing_type, price_e4 FROM asset_override WHERE {its('asset_id')}", **own),
        contact_overrides=await db.all(
            f"SELECT contact_id AS id, billing_type, price_e4 FROM contact_override WHERE {its('contact_id')}", **own
        ),
        items=await db.all(f"SELECT {_ITEM} FROM line_item WHERE {of('company_id')}", **params),
        entries=await db.all(
            f"SELECT {_ENTRY} FROM labour_entry WHERE worked_at < :next_at AND {of('company_id')} AND ({_NEEDED})",
            **params,
            **{"history_at": history_at, "first_at": first_at, "next_at": next_at},
        ),
        finalised=await invoices.finalised(db, ids),
        invoice_states=await invoices.invoice_states(db, period, ids),
    )


_PRICE = """id, plan_id, term, valid_from, currency, per_user_e4, per_workstation_e4, per_server_e4, per_vm_e4, per_switch_e4,
    per_firewall_e4, per_hour_e4, backup_base_workstation_e4, backup_base_server_e4, backup_included_tb_e6, backup_per_tb_e4"""
_AGREEMENT = """company_id, id, plan_id, term, start_on, end_on, ended_on, currency, proration, prepaid_hours_monthly_e6,
    prepaid_hours_yearly_e6, minimum_hours_e6, rounding_hours_e6, tax_percent_e4, due_days"""
_OVERRIDE = """agreement_override.agreement_id, agreement_override.id, agreement_override.what, agreement_override.valid_from,
    agreement_override.valid_to, agreement_override.number, agreement_override.text"""
_OVERRIDES = "agreement_override JOIN agreement ON agreement.id = agreement_override.agreement_id"
_MANUAL = """manual_item.agreement_id, manual_item.id, manual_item.kind, manual_item.name, manual_item.billing_type, manual_item.price_e4,
    manual_item.from_on, manual_item.to_on, manual_item.note"""
_MANUALS = "manual_item JOIN agreement ON agreement.id = manual_item.agreement_id"
_ITEM = "company_id, id, name, kind, quantity_e6, unit_price_e4, from_on, to_on, year, month, tax_category"
_ENTRY = "company_id, id, worked_at, hours_e6, billable, description, ticket, invoice_id"

# The month's own entries; earlier ones where a yearly pool looks back; and what may be late for a finalised month.
_NEEDED = """
    worked_at >= :first_at
    OR worked_at >= :history_at AND company_id IN (
        SELECT company_id FROM agreement WHERE prepaid_hours_yearly_e6 > 0
        UNION
        SELECT agreement.company_id FROM agreement_override JOIN agreement ON agreement.id = agreement_override.agreement_id
        WHERE agreement_override.what = 'prepaid_hours_yearly'
    )
    OR billable AND invoice_id IS NULL AND company_id IN (SELECT company_id FROM invoice WHERE status = 'finalised')
"""
