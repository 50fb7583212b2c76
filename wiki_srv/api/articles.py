"""Articles for programs: the list in bulk, one, new ones, changes, and the archive."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from tornado.web import HTTPError

from hmlib.api.conventions import GONE_SINCE, QUERY, Gone, Lookup, check_version, followed, gone_since, ids_of, picked
from hmlib.api.lists import MOST_ROWS, answer_list
from hmlib.auth.permissions import allowed
from hmlib.db.list_query import ListQuery, Page
from hmlib.errors import Invalid
from hmlib.nexus.transport import NexusDown, NexusRefused
from hmlib.records.audit import Actor
from hmlib.web.api_handler import ApiHandler, Parameter, documented
from wiki_srv.articles import editing
from wiki_srv.articles.drafts import AUDIENCES, GENERAL, Draft, draft, folder_path, one_line
from wiki_srv.articles.editing import Target
from wiki_srv.queries import articles, catalogue
from wiki_srv.queries.articles import LISTING, Article, Entry

LONGEST_BODY = 4 * 1024 * 1024
NO_COMPANY = "There is no such company."
Line = Annotated[str, Meta(max_length=400)]
Tags = Annotated[list[Annotated[str, Meta(max_length=50)]], Meta(max_length=20)]
Text = Annotated[str, Meta(max_length=500_000)]
Audience = Literal["internal", "client"]
STATUS = Parameter("Archived ones are left out unless asked for.", choices=("published", "archived"))
MOST_TEXTS = 100
"""How many articles are in memory at once with their texts."""


class ArticleAnswer(msgspec.Struct, frozen=True):
    """An article. `company_id` is null in a general space; `version` is the number of its newest revision and in its ETag; `body` is
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

    def answer_of(self, article: Entry) -> ArticleAnswer:
        taken = [name for name in ArticleAnswer.__struct_fields__ if name not in ("space", "tags", "url", "body")]
        return ArticleAnswer(
            space=article.space_name,
            tags=list(article.tags),
            url=self.hm.origin + self.reverse_url("article", article.id),
            body=article.body if isinstance(article, Article) else "",
            **{name: getattr(article, name) for name in taken},
        )

    async def article(self, id: str) -> Article:
        """The article, if the caller may see it; else 404."""
        found = await articles.visible_to(self.db, self.known, id)
        if found is None:
            raise HTTPError(404)
        return found

    def answer_article(self, article: Article | None) -> None:
        """Answer the article with its version as ETag, or 404."""
        if article is None:
            raise HTTPError(404)
        self.answer(self.answer_of(article), etag=self.tag(article.version))


class ArticleList(ArticleHandler):
    """The articles the caller may see."""

    filters = {
        "company_id": "A company's id, or general.",
        "space_id": "One space only.",
        "folder": "A folder's path, with those below it.",
        "audience": Parameter("For whom they are.", choices=AUDIENCES),
        "tag": "One tag only.",
        "status": STATUS,
    }

    @allowed("wiki:read")
    @documented(answers=list[ArticleAnswer], query=QUERY | filters)
    async def get(self) -> None:
        """Articles by search, filters, ids or time of change, with their texts; leave body out of fields where the texts are not needed."""
        if "ids" in self.query:
            self.answer(self._picked(await articles.some(self.db, self.known, ids_of(self.query["ids"]))))
            return
        since, fields = await followed(self), self.query.get("fields", "")
        texts = not fields or "body" in fields.split(",")

        async def page_of(asked: ListQuery) -> Page[Entry]:
            reading: Callable[..., Awaitable[Page[Any]]] = articles.page_with_texts if texts else articles.page_of
            return await reading(self.db, self.known, asked, since)

        most = MOST_TEXTS if texts else MOST_ROWS
        await answer_list(self, LISTING, page_of, self._picked, "articles", self.known.level or "", most=most)

    @allowed("wiki:write")
    @documented(takes=NewArticle, answers=ArticleAnswer, status=201)
    async def post(self) -> None:
        """Write an article; send an Idempotency-Key to be sure that it happens once. 409 when its folder has one of that title."""
        wanted = self.body(NewArticle)
        content, errors = draft(wanted.title, wanted.body, wanted.tags, wanted.audience, wanted.message)
        target, writer = await self._target(wanted, errors), await self.writer()
        async with self.transaction() as tx:
            id = await editing.create(tx, content, target, writer, self.now)
            article = await articles.visible_to(tx, self.known, id)
            assert article is not None
            self.answer_created(self.answer_of(article), self.tag(article.version), self.reverse_url("api-article", id))

    def _picked(self, found: Sequence[Entry]) -> Sequence[Any]:
        return picked([self.answer_of(article) for article in found], ArticleAnswer, self.query.get("fields", ""))

    async def _target(self, wanted: NewArticle, errors: dict[str, str]) -> Target:
        """Where the article goes. Raises Invalid with that and with what else is wrong."""
        path, wrong = folder_path(wanted.folder)
        company = None
        if wanted.company_id is not None:
            company = await editing.company_of(self.db, self.nexus, self.known, wanted.company_id)
            errors |= {} if company else {"company_id": NO_COMPANY}
        errors |= {"folder": wrong} if wrong else {}
        if errors:
            raise Invalid(errors)
        return Target(company, company.name, path) if company else Target(None, one_line(wanted.space) or GENERAL, path)


