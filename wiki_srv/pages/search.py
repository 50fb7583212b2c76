"""The search: results in place as one types, and the address carries the query."""

from dataclasses import dataclass

from hmlib.auth.permissions import allowed
from hmlib.db.list_query import BadListQuery
from hmlib.web.page_handler import PageHandler
from wiki_srv.queries import search
from wiki_srv.queries.search import Hit
from wiki_srv.search.finding import Found, find

PER_PAGE = 20


@dataclass(frozen=True)
class Results:
    """One page of what was found; `page` counts from 1."""

    q: str
    found: Found
    hits: list[Hit]
    page: int

    @property
    def pages(self) -> int:
        return -(-len(self.found.ids) // PER_PAGE)


class SearchPage(PageHandler):
    """The search box with its results."""

    template = "search/page.html"

    @allowed("wiki:read")
    async def get(self) -> None:
        q, page = self.query.get("q", "").strip()[:200], _page(self.query.get("page", "1"))
        start = (page - 1) * PER_PAGE
        async with self.db.read() as snapshot:
            found = await find(snapshot, self.known, q)
            hits = await search.hits(snapshot, self.known, found.ids[start : start + PER_PAGE], found.exact - start, found.marks)
        self.page(self.template, results=Results(q, found, hits, page), query_text=q)


class SearchResults(SearchPage):
    """The results alone."""

    template = "search/_results.html"


def _page(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= search.MOST_HITS):
        raise BadListQuery("invalid_cursor", "There is no such page of results.", "page")
    return int(text)
