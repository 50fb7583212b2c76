"""Agreements: which company has which plan and term from when, and which of them a caller may see."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import BadListQuery, ListDefinition, ListQuery, Page
from treasury_srv.queries import rows

LISTING = ListDefinition(
    sorts={"start_on": "agreement.start_on", "created_at": "agreement.created_at", "company_id": "agreement.company_id"},
    default="-start_on",
    id_column="agreement.id",
    filters=("company_id", "plan_id", "term", "state", "updated_since"),
)
STATES = ("in_force", "ending", "expired", "ended", "future")
ENDING_DAYS = 90


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement; `end_on` is its last agreed day, `ended_on` the first day on which it is really over. Hours are millionths
    (_e6), the tax percent ten-thousandths (_e4)."""

    id: str
    company_id: str
    plan_id: str
    term: str
    start_on: str
    end_on: str | None = None
    ended_on: str | None = None
    currency: str
    proration: str = "none"
    prepaid_hours_monthly_e6: int = 0
    prepaid_hours_yearly_e6: int = 0
    minimum_hours_e6: int = 0
    rounding_hours_e6: int = 0
    tax_percent_e4: int = 0
    due_days: int = 30
    created_at: str = ""
    updated_at: str = ""
    version: int = 0


STORED = rows.Stored("agreement", Agreement)
_IN_FORCE = "agreement.start_on <= :today AND (agreement.ended_on IS NULL OR agreement.ended_on > :today)"
_STATES = {
    "in_force": _IN_FORCE,
    "ending": f"{_IN_FORCE} AND (agreement.ended_on IS NOT NULL OR agreement.end_on BETWEEN :today AND :soon)",
    "expired": f"{_IN_FORCE} AND agreement.ended_on IS NULL AND agreement.end_on < :today",
    "ended": "agreement.ended_on <= :today",
    "future": "agreement.start_on > :today",
}
_FILTERS = {name: f"agreement.{name} = :{name}" for name in ("company_id", "plan_id", "term")} | {
    "updated_since": "agreement.updated_at >= :updated_since"
}


def state(agreement: Agreement, today: str) -> str:
    """One of STATES, the most telling one."""
    if agreement.start_on > today:
        return "future"
    if agreement.ended_on is not None:
        return "ended" if agreement.ended_on <= today else "ending"
    if agreement.end_on is None or agreement.end_on > _soon(today):
        return "in_force"
    return "expired" if agreement.end_on < today else "ending"


def _soon(today: str) -> str:
    return (date.fromisoformat(today) + timedelta(days=ENDING_DAYS)).isoformat()


async def page_of(
    db: Db, scope: CompanyScope, list_query: ListQuery, today: str, company_ids: Sequence[str] | None = None
) -> Page[Agreement]:
    """Filters: company_id, plan_id, term, state (one of STATES) and updated_since; `company_ids` are those that a search found.

    Raises BadListQuery for an unknown state.
    """
    chosen = list_query.filters.get("state")
    if chosen is not None and chosen not in _STATES:
        raise BadListQuery("invalid_filter", f"state must be one of {', '.join(STATES)}.", "state")
    wanted = [scope.clause("agreement.company_id"), *(_FILTERS[name] for name in list_query.filters if name in _FILTERS)]
    wanted += [f"({_STATES[chosen]})"] if chosen else []
    wanted += ["agreement.company_id IN :company_ids"] if company_ids is not None else []
    params = {**scope.params(), **list_query.filters, "today": today, "soon": _soon(today), "company_ids": list(company_ids or ())}
    column = list_query.column.removeprefix("agreement.")
    return await rows.page_of(db, STORED, "agreement", list_query, wanted, params, Agreement, lambda row: (getattr(row, column), row.id))


async def hold(tx: Db) -> None:
    """Let no other transaction change what bills are made of until this one is over: what is read after it stays as it is."""
    await tx.run("UPDATE billing_state SET version = version WHERE id = 1")


async def finalised_months(db: Db, agreement_id: str) -> int:
    """How many finalised bills an agreement has."""
    return int(await db.value("SELECT count(*) FROM invoice WHERE agreement_id = :id AND status = 'finalised'", id=agreement_id))


async def some(db: Db, scope: CompanyScope, ids: Sequence[str]) -> list[Agreement]:
    return await rows.some(db, STORED, ids, Agreement, scope, "agreement.company_id")


async def visible(db: Db, scope: CompanyScope, id: str) -> Agreement | None:
    return next(iter(await some(db, scope, [id])), None)


async def of_companies(db: Db, company_ids: Sequence[str]) -> list[Agreement]:
    """The agreements of companies, by company and start."""
    found = await db.all(
        f"SELECT {STORED.columns} FROM agreement WHERE company_id IN :ids ORDER BY company_id, start_on", ids=list(company_ids)
    )
    return [Agreement(**row) for row in found]


async def ending(db: Db, scope: CompanyScope, from_on: str, until_on: str) -> list[Agreement]:
    """Agreements not ended whose last agreed day lies in `[from_on, until_on)`, the next to end first."""
    found = await db.all(
        f"""
        SELECT {STORED.columns} FROM agreement
        WHERE ended_on IS NULL AND end_on >= :from_on AND end_on < :until_on AND {scope.clause("company_id")} ORDER BY end_on, id
        """,
        from_on=from_on,
        until_on=until_on,
        **scope.params(),
    )
    return [Agreement(**row) for row in found]


async def insert(tx: Db, agreements: Iterable[Agreement], now: str) -> None:
    """Raises Conflict when the company has an agreement of that start, or the plan does not exist."""
    await rows.insert(tx, STORED, agreements, now)


async def update(tx: Db, agreements: Iterable[Agreement], now: str) -> None:
    await rows.update(tx, STORED, agreements, now)


async def save(tx: Db, agreement: Agreement, now: str) -> bool:
    """False when the row has changed since `agreement.version`. Raises Conflict as insert does."""
    return await rows.save(tx, STORED, agreement, now)


async def held_by(db: Db, id: str) -> dict[str, int]:
    """How many bills, of any state, keep an agreement."""
    return {"bill": int(await db.value("SELECT count(*) FROM invoice WHERE agreement_id = :id", id=id))}


async def delete(tx: Db, agreement: Agreement) -> bool:
    """False when the row has changed. Raises Conflict once there is an invoice; overrides and manual items go with it."""
    return bool(await tx.run(STORED.delete, id=agreement.id, version=agreement.version))
