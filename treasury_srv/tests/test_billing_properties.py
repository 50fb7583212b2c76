"""What holds for every bill, whatever the company."""

from datetime import date
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from treasury_srv.billing import counting, money
from treasury_srv.billing.engine import bill_company
from treasury_srv.billing.facts import ASSET_BILLING_TYPES, CONTACT_BILLING_TYPES, DEVICE_TYPES, PRICE_RATES, Choice, ManualItem
from treasury_srv.billing.variance import variance
from treasury_srv.tests import msp

days = st.dates(min_value=date(2025, 1, 1), max_value=date(2027, 6, 30)).map(str)
maybe_day = st.none() | days
price = st.integers(-5_000_000, 5_000_000)
rate = st.integers(0, 5_000_000)
hours_e6 = st.integers(0, 40_000_000)
few = settings(max_examples=50, deadline=None)
PERIODS = st.sampled_from(("2026-02", "2026-03", "2026-09", "2026-10", "2026-12", "2027-01"))


@st.composite
def companies(draw):
    def several(make, most=5):
        return tuple(make(number) for number in range(draw(st.integers(0, most))))

    def asset(number):
        type = draw(st.sampled_from((*DEVICE_TYPES, "other")))
        return structs.replace(
            msp.asset(f"a{number}", type, active_on=draw(maybe_day), retired_on=draw(maybe_day)),
            backup_bytes=draw(st.integers(0, 2**43)),
        )

    def contact(number):
        return msp.contact(f"u{number}", active=draw(st.booleans()), billable=draw(st.booleans()), ended_on=draw(maybe_day))

    def entry(number):
        return msp.Entry(f"e{number}", draw(days), draw(hours_e6), billable=draw(st.integers(0, 9)) > 0)

    def item(number):
        kind = draw(st.sampled_from(("recurring", "one_off", "yearly")))
        dates = {"from_on": draw(maybe_day), "to_on": draw(maybe_day)} if kind == "recurring" else {"month": draw(st.integers(1, 12))}
        if kind == "one_off":
            dates["year"] = 2026
        category = draw(st.sampled_from(("standard", "exempt")))
        return msp.LineItem(f"i{number}", f"Item {number}", kind, draw(hours_e6), draw(price), tax_category=category, **dates)

    def override(number):
        what = draw(st.sampled_from((*PRICE_RATES, "prepaid_hours_monthly", "prepaid_hours_yearly")))
        return msp.override(what, draw(rate), draw(st.just("") | days), draw(maybe_day), id=f"o{number}")

    def manual(number):
        return ManualItem(f"m{number}", "device", f"Manual {number}", draw(st.sampled_from(DEVICE_TYPES)), from_on=draw(maybe_day))

    def terms(id, start_on, ended_on):
        return msp.agreement(
            start_on,
            id=id,
            ended_on=ended_on,
            proration=draw(st.sampled_from(("none", "daily"))),
            prepaid_hours_monthly_e6=draw(hours_e6),
            prepaid_hours_yearly_e6=draw(hours_e6),
            minimum_hours_e6=draw(st.sampled_from((0, 500_000))),
            rounding_hours_e6=draw(st.sampled_from((0, 250_000))),
            tax_percent_e4=draw(st.integers(0, 300_000)),
            overrides=several(override),
            manual=several(manual, 2),
        )

    start, middle = sorted((draw(days), draw(days)))
    first = terms("g1", start, middle if draw(st.booleans()) else None)
    agreements = (first, terms("g2", middle, None)) if first.ended_on and start < middle else (first,)
    return msp.Facts(
        msp.COMPANY,
        agreements,
        several(asset),
        several(contact),
        {"a0": Choice(draw(st.sampled_from(ASSET_BILLING_TYPES)), draw(rate))},
        {"u0": Choice(draw(st.sampled_from(CONTACT_BILLING_TYPES)), draw(rate))},
        several(item),
        several(entry, 12),
        {"g1": {key: {} for key in draw(st.sets(st.sampled_from(("2026-01", "2026-02", "2026-08", "2026-09"))))}},
    )


