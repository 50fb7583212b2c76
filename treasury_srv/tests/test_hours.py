"""Hours: allowance, rounding, the pool as a ledger, late entries."""

import pytest
from msgspec import structs

from treasury_srv.billing.hours import history_from
from treasury_srv.tests import msp

E6 = 10**6


def hours(known, period="2026-10", **common):
    return msp.bill(known, msp.rules(period, **common)).hours


def test_only_billable_entries_of_the_month_that_are_not_invoiced_count():
    entries = (msp.work(1, "2026-10-01"), msp.work(2, "2026-10-02", billable=False), msp.work(4, "2026-10-03", invoice_id="n1"))
    done = hours(msp.facts(entries=(*entries, msp.work(8, "2026-09-30"), msp.work(16, "2026-11-01"))))
    assert (done.worked_e6, [one.reason for one in done.entries]) == (E6, ["", "not billable", "already invoiced"])


@pytest.mark.parametrize(("worked", "counted"), [("0.1", "0.5"), ("0.5", "0.5"), ("0.6", "0.75"), ("0.75", "0.75"), ("1.01", "1.25")])
def test_an_entry_counts_the_minimum_then_full_steps(worked, counted):
    terms = msp.agreement(minimum_hours_e6=msp.e6("0.5"), rounding_hours_e6=msp.e6("0.25"))
    assert hours(msp.facts(terms, entries=(msp.work(worked, "2026-10-01"),))).worked_e6 == msp.e6(counted)


def test_the_allowance_does_not_roll_over():
    known = msp.pooled(msp.work(1, "2026-09-01"), msp.work(6, "2026-10-01"), yearly=0)
    assert hours(known).billable_e6 == 2 * E6


def test_work_before_the_start_is_outside_the_agreement():
    known = msp.pooled(msp.work(9, "2026-10-09"), msp.work(5, "2026-10-10"), start_on="2026-10-10")
    done = hours(known)
    assert (done.worked_e6, done.from_pool_e6, done.pool_left_e6) == (5 * E6, E6, 19 * E6)


def rows(done):
    return [(row.period, row.what, row.hours_e6 // E6, row.balance_e6 // E6) for row in done.ledger]


def test_the_ledger_of_a_year():
    done = hours(msp.pooled(msp.work(9, "2026-01-15"), msp.work(8, "2026-02-10")), "2026-02")
    assert rows(done) == [("2026-01", "deposit", 20, 20), ("2026-01", "draw", -5, 15), ("2026-02", "draw", -4, 11)]
    assert {row.line_key for row in done.ledger} == {"", "hours:pool"}


def test_what_is_left_expires_at_the_anniversary():
    done = hours(msp.pooled(msp.work(9, "2025-12-15"), start_on="2025-11-20"), "2026-11")
    assert rows(done) == [
        *(("2025-11", "deposit", 20, 20), ("2025-12", "draw", -5, 15)),
        *(("2026-11", "expiry", -15, 0), ("2026-11", "deposit", 20, 20)),
    ]


def test_a_pool_year_can_be_the_calendar_year():
    known = msp.pooled(msp.work(9, "2026-12-15"), msp.work(5, "2027-01-15"), start_on="2026-11-20")
    assert hours(known, "2027-01", pool_year="calendar").pool_left_e6 == 19 * E6
    assert hours(known, "2027-01", pool_year="anniversary").pool_left_e6 == 14 * E6


def test_a_later_change_of_the_yearly_hours_posts_the_difference():
    more = msp.override("prepaid_hours_yearly", 30 * E6, "2026-02-15")
    done = hours(msp.pooled(msp.work(9, "2026-01-15"), overrides=(more,)), "2026-03")
    assert rows(done)[-1] == ("2026-03", "change", 10, 25)


def test_a_pool_cut_below_what_was_drawn_is_empty_not_negative():
    less = msp.override("prepaid_hours_yearly", 3 * E6, "2026-02-01", "2026-03-01")
    known = msp.pooled(msp.work(9, "2026-01-15"), msp.work(6, "2026-02-15"), overrides=(less,))
    assert hours(known, "2026-02").billable_e6 == 2 * E6
    assert rows(hours(known, "2026-03"))[-2:] == [("2026-02", "change", -15, 0), ("2026-03", "change", 15, 15)]


def test_an_overridden_allowance_of_the_first_day_of_the_month():
    more = msp.override("prepaid_hours_monthly", 6 * E6, "2026-10-02")
    known = msp.pooled(msp.work(7, "2026-10-15"), msp.work(7, "2026-11-15"), yearly=0, overrides=(more,))
    assert [hours(known, period).billable_e6 for period in ("2026-10", "2026-11")] == [3 * E6, E6]


def finalised(known, **draws):
    months = {month.replace("_", "-").removeprefix("m"): given for month, given in draws.items()}
    return structs.replace(known, finalised={"g1": months})


def test_a_late_entry_goes_to_the_next_open_month_and_draws_what_is_left():
    known = finalised(msp.pooled(msp.work(3, "2026-01-20"), msp.work(5, "2026-03-02")), m2026_01={"2026-01": 18 * E6}, m2026_02={})
    done = hours(known, "2026-03")
    assert (done.worked_e6, done.from_pool_e6, done.late_e6, done.late_from_pool_e6) == (5 * E6, E6, 3 * E6, E6)
    bill = msp.bill(known, msp.rules("2026-03"))
    assert [(line.key, line.amount_cents) for line in bill.lines] == [("hours:pool", 0), ("hours:late", 30000)]
    assert [one.late for one in done.entries] == [True, False]


def test_a_late_entry_never_uses_this_months_allowance():
    known = finalised(msp.pooled(msp.work(3, "2026-01-20"), yearly=0), m2026_01={})
    assert hours(known, "2026-02").late_billable_e6 == 3 * E6
    assert hours(known, "2026-03").late_e6 == 0


def test_a_late_entry_of_an_expired_year_draws_on_its_own_year():
    months = {f"m2026_{month:02}": {} for month in range(1, 13)}
    known = finalised(msp.pooled(msp.work(3, "2026-12-20")), **months)
    done = hours(known, "2027-01")
    assert (done.late_from_pool_e6, done.pool_left_e6) == (3 * E6, 20 * E6)
    assert rows(done)[-4:] == [
        *(("2027-01", "expiry", -20, 0), ("2027-01", "deposit", 20, 20)),
        *(("2027-01", "reinstated", 3, 3), ("2027-01", "late draw", -3, 0)),
    ]


def test_how_far_back_the_entries_of_a_bill_go():
    year = msp.pooled(start_on="2025-03-10").agreements[0]
    assert history_from(year, msp.rules("2026-10")) == "2026-03"
    assert history_from(year, msp.rules("2026-03")) == "2025-03"
    assert history_from(year, msp.rules("2025-03")) == "2025-03"
    assert history_from(msp.agreement(), msp.rules("2026-10")) == "2026-10"
