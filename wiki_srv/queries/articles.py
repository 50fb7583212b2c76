"""Articles: their rows in `article`, each with the text of its newest revision, and which of them a caller may see."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hmlib.auth.permissions import Caller
from hmlib.db.change_numbers import EVERYTHING, Since
from hmlib.db.database import Db
from hmlib.db.list_query import ListDefinition, ListQuery, Page, folded, like
from hmlib.records.audit import Actor
from wiki_srv.access import seen
from wiki_srv.articles.drafts import Draft
from wiki_srv.queries import revisions, search

LISTING = ListDefinition(
    sorts={
        "title": "article.folded",
        "space": "space.folded",
        "updated_at": "article.updated_at",
        "created_at": "article.created_at",
        "id": "article.id",
    },
    default="-updated_at",
    id_column="article.id",
    filters=("company_id", "space_id", "folder", "audience", "tag", "status"),
)

_COLUMNS = """
    article.id, article.space_id, article.company_id, article.folder_id, article.title, article.tags, article.audience, article.status,
    article.version, article.created_at, article.updated_at, article.updated_by, article.updated_by_name,
    space.name AS space_name, space.account_number, COALESCE(folder.path, '') AS folder
"""
_FROM = "FROM article JOIN space ON space.id = article.space_id LEFT JOIN folder ON folder.id = article.folder_id"
_WITH_TEXT = f"""
    SELECT {_COLUMNS}, revision.body
    {_FROM} JOIN revision ON revision.article_id = article.id AND revision.number = article.version
"""
_FILTERS = {
    "company_id": "COALESCE(article.company_id, 'general') = :company_id",
    "space_id": "article.space_id = :space_id",
    "folder": """article.folder_id IN (SELECT inside.id FROM folder AS inside WHERE inside.space_id = article.space_id
        AND (inside.folded = :folder OR inside.folded LIKE :folder_like ESCAPE '\\'))""",
    "audience": "article.audience = :audience",
    "tag": "article.id IN (SELECT article_id FROM article_tag WHERE article_tag.folded = :tag)",
    "status": "article.status = :status",
}
LIVING = "article.status <> 'archived'"


@dataclass(frozen=True)
class Entry:
    """An article without its text. `company_id` is None in a general space; `version` is the number of its newest revision."""

    id: str
    space_id: str
    company_id: str | None
    space_name: str
    account_number: str
    folder: str
    title: str
    tags: tuple[str, ...]
    audience: str
    status: str
    version: int
    created_at: str
    updated_at: str
    updated_by: str
    updated_by_name: str

    @property
    def archived(self) -> bool:
        return self.status == "archived"


@dataclass(frozen=True)
class Article(Entry):
    """An article with its Markdown."""

    folder_id: str | None
    body: str

    def as_draft(self) -> Draft:
        return Draft(self.title, self.body, self.tags, self.audience)


@dataclass(frozen=True)
class Place:
    """Where an article stands."""

    space_id: str
    company_id: str | None
    folder_id: str | None = None


async def visible_to(db: Db, caller: Caller, id: str) -> Article | None:
    found = await some(db, caller, [id])
    return found[0] if found else None


async def some(db: Db, caller: Caller, ids: Sequence[str]) -> list[Article]:
    """Those of `ids` the caller may see, with their text, in the order given."""
    condition, params = seen(caller)
    rows = await db.all(f"{_WITH_TEXT} WHERE article.id IN :ids AND {condition}", ids=list(ids), **params)
    by_id = {row["id"]: _article(row) for row in rows}
    return [by_id[id] for id in dict.fromkeys(ids) if id in by_id]


async def page_of(db: Db, caller: Caller, list_query: ListQuery, since: Since = EVERYTHING) -> Page[Entry]:
    """A page of the list, without texts and, unless the status is asked for, without what is archived; with `since`, only what is as
    new."""
    wanted, params = _wanted(caller, list_query, since)
    after, order, place = list_query.sql()
    async with db.read() as snapshot:
        rows = await snapshot.all(f"SELECT {_COLUMNS} {_FROM} WHERE {wanted} {after} {order}", **params, **place)
        total = await _total(snapshot, wanted, params)
    return list_query.page([_entry(row) for row in rows], total, _key(list_query))


async def page_with_texts(db: Db, caller: Caller, list_query: ListQuery, since: Since = EVERYTHING) -> Page[Article]:
    """The same page with texts."""
    wanted, params = _wanted(caller, list_query, since)
    after, order, place = list_query.sql()
    async with db.read() as snapshot:
        rows = await snapshot.all(f"{_WITH_TEXT} WHERE {wanted} {after} {order}", **params, **place)
        total = await _total(snapshot, wanted, params)
    return list_query.page([_article(row) for row in rows], total, _key(list_query))


async def create(tx: Db, draft: Draft, place: Place, actor: Actor, now: str, *, id: str) -> str:
    """The new article's id. Raises Conflict when its folder has one of that title."""
    await tx.run(
        """
        INSERT INTO article (id, space_id, company_id, folder_id, title, folded, search, tags, audience, version, created_at, updated_at,
            updated_by, updated_by_name)
        VALUES (:id, :space_id, :company_id, :folder_id, :title, :folded, :search, :tags, :audience, 1, :now, :now, :by, :by_name)
        """,
        id=id,
        space_id=place.space_id,
        company_id=place.company_id,
        folder_id=place.folder_id,
        **_content(draft, actor, now),
    )
    await revisions.add(tx, id, 1, draft, actor, now)
    await _tag(tx, id, draft)
    await search.index(tx, id, place.space_id, place.company_id, draft)
    return id


