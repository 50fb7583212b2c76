"""What may stand in the fields of plans, prices, agreements, overrides, manual items, line items, billing types and labour."""

from collections.abc import Mapping

from treasury_srv.billing.facts import (
    ASSET_BILLING_TYPES,
    CONTACT_BILLING_TYPES,
    IN_E6,
    PREPAID,
    PRICE_RATES,
)
from treasury_srv.billing.money import PRICE_PLACES, QUANTITY_PLACES, currencies
from treasury_srv.billing.pricing import FEATURE
from treasury_srv.catalogue.fields import Field, Rows
from treasury_srv.catalogue.spans import FIRST_DAY_WITHOUT, span
from treasury_srv.invoices.gathering import RATE_COLUMNS
from treasury_srv.queries.agreements import Agreement
from treasury_srv.queries.manual_items import ManualItem
from treasury_srv.queries.overrides import Override
from treasury_srv.queries.prices import Price

Errors = Mapping[str, str]
CURRENCY = "This is no currency code such as USD."
TERM_LABELS = {"month_to_month": "Month to month", "1_year": "One year", "2_year": "Two years", "3_year": "Three years"}
RATE_LABELS = dict(
    zip(
        PRICE_RATES,
        (
            *("Per user", "Per workstation", "Per server", "Per virtual machine", "Per switch", "Per firewall", "Per hour of labour"),
            *("Backup, per workstation", "Backup, per server or VM", "Backup TB included per device", "Backup, per TB over"),
        ),
        strict=True,
    )
)
PREPAID_LABELS = {PREPAID[0]: "Prepaid hours a month", PREPAID[1]: "Prepaid hours a year"}
WHAT_LABELS = {**RATE_LABELS, **PREPAID_LABELS, "plan": "Plan"}
TYPE_LABELS = {
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
PRORATION_LABELS = {"none": "None", "daily": "Daily"}
THING_LABELS = {"device": "Device", "user": "User"}


def pairs(labels: Mapping[str, str], keys: tuple[str, ...] = ()) -> tuple[tuple[str, str], ...]:
    """What a drop-down offers: all of the labels, or those of some keys."""
    return tuple((key, labels[key]) for key in keys or labels)


def _rate(name: str) -> Field:
    places, least = (QUANTITY_PLACES, 0) if name in IN_E6 else (PRICE_PLACES, 2)
    return Field(name, RATE_LABELS[name], "decimal", RATE_COLUMNS[name], required=True, minimum=0, places=places, least=least)


def _hours(name: str, label: str, attribute: str, help: str = "") -> Field:
    return Field(name, label, "decimal", attribute, empty=0, places=QUANTITY_PLACES, minimum=0, help=help)


PLAN: Rows = (
    (Field("name", "Name", required=True),),
    (Field("features", "Features", "pairs", help="One a line: a name, a colon, and the text for it, such as antivirus: Included"),),
)
PRICE: Rows = (
    (
        Field("term", "Term", "choice", required=True, choices=pairs(TERM_LABELS)),
        Field("valid_from", "In force from", "date", required=True),
    ),
    (Field("currency", "Currency", required=True, max_length=3, help="Three letters such as USD."), _rate(PRICE_RATES[0])),
    *((_rate(PRICE_RATES[at]), _rate(PRICE_RATES[at + 1])) for at in range(1, len(PRICE_RATES), 2)),
)
AGREEMENT: Rows = (
    (
        Field("plan_id", "Plan", "choice", required=True, source="plans"),
        Field("term", "Term", "choice", required=True, choices=pairs(TERM_LABELS)),
    ),
    (
        Field("start_on", "Starts on", "date", required=True),
        Field("end_on", "Last agreed day", "date", help="Left empty, it follows from the term."),
    ),
    (
        Field("currency", "Currency", required=True, max_length=3, help="Three letters such as USD, the same as the plan's prices."),
        Field(
            *("proration", "Proration", "choice"),
            empty="none",
            choices=pairs(PRORATION_LABELS),
            help="None: what is there on the last day counts whole. Daily: each day counts.",
        ),
    ),
    (
        _hours("prepaid_hours_monthly", PREPAID_LABELS[PREPAID[0]], "prepaid_hours_monthly_e6", "Not carried over."),
        _hours("prepaid_hours_yearly", PREPAID_LABELS[PREPAID[1]], "prepaid_hours_yearly_e6", "The pool."),
    ),
    (
        _hours("minimum_hours_per_entry", "Least hours an entry counts", "minimum_hours_e6"),
        _hours("rounding_hours", "Entries are rounded up to", "rounding_hours_e6", "In hours: 0.25 is a quarter."),
    ),
    (
        Field("tax_percent", "Tax in percent", "decimal", "tax_percent_e4", empty=0, minimum=0, maximum=100),
        Field("due_days", "Days until an invoice is due", "int", empty=30, minimum=0, maximum=365),
    ),
)
OVERRIDE: Rows = (
    (Field("what", "What is different", "choice", required=True, source="whats"),),
    (
        Field("value", "Value", max_length=200, help="A price, hours or TB as a number; for a feature its text."),
        Field("plan_id", "Plan", "choice", empty="", source="plans", help="Only when the plan is what is different."),
    ),
    (
        Field("valid_from", "From", "date", empty="", help="Left empty: always."),
        Field("valid_to", "Until", "date", help=FIRST_DAY_WITHOUT),
    ),
)
MANUAL_ITEM: Rows = (
    (Field("kind", "Kind", "choice", required=True, choices=pairs(THING_LABELS)), Field("name", "Name", required=True)),
    (
        Field("billing_type", "Billed as", "choice", required=True, choices=pairs(TYPE_LABELS)),
        Field("price", "Price of its own", "decimal", "price_e4", least=2, minimum=0),
    ),
    (Field("from_on", "From", "date"), Field("to_on", "Until", "date", help=FIRST_DAY_WITHOUT)),
    (Field("note", "Note", "lines", empty="", max_length=1000),),
)
ASSET_OVERRIDE: Rows = (
    (
        Field("billing_type", "Billed as", "choice", required=True, choices=pairs(TYPE_LABELS, ASSET_BILLING_TYPES)),
        Field("price", "Price of its own", "decimal", "price_e4", least=2, minimum=0),
    ),
)
CONTACT_OVERRIDE: Rows = (
    (
        Field("billing_type", "Billed as", "choice", required=True, choices=pairs(TYPE_LABELS, CONTACT_BILLING_TYPES)),
        Field("price", "Price of its own", "decimal", "price_e4", least=2, minimum=0),
    ),
)


def price(wanted: Price) -> Errors:
    return _currency(wanted.currency)


def agreement(wanted: Agreement) -> Errors:
    errors = dict(_currency(wanted.currency))
    if wanted.end_on is not None and wanted.term == "month_to_month":
        errors["end_on"] = "An agreement from month to month has no last day."
    elif wanted.end_on is not None and wanted.end_on < wanted.start_on:
        errors["end_on"] = "This is before the day it starts."
    if wanted.ended_on is not None and wanted.ended_on < wanted.start_on:
        errors["ended_on"] = "This is before the day it starts."
    return errors


def override(wanted: Override) -> Errors:
    what = wanted.what
    known = what in (*PRICE_RATES, *PREPAID, "plan") or (what.startswith(FEATURE) and len(what) > len(FEATURE))
    errors = {} if known else {"what": "Choose one of the list."}
    return {**errors, **span("valid_to", wanted.valid_from or None, wanted.valid_to)}


def manual_item(wanted: ManualItem) -> Errors:
    offered = ASSET_BILLING_TYPES if wanted.kind == "device" else CONTACT_BILLING_TYPES
    errors = {} if wanted.billing_type in offered else {"billing_type": f"A {wanted.kind} is billed as one of {', '.join(offered)}."}
    return {**errors, **span("to_on", wanted.from_on, wanted.to_on)}


def _currency(code: str) -> Errors:
    return {} if code in currencies() else {"currency": CURRENCY}
