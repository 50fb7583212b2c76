"""What the four lists of the directory share when another system puts a whole list at once."""

from typing import Annotated, Any

import msgspec

from hmlib.api.conventions import ItemResult
from hmlib.web.problems import Problem
from nexus_srv.api.directory import EntryHandler
from nexus_srv.directory import bulk

MOST_ITEMS = 1000
BODY_LIMIT = 8 * 1024 * 1024


def bulk_of(patch: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """What a PUT of a whole list takes: `source` names the system it comes from; `complete` says that what it does not hold is gone
    (from one company, where `company_id` is given)."""
    items: Any = list.__class_getitem__(patch)
    fields: list[Any] = [
        ("source", Annotated[str, msgspec.Meta(min_length=1, max_length=50)]),
        ("items", Annotated[items, msgspec.Meta(max_length=MOST_ITEMS)]),
        ("complete", bool, False),
        ("company_id", str | None, None),
    ]
    return msgspec.defstruct(patch.__name__.replace("Patch", "Bulk"), fields, forbid_unknown_fields=True)


class BulkAnswer(msgspec.Struct):
    """What became of each item, in the order of the list, and the ids of those that were deactivated because it does not hold them.

    Behind the items' results stand those it does not hold and that could not be deactivated, such as a person who is at a company that
    the caller does not see.
    """

    items: list[ItemResult]
    deactivated: list[str]


class BulkHandler(EntryHandler):
    """Takes a whole list; each item stands by itself."""

    body_limit = BODY_LIMIT

    async def answer_bulk(self, kind: type[msgspec.Struct]) -> None:
        body: Any = self.body(kind)
        items = [self.stored(item) for item in body.items]
        external_ids = [str(item.pop("external_id", None) or "") for item in items]
        _check(body, items, external_ids)

        def missing(entry: Any) -> bool:
            return bool(body.complete and (body.company_id is None or body.company_id in self.noun.company_ids(entry)))

        pairs = list(zip(external_ids, items, strict=True))
        async with self.transaction() as tx:
            self.answer(BulkAnswer(*await bulk.put(tx, self.known, self.noun, body.source, pairs, missing, self.actor, self.now)))


def _check(body: Any, items: list[dict[str, Any]], external_ids: list[str]) -> None:
    if not all(external_ids) or len(set(external_ids)) < len(external_ids):
        raise Problem(422, "invalid", "Each item needs an external_id of its own.")
    if any(item.pop("source", body.source) != body.source for item in items):
        raise Problem(422, "invalid", "All items come from the one source.")
    if body.complete and not items:
        raise Problem(422, "invalid", "An empty list is not taken for complete: it would deactivate everything.")
