"""General spaces: runbooks, procedures, vendors; what belongs to no single company."""

from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from hmlib.web.page_handler import PageHandler
from wiki_srv.queries import articles, spaces


class SpaceListPage(PageHandler):
    """The general spaces."""

    @allowed("wiki:read")
    async def get(self) -> None:
        self.page("spaces/list.html", spaces=await spaces.general(self.db, self.known), may_write=self.known.may("wiki:write"))


class SpacePage(PageHandler):
    """One general space; a company's space is the company's page."""

    template = "spaces/page.html"

    @allowed("wiki:read")
    async def get(self, id: str) -> None:
        list_query = articles.LISTING.read({**self.query, "space_id": id}, self.keys)
        async with self.db.read() as snapshot:
            space = await spaces.visible_to(snapshot, self.known, id)
            page = await articles.page_of(snapshot, self.known, list_query)
            folders = await spaces.folders(snapshot, self.known, id)
        if space is None or space.company_id:
            raise HTTPError(404)
        self.page(
            self.template,
            name=space.name,
            account_number="",
            company_id=None,
            address=self.reverse_url("space", id),
            page=page,
            folders=folders,
            may_write=self.known.may("wiki:write"),
        )


class SpaceArticleRows(SpacePage):
    """The space's articles alone."""

    template = "articles/_rows.html"
