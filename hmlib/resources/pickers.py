"""How a form lets people choose another record: a search box that offers a few, and takes a name, a number or an id."""

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hmlib.db.list_query import ListQuery
from hmlib.kinds import statements
from hmlib.kinds.resource import Resource
from hmlib.kinds.types import Reference
from hmlib.nexus.bulk import fetch_by_ids
from hmlib.nexus.transport import NexusDown
from hmlib.resources import records
from hmlib.web.handler import Handler

MOST_OFFERED = 20
MOST_FOUND = 1000
AWAY = "The directory does not answer just now, so this cannot be looked up. Try again in a moment."
UNCLEAR = "More than one is called this. Choose one of the list."


@dataclass(frozen=True)
class Option:
    """One record to choose: its id, what people call it, the number by which files know it, if it has one, else whose it is."""

    id: str
    title: str
    number: str = ""
    owner: str = ""

    @property
    def label(self) -> str:
        """What stands in the box when it is chosen; resolved() takes it for the record again."""
        return f"{self.title} ({self.number or self.owner})" if self.number or self.owner else self.title


@dataclass(frozen=True)
class Source:
    """Where records that the caller may see are found: so many at most by what is typed, and by ids. Raises NexusDown of other services."""

    search: Callable[[Handler, str, int], Awaitable[Sequence[Option]]]
    by_ids: Callable[[Handler, Sequence[str]], Awaitable[Mapping[str, Option]]]


@dataclass(frozen=True)
class Pickers:
    """The sources of one service, by the plural of what they find; and the plurals of those kinds that its page of imports takes."""

    sources: Mapping[str, Source]
    imported: Sequence[str] = ()


async def bound(handler: Handler, of: Resource[Any], asked: ListQuery) -> ListQuery:
    """The question with what its conditions are bound with beside its filters. Raises BadListQuery."""
    params: dict[str, Any] = {}
    for name, value in asked.filters.items():
        if name in of.filters and (read := of.filters[name].read):
            params |= read(value, await handler.preferences.text(handler.db, "time_zone"), handler.now)
    for attribute, to in of.references.items() if asked.q else ():
        if not to.table and of.fields[attribute].searched:
            params[statements.found_by(attribute)] = [one.id for one in await _found(handler, _source(handler, to.to), asked.q, MOST_FOUND)]
    return replace(asked, bound=params) if params else asked


async def names(handler: Handler, of: Resource[Any], rows: Iterable[Any]) -> dict[str, str]:
    """What people call the records that some rows refer to, by id, without those that cannot be found now."""
    found: dict[str, str] = {}
    shown = list(rows)
    for attribute in of.named:
        beside = f"{attribute.removesuffix('_id')}_name"
        found |= {id: name for row in shown if (id := getattr(row, attribute)) and (name := getattr(row, beside))}
    return found | {id: option.title for id, option in (await _options(handler, of, shown, of.named)).items()}


async def numbers(handler: Handler, of: Resource[Any], rows: Sequence[Any]) -> dict[str, str]:
    """By which numbers files know the records that some rows refer to."""
    return {id: option.number or option.title for id, option in (await _options(handler, of, rows)).items()}


async def chosen(handler: Handler, of: Resource[Any], values: Mapping[str, str]) -> dict[str, str]:
    """What stands in the boxes of a form whose values are these, by name: the id itself where it cannot be found, or not now."""
    found = {}
    for name, _, to in of.referred:
        if id := values.get(name):
            option = (await _by_ids(handler, to.to, [id])).get(id) if _like_an_id(id) else None
            found[name] = option.label if option else id
    return found


