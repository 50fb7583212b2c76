"""Files into Treasury: what each kind means, that it can be repeated, and that a bad row is named."""

import pytest

from hmlib.auth.permissions import CompanyScope
from hmlib.records import audit
from hmlib.records.audit import Actor
from hmlib.resources import records
from hmlib.testing.hub import ACME, GLOBEX
from hmlib.testing.imports import whole
from treasury_srv.catalogue import agreements, billing_types, labour, line_items, overrides, plans, prices
from treasury_srv.imports import files
from treasury_srv.tests import msp, seeds

pytestmark = pytest.mark.gen_test
EVERYONE = CompanyScope()
CAROL = Actor("u-carol", "carol")
RATES = ",".join(("per_user", "per_workstation", "per_server", "per_vm", "per_switch", "per_firewall", "per_hour")) + (
    ",backup_base_workstation,backup_base_server,backup_included_tb,backup_per_tb"
)
PRICES = f"plan,term,valid_from,{RATES}\nComplete,1_year,2026-01-01,50,20,100,80,15,25,150,25,50,1,15\n"
TERMS = "company_account_number,start_on,plan,term"


@pytest.fixture
def bring(db):
    """Import a text as a file of a kind."""

    async def imported(kind, text, **options):
        directory = seeds.Directory(seeds.directory(assets=(seeds.asset("a1"), seeds.asset("a2")), contacts=(seeds.contact("u1"),)))
        return await whole(db, files.IMPORTS, directory, kind, text.encode(), f"{kind}.csv", actor=CAROL, now=seeds.NOW, **options)

    return imported


def counts(outcome):
    return outcome.created, outcome.updated, outcome.unchanged, [(error.line, error.column) for error in outcome.errors]


async def test_prices_make_their_plan_and_can_be_repeated(db, bring):
    assert counts(await bring("prices", PRICES)) == (1, 0, 0, [])
    assert counts(await bring("prices", PRICES.replace("Complete", "complete"))) == (0, 0, 1, [])
    assert counts(await bring("prices", PRICES.replace(",50,", ",52.5,"))) == (0, 1, 0, [])
    assert [plan.name for plan in await plans.everything(db)] == ["Complete"]
    assert [(price.per_user_e4, price.currency) for price in await prices.everything(db)] == [(525000, "USD")]


async def test_an_empty_rate_is_an_error_and_zero_is_a_value(db, bring):
    assert counts(await bring("prices", PRICES.replace(",1,15", ",,15"))) == (0, 0, 0, [(2, "backup_included_tb")])
    assert await plans.everything(db) == []
    assert counts(await bring("prices", PRICES.replace(",1,15", ",0,15")))[0] == 1


@pytest.mark.parametrize("wrong", ["50.00001", "-1", "abc", "1e99"])
async def test_a_rate_that_is_no_price_is_named(bring, wrong):
    outcome = await bring("prices", PRICES.replace(",50,", f",{wrong},", 1))
    assert counts(outcome)[3] == [(2, "per_user")]
    if wrong == "50.00001":
        assert outcome.errors[0].message == "The value has more than 4 decimals."


async def test_a_currency_that_does_not_exist_is_named(bring):
    text = PRICES.replace("valid_from,", "valid_from,currency,").replace("2026-01-01,", "2026-01-01,XYZ,")
    assert counts(await bring("prices", text))[3] == [(2, "currency")]


async def test_agreements_have_derived_ends_and_defaults(db, bring):
    await bring("prices", PRICES)
    assert counts(
        await bring("agreements", f"{TERMS}\n100001,2024-02-29,Complete,1_year\n100002,2026-05-01,complete,month_to_month\n")
    ) == (
        *(2, 0, 0),
        [],
    )
    found = {one.company_id: one for one in await agreements.of_companies(db, [ACME, GLOBEX])}
    assert (found[ACME].end_on, found[ACME].currency, found[ACME].due_days) == ("2025-02-27", "USD", 30)
    assert found[GLOBEX].end_on is None


