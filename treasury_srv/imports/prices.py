"""Imports of prices and of overrides: what a file's rows mean beside the plans and agreements that are stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from msgspec import structs

from hmlib.clock import new_id
from hmlib.db.database import Db
from hmlib.db.list_query import folded
from hmlib.tables.cells import BadCell, reader
from hmlib.tables.columns import Column
from hmlib.tables.rows import Row
from treasury_srv.billing.facts import IN_E6, PREPAID, PRICE_RATES
from treasury_srv.billing.money import PRICE_PLACES, QUANTITY_PLACES
from treasury_srv.billing.periods import FOREVER, TERM_YEARS
from treasury_srv.catalogue import agreements, overrides, plans, prices
from treasury_srv.catalogue.agreements import Agreement
from treasury_srv.catalogue.overrides import Override, spelled
from treasury_srv.catalogue.plans import Plan
from treasury_srv.catalogue.prices import Price
from treasury_srv.imports.planning import Drafted, Ground, Refused, differs, number
from treasury_srv.invoices.gathering import RATE_COLUMNS

PRICE_COLUMNS = (
    Column("plan", key=True, required=True),
    Column("term", key=True, required=True, kind="choice", choices=tuple(TERM_YEARS)),
    Column("valid_from", key=True, required=True, kind="date"),
    Column("currency", max_length=3),
    *(Column(rate, required=True, kind="decimal", minimum=0) for rate in PRICE_RATES),
)
OVERRIDE_COLUMNS = (
    Column("company_account_number", key=True, required=True),
    Column("what", key=True, required=True, kind="choice", choices=(*PRICE_RATES, "plan", *PREPAID)),
    Column("valid_from", key=True, kind="date"),
    Column("value", required=True, numeric=True),
    Column("valid_to", kind="date"),
)
_DECIMAL = reader(Column("value", kind="decimal", minimum=0), "both", "point")


@dataclass
class PriceDraft(Drafted[Price]):
    """Prices to store, and the plans that they make."""

    new_plans: list[Plan] = field(default_factory=list)


async def draft_prices(db: Db, ground: Ground) -> PriceDraft:
    """Rows match by plan, term and day; an unknown plan is made. What was billed keeps its prices."""
    draft = PriceDraft()
    by_name = {folded(plan.name): plan for plan in await plans.everything(db)}
    stored = {(price.plan_id, price.term, price.valid_from): price for price in await prices.everything(db)}
    async for row in ground.rows():
        name = row.values["plan"]
        plan = by_name.get(folded(name))
        try:
            price = _price(row, ground, plan.id if plan else new_id(), stored)
            before = stored.get((price.plan_id, price.term, price.valid_from))
            await _check_past(db, ground, row, before, price)
        except Refused as why:
            draft.refuse(row, why)
            continue
        if plan is None:
            plan = by_name[folded(name)] = Plan(id=price.plan_id, name=name)
            draft.new_plans.append(plan)
        draft.take(row, f"{plan.name}, {price.term}, {price.valid_from}", before, price)
    return draft


async def _check_past(db: Db, ground: Ground, row: Row, before: Price | None, price: Price) -> None:
    """A file rewrites the past no more than a form: raises Refused for the first value that would."""
    if not (why := await prices.rewriting(db, before, price, ground.today)):
        return
    changed = set(differs(before, price)) if before else set()
    column = next((name for name in ("currency", *PRICE_RATES) if RATE_COLUMNS.get(name, name) in changed), "valid_from")
    raise Refused(column, row.values[column] if before else price.valid_from, why)


def _price(row: Row, ground: Ground, plan_id: str, stored: dict[tuple[str, str, str], Price]) -> Price:
    values = row.values
    day = values["valid_from"].isoformat()
    before = stored.get((plan_id, values["term"], day))
    currency = ground.currency(row, before, ground.settings["default_currency"])
    rates: dict[str, Any] = {
        RATE_COLUMNS[rate]: number(values[rate], rate, QUANTITY_PLACES if rate in IN_E6 else PRICE_PLACES) for rate in PRICE_RATES
    }
    if before:
        return structs.replace(before, currency=currency, **rates)
    return Price(id=new_id(), plan_id=plan_id, term=values["term"], valid_from=day, currency=currency, **rates)


async def draft_overrides(db: Db, ground: Ground) -> Drafted[Override]:
    """Rows match by company, what and day; a new one belongs to the agreement in force on that day, or to the next one."""
    draft: Drafted[Override] = Drafted()
    by_company = await _agreements(db, ground)
    stored = await overrides.of_agreements(db, [one.id for each in by_company.values() for one in each])
    by_key = {(one.agreement_id, one.what, one.valid_from or ""): one for one in stored}
    plan_ids = {folded(plan.name): plan.id for plan in await plans.everything(db)}
    async for row in ground.rows():
        try:
            company_id = ground.known.company(row.values)
            before, after = _override(row, ground, by_company.get(company_id, []), by_key, plan_ids)
            draft.first_of((after.agreement_id, after.what, after.valid_from), row, "what")
        except Refused as why:
            draft.refuse(row, why)
            continue
        draft.take(row, f"{ground.known.names[company_id]}: {after.what}", before, after)
    return draft


async def _agreements(db: Db, ground: Ground) -> dict[str, list[Agreement]]:
    found: dict[str, list[Agreement]] = {}
    for one in await agreements.of_companies(db, list(ground.known.names)):
        found.setdefault(one.company_id, []).append(one)
    return found


def _override(
    row: Row, ground: Ground, theirs: Sequence[Agreement], by_key: dict[tuple[str, str, str], Override], plan_ids: dict[str, str]
) -> tuple[Override | None, Override]:
    values = row.values
    what, day = values["what"], values["valid_from"].isoformat() if values["valid_from"] else ""
    before = next((found for one in reversed(theirs) if (found := by_key.get((one.id, what, day)))), None)
    valid_to = ground.day(row, "valid_to", before)
    if valid_to is not None and valid_to <= day:
        raise Refused("valid_to", valid_to, "It must be later than valid_from: it is the first day without the override.")
    said = _meant(what, values["value"], plan_ids)
    if before:
        return before, structs.replace(before, valid_to=valid_to, **said)
    owner = _owner(theirs, day or ground.today)
    if owner is None:
        raise Refused("valid_from", day, "The company has no agreement on this day or later.")
    return None, Override(id=new_id(), agreement_id=owner.id, what=what, valid_from=day or None, valid_to=valid_to, **said)


def _owner(theirs: Sequence[Agreement], day: str) -> Agreement | None:
    return next((one for one in theirs if day < (one.ended_on or FOREVER)), None)


def _meant(what: str, value: str, plan_ids: dict[str, str]) -> dict[str, Any]:
    if what == "plan":
        if folded(value) not in plan_ids:
            raise Refused("value", value, "There is no plan of this name.")
        return _said(what, 0, plan_ids[folded(value)])
    try:
        said: Decimal | None = _DECIMAL(value)
    except BadCell as wrong:
        raise Refused("value", value, f"The value {wrong.args[0]}.") from wrong
    if said is None:
        raise Refused("value", value, "A number is needed here.")
    return _said(what, number(said, "value", QUANTITY_PLACES if what in IN_E6 else PRICE_PLACES), "")


def _said(what: str, number: int, text: str) -> dict[str, Any]:
    said = spelled({"what": what, "number": number, "text": text})
    return {name: said[name] for name in ("number", "text", "value", "plan_id")}
