"""The companies with what is written about each: one call to the directory for the whole list."""

from dataclasses import dataclass

from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from hmlib.db.list_query import ListDefinition, ListQuery, Page, folded
from hmlib.nexus.directory import Company
from hmlib.nexus.transport import NexusDown
from hmlib.web.page_handler import PageHandler
from wiki_srv.articles import editing
from wiki_srv.queries import articles, catalogue, spaces
from wiki_srv.queries.catalogue import Count

LISTING = ListDefinition(
    sorts={"name": "name", "account_number": "account_number", "articles": "articles", "updated_at": "updated_at"},
    default="name",
    id_column="id",
)
NONE = Count(0, "")


@dataclass(frozen=True)
class CompanyRow:
    """A company and how much is written about it."""

    id: str
    name: str
    account_number: str
    articles: int
    updated_at: str

    def key(self, sort: str) -> tuple[str | int, str]:
        value: str | int = folded(self.name) if sort == "name" else getattr(self, sort)
        return value, self.id


class CompanyListPage(PageHandler):
    """Every company one may see, those without articles too."""

    template = "companies/list.html"

    @allowed("wiki:read")
    async def get(self) -> None:
        list_query = LISTING.read(self.query, self.keys)
        counts = await catalogue.counts(self.db, self.known)
        rows = [_row(company, counts.get(company.id, NONE)) for company in await self._companies()]
        self.page(self.template, page=_page(list_query, rows), may_write=self.known.may("wiki:write"))

    async def _companies(self) -> list[Company]:
        """The directory's companies, whose names the spaces follow; while Nexus is away, those that have a space."""
        try:
            companies = await self.nexus.companies.everything()
        except NexusDown:
            return [editing.as_company(space) for space in await spaces.of_companies(self.db, self.known)]
        await spaces.follow(self.db, companies)
        return companies


class CompanyRows(CompanyListPage):
    """The rows alone."""

    template = "companies/_rows.html"


class CompanyPage(PageHandler):
    """What is written about one company: its space."""

    template = "spaces/page.html"

    @allowed("wiki:read")
    async def get(self, id: str) -> None:
        company = await self._company(id)
        list_query = articles.LISTING.read({**self.query, "company_id": id}, self.keys)
        async with self.db.read() as snapshot:
            space = await spaces.of_company(snapshot, self.known, id)
            page = await articles.page_of(snapshot, self.known, list_query)
            folders = await spaces.folders(snapshot, self.known, space.id) if space else []
        self.page(
            self.template,
            name=company.name,
            account_number=company.account_number,
            company_id=id,
            address=self.reverse_url("company", id),
            page=page,
            folders=folders,
            may_write=self.known.may("wiki:write"),
        )

    async def _company(self, id: str) -> Company:
        company = await editing.company_of(self.db, self.nexus, self.known, id)
        if company is None:
            raise HTTPError(404)
        return company


class CompanyArticleRows(CompanyPage):
    """The company's articles alone."""

    template = "articles/_rows.html"


def _row(company: Company, count: Count) -> CompanyRow:
    return CompanyRow(company.id, company.name, company.account_number, count.articles, count.updated_at)


def _page(list_query: ListQuery, rows: list[CompanyRow]) -> Page[CompanyRow]:
    """A page of rows that come from two places."""
    words = folded(list_query.q).split()
    found = [row for row in rows if all(word in f"{folded(row.name)} {row.account_number}" for word in words)]
    return list_query.page_out_of(found, lambda row: row.key(list_query.sort.removeprefix("-")))
