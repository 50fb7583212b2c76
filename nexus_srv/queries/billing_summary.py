"""What can be counted in the directory, company by company, for those who bill it: no plans and no prices."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db


class AssetFacts(msgspec.Struct, frozen=True):
    """A device: days are ISO dates, `retired_on` the first that no longer counts; `backup_bytes` is bytes, measured at `measured_at`."""

    id: str
    external_id: str | None
    name: str
    type: str
    active_on: str | None
    retired_on: str | None
    backup_bytes: int
    measured_at: str | None


class ContactFacts(msgspec.Struct, frozen=True):
    """A person: `billable` already minds whether this company pays for them; `ended_on` is the first day that no longer counts."""

    id: str
    external_id: str | None
    name: str
    email: str
    active: bool
    billable: bool
    exclusion_reason: str
    active_on: str | None
    ended_on: str | None


class CompanyFacts(msgspec.Struct, frozen=True):
    """A company with everything in it that can be counted."""

    id: str
    account_number: str
    name: str
    status: str
    assets: list[AssetFacts]
    contacts: list[ContactFacts]


async def facts(db: Db, scope: CompanyScope, ids: Sequence[str] | None = None) -> list[CompanyFacts]:
    """The companies in scope (those of `ids`), by account number, in three statements that see one moment."""
    async with db.read() as snapshot:
        return await _facts(snapshot, scope, ids)


async def _facts(db: Db, scope: CompanyScope, ids: Sequence[str] | None) -> list[CompanyFacts]:
    params = {**scope.params(), **({} if ids is None else {"ids": list(ids)})}

    def chosen(column: str) -> str:
        return scope.clause(column) + ("" if ids is None else f" AND {column} IN :ids")

    found = {
        row["id"]: CompanyFacts(**row, assets=[], contacts=[])
        for row in await db.all(
            f"SELECT id, account_number, name, status FROM company WHERE {chosen('id')} ORDER BY account_number, id", **params
        )
    }
    assets = await db.all(
        f"""
        SELECT company_id, id, external_id, name, type, active_on, retired_on, backup_bytes, measured_at
        FROM asset WHERE {chosen("company_id")} ORDER BY company_id, name_form, id
        """,
        **params,
    )
    _sort_in(found, "assets", AssetFacts, assets)
    contacts = await db.all(
        f"""
        SELECT link.company_id, contact.id, contact.external_id, contact.name, contact.email, contact.active,
            contact.billable AND link.billed AS billable,
            CASE WHEN contact.billable AND NOT link.billed THEN 'billed at another company' ELSE contact.exclusion_reason END
                AS exclusion_reason,
            contact.active_on, contact.ended_on
        FROM contact_company link JOIN contact ON contact.id = link.contact_id
        WHERE {chosen("link.company_id")} ORDER BY link.company_id, contact.name_form, contact.id
        """,
        **params,
    )
    _sort_in(
        found, "contacts", ContactFacts, ({**row, "active": bool(row["active"]), "billable": bool(row["billable"])} for row in contacts)
    )
    return list(found.values())


def _sort_in(companies: dict[str, CompanyFacts], part: str, kind: type[Any], rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        company = companies.get(row.pop("company_id"))
        if company is not None:
            getattr(company, part).append(kind(**row))