@few
@given(companies(), PERIODS)
def test_printed_lines_add_up(known, period):
    for bill in bill_company(known, msp.rules(period)).bills:
        assert bill.subtotal_cents == sum(line.amount_cents for line in bill.lines) == sum(bill.groups.values())
        assert all(line.amount_cents == money.amount_cents(line.quantity_e6, line.unit_price_e4, "USD") for line in bill.lines)
        assert bill.total_cents == bill.subtotal_cents + sum(tax.tax_cents for tax in bill.taxes)
        assert sum(tax.base_cents for tax in bill.taxes) == bill.subtotal_cents


@few
@given(companies(), PERIODS, st.randoms(use_true_random=False))
def test_the_order_of_what_goes_in_does_not_matter(known, period, random):
    def shuffled(things):
        return tuple(random.sample(things, len(things)))

    agreements = [structs.replace(one, overrides=shuffled(one.overrides), manual=shuffled(one.manual)) for one in known.agreements]
    lists = {name: shuffled(getattr(known, name)) for name in ("assets", "contacts", "items", "entries")}
    other = structs.replace(known, agreements=shuffled(agreements), **lists)
    assert bill_company(other, msp.rules(period)) == bill_company(known, msp.rules(period))


@few
@given(companies(), PERIODS)
def test_the_pool_is_never_negative_and_its_postings_add_up(known, period):
    for bill in bill_company(known, msp.rules(period)).bills:
        done = bill.hours
        assert done.pool_left_e6 >= 0 and done.billable_e6 >= 0 and done.late_billable_e6 >= 0
        balances = {}
        for row in done.ledger:
            balances[row.year] = balances.get(row.year, 0) + row.hours_e6
            assert row.balance_e6 == balances[row.year] >= 0


@few
@given(companies(), companies(), PERIODS, PERIODS)
def test_the_parts_of_a_variance_add_up(one, other, period, another):
    before, now = (bill_company(known, msp.rules(when)).bills for known, when in ((one, period), (other, another)))
    if before and now:
        assert variance(before[0], now[0]).total_cents == now[0].total_cents - before[0].total_cents


@few
@given(companies(), PERIODS)
def test_every_billable_hour_of_an_agreement_is_charged_once(known, period):
    key = msp.periods.period(period)
    found = bill_company(known, msp.rules(period))
    listed = [entry.id for bill in found.bills for entry in bill.hours.entries if not entry.reason and not entry.late]
    finalised = known.finalised["g1"]
    due = [
        entry.id
        for entry in known.entries
        for terms in known.agreements
        if entry.billable and key.first <= entry.worked_on < key.next_first and terms.covers(entry.worked_on)
        if not (terms.id == "g1" and period in finalised)
    ]
    assert sorted(listed) == sorted(due)


@given(st.lists(st.integers(1, 31), min_size=1, max_size=6, unique=True), rate)
def test_parts_of_a_month_add_up_to_the_month(cuts, per_workstation):
    bounds = [None, *(f"2026-10-{day:02}" for day in sorted(cuts)), None]
    assets = tuple(msp.asset(f"a{place}", active_on=first, retired_on=over) for place, (first, over) in enumerate(pairwise(bounds)))
    terms = msp.agreement(proration="daily", overrides=(msp.override("per_workstation", per_workstation),))
    bill = msp.bill(msp.facts(terms, assets=assets))
    assert (bill.lines[0].quantity_e6, bill.total_cents) == (10**6, money.amount_cents(10**6, per_workstation, "USD"))
    assert sum(one.days for one in bill.devices) == 31


@given(st.lists(st.integers(2, 31), max_size=4, unique=True))
def test_the_days_of_consecutive_agreements_add_up_to_the_month(cuts):
    bounds = ["2026-10-01", *(f"2026-10-{day:02}" for day in sorted(cuts)), "2026-11-01"]
    terms = [msp.agreement(first, ended_on=over, proration="daily") for first, over in pairwise(bounds)]
    windows = [counting.window(one, msp.rules()) for one in terms]
    assert sum(one.weight(None, None) for one in windows) == 31
