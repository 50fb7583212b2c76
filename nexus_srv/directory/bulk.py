"""A whole list from another system at once: new entries are made, known ones changed, and what is missing comes to its normal end."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from hmlib.api.conventions import ItemResult
from hmlib.auth.permissions import Caller
from hmlib.db.database import Transaction
from hmlib.db.engine import Conflict
from hmlib.errors import Invalid, NotAllowed
from hmlib.records.audit import Actor
from nexus_srv.directory import changes
from nexus_srv.directory.kinds import Noun

NO_ERRORS: Mapping[str, str] = {}


async def put(
    tx: Transaction,
    caller: Caller,
    noun: Noun[Any],
    source: str,
    items: Sequence[tuple[str, dict[str, Any]]],
    missing: Callable[[Any], bool],
    actor: Actor,
    now: str,
) -> tuple[list[ItemResult], list[str]]:
    """Bring the entries of a `source` to what `items` (external id and fields) say; each item stands by itself.

    Entries of the source that are in no item, and for which `missing` is true, are deactivated; their ids are answered too. One that this
    caller may not end stays as it is, and what keeps it stands behind the items' results.
    """
    results: list[ItemResult] = []
    known = {entry.external_id: entry for entry in await noun.rows.of_source(tx, caller.scope, source)}
    for external_id, fields in items:
        given = {**fields, "source": source, "external_id": external_id}
        results.append(await _one(tx, caller, noun, known.pop(external_id, None), given, actor, now))
    ended: list[str] = []
    for entry in [entry for entry in known.values() if missing(entry) and not _over(noun, entry, now)]:
        idle = {"external_id": entry.external_id, **noun.idle(entry, now[:10])}
        result = await _one(tx, caller, noun, entry, idle, actor, now)
        if result.result == "error":
            results.append(result)
        else:
            ended.append(entry.id)
    return results, ended


async def _one(tx: Transaction, caller: Caller, noun: Noun[Any], before: Any, given: dict[str, Any], actor: Actor, now: str) -> ItemResult:
    def answer(result: Any, status: Any, entry: Any = before, errors: Mapping[str, str] = NO_ERRORS) -> ItemResult:
        id, version = (entry.id, entry.version) if entry is not None else (None, None)
        return ItemResult(external_id=given["external_id"], result=result, status=status, id=id, version=version, errors=dict(errors))

    try:
        async with tx.savepoint():
            if before is None:
                return answer("created", 201, await changes.added(tx, caller, noun, _new(noun, given), actor, now))
            entry = await changes.changed(tx, caller, noun, before, msgspec.structs.replace(before, **given), actor, now)
    except Conflict as taken:
        return answer("error", 409, errors=changes.refusal(taken).errors)
    except Invalid as invalid:
        return answer("error", 422, errors=invalid.errors)
    except NotAllowed as refused:
        return answer("error", refused.status, errors={"": refused.detail})
    return answer("unchanged" if entry.version == before.version else "updated", 200, entry)


def _new(noun: Noun[Any], given: dict[str, Any]) -> Any:
    needed = [
        field.name for field in msgspec.structs.fields(noun.kind) if field.required and field.name not in ("id", "account_number", "name")
    ]
    lacking = [name for name in needed if name not in given]
    if lacking:
        raise Invalid(dict.fromkeys(lacking, "This is needed."))
    blank = {name: "" for name in ("name", "account_number") if name in noun.kind.__struct_fields__ and name not in given}
    return noun.kind(id="", **blank, **given)


def _over(noun: Noun[Any], entry: Any, now: str) -> bool:
    return bool(msgspec.structs.replace(entry, **noun.idle(entry, now[:10])) == entry)