async def test_an_agreement_is_read_with_all_its_numbers(db, bring):
    await bring("prices", PRICES)
    text = (
        f"{TERMS},proration,prepaid_hours_monthly,prepaid_hours_yearly,minimum_hours_per_entry,rounding_hours,tax_percent,due_days\n"
        "100001,2026-01-01,Complete,1_year,daily,4,20.5,0.25,0.25,8.875,14\n"
    )
    await bring("agreements", text)
    one = (await agreements.of_companies(db, [ACME]))[0]
    assert (one.proration, one.prepaid_hours_monthly_e6, one.prepaid_hours_yearly_e6) == ("daily", msp.e6(4), msp.e6("20.5"))
    assert (one.minimum_hours_e6, one.rounding_hours_e6, one.tax_percent_e4, one.due_days) == (250_000, 250_000, 88_750, 14)
    assert counts(await bring("agreements", text)) == (0, 0, 1, [])
    assert counts(await bring("agreements", f"{TERMS}\n100001,2026-01-01,Complete,1_year\n")) == (0, 0, 1, [])


async def test_a_renewal_ends_the_agreement_whose_term_is_over(db, bring):
    await bring("prices", PRICES)
    rows = "100001,2026-01-01,Complete,1_year\n100001,2025-01-01,Complete,1_year\n"
    assert counts(await bring("agreements", f"{TERMS}\n{rows}")) == (2, 0, 0, [])
    assert [one.ended_on for one in await agreements.of_companies(db, [ACME])] == ["2026-01-01", None]
    assert counts(await bring("agreements", f"{TERMS}\n{rows}")) == (0, 0, 2, [])
    assert counts(await bring("agreements", f"{TERMS}\n100001,2027-01-01,Complete,1_year\n")) == (1, 1, 0, [])
    assert [one.ended_on for one in await agreements.of_companies(db, [ACME])] == ["2026-01-01", "2027-01-01", None]


async def test_two_agreements_in_force_on_one_day_are_refused(db, bring):
    await bring("prices", PRICES)
    await bring("agreements", f"{TERMS}\n100001,2026-01-01,Complete,1_year\n")
    for day in ("2026-06-01", "2025-06-01"):
        outcome = await bring("agreements", f"{TERMS}\n100001,{day},Complete,1_year\n")
        assert (counts(outcome), outcome.applied) == ((0, 0, 0, [(2, "start_on")]), False)


async def test_wrong_agreements_are_named_and_the_good_ones_wait(db, bring):
    await bring("prices", PRICES)
    text = f"{TERMS}\n100001,2026-01-01,Complete,1_year\n999999,2026-01-01,Complete,1_year\n100002,2026-01-01,Nothing,1_year\n"
    text += "100002,2026-02-01,Complete,2 years\n"
    named = [(3, "company_account_number"), (4, "plan"), (5, "term")]
    assert counts(await bring("agreements", text)) == (0, 0, 0, named)
    assert counts(await bring("agreements", text, dry_run=True)) == (1, 0, 0, named)
    assert await agreements.of_companies(db, [ACME]) == []
    outcome = await bring("agreements", text, valid_only=True)
    assert (counts(outcome), outcome.applied) == ((1, 0, 0, named), True)


async def test_overrides_of_rates_plans_and_prepaid_hours(db, bring):
    await bring("prices", PRICES)
    await bring("agreements", f"{TERMS}\n100001,2026-01-01,Complete,1_year\n")
    text = (
        "company_account_number,what,valid_from,value,valid_to\n100001,per_user,,45.5,\n100001,Plan,2026-05-01,Complete,2026-06-01\n"
        "100001,prepaid_hours_yearly,2026-03-01,40,\n100001,backup_included_tb,2026-03-01,0,\n"
    )
    assert counts(await bring("overrides", text)) == (4, 0, 0, [])
    assert counts(await bring("overrides", text)) == (0, 0, 4, [])
    assert counts(await bring("overrides", text.replace("45.5", "45"))) == (0, 1, 3, [])
    terms = (await agreements.of_companies(db, [ACME]))[0]
    stored = {one.what: one for one in await overrides.of_agreements(db, [terms.id])}
    plan = (await plans.everything(db))[0]
    assert (stored["per_user"].number, stored["plan"].text, stored["plan"].valid_to) == (450_000, plan.id, "2026-06-01")
    assert (stored["prepaid_hours_yearly"].number, stored["backup_included_tb"].number) == (msp.e6(40), 0)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("100002,per_user,,45,", "valid_from"),
        ("100001,per_user,,cheap,", "value"),
        ("100001,plan,,Nothing,", "value"),
        ("100001,per_mouse,,1,", "what"),
        ("100001,per_user,2026-05-01,1,2026-05-01", "valid_to"),
    ],
)
async def test_wrong_overrides_are_named(bring, row, column):
    await bring("prices", PRICES)
    await bring("agreements", f"{TERMS}\n100001,2026-01-01,Complete,1_year\n")
    outcome = await bring("overrides", f"company_account_number,what,valid_from,value,valid_to\n{row}\n")
    assert counts(outcome) == (0, 0, 0, [(2, column)])


