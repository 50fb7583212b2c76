"""The kinds of thing that people and programs enter in Treasury: their fields, their statements and their rules."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.errors import Invalid
from treasury_srv.catalogue import checks, fields, records, rules
from treasury_srv.catalogue.fields import Rows
from treasury_srv.catalogue.rules import Rule
from treasury_srv.queries import agreements, billing_types, manual_items, overrides, plans, prices
from treasury_srv.queries.agreements import Agreement
from treasury_srv.queries.billing_types import AssetOverride, ContactOverride
from treasury_srv.queries.manual_items import ManualItem
from treasury_srv.queries.overrides import Override
from treasury_srv.queries.plans import Described
from treasury_srv.queries.prices import Price

R = TypeVar("R", bound=msgspec.Struct)
IN_USE = "Something belongs to it still."
EVERYTHING = CompanyScope()


async def _own(db: Db, record: Any) -> str:
    return str(record.company_id)


async def _of_agreement(db: Db, record: Any) -> str:
    agreement = await agreements.visible(db, EVERYTHING, record.agreement_id)
    return agreement.company_id if agreement else ""


async def _everybodys(db: Db, record: Any) -> str:
    return ""


async def _nothing(db: Db, record: Any) -> list[tuple[str, str]]:
    return []


async def _parts(db: Db, agreement: Agreement) -> list[tuple[str, str]]:
    found = [("override", one.id) for one in await overrides.of_agreements(db, [agreement.id])]
    return found + [("manual_item", one.id) for one in await manual_items.of_agreement(db, agreement.id)]


@dataclass(frozen=True)
class Table(Generic[R]):
    """The statements of a noun."""

    some: Callable[[Db, CompanyScope, Sequence[str]], Awaitable[list[R]]]
    insert: Callable[[Db, Iterable[R], str], Awaitable[None]]
    save: Callable[[Db, R, str], Awaitable[bool]]
    delete: Callable[[Db, R], Awaitable[bool]]


@dataclass(frozen=True)
class Noun(Generic[R]):
    """One kind of thing. `fixed` are the attributes beside the fields that stay as they were made; `taken` is the field to blame for a
    key that is taken, and the sentence; `missing` the field that names something that is not there; `in_use` says why it stays;
    `company` finds whose it is ("" is everybody's), `parts` the names and ids of what goes with it when it is deleted."""

    name: str
    title: str
    rows: Rows
    table: Table[R]
    fixed: tuple[str, ...]
    taken: tuple[str, str]
    shown: Callable[[R], dict[str, Any]]
    made: Callable[[R, dict[str, Any]], R]
    checked: Callable[[R], Mapping[str, str]] = lambda wanted: {}
    rule: Rule[R] = rules.anything
    missing: tuple[str, str] = ("", "The data do not allow this.")
    in_use: str = IN_USE
    key: str = "id"
    company: Callable[[Db, R], Awaitable[str]] = _own
    parts: Callable[[Db, R], Awaitable[list[tuple[str, str]]]] = _nothing

    def id(self, record: R) -> str:
        found: str = getattr(record, self.key)
        return found

    async def visible(self, db: Db, scope: CompanyScope, id: str) -> R | None:
        return next(iter(await self.table.some(db, scope, [id])), None)

    def scope(self, scope: CompanyScope) -> CompanyScope:
        """Of what a caller of this scope is told that it is gone."""
        return EVERYTHING if self.company is _everybodys else scope

    async def graves(self, db: Db, record: R) -> list[tuple[str, str, str]]:
        """What is gone once the record is deleted, for hmlib.api.tombstones."""
        company_id = await self.company(db, record)
        gone = [(self.name, self.id(record)), *await self.parts(db, record)]
        return [(name, id, company_id) for name, id in gone]

    def public(self, record: R) -> dict[str, Any]:
        """The record as JSON has it, without its times and version."""
        return {name: getattr(record, name) for name in (self.key, *self.fixed)} | self.shown(record)

    def read(self, given: Mapping[str, Any], before: R, zone: str = "UTC") -> R:
        """`before` with what is given by field. Raises Invalid."""
        wanted = self.made(before, fields.read(self.rows, given, zone))
        errors = self.checked(wanted)
        if errors:
            raise Invalid(errors)
        return wanted


async def _plans(db: Db, scope: CompanyScope, ids: Sequence[str]) -> list[Described]:
    wanted = set(ids)
    return [plan for plan in await plans.all_described(db) if plan.id in wanted]


async def _prices(db: Db, scope: CompanyScope, ids: Sequence[str]) -> list[Price]:
    return await prices.some(db, ids)


PLANS = Noun[Described](
    "plan",
    "plan",
    checks.PLAN,
    Table(_plans, plans.insert_described, plans.save_described, plans.delete),
    (),
    ("name", "There is a plan of this name."),
    records.plain(checks.PLAN),
    records.replaced,
    in_use="Agreements or prices belong to it still.",
    company=_everybodys,
)
PRICES = Noun[Price](
    "price",
    "price version",
    checks.PRICE,
    Table(_prices, prices.insert, prices.save, prices.delete),
    ("plan_id",),
    ("valid_from", "The plan has prices for this term from this day."),
    records.plain(checks.PRICE),
    records.in_currency,
    checks.price,
    rules.prices_stay,
    ("plan_id", "There is no such plan."),
    company=_everybodys,
)
AGREEMENTS = Noun[Agreement](
    "agreement",
    "agreement",
    checks.AGREEMENT,
    Table(agreements.some, agreements.insert, agreements.save, agreements.delete),
    ("company_id", "ended_on"),
    ("start_on", "The company has another agreement from this day."),
    records.plain(checks.AGREEMENT),
    records.dated,
    checks.agreement,
    rules.agreements_fit,
    ("plan_id", "There is no such plan."),
    "There are bills for it. End it instead.",
    parts=_parts,
)
OVERRIDES = Noun[Override](
    "override",
    "override",
    checks.OVERRIDE,
    Table(overrides.some, overrides.insert, overrides.save, overrides.delete),
    ("agreement_id",),
    ("what", "There is an override of this from this day."),
    records.override_shown,
    records.override,
    checks.override,
    rules.plan_exists,
    company=_of_agreement,
)
MANUAL_ITEMS = Noun[ManualItem](
    "manual_item",
    "manual device or user",
    checks.MANUAL_ITEM,
    Table(manual_items.some, manual_items.insert, manual_items.save, manual_items.delete),
    ("agreement_id",),
    ("name", "This is there already."),
    records.plain(checks.MANUAL_ITEM),
    records.priced,
    checks.manual_item,
    company=_of_agreement,
)
ASSET_OVERRIDES = Noun[AssetOverride](
    "asset_override",
    "billing type",
    checks.ASSET_OVERRIDE,
    Table(billing_types.some_assets, billing_types.insert_assets, billing_types.save_asset, billing_types.delete_asset),
    ("company_id",),
    ("asset_id", "The device has a billing type of its own already."),
    records.plain(checks.ASSET_OVERRIDE),
    records.priced,
    key="asset_id",
)
CONTACT_OVERRIDES = Noun[ContactOverride](
    "contact_override",
    "billing type",
    checks.CONTACT_OVERRIDE,
    Table(billing_types.some_contacts, billing_types.insert_contacts, billing_types.save_contact, billing_types.delete_contact),
    ("company_id",),
    ("contact_id", "The person has a billing type of their own already."),
    records.plain(checks.CONTACT_OVERRIDE),
    records.priced,
    key="contact_id",
)
