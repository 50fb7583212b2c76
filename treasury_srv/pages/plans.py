"""What plans are shown with: their price versions by term and the agreements by them; how new prices begin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hmlib.resources import forms
from hmlib.web.page_handler import PageHandler
from treasury_srv.catalogue import prices
from treasury_srv.catalogue.plans import Plan
from treasury_srv.catalogue.prices import PRICES, RATES, Price
from treasury_srv.catalogue.words import TERMS
from treasury_srv.invoices.gathering import RATE_COLUMNS
from treasury_srv.invoices.labels import words
from treasury_srv.pages.agreements import today_of
from treasury_srv.queries import plans

NOTE = "Prices hold for whole months from this day on, until the next version. A price change never rewrites the past."


@dataclass(frozen=True)
class TermPrices:
    """A plan's versions for one term, the newest first; `current` is the one in force today."""

    term: str
    versions: tuple[Price, ...]
    current: str


async def rows(handler: PageHandler, found: Sequence[Plan]) -> Mapping[str, Any]:
    """The agreements in force by each plan of a list, and the terms it has prices for."""
    priced: dict[str, dict[str, None]] = {}
    for version in await prices.everything(handler.db):
        priced.setdefault(version.plan_id, {})[version.term] = None
    return {"priced": priced, "in_force": await plans.agreements_by_plan(handler.db, await today_of(handler)), **words()}


async def page(handler: PageHandler, plan: Plan) -> Mapping[str, Any]:
    """A plan's price versions side by side."""
    today = await today_of(handler)
    terms = by_term(await prices.of_plan(handler.db, plan.id), today)
    return {
        "in_force": (await plans.agreements_by_plan(handler.db, today)).get(plan.id, 0),
        "by_term": terms,
        "rates": [(RATES[name], column) for name, column in RATE_COLUMNS.items()],
        "missing": [term for term in TERMS if term not in {one.term for one in terms}],
        "today": today,
        **words(),
    }


async def price_form(handler: PageHandler, price: Price | None) -> Mapping[str, Any]:
    """A new version begins like the newest one of the term, as prices rarely start from nothing."""
    if price is not None:
        return {"note": NOTE}
    plan_id, term = handler.query.get("plan_id", ""), handler.query.get("term", "")
    earlier = next((one for one in await prices.of_plan(handler.db, plan_id) if one.term == term), None)
    if earlier is not None:
        return {"begins": {**forms.written(PRICES, earlier, "UTC"), "valid_from": ""}, "note": NOTE}
    return {"begins": {"currency": await handler.preferences.text(handler.db, "default_currency")}, "note": NOTE}


def by_term(versions: Sequence[Price], today: str) -> list[TermPrices]:
    """The versions of a plan (newest first) by term, in the order of the terms."""
    found = []
    for term in TERMS:
        own = tuple(one for one in versions if one.term == term)
        if own:
            current = next((one.id for one in own if one.valid_from <= today), "")
            found.append(TermPrices(term, own, current))
    return found
