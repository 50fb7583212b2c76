"""Agreements: the list, one with its overrides and manual items, and the forms to make, renew, change and end one."""

from collections.abc import Sequence
from typing import Any

from msgspec import structs
from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from hmlib.db.list_query import ListQuery, Page
from hmlib.nexus.bulk import fetch_by_ids
from hmlib.nexus.transport import NexusDown
from hmlib.records import audit
from hmlib.tables import export
from treasury_srv.billing import money, periods
from treasury_srv.catalogue import checks, kinds
from treasury_srv.catalogue.kinds import AGREEMENTS
from treasury_srv.invoices.labels import STATE_LABELS, words
from treasury_srv.pages.entries import EntryHandler, Frame
from treasury_srv.queries import agreements, manual_items, overrides, plans, prices
from treasury_srv.queries.agreements import LISTING, Agreement

FOUND_AT_MOST = 1000


class AgreementHandler(EntryHandler):
    """What the pages about agreements share."""

    noun = AGREEMENTS

    async def frame(self, entry: Any) -> Frame:
        here = self.reverse_url("agreement", entry.id)
        name = await self.company_name(entry.company_id)
        crumbs = (("Agreements", self.reverse_url("agreements")), (name, here))
        return Frame(f"Edit the agreement of {name}", here, here, crumbs, self.reverse_url("agreement-removal", entry.id))

    async def found(self, list_query: ListQuery) -> Page[Agreement]:
        """The page asked for; the search is for companies, which Nexus knows."""
        ids = None
        if list_query.q:
            companies = await self.nexus.companies.page(q=list_query.q, limit=str(FOUND_AT_MOST))
            ids = [company.id for company in companies.items]
        return await agreements.page_of(self.db, self.known.scope, list_query, await self.today(), ids)

    async def around(self, rows: Sequence[Agreement]) -> dict[str, Any]:
        """The names that belong to agreements: companies in one call, plans, and where each agreement stands."""
        try:
            companies = await fetch_by_ids(self.nexus.companies, {row.company_id for row in rows})
        except NexusDown:
            companies = {}
        today = await self.today()
        return {
            "companies": companies,
            "plans": {plan.id: plan.name for plan in await plans.everything(self.db)},
            "states": {row.id: agreements.state(row, today) for row in rows},
            **words(),
        }


class AgreementListPage(AgreementHandler):
    """Every agreement."""

    template = "agreements/list.html"

    @allowed("billing:read", staff=True)
    async def get(self) -> None:
        page = await self.found(LISTING.read(self.query, self.keys))
        around = await self.around(page.rows)
        self.page(self.template, page=page, state_options=list(STATE_LABELS.items()), plan_options=list(around["plans"].items()), **around)


class AgreementRows(AgreementListPage):
    """The rows alone."""

    template = "agreements/_rows.html"


class AgreementNewPage(AgreementHandler):
    """The form for a company's new agreement: empty, or like the one that it `renews`; and where it is posted to."""

    @allowed("billing:write")
    async def get(self, company_id: str) -> None:
        empty = await self.empty(company_id)
        if "renews" in self.query:
            empty = await self._renewal(company_id, self.query["renews"])
        await self.show_form(empty)

    @allowed("billing:write")
    async def post(self, company_id: str) -> None:
        await self.create(await self.empty(company_id))

    async def empty(self, company_id: str) -> Agreement:
        """What a new agreement begins with: the settings' currency, tax and days until due."""
        await self.company_name(company_id)
        settings = await self.preferences.all(self.db)
        return Agreement(
            id="",
            company_id=company_id,
            plan_id="",
            term="",
            start_on="",
            currency=settings["default_currency"],
            tax_percent_e4=money.scaled(settings["default_tax_percent"], money.PRICE_PLACES),
            due_days=int(settings["default_due_days"]),
        )

    async def frame(self, entry: Any) -> Frame:
        name = await self.company_name(entry.company_id)
        company = self.reverse_url("company", entry.company_id)
        action = self.reverse_url("company-agreements", entry.company_id)
        note = "An agreement whose term is over ends by itself when the next one starts."
        return Frame(f"New agreement for {name}", action, company, ((name, company),), note=note)

    async def after(self, entry: Any) -> str:
        return self.reverse_url("agreement", entry.id)

    async def _renewal(self, company_id: str, id: str) -> Agreement:
        """The same terms from the day after the last agreed one, or from next month on where there is none."""
        earlier: Agreement = await self.entry(id)
        if earlier.company_id != company_id:
            raise HTTPError(404)
        next_month = periods.period((await self.today())[:7]).next_first
        start_on = earlier.ended_on or (periods.day_after(earlier.end_on) if earlier.end_on else next_month)
        return structs.replace(earlier, id="", start_on=start_on, end_on=None, ended_on=None, version=0)


