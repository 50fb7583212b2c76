"""What the four lists of the directory share in the API: asking, looking up, reading, writing."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from tornado.web import HTTPError

from hmlib import clock, jsonin
from hmlib.web import ApiHandler, Problem
from nexus_srv import directory, once
from nexus_srv.answers import Answers
from nexus_srv.nouns import Noun
from nexus_srv.people import Invalid, NotAllowed, Stale
from nexus_srv.queries import directory as state
from nexus_srv.queries.directory import Entry

MOST_IDS = 200
MOST_LOOKED_UP = 5000
QUERY = {
    "ids": "Only these, with a comma between them; at most 200.",
    "q": "Words that must all be found.",
    "sort": "A field to sort by, with a minus sign in front for the other way round.",
    "limit": "Rows in the answer, 1 to 1,000; 100 unless given.",
    "cursor": "The next_cursor of the answer before.",
    "updated_since": "Only what has changed since this UTC time; deleted then holds the ids that are gone.",
    "fields": "Only these fields, with a comma between them; id is always there.",
}


class Lookup(msgspec.Struct, forbid_unknown_fields=True):
    """Ids to look up, at most 5,000; those that do not exist or may not be seen are absent from the answer."""

    ids: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=MOST_LOOKED_UP)]


def listed(item: type[Any]) -> type[msgspec.Struct]:
    """The shape of a list's answer."""
    items: Any = list.__class_getitem__(item)
    fields: list[Any] = [("items", items), ("next_cursor", str | None), ("total", int), ("deleted", list[str], [])]
    return msgspec.defstruct(f"{item.__name__}List", fields)


def patch_of(draft: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The same fields, none of them needed: what a PATCH takes."""
    fields = [(field.name, field.type | msgspec.UnsetType, msgspec.UNSET) for field in msgspec.structs.fields(draft)]
    return msgspec.defstruct(
        draft.__name__.replace("Draft", "Patch"), fields, forbid_unknown_fields=True, namespace={"__doc__": draft.__doc__}
    )


class EntryHandler(ApiHandler):
    """The ways to ask for and to change the entries of one noun."""

    noun: Noun[Any]

    async def answer_list(self) -> None:
        """The list, or 304; made anew only when the directory has changed."""
        answers = self.settings.setdefault("answers", Answers())
        question = (f"{name}={value}" for name, value in sorted(self.query.items()))
        etag = await answers.etag(self.db, self.known.scope, self.noun.plural, *question)
        if self.not_modified(etag):
            self.finish()
            return
        self.answer(await answers.of(etag, self._list), etag=etag)

    async def _list(self) -> bytes:
        query, scope = self.query, self.known.scope
        if "ids" in query:
            rows = await self.noun.rows.some(self.db, scope, _ids(query["ids"]))
            return jsonin.encode({"items": self._chosen(rows), "next_cursor": None, "total": len(rows)})
        since = _since(query)
        page = await self.noun.rows.page_of(self.db, scope, self.noun.rows.LISTING.ask(query, self.keys, limit_default=100), since=since)
        answer = {"items": self._chosen(page.rows), "next_cursor": page.next_cursor, "total": page.total}
        if since:
            gone = await state.buried(self.db, self.noun.name, scope, since) if not query.get("cursor") else []
            alive = {row.id for row in await self.noun.rows.some(self.db, scope, gone)} if gone else set()
            answer["deleted"] = [id for id in gone if id not in alive]
        return jsonin.encode(answer)

    def _chosen(self, rows: Sequence[Entry]) -> Sequence[Any]:
        if not self.query.get("fields"):
            return rows
        names = dict.fromkeys(["id", *self.query["fields"].split(",")])
        unknown = next((name for name in names if name not in self.noun.kind.__struct_fields__), None)
        if unknown is not None:
            raise Problem(400, "invalid_fields", f"There is no field {unknown[:50]!r} here.")
        return [{name: getattr(row, name) for name in names} for row in rows]

    async def answer_lookup(self) -> None:
        rows = await self.noun.rows.some(self.db, self.known.scope, list(dict.fromkeys(self.body(Lookup).ids)))
        self.answer({"items": rows, "next_cursor": None, "total": len(rows)})

    async def entry(self, id: str) -> Any:
        """The entry, if the caller may see it; else 404."""
        found = await self.noun.rows.visible(self.db, self.known.scope, id)
        if found is None:
            raise HTTPError(404)
        return found

    async def answer_entry(self, id: str) -> None:
        self.show(await self.entry(id))

    def show(self, entry: Entry) -> None:
        self.answer(entry, etag=f'"{entry.version}"')

    def stored(self, given: msgspec.Struct) -> dict[str, Any]:
        """What was given, in the record's types: lists become tuples."""
        values = {name: getattr(given, name) for name in given.__struct_fields__}
        return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if value is not msgspec.UNSET}

    async def create(self, draft: type[msgspec.Struct]) -> None:
        given = self.body(draft)

        async def deed() -> tuple[Entry, str]:
            wanted = self.noun.kind(id="", **self.stored(given))
            entry = await self._judged(directory.add(self.db, self.known, self.noun, wanted, self.actor, self.now))
            self.set_header("Location", f"{self.request.path}/{entry.id}")
            return entry, f'"{entry.version}"'

        await once.answer(self, deed)

    async def change(self, id: str, patch: type[msgspec.Struct]) -> None:
        version, given = self.if_match(), self.body(patch)
        before = await self.entry(id)
        if before.version != version:
            raise Problem(412, "stale", "It has changed since you read it.")
        wanted = msgspec.structs.replace(before, **self.stored(given))
        self.show(await self._judged(directory.change(self.db, self.known, self.noun, before, wanted, self.actor, self.now)))

    async def remove(self, id: str) -> None:
        version = self.if_match()
        before = await self.entry(id)
        if before.version != version:
            raise Problem(412, "stale", "It has changed since you read it.")
        await self._judged(directory.remove(self.db, self.known, self.noun, before, self.actor, self.now))
        self.set_status(204)

    async def _judged(self, deed: Any) -> Any:
        try:
            return await deed
        except Invalid as invalid:
            taken = any("taken" in said or "belongs to" in said or "has a location" in said for said in invalid.errors.values())
            raise Problem(
                409 if taken else 422, "conflict" if taken else "invalid", "Some fields cannot be saved.", errors=invalid.errors
            ) from invalid
        except Stale:
            raise Problem(412, "stale", "It has changed since you read it.") from None
        except NotAllowed as refusal:
            raise Problem(409 if refusal.code == "in_use" else 403, refusal.code, refusal.detail) from refusal


def _ids(text: str) -> list[str]:
    ids = [id for id in dict.fromkeys(text.split(",")) if id]
    if len(ids) > MOST_IDS:
        raise Problem(400, "too_many_ids", "At most 200 ids fit into an address; POST them to :lookup.")
    return ids


def _since(query: Mapping[str, str]) -> str:
    try:
        return clock.shifted(query["updated_since"], 0) if query.get("updated_since") else ""
    except (ValueError, OverflowError):
        raise Problem(400, "invalid_updated_since", "updated_since must be a UTC time such as 2026-11-22T10:00:00Z.") from None
