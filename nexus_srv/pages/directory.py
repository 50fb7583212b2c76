"""What the pages of companies, contacts, locations and assets share: list, form, conflict, activity, export."""

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from tornado.web import HTTPError

from hmlib.api.answer_cache import AnswerCache, KeptAnswer
from hmlib.db.list_query import ListQuery, Page
from hmlib.errors import Invalid, NotAllowed, Stale
from hmlib.tables import export as exports
from hmlib.web.page_handler import PageHandler
from hmlib.web.problems import Problem
from nexus_srv.directory import changes, countries
from nexus_srv.directory.kinds import ASSETS, CONTACTS, Noun
from nexus_srv.pages import entry_forms as forms
from nexus_srv.pages.entry_forms import Rows
from nexus_srv.queries import companies, contacts

PAGE = 250
CHANGED_MEANWHILE = "Somebody changed it at the same moment. Look again."


@dataclass(frozen=True)
class Removal:
    """What stands in the way of deleting an entry, or what is asked before."""

    hindrance: str
    question: str

    @classmethod
    def of(cls, name: str, held: Mapping[str, int | None], loose: Mapping[str, int]) -> "Removal":
        if held:
            belong = "belongs" if list(held.values()) == [1] else "belong"
            return cls(f"{name} cannot be deleted: {in_words(held)} {belong} to it. Deactivate it instead.", "")
        also = f" {in_words(loose)} will belong to nobody." if loose else ""
        return cls("", f"Delete {name} for good?{also} This is only for what should never have been here; it cannot be undone.")


def in_words(counts: Mapping[str, int | None]) -> str:
    """{"contacts": 3, "assets": 1} as "3 contacts and 1 asset"; without a number where it is None."""
    parts = [plural if count is None else f"{count:,} {SINGULAR[plural] if count == 1 else plural}" for plural, count in counts.items()]
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1] if parts else ""]))


SINGULAR = {"contacts": "contact", "locations": "location", "assets": "asset", "other companies": "other company"}


