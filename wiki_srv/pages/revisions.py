"""The history of an article: every save, each as it was, and what changed from one to the next."""

from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from wiki_srv.pages.article_forms import number
from wiki_srv.pages.articles import ArticleHandler
from wiki_srv.queries import revisions
from wiki_srv.queries.revisions import Revision


class RevisionHandler(ArticleHandler):
    """What the pages about one revision share."""

    async def revision(self, article_id: str, wanted: str) -> Revision:
        """The revision, if the caller may see it; else 404."""
        found = await revisions.one(self.db, self.known, article_id, number(wanted))
        if found is None:
            raise HTTPError(404)
        return found


class RevisionListPage(ArticleHandler):
    """Every save of an article, newest first."""

    @allowed("wiki:read")
    async def get(self, id: str) -> None:
        article = await self.article(id)
        history = await revisions.of(self.db, self.known, id)
        self.page("revisions/list.html", article=article, history=history, may_write=self.known.may("wiki:write"))


class RevisionPage(RevisionHandler):
    """One revision as it was."""

    @allowed("wiki:read")
    async def get(self, id: str, wanted: str) -> None:
        article = await self.article(id)
        revision = await self.revision(id, wanted)
        self.page(
            "revisions/page.html",
            article=article,
            revision=revision,
            text=await self.texts.rendered(revision.body),
            may_write=self.known.may("wiki:write"),
        )


class RevisionDiffPage(RevisionHandler):
    """What a revision changed: against the one before, or against `from`."""

    @allowed("wiki:read")
    async def get(self, id: str, wanted: str) -> None:
        article = await self.article(id)
        after = await self.revision(id, wanted)
        before = await self.revision(id, self.query["from"]) if "from" in self.query else await self._before(id, after)
        compared = await self.texts.compared(before.body if before else "", after.body)
        self.page("revisions/diff.html", article=article, before=before, after=after, compared=compared)

    async def _before(self, id: str, after: Revision) -> Revision | None:
        async with self.db.read() as snapshot:
            older = [revision.number for revision in await revisions.of(snapshot, self.known, id) if revision.number < after.number]
            return await revisions.one(snapshot, self.known, id, older[0]) if older else None
