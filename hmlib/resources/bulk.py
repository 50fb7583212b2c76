"""A whole list from another system at once: new records are made, known ones changed, and what is missing comes to its normal end."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from hmlib.api.conventions import ItemResult, given
from hmlib.db.database import Conflict, Transaction
from hmlib.errors import Invalid, NotAllowed, Stale
from hmlib.kinds import custom
from hmlib.kinds.resource import Resource, Writer
from hmlib.kinds.shapes import BulkAnswer
from hmlib.resources import changes, records
from hmlib.web.problems import Problem


def checked(of: Resource[Any], body: Any) -> list[dict[str, Any]]:
    """The items of a list, by field. Raises Problem 422 for a list that cannot be meant."""
    items = [custom.said(of, given(item))[0] for item in body.items]
    if any(item.pop("source", body.source) != body.source for item in items):
        raise Problem(422, "invalid", "All items come from the one source.")
    if body.complete and not items:
        raise Problem(422, "invalid", "An empty list is not taken for complete: it would deactivate everything.")
    return items


async def put(
    tx: Transaction, of: Resource[Any], body: Any, items: Sequence[dict[str, Any]], missing: Sequence[Mapping[str, str]], writer: Writer
) -> BulkAnswer:
    """Bring the records of a source to what the items say; ``missing`` is what is known to be wrong with each of them."""
    known = await records.known_by(tx, of, writer.scope, body.source, [item["external_id"] for item in items], whole=body.complete)
    results, seen = [], set()
    for item, wrong in zip(items, missing, strict=True):
        twice = {"external_id": "It stands in the list twice."} if item["external_id"] in seen else {}
        seen.add(item["external_id"])
        said = {**item, **({"source": body.source} if "source" in of.fields else {})}
        results.append(await _one(tx, of, None if twice else known.pop(item["external_id"], None), said, {**wrong, **twice}, writer))
    ended: list[str] = []
    for record in known.values() if body.complete and of.lifecycle else []:
        if body.company_id in (None, *await of.company_ids(tx, record)):
            result = await _tried(tx, of, record.external_id, record, partial(changes.end, tx, of, record, writer))
            if result.result == "error":
                results.append(result)
            elif result.version != record.version:  # one that ends later than today ends now
                ended.append(of.id_of(record))
    return BulkAnswer(results, ended)


async def _one(
    tx: Transaction, of: Resource[Any], before: Any, said: Mapping[str, Any], wrong: Mapping[str, str], writer: Writer
) -> ItemResult:
    if before is None:
        return await _tried(tx, of, said["external_id"], None, lambda: changes.add(tx, of, said, writer, wrong=wrong))
    return await _tried(tx, of, said["external_id"], before, lambda: changes.change(tx, of, before, said, writer, wrong=wrong))


async def _tried(tx: Transaction, of: Resource[Any], external_id: str, before: Any, step: Callable[[], Awaitable[Any]]) -> ItemResult:
    """What became of one item, which stands by itself."""
    try:
        async with tx.savepoint():
            after = await step()
    except (Invalid, NotAllowed, Conflict, Stale) as refusal:
        return _refused(of, external_id, before, refusal)
    if before is None:
        return _answer(of, external_id, "created", 201, after)
    return _answer(of, external_id, "unchanged" if after.version == before.version else "updated", 200, after)


def _refused(of: Resource[Any], external_id: str, before: Any, refusal: Exception) -> ItemResult:
    errors = refusal.errors if isinstance(refusal, Invalid) else {"": getattr(refusal, "detail", changes.NOT_ALLOWED)}
    status = getattr(refusal, "status", 422 if type(refusal) is Invalid else 409)
    return _answer(of, external_id, "error", status, before, errors)


def _answer(
    of: Resource[Any], external_id: str, result: Any, status: Any, record: Any, errors: Mapping[str, str] = changes.NOTHING
) -> ItemResult:
    id, version = (of.id_of(record), record.version) if record is not None else (None, None)
    return ItemResult(external_id=external_id, result=result, status=status, id=id, version=version, errors=dict(errors))
