"""What agreements have otherwise than their plans, for programs: overrides, and manual devices and users."""

from typing import Any, Literal

import msgspec

from hmlib.api.conventions import Lookup, listed, patch_of
from hmlib.auth.permissions import allowed
from hmlib.db.list_query import ListQuery, Page
from hmlib.errors import Invalid
from hmlib.web.api_handler import documented
from treasury_srv.api.entries import LIST_QUERY, EntryHandler
from treasury_srv.catalogue.kinds import MANUAL_ITEMS, OVERRIDES
from treasury_srv.queries import agreements, manual_items, overrides

BillingType = Literal["workstation", "server", "vm", "switch", "firewall", "other", "custom", "no_charge", "paid", "free"]


class OverrideDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An override to be: `what` is a rate such as per_user, prepaid_hours_monthly, prepaid_hours_yearly, plan, or feature:NAME. `value` is
    a decimal text, or a feature's text; an override by another plan has its `plan_id` instead. Without `valid_from` it holds always."""

    agreement_id: str
    what: str
    value: str = ""
    plan_id: str = ""
    valid_from: str | None = None
    valid_to: str | None = None


class Override(OverrideDraft, kw_only=True):
    """An override; `valid_to` is the first day without it. Times are UTC; `version` is a part of the ETag."""

    id: str
    created_at: str
    updated_at: str
    version: int


class ManualItemDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A device or user by hand: a device is billed as one of the types of assets, a user as paid, free or custom; custom needs a price."""

    agreement_id: str
    kind: Literal["device", "user"]
    name: str
    billing_type: BillingType
    price: str = ""
    from_on: str | None = None
    to_on: str | None = None
    note: str = ""


class ManualItem(ManualItemDraft, kw_only=True):
    """A device or user by hand; `to_on` is the first day without it. Times are UTC; `version` is a part of the ETag."""

    id: str
    created_at: str
    updated_at: str
    version: int


OverridePatch = patch_of(OverrideDraft, without=["agreement_id"])
OverrideListed = listed(Override)
ManualItemPatch = patch_of(ManualItemDraft, without=["agreement_id"])
ManualItemListed = listed(ManualItem)
OF_AGREEMENT = {"agreement_id": "Of this agreement.", "company_id": "Of this company's agreements."}


class PartHandler(EntryHandler):
    """What belongs to an agreement is for those who see it."""

    async def check(self, before: Any, wanted: Any) -> None:
        if before is None and await agreements.visible(self.db, self.known.scope, wanted.agreement_id) is None:
            raise Invalid({"agreement_id": "There is no such agreement."})


class OverrideHandler(PartHandler):
    """What both addresses of overrides share."""

    noun = OVERRIDES
    kind = Override
    listing = overrides.LISTING

    async def page_of(self, list_query: ListQuery) -> Page[Any]:
        return await overrides.page_of(self.db, self.known.scope, list_query)

    def empty(self, wanted: dict[str, Any]) -> Any:
        return overrides.Override(id="", agreement_id=wanted["agreement_id"], what="")


class OverrideList(OverrideHandler):
    """All overrides."""

    @allowed("billing:read", staff=True)
    @documented(answers=OverrideListed, query={**OF_AGREEMENT, "what": "Of this one thing.", **LIST_QUERY})
    async def get(self) -> None:
        """The overrides of agreements that the caller may see."""
        await self.answer_list()

    @allowed("billing:write")
    @documented(takes=OverrideDraft, answers=Override, status=201)
    async def post(self) -> None:
        """Add an override."""
        await self.create(OverrideDraft)


class OverrideLookup(OverrideHandler):
    """Many overrides by id."""

    @allowed("billing:read", staff=True)
    @documented(takes=Lookup, answers=OverrideListed)
    async def post(self) -> None:
        """Those of up to 5,000 ids that the caller may see."""
        await self.answer_lookup()


class OverrideEntry(OverrideHandler):
    """One override."""

    @allowed("billing:read", staff=True)
    @documented(answers=Override)
    async def get(self, id: str) -> None:
        """One override."""
        await self.answer_entry(id)

    @allowed("billing:write")
    @documented(takes=OverridePatch, answers=Override)
    async def patch(self, id: str) -> None:
        """Change an override."""
        await self.change(id, OverridePatch)

    @allowed("billing:write")
    @documented(status=204)
    async def delete(self, id: str) -> None:
        """Back to what the plan says."""
        await self.remove(id)


class ManualItemHandler(PartHandler):
    """What both addresses of manual devices and users share."""

    noun = MANUAL_ITEMS
    kind = ManualItem
    listing = manual_items.LISTING

    async def page_of(self, list_query: ListQuery) -> Page[Any]:
        return await manual_items.page_of(self.db, self.known.scope, list_query)

    def empty(self, wanted: dict[str, Any]) -> Any:
        return manual_items.ManualItem(id="", agreement_id=wanted["agreement_id"], kind="", name="", billing_type="")


class ManualItemList(ManualItemHandler):
    """All manual devices and users."""

    @allowed("billing:read", staff=True)
    @documented(answers=ManualItemListed, query={**OF_AGREEMENT, "kind": "device or user.", **LIST_QUERY})
    async def get(self) -> None:
        """The manual devices and users of agreements that the caller may see."""
        await self.answer_list()

    @allowed("billing:write")
    @documented(takes=ManualItemDraft, answers=ManualItem, status=201)
    async def post(self) -> None:
        """Add a device or user by hand."""
        await self.create(ManualItemDraft)


class ManualItemLookup(ManualItemHandler):
    """Many manual devices and users by id."""

    @allowed("billing:read", staff=True)
    @documented(takes=Lookup, answers=ManualItemListed)
    async def post(self) -> None:
        """Those of up to 5,000 ids that the caller may see."""
        await self.answer_lookup()


class ManualItemEntry(ManualItemHandler):
    """One manual device or user."""

    @allowed("billing:read", staff=True)
    @documented(answers=ManualItem)
    async def get(self, id: str) -> None:
        """One manual device or user."""
        await self.answer_entry(id)

    @allowed("billing:write")
    @documented(takes=ManualItemPatch, answers=ManualItem)
    async def patch(self, id: str) -> None:
        """Change a manual device or user."""
        await self.change(id, ManualItemPatch)

    @allowed("billing:write")
    @documented(status=204)
    async def delete(self, id: str) -> None:
        """It does not count any more, as if it had never been."""
        await self.remove(id)
