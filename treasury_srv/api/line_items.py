"""Line items of companies for programs."""

from typing import Any, Literal

import msgspec

from hmlib.api.conventions import QUERY, Lookup, listed, patch_of
from hmlib.api.openapi import documented
from hmlib.auth.permissions import allowed
from hmlib.db.list_query import ListQuery, Page
from treasury_srv.api.entries import LIST_QUERY, EntryHandler
from treasury_srv.catalogue.kinds import LINE_ITEMS
from treasury_srv.queries import line_items


class LineItemDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A line item to be, of exactly one kind: recurring has `from_on` and `to_on` (the first day without it), one_off a year and a month,
    yearly a month. Quantity and price are decimal text; a negative price is a discount."""

    company_id: str
    name: str
    kind: Literal["recurring", "one_off", "yearly"]
    quantity: str = "1"
    unit_price: str
    from_on: str | None = None
    to_on: str | None = None
    year: int | None = None
    month: int | None = None
    tax_category: Literal["standard", "zero", "exempt", "reverse_charge", "outside"] = "standard"


class LineItem(LineItemDraft, kw_only=True):
    """A line item. Times are UTC; `version` is a part of the ETag."""

    id: str
    created_at: str
    updated_at: str
    version: int


LineItemPatch = patch_of(LineItemDraft, without=["company_id"])
LineItemListed = listed(LineItem)


class LineItemHandler(EntryHandler):
    """What both addresses of line items share."""

    noun = LINE_ITEMS
    kind = LineItem
    listing = line_items.LISTING

    async def page_of(self, list_query: ListQuery) -> Page[Any]:
        return await line_items.page_of(self.db, self.known.scope, list_query)

    def empty(self, wanted: dict[str, Any]) -> Any:
        return line_items.LineItem(id="", company_id=wanted["company_id"], name="", kind="", unit_price_e4=0)

    async def check(self, before: Any, wanted: Any) -> None:
        if before is None:
            await self.check_company(wanted.company_id)


class LineItemList(LineItemHandler):
    """All line items."""

    @allowed("billing:read", staff=True)
    @documented(
        answers=LineItemListed,
        query={"q": QUERY["q"], "company_id": "Of this company.", "kind": "recurring, one_off or yearly.", **LIST_QUERY},
    )
    async def get(self) -> None:
        """The line items of companies that the caller may see."""
        await self.answer_list()

    @allowed("billing:write")
    @documented(takes=LineItemDraft, answers=LineItem, status=201)
    async def post(self) -> None:
        """Add a line item."""
        await self.create(LineItemDraft)


class LineItemLookup(LineItemHandler):
    """Many line items by id."""

    @allowed("billing:read", staff=True)
    @documented(takes=Lookup, answers=LineItemListed)
    async def post(self) -> None:
        """Those of up to 5,000 ids that the caller may see."""
        await self.answer_lookup()


class LineItemEntry(LineItemHandler):
    """One line item."""

    @allowed("billing:read", staff=True)
    @documented(answers=LineItem)
    async def get(self, id: str) -> None:
        """One line item."""
        await self.answer_entry(id)

    @allowed("billing:write")
    @documented(takes=LineItemPatch, answers=LineItem)
    async def patch(self, id: str) -> None:
        """Change a line item."""
        await self.change(id, LineItemPatch)

    @allowed("billing:write")
    @documented(status=204)
    async def delete(self, id: str) -> None:
        """Delete a line item."""
        await self.remove(id)
