"""Labour entries for programs, one by one and as whole timesheets."""

from typing import Annotated, Any

import msgspec

from hmlib.api.conventions import QUERY, ItemResult, Lookup, given, listed, patch_of
from hmlib.api.openapi import documented
from hmlib.auth.permissions import allowed
from hmlib.db.list_query import ListQuery, Page
from hmlib.nexus.bulk import fetch_by_ids
from treasury_srv.api.entries import LIST_QUERY, EntryHandler
from treasury_srv.catalogue import timesheets
from treasury_srv.catalogue.kinds import LABOUR
from treasury_srv.queries import labour

MOST_AT_ONCE = 1000
FILTERS = {
    "company_id": "Of this company.",
    "billable": "yes or no.",
    "invoiced": "yes or no: on a finalised invoice.",
    "from": "A day of the MSP's time zone, or a UTC time.",
    "to": "A day, included, or a UTC time, excluded.",
}


class LabourEntryDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Hours to be written down: decimal text with at most 6 decimals, worked from a time on (a time without an offset is in the MSP's
    zone). More than 24 in one entry are taken with `hours_confirmed` only, which is not kept. At most one entry has an external id."""

    company_id: str
    worked_at: str
    hours: str
    billable: bool = True
    description: str = ""
    ticket: str = ""
    external_id: str | None = None
    hours_confirmed: bool = False


class LabourEntry(LabourEntryDraft, kw_only=True):
    """Hours worked; `invoice_id` is a finalised invoice's. Times are UTC; `version` is a part of the ETag."""

    id: str
    invoice_id: str | None
    created_at: str
    updated_at: str
    version: int


class TimesheetEntry(LabourEntryDraft, kw_only=True):
    """An entry as another program keeps it, under its own id."""

    external_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Timesheet(msgspec.Struct, forbid_unknown_fields=True):
    """At most 1,000 entries."""

    items: Annotated[list[TimesheetEntry], msgspec.Meta(max_length=MOST_AT_ONCE)]


class TimesheetAnswer(msgspec.Struct):
    """What became of each entry, in the order in which they came."""

    items: list[ItemResult]


LabourEntryPatch = patch_of(LabourEntryDraft)
LabourListed = listed(LabourEntry)


class LabourHandler(EntryHandler):
    """What the addresses of labour entries share."""

    noun = LABOUR
    kind = LabourEntry
    listing = labour.LISTING

    async def page_of(self, list_query: ListQuery) -> Page[Any]:
        return await labour.page_of(self.db, self.known.scope, list_query, timesheets.span(list_query.filters, await self.zone()))

    def empty(self, wanted: dict[str, Any]) -> Any:
        return labour.LabourEntry(id="", company_id="", worked_at="", hours_e6=0)

    async def check(self, before: Any, wanted: Any) -> None:
        if before is None or before.company_id != wanted.company_id:
            await self.check_company(wanted.company_id)


class LabourList(LabourHandler):
    """All labour entries."""

    @allowed("labour:read")
    @documented(answers=LabourListed, query={"q": QUERY["q"], **FILTERS, **LIST_QUERY})
    async def get(self) -> None:
        """The labour for companies that the caller may see, the latest first."""
        await self.answer_list()

    @allowed("labour:write")
    @documented(takes=LabourEntryDraft, answers=LabourEntry, status=201)
    async def post(self) -> None:
        """Write an entry down."""
        await self.create(LabourEntryDraft)


class LabourLookup(LabourHandler):
    """Many labour entries by id."""

    @allowed("labour:read")
    @documented(takes=Lookup, answers=LabourListed)
    async def post(self) -> None:
        """Those of up to 5,000 ids that the caller may see."""
        await self.answer_lookup()


class LabourOne(LabourHandler):
    """One labour entry."""

    @allowed("labour:read")
    @documented(answers=LabourEntry)
    async def get(self, id: str) -> None:
        """One labour entry."""
        await self.answer_entry(id)

    @allowed("labour:write")
    @documented(takes=LabourEntryPatch, answers=LabourEntry)
    async def patch(self, id: str) -> None:
        """Change an entry that is not on a finalised invoice; else 409."""
        await self.change(id, LabourEntryPatch)

    @allowed("labour:write")
    @documented(status=204)
    async def delete(self, id: str) -> None:
        """Delete an entry that is not on a finalised invoice; else 409."""
        await self.remove(id)


class LabourBulk(LabourHandler):
    """Timesheets."""

    @allowed("labour:write")
    @documented(takes=Timesheet, answers=TimesheetAnswer)
    async def put(self) -> None:
        """Make or change entries by external id, as often as one likes; each gets an answer of its own."""
        entries = [given(item) for item in self.body(Timesheet).items]
        scope = self.known.scope
        companies = await fetch_by_ids(self.nexus.companies, {entry["company_id"] for entry in entries if scope.sees(entry["company_id"])})
        deed, zone = await self.deed(), await self.zone()
        async with self.transaction() as tx:
            self.answer(TimesheetAnswer(await timesheets.put(tx, scope, frozenset(companies), entries, deed, zone)))
