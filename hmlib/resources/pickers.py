"""How a form lets people choose another record: a search box that offers a few, and takes a name, a number or an id."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hmlib.resources.resource import Resource
from hmlib.tables.values import Reference
from hmlib.web.page_handler import PageHandler

MOST_OFFERED = 20
UNCLEAR = "More than one is called this. Choose one of the list."


@dataclass(frozen=True)
class Option:
    """One record to choose: its id, what people call it, and the number by which files know it, if it has one."""

    id: str
    title: str
    number: str = ""

    @property
    def label(self) -> str:
        """What stands in the box when it is chosen; resolved() takes it for the record again."""
        return f"{self.title} ({self.number})" if self.number else self.title


@dataclass(frozen=True)
class Source:
    """Where the records of one kind are found, as far as the caller may see them: by what is typed, and by ids. Raises NexusDown."""

    search: Callable[[PageHandler, str], Awaitable[Sequence[Option]]]
    by_ids: Callable[[PageHandler, Sequence[str]], Awaitable[Mapping[str, Option]]]


async def offered(handler: PageHandler, to: str, q: str) -> Sequence[Option]:
    """What is offered for the letters typed so far."""
    return (await _source(handler, to).search(handler, q[:200]))[:MOST_OFFERED]


async def names(handler: PageHandler, of: Resource[Any], rows: Iterable[Any]) -> dict[str, str]:
    """What people call the records that some rows refer to, by id; ids alone where they cannot be found."""
    return {id: option.title for id, option in (await _options(handler, of, list(rows))).items()}


async def numbers(handler: PageHandler, of: Resource[Any], rows: Sequence[Any]) -> dict[str, str]:
    """By which numbers files know the records that some rows refer to."""
    return {id: option.number or option.title for id, option in (await _options(handler, of, rows)).items()}


async def chosen(handler: PageHandler, of: Resource[Any], values: Mapping[str, str]) -> dict[str, str]:
    """What stands in the boxes of a form whose values are these, by name."""
    found = {}
    for attribute, to in of.references.items():
        name = of.fields[attribute].name or attribute
        if id := values.get(name):
            option = (await _source(handler, to.to).by_ids(handler, [id])).get(id) if _like_an_id(id) else None
            found[name] = option.label if option else id
    return found


async def resolved(
    handler: PageHandler, of: Resource[Any], posted: Mapping[str, Any], before: Any | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """What was posted with ids in the place of names and numbers, and what could not be found, as sentences by name."""
    said, wrong = dict(posted), {}
    for attribute, to in of.references.items():
        name = of.fields[attribute].name or attribute
        typed = str(posted.get(name) or "").strip()
        if typed and typed != getattr(before, attribute, None):
            option, why = await _resolve(handler, to, typed)
            if option is None:
                wrong[name] = why
            else:
                said[name] = option.id
    return said, wrong


async def back(handler: PageHandler, of: Resource[Any], record: Any | None, given: Mapping[str, str] | None = None) -> str:
    """Where a form or a deletion leads back to: the record, else what it belongs to, else the list."""
    parent = next(iter(of.references.items()), None) if of.within else None
    if record is not None and not of.within:
        return handler.reverse_url(of.plural)
    if parent is not None:
        id = getattr(record, parent[0], None) or (given or {}).get(parent[0])
        if id:
            return handler.reverse_url(of.within, id)
    return handler.reverse_url(of.plural)


async def _resolve(handler: PageHandler, to: Reference, typed: str) -> tuple[Option | None, str]:
    source = _source(handler, to.to)
    if _like_an_id(typed):
        return (await source.by_ids(handler, [typed])).get(typed), to.said
    numbered = re.fullmatch(r".*\(([^()]{1,100})\)", typed)
    options = await source.search(handler, numbered[1] if numbered else typed)
    same = [option for option in options if typed in (option.label, option.number) or option.title.casefold() == typed.casefold()]
    if len(same) == 1 or (not same and len(options) == 1):
        return (same or list(options))[0], ""
    return None, UNCLEAR if options else to.said


async def _options(handler: PageHandler, of: Resource[Any], rows: Sequence[Any]) -> dict[str, Option]:
    found: dict[str, Option] = {}
    for attribute, to in of.references.items():
        ids = sorted({id for row in rows if (id := getattr(row, attribute))})
        found |= await _source(handler, to.to).by_ids(handler, ids) if ids else {}
    return found


def _source(handler: PageHandler, to: str) -> Source:
    return handler.spine.pickers[to]


def _like_an_id(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f-]{27}|[\w-]{1,64}", text)) and " " not in text
