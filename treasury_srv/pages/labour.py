"""Labour: the hours worked for companies, as technicians write them down and billing looks them through."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from msgspec import structs

from hmlib.auth.permissions import allowed
from hmlib.db.list_query import ListQuery, Page
from hmlib.nexus.bulk import fetch_by_ids
from hmlib.nexus.directory import Company
from hmlib.nexus.transport import NexusDown
from hmlib.records import audit
from hmlib.tables import export
from treasury_srv.billing import money
from treasury_srv.catalogue import timesheets
from treasury_srv.catalogue.kinds import LABOUR
from treasury_srv.pages.entries import EntryHandler, Frame
from treasury_srv.queries import labour
from treasury_srv.queries.labour import LISTING, LabourEntry

PAGE = 1000
EXPORTED = ["external_id", "company_account_number", "company", "worked_at", "hours", "billable", "description", "ticket", "invoiced"]


class LabourHandler(EntryHandler):
    """What the pages about labour share."""

    noun = LABOUR

    async def frame(self, entry: Any) -> Frame:
        here = self.reverse_url("labour")
        crumbs = (("Labour", here),)
        if not entry.version:
            return Frame("Add labour", here, here, crumbs)
        entry_url, removal = self.reverse_url("labour-entry", entry.id), self.reverse_url("labour-removal", entry.id)
        return Frame("Edit labour", entry_url, here, crumbs, removal)

    async def check(self, before: Any, wanted: Any) -> None:
        if before is None or before.company_id != wanted.company_id:
            await self.check_company(wanted.company_id)

    async def found(self, list_query: ListQuery) -> Page[LabourEntry]:
        return await labour.page_of(self.db, self.known.scope, list_query, timesheets.span(list_query.filters, await self.zone()))

    async def names(self, rows: Sequence[LabourEntry]) -> dict[str, Company]:
        """The companies of some entries, in one call; none while Nexus is away."""
        try:
            return await fetch_by_ids(self.nexus.companies, {row.company_id for row in rows})
        except NexusDown:
            return {}

    async def every_name(self) -> dict[str, Company]:
        """All companies that the caller may see; none while Nexus is away."""
        try:
            return {company.id: company for company in await self.nexus.companies.everything()}
        except NexusDown:
            return {}


class LabourListPage(LabourHandler):
    """Every entry, and where a new one is posted to."""

    @allowed("labour:read")
    async def get(self) -> None:
        page = await self.found(LISTING.read(self.query, self.keys))
        companies = await self.companies()
        self.page("labour/list.html", page=page, companies=await self.names(page.rows), company_options=companies, zone=await self.zone())

    @allowed("labour:write")
    async def post(self) -> None:
        await self.create(_empty(self.now))


class LabourRows(LabourHandler):
    """The rows alone."""

    @allowed("labour:read")
    async def get(self) -> None:
        page = await self.found(LISTING.read(self.query, self.keys))
        self.partial("labour/_rows.html", page=page, companies=await self.names(page.rows))


class LabourExport(LabourHandler):
    """The list as a file that can be imported again, with the filters and order on screen."""

    @allowed("labour:read", export=True)
    async def get(self) -> None:
        asked = {name: value for name, value in self.query.items() if name not in ("format", "cursor", "limit")}
        list_query = LISTING.read(asked, self.keys, limit_default=PAGE)

        async def record(rows: int) -> None:
            async with self.db.write() as tx:
                after = {**asked, "rows": rows}
                await audit.record(tx, self.actor, "labour.exported", "export/labour", now=self.now, after=after)

        rows = self._all(list_query, timesheets.span(list_query.filters, await self.zone()), await self.every_name())
        await export.stream(self, "labour", EXPORTED, rows, self.query.get("format", "csv"), counted=record)

    async def _all(self, list_query: ListQuery, times: Mapping[str, str], companies: Mapping[str, Company]) -> AsyncIterator[list[object]]:
        async with self.db.read(long=True) as snapshot:
            async for row in export.walked(list_query, lambda list_query: labour.page_of(snapshot, self.known.scope, list_query, times)):
                yield _cells(row, companies.get(row.company_id))


class LabourNewPage(LabourHandler):
    """An empty form."""

    @allowed("labour:write")
    async def get(self) -> None:
        company_id = self.query.get("company_id", "")
        await self.show_form(structs.replace(_empty(self.now), company_id=company_id), values={"hours": "", "billable": "on"})


class LabourPage(LabourHandler):
    """The form with what is stored, and where changes are posted to."""

    @allowed("labour:read")
    async def get(self, id: str) -> None:
        entry = await self.entry(id)
        if entry.invoice_id or not self.known.may("labour:write"):
            names = await self.names([entry])
            self.page("labour/page.html", entry=entry, company=names.get(entry.company_id))
        else:
            await self.show_form(entry)

    @allowed("labour:write")
    async def post(self, id: str) -> None:
        await self.change(id)


class LabourRemoval(LabourHandler):
    """For an entry that should never have been."""

    @allowed("labour:write")
    async def post(self, id: str) -> None:
        await self.remove(id)


def _empty(now: str) -> LabourEntry:
    return LabourEntry(id="", company_id="", worked_at=now, hours_e6=0)


def _cells(row: LabourEntry, company: Company | None) -> list[object]:
    named = [company.account_number if company else row.company_id, company.name if company else ""]
    told = [
        row.worked_at,
        export.number(money.quantity_text(row.hours_e6)),
        row.billable,
        row.description,
        row.ticket,
        row.invoice_id is not None,
    ]
    return [row.external_id, *named, *told]
