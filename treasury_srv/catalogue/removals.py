"""What is deleted by which name, and what stands in the way of it, in words: what cannot be done is not offered."""

from typing import Any

from hmlib.db.database import Db
from treasury_srv.catalogue import rules
from treasury_srv.catalogue.kinds import AGREEMENTS, PLANS, PRICES, Noun
from treasury_srv.invoices.labels import TERMS
from treasury_srv.queries import agreements, plans


def called(noun: Noun[Any], record: Any, title: str) -> str:
    """The thing in a question: "the plan Gold", "2.5 hours of 2026-11-03"."""
    if noun is PRICES:
        return f"the prices from {record.valid_from} ({TERMS[record.term]})"
    name = getattr(record, "name", "") or title.removeprefix("Edit the ").removeprefix("Edit ")
    return f"the {noun.title} {name}" if getattr(record, "name", "") else name[:1].lower() + name[1:]


async def hindrance(db: Db, noun: Noun[Any], record: Any, today: str) -> str:
    """Why it cannot be deleted, in one sentence; "" when it can."""
    if noun is PRICES:
        return await rules.rewriting(db, record, None, today)
    if noun is PLANS:
        return _belong(await plans.held_by(db, record.id), "End the agreements and keep the plan for what it was billed by.")
    if noun is AGREEMENTS:
        return _belong(await agreements.held_by(db, record.id), "End it instead.")
    return ""


def _belong(counts: dict[str, int], instead: str) -> str:
    """The counts by their singular, in words."""
    parts = [f"{count:,} {name}{'s' if count != 1 else ''}" for name, count in counts.items() if count]
    if not parts:
        return ""
    return f"{' and '.join(parts)} belong{'s' if list(filter(None, counts.values())) == [1] else ''} to it. {instead}"
