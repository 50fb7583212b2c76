"""The people at companies: their rows in `contact` and `contact_company`, and which of them a caller may see."""

from collections.abc import Collection, Mapping, Sequence

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db

_LINK = "SELECT 1 FROM contact_company link WHERE link.contact_id = contact.id AND"


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
    if scope.rule == "all":
        return []
    rows = await db.all("SELECT company_id FROM contact_company WHERE contact_id = :id ORDER BY company_id", id=id)
    return [row["company_id"] for row in rows if not scope.sees(row["company_id"])]


def _at(condition: str) -> str:
    """The contacts of the companies of which the condition holds, found from the companies' side."""
    return f"contact.id IN (SELECT link.contact_id FROM contact_company link WHERE {condition})"


async def by_address(db: Db, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """The ids of contacts by company and address, which are wanted in lower case."""
    found: dict[tuple[str, str], list[str]] = {}
    beyond_ascii = not all(address.isascii() for _, address in wanted)  # whose lower case the database does not know
    rows = await db.all(
        """
        SELECT contact.id, link.company_id, contact.email, contact.more_emails
        FROM contact_company link JOIN contact ON contact.id = link.contact_id
        WHERE link.company_id IN :companies AND (lower(contact.email) IN :addresses OR contact.more_emails <> '' OR :beyond_ascii)
        ORDER BY contact.id
        """,
        companies=sorted({company_id for company_id, _ in wanted}),
        addresses=sorted({address for _, address in wanted}),
        beyond_ascii=beyond_ascii,
    )
    for row in rows:
        for address in [row["email"], *row["more_emails"].split()]:
            if (pair := (row["company_id"], address.casefold())) in wanted:
                found.setdefault(pair, []).append(row["id"])
    return found


async def by_name(db: Db, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """The ids of contacts by company and name, as it is compared."""
    found: dict[tuple[str, str], list[str]] = {}
    rows = await db.all(
        """
        SELECT contact.id, link.company_id, contact.name_form
        FROM contact_company link JOIN contact ON contact.id = link.contact_id
        WHERE link.company_id IN :companies AND contact.name_form IN :names ORDER BY contact.id
        """,
        companies=sorted({company_id for company_id, _ in wanted}),
        names=sorted({name for _, name in wanted}),
    )
    for row in rows:
        if (pair := (row["company_id"], row["name_form"])) in wanted:
            found.setdefault(pair, []).append(row["id"])
    return found


async def addresses(db: Db, ids: Collection[str]) -> dict[str, str]:
    """The primary addresses of contacts by id."""
    return {row["id"]: row["email"] for row in await db.all("SELECT id, email FROM contact WHERE id IN :ids", ids=sorted(ids))}
