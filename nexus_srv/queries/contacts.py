"""The people at companies: their rows in `contact` and `contact_company`, and which of them a caller may see."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import ListDefinition, folded
from nexus_srv.queries import directory

ROLES = ("", "primary", "billing", "technical")

LISTING = ListDefinition(
    sorts={
        "name": "contact.name_form",
        "email": "contact.email",
        "created_at": "contact.created_at",
        "updated_at": "contact.updated_at",
    },
    default="name",
    id_column="contact.id",
    filters=("company_id", "role", "active", "billable"),
)


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A contact's place at a company. `role` is empty, primary, billing or technical; `billed` says whether this company pays for them."""

    company_id: str
    role: str = ""
    billed: bool = True


class Contact(directory.Entry, frozen=True, kw_only=True):
    """A person at one company or several. `emails` begins with the primary one, which is also `email`; who is not billable has an
    `exclusion_reason` (kiosk, shared mailbox, …); `ended_on` is the first day that no longer counts."""

    name: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    emails: tuple[str, ...] = ()
    phone: str = ""
    mobile_phone: str = ""
    title: str = ""
    active: bool = True
    billable: bool = True
    exclusion_reason: str = ""
    active_on: str | None = None
    ended_on: str | None = None
    companies: tuple[Link, ...] = ()
    notes: str = ""


_FIELDS = directory.stored_fields(Contact, "emails", "companies")
COLUMNS = (*_FIELDS, "more_emails", "name_form", "search")
_COLUMNS = ", ".join(f"contact.{name}" for name in (*_FIELDS, "more_emails", "name_form", "created_at", "updated_at", "version"))
_LINK = "SELECT 1 FROM contact_company link WHERE link.contact_id = contact.id AND"
_INSERT = directory.insert_sql("contact", COLUMNS)


async def everything(db: Db) -> list[Contact]:
    """All of them, for an import to compare with."""
    async with db.read() as snapshot:
        rows = await snapshot.all(f"SELECT {_COLUMNS} FROM contact ORDER BY contact.id")
        links = await _links(snapshot, CompanyScope(), None)
    return [_contact(row, links) for row in rows]


async def insert(tx: Db, contacts: Sequence[Contact], now: str) -> None:
    """Raises Conflict when an external id is taken or a company does not exist."""
    await tx.many(_INSERT, [{**columns_of(contact), "now": now} for contact in contacts])
    await _link(tx, contacts)


def seen(scope: CompanyScope) -> str:
    """Few companies lead to their few contacts; where nearly all are seen, each contact is looked at as it comes."""
    companies = scope.clause("link.company_id")
    return {"all": "TRUE", "only": _at(companies), "except": f"EXISTS ({_LINK} {companies})"}[scope.rule]


def within(scope: CompanyScope, chosen: Mapping[str, str]) -> str:
    """The contacts of the company :company_id, which counts only where the caller may see it."""
    return _at(f"link.company_id = :company_id AND {scope.clause('link.company_id')}")


def in_role(scope: CompanyScope, chosen: Mapping[str, str]) -> str:
    """The contacts with the :role at a company that the caller may see, and at the one that the list is narrowed to."""
    narrowed = " AND link.company_id = :company_id" if "company_id" in chosen else ""
    return f"EXISTS ({_LINK} link.role = :role AND {scope.clause('link.company_id')}{narrowed})"


async def companies_among(db: Db, scope: CompanyScope, ids: Sequence[str]) -> list[str]:
    """Those of the ids that are companies in scope."""
    rows = await db.all(f"SELECT id FROM company WHERE id IN :ids AND {scope.clause('id')}", ids=list(ids), **scope.params())
    return [row["id"] for row in rows]


async def hidden_places(db: Db, scope: CompanyScope, id: str) -> list[str]:
    """The ids of the contact's companies that are out of scope."""
    rows = await db.all("SELECT company_id FROM contact_company WHERE contact_id = :id ORDER BY company_id", id=id)
    return [row["company_id"] for row in rows if not scope.sees(row["company_id"])]


def _at(condition: str) -> str:
    """The contacts of the companies of which the condition holds, found from the companies' side."""
    return f"contact.id IN (SELECT link.contact_id FROM contact_company link WHERE {condition})"


async def _links(db: Db, scope: CompanyScope, ids: Sequence[str] | None) -> dict[str, tuple[Link, ...]]:
    """The companies of contacts (of all where `ids` is None), as far as they are in scope."""
    rows = await db.all(
        f"""
        SELECT link.contact_id, link.company_id, link.role, link.billed FROM contact_company link
        WHERE {"TRUE" if ids is None else "link.contact_id IN :ids"} AND {scope.clause("link.company_id")}
        ORDER BY link.company_id
        """,
        **({} if ids is None else {"ids": list(ids)}),
        **scope.params(),
    )
    found: dict[str, list[Link]] = {}
    for row in rows:
        link = Link(company_id=row["company_id"], role=row["role"], billed=bool(row["billed"]))
        found.setdefault(row["contact_id"], []).append(link)
    return {id: tuple(links) for id, links in found.items()}


async def _link(tx: Db, contacts: Iterable[Contact]) -> None:
    await tx.many(
        "INSERT INTO contact_company (contact_id, company_id, role, billed) VALUES (:contact_id, :company_id, :role, :billed)",
        [
            {"contact_id": contact.id, "company_id": link.company_id, "role": link.role, "billed": link.billed}
            for contact in contacts
            for link in contact.companies
        ],
    )


def columns_of(contact: Contact) -> dict[str, Any]:
    """Its row, but for times and version."""
    values = {name: getattr(contact, name) for name in _FIELDS}
    words = [contact.name, *contact.emails, contact.phone, contact.mobile_phone, contact.title, contact.external_id or ""]
    return {
        **values,
        "email": contact.emails[0] if contact.emails else "",
        "more_emails": " ".join(contact.emails[1:]),
        "name_form": folded(contact.name),
        "search": folded(" ".join(words)),
    }


def _contact(row: dict[str, Any], links: Mapping[str, tuple[Link, ...]]) -> Contact:
    return Contact(**_shaped(row, links))


def _shaped(row: dict[str, Any], links: Mapping[str, tuple[Link, ...]]) -> dict[str, Any]:
    """The row itself, with the fields of a Contact."""
    row["active"], row["billable"], row["companies"] = bool(row["active"]), bool(row["billable"]), links.get(row["id"], ())
    row["emails"] = (row["email"], *row["more_emails"].split()) if row["email"] else ()
    del row["name_form"], row["more_emails"]
    return row
