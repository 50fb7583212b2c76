"""A month that is brought up to date by what has changed is, after any sequence of changes, the month that is computed from nothing."""

import contextlib
import random

import msgspec
import pytest

from hmlib.clock import new_id
from hmlib.db.engine import Conflict
from hmlib.nexus.directory import CompanyFacts, Summary
from treasury_srv.catalogue import billing_types, line_items, manual_items, overrides
from treasury_srv.invoices.bills import Bills
from treasury_srv.settings import PREFERENCES
from treasury_srv.tests import msp, seeds

pytestmark = pytest.mark.gen_test

NOW, PERIODS = seeds.NOW, ("2026-10", "2026-11")
COMPANIES = [f"018f0000-0000-7000-8000-0000000001{n:02x}" for n in range(6)]
PLANS = [f"018f0000-0000-7000-8000-00000000b0{n:02x}" for n in range(3)]
ASSETS, PEOPLE = [f"a{n}" for n in range(8)], [f"p{n}" for n in range(6)]
ITEM = dict(kind="recurring", unit_price_e4=msp.e4(10))


class Directory:
    """A directory that counts its changes, or an old one that does not."""

    def __init__(self, *, counts):
        self.counts, self.number, self.moves = counts, 0, 0
        self.companies = {id: CompanyFacts(id, str(100_000 + n), f"Company {n}", "active") for n, id in enumerate(COMPANIES)}

    def change(self, chance):
        """A device or a person comes, goes, moves, is shared or changes; a company is renamed."""
        self.moves += 1
        one, other = (self.companies[id] for id in chance.sample(COMPANIES, 2))
        what = chance.randrange(5)
        if what == 0:
            self._put(msgspec.structs.replace(one, name=f"Name {self.moves}"))
        elif what == 1:
            asset = seeds.asset(chance.choice(ASSETS), chance.choice(["workstation", "server", "switch"]), chance.choice(["0", "1.5"]))
            self._everywhere("assets", asset.id)
            self._put(msgspec.structs.replace(self.companies[one.id], assets=[*self.companies[one.id].assets, asset]))
        elif what == 2:
            self._everywhere("assets", chance.choice(ASSETS))
        else:
            person = seeds.contact(chance.choice(PEOPLE), billable=chance.random() < 0.8)
            self._everywhere("contacts", person.id)
            homes = [one.id] if what == 3 else [one.id, other.id]
            for id in homes:
                self._put(msgspec.structs.replace(self.companies[id], contacts=[*self.companies[id].contacts, person]))

    def _everywhere(self, part, id):
        for company in list(self.companies.values()):
            if any(thing.id == id for thing in getattr(company, part)):
                self._put(msgspec.structs.replace(company, **{part: [thing for thing in getattr(company, part) if thing.id != id]}))

    def _put(self, company):
        self.number += 1
        self.companies[company.id] = msgspec.structs.replace(company, number=self.number if self.counts else -1)

    def seen(self, ids=COMPANIES):
        return Summary("2026-11-15T09:59:00.000000Z", [self.companies[id] for id in ids], f'"{self.number}-{len(ids)}"')


