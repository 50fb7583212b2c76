"""Assets for programs."""

from typing import Literal

import msgspec

from hmlib.api.openapi import documented
from hmlib.auth.permissions import allowed
from nexus_srv.api.bulk import BulkAnswer, BulkHandler, bulk_of
from nexus_srv.api.directory import QUERY, EntryHandler, Lookup, listed, patch_of
from nexus_srv.directory.kinds import ASSETS
from nexus_srv.queries.assets import Asset


class AssetDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An asset to be. `active_on` and `retired_on` are days, the latter the first that no longer counts; times are UTC."""

    company_id: str
    name: str
    type: Literal["workstation", "server", "vm", "switch", "firewall", "other"] = "workstation"
    serial: str = ""
    operating_system: str = ""
    contact_id: str | None = None
    active_on: str | None = None
    retired_on: str | None = None
    last_seen_at: str | None = None
    backup_bytes: int = 0
    measured_at: str | None = None
    notes: str = ""
    source: str = ""
    external_id: str | None = None


AssetPatch = patch_of(AssetDraft)
AssetBulk = bulk_of(AssetPatch)
AssetListed = listed(Asset)
FILTERS = {
    "company_id": "Of this company.",
    "type": "workstation, server, vm, switch, firewall or other.",
    "contact_id": "Of this contact.",
    "status": "in_use or retired.",
}


class AssetList(EntryHandler):
    """All assets."""

    noun = ASSETS

    @allowed("directory:read")
    @documented(answers=AssetListed, query=QUERY | FILTERS)
    async def get(self) -> None:
        """The assets the caller may see."""
        await self.answer_list()

    @allowed("directory:write")
    @documented(takes=AssetDraft, answers=Asset, status=201)
    async def post(self) -> None:
        """Add an asset."""
        await self.create(AssetDraft)


class AssetLookup(EntryHandler):
    """Many assets by id."""

    noun = ASSETS

    @allowed("directory:read")
    @documented(takes=Lookup, answers=AssetListed)
    async def post(self) -> None:
        """Those of up to 5,000 ids that the caller may see."""
        await self.answer_lookup()


class AssetBulkList(BulkHandler):
    """A whole list of assets from another system."""

    noun = ASSETS

    @allowed("directory:write")
    @documented(takes=AssetBulk, answers=BulkAnswer)
    async def put(self) -> None:
        """Make and change up to 1,000 assets by external id, each item by itself.

        An item that says nothing of a field leaves it alone; assets that a complete list does not hold are retired.
        """
        await self.answer_bulk(AssetBulk)


class AssetEntry(EntryHandler):
    """One asset."""

    noun = ASSETS

    @allowed("directory:read")
    @documented(answers=Asset)
    async def get(self, id: str) -> None:
        """One asset; its ETag is what a change needs as If-Match."""
        await self.answer_entry(id)

    @allowed("directory:write")
    @documented(takes=AssetPatch, answers=Asset)
    async def patch(self, id: str) -> None:
        """Change some fields."""
        await self.change(id, AssetPatch)

    @allowed("directory:write")
    @documented(status=204)
    async def delete(self, id: str) -> None:
        """Delete what should never have been; the normal end is a day in retired_on."""
        await self.remove(id)
