"""Contacts: the people at companies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import structs

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import folded
from hmlib.kinds.resource import Field, Filter, Lifecycle, Part, Record, Removal, Resource, Unique, Writer
from hmlib.kinds.several import Many, Words
from hmlib.kinds.types import Day, Phone, Reference, Refused, Text, YesNo
from hmlib.tables import cells
from nexus_srv.directory.companies import in_words
from nexus_srv.queries import assets, contacts

ROLES = {"": "No role", "primary": "Primary", "billing": "Billing", "technical": "Technical"}
NO_SUCH = "There is no such company."
SHARED = "This would change the bill of a company that you do not see, as the person is there too. Ask somebody who sees all of them."
BILLED_BY = ("active", "billable", "exclusion_reason", "active_on", "ended_on")


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A contact's place at a company. `role` is empty, primary, billing or technical; `billed` says whether this company pays for them."""

    company_id: str
    role: Literal["", "primary", "billing", "technical"] = ""
    billed: bool = True


@dataclass(frozen=True)
class Places(Many):
    """The companies of a person, in words by what they are there."""

    of: type[msgspec.Struct] = Link

    def words(self, value: Any) -> str:
        return ", ".join(ROLES[link.role] + ("" if link.billed else " (not paid for)") for link in value)


def as_email(said: str) -> str:
    """An e-mail address. Raises Refused."""
    try:
        return cells.email(said) or ""
    except cells.BadCell as wrong:
        raise Refused(f"{said[:100]} {wrong.args[0]}.") from None


class Contact(Record, frozen=True, kw_only=True):
    """A person at one company or several. The name is made of first and last name, or else of the first e-mail address, unless given.
    `emails` begins with the primary one, which is also `email`; who is not billable has an `exclusion_reason` (kiosk, shared mailbox, …);
    `ended_on` is the first day that no longer counts; `company_id` is a company of a new contact, beside `companies`."""

    company_id: Annotated[str | None, Field("Company", Reference(table="company", empty=None), fixed=True, stored=False, filtered=True)] = (
        None
    )
    name: Annotated[str, Field("Name", Text(), sort="name_form", searched=True, listed=True, on_form=False)] = ""
    first_name: Annotated[str, Field("First name", Text(100), help="A contact needs a first or a last name.")] = ""
    last_name: Annotated[str, Field("Last name", Text(100), beside=True)] = ""
    email: Annotated[
        str, Field("E-mail", Text(254), sort="=", identifier=True, listed=True, ours=True, stored=False, on_form=False)
    ] = ""  # fmt: skip
    emails: Annotated[
        tuple[str, ...],
        Field(
            "E-mail addresses", Words(check=as_email, most=20, said="Use at most 20 addresses."), searched=True, stored=False, made=True,
            help="The first one is the primary one; with a comma between them.",
        ),
    ] = ()  # fmt: skip
    phone: Annotated[str, Field("Phone", Phone(), searched=True, listed=True)] = ""
    mobile_phone: Annotated[str, Field("Mobile phone", Phone(), searched=True, beside=True)] = ""
    title: Annotated[str, Field("Title", Text(100), searched=True, listed=True, beside=True)] = ""
    active: Annotated[bool, Field("Active", YesNo(), filtered=True)] = True
    billable: Annotated[bool, Field("Billable", YesNo(), filtered=True, beside=True)] = True
    exclusion_reason: Annotated[str, Field("Why not billable", Text(), help="Kiosk, shared mailbox, …")] = ""
    active_on: Annotated[str | None, Field("Counts from", Day())] = None
    ended_on: Annotated[str | None, Field("Counts no longer from", Day(), help="The first day that no longer counts.", beside=True)] = None
    companies: Annotated[tuple[Link, ...], Field("Companies", Places(), stored=False, made=True)] = ()
    source: Annotated[str, Field("Source", Text(50), on_form=False)] = ""
    external_id: Annotated[str | None, Field("External id", Text(empty=None), help="By which name another system knows it.")] = None
    notes: Annotated[str, Field("Notes", Text(10_000, lines=True))] = ""


