"""What Treasury imports: prices, agreements and their overrides, billing types, line items and labour."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.imports.companies import KnownCompany
from hmlib.imports.kind import Ground, ImportKind, Imports, Planned, Table, bad
from hmlib.imports.plan.of_resource import company_of, table_of
from hmlib.imports.row_ids import RowIds
from hmlib.kinds.resource import Resource
from hmlib.resources import records
from hmlib.tables.columns import Column
from hmlib.tables.rows import Row, Sheet
from treasury_srv.billing import money
from treasury_srv.catalogue import homes, plans
from treasury_srv.catalogue.agreements import AGREEMENTS
from treasury_srv.catalogue.billing_types import ASSET_OVERRIDES, CONTACT_OVERRIDES
from treasury_srv.catalogue.labour import LABOUR
from treasury_srv.catalogue.line_items import LINE_ITEMS
from treasury_srv.catalogue.overrides import OVERRIDES
from treasury_srv.catalogue.plans import PLANS
from treasury_srv.catalogue.prices import PRICES
from treasury_srv.imports import agreements as agreement_imports
from treasury_srv.imports import charges, labour_columns, planning, prices
from treasury_srv.imports.planning import Drafted, Known
from treasury_srv.imports.presets import PRESETS
from treasury_srv.queries import agreements
from treasury_srv.settings import PREFERENCES

WRITE, BILLING = "labour:write", "billing:write"
COMPANY = "company_account_number"


@dataclass(frozen=True)
class Drafting:
    """How rows of a kind are drafted beside what is stored, and where its records go; `things` says that rows are about devices or people
    of the directory."""

    of: Resource[Any]
    draft: Callable[[Db, planning.Ground], Awaitable[Drafted[Any]]]
    columns: tuple[Column, ...]
    things: bool = False

    @property
    def table(self) -> Table:
        """Where its records go."""
        return table_of(self.of, company="company_id" if "company_id" in self.of.fields else "")

    def row(self, record: Any) -> tuple[str, dict[str, Any]]:
        """The id of a record, and its columns."""
        values = records.values(self.of, record)
        key = self.of.key
        return values[key], {name: value for name, value in values.items() if name in self.table.columns}

    async def planner(self, ground: Ground) -> "DraftPlanner":
        """A planner for one file."""
        return DraftPlanner(self, ground)


class DraftPlanner:
    """Keeps the rows until the last one, for rows of a kind depend on each other."""

    def __init__(self, how: Drafting, ground: Ground) -> None:
        self._how, self._ground = how, ground
        self._rows: list[Row] = []
        self._ids = RowIds()

    async def take(self, rows: Sequence[Row]) -> Sequence[Planned]:
        """See Planner."""
        of_company = any(column.name == COMPANY for column in self._how.columns)
        for row in rows:
            id = company_of(self._ground, row) if of_company else ""
            if id is not None:
                self._rows.append(self._whole(row, id))
        return []

    def _whole(self, row: Row, company_id: str) -> Row:
        values = {**row.values, **({COMPANY: self._ground.numbers[company_id]} if company_id else {})}
        if self._how.of is LABOUR and not values.get("external_id"):
            said = (values.get("person"), values.get("ticket"), str(values["worked_at"]), f"{values['hours'].normalize():f}")
            values["external_id"] = self._ids.make(company_id, *said)
        return Row(row.line, values, row.beside)

    async def settle(self) -> Sequence[Planned]:
        """See Planner."""
        if self._ids.note:
            self._ground.notes.append(self._ids.note)
        draft = await self._how.draft(self._ground.db, await self._drafting_ground())
        names = {plan.id: plan.name for plan in await plans.everything(self._ground.db)}
        errors = [bad(error.line, error.column, error.value, error.message) for error in draft.errors]
        return [*errors, *self._plans(draft), *self._planned(draft, names)]

    async def _drafting_ground(self) -> planning.Ground:
        ground = self._ground
        empty = {column.name: None for column in self._how.columns}
        present = frozenset(name for row in self._rows for name in row.values)
        rows = [Row(row.line, {**empty, **row.values}, row.beside) for row in self._rows]
        known = Known({one.account_number: one.id for one in ground.known}, {one.id: one.name for one in ground.known})
        shared = frozenset[str]()
        if self._how.things:
            whole = await ground.directory.billing_summary()
            seen = [company for company in whole.companies if ground.scope.sees(company.id)]
            known.learn(seen)
            shared = homes.beyond(whole, type(whole)(whole.as_of, seen)) if ground.scope.rule != "all" else shared
        return planning.Ground(Sheet(rows, [], [], present), known, await PREFERENCES.all(ground.db), ground.now, None, shared)

    def _plans(self, draft: Drafted[Any]) -> list[Planned]:
        """The plans that prices make: they are no rows of their own."""
        made = draft.new_plans if isinstance(draft, prices.PriceDraft) else []
        found = []
        for plan in made:
            values = records.values(PLANS, plan)
            after = {name: values[name] for name in PLAN_TABLE.columns}
            found.append(Planned(line=0, outcome="create", target="plan", id=plan.id, version=1, label=plan.name, after=after))
        return found

    def _planned(self, draft: Drafted[Any], names: Mapping[str, str]) -> list[Planned]:
        how, table = self._how, self._how.table
        made, replaced = iter(draft.created), iter(draft.replaced)
        found = []
        for change in draft.changes:
            common: dict[str, Any] = {"line": change.line, "target": table.name, "label": change.label}
            if change.what == "unchanged":
                found.append(Planned(outcome="unchanged", **common))
                continue
            before, after = (None, next(made)) if change.what == "create" else next(replaced)
            id, new = how.row(after)
            old, version = (None, 1) if before is None else (how.row(before)[1], before.version)
            fields = {_bare(name): (_text(name, pair[0], names), _text(name, pair[1], names)) for name, pair in change.fields.items()}
            outcome: Any = change.what
            found.append(Planned(outcome=outcome, id=id, version=version, before=old, after=new, fields=fields, **common))
        return found


def _bare(name: str) -> str:
    return name.removesuffix("_e4").removesuffix("_e6").removesuffix("_id").replace("_", " ")


def _text(name: str, value: Any, names: Mapping[str, str]) -> str:
    if value is None or value == "":
        return ""
    if name.endswith("_e4"):
        return money.price_text(value)
    if name.endswith("_e6"):
        return money.quantity_text(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return names.get(str(value), str(value))


async def known_companies(db: Db, directory: Any) -> list[KnownCompany]:
    """The companies of the directory."""
    summary = await directory.billing_summary()
    return [KnownCompany(company.id, company.account_number, company.name) for company in summary.companies]


async def zone(db: Db) -> str:
    """The MSP's time zone."""
    return await PREFERENCES.text(db, "time_zone")


