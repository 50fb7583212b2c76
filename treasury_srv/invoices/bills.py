"""The bills of a month for the whole book or for one company."""

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import Struct

from hmlib.cache import Bounded
from hmlib.db import change_numbers
from hmlib.db.database import Db
from hmlib.nexus.directory import Summary
from hmlib.records.preferences import Preferences
from treasury_srv.billing import periods
from treasury_srv.billing.engine import bill_company
from treasury_srv.billing.facts import Facts, Rules
from treasury_srv.billing.figures import Bill, CompanyBill
from treasury_srv.billing.variance import Variance, variance
from treasury_srv.invoices import gathering, summaries
from treasury_srv.invoices.month_book import Ground, Month, MonthBook, ground_key, of_month, rules_of
from treasury_srv.invoices.summaries import CompanyFigures
from treasury_srv.queries.invoices import InvoiceState

REMEMBERED_MONTHS = 3


class CompanyMonth(Struct, frozen=True, gc=False):
    """One company's bills with everything that explains them; `changes` leads from an agreement to its difference from the month before
    (None between two currencies), also for an agreement that ended."""

    bill: CompanyBill
    figures: CompanyFigures
    before: CompanyBill
    changes: dict[str, Variance | None]
    invoice_states: dict[str, InvoiceState]


class Bills:
    """The bills that this process has worked out: one a service.

    Figures are kept for the last REMEMBERED_MONTHS months (with what they stand on: today, settings) and brought up to date by what has
    changed, so they are never stale.
    """

    def __init__(self, db: Db, preferences: Preferences, epoch: str = "") -> None:
        """``epoch`` is the database's: after a restore a month may look the same by its numbers and be another."""
        self._db, self._preferences, self._epoch = db, preferences, epoch
        self._months: Bounded[tuple[str, ...], MonthBook] = Bounded(REMEMBERED_MONTHS)
        self._working: dict[tuple[tuple[str, ...], int], asyncio.Task[Month]] = {}

    async def of_period(self, period: str, summary: Summary, now: str) -> Month:
        """Every company of the directory's answer, billable or not. Raises ValueError for what is no month."""
        ground = await self._ground(period, now)
        book = self._months.get(ground_key(ground))
        if book is None:
            book = MonthBook(ground, self._epoch)
            self._months.put(ground_key(ground), book)
        held = book.view(summary, await change_numbers.latest(self._db))
        if held is not None:
            return held
        key = ground_key(ground), id(summary.companies)
        work = self._working.get(key)
        if work is None:
            work = self._working[key] = asyncio.create_task(book.brought_up(self._db, summary))
            work.add_done_callback(lambda _: self._working.pop(key, None))
        # Whoever asks first may go away; the others still wait for the same work.
        return await asyncio.shield(work)

    async def of_company(self, period: str, company_id: str, summary: Summary, now: str, snapshot: Db | None = None) -> CompanyMonth | None:
        """One company with all its lines and the month before; None when the directory's answer does not have it. It is of the moment of a
        snapshot, the caller's or one of its own."""
        known = gathering.only(summary, company_id)
        if known is None:
            return None
        ground = await self._ground(period, now)
        alone = Summary(summary.as_of, [known])
        earlier = Ground(periods.preceding(period), "", ground.zone, ground.pool_year)
        async with (snapshot or self._db).read() as snapshot:
            rules, facts, invoice_states = await self._one(snapshot, ground, alone)
            earlier_rules, earlier_facts, _ = await self._one(snapshot, earlier, alone)
        before = bill_company(earlier_facts, earlier_rules)
        bill = bill_company(facts, rules)
        pairs = paired(before.bills, bill.bills)
        if pairs:
            bill = bill_company(facts, rules, pairs)
        figures = summaries.figures(bill, invoice_states)
        return CompanyMonth(bill, figures, before, changes(before.bills, bill.bills, pairs), invoice_states)

    async def _one(self, db: Db, ground: Ground, alone: Summary) -> tuple[Rules, Facts, dict[str, InvoiceState]]:
        things = [id for company in alone.companies for id in company.things()]
        found = await of_month(db, ground, [company.id for company in alone.companies], things)
        return rules_of(found, ground), next(gathering.facts(found, alone, ground.zone)), found.invoice_states

    async def _ground(self, period: str, now: str) -> Ground:
        month = periods.period(period)
        settings = await self._preferences.all(self._db)
        zone = settings["time_zone"]
        today = periods.work_date(now, zone)
        return Ground(period, today if month.first <= today < month.next_first else "", zone, settings["pool_year"])


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
