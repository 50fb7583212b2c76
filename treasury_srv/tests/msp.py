"""The MSP of the worked cases: its rates, one company, one agreement, and short ways to vary them."""

from decimal import Decimal

from treasury_srv.billing import periods
from treasury_srv.billing.engine import bill_company
from treasury_srv.billing.facts import (
    PRICE_RATES,
    Agreement,
    Asset,
    Company,
    Contact,
    Entry,
    Facts,
    LineItem,
    Override,
    Plan,
    PriceVersion,
    Rules,
)
from treasury_srv.billing.money import ONE_E6, scaled

TB = 2**40
RATES = dict(zip(PRICE_RATES, (50, 20, 100, 80, 15, 25, 150, 25, 50, 1, 15), strict=True))
COMPANY = Company("c1", "100001", "Acme")


def e6(number: str | int) -> int:
    return scaled(Decimal(number), 6)


def e4(number: str | int) -> int:
    return scaled(Decimal(number), 4)


def rates(**changed) -> dict[str, int]:
    return {name: (e6 if name == "backup_included_tb" else e4)(value) for name, value in (RATES | changed).items()}


def version(valid_from: str = "2020-01-01", term: str = "1_year", currency: str = "USD", id: str = "", **changed) -> PriceVersion:
    return PriceVersion(id or f"v-{term}-{valid_from}", term, valid_from, currency, rates(**changed))


def plan(*versions: PriceVersion, id: str = "p1", name: str = "Complete") -> Plan:
    return Plan(id, name, {"antivirus": "included"}, versions or (version(),))


def rules(period: str = "2026-10", *, today: str = "2030-01-01", plans: tuple[Plan, ...] = (), pool_year: str = "anniversary") -> Rules:
    return Rules(periods.period(period), today, {one.id: one for one in plans or (plan(),)}, pool_year)


def agreement(start_on: str = "2026-01-01", **other) -> Agreement:
    fixed = {"id": "g1", "plan_id": "p1", "term": "1_year", "end_on": None, "ended_on": None, "currency": "USD"}
    return Agreement(start_on=start_on, **fixed | other)


def facts(*agreements: Agreement, **other) -> Facts:
    return Facts(COMPANY, agreements or (agreement(),), **other)


def asset(id: str = "a1", type: str = "workstation", tb: str = "0", **other) -> Asset:
    return Asset(id, f"pc-{id}", type, backup_bytes=int(Decimal(tb) * TB), **other)


def contact(id: str = "u1", **other) -> Contact:
    return Contact(id, f"User {id}", **other)


def work(hours: str | int, worked_on: str, id: str = "", **other) -> Entry:
    return Entry(id or f"e-{worked_on}-{hours}", worked_on, e6(hours), **other)


def item(price: str, kind: str = "recurring", quantity: str | int = 1, id: str = "", **other) -> LineItem:
    return LineItem(id or f"i-{kind}-{price}", f"Item {kind} {price}", kind, e6(quantity), e4(price), **other)


def override(what: str, number: int = 0, valid_from: str = "", valid_to: str | None = None, text: str = "", id: str = "") -> Override:
    return Override(id or f"o-{what}-{valid_from}", what, valid_from, valid_to, number, text)


def bill(known: Facts, common: Rules | None = None, previous=None):
    """The one bill of a company that has exactly one."""
    found = bill_company(known, common or rules(), previous)
    assert len(found.bills) == 1, found.refusals
    return found.bills[0]


def pooled(*entries: Entry, start_on: str = "2026-01-01", monthly: int = 4, yearly: int = 20, **other) -> Facts:
    """A company with prepaid hours."""
    terms = agreement(start_on, prepaid_hours_monthly_e6=monthly * ONE_E6, prepaid_hours_yearly_e6=yearly * ONE_E6, **other)
    return facts(terms, entries=entries)
