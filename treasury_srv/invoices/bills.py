"""The bills of a month for the whole book or for one company: gathers what they are made of, works them out, remembers the figures."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from hmlib.db.database import Db
from hmlib.nexus.directory import Summary
from hmlib.records.preferences import Preferences
from treasury_srv.billing import periods
from treasury_srv.billing.engine import bill_company
from treasury_srv.billing.facts import Facts, Rules
from treasury_srv.billing.figures import Bill, CompanyBill
from treasury_srv.billing.variance import Variance, variance
from treasury_srv.invoices import gathering, summaries
from treasury_srv.invoices.summaries import CompanyFigures
from treasury_srv.queries import book
from treasury_srv.queries.book import Book
from treasury_srv.queries.invoices import Standing

REMEMBERED_MONTHS = 3
Key = tuple[str, str, str, str, str, tuple[str, ...], int]


class Ground(Struct, frozen=True, gc=False):
    """What a month stands on: its name, today (when it is the running month), the MSP's zone, how pool years run."""

    period: str
    today: str
    zone: str
    pool_year: str


class Month(Struct, frozen=True, gc=False):
    """All companies in a month, in the directory's order; `etag` names this very state, `as_of` is the directory's."""

    period: str
    as_of: str
    etag: str
    companies: list[CompanyFigures]


class CompanyMonth(Struct, frozen=True, gc=False):
    """One company's bills with everything that explains them; `changes` leads from an agreement to its difference from the month before
    (None between two currencies), also for an agreement that ended."""

    bill: CompanyBill
    figures: CompanyFigures
    before: CompanyBill
    changes: dict[str, Variance | None]
    standings: dict[str, Standing]


class Bills:
    """The bills that this process has worked out: one a service.

    Figures are remembered by what they are made of (month, directory, settings, the count of Treasury's changes), so they are
    never stale; the last REMEMBERED_MONTHS states are kept.
    """

    def __init__(self, db: Db, preferences: Preferences, epoch: str = "") -> None:
        """``epoch`` is the database's: after a restore the count of changes comes by the same numbers with other content."""
        self._db, self._preferences, self._epoch = db, preferences, epoch
        self._held: OrderedDict[Key, asyncio.Task[Month]] = OrderedDict()

    async def of_period(self, period: str, summary: Summary, now: str) -> Month:
        """Every company of the directory's answer, billable or not. Raises ValueError for what is no month."""
        ground = await self._ground(period, now)
        version = await book.state(self._db)
        key = (*ground_key(ground), summary.etag or summary.as_of, tuple(company.id for company in summary.companies), version)
        task = self._held.get(key)
        if task is None:
            task = self._held[key] = asyncio.create_task(self._worked_out(ground, summary, key))
            task.add_done_callback(lambda done: self._forget_failed(key, done))
            while len(self._held) > REMEMBERED_MONTHS:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        # Whoever asks first may go away; the others still wait for the same work.
        return await asyncio.shield(task)

    async def of_company(self, period: str, company_id: str, summary: Summary, now: str) -> CompanyMonth | None:
        """One company with all its lines and the month before; None when the directory's answer does not have it."""
        known = gathering.only(summary, company_id)
        if known is None:
            return None
        ground = await self._ground(period, now)
        alone = Summary(summary.as_of, [known])
        earlier = Ground(periods.preceding(period), "", ground.zone, ground.pool_year)
        async with self._db.read() as snapshot:
            rules, facts, standings = await self._one(snapshot, ground, alone)
            earlier_rules, earlier_facts, _ = await self._one(snapshot, earlier, alone)
        before = bill_company(earlier_facts, earlier_rules)
        bill = bill_company(facts, rules)
        pairs = paired(before.bills, bill.bills)
        if pairs:
            bill = bill_company(facts, rules, pairs)
        figures = summaries.figures(bill, standings)
        return CompanyMonth(bill, figures, before, changes(before.bills, bill.bills, pairs), standings)

    async def _one(self, db: Db, ground: Ground, alone: Summary) -> tuple[Rules, Facts, dict[str, Standing]]:
        things = [id for company in alone.companies for id in company.things()]
        found = await self._book(db, ground, [company.id for company in alone.companies], things)
        return _rules(found, ground), next(gathering.facts(found, alone, ground.zone)), found.standings

    async def _ground(self, period: str, now: str) -> Ground:
        month = periods.period(period)
        settings = await self._preferences.all(self._db)
        zone = settings["time_zone"]
        today = periods.work_date(now, zone)
        return Ground(period, today if month.first <= today < month.next_first else "", zone, settings["pool_year"])

    async def _book(self, db: Db, ground: Ground, ids: Sequence[str] | None = None, things: Sequence[str] = ()) -> Book:
        month = periods.period(ground.period)
        days = (f"{periods.year_before(ground.period)}-01", month.first, month.next_first)
        history_at, first_at, next_at = (periods.starts_at(day, ground.zone) for day in days)
        return await book.of_period(db, ground.period, (history_at, first_at, next_at), ids, things)

    async def _worked_out(self, ground: Ground, summary: Summary, key: Key) -> Month:
        found = await self._book(self._db, ground)
        companies = await asyncio.to_thread(_figures, found, summary, ground)
        etag = hashlib.sha256(repr((self._epoch, *key[:-1], found.version)).encode()).hexdigest()[:32]
        return Month(ground.period, summary.as_of, f'"{etag}"', companies)

    def _forget_failed(self, key: Key, task: asyncio.Task[Month]) -> None:
        if task.cancelled() or task.exception():
            self._held.pop(key, None)


def ground_key(ground: Ground) -> tuple[str, str, str, str]:
    """The part of a month's identity that settings and the calendar make."""
    return ground.period, ground.today, ground.zone, ground.pool_year


def _figures(found: Book, summary: Summary, ground: Ground) -> list[CompanyFigures]:
    """Company after company, so that only one's lines are in memory at a time."""
    rules = _rules(found, ground)
    return [summaries.figures(bill_company(facts, rules), found.standings) for facts in gathering.facts(found, summary, ground.zone)]


def _rules(found: Book, ground: Ground) -> Rules:
    runs: Literal["anniversary", "calendar"] = "calendar" if ground.pool_year == "calendar" else "anniversary"
    return Rules(periods.period(ground.period), ground.today, gathering.plans(found), runs)


def paired(before: Sequence[Bill], now: Sequence[Bill]) -> dict[str, Bill]:
    """The bill of the month before that each agreement's bill follows: its own, or that of an agreement it took over from."""
    own = {bill.agreement_id: bill for bill in before}
    pairs = {bill.agreement_id: own[bill.agreement_id] for bill in now if bill.agreement_id in own}
    over = [bill for bill in before if bill.agreement_id not in pairs]
    for bill in now:
        if bill.agreement_id not in pairs and over:
            pairs[bill.agreement_id] = over.pop()
    return pairs


def changes(before: Sequence[Bill], now: Sequence[Bill], pairs: Mapping[str, Bill]) -> dict[str, Variance | None]:
    """By agreement, what makes a month differ from the one before; nothing when there was none before."""
    if not before:
        return {}
    followed = {bill.agreement_id for bill in pairs.values()}
    ended = {bill.agreement_id: variance(bill, None) for bill in before if bill.agreement_id not in followed}
    return ended | {bill.agreement_id: variance(pairs.get(bill.agreement_id), bill) for bill in now}
