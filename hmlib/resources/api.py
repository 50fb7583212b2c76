"""The JSON API of a declared kind, for programs: the list, one, new ones, changes, whole lists of other systems, and what is gone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from tornado.routing import URLSpec
from tornado.web import HTTPError, url

from hmlib import json
from hmlib.api import tombstones
from hmlib.api.answer_cache import AnswerCache, KeptAnswer
from hmlib.api.conventions import GONE_SINCE, Gone, Lookup, followed, given, gone_since, ids_of, since_of
from hmlib.api.lists import answer_page, page_headers, paged, state_tag
from hmlib.auth.permissions import allowed_of
from hmlib.db.list_query import BY_ID, ListQuery
from hmlib.kinds import custom, shapes, statements
from hmlib.kinds.resource import Resource
from hmlib.resources import bulk, changes, pickers, records
from hmlib.resources.changes import writer_of
from hmlib.web.api_handler import ApiHandler, Contract, speaks_of


class ResourceApi(ApiHandler):
    """What the addresses of one kind share."""

    of: Resource[Any]

    async def prepare(self) -> None:
        self.of = await custom.with_custom(self.db, self.of)
        await super().prepare()

    async def found(self, id: str) -> Any:
        """The record, if the caller may see it; else 404."""
        record = await records.visible(self.db, self.of, self.known.scope, id)
        if record is None:
            raise HTTPError(404)
        return record

    async def some(self, ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Those of the ids that the caller may see, as rows."""
        return await records.plain_by_ids(self.db, self.of, self.known.scope, ids)

    def answered(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Rows as JSON has them, with the fields that were asked for."""
        fields = shapes.written_names(self.of, self.query.get("fields", ""))
        names, values = [name for name, _, _ in fields], itemgetter(*(attribute for _, attribute, _ in fields), self.of.key)
        told: list[dict[str, Any]] = [dict(zip(names, values(row), strict=False)) for row in rows]
        for name, _, write in fields:
            if write:
                for one in told:
                    one[name] = write(one[name])
        if self.of.custom and "custom" in self.query.get("fields", "custom").split(","):
            for one, added in zip(told, custom.told(self.of, rows), strict=True):
                one["custom"] = added
        return told

    def show(self, record: Any, status: int = 200) -> None:
        attributes = {name: getattr(record, name) for name in record.__struct_fields__}
        value, etag = self.answered([attributes])[0], self.tag(record.version)
        if status == 201:
            self.answer_created(value, etag, f"{self.request.path}/{self.of.id_of(record)}")
        else:
            self.answer(value, etag=etag)

    async def said(self, body: Any, before: Any | None = None) -> tuple[dict[str, Any], dict[str, str]]:
        """What a body says, and which of the records in other services it refers to are not there."""
        values, unknown = custom.said(self.of, given(body))
        return values, unknown | (await pickers.missing_elsewhere(self, self.of, [values], before))[0]

    async def asked(self, args: Mapping[str, str], most: int) -> ListQuery:
        """The list that the address asks for, so many at a time unless it says how many. Raises BadListQuery."""
        return await pickers.bound(self, self.of, statements.definition(self.of).read(args, self.keys, limit_default=most))


class ListApi(ResourceApi):
    """All of them."""

    @allowed_of("read")
    @speaks_of(lambda of: Contract(answers=shapes.listed(of), query=shapes.parameters(of)))
    async def get(self) -> None:
        """Those that the caller may see: whole without a limit; with one, page by page with Link and X-Total-Count."""
        if "ids" in self.query:
            self.answer(self.answered(await self.some(ids_of(self.query["ids"]))))
            return
        self.since = await followed(self) if self.of.followed else since_of(self.query)
        await (self.answer_page() if paged(self) else self.answer_whole())

    async def answer_page(self) -> None:
        """One page; made anew only when something has changed."""
        await answer_page(self, self._page, self.of.plural, *self.of.by_name)

    async def _page(self) -> KeptAnswer:
        asked = await self.asked(self.query, records.BATCH)
        totals = self.spine.find(AnswerCache)
        page = await records.plain_page_of(self.db, self.of, self.known.scope, asked, since=self.since, totals=totals)
        return KeptAnswer(json.encode(self.answered(page.rows)), page_headers(self, page))

    async def answer_whole(self) -> None:
        """Every row, streamed by id, so that one that changes meanwhile is neither skipped nor told twice."""
        etag = await state_tag(self, self.of.plural, *self.of.by_name)
        if etag is not None and self.not_modified(etag):
            self.finish()
            return
        question = dict(self.query) if "sort" in self.query else {**self.query, "sort": BY_ID}
        asked = replace(await self.asked(question, records.BATCH), sort_chosen="sort" in self.query)
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        before = b"["
        async for rows in records.batches(self.db, self.of, self.known.scope, asked, since=self.since):
            encoded = json.encode(self.answered(rows))[1:-1]
            if encoded:
                self.write(before + encoded)
                before = b","
                await self.flush()
        self.finish(b"[]" if before == b"[" else b"]")

    @allowed_of("write")
    @speaks_of(lambda of: Contract(takes=shapes.draft(of), answers=shapes.answer(of), status=201))
    async def post(self) -> None:
        """Add one; once, however often it is sent with one Idempotency-Key."""
        said, wrong = await self.said(self.body(shapes.draft(self.of)))
        writer = await writer_of(self)
        async with self.transaction() as tx:
            self.show(await changes.add(tx, self.of, said, writer, wrong=wrong), 201)


class LookupApi(ResourceApi):
    """Many by id."""

    @allowed_of("read")
    @speaks_of(lambda of: Contract(takes=Lookup, answers=shapes.listed(of)))
    async def post(self) -> None:
        """Those of up to 5,000 ids that the caller may see."""
        ids = list(dict.fromkeys(self.body(Lookup).ids))
        self.answer(self.answered(await self.some(ids)))


class GoneApi(ResourceApi):
    """What is no longer there."""

    @allowed_of("read")
    @speaks_of(lambda of: Contract(answers=Gone, query={"since": GONE_SINCE}))
    async def get(self) -> None:
        """The ids that are gone since a number or a UTC time, and those to ask with next."""
        async with self.db.read() as snapshot:
            since, number = await gone_since(snapshot, self.query, numbered=self.of.followed)
            gone = await tombstones.gone_since(snapshot, self.of.name, self.known.scope, since)
            alive = {row[self.of.key] for row in await records.plain_by_ids(snapshot, self.of, self.known.scope, gone)}
        self.answer(Gone([id for id in gone if id not in alive], self.now, number))


class OneApi(ResourceApi):
    """One of them."""

    @allowed_of("read")
    @speaks_of(lambda of: Contract(answers=shapes.answer(of)))
    async def get(self, id: str) -> None:
        """One; its ETag is what a change needs as If-Match."""
        self.show(await self.found(id))

    @allowed_of("write")
    @speaks_of(lambda of: Contract(takes=shapes.patch(of), answers=shapes.answer(of)))
    async def patch(self, id: str) -> None:
        """Change the fields that are given."""
        self.if_match()
        before = await self.found(id)
        self.check_version(before.version)
        said, wrong = await self.said(self.body(shapes.patch(self.of)), before)
        writer = await writer_of(self)
        async with self.transaction() as tx:
            self.show(await changes.change(tx, self.of, before, said, writer, wrong=wrong))

    @allowed_of("write")
    @speaks_of(lambda of: Contract(status=204))
    async def delete(self, id: str) -> None:
        """Delete what should never have been there; 409 while something hangs on it."""
        self.if_match()
        before = await self.found(id)
        self.check_version(before.version)
        writer = await writer_of(self)
        async with self.transaction() as tx:
            await changes.remove(tx, self.of, before, writer)
            self.set_status(204)


class BulkApi(ResourceApi):
    """A whole list of another system."""

    body_limit = 8 * 1024 * 1024

    @allowed_of("write")
    @speaks_of(lambda of: Contract(takes=shapes.bulk(of), answers=shapes.BulkAnswer))
    async def put(self) -> None:
        """Make, change and, where the list is complete, end what a system knows; each item stands by itself."""
        body: Any = self.body(shapes.bulk(self.of))
        items = bulk.checked(self.of, body)
        missing = await pickers.missing_elsewhere(self, self.of, items)
        writer = await writer_of(self)
        async with self.transaction() as tx:
            self.answer(await bulk.put(tx, self.of, body, items, missing, writer))


def api_of(of: Resource[Any]) -> list[URLSpec]:
    """Every address of the kind's API."""
    at, known = f"/api/{of.plural}", {"of": of}
    routes = [url(at, ListApi, known), url(f"{at}:lookup", LookupApi, known), url(f"{at}:gone", GoneApi, known)]
    if "external_id" in of.fields:
        routes.append(url(f"{at}:bulk", BulkApi, known))
    return [*routes, url(rf"{at}/([\w-]+)", OneApi, known)]
