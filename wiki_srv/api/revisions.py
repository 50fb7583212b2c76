"""The history of an article for programs."""

import msgspec
from tornado.web import HTTPError

from hmlib.api.conventions import QUERY
from hmlib.api.lists import answer_list
from hmlib.auth.permissions import allowed
from hmlib.db.list_query import ListDefinition, ListQuery, Page
from hmlib.web.api_handler import ApiHandler, documented
from wiki_srv.queries import articles, revisions

LISTING = ListDefinition(sorts={"number": "revision.number"}, default="-number", id_column="revision.number")


class RevisionAnswer(msgspec.Struct, frozen=True):
    """One save: what the article was called and for whom it was then, by whom, when (UTC) and why."""

    number: int
    title: str
    tags: list[str]
    audience: str
    message: str
    author_id: str
    author_name: str
    created_at: str


class RevisionOneAnswer(msgspec.Struct, frozen=True):
    """A revision with its Markdown."""

    revision: RevisionAnswer
    body: str


class RevisionList(ApiHandler):
    """Every save of an article."""

    @allowed("wiki:read")
    @documented(answers=list[RevisionAnswer], query={name: QUERY[name] for name in ("sort", "limit", "cursor")})
    async def get(self, id: str) -> None:
        """Every save of an article, newest first, without the texts."""
        async with self.db.read() as snapshot:
            article = await articles.visible_to(snapshot, self.known, id)
            found = await revisions.of(snapshot, self.known, id)
        if article is None:
            raise HTTPError(404)

        async def page_of(asked: ListQuery) -> Page[revisions.Revision]:
            return asked.page_out_of(found, lambda one: (one.number, one.number))

        await answer_list(self, LISTING, page_of, lambda page: [_answer(one) for one in page])


class RevisionOne(ApiHandler):
    """One save of an article."""

    @allowed("wiki:read")
    @documented(answers=RevisionOneAnswer)
    async def get(self, id: str, number: str) -> None:
        """One revision with its text."""
        async with self.db.read() as snapshot:
            article = await articles.visible_to(snapshot, self.known, id)
            found = await revisions.one(snapshot, self.known, id, int(number)) if article else None
        if found is None:
            raise HTTPError(404)
        self.answer(RevisionOneAnswer(_answer(found), found.body))


def _answer(revision: revisions.Revision) -> RevisionAnswer:
    shared = {name: getattr(revision, name) for name in RevisionAnswer.__struct_fields__ if name != "tags"}
    return RevisionAnswer(tags=list(revision.tags), **shared)
