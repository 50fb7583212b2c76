"""The bills of a month out of the database and the directory's answer."""

import asyncio

import msgspec
import pytest

from hmlib.db import change_numbers
from hmlib.db.engine import Conflict
from hmlib.testing.hub import ACME, GLOBEX
from treasury_srv.catalogue import billing_types, line_items, manual_items, overrides
from treasury_srv.invoices.bills import Bills
from treasury_srv.invoices.summaries import billing_summary, narrowed
from treasury_srv.queries import book
from treasury_srv.settings import PREFERENCES
from treasury_srv.tests import msp, seeds

pytestmark = pytest.mark.gen_test
NOW = seeds.NOW
CASE_B = {
    "assets": (seeds.asset("a1", "workstation", "0.5"), seeds.asset("a2", "server", "2"), seeds.asset("a3", "switch")),
    "contacts": (seeds.contact("u1"), seeds.contact("u2")),
}


@pytest.fixture
def bills(db):
    return Bills(db, PREFERENCES)


async def month(bills, period="2026-10", now=NOW, **known):
    return await bills.of_period(period, seeds.directory(**known), now)


async def test_a_month_of_the_book_and_its_answer(db, bills):
    await seeds.plan(db)
    await seeds.agreement(db, prepaid_hours_monthly_e6=msp.e6(4), prepaid_hours_yearly_e6=msp.e6(20))
    await seeds.work(db, 9, "2026-10-15T08:00:00.000000Z")
    found = await month(bills, **CASE_B)
    answer = msgspec.to_builtins(billing_summary(found.period, found.as_of, found.companies))
    assert answer["companies"][0] == {
        "company_id": ACME, "account_number": "100001", "name": "Acme Dental", "status": "preview", "reason": None,
        "plan": "Complete", "term": "1_year", "currency": "USD",
        "counts": {
            "users": 2, "free_users": 0, "custom_users": 0, "workstation": 1, "server": 1, "vm": 0, "switch": 1, "firewall": 0, "custom": 0,
            "no_charge": 0,
        },
        "hours": {"worked": "9", "allowance": "4", "from_pool": "5", "billable": "0", "pool_left": "15"},
        "backup_tb": "2.5",
        "amounts": {
            "devices": "135.00", "users": "100.00", "hours": "0.00", "backup": "82.50", "line_items": "0.00",
            "subtotal": "317.50", "tax": "0.00", "total": "317.50",
        },
        "invoice_number": None,
    }  # fmt: skip
    assert (answer["companies"][1]["status"], answer["companies"][1]["reason"]) == ("not_billable", "The company has no agreement.")
    assert answer["not_computed"] == []


async def test_fewer_fields_of_the_answer(db, bills):
    found = await month(bills)
    [_, globex] = narrowed(billing_summary(found.period, found.as_of, found.companies).companies, ["status"])
    assert globex == {"company_id": GLOBEX, "account_number": "100002", "status": "not_billable"}


async def test_a_missing_price_is_named(db, bills):
    await seeds.plan(db, "2026-12-01")
    await seeds.agreement(db)
    found = await month(bills)
    assert [one.account_number for one in billing_summary("2026-10", "", found.companies).not_computed] == ["100001"]


async def test_everything_of_the_book_reaches_the_bill(db, bills):
    await seeds.plan(db)
    terms = await seeds.agreement(db, tax_percent_e4=msp.e4(10))
    async with db.write() as tx:
        await tx.run("INSERT INTO plan_feature (plan_id, name, label) VALUES (:id, 'soc', '24 hours')", id=seeds.PLAN)
        await seeds.put(overrides.OVERRIDES)(
            tx, [overrides.Override(id="o1", agreement_id=terms.id, what="per_user", number=msp.e4(40))], NOW
        )
        manual = manual_items.ManualItem(
            id="m1", agreement_id=terms.id, kind="device", name="Camera", billing_type="custom", price_e4=msp.e4(5)
        )
        await seeds.put(manual_items.MANUAL_ITEMS)(tx, [manual], NOW)
        choice = billing_types.AssetOverride(asset_id="a2", company_id=ACME, billing_type="no_charge", price_e4=0)
        await seeds.put(billing_types.ASSET_OVERRIDES)(tx, [choice], NOW)
        person = billing_types.ContactOverride(contact_id="u2", company_id=ACME, billing_type="free", price_e4=0)
        await seeds.put(billing_types.CONTACT_OVERRIDES)(tx, [person], NOW)
        await seeds.put(line_items.LINE_ITEMS)(
            tx, [line_items.LineItem(id="i1", company_id=ACME, name="Fibre", kind="recurring", unit_price_e4=msp.e4("99.50"))], NOW
        )
    seen = await bills.of_company("2026-10", ACME, seeds.directory(**CASE_B), NOW)
    amounts = {line.key: line.amount_cents for line in seen.bill.bills[0].lines if line.group != "backup"}
    assert amounts == {
        **{"devices:workstation": 2000, "devices:switch": 1500, "devices:custom:m1": 500},
        **{"users:paid": 4000, "item:i1": 9950},
    }
    assert seen.bill.bills[0].features == {"soc": "24 hours"}
    assert seen.figures.sum.total_cents == (2000 + 1500 + 500 + 4000 + 9950 + 8250) * 11 // 10


