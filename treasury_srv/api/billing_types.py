"""How single devices and people are billed, for programs."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from hmlib.api.conventions import Lookup, listed, patch_of
from hmlib.auth.permissions import allowed
from hmlib.db.list_query import ListQuery, Page
from hmlib.errors import Invalid
from hmlib.web.api_handler import documented
from treasury_srv.api.entries import LIST_QUERY, EntryHandler
from treasury_srv.catalogue import homes
from treasury_srv.catalogue.kinds import ASSET_OVERRIDES, CONTACT_OVERRIDES
from treasury_srv.catalogue.shared_people import shared_people
from treasury_srv.invoices.gathering import only
from treasury_srv.queries import billing_types

FILTERS = {
    "company_id": "Of this company.",
    "billing_type": "Billed like this.",
    **LIST_QUERY,
}


class AssetOverrideDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How a device is billed instead of by its own type; custom needs a price (decimal text), the others have none."""

    asset_id: str
    company_id: str
    billing_type: Literal["workstation", "server", "vm", "switch", "firewall", "other", "custom", "no_charge"]
    price: str = ""


class AssetOverride(AssetOverrideDraft, kw_only=True):
    """How a device is billed. Times are UTC; `version` is a part of the ETag."""

    created_at: str
    updated_at: str
    version: int


class ContactOverrideDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How a person is billed instead of as a paid user; custom needs a price (decimal text), the others have none."""

    contact_id: str
    company_id: str
    billing_type: Literal["paid", "free", "custom"]
    price: str = ""


class ContactOverride(ContactOverrideDraft, kw_only=True):
    """How a person is billed. Times are UTC; `version` is a part of the ETag."""

    created_at: str
    updated_at: str
    version: int


AssetOverridePatch = patch_of(AssetOverrideDraft, without=["asset_id", "company_id"])
AssetOverrideListed = listed(AssetOverride)
ContactOverridePatch = patch_of(ContactOverrideDraft, without=["contact_id", "company_id"])
ContactOverrideListed = listed(ContactOverride)


class OverrideHandler(EntryHandler):
    """What devices' and people's billing types share: each is where the directory has its device or person now."""

    things: Literal["assets", "contacts"]

    async def page_of(self, list_query: ListQuery) -> Page[Any]:
        wanted = {name: value for name, value in list_query.filters.items() if name != "updated_since"}
        since = list_query.filters.get("updated_since", "")
        rows = [
            row
            for row in await self.some(None)
            if row.updated_at >= since and all(getattr(row, name) == value for name, value in wanted.items())
        ]
        return list_query.page_out_of(rows, lambda row: (row.created_at, self.noun.id(row)))

    async def some(self, ids: Sequence[str] | None) -> Sequence[Any]:
        """Those of the ids, or all, that the caller may see."""
        known = homes.homes(await self.nexus.billing_summary(), self.things)
        every = await (billing_types.every_asset if self.things == "assets" else billing_types.every_contact)(self.db)
        chosen = every if ids is None else [row for row in every if self.noun.id(row) in set(ids)]
        return homes.at_home(chosen, known, self.known.scope, self.noun.key)


class AssetOverrideHandler(OverrideHandler):
    """What both addresses of devices' billing types share."""

    noun = ASSET_OVERRIDES
    kind = AssetOverride
    listing = billing_types.ASSET_LISTING
    things = "assets"

    def empty(self, wanted: dict[str, Any]) -> Any:
        return billing_types.AssetOverride(asset_id=wanted["asset_id"], company_id=wanted["company_id"], billing_type="")

    async def check(self, before: Any, wanted: Any) -> None:
        company = None if before else only(await self.nexus.billing_summary([wanted.company_id]), wanted.company_id)
        if before is None and (company is None or wanted.asset_id not in {asset.id for asset in company.assets}):
            raise Invalid({"asset_id": "The company has no such device."})


