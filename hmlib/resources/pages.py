"""The pages of a declared kind, for browsers: list, rows, form, one record with its history, its end and its way back, picker, file."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from tornado.routing import URLSpec
from tornado.web import HTTPError, url

from hmlib.api.answer_cache import AnswerCache
from hmlib.auth.permissions import allowed, allowed_of
from hmlib.db.list_query import ListQuery
from hmlib.errors import Invalid, NotAllowed, Stale
from hmlib.kinds import cells, custom, statements
from hmlib.kinds.resource import Resource
from hmlib.records import audit
from hmlib.resources import changes, forms, history, pickers, records
from hmlib.resources.changes import writer_of
from hmlib.resources.pickers import Pickers
from hmlib.tables import export as files
from hmlib.web.page_handler import PageHandler
from hmlib.web.problems import Problem

CHANGED_MEANWHILE = "Somebody changed it at the same moment. Look again."
NOBODY = "-"
"""The id of no record: what a filter means that names one that is not there."""
Context = Callable[[PageHandler, Any], Awaitable[Mapping[str, Any]]]
"""What a page is shown with beside its record: None where a new one is about to be made."""


async def nothing_more(handler: PageHandler, record: Any) -> Mapping[str, Any]:
    """A page that needs nothing beside its record."""
    return {}


class ResourcePage(PageHandler):
    """What the pages of one kind share; ``shows``, ``fills`` and ``rows`` are those of pages_of()."""

    of: Resource[Any]

    def initialize(self, of: Any = None, **more: object) -> None:
        super().initialize(of)
        self.shows: Context = more.get("shows", nothing_more)  # type: ignore[assignment]
        self.fills: Context = more.get("fills", nothing_more)  # type: ignore[assignment]
        self.rows: Context = more.get("rows", nothing_more)  # type: ignore[assignment]

    async def prepare(self) -> None:
        self.of = await custom.with_custom(self.db, self.of)
        await super().prepare()

    async def asked(self, **fixed: str) -> ListQuery:
        """The list that the address asks for, narrowed further by ``fixed``; what filters name is looked up."""
        filters, unknown = await pickers.resolved(
            self, self.of, {name: self.query[name] for name in statements.filters(self.of) if name in self.query}, None
        )
        args = {**self.query, **filters, **dict.fromkeys(unknown, NOBODY), **fixed}
        return await pickers.bound(self, self.of, statements.definition(self.of).read(args, self.keys))

    async def found(self, id: str) -> Any:
        """The record, if the caller may see it; else 404."""
        record = await records.visible(self.db, self.of, self.known.scope, id)
        if record is None:
            raise HTTPError(404)
        return record

    def template(self, name: str) -> tuple[str, str]:
        """The kind's own template, where it is shown in a special way, else that of every kind."""
        return name.replace("resources", self.of.plural), name

    def here(self, record: Any) -> str:
        """The address of the record's page."""
        return self.reverse_url(self.of.name, self.of.id_of(record))

    def next(self, record: Any) -> str:
        """Where a form leads once it is saved: back to what the record belongs to, else to its own page."""
        return pickers.back(self, self.of, record) if self.of.within else self.here(record)

    async def list_context(self, page_url: str = "", **fixed: str) -> dict[str, Any]:
        """What a list at an address (the kind's own unless given) is shown with, narrowed further by ``fixed``."""
        asked, totals = await self.asked(**fixed), self.spine.find(AnswerCache)
        page = await records.page_of(self.db, self.of, self.known.scope, asked, totals=totals)
        names = await pickers.names(self, self.of, page.rows)
        listed = [attribute for attribute, field in self.of.fields.items() if field.listed]
        at: dict[str, Any] = {"page_url": page_url or self.reverse_url(self.of.plural), "columns": forms.columns(self.of)}
        at |= {"listed": listed, "words": cells.words}
        at["importable"] = self.of.plural in self.spine.own(Pickers).imported
        return {"of": self.of, "page": page, "names": names, **at, **await self.rows(self, page.rows)}

    async def answer_remembered(self, template: tuple[str, ...], context: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        """A piece of a page that is made anew only when the database has changed, where nothing in it comes from elsewhere."""
        answers = self.spine.find(AnswerCache)
        if answers is None or not all(to.table for to in self.of.references.values()):
            self.partial(template, **await context())
        else:
            await answers.answer_page(self, template, context)

    async def show_form(self, record: Any | None, said: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None) -> None:
        """The form with what is stored, or 422 with what was typed and what is wrong with it."""
        context = await forms.context(self, self.of, record, said, errors, await self.fills(self, record))
        self.set_status(422 if errors else 200)
        self.page("resources/form.html", **context)


class List(ResourcePage):
    """The list, and where a new record is posted to."""

    @allowed_of("read")
    async def get(self) -> None:
        chosen = await pickers.chosen(self, self.of, self.query)
        context = await self.list_context()
        self.page(self.template("resources/list.html"), filters=forms.filters(self, self.of, chosen), **context)

    @allowed_of("write")
    async def post(self) -> None:
        said, wrong = await forms.said(self, self.of)
        writer = await writer_of(self)
        try:
            async with self.transaction() as tx:
                record = await changes.add(tx, self.of, said, writer, wrong=wrong)
                self.toast(f"{self.of.title_of(record)} is added.")
                self.see_other(self.next(record))
        except (Invalid, NotAllowed) as refusal:
            await self.show_form(None, self.form, forms.errors(self.of, refusal))


class Rows(ResourcePage):
    """The rows of the list alone."""

    @allowed_of("read")
    async def get(self) -> None:
        await self.answer_remembered(self.template("resources/_rows.html"), self.list_context)


class Export(ResourcePage):
    """The list as a file: the same rows in the same order, to the last one. It is audited."""

    @allowed_of("read", export=True)
    async def get(self) -> None:
        await self.send(cells.file_header(self.of), self.cells)

    async def send(self, header: Sequence[str], rows: Callable[[ListQuery], AsyncIterator[Sequence[object]]]) -> None:
        """The file with these columns, and the rows made of the question that the address asks."""
        asked = {name: value for name, value in self.query.items() if name not in ("format", "cursor", "limit")}
        question = statements.definition(self.of).read(asked, self.keys, limit_default=records.BATCH)
        question = await pickers.bound(self, self.of, question)
        await files.stream(self, self.of.plural, header, rows(question), self.query.get("format", "csv"), counted=self.counted)

    async def cells(self, question: ListQuery) -> AsyncIterator[Sequence[object]]:
        async with self.db.read(long=True) as snapshot:
            async for batch in records.batches(snapshot, self.of, self.known.scope, question):
                numbers = await pickers.numbers(self, self.of, batch)
                for row in batch:
                    yield cells.file_row(self.of, row, numbers)

    async def counted(self, rows: int) -> None:
        """Who took which list away as a file is kept before the file goes out."""
        asked = {name: value for name, value in self.query.items() if name not in ("format", "cursor", "limit")}
        event = audit.AuditEvent(f"{self.of.plural}.exported", f"export/{self.of.plural}", after={**asked, "rows": rows})
        async with self.db.write() as tx:
            await audit.record_all(tx, self.actor, [event], now=self.now)


class New(ResourcePage):
    """An empty form; what the address names is filled in."""

    @allowed_of("write")
    async def get(self) -> None:
        await self.show_form(None)


class One(ResourcePage):
    """One record; where changes are posted to."""

    @allowed_of("read")
    async def get(self, id: str) -> None:
        record = await self.found(id)
        removal = await self.of.removal(self.db, self.known.scope, record)
        told = await history.of_record(self, self.of, record)
        names = await pickers.names(self, self.of, [record])
        here = {name: to.one for name, to in self.of.references.items() if to.table and getattr(record, name)}
        links = {name: self.reverse_url(one, getattr(record, name)) for name, one in here.items()}
        context = {"of": self.of, "record": record, "removal": removal, "history": told, "names": names, "links": links}
        self.page(self.template("resources/page.html"), words=cells.words, **context, **await self.shows(self, record))

    @allowed_of("write")
    async def post(self, id: str) -> None:
        before = await self.found(id)
        said, wrong = await forms.said(self, self.of, before)
        writer = await writer_of(self)
        try:
            if forms.version(self.form) != before.version:
                raise Stale
            async with self.transaction() as tx:
                record = await changes.change(tx, self.of, before, said, writer, wrong=wrong)
                self.toast("Saved.")
                self.see_other(self.next(record))
        except (Invalid, NotAllowed) as refusal:
            await self.show_form(before, self.form, forms.errors(self.of, refusal))
        except Stale:
            self.set_status(409)
            self.page("resources/conflict.html", **await forms.conflict(self, self.of, await self.found(id)))

    @allowed_of("write")
    async def delete(self, id: str) -> None:
        record = await self.found(id)
        name = self.of.title_of(record)
        removal = await self.of.removal(self.db, self.known.scope, record)
        if self.form.get("version", str(record.version)) != str(record.version):
            raise Problem(409, "stale", CHANGED_MEANWHILE)
        if not removal.hindrance and not self.confirmed(removal.question(name), f"Delete {name}", self.here(record)):
            return
        writer = await writer_of(self)
        try:
            async with self.transaction() as tx:
                await changes.remove(tx, self.of, record, writer)
                self.toast(f"{name} is deleted.")
                self.see_other(pickers.back(self, self.of, record))
        except NotAllowed as refusal:
            self.toast(refusal.detail, "danger")
            self.see_other(self.here(record))
        except Stale:
            raise Problem(409, "stale", CHANGED_MEANWHILE) from None


class Edit(ResourcePage):
    """The form with what is stored."""

    @allowed_of("write")
    async def get(self, id: str) -> None:
        await self.show_form(await self.found(id))


class Activity(ResourcePage):
    """Whether the record is in use: PUT brings it back, DELETE is its normal end."""

    @allowed_of("write")
    async def put(self, id: str) -> None:
        await self.turn(id, changes.resume)

    @allowed_of("write")
    async def delete(self, id: str) -> None:
        await self.turn(id, changes.end)

    async def turn(self, id: str, step: Callable[..., Awaitable[Any]]) -> None:
        before, writer = await self.found(id), await writer_of(self)
        try:
            async with self.transaction() as tx:
                record = await step(tx, self.of, before, writer)
                words = self.of.lifecycle
                state = "" if words is None else words.over if words.is_over(record) else words.on
                self.toast(f"{self.of.title_of(record)} is {state.lower()} now.")
                self.see_other(self.here(record))
        except Stale:
            raise Problem(409, "stale", CHANGED_MEANWHILE) from None
        except Invalid as invalid:
            raise Problem(422, "invalid", " ".join(invalid.errors.values())) from invalid


class Picker(ResourcePage):
    """What a picker offers for the letters typed so far."""

    @allowed_of("read")
    async def get(self) -> None:
        await offer(self, self.of)


class CompanyPicker(PageHandler):
    """What a picker offers of the companies of the directory, in a module: none while Nexus is away."""

    @allowed("directory:read")
    async def get(self) -> None:
        await offer(self, "companies")


async def offer(handler: PageHandler, to: Resource[Any] | str) -> None:
    """Answer the options for the letters that were typed into the field that the address names."""
    typed = handler.query.get(handler.query.get("field", "q"), "")
    handler.partial("resources/_options.html", options=await pickers.offered(handler, to, typed))


def pages_of(
    of: Resource[Any],
    *,
    shows: Context = nothing_more,
    fills: Context = nothing_more,
    rows: Context = nothing_more,
    export: type[Export] = Export,
) -> list[URLSpec]:
    """Every address of the kind's pages, in the order in which they must be tried. ``shows`` finds what the page of one record needs beside
    it, ``fills`` what a form does: with what a new record begins (``begins``, texts by name), what choices there are beside those declared
    (``offered``, pairs by name) and a sentence above it (``note``); ``rows`` what the records of a list are shown with. ``export`` writes
    files in a special way."""
    at = f"/{of.path or of.plural}"
    one, known = rf"{at}/([\w-]+)", {"of": of, "fills": fills, "rows": rows}
    routes = [
        url(at, List, known, name=of.plural),
        url(f"{at}/rows", Rows, known, name=f"{of.name}-rows"),
        url(f"{at}/export", export, known, name=f"{of.plural}-export"),
        url(f"{at}/new", New, known, name=f"{of.name}-new"),
        url(f"{at}/picker", Picker, known, name=f"{of.plural}-picker"),
        url(one, One, {**known, "shows": shows}, name=of.name),
        url(f"{one}/edit", Edit, known, name=f"{of.name}-edit"),
    ]
    return [*routes, *([url(f"{one}/activity", Activity, known, name=f"{of.name}-activity")] if of.lifecycle else [])]
