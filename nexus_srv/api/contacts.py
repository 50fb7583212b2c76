"""Contacts for programs."""

from typing import Literal

import msgspec

from hmlib.auth.permissions import allowed
from hmlib.web.api_handler import documented
from nexus_srv.api.bulk import BulkAnswer, BulkHandler, bulk_of
from nexus_srv.api.directory import QUERY, EntryHandler, Lookup, listed, patch_of
from nexus_srv.directory.kinds import CONTACTS
from nexus_srv.queries.contacts import Contact


class LinkDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A contact's place at a company; `billed` says whether this company pays for them."""

    company_id: str
    role: Literal["", "primary", "billing", "technical"] = ""
    billed: bool = True


class ContactDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A contact to be. The name is made of first and last name unless given; the first of `emails` is the primary one."""

    name: str = ""
    first_name: str = ""
    last_name: str = ""
    emails: list[str] = []
    phone: str = ""
    mobile_phone: str = ""
    title: str = ""
    active: bool = True
    billable: bool = True
    exclusion_reason: str = ""
    active_on: str | None = None
    ended_on: str | None = None
    companies: list[LinkDraft] = []
    notes: str = ""
    source: str = ""
    external_id: str | None = None


ContactPatch = patch_of(ContactDraft)
ContactBulk = bulk_of(ContactPatch)
ContactListed = listed(Contact)
FILTERS = {
    "company_id": "At this company.",
    "role": "primary, billing or technical.",
    "active": "yes or no.",
    "billable": "yes or no.",
}


class ContactList(EntryHandler):
    """All contacts."""

    noun = CONTACTS

    @allowed("directory:read")
    @documented(answers=ContactListed, query=QUERY | FILTERS)
    async def get(self) -> None:
        """The contacts the caller may see."""
        await self.answer_list()

    @allowed("directory:write")
    @documented(takes=ContactDraft, answers=Contact, status=201)
    async def post(self) -> None:
        """Add a contact."""
        await self.create(ContactDraft)


class ContactLookup(EntryHandler):
    """Many contacts by id."""

    noun = CONTACTS

    @allowed("directory:read")
    @documented(takes=Lookup, answers=ContactListed)
    async def post(self) -> None:
        """Those of up to 5,000 ids that the caller may see."""
        await self.answer_lookup()


class ContactBulkList(BulkHandler):
    """A whole list of contacts from another system."""

    noun = CONTACTS

    @allowed("directory:write")
    @documented(takes=ContactBulk, answers=BulkAnswer)
    async def put(self) -> None:
        """Make and change up to 1,000 contacts by external id, each item by itself.

        An item that says nothing of a field leaves it alone; contacts that a complete list does not hold become inactive.
        """
        await self.answer_bulk(ContactBulk)


class ContactEntry(EntryHandler):
    """One contact."""

    noun = CONTACTS

    @allowed("directory:read")
    @documented(answers=Contact)
    async def get(self, id: str) -> None:
        """One contact; its ETag is what a change needs as If-Match."""
        await self.answer_entry(id)

    @allowed("directory:write")
    @documented(takes=ContactPatch, answers=Contact)
    async def patch(self, id: str) -> None:
        """Change some fields."""
        await self.change(id, ContactPatch)

    @allowed("directory:write")
    @documented(status=204)
    async def delete(self, id: str) -> None:
        """Delete what should never have been; the normal end is active: false."""
        await self.remove(id)
