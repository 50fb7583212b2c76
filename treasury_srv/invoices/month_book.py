"""All companies' figures of one month, kept up to date by what has changed: in Treasury by number, in the directory company by company."""

import asyncio
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from msgspec import Struct

from hmlib.cache import Bounded
from hmlib.db import change_numbers
from hmlib.db.database import Db
from hmlib.nexus.directory import CompanyFacts, Summary
from treasury_srv.billing import periods
from treasury_srv.billing.engine import bill_company
from treasury_srv.billing.facts import Rules
from treasury_srv.invoices import gathering, summaries
from treasury_srv.invoices.company_rows import CompanyRow, Lines
from treasury_srv.invoices.summaries import CompanyFigures
from treasury_srv.queries import book
from treasury_srv.queries.book import Book

REMEMBERED_VIEWS = 4
SLICE = 200
"""Companies that are worked out at a time: no more of their rows and lines are in memory, and others have their turn in between."""
FEW = 10
"""So many are worked out where they are; more go to a thread."""

Mark = int | CompanyFacts


class Ground(Struct, frozen=True, gc=False):
    """What a month stands on: its name, today (when it is the running month), the MSP's zone, how pool years run."""

    period: str
    today: str
    zone: str
    pool_year: str


@dataclass(frozen=True, eq=False)
class Month:
    """All companies that a caller sees in a month, in the directory's order; `etag` names this very state, `as_of` is the directory's."""

    period: str
    as_of: str
    etag: str
    rows: list[CompanyRow]

    @property
    def companies(self) -> list[CompanyFigures]:
        return self.lines.figures

    @cached_property
    def lines(self) -> Lines:
        return Lines(self.rows)

    @cached_property
    def final_lines(self) -> Lines:
        """Those with a finalised bill."""
        return Lines([row for row in self.rows if row.figures.status == "finalised"])


class MonthBook:
    """The lines of every company that was asked for so far, by id, each with a mark of the directory's facts it was made of.

    A company that Treasury's change numbers or the mark name is worked out again, from one snapshot; the others stand.
    """

    def __init__(self, ground: Ground, epoch: str) -> None:
        self._ground, self._epoch = ground, epoch
        self._rows: dict[str, tuple[Mark, CompanyRow]] = {}
        self._number: int | None = None
        self._views: Bounded[int, tuple[Summary, int, Month]] = Bounded(REMEMBERED_VIEWS)
        self._turn = asyncio.Lock()
        self.worked_out = 0
        """How many companies were worked out so far, for tests and figures."""

    def view(self, summary: Summary, number: int) -> Month | None:
        """The month as it was shown for this very directory at this number of Treasury's changes."""
        held = self._views.get(id(summary.companies))
        return held[2] if held and held[0].companies is summary.companies and held[1] == number else None

    async def brought_up(self, db: Db, summary: Summary) -> Month:
        """The month for what a caller sees of the directory, with every change that is in the database by now."""
        async with self._turn, db.read() as snapshot:
            where = await change_numbers.followed(snapshot, self._number)
            if where.anew:
                self._rows.clear()
            else:
                self._drop(await book.changed(snapshot, where.since), summary)
            stale = [company for company in summary.companies if not self._stands(company)]
            for start in range(0, len(stale), SLICE):
                await self._work_out(snapshot, stale[start : start + SLICE])
            self._number = where.number
            return self._month_of(summary, where.number)

    def _drop(self, changes: book.Changes, summary: Summary) -> None:
        """Forget what has changed. A device or person may be at any company: those that this caller does not see are all forgotten then."""
        if changes.things:
            seen = {company.id: company for company in summary.companies}
            kept = {id for id in self._rows if id in seen and not _has(seen[id], changes.things)}
            self._rows = {id: held for id, held in self._rows.items() if id in kept}
        for id in changes.companies:
            self._rows.pop(id, None)

    def _stands(self, company: CompanyFacts) -> bool:
        held = self._rows.get(company.id)
        return held is not None and (held[0] is company or held[0] == _mark(company))

    async def _work_out(self, snapshot: Db, companies: Sequence[CompanyFacts]) -> None:
        ids, things = [company.id for company in companies], [id for company in companies for id in company.things()]
        found = await of_month(snapshot, self._ground, ids, things)
        some = Summary("", list(companies))
        figures = _figures(found, some, self._ground) if len(ids) <= FEW else await asyncio.to_thread(_figures, found, some, self._ground)
        for company, one in zip(companies, figures, strict=True):
            self._rows[company.id] = _mark(company), CompanyRow(one)
        self.worked_out += len(ids)

    def _month_of(self, summary: Summary, number: int) -> Month:
        parts = (self._epoch, *ground_key(self._ground), summary.etag or summary.as_of, number, len(summary.companies))
        etag = hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
        rows = [self._rows[company.id][1] for company in summary.companies]
        month = Month(self._ground.period, summary.as_of, f'"{etag}"', rows)
        self._views.put(id(summary.companies), (summary, number, month))
        return month


def _mark(company: CompanyFacts) -> Mark:
    """What tells these facts from others of the company: their number, or themselves where the directory does not count."""
    return company.number if company.number >= 0 else company


def _has(company: CompanyFacts, things: Collection[str]) -> bool:
    return any(asset.id in things for asset in company.assets) or any(person.id in things for person in company.contacts)


def ground_key(ground: Ground) -> tuple[str, str, str, str]:
    """The part of a month's identity that settings and the calendar make."""
    return ground.period, ground.today, ground.zone, ground.pool_year


async def of_month(db: Db, ground: Ground, ids: Sequence[str], things: Sequence[str]) -> Book:
    """Treasury's rows for some companies, whose devices and people are ``things``."""
    month = periods.period(ground.period)
    days = (f"{periods.year_before(ground.period)}-01", month.first, month.next_first)
    history_at, first_at, next_at = (periods.starts_at(day, ground.zone) for day in days)
    return await book.of_period(db, ground.period, (history_at, first_at, next_at), ids, things)


def rules_of(found: Book, ground: Ground) -> Rules:
    runs: Literal["anniversary", "calendar"] = "calendar" if ground.pool_year == "calendar" else "anniversary"
    return Rules(periods.period(ground.period), ground.today, gathering.plans(found), runs)


def _figures(found: Book, summary: Summary, ground: Ground) -> list[CompanyFigures]:
    """Company after company, so that only one's lines are in memory at a time."""
    rules = rules_of(found, ground)
    return [summaries.figures(bill_company(facts, rules), found.invoice_states) for facts in gathering.facts(found, summary, ground.zone)]
