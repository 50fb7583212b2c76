"""The dashboard: this month against the last, what ends soon, what is not billed and why."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

from hmlib.auth.permissions import signed_in
from treasury_srv.catalogue import agreements
from treasury_srv.invoices.summaries import CompanyFigures
from treasury_srv.pages.months import MonthHandler, ShownMonth

ENDING_DAYS = 90
SHOWN = 8


@dataclass(frozen=True)
class PlanShare:
    """What one plan brings in a month in one currency."""

    plan: str
    currency: str
    companies: int
    cents: int


class HomePage(MonthHandler):
    """Those who bill get the dashboard, clients their bills, others the part of Treasury that is theirs."""

    @signed_in
    async def get(self) -> None:
        if self.known.level == "client":
            self.see_other(self.reverse_url("companies"))
        elif self.known.may("billing:read"):
            await self._dashboard()
        elif self.known.may("labour:read"):
            self.see_other(self.reverse_url("labour-entries"))
        else:
            self.page("home/nothing.html")

    async def _dashboard(self) -> None:
        today = await self.today()
        period = ShownMonth(today[:7])
        summary = await self.nexus.billing_summary()
        this, last = [self.seen(await self.bills.of_period(key, summary, self.now)) for key in (period.key, period.previous)]
        until = (date.fromisoformat(today) + timedelta(days=ENDING_DAYS)).isoformat()
        ending = await agreements.ending(self.db, self.known.scope, today, until)
        names = {one.company_id: one.name for one in this.figures}
        self.page(
            "home/dashboard.html",
            period=period,
            this=this.totals,
            last={one.currency: one.cents for one in last.totals},
            shares=plan_shares(this.figures),
            ending=[(one, names.get(one.company_id, ""), _days_left(today, one)) for one in ending[:SHOWN]],
            ending_counts={days: sum(_days_left(today, one) < days for one in ending) for days in (30, 60, 90)},
            not_billable=this.not_billable[:SHOWN],
            not_billable_count=len(this.not_billable),
            active=sum(bool(one.agreements) for one in this.figures),
        )


def plan_shares(figures: list[CompanyFigures]) -> list[PlanShare]:
    """Revenue by plan and currency, the largest first."""
    cents: Counter[tuple[str, str]] = Counter()
    companies: Counter[tuple[str, str]] = Counter()
    for one in (one for company in figures for one in company.agreements):
        cents[one.plan, one.currency] += one.total_cents
        companies[one.plan, one.currency] += 1
    return [PlanShare(plan, currency, companies[plan, currency], amount) for (plan, currency), amount in cents.most_common()]


def _days_left(today: str, agreement: agreements.Agreement) -> int:
    return (date.fromisoformat(agreement.end_on or today) - date.fromisoformat(today)).days
