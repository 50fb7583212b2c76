"""What counts on a bill: devices, users and backup, and why."""

import pytest

from treasury_srv.billing.facts import Choice, ManualItem
from treasury_srv.tests import msp

E6 = 10**6


def one_device(asset, *, today="2030-01-01", terms=None):
    return msp.bill(msp.facts(terms or msp.agreement(), assets=(asset,)), msp.rules(today=today)).counts["workstation"]


@pytest.mark.parametrize(
    ("active_on", "retired_on", "counted"),
    [(None, None, 1), ("2026-10-31", None, 1), ("2026-11-01", None, 0), (None, "2026-10-31", 0), (None, "2026-11-01", 1)],
)
def test_without_proration_the_last_day_of_the_month_decides(active_on, retired_on, counted):
    assert one_device(msp.asset(active_on=active_on, retired_on=retired_on)) == counted


def test_in_the_running_month_today_decides():
    assert one_device(msp.asset(active_on="2026-10-20"), today="2026-10-19") == 0
    assert one_device(msp.asset(active_on="2026-10-20"), today="2026-10-20") == 1
    assert one_device(msp.asset(retired_on="2026-10-20"), today="2026-10-19") == 1


def test_a_running_month_before_the_agreement_starts_counts_its_first_day():
    assert one_device(msp.asset(active_on="2026-10-20"), today="2026-10-05", terms=msp.agreement("2026-10-20")) == 1


def test_the_last_day_of_an_ended_agreement_decides():
    terms = msp.agreement(ended_on="2026-10-11")
    assert one_device(msp.asset(active_on="2026-10-11"), terms=terms) == 0
    assert one_device(msp.asset(active_on="2026-10-10"), terms=terms) == 1


def daily(*assets, **other):
    bill = msp.bill(msp.facts(msp.agreement(proration="daily", **other), assets=assets))
    return bill.lines[0].quantity_e6 if bill.lines else 0


def test_by_the_day_only_days_of_the_agreement_count():
    assert daily(msp.asset(), ended_on="2026-10-16") == 483_871
    assert daily(msp.asset(active_on="2026-10-10", retired_on="2026-10-12")) == 64_516
    assert daily(msp.asset(retired_on="2026-10-01")) == 0


def test_a_device_and_its_replacement_are_one_device():
    assert daily(msp.asset("a1", retired_on="2026-10-17"), msp.asset("a2", active_on="2026-10-17")) == E6


def test_billing_types_set_by_hand():
    assets = (msp.asset("a1"), msp.asset("a2"), msp.asset("a3"), msp.asset("a4", "other"), msp.asset("a5", "printer"))
    choices = {"a1": Choice("custom", msp.e4("12.34")), "a2": Choice("no_charge"), "a3": Choice("server")}
    bill = msp.bill(msp.facts(assets=assets, asset_choices=choices))
    assert [(line.key, line.amount_cents) for line in bill.lines] == [("devices:server", 10000), ("devices:custom:a1", 1234)]
    assert (bill.counts["custom"], bill.counts["no_charge"], bill.counts["server"], bill.counts["workstation"]) == (1, 3, 1, 0)
    assert [one.reason for one in bill.devices] == [
        *("set to custom", "set to no_charge", "set to server"),
        *("type is not priced", "type is not priced"),
    ]


def test_users_that_are_not_billed_are_listed_with_the_reason():
    contacts = (
        msp.contact("u1", billable=False, exclusion_reason="shared mailbox"),
        msp.contact("u2", active=False),
        msp.contact("u3", ended_on="2026-10-05"),
        msp.contact("u4", active_on="2026-11-02"),
        msp.contact("u5"),
        msp.contact("u6", billable=False),
    )
    bill = msp.bill(msp.facts(contacts=contacts))
    reasons = ["shared mailbox", "inactive", "ended on 2026-10-05", "starts on 2026-11-02", "billable and active", "not billable"]
    assert [one.reason for one in bill.users] == reasons
    assert (bill.counts["users"], bill.total_cents) == (1, 5000)


def test_a_contact_who_has_left_still_counts_for_the_days_before():
    left = msp.contact(active=False, ended_on="2026-10-16")
    bill = msp.bill(msp.facts(msp.agreement(proration="daily"), contacts=(left,)))
    assert bill.lines[0].quantity_e6 == 483_871


def test_free_and_custom_users():
    choices = {"u1": Choice("free"), "u2": Choice("custom", msp.e4(80))}
    manual = (ManualItem("m1", "user", "Front desk", "paid", to_on="2026-12-01"),)
    known = msp.facts(msp.agreement(manual=manual), contacts=(msp.contact("u1"), msp.contact("u2")), contact_choices=choices)
    bill = msp.bill(known)
    assert (bill.counts["users"], bill.counts["free_users"], bill.counts["custom_users"], bill.groups["users"]) == (1, 1, 1, 13000)


def test_backup_class_follows_a_device_type_set_by_hand():
    assets = (msp.asset("a1", "workstation", "1"), msp.asset("a2", "server", "1"))
    bill = msp.bill(msp.facts(assets=assets, asset_choices={"a1": Choice("vm"), "a2": Choice("workstation")}))
    assert (bill.backup.workstations, bill.backup.servers, bill.groups["backup"]) == (1, 1, 7500)


def test_backup_of_other_classes_counts_in_the_total_only():
    bill = msp.bill(msp.facts(assets=(msp.asset("a1", "switch", "2"), msp.asset("a2", "workstation", "0.5"))))
    assert (bill.backup.workstations, bill.backup.overage_e6, bill.groups["backup"]) == (1, 1_500_000, 2500 + 2250)


def test_backup_by_the_day_takes_devices_of_any_day():
    terms = msp.agreement(proration="daily")
    known = msp.facts(terms, assets=(msp.asset(tb="0.5", retired_on="2026-10-02"),))
    assert msp.bill(known).groups["backup"] == 2500
    assert msp.bill(msp.facts(assets=known.assets)).groups["backup"] == 0


def test_who_joined_and_left_since_the_last_invoice():
    before = msp.bill(msp.facts(assets=(msp.asset("a1"), msp.asset("a2", retired_on="2026-10-05"))), msp.rules("2026-09"))
    now = msp.bill(msp.facts(assets=(msp.asset("a1"), msp.asset("a3"))), previous={"g1": before})
    assert [(one.id, one.change, one.days) for one in now.devices] == [("a1", "", 31), ("a2", "left", 0), ("a3", "joined", 31)]
