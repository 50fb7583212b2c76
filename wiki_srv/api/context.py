"""Context for machines: what a technician, or an assistant in a ticket, should know about a company."""

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from hmlib.clock import moment_of
from hmlib.nexus.transport import NexusDown, NexusRefused
from hmlib.web.api_handler import ApiHandler, documented
from hmlib.web.problems import Problem
from wiki_srv.articles import editing
from wiki_srv.articles.secrets_guard import mask
from wiki_srv.context.gathering import Request, gathered
from wiki_srv.context.selection import Choice, ContextQuery
from wiki_srv.parts import WikiParts

Id = Annotated[str, Meta(min_length=1, max_length=36)]


class ContextRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is asked: a company, perhaps some of its assets, and a free text such as a ticket (never echoed).

    `token_budget` is 1 to 32,000 tokens, counted as UTF-8 bytes divided by four and rounded up; `as_of` is a UTC time: the texts as
    they stood then; `exclude` holds ids of articles or chunks already known; `audience` keeps to articles for it.
    """

    company_id: Id
    asset_ids: Annotated[list[Id], Meta(max_length=200)] = []
    text: Annotated[str, Meta(max_length=200_000)] = ""
    token_budget: Annotated[int, Meta(ge=1, le=32_000)] = 4000
    as_of: Annotated[str, Meta(max_length=40)] | None = None
    exclude: Annotated[list[Annotated[str, Meta(max_length=60)]], Meta(max_length=1000)] = []
    audience: Literal["internal", "client"] | None = None


class Chunk(msgspec.Struct, frozen=True):
    """A part of an article that stands alone: `text` begins with the title and the headings above it. Secrets are hidden.

    `tokens` are those of `text`; `score` is higher for what matters more; `url` leads to the heading in the article.
    """

    id: str
    article_id: str
    revision: int
    title: str
    heading_path: list[str]
    text: str
    tokens: int
    status: Literal["verified", "ageing", "stale"]
    scope: Literal["company", "general"]
    reason: str
    score: float
    url: str


class LeftOutArticle(msgspec.Struct, frozen=True):
    """An article that is missing or only partly there. `reason` is over_budget, partly_over_budget, not_relevant, less_relevant,
    excluded, too_new or too_complicated."""

    article_id: str
    reason: str


class ContextAnswer(msgspec.Struct, frozen=True):
    """Chunks in the order of what matters: the company's before general ones. `tokens` never exceeds the budget; `as_of` is the time
    asked for, or that of the newest change considered; `etag` names this very answer."""

    chunks: list[Chunk]
    left_out: list[LeftOutArticle]
    tokens: int
    as_of: str
    etag: str


class ArticleContext(ApiHandler):
    """The context of one company."""

    @allowed("wiki:read")
    @documented(takes=ContextRequest, answers=ContextAnswer)
    async def post(self) -> None:
        """What is known about a company and matches a text: ranked, cited, inside the budget. 304 with If-None-Match."""
        asked = self.body(ContextRequest)
        await self._refuse_unknown(asked.company_id)
        request = Request(asked.company_id, await self._ask(asked), asked.asset_ids, _time(asked.as_of), asked.audience)
        context, newest = await gathered(self.db, self.nexus, self.spine.own(WikiParts).texts, self.known, request)
        chunks = [self._chunk(choice) for choice in context.choices]
        left_out = [LeftOutArticle(left.article_id, left.reason) for left in context.left_out]
        as_of = request.as_of or newest or f"{self.now[:10]}T00:00:00.000000Z"
        etag = hashlib.sha256(msgspec.json.encode([chunks, left_out, asked.token_budget, as_of])).hexdigest()[:32]
        if self.not_modified(f'"{etag}"'):
            self.finish()
            return
        self.answer(ContextAnswer(chunks, left_out, context.tokens, as_of, etag))

    async def _refuse_unknown(self, company_id: str) -> None:
        """404 for a company that is not there or not the caller's; where Nexus gives no answer, the scope alone decides."""
        if not self.known.scope.sees(company_id):
            raise HTTPError(404)
        try:
            company = await editing.company_of(self.db, self.nexus, self.known, company_id)
        except (NexusDown, NexusRefused):
            return
        if company is None:
            raise HTTPError(404)

    async def _ask(self, asked: ContextRequest) -> ContextQuery:
        return ContextQuery(
            text=asked.text,
            budget=asked.token_budget,
            today=_time(asked.as_of) or self.now,
            exclude=frozenset(asked.exclude),
            ageing_after_days=await self.preferences.int(self.db, "ageing_after_days"),
            stale_after_days=await self.preferences.int(self.db, "stale_after_days"),
        )

    def _chunk(self, choice: Choice) -> Chunk:
        piece, source = choice.piece, choice.piece.source
        address = self.hm.origin + self.reverse_url("article", source.article_id)
        return Chunk(
            id=piece.id,
            article_id=source.article_id,
            revision=source.revision,
            title=mask(source.title),
            heading_path=list(piece.path),
            text=piece.text,
            tokens=piece.tokens,
            status=choice.status,
            scope=source.scope,
            reason=choice.reason,
            score=choice.score,
            url=f"{address}#{piece.fragment}" if piece.fragment else address,
        )


def _time(text: str | None) -> str:
    """A time in our own form, "" for none. Raises Problem 400."""
    try:
        return moment_of(text) if text else ""
    except ValueError:
        raise Problem(400, "invalid_value", "as_of must be a UTC time such as 2026-11-22T12:00:00Z.", pointer="/as_of") from None
