"""The whole book for a month in one answer."""

from collections.abc import AsyncIterator, Sequence

from hmlib import json
from hmlib.api.conventions import ids_of
from hmlib.auth.permissions import allowed
from hmlib.tables.spool import Spool
from hmlib.web.api_handler import ApiHandler, documented
from hmlib.web.headers import etag_of
from hmlib.web.problems import Problem
from treasury_srv.billing import periods
from treasury_srv.invoices import summaries
from treasury_srv.invoices.month_book import Month
from treasury_srv.invoices.summaries import CompanyFigures
from treasury_srv.pages.months import visible
from treasury_srv.parts import TreasuryParts

SLICE = 50


class BillingSummary(ApiHandler):
    """GET /api/billing_summary: one object per company the caller may see."""

    @allowed("billing:read")
    @documented(
        answers=summaries.BillingSummary,
        query={
            "period": "the month, YYYY-MM; the running one if left out",
            "ids": "company ids separated by commas, at most 200",
            "fields": "fields of a company to answer, separated by commas",
        },
    )
    async def get(self) -> None:
        """What every company owes for a month, and what could not be worked out and why."""
        ids = ids_of(self.query["ids"]) if "ids" in self.query else None
        summary = await self.nexus.billing_summary(ids)
        bills = self.spine.own(TreasuryParts).bills
        month = await bills.of_period(await self._period(), summary, self.now)
        level = self.known.level
        fields = [name for name in self.query.get("fields", "").split(",") if name]
        etag = etag_of(month.etag, level or "", ",".join(fields))
        self._refuse_unknown(fields)
        if self.not_modified(etag):
            return
        with Spool(self.hm.home) as spool:
            await self._write(spool, month, visible(month.companies, level), fields)
            self.set_header("Content-Type", "application/json; charset=UTF-8")
            await spool.send(self)

    async def _period(self) -> str:
        today = periods.work_date(self.now, await self.preferences.text(self.db, "time_zone"))
        try:
            return periods.asked(self.query.get("period") or today[:7]).key
        except ValueError:
            raise Problem(400, "invalid_period", "A month is written like 2026-10.") from None

    def _refuse_unknown(self, fields: Sequence[str]) -> None:
        for name in fields:
            if name not in summaries.CompanySummary.__struct_fields__:
                raise Problem(400, "invalid_fields", f"A company has no field {name[:50]!r}.")

    async def _write(self, spool: Spool, month: Month, companies: list[CompanyFigures], fields: Sequence[str]) -> None:
        """The answer, some companies at a time, so that others have their turns."""
        ordered = sorted(companies, key=summaries.by_account)
        parts = [ordered[start : start + SLICE] for start in range(0, len(ordered), SLICE)]

        async def slices() -> AsyncIterator[Sequence[object]]:
            for part in parts:
                found = summaries.billing_summary(month.period, month.as_of, part)
                yield summaries.narrowed(found.companies, fields) if fields else found.companies

        head = {"period": month.period, "as_of": month.as_of, "not_computed": summaries.not_computed(ordered)}
        await spool.write(json.encode(head)[:-1] + b',"companies":[')
        await spool.write_items(slices())
        await spool.write(b"]}")
