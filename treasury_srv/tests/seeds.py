"""Rows for tests of the data layer: a plan with prices, agreements, and a directory that counts."""

from decimal import Decimal

from hmlib.clock import new_id
from hmlib.nexus.directory import AssetFacts, CompanyFacts, ContactFacts, Summary
from hmlib.resources import records
from hmlib.testing.hub import ACME, GLOBEX
from treasury_srv.catalogue import agreements, labour, plans, prices
from treasury_srv.invoices.gathering import RATE_COLUMNS
from treasury_srv.tests import msp

NOW = "2026-11-15T10:00:00.000000Z"
PLAN = "018f0000-0000-7000-8000-00000000a001"


def put(of):
    """Stores records of a kind."""
    return lambda tx, rows, now: records.insert(tx, of, rows, now)


async def plan(db, *versions, id=PLAN, name="Complete", **rates):
    """A plan with the rates of the worked cases, from 2020 on or from the days of `versions`."""
    scaled = msp.rates(**rates)
    columns = {column: scaled[rate] for rate, column in RATE_COLUMNS.items()}
    async with db.write() as tx:
        await records.insert(tx, plans.PLANS, [plans.Plan(id=id, name=name)], NOW)
        await records.insert(
            tx,
            prices.PRICES,
            [
                prices.Price(id=new_id(), plan_id=id, term="1_year", valid_from=day, currency="USD", **columns)
                for day in versions or ("2020-01-01",)
            ],
            NOW,
        )


async def agreement(db, company_id=ACME, start_on="2026-01-01", **other):
    """An agreement for one year; hours are given as numbers."""
    known = agreements.Agreement(
        **{"id": new_id(), "plan_id": PLAN, "term": "1_year", "currency": "USD"} | other, company_id=company_id, start_on=start_on
    )
    async with db.write() as tx:
        await records.insert(tx, agreements.AGREEMENTS, [known], NOW)
    return known


async def work(db, hours, worked_at, company_id=ACME, **other):
    entry = labour.LabourEntry(
        **{"id": new_id(), "external_id": new_id()} | other, company_id=company_id, worked_at=worked_at, hours_e6=msp.e6(hours)
    )
    async with db.write() as tx:
        await records.insert(tx, labour.LABOUR, [entry], NOW)
    return entry


async def invoice(db, known, period, status="finalised", drawn_e6=0):
    """A finalised month, and what it drew from the pool year of 2026."""
    id = new_id()
    async with db.write() as tx:
        await tx.run(
            """
            INSERT INTO invoice (id, company_id, agreement_id, period, status, number, created_at, updated_at)
            VALUES (:id, :company_id, :agreement_id, :period, :status, :id, :now, :now)
            """,
            id=id, company_id=known.company_id, agreement_id=known.id, period=period, status=status, now=NOW,
        )  # fmt: skip
        if drawn_e6:
            await tx.run(
                "INSERT INTO pool_draw (invoice_id, year, hours_e6, line_key) VALUES (:id, '2026-01', :drawn, 'hours:pool')",
                id=id, drawn=drawn_e6,
            )  # fmt: skip
    return id


def asset(id="a1", type="workstation", tb="0", **other):
    return AssetFacts(id, f"pc-{id}", type, external_id=f"ext-{id}", backup_bytes=int(Decimal(tb) * msp.TB), **other)


def contact(id="u1", **other):
    return ContactFacts(id, f"User {id}", external_id=f"ext-{id}", **other)


def directory(*, assets=(), contacts=(), etag='"1"'):
    """Acme with these, and Globex with nothing."""
    return Summary(
        "2026-11-15T09:59:00.000000Z",
        [
            CompanyFacts(ACME, "100001", "Acme Dental", "active", list(assets), list(contacts)),
            CompanyFacts(GLOBEX, "100002", "Globex Freight", "active"),
        ],
        etag,
    )


class Directory:
    """A directory that answers the billing summary, and counts how often."""

    def __init__(self, summary):
        self.summary, self.asked = summary, 0

    async def billing_summary(self, ids=None):
        self.asked += 1
        return self.summary
