"""Companies: the list, one company with what belongs to it, and its form."""

from collections.abc import Mapping
from typing import Any

from hmlib.auth.permissions import allowed
from nexus_srv.directory.kinds import ASSETS, COMPANIES, CONTACTS, LOCATIONS, Noun
from nexus_srv.pages import entry_forms as forms
from nexus_srv.pages.directory import EntryHandler
from nexus_srv.queries import companies
from nexus_srv.queries.companies import Company

EXPORTED = [
    "account_number", "name", "status", "main_phone", "website", "domains", "compliance_level", "address", "city", "region", "postal_code",
    "country", "external_id",
]  # fmt: skip
NEW = Company(id="", account_number="", name="")


class CompanyHandler(EntryHandler):
    """What the pages about companies share."""

    noun = COMPANIES
    rows = forms.COMPANY

    async def show_part(self, id: str, noun: Noun[Any], page: str, rows: str, *, whole: bool) -> None:
        """One of the lists within a company: its page, or its rows alone."""
        company = await self.entry(id)
        list_query = noun.rows.LISTING.read({**self.query, "company_id": id}, self.keys)
        async with self.db.read() as snapshot:
            found = await noun.rows.page_of(snapshot, self.known.scope, list_query)
            counts = await companies.counts(snapshot, id) if whole else {}
        page_url = self.reverse_url(f"company-{noun.plural}", id)
        context = {"company": company, "page": found, "page_url": page_url, **self.labels()}
        if whole:
            context["removal"] = await self.removal(company)
            self.page(page, counts=counts, **context)
        else:
            self.partial(rows, **context)


class CompanyListPage(CompanyHandler):
    """The list, and where a new company is posted to."""

    @allowed("directory:read")
    async def get(self) -> None:
        self.page("companies/list.html", page=await self.found(), page_url=self.reverse_url("companies"), **self.labels())

    @allowed("directory:write")
    async def post(self) -> None:
        await self.create(NEW)


class CompanyRows(CompanyHandler):
    """The rows of the list."""

    @allowed("directory:read")
    async def get(self) -> None:
        await self.answer_rows("companies/_rows.html")


class CompanyExport(CompanyHandler):
    """The list as a file."""

    @allowed("directory:read", export=True)
    async def get(self) -> None:
        await self.export(EXPORTED, _exported)


class CompanyNewPage(CompanyHandler):
    """An empty form."""

    @allowed("directory:write")
    async def get(self) -> None:
        await self.show_form(NEW)


class CompanyPage(CompanyHandler):
    """One company; where changes are posted to."""

    @allowed("directory:read")
    async def get(self, id: str) -> None:
        company = await self.entry(id)
        counts = await companies.counts(self.db, id)
        parent = await self.company_name(company.parent_id)
        self.page(
            "companies/page.html", company=company, counts=counts, parent=parent, removal=await self.removal(company), **self.labels()
        )

    @allowed("directory:write")
    async def post(self, id: str) -> None:
        await self.change(id)

    @allowed("directory:write")
    async def delete(self, id: str) -> None:
        await self.remove(id)


class CompanyEditPage(CompanyHandler):
    """The form with what is stored."""

    @allowed("directory:write")
    async def get(self, id: str) -> None:
        await self.show_form(await self.entry(id))


class CompanyActivity(CompanyHandler):
    """Whether the company is looked after: PUT brings it back, DELETE is its normal end."""

    @allowed("directory:write")
    async def put(self, id: str) -> None:
        await self.set_activity(id, True)

    @allowed("directory:write")
    async def delete(self, id: str) -> None:
        await self.set_activity(id, False)


class CompanyContacts(CompanyHandler):
    """The people of a company."""

    @allowed("directory:read")
    async def get(self, id: str) -> None:
        await self.show_part(id, CONTACTS, "companies/contacts.html", "contacts/_rows.html", whole=True)


class CompanyContactRows(CompanyHandler):
    """Their rows."""

    @allowed("directory:read")
    async def get(self, id: str) -> None:
        await self.show_part(id, CONTACTS, "companies/contacts.html", "contacts/_rows.html", whole=False)


class CompanyLocations(CompanyHandler):
    """The places of a company."""

    @allowed("directory:read")
    async def get(self, id: str) -> None:
        await self.show_part(id, LOCATIONS, "companies/locations.html", "locations/_rows.html", whole=True)


class CompanyLocationRows(CompanyHandler):
    """Their rows."""

    @allowed("directory:read")
    async def get(self, id: str) -> None:
        await self.show_part(id, LOCATIONS, "companies/locations.html", "locations/_rows.html", whole=False)


class CompanyAssets(CompanyHandler):
    """The devices of a company."""

    @allowed("directory:read")
    async def get(self, id: str) -> None:
        await self.show_part(id, ASSETS, "companies/assets.html", "assets/_rows.html", whole=True)


class CompanyAssetRows(CompanyHandler):
    """Their rows."""

    @allowed("directory:read")
    async def get(self, id: str) -> None:
        await self.show_part(id, ASSETS, "companies/assets.html", "assets/_rows.html", whole=False)


def _exported(company: Company, numbers: Mapping[str, str]) -> list[object]:
    return [getattr(company, name) for name in EXPORTED]
