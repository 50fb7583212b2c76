"""The month a page is about, and who sees which of its bills."""

from dataclasses import dataclass

from hmlib.web.page_handler import PageHandler
from hmlib.web.requests import BadRequest
from treasury_srv.billing import periods
from treasury_srv.invoices.bills import Bills
from treasury_srv.invoices.company_rows import Lines
from treasury_srv.invoices.month_book import Month
from treasury_srv.invoices.summaries import CompanyFigures
from treasury_srv.parts import TreasuryParts


@dataclass(frozen=True)
class ShownMonth:
    """A month and its neighbours, each as YYYY-MM."""

    key: str

    @property
    def previous(self) -> str:
        return periods.preceding(self.key)

    @property
    def next(self) -> str:
        return periods.following(self.key)


class MonthHandler(PageHandler):
    """What the pages about a month share."""

    @property
    def bills(self) -> Bills:
        return self.spine.own(TreasuryParts).bills

    async def today(self) -> str:
        """The day it is for the MSP."""
        return periods.work_date(self.now, await self.preferences.text(self.db, "time_zone"))

    async def shown_month(self) -> ShownMonth:
        """The month of ?period=, else the running one. Raises BadRequest."""
        key = self.query.get("period") or (await self.today())[:7]
        try:
            return ShownMonth(periods.asked(key).key)
        except ValueError:
            raise BadRequest("invalid_period", "A month is written like 2026-10.") from None

    async def month(self, key: str) -> Month:
        """Every company the caller may see, in one directory call."""
        return await self.bills.of_period(key, await self.nexus.billing_summary(), self.now)

    def seen(self, month: Month) -> Lines:
        """What the caller sees of it: clients see finalised bills only."""
        return month.final_lines if self.known.level == "client" else month.lines


def visible(companies: list[CompanyFigures], level: str | None) -> list[CompanyFigures]:
    """Clients see finalised bills only; everybody else all of those in their scope."""
    return [one for one in companies if level != "client" or one.status == "finalised"]
