"""The companies an MSP looks after: their rows in `company`, and which of them a caller may see."""

from collections.abc import Iterable, Sequence
from typing import Any

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import folded
from nexus_srv.queries import directory


class Company(directory.Entry, frozen=True, kw_only=True):
    """A company. `account_number` is six digits and unique; `status` is prospect, active or inactive; `compliance_level` is
    standard, hipaa or cjis; `domains` are its e-mail domains; `country` is two letters (ISO 3166)."""

    account_number: str
    name: str
    status: str = "active"
    parent_id: str | None = None
    main_phone: str = ""
    website: str = ""
    domains: tuple[str, ...] = ()
    compliance_level: str = "standard"
    address: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    notes: str = ""


_FIELDS = directory.stored_fields(Company)
_STORED = (*_FIELDS, "name_form", "search")
_COLUMNS = ", ".join(f"company.{name}" for name in (*_FIELDS, "name_form", "created_at", "updated_at", "version"))
_INSERT = directory.insert_sql("company", _STORED)


async def some(db: Db, scope: CompanyScope, ids: Sequence[str]) -> list[Company]:
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM company WHERE company.id IN :ids AND {scope.clause('company.id')} ORDER BY company.name_form, company.id",
        ids=list(ids),
        **scope.params(),
    )
    return [_company(row) for row in rows]


async def everything(db: Db) -> list[Company]:
    """All of them, for an import to compare with."""
    return await in_scope(db, CompanyScope())


async def in_scope(db: Db, scope: CompanyScope) -> list[Company]:
    """All that the scope lets through."""
    rows = await db.all(f"SELECT {_COLUMNS} FROM company WHERE {scope.clause('company.id')} ORDER BY company.id", **scope.params())
    return [_company(row) for row in rows]


async def free_number(tx: Db) -> str:
    """The account number after the highest one, or the lowest free one at the end of the range. Raises LookupError when none is free."""
    highest = await tx.value("SELECT max(account_number) FROM company WHERE length(account_number) = 6")
    following = max(int(highest or 0), 100_000) + 1
    if following <= 999_999:
        return str(following)
    taken = {row["account_number"] for row in await tx.all("SELECT account_number FROM company")}
    free = next((str(number) for number in range(100_001, 1_000_000) if str(number) not in taken), None)
    if free is None:
        raise LookupError("every account number is taken")
    return free


async def parent_of(db: Db, id: str) -> str | None:
    """The id of the company above."""
    found: str | None = await db.value("SELECT parent_id FROM company WHERE id = :id", id=id)
    return found


async def holds(db: Db, id: str) -> dict[str, int]:
    """How many of what belong to a company."""
    found = await counts(db, id)
    return {**{name: found[name] for name in ("contacts", "locations", "assets")}, "other companies": found["children"]}


async def insert(tx: Db, companies: Iterable[Company], now: str) -> None:
    """Raises Conflict when an account number or an external id is taken."""
    await tx.many(_INSERT, [{**_values(company), "now": now} for company in companies])


async def counts(db: Db, id: str) -> dict[str, int]:
    """How many contacts, locations, assets (and how many of them are not retired) and companies below it a company has."""
    row = await db.one(
        """
        SELECT (SELECT count(*) FROM contact_company WHERE company_id = :id) AS contacts,
            (SELECT count(*) FROM location WHERE company_id = :id) AS locations,
            (SELECT count(*) FROM asset WHERE company_id = :id) AS assets,
            (SELECT count(*) FROM asset WHERE company_id = :id AND retired_on IS NULL) AS assets_in_use,
            (SELECT count(*) FROM company WHERE parent_id = :id) AS children
        """,
        id=id,
    )
    return dict(row or {})


def _values(company: Company) -> dict[str, Any]:
    values = {name: getattr(company, name) for name in _FIELDS}
    words = [company.name, company.account_number, *company.domains, company.city, company.external_id or ""]
    return {
        **values,
        "domains": " ".join(company.domains),
        "name_form": folded(company.name),
        "search": folded(" ".join(words)),
    }


def _company(row: dict[str, Any]) -> Company:
    return Company(**_shaped(row))


def _shaped(row: dict[str, Any]) -> dict[str, Any]:
    """The row itself, with the fields of a Company."""
    row["domains"] = tuple(row["domains"].split())
    del row["name_form"]
    return row


async def known_as(db: Db) -> dict[str, dict[str, str]]:
    """By company, the ids by which further systems know it, by system."""
    found: dict[str, dict[str, str]] = {}
    for row in await db.all("SELECT company_id, source, external_id FROM company_known_as ORDER BY company_id, source"):
        found.setdefault(row["company_id"], {})[row["source"]] = row["external_id"]
    return found
