"""The worked cases of billing, and what a bill says about itself."""

import pytest

from treasury_srv.billing.engine import bill_company
from treasury_srv.billing.facts import Choice, ManualItem, item_problem
from treasury_srv.billing.periods import end_of_term, work_date
from treasury_srv.tests import msp

E6 = 10**6


def test_case_b_devices_users_and_backup():
    assets = (msp.asset("a1", "workstation", "0.5"), msp.asset("a2", "server", "2"), msp.asset("a3", "switch"))
    bill = msp.bill(msp.facts(assets=assets, contacts=(msp.contact("u1"), msp.contact("u2"))))
    assert (bill.groups["devices"], bill.groups["users"], bill.groups["backup"], bill.total_cents) == (13500, 10000, 8250, 31750)


def months(known, *periods):
    return [msp.bill(known, msp.rules(period)).hours for period in periods]


CASE_C = (msp.work(9, "2026-01-15"), msp.work(8, "2026-02-10"), msp.work(10, "2026-03-20"))


def test_case_c_the_allowance_then_the_pool():
    done = months(msp.pooled(*CASE_C), "2026-01", "2026-02", "2026-03")
    assert [one.pool_left_e6 for one in done] == [15 * E6, 11 * E6, 5 * E6]
    assert [one.billable_e6 for one in done] == [0, 0, 0]


def test_case_c_prime_hours_of_the_year_before_leave_this_pool_alone():
    known = msp.pooled(msp.work(50, "2025-06-10"), *CASE_C, start_on="2025-01-01")
    january = months(known, "2026-01")[0]
    assert (january.billable_e6, january.pool_left_e6) == (0, 15 * E6)


def test_case_c_second_what_the_pool_cannot_give_is_billed():
    bill = msp.bill(msp.pooled(*CASE_C, msp.work(14, "2026-04-08")), msp.rules("2026-04"))
    assert (bill.hours.excess_e6, bill.hours.from_pool_e6, bill.hours.billable_e6) == (10 * E6, 5 * E6, 5 * E6)
    assert bill.groups["hours"] == bill.total_cents == 75000


def test_case_d_line_items_of_each_kind():
    items = (msp.item("99.50"), msp.item("10", "one_off", year=2026, month=3), msp.item("120", "yearly", month=3))
    assert msp.bill(msp.facts(items=items), msp.rules("2026-03")).total_cents == 22950
    assert msp.bill(msp.facts(items=items), msp.rules("2026-04")).total_cents == 9950
    assert msp.bill(msp.facts(items=items), msp.rules("2027-03")).total_cents == 21950


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("recurring", {"month": 3}),
        ("recurring", {"year": 2026}),
        ("one_off", {"year": 2026, "month": 3, "from_on": "2026-01-01"}),
        ("one_off", {"month": 3}),
        ("yearly", {"month": 3, "year": 2026}),
        ("yearly", {"month": 3, "to_on": "2026-01-01"}),
        ("yearly", {}),
    ],
)
def test_case_d_prime_two_kinds_of_fee_are_refused(kind, given):
    assert item_problem(kind, **dict.fromkeys(("from_on", "to_on", "year", "month")) | given)


def test_case_e_the_last_second_of_march_is_march():
    assert work_date("2026-04-01T03:59:59.000000Z", "America/New_York") == "2026-03-31"
    assert work_date("2026-03-31T21:59:59.000000Z", "Europe/Berlin") == "2026-03-31"
    assert work_date("2026-03-31T22:00:00.000000Z", "Europe/Berlin") == "2026-04-01"
    bill = msp.bill(msp.facts(entries=(msp.work(2, "2026-03-31"),)), msp.rules("2026-03"))
    assert bill.hours.billable_e6 == 2 * E6


def test_case_f_a_start_on_29_february():
    assert end_of_term("2024-02-29", "1_year") == "2025-02-27"
    assert end_of_term("2024-02-29", "3_year") == "2027-02-27"


def test_case_g_a_start_on_the_first():
    assert end_of_term("2025-02-01", "1_year") == "2026-01-31"
    assert end_of_term("2025-02-01", "month_to_month") is None


def test_case_h_nothing_included_is_a_value():
    plans = (msp.plan(msp.version(backup_included_tb=0)),)
    assert msp.bill(msp.facts(assets=(msp.asset(type="server", tb="2"),)), msp.rules(plans=plans)).groups["backup"] == 8000


