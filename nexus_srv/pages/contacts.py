"""Contacts: the list, one contact with their companies and devices, and the form."""

from collections.abc import Mapping

import msgspec
from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from hmlib.errors import Invalid, NotAllowed, Stale
from hmlib.tables import export
from hmlib.web.problems import Problem
from hmlib.web.toasts import Undo
from nexus_srv.directory import changes
from nexus_srv.directory.kinds import CONTACTS
from nexus_srv.pages import entry_forms as forms
from nexus_srv.pages.directory import CHANGED_MEANWHILE, EntryHandler
from nexus_srv.queries import assets, companies
from nexus_srv.queries.assets import Asset
from nexus_srv.queries.contacts import Contact, Link

EXPORTED = [
    "company_account_number", "email", "first_name", "last_name", "phone", "title", "role", "active", "billable", "exclusion_reason",
    "active_on", "ended_on", "external_id",
]  # fmt: skip


class ContactHandler(EntryHandler):
    """What the pages about contacts share."""

    noun = CONTACTS
    rows = forms.CONTACT

    def new(self) -> Contact:
        company_id = self.query.get("company_id", self.form.get("company_id", ""))
        return Contact(id="", name="", companies=(Link(company_id=company_id),) if company_id else ())

    async def show(self, contact: Contact) -> None:
        names = dict(await companies.names(self.db, self.known.scope))
        self.page(
            "contacts/page.html",
            contact=contact,
            names=names,
            devices=await self.devices(contact),
            removal=await self.removal(contact),
            **self.labels(),
        )

    async def save_companies(self, contact: Contact, links: tuple[Link, ...], said: str, undo: Undo | None = None) -> None:
        wanted = msgspec.structs.replace(contact, companies=links)
        try:
            async with self.transaction() as tx:
                await changes.change(tx, self.known, CONTACTS, contact, wanted, self.actor, self.now)
                self.toast(said, undo=undo)
                self.see_other(self.reverse_url("contact", contact.id))
        except (Invalid, NotAllowed) as refusal:
            why = " ".join(refusal.errors.values()) if isinstance(refusal, Invalid) else refusal.detail
            raise Problem(422, "invalid", why) from refusal
        except Stale:
            raise Problem(409, "stale", CHANGED_MEANWHILE) from None

    async def devices(self, contact: Contact) -> list[Asset]:
        list_query = assets.LISTING.read({"contact_id": contact.id}, self.keys, limit_default=100)
        return (await assets.page_of(self.db, self.known.scope, list_query)).rows


class ContactListPage(ContactHandler):
    """The list, and where a new contact is posted to."""

    @allowed("directory:read")
    async def get(self) -> None:
        self.page("contacts/list.html", page=await self.found(), page_url=self.reverse_url("contacts"), **self.labels())

    @allowed("directory:write")
    async def post(self) -> None:
        await self.create(self.new())


class ContactRows(ContactHandler):
    """The rows of the list."""

    @allowed("directory:read")
    async def get(self) -> None:
        await self.answer_rows("contacts/_rows.html")


class ContactExport(ContactHandler):
    """The list as a file."""

    @allowed("directory:read", export=True)
    async def get(self) -> None:
        await self.export(EXPORTED, _exported)


class ContactNewPage(ContactHandler):
    """An empty form."""

    @allowed("directory:write")
    async def get(self) -> None:
        await self.show_form(self.new())


class ContactPage(ContactHandler):
    """One contact; where changes are posted to."""

    @allowed("directory:read")
    async def get(self, id: str) -> None:
        await self.show(await self.entry(id))

    @allowed("directory:write")
    async def post(self, id: str) -> None:
        await self.change(id)

    @allowed("directory:write")
    async def delete(self, id: str) -> None:
        await self.remove(id)


class ContactEditPage(ContactHandler):
    """The form with what is stored."""

    @allowed("directory:write")
    async def get(self, id: str) -> None:
        await self.show_form(await self.entry(id))


class ContactActivity(ContactHandler):
    """In use or not: PUT brings it back, DELETE is its normal end."""

    @allowed("directory:write")
    async def put(self, id: str) -> None:
        await self.set_activity(id, True)

    @allowed("directory:write")
    async def delete(self, id: str) -> None:
        await self.set_activity(id, False)


class ContactCompanies(ContactHandler):
    """Where a contact works: a POST adds a company, or changes the role there."""

    @allowed("directory:write")
    async def post(self, id: str) -> None:
        contact = await self.entry(id)
        company_id = self.form.get("company_id", "")
        link = Link(company_id=company_id, role=self.form.get("role", ""), billed=self.form.get("billed") == "on")
        others = tuple(other for other in contact.companies if other.company_id != company_id)
        await self.save_companies(contact, (*others, link), "Saved.")


class ContactCompany(ContactHandler):
    """One of a contact's companies."""

    @allowed("directory:write")
    async def delete(self, id: str, company_id: str) -> None:
        contact = await self.entry(id)
        gone = next((link for link in contact.companies if link.company_id == company_id), None)
        if gone is None:
            raise HTTPError(404)
        fields = {"company_id": gone.company_id, "role": gone.role, **({"billed": "on"} if gone.billed else {})}
        undo = Undo(self.reverse_url("contact-companies", id), fields)
        left = tuple(link for link in contact.companies if link is not gone)
        await self.save_companies(contact, left, f"{contact.name} is taken off {await self.company_name(company_id)}.", undo)


def _exported(contact: Contact, numbers: Mapping[str, str]) -> list[object]:
    link = next((link for link in contact.companies if link.billed), contact.companies[0] if contact.companies else None)
    values: dict[str, object] = {"active_on": export.day(contact.active_on), "ended_on": export.day(contact.ended_on)}
    values |= {"company_account_number": numbers.get(link.company_id, "") if link else "", "role": link.role if link else ""}
    return [values[name] if name in values else getattr(contact, name) for name in EXPORTED]
