"""Articles for programs: the list in bulk, one, new ones, changes, and the archive."""

from dataclasses import replace
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from tornado.web import HTTPError

from hmlib.audit import Actor
from hmlib.auth import allowed
from hmlib.db import Conflict
from hmlib.nexus import NexusDown, NexusRefused
from hmlib.openapi import speaks
from hmlib.web import ApiHandler, Problem
from wiki_srv import editing
from wiki_srv.api import listing
from wiki_srv.drafts import GENERAL, Draft, draft, folder_path, one_line
from wiki_srv.editing import Stale, Target
from wiki_srv.queries import articles
from wiki_srv.queries.articles import LISTING, Article

LONGEST_BODY = 4 * 1024 * 1024
Line = Annotated[str, Meta(max_length=400)]
Tags = Annotated[list[Annotated[str, Meta(max_length=50)]], Meta(max_length=20)]
Text = Annotated[str, Meta(max_length=500_000)]
Audience = Literal["internal", "client"]


class ArticleAnswer(msgspec.Struct, frozen=True):
    """An article. `company_id` is null in a general space; `version` is the number of its newest revision and its ETag; `body` is
    Markdown; `folder` a path such as `Network/Wi-Fi`; times are UTC."""

    id: str
    space_id: str
    space: str
    company_id: str | None
    account_number: str
    folder: str
    title: str
    body: str
    tags: list[str]
    audience: str
    status: str
    version: int
    created_at: str
    updated_at: str
    updated_by: str
    updated_by_name: str
    url: str


class ArticlePageAnswer(msgspec.Struct, frozen=True):
    """Some articles; `next_cursor` asks for the next ones, `total` counts all that the search and filters find."""

    items: list[ArticleAnswer]
    next_cursor: str | None
    total: int | None


