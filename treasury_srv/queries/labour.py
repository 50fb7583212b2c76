"""Labour entries: the hours that were worked for companies, and which of them a caller may see."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import ListDefinition, ListQuery, Page, folded, like
from treasury_srv.queries import rows

LISTING = ListDefinition(
    sorts={"worked_at": "labour_entry.worked_at", "hours": "labour_entry.hours_e6", "created_at": "labour_entry.created_at"},
    default="-worked_at",
    id_column="labour_entry.id",
    filters=("company_id", "billable", "invoiced", "from", "to", "updated_since"),
)


class LabourEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Hours (millionths) worked from a UTC time on; unique by external id where there is one; `invoice_id` is a finalised invoice's."""

    id: str
    external_id: str | None = None
    company_id: str
    worked_at: str
    hours_e6: int
    billable: bool = True
    description: str = ""
    ticket: str = ""
    invoice_id: str | None = None
    created_at: str = ""
    updated_at: str = ""
    version: int = 0

    @property
    def hours_confirmed(self) -> bool:
        """That so many hours are meant is said anew each time they change."""
        return False


STORED = rows.Stored("labour_entry", LabourEntry, also=("search",))
_FILTERS = {
    "company_id": "labour_entry.company_id = :company_id",
    "billable": "CASE WHEN labour_entry.billable THEN 'yes' ELSE 'no' END = :billable",
    "invoiced": "CASE WHEN labour_entry.invoice_id IS NULL THEN 'no' ELSE 'yes' END = :invoiced",
    "from": "labour_entry.worked_at >= :from",
    "to": "labour_entry.worked_at < :to",
    "updated_since": "labour_entry.updated_at >= :updated_since",
}


async def page_of(db: Db, scope: CompanyScope, list_query: ListQuery, times: Mapping[str, str] | None = None) -> Page[LabourEntry]:
    """Filters: company_id, billable and invoiced (yes or no), from and to (UTC times, the latter excluded) and updated_since; `times`
    stands in for those of the address. All words of the search must be found."""
    wanted = [scope.clause("labour_entry.company_id"), *(_FILTERS[name] for name in list_query.filters)]
    params: dict[str, Any] = {**scope.params(), **list_query.filters, **(times or {})}
    for number, word in enumerate(list_query.q.split()):
        wanted.append(f"labour_entry.search LIKE :like{number} ESCAPE '\\'")
        params[f"like{number}"] = like(word)
    column = list_query.column.removeprefix("labour_entry.")
    return await rows.page_of(db, STORED, "labour_entry", list_query, wanted, params, _made, lambda row: (getattr(row, column), row.id))


async def some(db: Db, scope: CompanyScope, ids: Sequence[str]) -> list[LabourEntry]:
    return await rows.some(db, STORED, ids, _made, scope, "labour_entry.company_id")


async def by_external_ids(db: Db, external_ids: Sequence[str]) -> dict[str, LabourEntry]:
    """Whatever company they belong to: for an import to compare with."""
    found = await db.all(f"SELECT {STORED.columns} FROM labour_entry WHERE external_id IN :ids", ids=list(external_ids))
    return {row["external_id"]: _entry(row) for row in found}


async def insert(tx: Db, entries: Iterable[LabourEntry], now: str) -> None:
    """Raises Conflict when an external id is taken."""
    await tx.many(STORED.insert, [STORED.values(entry, now, search=_search(entry)) for entry in entries])


async def update(tx: Db, entries: Iterable[LabourEntry], now: str) -> None:
    await tx.many(STORED.update, [STORED.values(entry, now, search=_search(entry)) for entry in entries])


async def save(tx: Db, entry: LabourEntry, now: str) -> bool:
    """False when the row has changed since `entry.version`. Raises Conflict as insert does."""
    return bool(await tx.run(STORED.update, **STORED.values(entry, now, search=_search(entry))))


async def delete(tx: Db, entry: LabourEntry) -> bool:
    """False when the row has changed, or is on a finalised invoice."""
    return bool(await tx.run(f"{STORED.delete} AND invoice_id IS NULL", id=entry.id, version=entry.version))


def _search(entry: LabourEntry) -> str:
    return folded(" ".join((entry.description, entry.ticket, entry.external_id or "")))


def _entry(row: dict[str, Any]) -> LabourEntry:
    return _made(**row)


def _made(**row: Any) -> LabourEntry:
    return LabourEntry(**row | {"billable": bool(row["billable"])})