async def resolved(
    handler: Handler, of: Resource[Any], posted: Mapping[str, Any], before: Any | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """What was posted with ids in the place of names and numbers, and what could not be found, as sentences by name."""
    said, wrong = dict(posted), {}
    for name, attribute, to in of.referred:
        typed = str(posted.get(name) or "").strip()
        if typed and typed != getattr(before, attribute, None):
            option, why = await looked_up(handler, to, typed)
            if option is None:
                wrong[name] = why
            else:
                said[name] = option.id
    return said, wrong


async def missing_elsewhere(
    handler: Handler, of: Resource[Any], items: Sequence[Mapping[str, Any]], before: Any | None = None
) -> list[dict[str, str]]:
    """Which of the records in other services that each item names anew are not there, or not for the caller: sentences by name. Asked
    for once, however many items there are. Raises NexusDown."""
    wrong: list[dict[str, str]] = [{} for _ in items]
    for name, attribute, to in of.referred:
        if not to.table:
            stands = getattr(before, attribute, None)
            named = {id for item in items if isinstance(id := item.get(name), str) and id not in ("", stands)}
            gone = named - set(await _source(handler, to.to).by_ids(handler, sorted(named))) if named else set()
            for item, told in zip(items, wrong, strict=True):
                told |= {name: to.said} if item.get(name) in gone else {}
    return wrong


async def names_of(handler: Handler, of: Resource[Any], ids: Sequence[str]) -> dict[str, str]:
    """What people call the records with these ids, of whatever kind the resource refers to; without those that cannot be found now."""
    found: dict[str, str] = {}
    for to in {to.to for to in of.references.values()} if ids else ():
        found |= {id: option.title for id, option in (await _by_ids(handler, to, ids)).items()}
    return found


def back(handler: Handler, of: Resource[Any], record: Any | None, given: Mapping[str, Any] | None = None) -> str:
    """Where a form or a deletion leads back to: what the record belongs to, else the list."""
    parent = getattr(record, of.within, "") or (given or {}).get(of.within) if of.within else ""
    return handler.reverse_url(of.references[of.within].one, parent) if parent else handler.reverse_url(of.plural)


def local(of: Resource[Any]) -> Source:
    """The records of a kind of this service."""

    def option(record: Any) -> Option:
        number = getattr(record, of.number) if of.number else ""
        return Option(of.id_of(record), of.title_of(record), number, getattr(record, "company_name", "") or "")

    async def search(handler: Handler, q: str, most: int) -> Sequence[Option]:
        asked = await bound(handler, of, statements.definition(of).read({"q": q}, handler.keys, limit_default=most))
        page = await records.page_of(handler.db, of, handler.known.scope, asked, total=False)
        return [option(record) for record in page.rows]

    async def by_ids(handler: Handler, ids: Sequence[str]) -> Mapping[str, Option]:
        return {of.id_of(record): option(record) for record in await records.by_ids(handler.db, of, handler.known.scope, ids)}

    return Source(search, by_ids)


async def companies_like(handler: Handler, q: str, most: int) -> Sequence[Option]:
    """Companies of the directory, for a module. Raises NexusDown."""
    page = await handler.nexus.companies.page(q=q, limit=str(most))
    return [Option(company.id, company.name, company.account_number) for company in page.items]


async def companies_by_ids(handler: Handler, ids: Sequence[str]) -> Mapping[str, Option]:
    """Those of the ids that the caller may see. Raises NexusDown."""
    found = await fetch_by_ids(handler.nexus.companies, ids)
    return {id: Option(id, company.name, company.account_number) for id, company in found.items()}


DIRECTORY_COMPANIES = Source(companies_like, companies_by_ids)


async def offered(handler: Handler, to: Resource[Any] | str, typed: str) -> Sequence[Option]:
    """What a picker offers: nothing while another service that knows them is away, where the box still takes what is typed."""
    return await _found(handler, local(to) if isinstance(to, Resource) else _source(handler, to), typed[:200], MOST_OFFERED)


async def _found(handler: Handler, source: Source, typed: str, most: int) -> Sequence[Option]:
    try:
        return await source.search(handler, typed, most)
    except NexusDown:
        return []


async def _by_ids(handler: Handler, to: str, ids: Sequence[str]) -> Mapping[str, Option]:
    """As Source.by_ids; nothing while another service that knows them is away."""
    try:
        return await _source(handler, to).by_ids(handler, ids)
    except NexusDown:
        return {}


async def looked_up(handler: Handler, to: Reference, typed: str) -> tuple[Option | None, str]:
    """The record that is meant by a name, a number or an id that somebody typed, or None and a sentence why."""
    try:
        return await _resolve_in(_source(handler, to.to), handler, to, typed)
    except NexusDown:
        return None, AWAY


async def _resolve_in(source: Source, handler: Handler, to: Reference, typed: str) -> tuple[Option | None, str]:
    known = (await source.by_ids(handler, [typed])).get(typed) if _like_an_id(typed) else None
    if known is not None:
        return known, ""
    numbered = re.fullmatch(r".*\(([^()]{1,100})\)", typed)
    options, same = await _called(source, handler, numbered[1] if numbered else typed, typed)
    if numbered and not same:  # what stands in brackets says whose it is
        options, same = await _called(source, handler, re.sub("[()]", " ", typed), typed)
    if len(same) == 1 or (not same and len(options) == 1):
        return (same or list(options))[0], ""
    return None, UNCLEAR if options else to.said


async def _called(source: Source, handler: Handler, words: str, typed: str) -> tuple[Sequence[Option], list[Option]]:
    """What is found with these words, and which of it is called exactly as was typed."""
    options = await source.search(handler, words, MOST_OFFERED)
    return options, [one for one in options if typed in (one.label, one.number) or one.title.casefold() == typed.casefold()]


async def _options(handler: Handler, of: Resource[Any], rows: Sequence[Any], known: Collection[str] = ()) -> dict[str, Option]:
    found: dict[str, Option] = {}
    for attribute, to in of.references.items():
        of_rows = () if attribute in known else rows
        ids = sorted({id for row in of_rows if (id := row[attribute] if isinstance(row, dict) else getattr(row, attribute))})
        found |= await _by_ids(handler, to.to, ids) if ids else {}
    return found


def _source(handler: Handler, to: str) -> Source:
    found = handler.spine.own(Pickers).sources[to]
    return found


def _like_an_id(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9-]{1,64}", text))
