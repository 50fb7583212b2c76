"""Line items: a company's charges that nothing is counted for."""

from typing import Any

from hmlib.auth.permissions import allowed
from treasury_srv.catalogue.kinds import LINE_ITEMS
from treasury_srv.pages.entries import EntryHandler, Frame
from treasury_srv.queries.line_items import LineItem

NOTE = "Exactly one kind of fee: every month between two days, once in a month of a year, or every year in a month."


class LineItemHandler(EntryHandler):
    """What the forms of line items share."""

    noun = LINE_ITEMS

    async def frame(self, entry: Any) -> Frame:
        company = self.reverse_url("company", entry.company_id)
        crumbs = (("Companies", self.reverse_url("companies")), (await self.company_name(entry.company_id), company))
        if not entry.version:
            return Frame("Add a line item", self.reverse_url("company-line-items", entry.company_id), company, crumbs, note=NOTE)
        removal = self.reverse_url("line-item-removal", entry.id)
        return Frame("Edit the line item", self.reverse_url("line-item", entry.id), company, crumbs, removal, NOTE)


class LineItemNewPage(LineItemHandler):
    """An empty form, and where it is posted to."""

    @allowed("billing:write")
    async def get(self, company_id: str) -> None:
        await self.show_form(await self.empty(company_id), values={"unit_price": ""})

    @allowed("billing:write")
    async def post(self, company_id: str) -> None:
        await self.create(await self.empty(company_id))

    async def empty(self, company_id: str) -> LineItem:
        await self.company_name(company_id)
        return LineItem(id="", company_id=company_id, name="", kind="", unit_price_e4=0)


class LineItemPage(LineItemHandler):
    """The form with what is stored, and where changes are posted to."""

    @allowed("billing:write")
    async def get(self, id: str) -> None:
        await self.show_form(await self.entry(id))

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        await self.change(id)


class LineItemRemoval(LineItemHandler):
    """The item is charged no more, as if it had never been."""

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        await self.remove(id)