async def some_change(db, chance):
    """Whatever can happen in Treasury, in whatever order; most of it to rows that are there."""
    company, plan = chance.choice(COMPANIES), chance.choice(PLANS)
    agreement = await _any(db, chance, "SELECT id FROM agreement")
    amount, day = chance.randrange(1, 90), f"2026-{chance.choice(['09', '10', '11'])}-{chance.randrange(1, 28):02d}"
    at, id = f"{day}T08:00:00.000000Z", new_id()

    async def agree():
        if await db.value("SELECT 1 FROM agreement WHERE company_id = :company", company=company) is None:
            await seeds.agreement(db, company, plan_id=plan, prepaid_hours_yearly_e6=msp.e6(chance.choice([0, 20])))

    async def insert(add, record):
        async with db.write() as tx:
            await add(tx, [record], NOW)

    async def run(table, sql):
        some = await _any(db, chance, f"SELECT id FROM {table}")
        await db.run(sql, some=some, amount=amount, company=company, plan=plan, id=id)

    async def replaced(table, key, key_id, add, record):
        await db.run(f"DELETE FROM {table} WHERE {key} = :id", id=key_id)
        await insert(add, record)

    async def invoice():
        row = await db.one("SELECT id, company_id FROM agreement WHERE id = :id", id=agreement)
        taken = await db.value("SELECT 1 FROM invoice WHERE agreement_id = :id AND period = '2026-10'", id=agreement)
        if row and not taken:
            terms = type("Terms", (), {"id": row["id"], "company_id": row["company_id"]})
            await seeds.invoice(db, terms, "2026-10", drawn_e6=chance.choice([0, msp.e6(2)]))

    item = line_items.LineItem(id=id, company_id=company, name=id, **ITEM)
    what = chance.choice(["per_user", "per_workstation", "plan"])
    override = overrides.Override(
        id=id, agreement_id=agreement or "", what=what, number=msp.e4(amount), text=plan if what == "plan" else "", valid_from=day
    )
    manual = manual_items.ManualItem(
        id=id, agreement_id=agreement or "", kind="device", name=id, billing_type="custom", price_e4=msp.e4(amount)
    )
    asset = billing_types.AssetOverride(
        asset_id=chance.choice(ASSETS), company_id=company, billing_type=chance.choice(["custom", "no_charge", "server"]), price_e4=amount
    )
    person = billing_types.ContactOverride(contact_id=chance.choice(PEOPLE), company_id=company, billing_type="free", price_e4=0)
    either = agree if agreement is None else None
    changes = [
        *[agree] * 3,
        *[lambda: seeds.work(db, amount, at, company)] * 2,
        *[lambda: insert(seeds.put(line_items.LINE_ITEMS), item)] * 2,
        lambda: run("line_item", "UPDATE line_item SET unit_price_e4 = :amount, company_id = :company WHERE id = :some"),
        lambda: run("line_item", "DELETE FROM line_item WHERE id = :some"),
        lambda: run("labour_entry", "UPDATE labour_entry SET company_id = :company, hours_e6 = :amount WHERE id = :some"),
        lambda: run("labour_entry", "DELETE FROM labour_entry WHERE id = :some"),
        lambda: run("plan", "UPDATE price_version SET per_user_e4 = :amount WHERE plan_id = :plan"),
        lambda: run("plan", "UPDATE plan SET name = :id, folded = :id WHERE id = :plan"),
        lambda: run("agreement", "UPDATE agreement SET plan_id = :plan WHERE id = :some"),
        lambda: run("agreement", "UPDATE agreement SET ended_on = '2026-11-01' WHERE id = :some"),
        lambda: run("agreement", "DELETE FROM agreement WHERE id = :some AND id NOT IN (SELECT agreement_id FROM invoice)"),
        lambda: run("agreement_override", "DELETE FROM agreement_override WHERE id = :some"),
        lambda: run("invoice", "UPDATE invoice SET status = 'void' WHERE id = :some"),
        lambda: db.run("DELETE FROM asset_override WHERE asset_id = :id", id=asset.asset_id),
        lambda: replaced("asset_override", "asset_id", asset.asset_id, seeds.put(billing_types.ASSET_OVERRIDES), asset),
        lambda: replaced("contact_override", "contact_id", person.contact_id, seeds.put(billing_types.CONTACT_OVERRIDES), person),
        either or invoice,
        either or (lambda: insert(seeds.put(overrides.OVERRIDES), override)),
        either or (lambda: insert(seeds.put(manual_items.MANUAL_ITEMS), manual)),
    ]
    with contextlib.suppress(Conflict):
        await chance.choice(changes)()


async def _any(db, chance, sql):
    rows = await db.all(sql)
    return chance.choice(sorted(row["id"] for row in rows)) if rows else None


@pytest.mark.parametrize("seed", range(6))
async def test_after_any_sequence_of_changes_it_is_the_month_from_nothing(db, seed):
    chance = random.Random(seed)
    directory, kept = Directory(counts=seed % 2 == 0), Bills(db, PREFERENCES)
    for number, plan in enumerate(PLANS):
        await seeds.plan(db, id=plan, name=f"Plan {number}")
    for _ in range(70):
        for _ in range(chance.randint(1, 3)):
            directory.change(chance) if chance.random() < 0.3 else await some_change(db, chance)
        period = chance.choice(PERIODS)
        seen = directory.seen(COMPANIES if chance.random() < 0.7 else COMPANIES[:2])
        found = await kept.of_period(period, seen, NOW)
        assert found.companies == (await Bills(db, PREFERENCES).of_period(period, seen, NOW)).companies


