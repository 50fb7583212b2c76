"""Invoices as far as bills must know of them: which months are finalised, under which number, and what they drew from pools."""

from collections.abc import Sequence

from msgspec import Struct

from hmlib.db.database import Db


class InvoiceState(Struct, frozen=True, gc=False):
    """Where an agreement's bill for a month stands: status draft, approved or finalised; a number once finalised."""

    status: str
    number: str | None


async def invoice_states(db: Db, period: str, company_ids: Sequence[str] | None) -> dict[str, InvoiceState]:
    """By agreement, for one month; of all companies, or of some."""
    chosen = "TRUE" if company_ids is None else "company_id IN :ids"
    found = await db.all(
        f"SELECT agreement_id, status, number FROM invoice WHERE period = :period AND status <> 'void' AND {chosen}",
        period=period,
        ids=company_ids,
    )
    return {row["agreement_id"]: InvoiceState(row["status"], row["number"]) for row in found}


async def finalised(db: Db, company_ids: Sequence[str] | None) -> dict[str, dict[str, dict[str, int]]]:
    """By agreement and month, the hours (_e6) drawn by pool year; of all companies, or of some."""
    chosen = "TRUE" if company_ids is None else "invoice.company_id IN :ids"
    found = await db.all(
        f"""
        SELECT invoice.agreement_id, invoice.period, pool_draw.year, pool_draw.hours_e6
        FROM invoice LEFT JOIN pool_draw ON pool_draw.invoice_id = invoice.id
        WHERE invoice.status = 'finalised' AND {chosen}
        """,
        ids=company_ids,
    )
    months: dict[str, dict[str, dict[str, int]]] = {}
    for row in found:
        drawn = months.setdefault(row["agreement_id"], {}).setdefault(row["period"], {})
        if row["year"]:
            drawn[row["year"]] = drawn.get(row["year"], 0) + row["hours_e6"]
    return months
