"""Treasury's list of a month at 1,000 and at 10,000 companies: unchanged, and after one change. CPU time, without the call to Nexus."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import structs

from bench.table import Figure
from hmlib.db.database import Db, connect
from hmlib.db.migrate import migrate
from hmlib.nexus.directory import AssetFacts, CompanyFacts, ContactFacts, Summary
from hmlib.resources import records
from treasury_srv.app import MIGRATIONS
from treasury_srv.billing.facts import PRICE_RATES
from treasury_srv.catalogue.labour import LABOUR, LabourEntry
from treasury_srv.catalogue.line_items import LINE_ITEMS, LineItem
from treasury_srv.invoices.bills import Bills
from treasury_srv.invoices.gathering import RATE_COLUMNS
from treasury_srv.queries import agreements, plans, prices
from treasury_srv.settings import PREFERENCES

NOW, PERIOD, SIZES, ROUNDS = "2026-11-15T10:00:00.000000Z", "2026-10", (1_000, 10_000), 7
WARM_MS, CHANGED_MS = 10, 100


def figures() -> list[Figure]:
    found = []
    for size in SIZES:
        with TemporaryDirectory() as folder:
            warm, item, company = asyncio.run(measured(Path(folder), size))
        wanted = size == SIZES[-1]
        for work, milliseconds, limit in (
            ("unchanged", warm, WARM_MS),
            ("after one line item", item, CHANGED_MS),
            ("after one company of the directory", company, CHANGED_MS),
        ):
            found.append(Figure(f"list of {size:,} companies {work}", milliseconds, limit if wanted else None, "ms", at_most=True))
    return found


async def measured(folder: Path, size: int) -> tuple[float, float, float]:
    """Milliseconds of CPU for the list: warm, after a line item, after a company."""
    db = await connect(f"sqlite:///{folder}/treasury.db")
    await migrate(db, MIGRATIONS)
    await fill(db, size)
    directory, bills = Directory(size), Bills(db, PREFERENCES)

    async def nothing() -> None:
        return

    async def item() -> None:
        await db.run("UPDATE line_item SET unit_price_e4 = unit_price_e4 + 1 WHERE id = 'i7-0'")

    async def company() -> None:
        directory.rename(7)

    async def once(change: Callable[[], Awaitable[None]]) -> float:
        await change()
        began = time.process_time()
        lines = (await bills.of_period(PERIOD, directory.summary, NOW)).lines
        assert lines.ordered("name")[:25] and lines.totals and lines.plans
        return (time.process_time() - began) * 1000

    await once(nothing)
    found = [statistics.median([await once(change) for _ in range(ROUNDS)]) for change in (nothing, item, company)]
    await db.close()
    return found[0], found[1], found[2]


class Directory:
    """The directory's facts, of 20 devices and 10 people a company."""

    def __init__(self, size: int) -> None:
        self.number = size
        self.summary = Summary(NOW, [facts(number) for number in range(size)], '"0"')

    def rename(self, place: int) -> None:
        self.number += 1
        companies = list(self.summary.companies)
        companies[place] = structs.replace(companies[place], name=f"Company {self.number}", number=self.number)
        self.summary = Summary(NOW, companies, f'"{self.number}"')


def facts(number: int) -> CompanyFacts:
    assets = tuple(AssetFacts(f"a{number}-{n}", f"PC-{n}", "workstation", active_on="2025-01-01", backup_bytes=2**30) for n in range(20))
    contacts = tuple(ContactFacts(f"u{number}-{n}", f"User {n}") for n in range(10))
    return CompanyFacts(f"c{number}", str(100_000 + number), f"Company {number}", "active", assets, contacts, number)


async def fill(db: Db, size: int) -> None:
    """Four plans; an agreement, three line items and five labour entries a company."""
    async with db.write() as tx:
        for plan in range(4):
            await plans.insert(tx, [plans.Plan(id=f"p{plan}", name=f"Plan {plan}")], NOW)
            rates = {RATE_COLUMNS[name]: 100_000 for name in PRICE_RATES}
            version = prices.Price(id=f"v{plan}", plan_id=f"p{plan}", term="1_year", valid_from="2020-01-01", currency="USD", **rates)
            await prices.insert(tx, [version], NOW)
        shared = {"term": "1_year", "currency": "USD", "start_on": "2026-01-01"}
        await agreements.insert(
            tx, [agreements.Agreement(id=f"g{n}", company_id=f"c{n}", plan_id=f"p{n % 4}", **shared) for n in range(size)], NOW
        )
        each = [(n, place) for n in range(size) for place in range(5)]
        items = (
            LineItem(id=f"i{n}-{place}", company_id=f"c{n}", name=f"Item {place}", kind="recurring", unit_price_e4=99_500)
            for n, place in each
            if place < 3
        )
        await records.insert(tx, LINE_ITEMS, items, NOW)
        day = f"{PERIOD}-15T08:00:00.000000Z"
        hours = (LabourEntry(id=f"e{n}-{place}", company_id=f"c{n}", worked_at=day, hours_e6=1_000_000) for n, place in each)
        await records.insert(tx, LABOUR, hours, NOW)