@pytest.fixture
def book(db, io_loop):
    """Forty companies on two plans, and their month as one process keeps it."""
    ids = [f"018f0000-0000-7000-8000-0000000002{n:02x}" for n in range(40)]

    async def fill():
        for number, plan in enumerate(PLANS[:2]):
            await seeds.plan(db, id=plan, name=f"Plan {number}")
        for number, id in enumerate(ids):
            await seeds.agreement(db, id, plan_id=PLANS[number % 2])
        await kept.of_period("2026-10", summary, NOW)

    assets = [[seeds.asset(f"x{n}")] for n in range(40)]
    companies = [CompanyFacts(id, str(200_000 + n), f"C {n}", "active", assets[n], number=n) for n, id in enumerate(ids)]
    summary, kept = Summary("2026-11-15T09:59:00.000000Z", companies, '"1"'), Bills(db, PREFERENCES)
    io_loop.run_sync(fill)
    return kept, summary, ids


def worked_out(bills):
    return sum(month.worked_out for _, month in bills._months.items())


@pytest.mark.parametrize(
    ("change", "companies"),
    [
        ("INSERT INTO line_item (id, company_id, name, folded, kind, quantity_e6, unit_price_e4, created_at, updated_at) "
         "VALUES ('i', :company, 'x', 'x', 'recurring', 1, 1, :now, :now)", 1),
        ("INSERT INTO labour_entry (id, company_id, worked_at, hours_e6, created_at, updated_at) "
         "VALUES ('e', :company, '2026-10-05T08:00:00.000000Z', 1000000, :now, :now)", 1),
        ("INSERT INTO agreement_override (id, agreement_id, what, number, created_at, updated_at) "
         "SELECT 'o', id, 'per_user', 1, :now, :now FROM agreement WHERE company_id = :company", 1),
        ("INSERT INTO asset_override (asset_id, company_id, billing_type, created_at, updated_at) "
         "VALUES ('x3', :company, 'server', :now, :now)", 1),
        ("UPDATE price_version SET per_user_e4 = 7 WHERE plan_id IN (SELECT plan_id FROM agreement WHERE company_id = :company)", 20),
        ("INSERT INTO tombstone (noun, id, company_id, deleted_at) VALUES ('plan', 'x', :company, :now)", 0),
    ],
)  # fmt: skip
async def test_t20_one_change_works_out_what_it_touches(db, book, change, companies):
    """In each process alike: both follow the database by number."""
    kept, summary, ids = book
    other = Bills(db, PREFERENCES)
    await other.of_period("2026-10", summary, NOW)
    before = [worked_out(bills) for bills in (kept, other)]
    async with db.write() as tx:
        await tx.run(change, **({"company": ids[3]} | ({"now": NOW} if ":now" in change else {})))
    for bills in (kept, other):
        await bills.of_period("2026-10", summary, NOW)
        await bills.of_period("2026-10", summary, NOW)
    assert [worked_out(bills) - count for bills, count in zip((kept, other), before, strict=True)] == [companies, companies]


async def test_t20_one_company_of_the_directory_that_changes_is_worked_out_alone(db, book):
    kept, summary, _ = book
    before = worked_out(kept)
    companies = list(summary.companies)
    companies[5] = msgspec.structs.replace(companies[5], assets=[], number=99)
    found = await kept.of_period("2026-10", msgspec.structs.replace(summary, companies=companies, etag='"2"'), NOW)
    assert worked_out(kept) - before == 1
    assert [one.sum.counts["workstation"] for one in found.companies[4:7]] == [1, 0, 1]


async def test_somebody_who_sees_less_works_out_nothing_anew(db, book):
    kept, summary, _ = book
    before = worked_out(kept)
    found = await kept.of_period("2026-10", msgspec.structs.replace(summary, companies=summary.companies[:7], etag='"3"'), NOW)
    assert len(found.companies) == 7 and worked_out(kept) == before
