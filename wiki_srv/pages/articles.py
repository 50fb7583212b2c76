"""Articles as people read them, and the list they are found in."""

from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from hmlib.web.page_handler import PageHandler
from hmlib.web.toasts import Undo
from wiki_srv.articles import editing
from wiki_srv.articles.rendering import Texts
from wiki_srv.parts import WikiParts
from wiki_srv.queries import articles, catalogue
from wiki_srv.queries.articles import LISTING, Article

LONGEST_FORM = 4 * 1024 * 1024
"""Bytes of a posted article: 500,000 characters, some of them several bytes long, each byte perhaps as %XX."""


class TextHandler(PageHandler):
    """What the pages that show a text share."""

    @property
    def texts(self) -> Texts:
        return self.spine.own(WikiParts).texts


class ArticleHandler(TextHandler):
    """What the pages about one article share."""

    async def article(self, id: str) -> Article:
        """The article, if the caller may see it; else 404."""
        found = await articles.visible_to(self.db, self.known, id)
        if found is None:
            raise HTTPError(404)
        return found


class ArticleListPage(PageHandler):
    """Every article one may see."""

    template = "articles/list.html"

    @allowed("wiki:read")
    async def get(self) -> None:
        list_query = LISTING.read(self.query, self.keys)
        async with self.db.read() as snapshot:
            page = await articles.page_of(snapshot, self.known, list_query)
            tags = await catalogue.tags_seen(snapshot, self.known)
        self.page(
            self.template,
            page=page,
            address=self.reverse_url("articles"),
            tags=[(tag, tag) for tag in tags],
            may_write=self.known.may("wiki:write"),
        )


class ArticleRows(ArticleListPage):
    """The rows alone."""

    template = "articles/_rows.html"


class ArticlePage(ArticleHandler):
    """One article, to be read."""

    @allowed("wiki:read")
    async def get(self, id: str) -> None:
        article = await self.article(id)
        may_write = self.known.may("wiki:write")
        findings = await self.texts.secrets_in(article.body) if may_write else []
        self.page(
            "articles/page.html", article=article, text=await self.texts.rendered(article.body), may_write=may_write, findings=findings
        )


class ArticleArchive(ArticleHandler):
    """Whether an article is put away: out of lists and search, kept with its history."""

    @allowed("wiki:write")
    async def put(self, id: str) -> None:
        await self._set(id, archived=True)

    @allowed("wiki:write")
    async def delete(self, id: str) -> None:
        await self._set(id, archived=False)

    async def _set(self, id: str, *, archived: bool) -> None:
        async with self.transaction() as tx:
            article = await editing.set_archived(tx, self.known, id, archived, self.actor, self.now)
            if article is None:
                raise HTTPError(404)
            address = self.reverse_url("article-archive", id)
            undo = Undo(address, {"_method": "DELETE" if archived else "PUT"})
            self.toast(
                f"{article.title} is archived: it is in no list and no search." if archived else f"{article.title} is back.", undo=undo
            )
            self.see_other(self.reverse_url("article", id))
