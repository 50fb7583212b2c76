"""A month's list of companies: a line for each, what they owe together, and the lines in every order. Pure: no I/O."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hmlib.db.list_query import ListQuery, folded
from treasury_srv.invoices.summaries import NOT_BILLABLE, CompanyFigures

DEVICE_COUNTS = ("workstation", "server", "vm", "switch", "firewall", "custom", "no_charge")
USER_COUNTS = ("users", "custom_users")


class CompanyRow:
    """One company's line, with what it is found and sorted by; made once for each state of its figures."""

    __slots__ = ("billable", "devices", "figures", "hours", "plans", "sorts", "text", "total", "users")

    def __init__(self, figures: CompanyFigures) -> None:
        self.figures = figures
        self.billable = figures.status != NOT_BILLABLE
        self.devices = sum(one.counts[name] for one in figures.agreements for name in DEVICE_COUNTS)
        self.users = sum(one.counts[name] for one in figures.agreements for name in USER_COUNTS)
        self.hours = sum(one.worked_e6 for one in figures.agreements)
        self.total = figures.sum.total_cents if figures.sum else -1
        """-1 for what has no total: it sorts before all that is owed."""
        self.plans = ", ".join(dict.fromkeys(one.plan for one in figures.agreements))
        name, id = folded(figures.name), figures.company_id
        self.text = f"{name} {figures.account_number} {folded(self.plans)}"
        self.sorts: Mapping[str, tuple[str | int, str]] = {
            "name": (name, id),
            "account_number": (figures.account_number, id),
            "devices": (self.devices, id),
            "users": (self.users, id),
            "hours": (self.hours, id),
            "total": (self.total, id),
        }

    def matches(self, words: Sequence[str], filters: Mapping[str, str]) -> bool:
        state = filters.get("state")
        fits = state is None or (state == "billable") == self.billable
        return fits and filters.get("plan", self.plans) == self.plans and all(word in self.text for word in words)


@dataclass(frozen=True)
class Total:
    """What all companies of one currency owe together."""

    currency: str
    companies: int
    cents: int


class Lines:
    """The lines of one month, as one sort of caller sees them. What is asked for twice is worked out once."""

    def __init__(self, rows: Sequence[CompanyRow]) -> None:
        self.rows = rows
        self._orders: dict[str, list[CompanyRow]] = {}

    def ordered(self, sort: str) -> list[CompanyRow]:
        """All lines, ascending by the name of an order."""
        if sort not in self._orders:
            self._orders[sort] = sorted(self.rows, key=lambda row: row.sorts[sort])
        return self._orders[sort]

    def found(self, list_query: ListQuery) -> list[CompanyRow]:
        """The lines that a question is about, ascending in its order."""
        ordered, words = self.ordered(list_query.sort.removeprefix("-")), folded(list_query.q).split()
        filters = {name: value for name, value in list_query.filters.items() if name in ("state", "plan")}
        return [row for row in ordered if row.matches(words, filters)] if words or filters else ordered

    @cached_property
    def figures(self) -> list[CompanyFigures]:
        return [row.figures for row in self.rows]

    @cached_property
    def totals(self) -> list[Total]:
        return totals(self.figures)

    @cached_property
    def plans(self) -> list[str]:
        """The names of all plans that a line has."""
        return sorted({one.plan for figures in self.figures for one in figures.agreements})

    @cached_property
    def not_billable(self) -> list[CompanyFigures]:
        return [one for one in self.figures if one.status == NOT_BILLABLE]


def totals(figures: Sequence[CompanyFigures]) -> list[Total]:
    """What is owed, by currency: that of most companies first, then by code."""
    cents: Counter[str] = Counter()
    companies: Counter[str] = Counter()
    for company in figures:
        companies.update({one.currency for one in company.agreements})
        for one in company.agreements:
            cents[one.currency] += one.total_cents
    ordered = sorted(companies, key=lambda currency: (-companies[currency], currency))
    return [Total(currency, companies[currency], cents[currency]) for currency in ordered]
