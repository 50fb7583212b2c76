"""Exact money and calendar months."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasury_srv.billing import money, periods


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**9))
def test_halves_go_away_from_zero(numerator, denominator):
    doubled = abs(numerator) * 2 + denominator
    assert money.half_up(numerator, denominator) == (1 if numerator >= 0 else -1) * (doubled // (2 * denominator))


@given(st.integers(-(10**12), 10**12), st.integers(-(10**10), 10**10))
def test_an_amount_is_what_decimal_arithmetic_gives(quantity, price):
    exact = (Decimal(quantity).scaleb(-6) * Decimal(price).scaleb(-4)).scaleb(2)
    assert money.amount_cents(quantity, price, "USD") == exact.quantize(Decimal(1), ROUND_HALF_UP)


@given(st.integers(-(2**53), 2**53), st.integers(0, 6))
def test_decimal_text_and_back(number, places):
    assert money.scaled(money.decimal_text(number, places), places) == number


@pytest.mark.parametrize(
    "text", ["", "x", "1.23456", "NaN", "Infinity", "1e30", "9e9999999", "1e-9999999", "1.00000000000000000000000000000000001"]
)
def test_what_is_no_price_is_refused(text):
    with pytest.raises(ValueError, match=r"number|decimals|large"):
        money.scaled(text, 4)


def test_numbers_as_text():
    assert [money.amount_text(13500, code) for code in ("USD", "JPY", "KWD")] == ["135.00", "13500", "13.500"]
    assert [money.quantity_text(value) for value in (2_500_000, 9_000_000, -500_000, 0)] == ["2.5", "9", "-0.5", "0"]
    assert [money.price_text(value) for value in (500_000, 12_345)] == ["50.00", "1.2345"]


def test_months():
    assert periods.period("2026-12") == periods.Period("2026-12", "2026-12-01", "2027-01-01", 31)
    assert (periods.following("2026-12"), periods.preceding("2026-01")) == ("2027-01", "2025-12")
    for wrong in ("2026-13", "2026-1", "2026-10-01", "", "٢٠٢٦-10"):
        with pytest.raises(ValueError, match="month"):
            periods.period(wrong)


def test_a_day_begins_where_the_zone_says():
    assert periods.starts_at("2026-10-01", "Europe/Berlin") == "2026-09-30T22:00:00.000000Z"
    assert periods.starts_at("2026-03-29", "Asia/Beirut") == "2026-03-28T22:00:00.000000Z"


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2040, 1, 1)))
def test_the_work_date_agrees_with_the_bounds_of_its_day(moment):
    at = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    day = periods.work_date(at, "America/St_Johns")
    assert periods.starts_at(day, "America/St_Johns") <= at
    assert periods.work_date(periods.starts_at(day, "America/St_Johns"), "America/St_Johns") == day
