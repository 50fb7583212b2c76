"""What is known of a person, and of their place at each company."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from hmlib.kinds.resource import Field, Record
from hmlib.kinds.several import Many, Words
from hmlib.kinds.types import Day, Phone, Reference, Refused, Text, YesNo
from hmlib.tables import cells

ROLES = {"": "No role", "primary": "Primary", "billing": "Billing", "technical": "Technical"}


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
