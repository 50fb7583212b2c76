"""What APIs share that offer lists of things to read and to write: ids, changes since, chosen fields, patches, versions."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from hmlib import clock
from hmlib.db import change_numbers
from hmlib.db.change_numbers import Since
from hmlib.db.database import Db
from hmlib.web.api_handler import ApiHandler, Parameter
from hmlib.web.problems import Problem

MOST_IDS = 200
MOST_LOOKED_UP = 5000
QUERY: dict[str, Any] = {
    "ids": Parameter("Only these, with a comma between them; at most 200."),
    "q": Parameter("Words that must all be found."),
    "sort": Parameter("A field to sort by, with a minus sign in front for the other way round."),
    "limit": Parameter("Rows a page, 1 to 1,000; without it the list is whole.", "integer"),
    "cursor": Parameter("Where a page begins: follow the Link header with rel=next."),
    "updated_since": Parameter("Only what has changed since this UTC time.", "date-time"),
    "since": Parameter("Only what has changed since the number that X-Change-Number said beside an answer before.", "integer"),
    "fields": Parameter("Only these fields, with a comma between them, and the id; all others are left out."),
}
"""What a list may be asked."""


class Lookup(msgspec.Struct, forbid_unknown_fields=True):
    """Ids to look up, at most 5,000; those that do not exist or may not be seen are absent from the answer."""

    ids: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=MOST_LOOKED_UP)]


GONE_SINCE = Parameter("The `number` of the answer before or the X-Change-Number of a list, or a UTC time such as its `until`.")


class Gone(msgspec.Struct):
    """The ids that no longer exist, or have left the companies that the caller sees; and what to ask with next: the number of the last
    change, which leaves nothing out (null where changes are not numbered), or a UTC time."""

    ids: list[str]
    until: str
    number: int | None


class ItemResult(msgspec.Struct, kw_only=True):
    """What became of one item of a list that another system puts: `status` is HTTP's for the item alone, 201 created, 200 updated or
    unchanged, and 403, 409 or 422 for an error; `errors` are sentences by field, "" being the item as a whole; `id` and `version` are ours,
    where the item met an entry that may be seen."""

    external_id: str
    result: Literal["created", "updated", "unchanged", "error"]
    status: Literal[200, 201, 403, 409, 422]
    id: str | None = None
    version: int | None = None
    errors: dict[str, str] = {}


def given(struct: msgspec.Struct) -> dict[str, Any]:
    """The fields of a draft or patch that the body had."""
    values = {name: getattr(struct, name) for name in struct.__struct_fields__}
    return {name: value for name, value in values.items() if value is not msgspec.UNSET}


def check_version(handler: ApiHandler, version: int) -> None:
    """Raises Problem: 428 for a write without If-Match, 412 for one based on another version."""
    if not handler.if_match().admits(version):
        raise Problem(412, "stale", "It has changed since you read it.")


def ids_of(text: str) -> list[str]:
    """The ids of a query's ``ids``, each once. Raises Problem 400 for more than 200."""
    ids = [id for id in dict.fromkeys(text.split(",")) if id]
    if len(ids) > MOST_IDS:
        raise Problem(400, "too_many_ids", "At most 200 ids fit into an address; POST them to :lookup.")
    return ids


def since_of(query: Mapping[str, str]) -> Since:
    """What ``since`` (the number of a change) or ``updated_since`` (a UTC time) ask for. Raises Problem 400."""
    if "since" in query:
        return Since(number=_number(query["since"]))
    try:
        return Since(clock.moment_of(query["updated_since"]) if query.get("updated_since") else "")
    except ValueError:
        raise Problem(400, "invalid_updated_since", "updated_since must be a UTC time such as 2026-11-22T10:00:00Z.") from None


async def followed(handler: ApiHandler) -> Since:
    """What a list is asked for by who follows it, and in the header X-Change-Number up to where this answer has everything. Ask it before
    the rows are read: what changes meanwhile comes again. Raises Problem 400, and 410 for a number that leads nowhere any more."""
    since = since_of(handler.query)
    where = await change_numbers.followed(handler.db, since.number)
    _refuse_lost(since, where)
    handler.set_header("X-Change-Number", str(where.number))
    return since


async def gone_since(snapshot: Db, query: Mapping[str, str], *, numbered: bool = True) -> tuple[Since, int | None]:
    """The same for what is gone, where ``since`` is a number, made of digits alone, or a UTC time; and up to which number it is told, None
    for what is not ``numbered``: there it is a time. Raises Problem as followed() does."""
    said = query.get("since", "")
    if not numbered:
        return since_of({"updated_since": said}), None
    since = since_of({"since" if said.isascii() and said.isdecimal() else "updated_since": said})
    where = await change_numbers.followed(snapshot, since.number)
    _refuse_lost(since, where)
    return since, where.number


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise Problem(400, "invalid_since", "since is the number that X-Change-Number said beside the last answer.")
    return int(text)


def _refuse_lost(since: Since, where: change_numbers.Followed) -> None:
    """A restore has undone what came before a number, or the number is another database's."""
    if since.number is not None and where.anew:
        raise Problem(410, "start_anew", "This number leads nowhere any more: read the whole list again, and follow from its number.")


def picked(
    rows: Sequence[msgspec.Struct] | Sequence[dict[str, Any]], kind: type[msgspec.Struct], fields: str, key: str = "id"
) -> Sequence[Any]:
    """The rows with the ``fields`` asked for and the ``key``, all of them when none is. Raises Problem 400 for one that does not exist."""
    if not fields:
        return rows
    names = dict.fromkeys([key, *fields.split(",")])
    unknown = next((name for name in names if name not in kind.__struct_fields__), None)
    if unknown is not None:
        raise Problem(400, "invalid_fields", f"There is no field {unknown[:50]!r} here.")
    return [{name: row[name] if isinstance(row, dict) else getattr(row, name) for name in names} for row in rows]
