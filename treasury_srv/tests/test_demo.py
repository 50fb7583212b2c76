"""The demo's files go through the import, and make a book that shows everything."""

from datetime import date

import pytest

from hmlib.nexus.directory import AssetFacts, CompanyFacts, ContactFacts, Summary
from hmlib.records.audit import Actor
from hmlib.testing.imports import whole
from treasury_srv import demo
from treasury_srv.imports import files as imports
from treasury_srv.invoices.bills import Bills
from treasury_srv.settings import PREFERENCES
from treasury_srv.tests import seeds

TODAY = date(2026, 11, 15)


@pytest.fixture
def directory():
    def company(account):
        assets = [AssetFacts(f"a{account}{nn}", f"PC{nn}", "workstation", f"a-{account}-{nn:02}") for nn in range(1, 16)]
        contacts = [ContactFacts(f"c{account}{nn}", f"User {nn}", f"c-{account}-{nn:02}") for nn in range(1, 8)]
        return CompanyFacts(f"id-{account}", str(account), f"Company {account}", "active", assets, contacts)

    return seeds.Directory(Summary("2026-11-15T00:00:00.000000Z", [company(account) for account in demo.ACCOUNTS], '"1"'))


async def fill(db, directory, folder):
    found = {}
    for kind in imports.KINDS:
        raw = (folder / f"{kind}.csv").read_bytes()
        found[kind] = await whole(db, imports.IMPORTS, directory, kind, raw, f"{kind}.csv", actor=Actor("a", "alice"), now=seeds.NOW)
    return found


@pytest.mark.gen_test
async def test_the_demo_is_imported_without_an_error_and_twice(db, directory, tmp_path):
    demo.write(tmp_path, TODAY)
    first = await fill(db, directory, tmp_path)
    assert {kind: outcome.errors for kind, outcome in first.items() if outcome.errors} == {}
    assert first["prices"].created == 32 and first["labour"].created > 800
    second = await fill(db, directory, tmp_path)
    assert {(outcome.created, outcome.updated) for outcome in second.values()} == {(0, 0)}


@pytest.mark.gen_test
async def test_the_demo_shows_every_sort_of_agreement(db, directory, tmp_path):
    demo.write(tmp_path, TODAY)
    await fill(db, directory, tmp_path)
    month = await Bills(db, PREFERENCES).of_period("2026-10", directory.summary, seeds.NOW)
    companies = {int(one.account_number): one for one in month.companies}
    reasons = {account: one.refusal.code for account, one in companies.items() if one.refusal}
    assert reasons == {100_012: "ended", 100_013: "not_started", 100_026: "no_agreement", 100_039: "ended", 100_040: "no_agreement"}
    assert companies[100_007].sum.expired and not companies[100_018].sum.expired
    assert [one.plan for one in companies[100_015].agreements] == ["Essential", "Complete"]
    assert companies[100_021].sum.currency == "EUR"
    assert any(one.sum and one.sum.from_pool_e6 and one.sum.billable_e6 for one in companies.values())
    assert companies[100_026].uncovered_e6 > 0
    assert {one.sum.status for one in companies.values() if one.sum} == {"preview"}


@pytest.mark.parametrize("today", [date(2028, 2, 29), date(2027, 1, 1), date(2026, 12, 31)])
def test_the_demo_is_the_same_every_time_and_can_be_written_on_any_day(tmp_path, today):
    for folder in ("one", "two"):
        demo.write(tmp_path / folder, today)
    files = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert files == sorted(f"{kind}.csv" for kind in imports.KINDS)
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)
