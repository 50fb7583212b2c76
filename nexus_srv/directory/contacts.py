"""Contacts: the people at companies, and what follows from a change of one."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import folded
from hmlib.kinds.resource import Filter, Lifecycle, Part, Removal, Resource, Unique, Writer
from nexus_srv.directory.companies import in_words
from nexus_srv.directory.contact_record import ROLES, Contact, Link, loaded
from nexus_srv.queries import assets, contacts

NO_SUCH = "There is no such company."
SHARED = "This would change the bill of a company that you do not see, as the person is there too. Ask somebody who sees all of them."
BILLED_BY = ("active", "billable", "exclusion_reason", "active_on", "ended_on")


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