async def test_an_override_belongs_to_the_agreement_of_its_day(db, bring):
    await bring("prices", PRICES)
    await bring("agreements", f"{TERMS}\n100001,2025-01-01,Complete,1_year\n100001,2026-01-01,Complete,1_year\n")
    text = "company_account_number,what,valid_from,value\n100001,per_user,2025-03-01,40\n100001,per_user,2026-03-01,41\n"
    await bring("overrides", text)
    first, second = await agreements.of_companies(db, [ACME])
    found = {one.agreement_id: one.number for one in await overrides.of_agreements(db, [first.id, second.id])}
    assert found == {first.id: 400_000, second.id: 410_000}


async def test_billing_types_of_devices_and_people(db, bring):
    text = "asset_external_id,billing_type,price\next-a1,custom,12.34\next-a2,no_charge,\n"
    assert counts(await bring("asset-overrides", text)) == (2, 0, 0, [])
    assert counts(await bring("asset-overrides", text.replace("12.34", "12.35"))) == (0, 1, 1, [])
    stored = {one.asset_id: one for one in await records.by_ids(db, billing_types.ASSET_OVERRIDES, EVERYONE, ["a1", "a2"])}
    assert {id: (one.billing_type, one.price_e4) for id, one in stored.items()} == {"a1": ("custom", 123_500), "a2": ("no_charge", 0)}
    assert counts(await bring("contact-overrides", "contact_external_id,billing_type\next-u1,free\n")) == (1, 0, 0, [])
    assert counts(await bring("contact-overrides", "contact_external_id,billing_type\next-u1,free\n")) == (0, 0, 1, [])
    wrong = "asset_external_id,billing_type\next-a1,custom\nnobody,no_charge\next-a2,printer\n"
    assert counts(await bring("asset-overrides", wrong))[3] == [(2, "price"), (3, "asset_external_id"), (4, "billing_type")]


ITEMS = "company_account_number,name,kind,quantity,unit_price,from_on,to_on,year,month"


async def test_line_items_of_each_kind(db, bring):
    text = f"{ITEMS}\n100001,Fibre,recurring,,99.50,2026-01-01,,,\n100001,Move,one_off,2,10,,,2026,3\n100001,Licence,yearly,1,120,,,,3\n"
    assert counts(await bring("line-items", text)) == (3, 0, 0, [])
    assert counts(await bring("line-items", text.replace("Fibre", "FIBRE"))) == (0, 1, 2, [])
    stored = {item.name: item for item in await line_items.of_companies(db, [ACME])}
    assert (stored["FIBRE"].quantity_e6, stored["FIBRE"].unit_price_e4, stored["Move"].year) == (10**6, 995_000, 2026)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("100001,Fibre,recurring,1,1,,,,3", "kind"),
        ("100001,Move,one_off,1,1,2026-01-01,,2026,3", "kind"),
        ("100001,Fibre,recurring,0,1,,,,", "quantity"),
        ("100001,Fibre,recurring,1,1,2026-02-01,2026-02-01,,", "to_on"),
        ("100001,Fibre,sometimes,1,1,,,,", "kind"),
        ("100009,Fibre,recurring,1,1,,,,", "company_account_number"),
    ],
)
async def test_wrong_line_items_are_named(bring, row, column):
    assert counts(await bring("line-items", f"{ITEMS}\n{row}\n"))[3] == [(2, column)]


LABOUR = "external_id,company_account_number,worked_at,hours,billable,description,ticket"


async def test_labour_is_dated_in_the_zone_and_can_be_repeated(db, bring):
    async with db.write() as tx:
        await tx.run("INSERT INTO preference (key, value, updated_at) VALUES ('time_zone', 'Europe/Berlin', :now)", now=seeds.NOW)
    text = f"{LABOUR}\nt-1,100001,2026-03-31T23:59:59,1.5,yes,Printer,T1\nt-2,100002,2026-03-31T23:59:59Z,2,no,,\n"
    assert counts(await bring("labour", text)) == (2, 0, 0, [])
    assert counts(await bring("labour", text)) == (0, 0, 2, [])
    stored = await labour.by_external_ids(db, ["t-1", "t-2"])
    assert (stored["t-1"].worked_at, stored["t-2"].worked_at) == ("2026-03-31T21:59:59.000000Z", "2026-03-31T23:59:59.000000Z")
    assert (stored["t-1"].hours_e6, stored["t-1"].billable, stored["t-2"].billable) == (1_500_000, True, False)