class AgreementPage(AgreementHandler):
    """One agreement with what it has otherwise; where changes are posted to."""

    @allowed("billing:read", staff=True)
    async def get(self, id: str) -> None:
        agreement: Agreement = await self.entry(id)
        today = await self.today()
        async with self.db.read() as snapshot:
            others = await agreements.of_companies(snapshot, [agreement.company_id])
            own, manual = await overrides.of_agreements(snapshot, [id]), await manual_items.of_agreement(snapshot, id)
        around = await self.around([agreement])
        self.page(
            "agreements/page.html",
            agreement=agreement,
            state=agreements.state(agreement, today),
            company_name=await self.company_name(agreement.company_id),
            overrides=[(one, kinds.OVERRIDES.shown(one)) for one in own],
            manual=manual,
            others=[other for other in others if other.id != id],
            doubt=await self._doubt(agreement, today),
            today=today,
            what_labels=checks.WHAT_LABELS,
            type_labels=checks.TYPE_LABELS,
            **around,
        )

    async def _doubt(self, agreement: Agreement, today: str) -> str:
        """Why the agreement cannot be billed by its own plan."""
        day = max(agreement.start_on, f"{today[:7]}-01")
        offered = [one for one in await prices.of_plan(self.db, agreement.plan_id) if one.term == agreement.term and one.valid_from <= day]
        if not offered:
            return "The plan has no prices for this term: the company is not billable."
        if offered[0].currency != agreement.currency:
            return f"The plan's prices are in {offered[0].currency}, the agreement in {agreement.currency}: the company is not billable."
        return ""

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        await self.change(id)


class AgreementEditPage(AgreementHandler):
    """The form with what is stored."""

    @allowed("billing:write")
    async def get(self, id: str) -> None:
        await self.show_form(await self.entry(id))


class AgreementRemoval(AgreementHandler):
    """For an agreement that should never have been; the normal end is the day it ends on."""

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        await self.remove(id)

    async def after(self, entry: Any) -> str:
        return self.reverse_url("company", entry.company_id)


class AgreementExport(AgreementHandler):
    """The list as a file, with the filters and order on screen."""

    @allowed("billing:read", staff=True, export=True)
    async def get(self) -> None:
        asked = {name: value for name, value in self.query.items() if name not in ("format", "cursor", "limit")}
        found = [row async for row in export.walked(LISTING.read(asked, self.keys, limit_default=1000), self.found)]
        around = await self.around(found)

        async def record(rows: int) -> None:
            async with self.db.write() as tx:
                after = {**asked, "rows": rows}
                await audit.record(tx, self.actor, "agreements.exported", "export/agreements", now=self.now, after=after)

        header = ["company_account_number", "company", "plan", "state", *_EXPORTED]
        await export.answer(self, "agreements", header, (_cells(row, around) for row in found), counted=record)


_EXPORTED = [
    *("start_on", "term", "end_on", "ended_on", "currency", "proration", "prepaid_hours_monthly", "prepaid_hours_yearly"),
    *("minimum_hours_per_entry", "rounding_hours", "tax_percent", "due_days"),
]


_DECIMALS = {"prepaid_hours_monthly", "prepaid_hours_yearly", "minimum_hours_per_entry", "rounding_hours", "tax_percent"}


def _cells(row: Agreement, around: dict[str, Any]) -> list[object]:
    company, values = around["companies"].get(row.company_id), AGREEMENTS.public(row)
    named = [company.account_number if company else row.company_id, company.name if company else ""]
    return [*named, around["plans"].get(row.plan_id, ""), around["states"][row.id], *(_cell(name, values[name]) for name in _EXPORTED)]


def _cell(name: str, value: Any) -> object:
    if name.endswith("_on"):
        return export.day(value)
    return export.number(value) if name in _DECIMALS else value
