"""What can be counted in the directory, company by company, for those who bill it: no plans and no prices."""

from collections.abc import AsyncGenerator, Iterable, Sequence
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
    """A company with everything in it that can be counted; `number` is that of the last change of any of it."""

    id: str
    account_number: str
    name: str
    status: str
    number: int
    assets: list[AssetFacts]
    contacts: list[ContactFacts]


SLICE, ROWS = 25, 500
"""Companies that are read and written at a time, fewer where they have more than ROWS devices and people, so that others have their turn
in between."""


async def facts(db: Db, scope: CompanyScope, ids: Sequence[str] | None = None) -> list[CompanyFacts]:
    """The companies in scope (those of `ids`), by account number, as they are at one moment."""
    async with db.read() as snapshot:
        return [company async for some in in_slices(snapshot, scope, ids) for company in some]


async def in_slices(
    snapshot: Db, scope: CompanyScope, ids: Sequence[str] | None = None, since: int | None = None
) -> AsyncGenerator[list[CompanyFacts], None]:
    """The companies in scope, by account number, some at a time: all of them, those of `ids`, or those that changed after a number."""
    clauses = [scope.clause("company.id"), *(["company.id IN :ids"] if ids is not None else [])]
    clauses += [] if since is None else ["row_change.number > :since"]
    params = {**scope.params(), "ids": list(ids or ()), "since": since}
    size = SLICE
    async for rows in snapshot.slices(f"{_COMPANIES} WHERE {' AND '.join(clauses)} ORDER BY account_number, company.id", SLICE, **params):
        while rows:
            some, rows = rows[:size], rows[size:]
            found = await _with_all_that_counts(snapshot, some)
            things = sum(len(company.assets) + len(company.contacts) for company in found)
            size = max(1, min(SLICE, len(some) * ROWS // max(1, things)))
            yield found


async def _with_all_that_counts(snapshot: Db, rows: Sequence[dict[str, Any]]) -> list[CompanyFacts]:
    found = {row["id"]: CompanyFacts(**row, assets=[], contacts=[]) for row in rows}
    _sort_in(found, "assets", AssetFacts, await snapshot.all(_ASSETS, ids=list(found)))
    people = await snapshot.all(_CONTACTS, ids=list(found))
    _sort_in(found, "contacts", ContactFacts, ({**row, "active": bool(row["active"]), "billable": bool(row["billable"])} for row in people))
    return list(found.values())


async def gone(snapshot: Db, scope: CompanyScope, since: int) -> list[str]:
    """The ids of companies in scope that were deleted after a number."""
    rows = await snapshot.all(
        f"""
        SELECT id FROM row_change WHERE kind = 'billing_facts' AND number > :since AND {scope.clause("row_change.id")}
            AND NOT EXISTS (SELECT 1 FROM company WHERE company.id = row_change.id) ORDER BY id
        """,
        since=since,
        **scope.params(),
    )
    return [row["id"] for row in rows]


async def sees_otherwise(snapshot: Db, user_id: str, since: int) -> bool:
    """Whether the companies that an account may see have changed after a number."""
    found = await snapshot.value(
        "SELECT 1 FROM row_change WHERE kind = 'user_scope' AND id = :user_id AND number > :since", user_id=user_id, since=since
    )
    return found is not None


_COMPANIES = """SELECT company.id, account_number, name, status, COALESCE(row_change.number, 0) AS number
    FROM company LEFT JOIN row_change ON row_change.kind = 'billing_facts' AND row_change.id = company.id"""
_ASSETS = """SELECT company_id, id, external_id, name, type, active_on, retired_on, backup_bytes, measured_at
    FROM asset WHERE company_id IN :ids ORDER BY company_id, name_form, id"""
_CONTACTS = """
    SELECT link.company_id, contact.id, contact.external_id, contact.name, contact.email, contact.active,
        contact.billable AND link.billed AS billable,
        CASE WHEN contact.billable AND NOT link.billed THEN 'billed at another company' ELSE contact.exclusion_reason END
            AS exclusion_reason,
        contact.active_on, contact.ended_on
    FROM contact_company link JOIN contact ON contact.id = link.contact_id
    WHERE link.company_id IN :ids ORDER BY link.company_id, contact.name_form, contact.id
    """


def _sort_in(companies: dict[str, CompanyFacts], part: str, kind: type[Any], rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        getattr(companies[row.pop("company_id")], part).append(kind(**row))
