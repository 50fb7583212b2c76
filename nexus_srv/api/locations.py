"""Locations for programs."""

import msgspec

from hmlib.api.openapi import speaks
from hmlib.auth.permissions import allowed
from nexus_srv.api.bulk import BulkAnswer, BulkHandler, bulk_of
from nexus_srv.api.directory import QUERY, EntryHandler, Lookup, listed, patch_of
from nexus_srv.directory.kinds import LOCATIONS
from nexus_srv.queries.locations import Location


class LocationDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A location to be; its name is unique in its company. `country` is two letters (ISO 3166)."""

    company_id: str
    name: str
    address: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    phone: str = ""
    active: bool = True
    source: str = ""
    external_id: str | None = None


LocationPatch = patch_of(LocationDraft)
LocationBulk = bulk_of(LocationPatch)
LocationListed = listed(Location)
FILTERS = {"company_id": "Of this company.", "country": "Two letters.", "active": "yes or no."}


class LocationList(EntryHandler):
    """All locations."""

    noun = LOCATIONS

    @allowed("directory:read")
    @speaks(answers=LocationListed, query=QUERY | FILTERS)
    async def get(self) -> None:
        """The locations the caller may see."""
        await self.answer_list()

    @allowed("directory:write")
    @speaks(takes=LocationDraft, answers=Location, status=201)
    async def post(self) -> None:
        """Add a location."""
        await self.create(LocationDraft)


class LocationLookup(EntryHandler):
    """Many locations by id."""

    noun = LOCATIONS

    @allowed("directory:read")
    @speaks(takes=Lookup, answers=LocationListed)
    async def post(self) -> None:
        """Those of up to 5,000 ids that the caller may see."""
        await self.answer_lookup()


class LocationBulkList(BulkHandler):
    """A whole list of locations from another system."""

    noun = LOCATIONS

    @allowed("directory:write")
    @speaks(takes=LocationBulk, answers=BulkAnswer)
    async def put(self) -> None:
        """Make and change up to 1,000 locations by external id, each item by itself.

        An item that says nothing of a field leaves it alone; locations that a complete list does not hold become inactive.
        """
        await self.answer_bulk(LocationBulk)


class LocationEntry(EntryHandler):
    """One location."""

    noun = LOCATIONS

    @allowed("directory:read")
    @speaks(answers=Location)
    async def get(self, id: str) -> None:
        """One location; its ETag is what a change needs as If-Match."""
        await self.answer_entry(id)

    @allowed("directory:write")
    @speaks(takes=LocationPatch, answers=Location)
    async def patch(self, id: str) -> None:
        """Change some fields."""
        await self.change(id, LocationPatch)

    @allowed("directory:write")
    @speaks(status=204)
    async def delete(self, id: str) -> None:
        """Delete what should never have been; the normal end is active: false."""
        await self.remove(id)