def test_case_i_no_charge_changes_the_price_not_the_class():
    known = msp.facts(assets=(msp.asset(type="server", tb="2"),), asset_choices={"a1": Choice("no_charge")})
    bill = msp.bill(known)
    assert (bill.groups["devices"], bill.backup.servers, bill.groups["backup"], bill.total_cents) == (0, 1, 6500, 6500)


def test_case_j_half_a_month_by_the_day():
    terms = msp.agreement(proration="daily")
    bill = msp.bill(msp.facts(terms, assets=(msp.asset(active_on="2026-09-16"),)), msp.rules("2026-09"))
    assert (bill.lines[0].quantity_e6, bill.total_cents) == (500_000, 1000)


def refusal(known, common=None):
    found = bill_company(known, common or msp.rules())
    assert found.bills == ()
    return found.refusals[0]


def test_without_an_agreement_a_company_is_not_billable_and_says_so():
    assert refusal(msp.Facts(msp.COMPANY)).code == "no_agreement"


def test_before_the_start_and_after_the_end_there_is_no_bill():
    assert "2026-12-01" in refusal(msp.facts(msp.agreement("2026-12-01"))).reason
    assert refusal(msp.facts(msp.agreement("2026-12-01"))).code == "not_started"
    assert refusal(msp.facts(msp.agreement(ended_on="2026-10-01"))).code == "ended"


def test_a_plan_without_prices_for_the_term_says_so():
    assert refusal(msp.facts(msp.agreement(term="3_year"))).code == "no_price"
    assert refusal(msp.facts(), msp.rules(plans=(msp.plan(msp.version("2026-10-02")),))).code == "no_price"


def test_prices_in_another_currency_are_refused():
    assert refusal(msp.facts(msp.agreement(currency="EUR"))).code == "currency"


def test_a_price_change_counts_from_the_first_month_that_begins_with_it():
    plans = (msp.plan(msp.version("2026-10-02", per_user=60), msp.version("2020-01-01")),)
    known = msp.facts(contacts=(msp.contact(),))
    totals = [msp.bill(known, msp.rules(period, plans=plans)).total_cents for period in ("2026-09", "2026-10", "2026-11")]
    assert totals == [5000, 5000, 6000]


def test_an_agreement_that_starts_later_has_the_price_of_its_first_day():
    plans = (msp.plan(msp.version("2026-10-10", per_user=60), msp.version("2020-01-01")),)
    known = msp.facts(msp.agreement("2026-10-15"), contacts=(msp.contact(),))
    assert msp.bill(known, msp.rules(plans=plans)).total_cents == 6000


def test_an_override_holds_from_its_first_day_until_the_day_before_its_last():
    terms = msp.agreement(overrides=(msp.override("per_user", msp.e4(45), "2026-03-01", "2026-05-01"),))
    known = msp.facts(terms, contacts=(msp.contact(),))
    totals = [msp.bill(known, msp.rules(period)).total_cents for period in ("2026-02", "2026-03", "2026-04", "2026-05")]
    assert totals == [5000, 4500, 4500, 5000]
    assert msp.bill(known, msp.rules("2026-03")).lines[0].price_why == "override since 2026-03-01"


def test_an_override_of_zero_is_a_value():
    terms = msp.agreement(overrides=(msp.override("per_user", 0),))
    assert msp.bill(msp.facts(terms, contacts=(msp.contact(),))).total_cents == 0


def test_the_plan_can_be_overridden_for_a_time():
    plans = (msp.plan(), msp.plan(msp.version(per_user=70), id="p2", name="Premium"))
    terms = msp.agreement(overrides=(msp.override("plan", valid_from="2026-10-01", text="p2"),))
    known = msp.facts(terms, contacts=(msp.contact(),))
    assert msp.bill(known, msp.rules("2026-09", plans=plans)).total_cents == 5000
    october = msp.bill(known, msp.rules("2026-10", plans=plans))
    assert (october.plan_name, october.total_cents) == ("Premium", 7000)


def test_a_feature_can_be_overridden():
    terms = msp.agreement(overrides=(msp.override("feature:antivirus", text="brought by the customer"),))
    assert msp.bill(msp.facts(terms)).features == {"antivirus": "brought by the customer"}


