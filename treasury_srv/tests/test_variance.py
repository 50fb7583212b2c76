"""Why a bill differs from the last one."""

from treasury_srv.billing.facts import Choice
from treasury_srv.billing.variance import variance
from treasury_srv.tests import msp


def parts(before, now):
    found = variance(before, now)
    difference = (now.total_cents if now else 0) - (before.total_cents if before else 0)
    assert found.total_cents == difference
    return {name.removesuffix("_cents"): cents for name in found.__struct_fields__ if (cents := getattr(found, name))}


def test_price_and_quantity_are_told_apart():
    plans = (msp.plan(msp.version("2026-10-01", per_user=60), msp.version("2020-01-01")),)
    contacts = (msp.contact("u1"), msp.contact("u2", active_on="2026-10-02"))
    september, october = (msp.bill(msp.facts(contacts=contacts), msp.rules(period, plans=plans)) for period in ("2026-09", "2026-10"))
    assert parts(september, october) == {"price": 1000, "quantity": 6000}


def test_part_of_a_month_is_proration():
    known = msp.facts(msp.agreement(proration="daily"), assets=(msp.asset(active_on="2026-09-16"),))
    bills = [msp.bill(known, msp.rules(period)) for period in ("2026-08", "2026-09", "2026-10")]
    assert parts(bills[0], bills[1]) == {"quantity": 2000, "proration": -1000}
    assert parts(bills[1], bills[2]) == {"proration": 1000}


def test_hours_backup_items_and_tax():
    terms = msp.agreement(tax_percent_e4=msp.e4(10))
    before = msp.bill(msp.facts(terms, items=(msp.item("5"), msp.item("7", id="i7", to_on="2026-10-01"))), msp.rules("2026-09"))
    items = (msp.item("5"), msp.item("3", from_on="2026-10-01"), msp.item("9", "one_off", year=2026, month=10))
    now = msp.bill(msp.facts(terms, items=items, entries=(msp.work(1, "2026-10-05"),), assets=(msp.asset("a1", "other", "1"),)))
    assert parts(before, now) == {"hours": 15000, "backup": 1500, "one_off": 900, "started": 300, "ended": -700, "tax": 1700}


def test_a_new_or_ended_agreement_is_one_part():
    bill = msp.bill(msp.facts(contacts=(msp.contact(),)))
    assert parts(None, bill) == {"started": 5000}
    assert parts(bill, None) == {"ended": -5000}


def test_a_custom_device_that_is_gone_has_ended():
    choices = {"a1": Choice("custom", msp.e4(9))}
    bills = [msp.bill(msp.facts(assets=assets, asset_choices=choices)) for assets in ((msp.asset(),), ())]
    assert parts(*bills) == {"ended": -900}


def test_amounts_of_two_currencies_are_not_compared():
    plans = (msp.plan(msp.version(currency="EUR")),)
    euro = msp.bill(msp.facts(msp.agreement(currency="EUR")), msp.rules(plans=plans))
    assert variance(msp.bill(msp.facts()), euro) is None
