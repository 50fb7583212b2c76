"""Revisions: every text an article ever had. A row is added with each save and never changed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hmlib.auth.permissions import Caller
from hmlib.db.database import Db
from hmlib.records.audit import Actor
from wiki_srv.access import seen_revisions
from wiki_srv.articles.drafts import Draft

_BRIEF = "number, title, tags, audience, message, author_id, author_name, created_at"


@dataclass(frozen=True)
class Revision:
    """One state of an article; `body` is "" where only the history is shown."""

    number: int
    title: str
    tags: tuple[str, ...]
    audience: str
    message: str
    author_id: str
    author_name: str
    created_at: str
    body: str = ""

    def as_draft(self) -> Draft:
        return Draft(self.title, self.body, self.tags, self.audience)


async def add(tx: Db, article_id: str, number: int, draft: Draft, actor: Actor, now: str) -> None:
    await tx.run(
        """
        INSERT INTO revision (article_id, number, title, body, tags, audience, message, author_id, author_name, created_at)
        VALUES (:article_id, :number, :title, :body, :tags, :audience, :message, :author_id, :author_name, :now)
        """,
        article_id=article_id,
        number=number,
        title=draft.title,
        body=draft.body,
        tags=json.dumps(draft.tags),
        audience=draft.audience,
        message=draft.message,
        author_id=actor.id,
        author_name=actor.name,
        now=now,
    )


async def of(db: Db, caller: Caller, article_id: str) -> list[Revision]:
    """The history of an article the caller may see, newest first, without the texts."""
    rows = await db.all(
        f"SELECT {_BRIEF} FROM revision WHERE article_id = :id AND {seen_revisions(caller)} ORDER BY number DESC", id=article_id
    )
    return [_revision(row) for row in rows]


async def one(db: Db, caller: Caller, article_id: str, number: int) -> Revision | None:
    """A revision of an article the caller may see."""
    row = await db.one(
        f"SELECT {_BRIEF}, body FROM revision WHERE article_id = :id AND number = :number AND {seen_revisions(caller)}",
        id=article_id,
        number=number,
    )
    return _revision(row) if row else None


async def by_others(tx: Db, article_id: str, after: int, author_id: str) -> bool:
    """Whether someone else has saved the article since its revision `after`."""
    return bool(
        await tx.value(
            "SELECT 1 FROM revision WHERE article_id = :id AND number > :after AND author_id <> :author_id LIMIT 1",
            id=article_id,
            after=after,
            author_id=author_id,
        )
    )


async def as_of(db: Db, caller: Caller, article_ids: Sequence[str], at: str) -> dict[str, Revision]:
    """The newest revision of each article that was saved at or before a time; articles that are younger are absent."""
    rows = await db.all(
        f"""
        SELECT article_id, {_BRIEF}, body FROM revision
        WHERE article_id IN :ids AND {seen_revisions(caller)} AND number =
            (SELECT max(number) FROM revision AS older WHERE older.article_id = revision.article_id AND older.created_at <= :at)
        """,
        ids=list(article_ids),
        at=at,
    )
    return {row["article_id"]: _revision(row) for row in rows}


def _revision(row: dict[str, Any]) -> Revision:
    values = {name: row[name] for name in Revision.__dataclass_fields__ if name in row and name != "tags"}
    return Revision(tags=tuple(json.loads(row["tags"])), **values)