async def save(tx: Db, article: Article, draft: Draft, actor: Actor, now: str, *, status: str | None = None) -> int | None:
    """A new revision on top of `article.version`; its number, or None when the article has changed since.

    Raises Conflict when the folder has another article of that title.
    """
    number = article.version + 1
    saved = await tx.run(
        """
        UPDATE article SET title = :title, folded = :folded, search = :search, tags = :tags, audience = :audience, status = :status,
            version = :number, updated_at = :now, updated_by = :by, updated_by_name = :by_name
        WHERE id = :id AND version = :version
        """,
        id=article.id,
        version=article.version,
        number=number,
        status=status or article.status,
        **_content(draft, actor, now),
    )
    if not saved:
        return None
    await revisions.add(tx, article.id, number, draft, actor, now)
    await _tag(tx, article.id, draft)
    await search.forget(tx, article.id)
    if (status or article.status) != "archived":
        await search.index(tx, article.id, article.space_id, article.company_id, draft)
    return number


def _wanted(caller: Caller, list_query: ListQuery, since: Since = EVERYTHING) -> tuple[str, dict[str, Any]]:
    condition, params = seen(caller)
    clauses = [condition]
    for number, word in enumerate(list_query.q.split()[:8]):
        clauses.append(f"article.search LIKE :like_{number} ESCAPE '\\'")
        params[f"like_{number}"] = like(word)
    for name, value in list_query.filters.items():
        clauses.append(_FILTERS[name])
        params[name] = folded(value) if name in ("tag", "folder") else value
    if "folder" in list_query.filters:
        params["folder_like"] = like(list_query.filters["folder"] + "/").removeprefix("%")
    if since != EVERYTHING:
        clauses.append(since.condition("article", "article.id", "article.updated_at"))
        params |= since.params()
    if "status" not in list_query.filters:
        clauses.append(LIVING)
    return " AND ".join(clauses), params


async def _total(db: Db, wanted: str, params: Mapping[str, Any]) -> int:
    return int(await db.value(f"SELECT count(*) FROM article WHERE {wanted}", **params))


def _key(list_query: ListQuery) -> Callable[[Entry], tuple[str, str]]:
    name = list_query.sort.removeprefix("-")
    folded_of = {"title": "title", "space": "space_name"}
    return lambda entry: (folded(getattr(entry, folded_of[name])) if name in folded_of else getattr(entry, name), entry.id)


def _content(draft: Draft, actor: Actor, now: str) -> dict[str, Any]:
    return {
        "title": draft.title,
        "folded": folded(draft.title),
        "search": folded(" ".join([draft.title, *draft.tags])),
        "tags": json.dumps(draft.tags),
        "audience": draft.audience,
        "now": now,
        "by": actor.id,
        "by_name": actor.name,
    }


async def _tag(tx: Db, id: str, draft: Draft) -> None:
    await tx.run("DELETE FROM article_tag WHERE article_id = :id", id=id)
    await tx.many(
        """
        INSERT INTO article_tag (article_id, folded, company_id, audience, status)
        SELECT id, :tag, company_id, audience, status FROM article WHERE id = :id
        """,
        [{"id": id, "tag": tag} for tag in dict.fromkeys(folded(tag) for tag in draft.tags)],
    )


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(**_fields(row))


def _article(row: Mapping[str, Any]) -> Article:
    return Article(**_fields(row), folder_id=row["folder_id"], body=row["body"])


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in Entry.__dataclass_fields__ if name != "tags"} | {"tags": tuple(json.loads(row["tags"]))}
