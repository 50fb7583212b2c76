"""Full-text search: FTS5 on SQLite, tsvector on PostgreSQL. What the caller may not see is not found, not counted and not shown."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from hmlib.auth.permissions import Caller
from hmlib.db.database import Db
from wiki_srv import access
from wiki_srv.articles.drafts import Draft
from wiki_srv.search.query_text import Facets, Term, Wanted, fts5, marked, pattern, rank_query, snippet, tsquery
from wiki_srv.search.words import SEARCHED_LENGTH, facet, vector, words

MOST_HITS = 100
FEW = 10
"""With fewer hits than this for all the words, articles with some of them follow."""
TOO_COMMON = 2000
"""A word that stands in more articles than this says too little by itself to bring one up, and would cost too much."""
SNIPPET_SOURCE = 20_000
SHORT = 20_000
"""Characters whose words are found on the event loop, in some two milliseconds."""

# The title weighs most, then the tags; a facet is a condition and weighs nothing.
_RANKED = {
    "sqlite": """
        WITH hit AS MATERIALIZED (
            SELECT rowid AS number, bm25(article_search, 10.0, 6.0, 1.0, 0.0) AS rank FROM article_search
            WHERE article_search MATCH :match ORDER BY 2 LIMIT :most
        )
        SELECT article.id FROM hit JOIN article_number ON article_number.number = hit.number
            JOIN article ON article.id = article_number.article_id
        WHERE {seen} ORDER BY hit.rank, article.id
    """,
    "postgresql": """
        WITH hit AS MATERIALIZED (
            SELECT article_id, ts_rank(CAST('{{0.1, 0.1, 0.6, 1.0}}' AS real[]), document, CAST(:ranked AS tsquery), 1) AS rank
            FROM article_search WHERE document @@ CAST(:match AS tsquery) ORDER BY 2 DESC LIMIT :most
        )
        SELECT article.id FROM hit JOIN article ON article.id = hit.article_id
        WHERE {seen} ORDER BY hit.rank DESC, article.id
    """,
}
_COUNTED = {
    "sqlite": "SELECT count(*) FROM (SELECT 1 FROM article_search WHERE article_search MATCH :match LIMIT :most) AS probe",
    "postgresql": "SELECT count(*) FROM (SELECT 1 FROM article_search WHERE document @@ CAST(:match AS tsquery) LIMIT :most) AS probe",
}


@dataclass(frozen=True)
class Hit:
    """An article that was found; `exact` when it holds all the words. `title` and `snippet` are HTML with the words marked."""

    id: str
    title: Markup
    snippet: Markup
    space_id: str
    space_name: str
    company_id: str | None
    folder: str
    tags: tuple[str, ...]
    audience: str
    updated_at: str
    exact: bool


async def ids(db: Db, caller: Caller, search: Wanted, narrowed: Facets, *, some: bool = False, most: int = MOST_HITS) -> list[str]:
    """The ids of what is found, best first; with `some`, one of the words is enough."""
    condition, params = access.seen(caller)
    if db.dialect == "sqlite":
        params |= {"match": fts5(search, narrowed, some=some)}
    else:
        params |= {"match": tsquery(search, narrowed, some=some), "ranked": rank_query(search, some=some)}
    rows = await db.all(_RANKED[db.dialect].format(seen=condition), most=most, **params)
    return [row["id"] for row in rows]


async def found(db: Db, caller: Caller, search: Wanted, narrowed: Facets) -> tuple[list[str], list[str]]:
    """The ids with all the words and, when those are few and there are several words, the ids with some of them."""
    if not search:
        return [], []
    exact = await ids(db, caller, search, narrowed)
    if len(exact) >= FEW or len(search.terms) < 2:
        return exact, []
    telling = replace(search, terms=tuple([term for term in search.terms if await _is_telling(db, term)]))
    loose = await ids(db, caller, telling, narrowed, some=True, most=FEW * 5) if telling.terms else []
    return exact, [id for id in loose if id not in set(exact)]


async def _is_telling(db: Db, term: Term) -> bool:
    """Whether a term is rare enough in the whole wiki to bring up an article by itself."""
    alone = Wanted((term,))
    match = fts5(alone, Facets()) if db.dialect == "sqlite" else tsquery(alone, Facets())
    return int(await db.value(_COUNTED[db.dialect], match=match, most=TOO_COMMON + 1)) <= TOO_COMMON


async def hits(db: Db, caller: Caller, found_ids: Sequence[str], exact: int, marks: Sequence[str]) -> list[Hit]:
    """What is shown of a page of ids; the first `exact` of them hold all the words."""
    condition, params = access.seen(caller)
    rows = await db.all(
        f"""
        SELECT article.id, article.title, article.space_id, article.company_id, article.tags, article.audience, article.updated_at,
            space.name AS space_name, COALESCE(folder.path, '') AS folder, substr(revision.body, 1, {SNIPPET_SOURCE}) AS body
        FROM article JOIN space ON space.id = article.space_id LEFT JOIN folder ON folder.id = article.folder_id
            JOIN revision ON revision.article_id = article.id AND revision.number = article.version
        WHERE article.id IN :ids AND {condition}
        """,
        ids=list(found_ids),
        **params,
    )
    by_id = {row["id"]: row for row in rows}
    words_of = pattern(marks)
    return [_hit(by_id[id], place < exact, words_of) for place, id in enumerate(found_ids) if id in by_id]


async def index(tx: Db, article_id: str, space_id: str, company_id: str | None, draft: Draft) -> None:
    """Make an article found that was not in the index."""
    tags, marks = " , ".join(draft.tags), _facets(space_id, company_id, draft)
    if tx.dialect == "postgresql":
        document = await _of_text(draft, lambda: vector(draft.title, tags, draft.body, marks))
        await tx.run(
            "INSERT INTO article_search (article_id, document) VALUES (:id, CAST(:document AS tsvector))", id=article_id, document=document
        )
        return
    row = await tx.one(
        "INSERT INTO article_number (article_id) VALUES (:id) ON CONFLICT (article_id) DO UPDATE SET article_id = :id RETURNING number",
        id=article_id,
    )
    assert row is not None
    await tx.run(
        "INSERT INTO article_search (rowid, title, tags, body, facets) VALUES (:number, :title, :tags, :body, :facets)",
        number=row["number"],
        title=" ".join(words(draft.title)),
        tags=" , ".join(" ".join(words(tag)) for tag in draft.tags),
        body=await _of_text(draft, lambda: " ".join(words(draft.body[:SEARCHED_LENGTH]))),
        facets=" ".join(marks),
    )


async def _of_text(draft: Draft, work: Callable[[], str]) -> str:
    """What is made of an article's text, in a thread where it is long."""
    return work() if len(draft.body) <= SHORT else await asyncio.to_thread(work)


async def forget(tx: Db, article_id: str) -> None:
    """Take an article out of the index."""
    if tx.dialect == "postgresql":
        await tx.run("DELETE FROM article_search WHERE article_id = :id", id=article_id)
    else:
        await tx.run("DELETE FROM article_search WHERE rowid IN (SELECT number FROM article_number WHERE article_id = :id)", id=article_id)


def _facets(space_id: str, company_id: str | None, draft: Draft) -> list[str]:
    company = facet("c", company_id) if company_id else access.GENERAL_FACET
    return [facet("a", draft.audience), company, facet("s", space_id), *(facet("t", tag) for tag in draft.tags)]


def _hit(row: Mapping[str, Any], exact: bool, words_of: re.Pattern[str] | None) -> Hit:
    return Hit(
        id=row["id"],
        title=marked(row["title"], words_of),
        snippet=snippet(row["body"], words_of),
        space_id=row["space_id"],
        space_name=row["space_name"],
        company_id=row["company_id"],
        folder=row["folder"],
        tags=tuple(json.loads(row["tags"])),
        audience=row["audience"],
        updated_at=row["updated_at"],
        exact=exact,
    )
