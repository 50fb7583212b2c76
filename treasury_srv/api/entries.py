"""What the APIs of Treasury's things share: the list, reading one, and writing by version."""

from typing import Any

import msgspec
from msgspec import structs
from tornado.web import HTTPError

from hmlib import once
from hmlib.bulk import fetch_by_ids
from hmlib.clock import new_id
from hmlib.lists import Ask, Listing, Page
from hmlib.refusals import Invalid
from hmlib.resources import QUERY, check_version, given, picked, since_of
from hmlib.web import ApiHandler
from treasury_srv import changes, periods
from treasury_srv.nouns import Noun
from treasury_srv.rules import Deed

LIST_QUERY = {name: QUERY[name] for name in ("sort", "limit", "cursor", "fields")}
SINCE = {"updated_since": "Only what has changed since this UTC time; what is deleted is not told."}
NO_COMPANY = "There is no such company."


class EntryHandler(ApiHandler):
    """The ways to ask for and to change the entries of one noun; `kind` is the shape they are answered in."""

    noun: Noun[Any]
    kind: type[msgspec.Struct]
    listing: Listing

    async def page_of(self, ask: Ask) -> Page[Any]:
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
        query = {**self.query, "updated_since": since_of(self.query)}
        page = await self.page_of(self.listing.ask(query, self.keys, limit_default=100))
        rows = picked([self.shown(row) for row in page.rows], self.kind, self.query.get("fields", "") if self.noun.key == "id" else "")
        self.answer({"items": rows, "next_cursor": page.next_cursor, "total": page.total})

    def shown(self, entry: Any) -> msgspec.Struct:
        stamps = {name: getattr(entry, name) for name in ("created_at", "updated_at", "version")}
        return self.kind(**self.noun.public(entry), **stamps)

    async def entry(self, id: str) -> Any:
        """The entry, if the caller may see it; else 404."""
        found = await self.noun.table.visible(self.db, self.known.scope, id)
        if found is None:
            raise HTTPError(404)
        return found

    async def answer_entry(self, id: str) -> None:
        self.answer_with(await self.entry(id))

    def answer_with(self, entry: Any) -> None:
        self.answer(self.shown(entry), etag=f'"{entry.version}"')

    async def create(self, draft: type[msgspec.Struct]) -> None:
        """201, once however often it is sent with one Idempotency-Key."""
        values = given(self.body(draft))

        async def deed() -> once.Made:
            wanted = self.noun.read(values, self.empty(values), await self.zone())
            await self.check(None, wanted)
            wanted = structs.replace(wanted, id=new_id()) if self.noun.key == "id" else wanted
            entry = await changes.add(self.db, self.noun, wanted, await self.deed())
            return once.Made(self.shown(entry), f'"{entry.version}"', f"{self.request.path}/{self.noun.id(entry)}")

        await once.answer(self, deed)

    async def change(self, id: str, patch: type[msgspec.Struct]) -> None:
        self.if_match()
        values = given(self.body(patch))
        before = await self.entry(id)
        check_version(self, before.version)
        wanted = self.noun.read({**self.noun.shown(before), **values}, before, await self.zone())
        await self.check(before, wanted)
        self.answer_with(await changes.change(self.db, self.noun, before, wanted, await self.deed()))

    async def remove(self, id: str) -> None:
        self.if_match()
        before = await self.entry(id)
        check_version(self, before.version)
        await changes.remove(self.db, self.noun, before, await self.deed())
        self.set_status(204)

    async def check_company(self, id: str) -> None:
        """Raises Invalid unless the caller sees the company."""
        if not self.known.scope.sees(id) or id not in await fetch_by_ids(self.nexus.companies, [id]):
            raise Invalid({"company_id": NO_COMPANY})
