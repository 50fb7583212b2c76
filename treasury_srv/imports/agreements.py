"""Imports of agreements: what a file's rows mean beside those that are stored, renewals included."""

from typing import Any

from msgspec import structs

from hmlib.clock import new_id
from hmlib.db.database import Db
from hmlib.db.list_query import folded
from hmlib.tables.columns import Column
from hmlib.tables.rows import Row
from treasury_srv.billing.money import PRICE_PLACES, QUANTITY_PLACES, scaled
from treasury_srv.billing.periods import TERM_YEARS, end_of_term
from treasury_srv.catalogue import agreements, plans, prices
from treasury_srv.catalogue.agreements import Agreement
from treasury_srv.catalogue.terms import Overlap, fitted
from treasury_srv.imports.planning import Drafted, Ground, Refused

COLUMNS = (
    Column("company_account_number", key=True, required=True),
    Column("start_on", key=True, required=True, kind="date"),
    Column("plan", required=True),
    Column("term", required=True, kind="choice", choices=tuple(TERM_YEARS)),
    Column("end_on", kind="date"),
    Column("ended_on", kind="date"),
    Column("currency", max_length=3),
    Column("proration", kind="choice", choices=("none", "daily")),
    *(Column(name, kind="decimal", minimum=0, places=QUANTITY_PLACES) for name in ("prepaid_hours_monthly", "prepaid_hours_yearly")),
    *(Column(name, kind="decimal", minimum=0, places=QUANTITY_PLACES) for name in ("minimum_hours_per_entry", "rounding_hours")),
    Column("tax_percent", kind="decimal", minimum=0, maximum=100),
    Column("due_days", kind="int", minimum=0, maximum=365),
)


class Offers:
    """The plans by name, and in which currency each is priced."""

    def __init__(self, known: list[plans.Plan], versions: list[prices.Price], default: str) -> None:
        self._ids = {folded(plan.name): plan.id for plan in known}
        self._versions, self._default = versions, default

    def plan_id(self, name: str) -> str:
        """Raises Refused."""
        if folded(name) not in self._ids:
            raise Refused("plan", name, "There is no plan of this name.")
        return self._ids[folded(name)]

    def currency(self, plan_id: str, term: str, day: str) -> str:
        """That of the prices of a day, else of any price of the plan and term, else the default of the settings."""
        priced = [version for version in self._versions if version.plan_id == plan_id and version.term == term]
        now = [version for version in priced if version.valid_from <= day]
        found = max(now, key=lambda version: version.valid_from, default=None) or (priced[0] if priced else None)
        return found.currency if found else self._default


async def draft_agreements(db: Db, ground: Ground) -> Drafted[Agreement]:
    """Rows match by company and start. One that starts after another's term renews it: the other ends on that day."""
    draft: Drafted[Agreement] = Drafted()
    offers = Offers(await plans.everything(db), await prices.everything(db), ground.settings["default_currency"])
    stored = {one.id: one for one in await agreements.of_companies(db, list(ground.known.names))}
    now = dict(stored)
    lines: dict[str, int] = {}
    by_company: dict[str, set[str]] = {}
    for one in stored.values():
        by_company.setdefault(one.company_id, set()).add(one.id)
    async for row in ground.rows(sorted(ground.sheet.rows, key=lambda row: row.values["start_on"].isoformat())):
        try:
            company_id = ground.known.company(row.values)
            theirs = [now[id] for id in sorted(by_company.setdefault(company_id, set()))]
            fit = fitted(theirs, _agreement(row, ground, company_id, theirs, offers))
        except Refused as why:
            draft.refuse(row, why)
            continue
        except Overlap as why:
            draft.refuse(row, Refused("start_on", row.values["start_on"], str(why)))
            continue
        lines[fit.agreement.id] = row.line
        by_company[company_id].add(fit.agreement.id)
        now[fit.agreement.id] = fit.agreement
        if fit.renewed:
            now[fit.renewed.id] = fit.renewed
            lines.setdefault(fit.renewed.id, row.line)
    for id, line in sorted(lines.items(), key=lambda item: item[1]):
        draft.put(line, f"{ground.known.names[now[id].company_id]}, {now[id].start_on}", stored.get(id), now[id])
    return draft


def _agreement(row: Row, ground: Ground, company_id: str, theirs: list[Agreement], offers: Offers) -> Agreement:
    values = row.values
    start_on, term = values["start_on"].isoformat(), values["term"]
    before = next((one for one in theirs if one.start_on == start_on), None)
    plan_id = offers.plan_id(values["plan"])
    currency = ground.currency(row, before, offers.currency(plan_id, term, start_on))
    end_on = ground.day(row, "end_on", before if before and before.term == term else None, end_of_term(start_on, term))
    # People and renewals end agreements: an empty cell does not undo that.
    ended_on = ground.day(row, "ended_on", before, before.ended_on if before else None)
    for column, day in (("end_on", end_on), ("ended_on", ended_on)):
        if day is not None and day < start_on:
            raise Refused(column, day, "It must not be earlier than start_on.")
    said: dict[str, Any] = {"plan_id": plan_id, "term": term, "end_on": end_on, "ended_on": ended_on, "currency": currency}
    said |= {"proration": ground.value(row, "proration", before, "none"), **_numbers(row, ground, before)}
    if before:
        return structs.replace(before, **said)
    return Agreement(id=new_id(), company_id=company_id, start_on=start_on, **said)


def _numbers(row: Row, ground: Ground, before: Agreement | None) -> dict[str, int]:
    """The prepaid hours, the rules for entries, the tax and the days until due."""
    tax = scaled(ground.settings["default_tax_percent"], PRICE_PLACES)
    due = int(ground.settings["default_due_days"])
    return {
        **{name: ground.number(row, column, QUANTITY_PLACES, before, name) for name, column in _HOURS.items()},
        "tax_percent_e4": ground.number(row, "tax_percent", PRICE_PLACES, before, "tax_percent_e4", tax),
        "due_days": ground.value(row, "due_days", before, due),
    }


_HOURS = {
    "prepaid_hours_monthly_e6": "prepaid_hours_monthly",
    "prepaid_hours_yearly_e6": "prepaid_hours_yearly",
    "minimum_hours_e6": "minimum_hours_per_entry",
    "rounding_hours_e6": "rounding_hours",
}
