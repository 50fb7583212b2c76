"""What the pages of companies have beside those of every kind: tabs with what belongs to a company, and how much there is of it."""

from collections.abc import Mapping
from typing import Any

from tornado.web import HTTPError

from hmlib.auth.permissions import allowed_of
from hmlib.resources import forms, pickers, records
from hmlib.resources.pages import ResourcePage
from hmlib.web.page_handler import PageHandler
from nexus_srv.directory.companies import COMPANIES, Company
from nexus_srv.queries import companies


async def tabs(handler: PageHandler, company: Company) -> Mapping[str, Any]:
    """The counts that stand in the tabs of a company's page."""
    return {"counts": await companies.counts(handler.db, company.id)}


class CompanyPart(ResourcePage):
    """What the lists within a company share; ``of`` is the kind that is listed."""

    async def company(self, id: str) -> Company:
        """The company, if the caller may see it; else 404."""
        found = await records.visible(self.db, COMPANIES, self.known.scope, id)
        if found is None:
            raise HTTPError(404)
        return found

    async def part_of(self, company: Company) -> dict[str, Any]:
        return await self.list_context(self.reverse_url(f"company-{self.of.plural}", company.id), company_id=company.id)


class CompanyPartPage(CompanyPart):
    """One of the lists within a company, on a page of its own."""

    @allowed_of("read")
    async def get(self, id: str) -> None:
        company = await self.company(id)
        chosen = await pickers.chosen(self, self.of, self.query)
        shown = [one for one in forms.filters(self, self.of, chosen) if one["name"] != "company_id"]
        removal = await COMPANIES.removal(self.db, self.known.scope, company)
        context = {**await self.part_of(company), **await tabs(self, company), "filters": shown, "removal": removal}
        self.page("companies/part.html", **{**context, "of": COMPANIES, "part": self.of, "record": company})


class CompanyPartRows(CompanyPart):
    """Their rows."""

    @allowed_of("read")
    async def get(self, id: str) -> None:
        company = await self.company(id)
        await self.answer_remembered(self.template("resources/_rows.html"), lambda: self.part_of(company))