class ArticleLookup(ArticleHandler):
    """More ids than fit into an address."""

    @allowed("wiki:read")
    @documented(takes=Lookup, answers=list[ArticleAnswer])
    async def post(self) -> None:
        """Up to 5,000 articles by id; those the caller may not see are absent."""
        found = await articles.some(self.db, self.known, self.body(Lookup).ids)
        self.answer([self.answer_of(article) for article in found])


class ArticleGone(ArticleHandler):
    """What has left the list."""

    @allowed("wiki:read")
    @documented(answers=Gone, query={"since": GONE_SINCE, "status": STATUS})
    async def get(self) -> None:
        """The ids that have left the caller's list, or that of a status, since a number or a UTC time; and those to ask with next."""
        async with self.db.read() as snapshot:
            since, number = await gone_since(snapshot, self.query)
            self.answer(Gone(await catalogue.ids_gone(snapshot, self.known, since, self.query.get("status")), self.now, number))


class ArticleOne(ArticleHandler):
    """One article."""

    @allowed("wiki:read")
    @documented(answers=ArticleAnswer)
    async def get(self, id: str) -> None:
        """One article with its text."""
        self.answer_article(await self.article(id))

    @allowed("wiki:write")
    @documented(takes=ArticleChange, answers=ArticleAnswer)
    async def patch(self, id: str) -> None:
        """Save a change as a new revision. Needs If-Match; 412 when somebody has saved since."""
        self.if_match()
        change, article = self.body(ArticleChange), await self.article(id)
        check_version(self, article.version)
        content, errors = _changed(article, change)
        if errors:
            raise Invalid(errors)
        writer = await self.writer()
        async with self.transaction() as tx:
            saved = await editing.save(tx, self.known, id, content, article.version, writer, self.now, strictly=True)
            self.answer_article(saved)


class ArticleArchive(ArticleHandler):
    """Whether an article is put away."""

    @allowed("wiki:write")
    @documented(answers=ArticleAnswer)
    async def put(self, id: str) -> None:
        """Put the article away: out of lists and search, kept with its history. Needs If-Match."""
        await self._set(id, archived=True)

    @allowed("wiki:write")
    @documented(answers=ArticleAnswer)
    async def delete(self, id: str) -> None:
        """Take the article back. Needs If-Match."""
        await self._set(id, archived=False)

    async def _set(self, id: str, *, archived: bool) -> None:
        self.if_match()
        article, writer = await self.article(id), await self.writer()
        check_version(self, article.version)
        async with self.transaction() as tx:
            self.answer_article(await editing.set_archived(tx, self.known, id, archived, writer, self.now, base=article.version))


def _changed(before: Article, change: ArticleChange) -> tuple[Draft, dict[str, str]]:
    title = before.title if change.title is UNSET else change.title
    body = before.body if change.body is UNSET else change.body
    tags = before.tags if change.tags is UNSET else tuple(change.tags)
    return draft(title, body, tags, before.audience if change.audience is UNSET else change.audience, change.message)
