"""How an article comes to be and changes: placed, saved on top of what its writer saw, archived and taken back, always audited."""

from dataclasses import dataclass

from hmlib import errors
from hmlib.auth.permissions import Caller
from hmlib.clock import new_id
from hmlib.db.database import Db, Transaction
from hmlib.db.engine import Conflict
from hmlib.errors import Taken
from hmlib.nexus.client import NexusFor
from hmlib.nexus.directory import Company
from hmlib.records import audit
from hmlib.records.audit import Actor
from wiki_srv.articles.drafts import GENERAL, Draft
from wiki_srv.queries import articles, revisions, spaces
from wiki_srv.queries.articles import Article, Place
from wiki_srv.queries.spaces import Space

TAKEN = "There is an article of that title here already, perhaps an archived one."


@dataclass(frozen=True)
class Target:
    """Where a new article goes: a company's space, or the general one of that name; and the folder's path inside."""

    company: Company | None = None
    space: str = GENERAL
    folder: str = ""


class Stale(errors.Stale):
    """Somebody else has saved the article meanwhile: `theirs` is how it stands now."""

    def __init__(self, theirs: Article) -> None:
        super().__init__(theirs.id)
        self.theirs = theirs


async def company_of(db: Db, nexus: NexusFor, caller: Caller, company_id: str) -> Company | None:
    """The company, from its space when it has one, else from the directory. Raises NexusDown."""
    if not caller.scope.sees(company_id):
        return None
    space = await spaces.of_company(db, caller, company_id)
    if space:
        return as_company(space)
    found = await nexus.companies.some([company_id])
    return found[0] if found else None


def as_company(space: Space) -> Company:
    """What a company's space knows of the company."""
    assert space.company_id is not None
    return Company(space.company_id, space.account_number, space.name, "active")


async def create(tx: Transaction, draft: Draft, target: Target, actor: Actor, now: str) -> str:
    """Write a new article; its id. Raises Taken when its folder has one of that title."""
    try:
        return await create_in(tx, draft, target, actor, now)
    except Conflict as taken:
        raise Taken({"title": TAKEN}) from taken


async def create_in(tx: Db, draft: Draft, target: Target, actor: Actor, now: str, *, id: str = "") -> str:
    """create() that raises Conflict instead of Taken, under an id that may have been chosen already."""
    company = target.company
    space = await spaces.for_company(tx, company, now) if company else await spaces.for_name(tx, target.space, now)
    folder_id = await spaces.folder(tx, space.id, target.folder, now)
    id = await articles.create(tx, draft, Place(space.id, space.company_id, folder_id), actor, now, id=id or new_id())
    await audit.record(tx, actor, "article.created", f"article/{id}", now=now, after={**_facts(draft), "space": space.name, "version": 1})
    return id


async def save(
    tx: Transaction, caller: Caller, id: str, draft: Draft, base: int, actor: Actor, now: str, *, strictly: bool = False
) -> Article | None:
    """Save a draft made from revision `base`; the article as it is then, or None when there is none for the caller.

    Nothing is written when nothing differs. What only the same writer saved meanwhile is no conflict, unless `strictly` asks for
    the very version. Raises Stale, Taken.
    """
    article = await articles.visible_to(tx, caller, id)
    if article is None:
        return None
    same = draft.same_content(article.as_draft())
    if article.version != base and (strictly or (not same and await _foreign(tx, article, base, actor))):
        raise Stale(article)
    try:
        return article if same else await save_in(tx, caller, article, draft, actor, now)
    except Conflict as taken:
        raise Taken({"title": TAKEN}) from taken


async def _foreign(tx: Db, article: Article, base: int, actor: Actor) -> bool:
    """Whether what was saved since `base` is somebody else's, or `base` is no revision at all."""
    return base > article.version or await revisions.by_others(tx, article.id, base, actor.id)


async def save_in(tx: Db, caller: Caller, article: Article, draft: Draft, actor: Actor, now: str, status: str = "") -> Article | None:
    """A new revision on top of an article that was read in this very transaction. Raises Conflict."""
    number = await articles.save(tx, article, draft, actor, now, status=status or article.status)
    assert number is not None
    action = {"": "article.saved", "archived": "article.archived", "published": "article.restored"}[status]
    before = {**_facts(article.as_draft()), "version": article.version}
    await audit.record(tx, actor, action, f"article/{article.id}", now=now, before=before, after={**_facts(draft), "version": number})
    return await articles.visible_to(tx, caller, article.id)


async def set_archived(
    tx: Transaction, caller: Caller, id: str, archived: bool, actor: Actor, now: str, *, base: int | None = None
) -> Article | None:
    """Put an article away or take it back; None when there is none for the caller. Both stand in its history. Raises Stale when it
    is no longer at revision `base`."""
    status, message = ("archived", "Archived") if archived else ("published", "Taken back from the archive")
    article = await articles.visible_to(tx, caller, id)
    if article is not None and base not in (None, article.version):
        raise Stale(article)
    if article is None or article.archived == archived:
        return article
    draft = Draft(article.title, article.body, article.tags, article.audience, message)
    return await save_in(tx, caller, article, draft, actor, now, status)


def _facts(draft: Draft) -> dict[str, object]:
    """What the audit log keeps: the text itself stands in the revisions."""
    return {"title": draft.title, "tags": draft.tags, "audience": draft.audience, "message": draft.message, "characters": len(draft.body)}