class EntryHandler(PageHandler):
    """The ways to show and to change the entries of one noun."""

    noun: Noun[Any]
    rows: Rows

    def ask(self, **fixed: str) -> ListQuery:
        return self.noun.rows.LISTING.read({**self.query, **fixed}, self.keys)

    async def answer_rows(self, template: str, **fixed: str) -> None:
        """The rows of the list that the address asks for, narrowed further by `fixed`; made anew only when the directory has changed."""
        answers = self.spine.own(AnswerCache)
        zone = await self.preferences.text(self.db, "time_zone")
        asked = (f"{name}={value}" for name, value in sorted(self.query.items()))
        question = (template, self.request.path, zone, *sorted(self.known.permissions), "", *asked)
        etag = await answers.etag(self.db, self.known.scope, *question)
        html = (await answers.of(etag, lambda: self._rows(answers, template, fixed))).body.decode()
        nonce = secrets.token_urlsafe(18)
        self.send_html(html.replace(answers.nonce, nonce), nonce)

    async def _rows(self, answers: AnswerCache, template: str, fixed: Mapping[str, str]) -> KeptAnswer:
        context = {"page": await self.found(**fixed), "page_url": self.request.path.removesuffix("/rows"), **self.labels()}
        html = self.spine.pages.render(self, template, answers.nonce, context)
        return KeptAnswer(html.encode())

    async def found(self, **fixed: str) -> Page[Any]:
        """The page of the list that the address asks for, narrowed further by `fixed`."""
        return await self.noun.rows.page_of(self.db, self.known.scope, self.ask(**fixed))

    async def entry(self, id: str) -> Any:
        """The entry, if the caller may see it; else 404."""
        found = await self.noun.rows.visible(self.db, self.known.scope, id)
        if found is None:
            raise HTTPError(404)
        return found

    async def company_name(self, id: str | None) -> str:
        company = await companies.visible(self.db, self.known.scope, id) if id else None
        return company.name if company else ""

    async def create(self, before: Any) -> None:
        """Add what the form says, or show it again."""
        try:
            wanted = forms.read(self.rows, self.form, before)
            async with self.transaction() as tx:
                entry = await changes.add(tx, self.known, self.noun, wanted, self.actor, self.now)
                self.toast(f"{entry.name} is added.")
                self.see_other(self.reverse_url(self.noun.name, entry.id))
        except (Invalid, NotAllowed) as refusal:
            await self.show_form(before, 422, values=self.form, errors=self.errors(refusal))

    async def change(self, id: str) -> None:
        """Save what the form says; show it again with messages, or beside what somebody else has saved meanwhile."""
        before = await self.entry(id)
        version = self.form.get("version", "")
        if not (version.isascii() and version.isdigit() and len(version) <= 18):
            raise HTTPError(400)
        try:
            wanted = msgspec.structs.replace(forms.read(self.rows, self.form, before), version=int(version))
            if wanted.version != before.version:
                raise Stale
            async with self.transaction() as tx:
                entry = await changes.change(tx, self.known, self.noun, before, wanted, self.actor, self.now)
                self.toast("Saved.")
                self.see_other(self.reverse_url(self.noun.name, entry.id))
        except (Invalid, NotAllowed) as refusal:
            await self.show_form(before, 422, values=self.form, errors=self.errors(refusal), version=version)
        except Stale:
            self.show_conflict(await self.entry(id), self.form)

    def errors(self, refusal: Invalid | NotAllowed) -> dict[str, str]:
        """Messages by field; what concerns no field of the form stands above it."""
        said = refusal.errors if isinstance(refusal, Invalid) else {"": refusal.detail}
        names = {field.name for field in forms.fields(self.rows)}
        above = " ".join(text for name, text in said.items() if name not in names)
        return {**({"": above} if above else {}), **{name: text for name, text in said.items() if name in names}}

    async def show_form(self, entry: Any, status: int = 200, **context: Any) -> None:
        self.set_status(status)
        given = {"values": {}, "errors": {}, "version": entry.version, **context}
        written = forms.written(self.rows, entry)
        base = given["values"].get("base") or json.dumps(written)
        choices = await self.choices(entry)
        self.page("directory/form.html", noun=self.noun, entry=entry, rows=self.rows, written=written, base=base, choices=choices, **given)

    async def choices(self, entry: Any) -> dict[str, list[tuple[str, str]]]:
        """What the fields with a `source` offer."""
        wanted = {field.source for field in forms.fields(self.rows)} | ({"companies"} if self.noun is CONTACTS else set())
        found: dict[str, list[tuple[str, str]]] = {}
        if "countries" in wanted:
            found["countries"] = [("", ""), *countries.choices()]
        if "companies" in wanted:
            found["companies"] = [("", ""), *(pair for pair in await companies.names(self.db, self.known.scope) if pair[0] != entry.id)]
        if "contacts" in wanted:
            people = await contacts.at_company(self.db, entry.company_id) if entry.company_id else []
            found["contacts"] = [("", ""), *people]
        return found

    def show_conflict(self, theirs: Any, typed: Mapping[str, str]) -> None:
        """409: field by field what was there, what they saved, and what was typed here."""
        base, now = _texts(typed.get("base", "")), forms.written(self.rows, theirs)
        fields = []
        for field in forms.fields(self.rows):
            here = typed.get(field.name, "" if field.widget == "yes" else now[field.name])
            sides = {"base": base.get(field.name, ""), "theirs": now[field.name], "yours": here}
            fields.append({"name": field.name, "label": field.label, **sides})
        self.set_status(409)
        self.page("directory/conflict.html", noun=self.noun, entry=theirs, fields=fields)

    async def set_activity(self, id: str, active: bool) -> None:
        """Bring the entry back into use, or to its normal end."""
        before = await self.entry(id)
        deed = changes.reactivate if active else changes.deactivate
        try:
            async with self.transaction() as tx:
                entry = await deed(tx, self.known, self.noun, before, self.actor, self.now)
                self.toast(f"{entry.name} is {'in use again' if active else 'retired' if self.noun is ASSETS else 'deactivated'}.")
                self.see_other(self.reverse_url(self.noun.name, id))
        except Stale:
            raise Problem(409, "stale", CHANGED_MEANWHILE) from None
        except Invalid as invalid:
            raise Problem(422, "invalid", " ".join(invalid.errors.values())) from invalid

    async def remove(self, id: str) -> None:
        entry = await self.entry(id)
        here, removal = self.reverse_url(self.noun.name, id), await self.removal(entry)
        if not removal.hindrance and not self.confirmed(removal.question, f"Delete {entry.name}", here):
            return
        try:
            async with self.transaction() as tx:
                await changes.remove(tx, self.known, self.noun, entry, self.actor, self.now)
                self.toast(f"{entry.name} is deleted.")
                self.see_other(self.reverse_url(self.noun.plural))
        except NotAllowed as refusal:
            self.toast(removal.hindrance or refusal.detail, "danger")
            self.see_other(here)

    async def removal(self, entry: Any) -> Removal:
        """Whether the entry could be deleted, in words."""
        async with self.db.read() as snapshot:
            held = await changes.held_by(snapshot, self.known.scope, entry)
            return Removal.of(entry.name, held, await changes.goes_with(snapshot, entry))

    def labels(self) -> dict[str, Any]:
        return {"types": forms.TYPE_LABELS, "statuses": forms.STATUS_LABELS, "levels": forms.COMPLIANCE_LABELS, "roles": forms.ROLE_LABELS}

    async def export(self, header: list[str], row: Any) -> None:
        """The list as a file: the same filters and order, every page of it to the last row. It is audited."""
        asked = {name: value for name, value in self.query.items() if name not in ("format", "cursor", "limit")}

        async def record(rows: int) -> None:
            await changes.record_export(self.db, self.noun, asked, rows, self.actor, self.now)

        rows = self._all(self.noun.rows.LISTING.read(asked, self.keys, limit_default=PAGE), row)
        await exports.stream(self, self.noun.plural, header, rows, self.query.get("format", "csv"), counted=record)

    async def _all(self, ask: ListQuery, row: Any) -> AsyncIterator[list[object]]:
        async with self.db.read(long=True) as snapshot:
            numbers = await companies.account_numbers(snapshot, self.known.scope)
            async for entry in exports.walked(ask, lambda ask: self.noun.rows.page_of(snapshot, self.known.scope, ask)):
                yield row(entry, numbers)


def _texts(raw: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(raw, type=dict[str, str])
    except msgspec.DecodeError:
        return {}
