"""From rows and the directory's answer to the facts that billing takes, company by company. Pure: no I/O."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from hmlib.nexus.directory import AssetFacts, CompanyFacts, ContactFacts, Summary
from treasury_srv.billing.facts import (
    IN_E6,
    PRICE_RATES,
    Agreement,
    Asset,
    Choice,
    Company,
    Contact,
    Entry,
    Facts,
    LineItem,
    ManualItem,
    Override,
    Plan,
    PriceVersion,
)
from treasury_srv.billing.periods import work_date
from treasury_srv.queries.book import Book, Rows

RATE_COLUMNS = {name: f"{name}_e6" if name in IN_E6 else f"{name}_e4" for name in PRICE_RATES}


def plans(book: Book) -> dict[str, Plan]:
    """The price lists by plan id."""
    features: dict[str, dict[str, str]] = defaultdict(dict)
    for row in book.features:
        features[row["plan_id"]][row["name"]] = row["label"]
    versions: dict[str, list[PriceVersion]] = defaultdict(list)
    for row in book.versions:
        rates = {name: row[column] for name, column in RATE_COLUMNS.items()}
        versions[row["plan_id"]].append(PriceVersion(row["id"], row["term"], row["valid_from"], row["currency"], rates))
    return {row["id"]: Plan(row["id"], row["name"], features[row["id"]], tuple(versions[row["id"]])) for row in book.plans}


def facts(book: Book, summary: Summary, zone: str) -> Iterator[Facts]:
    """What is known of each company of the directory, in its order; `zone` is the one that work is dated in."""
    agreements = _agreements(book)
    items = _by("company_id", book.items, LineItem)
    entries = _entries(book.entries, zone)
    assets, contacts = _choices(book.asset_overrides), _choices(book.contact_overrides)
    for company in summary.companies:
        id = company.id
        yield Facts(
            Company(id, company.account_number, company.name),
            tuple(agreements.get(id, ())),
            tuple(map(_asset, company.assets)),
            tuple(map(_contact, company.contacts)),
            assets,
            contacts,
            tuple(items.get(id, ())),
            tuple(entries.get(id, ())),
            book.finalised,
        )


def _agreements(book: Book) -> dict[str, list[Agreement]]:
    overrides = _by("agreement_id", book.overrides, Override)
    manual = _by("agreement_id", book.manual, ManualItem)
    found: dict[str, list[Agreement]] = defaultdict(list)
    for row in book.agreements:
        company_id, id = row.pop("company_id"), row["id"]
        found[company_id].append(Agreement(**row, overrides=tuple(overrides.get(id, ())), manual=tuple(manual.get(id, ()))))
    return found


def _by(column: str, rows: Iterable[dict[str, Any]], kind: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        owner = row.pop(column)
        found[owner].append(kind(**row))
    return found


def _entries(rows: Rows, zone: str) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = defaultdict(list)
    for row in rows:
        found[row["company_id"]].append(
            Entry(
                row["id"],
                work_date(row["worked_at"], zone),
                row["hours_e6"],
                bool(row["billable"]),
                row["description"],
                row["ticket"],
                row["invoice_id"],
            )
        )
    return found


def _choices(rows: Rows) -> dict[str, Choice]:
    return {row["id"]: Choice(row["billing_type"], row["price_e4"]) for row in rows}


def _asset(known: AssetFacts) -> Asset:
    return Asset(known.id, known.name, known.type, known.active_on, known.retired_on, known.backup_bytes)


def _contact(known: ContactFacts) -> Contact:
    return Contact(known.id, known.name, known.active, known.billable, known.exclusion_reason, known.active_on, known.ended_on)


def only(summary: Summary, company_id: str) -> CompanyFacts | None:
    """One company of the directory's answer, or None when the caller may not see it."""
    return next((company for company in summary.companies if company.id == company_id), None)