class AssetOverrideList(AssetOverrideHandler):
    """All devices with a billing type of their own."""

    @allowed("billing:read", staff=True)
    @documented(answers=AssetOverrideListed, query=FILTERS)
    async def get(self) -> None:
        """The devices, of companies that the caller may see, that are not billed by their own type."""
        await self.answer_list()

    @allowed("billing:write")
    @documented(takes=AssetOverrideDraft, answers=AssetOverride, status=201)
    async def post(self) -> None:
        """Bill a device otherwise."""
        await self.create(AssetOverrideDraft)


class AssetOverrideLookup(AssetOverrideHandler):
    """Many devices with a billing type of their own by id."""

    @allowed("billing:read", staff=True)
    @documented(takes=Lookup, answers=AssetOverrideListed)
    async def post(self) -> None:
        """Those of up to 5,000 ids that the caller may see."""
        await self.answer_lookup()


class AssetOverrideEntry(AssetOverrideHandler):
    """One device, by its id in the directory."""

    @allowed("billing:read", staff=True)
    @documented(answers=AssetOverride)
    async def get(self, id: str) -> None:
        """How one device is billed."""
        await self.answer_entry(id)

    @allowed("billing:write")
    @documented(takes=AssetOverridePatch, answers=AssetOverride)
    async def patch(self, id: str) -> None:
        """Bill a device otherwise again."""
        await self.change(id, AssetOverridePatch)

    @allowed("billing:write")
    @documented(status=204)
    async def delete(self, id: str) -> None:
        """Back to the device's own type."""
        await self.remove(id)


class ContactOverrideHandler(OverrideHandler):
    """What both addresses of people's billing types share."""

    noun = CONTACT_OVERRIDES
    kind = ContactOverride
    listing = billing_types.CONTACT_LISTING
    things = "contacts"

    def empty(self, wanted: dict[str, Any]) -> Any:
        return billing_types.ContactOverride(contact_id=wanted["contact_id"], company_id=wanted["company_id"], billing_type="")

    async def check(self, before: Any, wanted: Any) -> None:
        if wanted.contact_id in await shared_people(self):
            raise Invalid({"contact_id": homes.SHARED})
        company = None if before else only(await self.nexus.billing_summary([wanted.company_id]), wanted.company_id)
        if before is None and (company is None or wanted.contact_id not in {contact.id for contact in company.contacts}):
            raise Invalid({"contact_id": "The company has no such contact."})


class ContactOverrideList(ContactOverrideHandler):
    """All people with a billing type of their own."""

    @allowed("billing:read", staff=True)
    @documented(answers=ContactOverrideListed, query=FILTERS)
    async def get(self) -> None:
        """The people, of companies that the caller may see, that are not billed as paid users."""
        await self.answer_list()

    @allowed("billing:write")
    @documented(takes=ContactOverrideDraft, answers=ContactOverride, status=201)
    async def post(self) -> None:
        """Bill a person otherwise."""
        await self.create(ContactOverrideDraft)


class ContactOverrideLookup(ContactOverrideHandler):
    """Many people with a billing type of their own by id."""

    @allowed("billing:read", staff=True)
    @documented(takes=Lookup, answers=ContactOverrideListed)
    async def post(self) -> None:
        """Those of up to 5,000 ids that the caller may see."""
        await self.answer_lookup()


class ContactOverrideEntry(ContactOverrideHandler):
    """One person, by their id in the directory."""

    @allowed("billing:read", staff=True)
    @documented(answers=ContactOverride)
    async def get(self, id: str) -> None:
        """How one person is billed."""
        await self.answer_entry(id)

    @allowed("billing:write")
    @documented(takes=ContactOverridePatch, answers=ContactOverride)
    async def patch(self, id: str) -> None:
        """Bill a person otherwise again."""
        await self.change(id, ContactOverridePatch)

    @allowed("billing:write")
    @documented(status=204)
    async def delete(self, id: str) -> None:
        """Back to a paid user."""
        if id in await shared_people(self):
            raise Invalid({"contact_id": homes.SHARED})
        await self.remove(id)