async def day_first(db: Db) -> bool:
    """Whether the MSP writes the day before the month."""
    return (await PREFERENCES.all(db))["date_order"] == "day_first"


PLAN_TABLE = Table("plan", {"name": "TEXT", "folded": "TEXT", "search": "TEXT"}, noun="plan")
EVERYTHING = CompanyScope()


def _kind(
    name: str, title: str, of: Resource[Any], columns: tuple[Column, ...], draft: Any, together: tuple[str, ...],
    *,
    permission: str = BILLING, things: bool = False, before: tuple[Table, ...] = (), hold: bool = False,
) -> ImportKind:  # fmt: skip
    how = Drafting(of, draft, columns, things)
    return ImportKind(
        name=name, title=title, permission=permission, columns=columns, planner=how.planner, tables=(*before, how.table),
        together=together,
        hold=agreements.hold if hold else None, of_companies=name != "prices",
    )  # fmt: skip


IMPORTS = Imports(
    write=WRITE,
    presets=PRESETS,
    companies=known_companies,
    zone=zone,
    day_first=day_first,
    kinds=(
        _kind(
            "prices", "Prices", PRICES, prices.PRICE_COLUMNS, prices.draft_prices, ("plan", "price", "invoice"),
            before=(PLAN_TABLE,),
        ),
        _kind(
            "agreements", "Agreements", AGREEMENTS, agreement_imports.COLUMNS, agreement_imports.draft_agreements,
            ("agreement", "plan", "price", "invoice"), hold=True,
        ),
        _kind(
            "overrides", "Overrides of agreements", OVERRIDES, prices.OVERRIDE_COLUMNS, prices.draft_overrides,
            ("override", "agreement", "plan"), hold=True,
        ),
        _kind(
            "asset-overrides", "Billing types of devices", ASSET_OVERRIDES, charges.ASSET_COLUMNS, charges.draft_asset_overrides,
            ("asset_override",), things=True,
        ),
        _kind(
            "contact-overrides", "Billing types of people", CONTACT_OVERRIDES, charges.CONTACT_COLUMNS,
            charges.draft_contact_overrides, ("contact_override",), things=True,
        ),
        _kind("line-items", "Line items", LINE_ITEMS, charges.ITEM_COLUMNS, charges.draft_line_items, ("line_item",)),
        _kind("labour", "Labour", LABOUR, labour_columns.READ, charges.draft_labour, ("invoice",), permission=WRITE),
    ),
)  # fmt: skip

KINDS: Mapping[str, tuple[Column, ...]] = {
    **{kind.name: kind.columns for kind in IMPORTS.kinds},
    "labour": labour_columns.COLUMNS,
}
"""The columns of each kind of file, as the MSP's own files have them."""
