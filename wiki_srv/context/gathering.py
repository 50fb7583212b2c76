"""Gathers the articles that may enter a context: a company's own, and general ones that match, as the caller may see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hmlib.auth.permissions import Caller
from hmlib.db.database import Db
from hmlib.nexus.client import NexusFor
from hmlib.nexus.transport import NexusDown, NexusRefused
from wiki_srv import access
from wiki_srv.articles.rendering import Texts
from wiki_srv.context.selection import MOST_TERMS, Context, ContextQuery, LeftOut, Source
from wiki_srv.queries import articles, catalogue, revisions, search
from wiki_srv.queries.articles import Article
from wiki_srv.search.query_text import Facets, Term, Wanted, any_of
from wiki_srv.search.words import facet, folded, telling, words

MOST_MATCHES = 60
MOST_RECENT = 60
MOST_GENERAL = 40
MOST_NAMED = 20


@dataclass(frozen=True)
class Request:
    """What a context is asked for. `as_of` is a UTC time, "" for now; `audience` narrows to articles for it, None to nothing."""

    company_id: str
    wanted: ContextQuery
    asset_ids: Sequence[str] = ()
    as_of: str = ""
    audience: str | None = None


async def gathered(db: Db, nexus: NexusFor, texts: Texts, caller: Caller, request: Request) -> tuple[Context, str]:
    """The context, and the time of the newest change it takes into account ("" when there is nothing to consider)."""
    names = await _asset_names(nexus, request)
    async with db.read() as snapshot:
        everything = await catalogue.ids_of_company(snapshot, caller, request.company_id, request.audience)
        chosen = dict.fromkeys([*await _of_company(snapshot, caller, request, names), *everything[:MOST_RECENT]])
        found = await articles.some(snapshot, caller, [*chosen, *await _general(snapshot, caller, request)])
        sources, left_out = await _as_of(snapshot, caller, request, [article for article in found if _fits(article, request)])
    named = [replace(source, names=_named(source, names)) for source in sources]
    context = await texts.context(named, request.wanted)
    left_out += [LeftOut(id, "less_relevant") for id in everything if id not in chosen]
    return replace(context, left_out=(*context.left_out, *left_out)), max((source.updated_at for source in sources), default="")


async def _asset_names(nexus: NexusFor, request: Request) -> list[str]:
    """The names of the asked assets that are the company's own; none where Nexus gives no answer."""
    if not request.asset_ids:
        return []
    try:
        assets = await nexus.assets.some(request.asset_ids)
    except (NexusDown, NexusRefused):
        return []
    return sorted({asset.name for asset in assets if asset.company_id == request.company_id and words(asset.name)})


async def _of_company(db: Db, caller: Caller, request: Request, names: Sequence[str]) -> list[str]:
    """The company's articles that name an asset or hold a word of the text."""
    narrowed = access.facets(caller).within([facet("c", request.company_id)])
    found: list[str] = []
    for name in names:
        found += await search.ids(db, caller, Wanted((Term(tuple(words(name))),)), narrowed, most=MOST_NAMED)
    return found + await _matching(db, caller, request, narrowed, MOST_MATCHES)


async def _general(db: Db, caller: Caller, request: Request) -> list[str]:
    return await _matching(db, caller, request, access.facets(caller).within([access.GENERAL_FACET]), MOST_GENERAL)


async def _matching(db: Db, caller: Caller, request: Request, narrowed: Facets, most: int) -> list[str]:
    terms = telling(request.wanted.text, MOST_TERMS)
    return await search.ids(db, caller, any_of(terms), narrowed, some=True, most=most) if terms else []


def _fits(article: Article, request: Request) -> bool:
    """The last word on isolation: nothing of another company, whatever the index said."""
    return article.company_id in (None, request.company_id) and not article.archived and request.audience in (None, article.audience)


async def _as_of(db: Db, caller: Caller, request: Request, found: Sequence[Article]) -> tuple[list[Source], list[LeftOut]]:
    """The articles as they stood at the wanted time; those that are younger are left out."""
    if not request.as_of:
        return [_source(article) for article in found], []
    then: Mapping[str, revisions.Revision] = await revisions.as_of(db, caller, [article.id for article in found], request.as_of)
    sources = [
        replace(
            _source(article),
            revision=then[article.id].number,
            title=then[article.id].title,
            body=then[article.id].body,
            tags=then[article.id].tags,
            updated_at=then[article.id].created_at,
        )
        for article in found
        if article.id in then and request.audience in (None, then[article.id].audience)
    ]
    return sources, [LeftOut(article.id, "too_new") for article in found if article.id not in then]


def _source(article: Article) -> Source:
    return Source(
        article_id=article.id,
        revision=article.version,
        title=article.title,
        body=article.body,
        tags=article.tags,
        scope="company" if article.company_id else "general",
        updated_at=article.updated_at,
    )


def _named(source: Source, names: Sequence[str]) -> tuple[str, ...]:
    if source.scope != "company":
        return ()
    text = folded(f"{source.title}\n{source.body}")
    return tuple(name for name in names if folded(name) in text)