async def test_work_is_dated_in_the_zone_of_the_settings(db, bills):
    await seeds.plan(db)
    await seeds.agreement(db)
    await seeds.work(db, 2, "2026-04-01T03:59:59.000000Z")
    async with db.write() as tx:
        await tx.run("INSERT INTO preference (key, value, updated_at) VALUES ('time_zone', 'America/New_York', :now)", now=NOW)
    found = [(await month(bills, period)).companies[0].sum.billable_e6 for period in ("2026-03", "2026-04")]
    assert found == [msp.e6(2), 0]


async def test_the_pool_looks_back_a_year(db, bills):
    await seeds.plan(db)
    await seeds.agreement(db, start_on="2025-11-20", prepaid_hours_yearly_e6=msp.e6(20))
    await seeds.work(db, 5, "2025-12-10T08:00:00.000000Z")
    await seeds.work(db, 3, "2026-10-10T08:00:00.000000Z")
    assert (await month(bills)).companies[0].sum.pool_left_e6 == msp.e6(12)
    assert (await month(bills, "2026-11")).companies[0].sum.pool_left_e6 == msp.e6(20)


async def test_a_finalised_month_passes_its_late_hours_on(db, bills):
    await seeds.plan(db)
    terms = await seeds.agreement(db, prepaid_hours_yearly_e6=msp.e6(20))
    invoice_id = await seeds.invoice(db, terms, "2026-08", drawn_e6=msp.e6(18))
    await seeds.work(db, 18, "2026-08-10T08:00:00.000000Z", invoice_id=invoice_id)
    await seeds.work(db, 5, "2026-08-20T08:00:00.000000Z")
    september = (await bills.of_company("2026-09", ACME, seeds.directory(), NOW)).bill.bills[0].hours
    assert (september.late_e6, september.late_from_pool_e6, september.pool_left_e6) == (msp.e6(5), msp.e6(2), 0)
    assert (await month(bills)).companies[0].sum.billable_e6 == 0


async def test_where_a_bill_stands_is_told(db, bills):
    await seeds.plan(db)
    terms = await seeds.agreement(db)
    number = await seeds.invoice(db, terms, "2026-10")
    found = (await month(bills)).companies[0]
    assert (found.status, found.sum.number) == ("finalised", number)


async def test_one_statement_more_for_a_company_more_there_is_not(db, bills):
    await seeds.plan(db)
    await seeds.agreement(db)
    await month(bills)

    async def after(*years):
        for year in years:
            await seeds.agreement(db, GLOBEX, f"{year}-01-01", ended_on=f"{year}-02-01")
        before = db.statements
        await month(bills)
        return db.statements - before

    assert await after(2010) == await after(2011, 2012, 2013, 2014, 2015) <= 18


async def test_figures_are_remembered_until_anything_changes(db, bills):
    await seeds.plan(db)
    terms = await seeds.agreement(db)
    known = seeds.directory(**CASE_B)
    first = await bills.of_period("2026-10", known, NOW)
    assert await bills.of_period("2026-10", known, NOW) is first
    async with db.write() as tx:
        await seeds.put(overrides.OVERRIDES)(tx, [overrides.Override(id="o1", agreement_id=terms.id, what="per_user", number=0)], NOW)
    second = await bills.of_period("2026-10", known, NOW)
    assert (first.companies[0].sum.total_cents - second.companies[0].sum.total_cents, first.etag == second.etag) == (10000, False)


async def test_figures_of_one_directory_are_not_shown_for_another(db, bills):
    everything, acme_alone = seeds.directory(), seeds.directory()
    del acme_alone.companies[1]
    assert len((await bills.of_period("2026-10", everything, NOW)).companies) == 2
    assert len((await bills.of_period("2026-10", acme_alone, NOW)).companies) == 1


