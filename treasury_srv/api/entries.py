"""What the APIs of Treasury's things share: the list, reading one, and writing by version."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import structs
from tornado.web import HTTPError

from hmlib.api import tombstones
from hmlib.api.conventions import QUERY, Lookup, check_version, given, ids_of, picked, since_of
from hmlib.clock import new_id
from hmlib.db.list_query import ListDefinition, ListQuery, Page
from hmlib.errors import Invalid
from hmlib.nexus.bulk import fetch_by_ids
from hmlib.web.api_handler import ApiHandler
from treasury_srv.billing import periods
from treasury_srv.catalogue import changes
from treasury_srv.catalogue.kinds import Noun
from treasury_srv.catalogue.rules import Deed

LIST_QUERY = {name: told for name, told in QUERY.items() if name != "q"}
NO_COMPANY = "There is no such company."


class EntryHandler(ApiHandler):
    """The ways to ask for and to change the entries of one noun; `kind` is the shape they are answered in."""

    noun: Noun[Any]
    kind: type[msgspec.Struct]
    listing: ListDefinition

    async def page_of(self, list_query: ListQuery) -> Page[Any]:
        raise NotImplementedError

    def empty(self, wanted: dict[str, Any]) -> Any:
        """A record for a new entry; what of `wanted` is no field goes into it."""
        raise NotImplementedError

    async def check(self, before: Any, wanted: Any) -> None:
        """What only others know about a wanted entry. Raises Invalid."""

    async def today(self) -> str:
        return periods.work_date(self.now, await self.zone())

    async def zone(self) -> str:
        return await self.preferences.text(self.db, "time_zone")

    async def deed(self) -> Deed:
        return Deed(self.actor, self.now, await self.today())

    async def answer_list(self) -> None:
        if "ids" in self.query:
            await self._answer_some(ids_of(self.query["ids"]))
            return
        since = since_of(self.query)
        page = await self.page_of(self.listing.read({**self.query, "updated_since": since}, self.keys, limit_default=100))
        answer = {"items": self._picked(page.rows), "next_cursor": page.next_cursor, "total": page.total}
        if since:
            answer["deleted"] = [] if self.query.get("cursor") else await self._gone(since)
        self.answer(answer)

    async def answer_lookup(self) -> None:
        await self._answer_some(list(dict.fromkeys(self.body(Lookup).ids)))

    async def _answer_some(self, ids: list[str]) -> None:
        rows = await self.some(ids)
        self.answer({"items": self._picked(rows), "next_cursor": None, "total": len(rows)})

    async def _gone(self, since: str) -> list[str]:
        """The ids that followers of the list must drop."""
        gone = await tombstones.gone_since(self.db, self.noun.name, self.noun.scope(self.known.scope), since)
        alive = {self.noun.id(row) for row in await self.some(gone)}
        return [id for id in gone if id not in alive]

    def _picked(self, rows: Sequence[Any]) -> Sequence[Any]:
        return picked([self.shown(row) for row in rows], self.kind, self.query.get("fields", ""), self.noun.key)

    def shown(self, entry: Any) -> msgspec.Struct:
        stamps = {name: getattr(entry, name) for name in ("created_at", "updated_at", "version")}
        return self.kind(**self.noun.public(entry), **stamps)

    async def entry(self, id: str) -> Any:
        """The entry, if the caller may see it; else 404."""
        found = await self.some([id])
        if not found:
            raise HTTPError(404)
        return found[0]

    async def some(self, ids: Sequence[str]) -> Sequence[Any]:
        """Those of the ids that the caller may see."""
        return await self.noun.table.some(self.db, self.known.scope, ids)

    async def answer_entry(self, id: str) -> None:
        self.answer_with(await self.entry(id))

    def answer_with(self, entry: Any) -> None:
        self.answer(self.shown(entry), etag=self.tag(entry.version))

    async def create(self, draft: type[msgspec.Struct]) -> None:
        """201, once however often it is sent with one Idempotency-Key."""
        values = given(self.body(draft))
        wanted = self.noun.read(values, self.empty(values), await self.zone())
        await self.check(None, wanted)
        wanted, deed = structs.replace(wanted, id=new_id()) if self.noun.key == "id" else wanted, await self.deed()
        async with self.transaction() as tx:
            entry = await changes.add(tx, self.noun, wanted, deed)
            self.answer_created(self.shown(entry), self.tag(entry.version), f"{self.request.path}/{self.noun.id(entry)}")

    async def change(self, id: str, patch: type[msgspec.Struct]) -> None:
        self.if_match()
        values = given(self.body(patch))
        before = await self.entry(id)
        check_version(self, before.version)
        wanted = self.noun.read({**self.noun.shown(before), **values}, before, await self.zone())
        await self.check(before, wanted)
        await self.save(before, wanted)

    async def save(self, before: Any, wanted: Any) -> None:
        """Change the entry and answer it as it stands then."""
        deed = await self.deed()
        async with self.transaction() as tx:
            self.answer_with(await changes.change(tx, self.noun, before, wanted, deed))

    async def remove(self, id: str) -> None:
        self.if_match()
        before = await self.entry(id)
        check_version(self, before.version)
        deed = await self.deed()
        async with self.transaction() as tx:
            await changes.remove(tx, self.noun, before, deed)
            self.set_status(204)

    async def check_company(self, id: str) -> None:
        """Raises Invalid unless the caller sees the company."""
        if not self.known.scope.sees(id) or id not in await fetch_by_ids(self.nexus.companies, [id]):
            raise Invalid({"company_id": NO_COMPANY})