def loaded(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its addresses in one."""
    return {**row, "emails": (row["email"], *row["more_emails"].split()) if row["email"] else ()}


async def places(db: Db, contact: Contact) -> Sequence[str]:
    """A contact belongs to each of their companies."""
    return [link.company_id for link in contact.companies]


def end_of(planned: str | None, first: str | None, today: str) -> str:
    """The first day that no longer counts of what comes to its end now: an earlier end that was planned stays, a later one does not."""
    return max(min(planned or today, today), first or "")


async def settled(tx: Db, writer: Writer, before: Contact | None, after: Contact) -> Contact:
    """What follows from a change, whichever way it came: the name, the companies in order, no reason where none is needed, the end."""
    renamed = before is not None and after.name == before.name and _full_name(after) != _full_name(before)
    name = "" if renamed else after.name
    links = after.companies
    if before is None and after.company_id and after.company_id not in (link.company_id for link in links):
        links = (*links, Link(company_id=after.company_id))
    return structs.replace(
        after,
        name=name or _full_name(after) or next(iter(after.emails), ""),
        exclusion_reason="" if after.billable else after.exclusion_reason,
        companies=tuple(sorted(links, key=lambda link: link.company_id)),
        ended_on=_ended(before, after, writer.today),
    )


def _full_name(contact: Contact) -> str:
    return " ".join(part for part in (contact.first_name, contact.last_name) if part)


def _ended(before: Contact | None, wanted: Contact, today: str) -> str | None:
    """Who is made inactive ends now at the latest, and who is made active again has no end behind them.

    One who was never active has no day of their own: without a planned end none is made up.
    """
    if not wanted.active and (wanted.ended_on or (before is not None and before.active)):
        over = before.ended_on if before is not None and not before.active else None
        latest = min(over or today, today) if (wanted.ended_on or "9") > today else today  # told again, it does not end anew
        return end_of(wanted.ended_on, wanted.active_on, latest)
    back = before is not None and wanted.active and not before.active and wanted.ended_on == before.ended_on
    return None if back and (wanted.ended_on or "") <= today else wanted.ended_on


async def rules(tx: Db, writer: Writer, before: Contact | None, after: Contact) -> Mapping[str, str]:
    """A name, days in order, companies that are there, and what other companies are billed for changed by who sees all of them only."""
    wrong = {} if after.name else {"first_name": "Give a first or last name."}
    if after.active_on and after.ended_on and after.ended_on < after.active_on:
        wrong["ended_on"] = "This is before the day it begins."
    ids = await places(tx, after)
    fresh = set(ids) - set(await places(tx, before) if before else ()) - {after.company_id}
    if len(set(ids)) < len(ids):
        wrong["companies"] = "A company stands there twice."
    elif fresh and len(await contacts.companies_among(tx, writer.scope, sorted(fresh))) < len(fresh):
        wrong["companies"] = NO_SUCH
    if before is not None and await contacts.hidden_places(tx, writer.scope, before.id):
        wrong |= billed_elsewhere(before, after)
    return wrong


def billed_elsewhere(before: Any, after: Any) -> dict[str, str]:
    """What another company is billed for and would change, as sentences by field."""
    return {name: SHARED for name in BILLED_BY if getattr(before, name) != getattr(after, name)}


async def removal(db: Db, scope: CompanyScope, contact: Contact) -> Removal:
    """A person who is at a company that the caller does not see stays; devices of theirs will be nobody's."""
    if await contacts.hidden_places(db, scope, contact.id):
        return Removal(f"{contact.name} cannot be deleted: {in_words({'other companies': None})} belong to it. Deactivate it instead.")
    count = await assets.count_of_contact(db, contact.id)
    return Removal(also=f"{in_words({'assets': count})} will belong to nobody." if count else "")


CONTACTS = Resource(
    name="contact",
    plural="contacts",
    record=Contact,
    read="directory:read",
    write="directory:write",
    followed=True,
    icon="address-book",
    number="email",
    custom=True,
    trigrams=True,
    seen=contacts.seen,
    companies=places,
    complete=settled,
    rules=rules,
    removal=removal,
    parts=(Part("companies", Link, "contact_company", "contact_id", scope="company_id", order="company_id"),),
    filters={
        "company_id": Filter(contacts.within, "At this company."),
        "role": Filter(contacts.in_role, "primary, billing or technical.", "Role", tuple(ROLES.items())[1:]),
    },
    load=loaded,
    derived={
        "name_form": lambda contact: folded(contact.name),
        "email": lambda contact: next(iter(contact.emails), ""),
        "more_emails": lambda contact: " ".join(contact.emails[1:]),
    },
    unique=(Unique(("source", "external_id"), "contact_external_id", "external_id", "This external id belongs to another contact."),),
    lifecycle=Lifecycle(
        lambda contact, today: {"active": False, "ended_on": end_of(contact.ended_on, contact.active_on, today)},
        {"active": True, "ended_on": None},
        lambda contact: not contact.active,
    ),
    in_use="Something belongs to it still. Deactivate it instead.",
)
