"""Companies for programs."""

from typing import Literal

import msgspec

from hmlib.auth.permissions import allowed
from hmlib.web.api_handler import documented
from nexus_srv.api.bulk import BulkAnswer, BulkHandler, bulk_of
from nexus_srv.api.directory import QUERY, EntryHandler, Lookup, listed, patch_of
from nexus_srv.directory.kinds import COMPANIES
from nexus_srv.queries.companies import Company


class CompanyDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A company to be: without an account number (six digits) it gets the next free one. `country` is two letters (ISO 3166)."""

    name: str
    account_number: str = ""
    status: Literal["prospect", "active", "inactive"] = "active"
    parent_id: str | None = None
    main_phone: str = ""
    website: str = ""
    domains: list[str] = []
    compliance_level: Literal["standard", "hipaa", "cjis"] = "standard"
    address: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    notes: str = ""
    source: str = ""
    external_id: str | None = None


CompanyPatch = patch_of(CompanyDraft)
CompanyBulk = bulk_of(CompanyPatch)
CompanyListed = listed(Company)
FILTERS = {"status": "prospect, active or inactive.", "compliance_level": "standard, hipaa or cjis.", "parent_id": "The company above."}


class CompanyList(EntryHandler):
    """All companies."""

    noun = COMPANIES

    @allowed("directory:read")
    @documented(answers=CompanyListed, query=QUERY | FILTERS)
    async def get(self) -> None:
        """The companies the caller may see."""
        await self.answer_list()

    @allowed("directory:write")
    @documented(takes=CompanyDraft, answers=Company, status=201)
    async def post(self) -> None:
        """Add a company."""
        await self.create(CompanyDraft)


class CompanyLookup(EntryHandler):
    """Many companies by id."""

    noun = COMPANIES

    @allowed("directory:read")
    @documented(takes=Lookup, answers=CompanyListed)
    async def post(self) -> None:
        """Those of up to 5,000 ids that the caller may see."""
        await self.answer_lookup()


class CompanyBulkList(BulkHandler):
    """A whole list of companies from another system."""

    noun = COMPANIES

    @allowed("directory:write")
    @documented(takes=CompanyBulk, answers=BulkAnswer)
    async def put(self) -> None:
        """Make and change up to 1,000 companies by external id, each item by itself.

        An item that says nothing of a field leaves it alone; companies that a complete list does not hold become inactive.
        """
        await self.answer_bulk(CompanyBulk)


class CompanyEntry(EntryHandler):
    """One company."""

    noun = COMPANIES

    @allowed("directory:read")
    @documented(answers=Company)
    async def get(self, id: str) -> None:
        """One company; its ETag is what a change needs as If-Match."""
        await self.answer_entry(id)

    @allowed("directory:write")
    @documented(takes=CompanyPatch, answers=Company)
    async def patch(self, id: str) -> None:
        """Change some fields."""
        await self.change(id, CompanyPatch)

    @allowed("directory:write")
    @documented(status=204)
    async def delete(self, id: str) -> None:
        """Delete what should never have been; the normal end is the status inactive."""
        await self.remove(id)
