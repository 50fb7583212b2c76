"""What one agreement has otherwise than its plan: overrides, and manual devices and users."""

from typing import Any

from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from treasury_srv.catalogue.kinds import MANUAL_ITEMS, OVERRIDES
from treasury_srv.pages.entries import EntryHandler, Frame
from treasury_srv.queries import agreements
from treasury_srv.queries.agreements import Agreement
from treasury_srv.queries.manual_items import ManualItem
from treasury_srv.queries.overrides import Override


class PartHandler(EntryHandler):
    """What the forms of an agreement's parts share."""

    titles: tuple[str, str]
    routes: tuple[str, str, str]
    note = ""

    async def agreement(self, id: str) -> Agreement:
        """The agreement, if the caller may see it; else 404."""
        found = await agreements.visible(self.db, self.known.scope, id)
        if found is None:
            raise HTTPError(404)
        return found

    async def frame(self, entry: Any) -> Frame:
        agreement = await self.agreement(entry.agreement_id)
        here = self.reverse_url("agreement", agreement.id)
        crumbs = (("Agreements", self.reverse_url("agreements")), (await self.company_name(agreement.company_id), here))
        new, one, removal = self.routes
        if entry.version:
            return Frame(self.titles[1], self.reverse_url(one, entry.id), here, crumbs, self.reverse_url(removal, entry.id), self.note)
        return Frame(self.titles[0], self.reverse_url(new, agreement.id), here, crumbs, note=self.note)


class OverrideHandler(PartHandler):
    """What the forms of overrides share."""

    noun = OVERRIDES
    titles = ("Add an override", "Edit the override")
    routes = ("agreement-overrides", "override", "override-removal")
    note = "One thing that this agreement has otherwise, on the first day of a month or of the agreement."


class OverrideNewPage(OverrideHandler):
    """An empty form, and where it is posted to."""

    @allowed("billing:write")
    async def get(self, agreement_id: str) -> None:
        await self.show_form(await self.empty(agreement_id), values={"value": "", "what": self.query.get("what", "")})

    @allowed("billing:write")
    async def post(self, agreement_id: str) -> None:
        await self.create(await self.empty(agreement_id))

    async def empty(self, agreement_id: str) -> Override:
        return Override(id="", agreement_id=(await self.agreement(agreement_id)).id, what="")


class OverridePage(OverrideHandler):
    """The form with what is stored, and where changes are posted to."""

    @allowed("billing:write")
    async def get(self, id: str) -> None:
        await self.show_form(await self.entry(id))

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        await self.change(id)


class OverrideRemoval(OverrideHandler):
    """Back to what the plan says."""

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        await self.remove(id)


class ManualItemHandler(PartHandler):
    """What the forms of manual devices and users share."""

    noun = MANUAL_ITEMS
    titles = ("Add a device or user by hand", "Edit the device or user")
    routes = ("agreement-manual-items", "manual-item", "manual-item-removal")
    note = "For what the directory does not know."


class ManualItemNewPage(ManualItemHandler):
    """An empty form, and where it is posted to."""

    @allowed("billing:write")
    async def get(self, agreement_id: str) -> None:
        await self.show_form(await self.empty(agreement_id), values={"price": ""})

    @allowed("billing:write")
    async def post(self, agreement_id: str) -> None:
        await self.create(await self.empty(agreement_id))

    async def empty(self, agreement_id: str) -> ManualItem:
        return ManualItem(id="", agreement_id=(await self.agreement(agreement_id)).id, kind="", name="", billing_type="")


class ManualItemPage(ManualItemHandler):
    """The form with what is stored, and where changes are posted to."""

    @allowed("billing:write")
    async def get(self, id: str) -> None:
        await self.show_form(await self.entry(id))

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        await self.change(id)


class ManualItemRemoval(ManualItemHandler):
    """It does not count any more, as if it had never been."""

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        await self.remove(id)
