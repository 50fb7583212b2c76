"""What each company owes for a month: the list of all, and one company's bill with every number explained."""

import sys
from typing import Any

from tornado.web import HTTPError

from hmlib.auth.permissions import allowed, signed_in
from hmlib.db.database import Db
from hmlib.db.list_query import ListDefinition, ListQuery, Page
from hmlib.records import audit
from hmlib.tables import export
from treasury_srv.billing import money
from treasury_srv.catalogue import agreements, line_items, plans, terms
from treasury_srv.invoices.company_rows import CompanyRow, Lines
from treasury_srv.invoices.labels import words
from treasury_srv.pages.months import MonthHandler, visible

LISTING = ListDefinition(
    sorts={"name": "name", "account_number": "account_number", "devices": "devices", "users": "users", "hours": "hours", "total": "total"},
    default="name",
    id_column="company_id",
    filters=("state", "plan", "period"),
)


class CompanyListPage(MonthHandler):
    """Every company in a month, billable or not."""

    template = "companies/list.html"

    @allowed("billing:read")
    async def get(self) -> None:
        list_query = LISTING.read(self.query, self.keys)
        period = await self.shown_month()
        lines = self.seen(await self.month(period.key))
        self.page(
            self.template,
            page=_page(list_query, lines),
            period=period,
            totals=lines.totals,
            missing=len(lines.not_billable),
            plan_options=[(plan, plan) for plan in lines.plans],
            count=len(lines.rows),
        )


class CompanyRows(CompanyListPage):
    """The rows alone."""

    template = "companies/_rows.html"


class CompanyExport(MonthHandler):
    """The list as it is on screen, all its pages, as CSV, XLSX or JSON."""

    @allowed("billing:read", export=True)
    async def get(self) -> None:
        asked = {name: value for name, value in self.query.items() if name not in ("cursor", "limit")}
        list_query = LISTING.read(asked, self.keys, limit_default=sys.maxsize - 1)
        period = await self.shown_month()
        rows = _page(list_query, self.seen(await self.month(period.key))).rows

        async def record(count: int) -> None:
            async with self.db.write() as tx:
                await audit.record(tx, self.actor, "bills.exported", f"period/{period.key}", now=self.now, after={"companies": count})

        await export.answer(self, f"bills-{period.key}", HEADER, (_cells(row) for row in rows), counted=record)


class CompanyBillPage(MonthHandler):
    """One company's bill for a month, with what it is made of. Who has labour but no bills is led to the company's labour."""

    @signed_in
    async def get(self, id: str) -> None:
        if self.known.may("billing:read"):
            await self._bill(id)
        elif self.known.may("labour:read") and self.known.scope.sees(id):
            self.see_other(f"{self.reverse_url('labour-entries')}?company_id={id}")
        else:
            raise HTTPError(403)

    async def _bill(self, id: str) -> None:
        period = await self.shown_month()
        summary = await self.nexus.billing_summary([id])
        today = await self.today()
        async with self.db.read() as snapshot:
            found = await self.bills.of_company(period.key, id, summary, self.now, snapshot)
            parts = await self._parts(snapshot, id, today) if self.known.may("billing:write") else None
        if found is None:
            raise HTTPError(404)
        shown = visible([found.figures], self.known.level)
        self.page("companies/bill.html", period=period, month=found, shown=bool(shown), as_of=summary.as_of, parts=parts, **words())

    async def _parts(self, snapshot: Db, id: str, today: str) -> dict[str, Any]:
        """What the bill is made of, for those who may change it."""
        own = await agreements.of_companies(snapshot, [id])
        return {
            "agreements": [(one, terms.state(one, today)) for one in reversed(own)],
            "plans": {plan.id: plan.name for plan in await plans.everything(snapshot)},
            "items": await line_items.of_companies(snapshot, [id]),
            "currency": own[-1].currency if own else await self.preferences.text(snapshot, "default_currency"),
        }


def _page(list_query: ListQuery, lines: Lines) -> Page[CompanyRow]:
    sort = list_query.sort.removeprefix("-")
    return list_query.page_out_of_sorted(lines.found(list_query), lambda row: row.sorts[sort])


HEADER = ["account_number", "name", "status", "reason", "plan", "devices", "users", "hours", "currency", "subtotal", "tax", "total"]


def _cells(row: CompanyRow) -> list[object]:
    one, total = row.figures, row.figures.sum
    amounts = (
        [export.number(money.amount_text(cents, total.currency)) for cents in (total.subtotal_cents, total.tax_cents, total.total_cents)]
        if total
        else [None] * 3
    )
    reason = one.refusal.reason if one.refusal else None
    counted = [row.devices, row.users, export.number(money.quantity_text(row.hours))]
    return [one.account_number, one.name, one.status, reason, row.plans, *counted, total.currency if total else None, *amounts]
