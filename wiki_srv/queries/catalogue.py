"""What is there, without the articles themselves: how many of each company, which tags, which ids."""

from dataclasses import dataclass
from typing import Any

from hmlib.auth.permissions import Caller
from hmlib.db.change_numbers import Since
from hmlib.db.database import Db
from wiki_srv.access import seen
from wiki_srv.articles.drafts import AUDIENCES
from wiki_srv.queries.articles import LIVING


@dataclass(frozen=True)
class Count:
    """How many articles someone sees in a space, and when one of them was last saved."""

    articles: int
    updated_at: str


async def counts(db: Db, caller: Caller) -> dict[str, Count]:
    """What the caller sees of each company, by company id, in one statement."""
    condition, params = seen(caller)
    rows = await db.all(
        f"""
        SELECT company_id, count(*) AS articles, max(updated_at) AS updated_at FROM article
        WHERE company_id IS NOT NULL AND {LIVING} AND {condition} GROUP BY company_id
        """,
        **params,
    )
    return {row["company_id"]: Count(row["articles"], row["updated_at"]) for row in rows}


async def tags_seen(db: Db, caller: Caller, most: int = 100) -> list[str]:
    """The tags in use where the caller may look, most used first."""
    condition, params = seen(caller, "article_tag")
    rows = await db.all(
        f"""
        SELECT folded AS tag FROM article_tag WHERE status <> 'archived' AND {condition}
        GROUP BY folded ORDER BY count(*) DESC, folded LIMIT :most
        """,
        most=most,
        **params,
    )
    return [row["tag"] for row in rows]


async def ids_of_company(db: Db, caller: Caller, company_id: str, audience: str | None) -> list[str]:
    """The ids of a company's articles that are not archived, last saved first; at most 1,000."""
    condition, params = seen(caller)
    rows = await db.all(
        f"""
        SELECT id FROM article WHERE company_id = :company_id AND {LIVING} AND {condition} AND audience IN :audiences
        ORDER BY updated_at DESC, id DESC LIMIT 1000
        """,
        company_id=company_id,
        audiences=[audience] if audience else list(AUDIENCES),
        **params,
    )
    return [row["id"] for row in rows]


async def ids_gone(db: Db, caller: Caller, since: Since, status: str | None) -> list[str]:
    """The ids that have left the caller's list since then: put away (or of another status than the list is of), or no longer for
    clients."""
    once, params = _ever_seen(caller)
    listed = "article.status = :status" if status else LIVING
    newer = since.condition("article", "article.id", "article.updated_at")
    rows = await db.all(
        f"""
        SELECT article.id FROM article
        WHERE {once} AND {newer} AND NOT ({listed} AND {seen(caller)[0]}) ORDER BY article.id
        """,
        **since.params(),
        **({"status": status} if status else {}),
        **params,
    )
    return [row["id"] for row in rows]


async def ids_by_place(db: Db) -> dict[tuple[str, str, str], str]:
    """Every article's id by its space (a company's id, or `general` and the folded name), its folder and its title, folded."""
    rows = await db.all(
        """
        SELECT article.id, COALESCE(space.company_id, 'general ' || space.folded) AS place, COALESCE(folder.folded, '') AS folder,
            article.folded
        FROM article JOIN space ON space.id = article.space_id LEFT JOIN folder ON folder.id = article.folder_id
        """
    )
    return {(row["place"], row["folder"], row["folded"]): row["id"] for row in rows}


def _ever_seen(caller: Caller) -> tuple[str, dict[str, Any]]:
    """The condition on `article` for what the caller may see or could see at some time, and its parameters: a client never hears of
    an article that was internal all along."""
    if caller.level != "client":
        return seen(caller)
    shown = "EXISTS (SELECT 1 FROM revision WHERE revision.article_id = article.id AND revision.audience = 'client')"
    return f"({shown} AND article.company_id IS NOT NULL AND {caller.scope.clause('article.company_id')})", caller.scope.params()