def test_an_agreement_past_its_end_goes_on_and_is_marked():
    known = msp.facts(msp.agreement(end_on="2026-10-31"), contacts=(msp.contact(),))
    assert [msp.bill(known, msp.rules(period)).expired for period in ("2026-10", "2026-11")] == [False, True]
    assert msp.bill(known, msp.rules("2026-11")).total_cents == 5000


def test_two_agreements_in_a_month_are_two_bills_and_an_item_is_charged_once():
    first = msp.agreement(ended_on="2026-10-16")
    second = msp.agreement("2026-10-16", id="g2")
    entries = (msp.work(1, "2026-10-15"), msp.work(2, "2026-10-16"))
    found = bill_company(msp.facts(second, first, items=(msp.item("10"),), entries=entries, contacts=(msp.contact(),)), msp.rules())
    assert [one.agreement_id for one in found.bills] == ["g1", "g2"]
    assert [one.groups["line_items"] for one in found.bills] == [0, 1000]
    assert [one.hours.worked_e6 for one in found.bills] == [1 * E6, 2 * E6]
    assert [one.counted_on for one in found.bills] == ["2026-10-15", "2026-10-31"]


def test_an_item_that_only_the_earlier_agreement_touches_is_on_its_bill():
    terms = (msp.agreement(ended_on="2026-10-16"), msp.agreement("2026-10-16", id="g2"))
    found = bill_company(msp.facts(*terms, items=(msp.item("10", to_on="2026-10-05"),)), msp.rules())
    assert [one.groups["line_items"] for one in found.bills] == [1000, 0]


def test_a_recurring_item_is_whole_in_every_month_it_touches():
    known = msp.facts(items=(msp.item("10", from_on="2026-08-31", to_on="2026-10-02"),))
    totals = [msp.bill(known, msp.rules(f"2026-{month:02}")).total_cents for month in (7, 8, 9, 10, 11)]
    assert totals == [0, 1000, 1000, 1000, 0]


def test_a_discount_can_make_the_total_negative():
    bill = msp.bill(msp.facts(msp.agreement(tax_percent_e4=msp.e4(19)), items=(msp.item("-0.50"),)))
    assert (bill.subtotal_cents, bill.tax_cents, bill.total_cents) == (-50, -10, -60)
    assert bill.lines[0].price_why == "discount"


def test_tax_is_taken_on_the_sum_of_the_lines_of_a_rate():
    items = (msp.item("0.33", id="i1"), msp.item("0.33", id="i2"), msp.item("10", id="i3", tax_category="exempt"))
    bill = msp.bill(msp.facts(msp.agreement(tax_percent_e4=msp.e4("19")), items=items))
    assert [(one.category, one.base_cents, one.tax_cents) for one in bill.taxes] == [("exempt", 1000, 0), ("standard", 66, 13)]


def test_a_currency_without_minor_units_is_billed_in_whole_ones():
    plans = (msp.plan(msp.version(currency="JPY", per_user="1500.5")),)
    assert msp.bill(msp.facts(msp.agreement(currency="JPY"), contacts=(msp.contact(),)), msp.rules(plans=plans)).total_cents == 1501


def test_every_line_says_where_its_quantity_and_price_come_from():
    manual = (ManualItem("m1", "device", "Printer room", "switch", note="leased"),)
    known = msp.facts(msp.agreement(manual=manual), assets=(msp.asset(tb="3"),), contacts=(msp.contact(),), items=(msp.item("1"),))
    bill = msp.bill(known)
    assert all(line.quantity_why and line.price_why for line in bill.lines)
    assert bill.lines[0].quantity_why == "1 workstations in force on 2026-10-31"
    assert bill.lines[0].price_why == "Complete, 1_year, prices of 2020-01-01"
    assert [one.reason for one in bill.devices] == ["added by hand: leased", "is a workstation"]


def test_hours_on_days_without_an_agreement_are_shown():
    known = msp.facts(msp.agreement("2026-10-10"), entries=(msp.work(3, "2026-10-09"), msp.work(1, "2026-10-10")))
    found = bill_company(known, msp.rules())
    assert (found.uncovered_e6, found.bills[0].hours.worked_e6) == (3 * E6, 1 * E6)
