"""What the pages on which something is entered share: the form, saving, a conflict shown side by side, deleting."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import structs
from tornado.web import HTTPError

from hmlib.clock import new_id
from hmlib.errors import Invalid, NotAllowed, Stale
from hmlib.nexus.bulk import fetch_by_ids
from hmlib.nexus.transport import NexusDown
from treasury_srv.billing.pricing import FEATURE
from treasury_srv.catalogue import changes, checks, fields, removals
from treasury_srv.catalogue.kinds import Noun
from treasury_srv.catalogue.rules import Deed
from treasury_srv.pages.months import MonthHandler
from treasury_srv.queries import plans

Options = list[tuple[str, str]]
NO_COMPANY = "There is no such company."


@dataclass(frozen=True)
class Frame:
    """What stands around a form: its title, where it is posted to, where Cancel and the breadcrumbs lead, where deleting is posted to."""

    title: str
    action: str
    cancel: str
    crumbs: tuple[tuple[str, str], ...]
    removal: str = ""
    note: str = ""


class EntryHandler(MonthHandler):
    """The ways to show and to change the entries of one noun."""

    noun: Noun[Any]

    async def frame(self, entry: Any) -> Frame:
        raise NotImplementedError

    async def after(self, entry: Any) -> str:
        """Where to go once an entry is saved or deleted."""
        return (await self.frame(entry)).cancel

    async def check(self, before: Any, wanted: Any) -> None:
        """What only others know about a wanted entry. Raises Invalid."""

    async def zone(self) -> str:
        return await self.preferences.text(self.db, "time_zone")

    async def deed(self) -> Deed:
        return Deed(self.actor, self.now, await self.today())

    async def entry(self, id: str) -> Any:
        """The entry, if the caller may see it; else 404."""
        found = await self.noun.visible(self.db, self.known.scope, id)
        if found is None:
            raise HTTPError(404)
        return found

    async def create(self, before: Any) -> None:
        """Add what the form says, or show it again."""
        try:
            wanted = self.noun.read(fields.posted(self.noun.rows, self.form), before, await self.zone())
            await self.check(None, wanted)
            wanted = structs.replace(wanted, id=new_id()) if self.noun.key == "id" else wanted
            after, deed = await self.after(wanted), await self.deed()
            async with self.transaction() as tx:
                await changes.add(tx, self.noun, wanted, deed)
                self.toast(f"The {self.noun.title} is added.")
                self.see_other(after)
        except (Invalid, NotAllowed) as refusal:
            await self.show_form(before, 422, values=self.form, errors=_errors(refusal))

    async def change(self, id: str) -> None:
        """Save what the form says; show it again with messages, or beside what somebody else has saved meanwhile."""
        before = await self.entry(id)
        version = version_of(self.form)
        try:
            wanted = self.noun.read(await self._changed(before), before, await self.zone())
            if version != before.version:
                raise Stale
            await self.check(before, wanted)
            after, deed = await self.after(wanted), await self.deed()
            async with self.transaction() as tx:
                await changes.change(tx, self.noun, before, wanted, deed)
                self.toast("Saved.")
                self.see_other(after)
        except (Invalid, NotAllowed) as refusal:
            await self.show_form(before, 422, values=self.form, errors=_errors(refusal), version=version)
        except Stale:
            await self.show_conflict(await self.entry(id))

    async def _changed(self, before: Any) -> dict[str, Any]:
        """What is stored, with what was typed over it: a time keeps its seconds unless it was changed."""
        shown = self.noun.shown(before)
        written = fields.written(self.noun.rows, shown, await self.zone())
        typed = fields.posted(self.noun.rows, self.form)
        return {**shown, **{name: value for name, value in typed.items() if value != written[name]}}

    async def remove(self, id: str) -> None:
        """Delete the entry; what is in the way is said on its form."""
        before = await self.entry(id)
        if not (await self.hindrance(before)) and not await self._agreed(before):
            return
        try:
            if version_of(self.form) != before.version:
                raise Stale
            after, deed = await self.after(before), await self.deed()
            async with self.transaction() as tx:
                await changes.remove(tx, self.noun, before, deed)
                self.toast(f"The {self.noun.title} is deleted.")
                self.see_other(after)
        except NotAllowed as refusal:
            await self.show_form(before, refusal.status, errors=_errors(refusal))
        except Stale:
            message = "Somebody changed this at the same moment. Look again before you delete it."
            await self.show_form(await self.entry(id), 409, errors={"": message})

    async def hindrance(self, entry: Any) -> str:
        return await removals.hindrance(self.db, self.noun, entry, await self.today())

    async def _agreed(self, entry: Any) -> bool:
        """Whether the person has said yes to the deletion, which names the thing."""
        frame = await self.frame(entry)
        back = frame.cancel if self.noun.key != "id" else frame.action
        called = removals.called(self.noun, entry, frame.title)
        return self.confirmed(f"Delete {called}? It cannot be brought back.", f"Delete {called}", back)

    async def show_form(self, entry: Any, status: int = 200, **context: Any) -> None:
        self.set_status(status)
        written = fields.written(self.noun.rows, self.noun.shown(entry), await self.zone())
        given = {"values": {}, "errors": {}, "version": entry.version, **context}
        frame = await self.frame(entry)
        self.page(
            "entries/form.html",
            frame=frame,
            hindrance=await self.hindrance(entry) if frame.removal else "",
            called=removals.called(self.noun, entry, frame.title) if frame.removal else "",
            rows=self.noun.rows,
            written=written,
            base=given["values"].get("base") or json.dumps(written),
            choices=await self.choices(entry),
            noun=self.noun,
            **given,
        )

    async def show_conflict(self, theirs: Any) -> None:
        """409: field by field what was there, what they saved, and what was typed here."""
        base = _texts(self.form.get("base", ""))
        now = fields.written(self.noun.rows, self.noun.shown(theirs), await self.zone())
        choices, shown = await self.choices(theirs), []
        for field in fields.fields(self.noun.rows):
            yours = self.form.get(field.name, "" if field.kind == "bool" else now[field.name])
            sides = {"base": base.get(field.name, ""), "theirs": now[field.name], "yours": yours.replace("\r\n", "\n")}
            names = dict(choices.get(field.source, field.choices))
            shown.append({"name": field.name, "label": field.label, "names": names, **sides})
        self.set_status(409)
        self.page("entries/conflict.html", frame=await self.frame(theirs), version=theirs.version, fields=shown)

    async def choices(self, entry: Any) -> dict[str, Options]:
        """What the fields with a `source` offer."""
        wanted = {field.source for field in fields.fields(self.noun.rows)}
        found: dict[str, Options] = {}
        known = await plans.all_described(self.db) if wanted & {"plans", "whats"} else []
        if "plans" in wanted:
            found["plans"] = [(plan.id, plan.name) for plan in known]
        if "whats" in wanted:
            features = sorted({name for plan in known for name in plan.features})
            found["whats"] = [*checks.WHAT_LABELS.items(), *((FEATURE + name, f"Feature: {name}") for name in features)]
        if "companies" in wanted:
            found["companies"] = await self.companies()
        return found

    async def companies(self) -> Options:
        """The companies to choose from; none while Nexus is away."""
        try:
            companies = await self.nexus.companies.everything(sort="name")
        except NexusDown:
            return []
        return [(company.id, f"{company.name} ({company.account_number})") for company in companies]

    async def company_name(self, id: str) -> str:
        """The company's name; 404 for one that the caller does not see, its id while Nexus is away."""
        if not self.known.scope.sees(id):
            raise HTTPError(404)
        try:
            found = await fetch_by_ids(self.nexus.companies, [id])
        except NexusDown:
            return id
        if id not in found:
            raise HTTPError(404)
        return found[id].name

    async def check_company(self, id: str) -> None:
        """Raises Invalid unless the caller sees the company."""
        if not self.known.scope.sees(id) or id not in await fetch_by_ids(self.nexus.companies, [id]):
            raise Invalid({"company_id": NO_COMPANY})


def version_of(form: Mapping[str, str]) -> int:
    """The version a form was made from. Raises HTTPError 400."""
    version = form.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) <= 18):
        raise HTTPError(400)
    return int(version)


def _errors(refusal: Invalid | NotAllowed) -> Mapping[str, str]:
    return refusal.errors if isinstance(refusal, Invalid) else {"": refusal.detail}


def _texts(raw: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(raw, type=dict[str, str])
    except msgspec.DecodeError:
        return {}
