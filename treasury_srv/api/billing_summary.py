"""The whole book for a month in one answer."""

from typing import Any

from hmlib.api.conventions import ids_of
from hmlib.api.openapi import documented
from hmlib.auth.permissions import allowed
from hmlib.web.api_handler import ApiHandler
from hmlib.web.headers import etag_of
from hmlib.web.problems import Problem
from treasury_srv.billing import periods
from treasury_srv.invoices import summaries
from treasury_srv.pages.months import visible
from treasury_srv.parts import TreasuryParts


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
        fields = self.query.get("fields", "")
        etag = etag_of(month.etag, level or "", fields)
        if self.not_modified(etag):
            return
        answer = summaries.billing_summary(month.period, month.as_of, visible(month.companies, level))
        self.answer(self._narrowed(answer, fields), etag=etag)

    async def _period(self) -> str:
        today = periods.work_date(self.now, await self.preferences.text(self.db, "time_zone"))
        try:
            return periods.asked(self.query.get("period") or today[:7]).key
        except ValueError:
            raise Problem(400, "invalid_period", "A month is written like 2026-10.") from None

    def _narrowed(self, answer: summaries.BillingSummary, fields: str) -> Any:
        try:
            return summaries.with_fields(answer, [name for name in fields.split(",") if name]) if fields else answer
        except KeyError as unknown:
            raise Problem(400, "invalid_fields", f"A company has no field {unknown.args[0][:50]!r}.") from None
