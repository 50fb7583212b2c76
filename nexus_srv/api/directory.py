"""What the four lists of the directory share in the API: asking, looking up, reading, writing."""

from typing import Any

import msgspec
from tornado.web import HTTPError

from hmlib import json
from hmlib.api import tombstones
from hmlib.api.answer_cache import AnswerCache, KeptAnswer
from hmlib.api.conventions import QUERY, Lookup, check_version, given, ids_of, listed, patch_of, picked, since_of
from hmlib.web.api_handler import ApiHandler
from nexus_srv.directory import changes
from nexus_srv.directory.kinds import Noun
from nexus_srv.queries.contacts import Link
from nexus_srv.queries.directory import Entry

__all__ = ["QUERY", "EntryHandler", "Lookup", "listed", "patch_of"]


class EntryHandler(ApiHandler):
    """The ways to ask for and to change the entries of one noun."""

    noun: Noun[Any]

    async def answer_list(self) -> None:
        """The list, or 304; made anew only when the directory has changed."""
        answers = self.spine.own(AnswerCache)
        question = (f"{name}={value}" for name, value in sorted(self.query.items()))
        etag = await answers.etag(self.db, self.known.scope, self.noun.plural, *question)
        if self.not_modified(etag):
            self.finish()
            return
        self.answer((await answers.of(etag, self._list)).body, etag=etag)

    async def _list(self) -> KeptAnswer:
        query, scope = self.query, self.known.scope
        if "ids" in query:
            rows = await self.noun.rows.some(self.db, scope, ids_of(query["ids"]))
            return KeptAnswer(json.encode({"items": self._picked(rows), "next_cursor": None, "total": len(rows)}))
        since = since_of(query)
        list_query = self.noun.rows.LISTING.read(query, self.keys, limit_default=100)
        async with self.db.read() as snapshot:
            page = await self.noun.rows.plain_page_of(snapshot, scope, list_query, since=since)
            answer = {"items": self._picked(page.rows), "next_cursor": page.next_cursor, "total": page.total}
            if since:
                gone = await tombstones.gone_since(snapshot, self.noun.name, scope, since) if not query.get("cursor") else []
                alive = {row.id for row in await self.noun.rows.some(snapshot, scope, gone)} if gone else set()
                answer["deleted"] = [id for id in gone if id not in alive]
        return KeptAnswer(json.encode(answer))

    def _picked(self, rows: Any) -> Any:
        return picked(rows, self.noun.kind, self.query.get("fields", ""))

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
        self.answer(entry, etag=self.tag(entry.version))

    def stored(self, body: msgspec.Struct) -> dict[str, Any]:
        """What was given, in the record's types: lists become tuples, and a contact's companies links."""
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in given(body).items()}
        if "companies" in values:
            values["companies"] = tuple(
                Link(company_id=link.company_id, role=link.role, billed=link.billed) for link in values["companies"]
            )
        return values

    async def create(self, draft: type[msgspec.Struct]) -> None:
        body = self.body(draft)

        wanted = self.noun.kind(id="", **self.stored(body))
        async with self.transaction() as tx:
            entry = await changes.add(tx, self.known, self.noun, wanted, self.actor, self.now)
            self.answer_created(entry, self.tag(entry.version), f"{self.request.path}/{entry.id}")

    async def change(self, id: str, patch: type[msgspec.Struct]) -> None:
        self.if_match()
        body = self.body(patch)
        before = await self.entry(id)
        check_version(self, before.version)
        wanted = msgspec.structs.replace(before, **self.stored(body))
        async with self.transaction() as tx:
            self.show(await changes.change(tx, self.known, self.noun, before, wanted, self.actor, self.now))

    async def remove(self, id: str) -> None:
        self.if_match()
        before = await self.entry(id)
        check_version(self, before.version)
        async with self.transaction() as tx:
            await changes.remove(tx, self.known, self.noun, before, self.actor, self.now)
            self.set_status(204)
