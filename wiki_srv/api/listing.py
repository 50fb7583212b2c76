"""What a list of the API takes and answers beside search, sort and paging: ids, changes since a time, and chosen fields."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hmlib.clock import shifted
from hmlib.requests import BadRequest

IDS_AT_MOST = 200
QUERY = {
    "ids": "up to 200 ids with commas between them",
    "q": "words of the title or the tags",
    "sort": "title, space, updated_at or created_at, with - in front for descending",
    "limit": "1 to 200",
    "cursor": "the next_cursor of the page before",
    "updated_since": "a UTC time: only what was saved since then, archived articles too",
    "fields": "names of fields with commas between them; id is always there",
}


class Lookup(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """At most 5,000 ids."""

    ids: Annotated[list[Annotated[str, Meta(max_length=36)]], Meta(max_length=5000)]


def ids_of(query: Mapping[str, str]) -> list[str] | None:
    """The ids asked for, or None. Raises BadRequest for more than 200."""
    if "ids" not in query:
        return None
    ids = list(dict.fromkeys(id for id in query["ids"].split(",") if id))
    if len(ids) > IDS_AT_MOST:
        raise BadRequest("too_many_ids", f"At most {IDS_AT_MOST} ids; post more to the list's :lookup.")
    return ids


def time_of(query: Mapping[str, str], name: str) -> str:
    """A UTC time of the query in our own form, "" where it is not given. Raises BadRequest."""
    try:
        return shifted(query[name], 0) if query.get(name) else ""
    except (ValueError, OverflowError):
        raise BadRequest("invalid_filter", f"{name} must be a UTC time such as 2026-11-22T12:00:00Z.") from None


def picked(items: Sequence[Any], fields: str) -> list[Any]:
    """The items with the fields asked for. Raises BadRequest for one that does not exist."""
    if not fields or not items:
        return list(items)
    wanted = {"id", *fields.split(",")}
    if unknown := wanted - set(type(items[0]).__struct_fields__):
        raise BadRequest("invalid_filter", f"There is no field {sorted(unknown)[0][:40]!r}.")
    return [{name: getattr(item, name) for name in type(item).__struct_fields__ if name in wanted} for item in items]
