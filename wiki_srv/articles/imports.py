"""Takes a folder or ZIP of Markdown in as articles: planned first, then written, again without doubling anything."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from posixpath import normpath
from urllib.parse import unquote

from hmlib.auth.permissions import Caller, CompanyScope
from hmlib.clock import new_id
from hmlib.db.database import Conflict, Db, Transaction
from hmlib.db.list_query import folded
from hmlib.imports.uploads import Applying
from hmlib.nexus.client import NexusFor
from hmlib.nexus.directory import Company
from hmlib.records.audit import Actor
from hmlib.tables.files import Change, Outcome
from hmlib.tables.rows import RowError
from hmlib.tables.sheets import Unreadable
from wiki_srv.articles import editing
from wiki_srv.articles.drafts import GENERAL, Draft, draft, folder_path, one_line
from wiki_srv.articles.editing import Target
from wiki_srv.articles.markdown_files import Found, Hostile, read
from wiki_srv.queries import articles, catalogue
from wiki_srv.queries.articles import Article

KIND = "articles"
KINDS = (KIND,)
OPTIONS = ("space",)
LARGEST_FILE = 40 * 1024 * 1024
"""Bytes that are taken over HTTP; `hm import` takes more."""
AT_ONCE = 200
MOST_PLANS = 5
"""How often the files are compared with what is there while others write the same articles."""
NAMED_AT_MOST = 10

_LINK = re.compile(r"(?P<open>\]\()(?P<path>[^()\s:#]+\.(?:md|markdown))(?P<rest>(?:#[^()\s]*)?(?:\s+\"[^\"\n]*\")?\))", re.I)

Progress = Callable[[int, int], None]


@dataclass
class Item:
    """One file on its way in: where it goes, what it says, and the article it updates (None: a new one, under `id`)."""

    line: int
    found: Found
    target: Target
    draft: Draft
    id: str = field(default_factory=new_id)
    existing: Article | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        space = self.target.company.id if self.target.company else "general " + folded(self.target.space)
        return space, folded(self.target.folder), folded(self.draft.title)

    @property
    def what(self) -> str:
        if self.existing is None:
            return "create"
        return "unchanged" if self.draft.same_content(self.existing.as_draft()) else "update"


async def run(
    kind: str,
    db: Db,
    directory: NexusFor,
    raw: bytes,
    name: str,
    *,
    mapping: Mapping[str, str] | None = None,
    dry_run: bool = False,
    valid_only: bool = False,
    actor: Actor,
    now: str,
    progress: Progress | None = None,
    caller: Caller | None = None,
    applying: Applying | None = None,
) -> Outcome:
    """Import articles. `mapping` may hold `space`: an account number, or the name of a company or general space, for every file.

    Without it a file's front matter names its `company`, else its first folder names the space. An article of the same title in the
    same folder gets a new revision. With errors nothing is written, unless `valid_only`. Raises Unreadable, NexusDown, and Conflict when
    somebody else writes the same articles meanwhile, five times.
    """
    assert kind in KINDS
    caller = caller or _importer(actor)
    files, others = await asyncio.to_thread(read, raw, name)
    outcome = Outcome(notes=_notes(files, others))
    spaces = _Spaces(await directory.companies.everything(), (mapping or {}).get("space", ""))
    items = await asyncio.to_thread(_planned, files, spaces, name, outcome)
    await _match(db, caller, items)
    await asyncio.to_thread(_lead_links_to_articles, items)
    _count(items, outcome)
    if not dry_run and (valid_only or not outcome.errors):
        await _applied(db, caller, items, actor, now, outcome, progress, applying or Applying.alone(db))
    return outcome


async def _applied(
    db: Db,
    caller: Caller,
    items: Sequence[Item],
    actor: Actor,
    now: str,
    outcome: Outcome,
    progress: Progress | None,
    applying: Applying,
) -> None:
    """Write what was planned; where somebody has written one of the articles meanwhile, there is one to update. Raises Conflict."""
    for attempt in range(MOST_PLANS):
        if attempt:
            await _match(db, caller, items)
            _count(items, outcome)
        try:
            await _write(caller, items, actor, now, outcome, progress, applying)
            return
        except Conflict:
            if attempt == MOST_PLANS - 1:
                raise


def _count(items: Sequence[Item], outcome: Outcome) -> None:
    """What the files would do, as it stands now."""
    outcome.changes = [_change(item) for item in items]
    counts = Counter(item.what for item in items)
    outcome.created, outcome.updated, outcome.unchanged = counts["create"], counts["update"], counts["unchanged"]


def refusal_status(error: Unreadable) -> int:
    """400 for a file that means harm, 422 for one that is merely none of ours."""
    return 400 if isinstance(error, Hostile) else 422


class _Spaces:
    """Finds the company or general space that a file belongs to."""

    def __init__(self, companies: Sequence[Company], chosen: str) -> None:
        self._by_number = {company.account_number: company for company in companies}
        self._by_name = {folded(company.name): company for company in companies}
        self.chosen = one_line(chosen)

    def target(self, found: Found) -> tuple[Target, str]:
        """Where the file goes, and what is wrong with that ("" when nothing is)."""
        inside = found.folders if self.chosen else found.folders[1:]
        folder, error = folder_path("/".join(inside) if found.folder is None else found.folder)
        name = self.chosen or found.company or (found.folders[0] if found.folders else GENERAL)
        company = self._by_number.get(name) or (self._by_name.get(folded(name)) if self.chosen or found.company else None)
        if company is None and (re.fullmatch(r"[0-9]{6}", name) or (found.company and not self.chosen)):
            return Target(None, name, folder), f"There is no company {name}."
        return Target(company, company.name if company else one_line(name)[:100] or GENERAL, folder), error


def _importer(actor: Actor) -> Caller:
    """The command line itself: it may see every company."""
    return Caller(actor.id, actor.name, None, frozenset({"wiki:read", "wiki:write"}), CompanyScope(), kind="service")


def _notes(files: Sequence[Found], others: Sequence[str]) -> list[str]:
    notes = []
    if others:
        more = ", …" if len(others) > NAMED_AT_MOST else ""
        notes.append(f"{len(others):,} files that are not Markdown were left out: {', '.join(others[:NAMED_AT_MOST])}{more}")
    unknown = sorted({key for found in files for key in found.unknown})
    if unknown:
        notes.append(f"Front matter that is not known was left out: {', '.join(unknown[:NAMED_AT_MOST])}.")
    return notes if files else [*notes, "There is no Markdown file in it."]


def _planned(files: Sequence[Found], spaces: _Spaces, name: str, outcome: Outcome) -> list[Item]:
    """The files that can become articles; each of the others is an error."""
    items: dict[tuple[str, str, str], Item] = {}
    for line, found in enumerate(files, 1):
        content, errors = draft(found.title, found.body, found.tags, found.audience, f"Imported from {name}"[:200])
        target, error = spaces.target(found)
        errors |= {"space": error} if error else {}
        errors = {"file": found.problem} if found.problem else errors
        item = Item(line, found, target, content)
        if not errors and item.place in items:
            errors = {"title": f"{items[item.place].found.path} has the same title in the same folder."}
        outcome.errors += [RowError(line, column, found.path[:200], message) for column, message in errors.items()]
        if not errors:
            items[item.place] = item
    return list(items.values())


async def _match(db: Db, caller: Caller, items: Sequence[Item]) -> None:
    """Find the articles that are there already."""
    ids = await catalogue.ids_by_place(db)
    for item in items:
        item.id, item.existing = ids.get(item.place, item.id), None
    for start in range(0, len(items), AT_ONCE):
        batch = items[start : start + AT_ONCE]
        there = {article.id: article for article in await articles.some(db, caller, [item.id for item in batch])}
        for item in batch:
            item.existing = there.get(item.id)


def _lead_links_to_articles(items: Sequence[Item]) -> None:
    """A relative link from file to file becomes a link from article to article."""
    by_path = {item.found.path: item.id for item in items}
    for item in items:
        folder = PurePosixPath(item.found.path).parent

        def led(match: re.Match[str], folder: PurePosixPath = folder) -> str:
            id = by_path.get(normpath(str(folder / unquote(match["path"]))))
            return f"{match['open']}/articles/{id}{match['rest']}" if id else match[0]

        body = _LINK.sub(led, item.draft.body)
        item.draft = Draft(item.draft.title, body, item.draft.tags, item.draft.audience, item.draft.message)


async def _write(
    caller: Caller,
    items: Sequence[Item],
    actor: Actor,
    now: str,
    outcome: Outcome,
    progress: Progress | None,
    applying: Applying,
) -> None:
    """All files or none: in one transaction, with what belongs to it. Raises Conflict when an article of the same place came meanwhile."""
    changed = [item for item in items if item.what != "unchanged"]
    outcome.applied = True
    async with applying.transaction() as tx:
        for number, item in enumerate(changed, 1):
            await _write_one(tx, caller, item, actor, now)
            if progress and number % AT_ONCE == 0:
                progress(number, len(changed))
        await applying.done(tx, outcome)
    if progress:
        progress(len(changed), len(changed))


async def _write_one(tx: Transaction, caller: Caller, item: Item, actor: Actor, now: str) -> None:
    current = await articles.visible_to(tx, caller, item.id) if item.existing else None
    if current is None:
        await editing.create_in(tx, item.draft, item.target, actor, now, id=item.id)
    elif not item.draft.same_content(current.as_draft()):  # somebody may have applied the same file meanwhile
        await editing.save_in(tx, caller, current, item.draft, actor, now)


def _change(item: Item) -> Change:
    place = " / ".join(part for part in (item.target.space, item.target.folder, item.draft.title) if part)
    label = f"{item.found.path} → {place}"
    if item.existing is None or item.what == "unchanged":
        return Change(item.line, item.what, label)
    before, after = item.existing.as_draft(), item.draft
    fields: dict[str, tuple[object, object]] = {
        "title": (before.title, after.title),
        "tags": (", ".join(before.tags), ", ".join(after.tags)),
        "audience": (before.audience, after.audience),
    }
    changed = {name: pair for name, pair in fields.items() if pair[0] != pair[1]}
    if before.body != after.body:
        changed["body"] = (f"{len(before.body):,} characters", f"{len(after.body):,} characters")
    return Change(item.line, item.what, label, changed)