async def test_labour_on_a_finalised_invoice_stays(db, bring):
    await seeds.plan(db)
    invoice_id = await seeds.invoice(db, await seeds.agreement(db), "2026-03")
    await seeds.work(db, 2, "2026-03-05T08:00:00.000000Z", external_id="t-1", invoice_id=invoice_id)
    same = f"{LABOUR}\nt-1,100001,2026-03-05T08:00:00Z,2,yes,,\n"
    assert counts(await bring("labour", same)) == (0, 0, 1, [])
    assert counts(await bring("labour", same.replace(",2,yes", ",3,yes")))[3] == [(2, "external_id")]


async def test_labour_of_companies_out_of_sight_cannot_be_taken_over(db, bring):
    await seeds.work(db, 2, "2026-03-05T08:00:00.000000Z", "018f0000-0000-7000-8000-0000000000ff", external_id="t-1")
    assert counts(await bring("labour", f"{LABOUR}\nt-1,100001,2026-03-05T08:00:00Z,2,yes,,\n"))[3] == [(2, "external_id")]


async def test_an_import_is_one_entry_of_the_audit_log(db, bring):
    for text in (PRICES, PRICES, PRICES.replace(",50,", ",51,", 1)):
        await bring("prices", text)
    rows = await audited(db)
    assert [(row.action, row.actor_name) for row in rows] == [("prices.imported", "carol")] * 3
    told = [{name: value for name, value in row.after.items() if name != "digest"} for row in rows]
    assert told[2] == {"file": "prices.csv", "created": 0, "updated": 1, "unchanged": 0, "errors": 0}
    assert {len(row.after["digest"]) for row in rows} == {64} and await audit.first_broken(db) is None


async def audited(db):
    return (await audit.page_of(db, audit.LISTING.read({"sort": "seq"}, NoCursors(), limit_default=1000))).rows


class NoCursors:
    def mac(self, *parts):
        return ""


async def test_a_file_does_not_rewrite_prices_that_were_billed(db, bring):
    await bring("prices", PRICES)
    await seeds.agreement(db, plan_id=(await plans.everything(db))[0].id)
    later = PRICES.splitlines()[1].replace("2026-01-01", "2026-12-01").replace(",50,", ",60,")
    between = later.replace("2026-12-01", "2026-06-01")
    changed = PRICES.replace(",50,20,", ",51,22,")
    assert counts(await bring("prices", f"{changed}{later}\n{between}\n"))[3] == [(2, "per_user"), (4, "valid_from")]
    assert counts(await bring("prices", changed, dry_run=True))[3] == [(2, "per_user")]
    assert counts(await bring("prices", f"{changed}{later}\n", valid_only=True)) == (1, 0, 0, [(2, "per_user")])
    assert [price.per_user_e4 for price in await prices.everything(db)] == [500_000, 600_000]
    assert counts(await bring("prices", f"{PRICES}{later}\n")) == (0, 0, 2, [])
    assert counts(await bring("prices", f"{PRICES}{later.replace(',60,', ',61,')}\n")) == (0, 1, 1, [])


async def test_the_directory_is_asked_once(db):
    directory = seeds.Directory(seeds.directory())
    raw = f"{LABOUR}\nt-1,100001,2026-03-05T08:00:00Z,1,yes,,\n".encode()
    done = await whole(db, files.IMPORTS, directory, "labour", raw, "x.csv", actor=CAROL, now=seeds.NOW)
    assert (done.created, directory.asked) == (1, 1)


async def test_what_is_no_table_is_an_error_and_a_repeated_line_is_not(bring):
    assert counts(await bring("labour", ""))[3] == [(1, "")]
    row = "t-1,100001,2026-03-05T08:00:00Z,2,yes,,\n"
    assert counts(await bring("labour", f"{LABOUR}\n{row}{row}")) == (1, 0, 1, [])


async def test_more_hours_than_a_day_has_need_a_word_in_a_file_too(bring):
    text = f"{LABOUR},hours_confirmed\nt-1,100001,2026-03-05T08:00:00Z,36,yes,,,\nt-2,100001,2026-03-05T08:00:00Z,36,yes,,,yes\n"
    assert counts(await bring("labour", text))[3] == [(2, "hours")]
    assert counts(await bring("labour", text.replace("t-1,100001,2026-03-05T08:00:00Z,36", "t-1,100001,2026-03-05T08:00:00Z,24")))[:3] == (
        2,
        0,
        0,
    )
