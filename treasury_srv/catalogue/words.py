"""Words and values that several kinds of Treasury share: terms, currencies, the ways in which things are billed, days until which."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from hmlib.kinds.types import NEEDED, Checked, Refused
from treasury_srv.billing.money import currencies

TERMS = {"month_to_month": "Month to month", "1_year": "One year", "2_year": "Two years", "3_year": "Three years"}
CURRENCY_HELP = "Three letters such as USD."
FIRST_DAY_WITHOUT = "The first day that no longer counts."
BILLED_AS = {
    "workstation": "Workstation",
    "server": "Server",
    "vm": "Virtual machine",
    "switch": "Switch",
    "firewall": "Firewall",
    "other": "Other, not billed",
    "custom": "At a price of its own",
    "no_charge": "Without charge",
    "paid": "Paid",
    "free": "Free",
}


def _currency(said: str) -> str:
    if said.upper() not in currencies():
        raise Refused("This is no currency code such as USD.")
    return said.upper()


CURRENCY = Checked(check=_currency, needed=True)


def span(field: str, first: str | None, over: str | None) -> dict[str, str]:
    """What is wrong with a span, beside the field of its end: `over` is the first day that no longer counts."""
    wrong = first is not None and over is not None and over <= first
    return {field: "It must be later than the first day: it is the first day that no longer counts."} if wrong else {}


def priced(record: Any) -> Any:
    """Only what is billed at a price of its own has one."""
    return record if record.billing_type == "custom" else structs.replace(record, price_e4=0)


def unpriced(record: Any) -> Mapping[str, str]:
    """What is billed at a price of its own must have one."""
    return {"price": NEEDED} if record.billing_type == "custom" and record.price_e4 is None else {}