class NewArticle(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An article to be written: for a company, or without `company_id` in the general space of that name, which is made when new."""

    title: Line
    body: Text
    company_id: Annotated[str, Meta(max_length=36)] | None = None
    space: Annotated[str, Meta(max_length=100)] = GENERAL
    folder: Line = ""
    tags: Tags = []
    audience: Audience = "internal"
    message: Line = ""


class ArticleChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is to be different; fields left out stay as they are. `message` says why, for the history."""

    title: Line | UnsetType = UNSET
    body: Text | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    audience: Audience | UnsetType = UNSET
    message: Line = ""


class ArticleHandler(ApiHandler):
    """What the addresses of articles share."""

    body_limit = LONGEST_BODY

    async def writer(self) -> Actor:
        """Who the history shall name: a token knows a person's id only, the directory their name."""
        actor = self.actor
        if self.known.kind == "service" or actor.name != actor.id:
            return actor
        try:
            found = await self.nexus.users.some([actor.id])
        except (NexusDown, NexusRefused):
            return actor
        return replace(actor, name=found[0].display_name) if found else actor

    def answer_of(self, article: Article) -> ArticleAnswer:
        shared = {name: getattr(article, name) for name in ArticleAnswer.__struct_fields__ if name not in ("space", "tags", "url")}
        return ArticleAnswer(
            space=article.space_name, tags=list(article.tags), url=self.hm.origin + self.reverse_url("article", article.id), **shared
        )

    def answer_article(self, article: Article | None, status: int = 200) -> None:
        """Answer the article with its version as ETag, or 404."""
        if article is None:
            raise HTTPError(404)
        self.answer(self.answer_of(article), status, etag=f'"{article.version}"')

    def checked(self, wanted: tuple[Draft, dict[str, str]]) -> Draft:
        """The draft, when nothing is wrong with it; else 422 with a sentence for each field."""
        found, errors = wanted
        if errors:
            raise Problem(422, "invalid_article", " ".join(errors.values()), errors=errors)
        return found


class ArticleList(ArticleHandler):
    """The articles the caller may see."""

    filters = {
        "company_id": "a company's id, or general",
        "space_id": "one space only",
        "folder": "a folder's path, with those below it",
        "audience": "internal or client",
        "tag": "one tag only",
        "status": "published or archived; archived ones are left out unless asked for",
    }

    @allowed("wiki:read")
    @speaks(answers=ArticlePageAnswer, query=listing.QUERY | filters)
    async def get(self) -> None:
        """Articles by search, filters, ids or time of change, with their texts."""
        ids = listing.ids_of(self.query)
        if ids is not None:
            found = await articles.some(self.db, self.known, ids)
            self._answer(found, None, len(found))
            return
        ask = LISTING.ask(self.query, self.keys, limit_default=50, limit_max=200)
        page = await articles.page_with_texts(self.db, self.known, ask, listing.time_of(self.query, "updated_since"))
        self._answer(page.rows, page.next_cursor, page.total)

    @allowed("wiki:write")
    @speaks(takes=NewArticle, answers=ArticleAnswer, status=201)
    async def post(self) -> None:
        """Write an article. 409 when its folder has one of that title."""
        wanted = self.body(NewArticle)
        content = self.checked(draft(wanted.title, wanted.body, wanted.tags, wanted.audience, wanted.message))
        target = await self._target(wanted)
        try:
            id = await editing.create(self.db, content, target, await self.writer(), self.now)
        except Conflict:
            raise Problem(
                409, "title_taken", "There is an article of that title in this folder already, perhaps an archived one."
            ) from None
        self.set_header("Location", self.reverse_url("api-article", id))
        self.answer_article(await articles.visible_to(self.db, self.known, id), 201)

    def _answer(self, found: list[Article], next_cursor: str | None, total: int | None) -> None:
        items = listing.picked([self.answer_of(article) for article in found], self.query.get("fields", ""))
        self.answer({"items": items, "next_cursor": next_cursor, "total": total})

    async def _target(self, wanted: NewArticle) -> Target:
        path, error = folder_path(wanted.folder)
        if error:
            raise Problem(422, "invalid_article", error, errors={"folder": error})
        if wanted.company_id is None:
            return Target(None, one_line(wanted.space) or GENERAL, path)
        company = await editing.company_of(self.db, self.nexus, self.known, wanted.company_id)
        if company is None:
            raise Problem(422, "unknown_company", "There is no such company.", errors={"company_id": "There is no such company."})
        return Target(company, company.name, path)


class ArticleLookup(ArticleHandler):
    """Many articles by id."""

    @allowed("wiki:read")
    @speaks(takes=listing.Lookup, answers=ArticlePageAnswer)
    async def post(self) -> None:
        """Up to 5,000 articles by id; those the caller may not see are absent."""
        found = await articles.some(self.db, self.known, self.body(listing.Lookup).ids)
        self.answer(ArticlePageAnswer([self.answer_of(article) for article in found], None, len(found)))


class ArticleOne(ArticleHandler):
    """One article."""

    @allowed("wiki:read")
    @speaks(answers=ArticleAnswer)
    async def get(self, id: str) -> None:
        """One article with its text."""
        self.answer_article(await articles.visible_to(self.db, self.known, id))

    @allowed("wiki:write")
    @speaks(takes=ArticleChange, answers=ArticleAnswer)
    async def patch(self, id: str) -> None:
        """Save a change as a new revision. Needs If-Match; 412 when somebody has saved since."""
        base = self.if_match()
        change = self.body(ArticleChange)
        before = await articles.visible_to(self.db, self.known, id)
        if before is None:
            raise HTTPError(404)
        content = self.checked(_changed(before, change))
        try:
            saved = await editing.save(self.db, self.known, id, content, base, await self.writer(), self.now, strictly=True)
        except Stale:
            raise Problem(412, "stale", "Somebody has saved the article since you read it.") from None
        except Conflict:
            raise Problem(409, "title_taken", "There is an article of that title in this folder already.") from None
        self.answer_article(saved)


class ArticleArchive(ArticleHandler):
    """Whether an article is put away."""

    @allowed("wiki:write")
    @speaks(answers=ArticleAnswer)
    async def put(self, id: str) -> None:
        """Put the article away: out of lists and search, kept with its history."""
        self.answer_article(await editing.set_archived(self.db, self.known, id, True, await self.writer(), self.now))

    @allowed("wiki:write")
    @speaks(answers=ArticleAnswer)
    async def delete(self, id: str) -> None:
        """Take the article back."""
        self.answer_article(await editing.set_archived(self.db, self.known, id, False, await self.writer(), self.now))


def _changed(before: Article, change: ArticleChange) -> tuple[Draft, dict[str, str]]:
    title = before.title if change.title is UNSET else change.title
    body = before.body if change.body is UNSET else change.body
    tags = before.tags if change.tags is UNSET else tuple(change.tags)
    return draft(title, body, tags, before.audience if change.audience is UNSET else change.audience, change.message)
