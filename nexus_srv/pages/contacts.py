"""What the pages of contacts have beside those of every kind: their companies and devices, and a file with a row's company."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from msgspec import structs
from tornado.web import HTTPError

from hmlib.auth.permissions import CompanyScope, allowed_of
from hmlib.db.database import Db
from hmlib.db.list_query import ListQuery
from hmlib.errors import Invalid, NotAllowed, Stale
from hmlib.kinds import statements
from hmlib.kinds.resource import Field
from hmlib.resources import changes, pickers, records
from hmlib.resources.changes import writer_of
from hmlib.resources.pages import CHANGED_MEANWHILE, Export, ResourcePage
from hmlib.tables import export
from hmlib.web.page_handler import PageHandler
from hmlib.web.problems import Problem
from hmlib.web.toasts import Undo
from nexus_srv.directory.assets import ASSETS, TYPES
from nexus_srv.directory.companies import COMPANIES
from nexus_srv.directory.contact_record import ROLES, Contact, Link
from nexus_srv.directory.contacts import CONTACTS

EXPORTED = [
    "company_account_number", "email", "first_name", "last_name", "phone", "title", "role", "active", "billable", "exclusion_reason",
    "active_on", "ended_on", "external_id",
]  # fmt: skip
DAYS = ("active_on", "ended_on")


async def beside(handler: PageHandler, contact: Contact) -> Mapping[str, Any]:
    """What a contact's page shows beside the contact: where they work, and the devices that are theirs."""
    theirs = statements.definition(ASSETS).read({"contact_id": contact.id}, handler.keys, limit_default=100)
    async with handler.db.read() as snapshot:
        devices = await records.page_of(snapshot, ASSETS, handler.known.scope, theirs)
        places = await named(snapshot, handler.known.scope, contact)
    return {"places": places, "devices": devices.rows, "roles": ROLES, "types": TYPES}


async def named(db: Db, scope: CompanyScope, contact: Contact) -> list[tuple[str, Link]]:
    """The contact's companies by name, as far as the caller may see them."""
    found = await records.by_ids(db, COMPANIES, scope, [link.company_id for link in contact.companies])
    names = {company.id: company.name for company in found}
    return sorted((names[link.company_id], link) for link in contact.companies if link.company_id in names)


class ContactExport(Export):
    """The list as a file: as the import reads it, each person once, with the company that pays for them."""

    @allowed_of("read", export=True)
    async def get(self) -> None:
        await self.send([*EXPORTED, *(field.name for field in self.added().values())], self.people)

    def added(self) -> Mapping[str, Field]:
        """The fields that people added, by attribute."""
        return {attribute: field for attribute, field in self.of.fields.items() if field.custom}

    async def people(self, question: ListQuery) -> AsyncIterator[Sequence[object]]:
        async with self.db.read(long=True) as snapshot:
            async for batch in records.batches(snapshot, self.of, self.known.scope, question):
                payers = [_payer(row["companies"]) for row in batch]
                ids = sorted({link.company_id for link in payers if link})
                numbers = {one.id: one.account_number for one in await records.by_ids(snapshot, COMPANIES, self.known.scope, ids)}
                for row, link in zip(batch, payers, strict=True):
                    days = {name: export.day(row[name]) for name in DAYS}
                    place = {"company_account_number": numbers.get(link.company_id, ""), "role": link.role} if link else {}
                    known = {**row, **days, "company_account_number": "", "role": "", **place}
                    yield [*(known[name] for name in EXPORTED), *(one.value.cell(row[name]) for name, one in self.added().items())]


class Places(ResourcePage):
    """What changes where a contact works."""

    async def save(self, contact: Contact, links: tuple[Link, ...], said: str, undo: Undo | None = None) -> None:
        writer = await writer_of(self)
        try:
            async with self.transaction() as tx:
                await changes.save(tx, self.of, contact, structs.replace(contact, companies=links), writer)
                self.toast(said, undo=undo)
                self.see_other(self.here(contact))
        except (Invalid, NotAllowed) as refusal:
            why = " ".join(refusal.errors.values()) if isinstance(refusal, Invalid) else refusal.detail
            raise Problem(422, "invalid", why) from refusal
        except Stale:
            raise Problem(409, "stale", CHANGED_MEANWHILE) from None


class ContactPlaces(Places):
    """Where a contact works: a POST adds a company, or changes the role there."""

    @allowed_of("write")
    async def post(self, id: str) -> None:
        contact = await self.found(id)
        said, wrong = await pickers.resolved(self, CONTACTS, {"company_id": self.form.get("company_id", "")}, None)
        role = self.form.get("role", "")
        if wrong or not said["company_id"] or role not in ROLES:
            raise Problem(
                422, "invalid", wrong.get("company_id") or ("Choose a role of the list." if role not in ROLES else "Choose a company.")
            )
        link = Link(company_id=said["company_id"], role=role, billed=self.form.get("billed") == "on")  # type: ignore[arg-type]
        others = [other for other in contact.companies if other.company_id != link.company_id]
        await self.save(contact, (*others, link), "Saved.")


class ContactPlace(Places):
    """One of a contact's companies."""

    @allowed_of("write")
    async def delete(self, id: str, company_id: str) -> None:
        contact = await self.found(id)
        name, gone = next(
            ((name, link) for name, link in await named(self.db, self.known.scope, contact) if link.company_id == company_id), ("", None)
        )
        if gone is None:
            raise HTTPError(404)
        fields = {"company_id": gone.company_id, "role": gone.role, **({"billed": "on"} if gone.billed else {})}
        undo = Undo(self.reverse_url("contact-companies", id), fields)
        left = tuple(link for link in contact.companies if link.company_id != company_id)
        await self.save(contact, left, f"{contact.name} is taken off {name}.", undo)


def _payer(links: Sequence[Link]) -> Link | None:
    return next((link for link in links if link.billed), links[0] if links else None)