async def test_many_who_ask_at_once_wait_for_the_same_work(db, bills):
    known = seeds.directory()
    first = asyncio.create_task(bills.of_period("2026-10", known, NOW))
    await asyncio.sleep(0)
    others = [asyncio.create_task(bills.of_period("2026-10", known, NOW)) for _ in range(4)]
    first.cancel()
    found = await asyncio.gather(*others)
    assert all(one is found[0] for one in found)


async def test_the_running_month_follows_the_day(db, bills):
    await seeds.plan(db)
    await seeds.agreement(db)
    assets = (seeds.asset("a1", active_on="2026-11-15"),)
    before = await month(bills, "2026-11", "2026-11-14T23:59:59.000000Z", assets=assets)
    after = await month(bills, "2026-11", "2026-11-15T00:00:00.000000Z", assets=assets)
    assert [one.companies[0].sum.counts["workstation"] for one in (before, after)] == [0, 1]


async def test_a_company_month_explains_what_changed(db, bills):
    await seeds.plan(db, "2020-01-01", "2026-10-01")
    await seeds.agreement(db, ended_on="2026-10-01")
    second = await seeds.agreement(db, start_on="2026-10-01")
    assets = (seeds.asset("a1"), seeds.asset("a2", active_on="2026-10-05"))
    seen = await bills.of_company("2026-10", ACME, seeds.directory(assets=assets), NOW)
    assert (seen.changes[second.id].quantity_cents, seen.changes[second.id].total_cents) == (2000, 2000)
    assert [one.change for one in seen.bill.bills[0].devices] == ["", "joined"]


async def test_a_company_out_of_sight_is_not_there(db, bills):
    assert await bills.of_company("2026-10", "018f0000-0000-7000-8000-0000000000ff", seeds.directory(), NOW) is None
    with pytest.raises(ValueError, match="month"):
        await month(bills, "2026-13")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE plan SET name = 'x'",
        "UPDATE price_version SET per_user_e4 = 1",
        "DELETE FROM price_version",
        "UPDATE agreement SET due_days = 1",
        "DELETE FROM labour_entry",
    ],
)
async def test_no_change_goes_uncounted(db, change):
    await seeds.plan(db)
    await seeds.agreement(db)
    await seeds.work(db, 1, "2026-10-01T08:00:00.000000Z")
    before = await change_numbers.latest(db)
    await db.run(change)
    assert await change_numbers.latest(db) > before


async def test_a_second_bill_for_the_same_thing_is_impossible(db):
    await seeds.plan(db)
    terms = await seeds.agreement(db)
    await seeds.invoice(db, terms, "2026-10", "void")
    await seeds.invoice(db, terms, "2026-10", "draft")
    with pytest.raises(Conflict):
        await seeds.invoice(db, terms, "2026-10")


async def test_a_bill_sees_the_whole_of_a_change_or_nothing_of_it(db, bills):
    """A plan's name and hours that change in one transaction: the first and nearly the last that the book reads."""
    await seeds.plan(db, name="0")
    entry = await seeds.work(db, 0, "2026-10-15T08:00:00.000000Z")
    over = asyncio.Event()

    async def change():
        count = 0
        while not over.is_set():
            count += 1
            async with db.write() as tx:
                await tx.run("UPDATE plan SET name = :name WHERE id = :id", name=str(count), id=seeds.PLAN)
                await tx.run("UPDATE labour_entry SET hours_e6 = :count WHERE id = :id", count=count, id=entry.id)

    async def apart():
        spans = ("2025-10-01T00:00:00.000000Z", "2026-10-01T00:00:00.000000Z", "2026-11-01T00:00:00.000000Z")
        seen = await book.of_period(db, "2026-10", spans)
        return int(seen.plans[0]["name"]) - seen.entries[0]["hours_e6"]

    writer = asyncio.create_task(change())
    try:
        assert {await apart() for _ in range(60)} == {0}
    finally:
        over.set()
        await writer


async def test_the_book_tells_for_which_count_of_changes_it_is_true(db, bills):
    await seeds.plan(db)
    spans = ("2025-10-01T00:00:00.000000Z", "2026-10-01T00:00:00.000000Z", "2026-11-01T00:00:00.000000Z")
    before = (await book.of_period(db, "2026-10", spans)).version
    await seeds.agreement(db)
    after = (await book.of_period(db, "2026-10", spans)).version
    assert before < after == await change_numbers.latest(db)


async def test_the_same_count_of_changes_after_a_restore_is_another_state(db):
    """A restore goes back in the count, which then comes by the same numbers with other hours."""
    tags = [(await month(Bills(db, PREFERENCES, epoch))).etag for epoch in ("a", "a", "b")]
    assert tags[0] == tags[1] != tags[2]
