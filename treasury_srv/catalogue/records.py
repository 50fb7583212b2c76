"""How records are made out of what is given by field, and shown again: what follows from other fields is filled in."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from hmlib.errors import Invalid
from treasury_srv.billing.facts import IN_E6, PREPAID, PRICE_RATES
from treasury_srv.billing.money import PRICE_PLACES, QUANTITY_PLACES, decimal_text
from treasury_srv.billing.periods import end_of_term
from treasury_srv.catalogue import fields
from treasury_srv.catalogue.fields import NEEDED, Field, Rows
from treasury_srv.invoices.gathering import RATE_COLUMNS
from treasury_srv.queries.agreements import Agreement
from treasury_srv.queries.overrides import Override
from treasury_srv.queries.prices import Price

R = TypeVar("R", bound=msgspec.Struct)
_NUMBERS = frozenset({*PRICE_RATES, *PREPAID})


def plain(rows: Rows) -> Callable[[Any], dict[str, Any]]:
    return lambda record: fields.shown(rows, record)


def replaced(before: R, values: dict[str, Any]) -> R:
    return structs.replace(before, **values)


def priced(before: Any, values: dict[str, Any]) -> Any:
    """Only what is billed at a price of its own has one, and it must."""
    if values.get("billing_type", before.billing_type) != "custom":
        return structs.replace(before, **{**values, "price_e4": 0})
    if "price_e4" not in values or values["price_e4"] is None:
        raise Invalid({"price": NEEDED})
    return structs.replace(before, **values)


def dated(before: Agreement, values: dict[str, Any]) -> Agreement:
    """The last day follows from start and term unless it is given; one that followed from them follows again when they change."""
    if "currency" in values:
        values["currency"] = values["currency"].upper()
    wanted = structs.replace(before, **values)
    moved = (wanted.start_on, wanted.term) != (before.start_on, before.term)
    followed = bool(before.start_on) and wanted.end_on == before.end_on == end_of_term(before.start_on, before.term)
    if wanted.end_on is None or (moved and followed):
        return structs.replace(wanted, end_on=end_of_term(wanted.start_on, wanted.term))
    return wanted


def blank_price(plan_id: str, currency: str = "") -> Price:
    """A price version that is still to be filled in."""
    rates: dict[str, Any] = dict.fromkeys((RATE_COLUMNS[name] for name in PRICE_RATES), 0)
    return Price(id="", plan_id=plan_id, term="", valid_from="", currency=currency, **rates)


def in_currency(before: Price, values: dict[str, Any]) -> Price:
    if "currency" in values:
        values["currency"] = values["currency"].upper()
    return structs.replace(before, **values)


def override_shown(record: Override) -> dict[str, Any]:
    value = decimal_text(record.number, _places(record.what), 2 if _places(record.what) == PRICE_PLACES else 0)
    value = value if record.what in _NUMBERS else "" if record.what == "plan" else record.text
    plan_id = record.text if record.what == "plan" else ""
    return {"what": record.what, "value": value, "plan_id": plan_id, "valid_from": record.valid_from or None, "valid_to": record.valid_to}


def _places(what: str) -> int:
    return QUANTITY_PLACES if what in IN_E6 else PRICE_PLACES


def override(before: Override, values: dict[str, Any]) -> Override:
    """The value is read as what it stands for: a number, a plan, or a feature's text."""
    given = override_shown(before) | values
    what, value = given["what"], given["value"]
    dates = {name: values[name] for name in ("what", "valid_from", "valid_to") if name in values}
    if what in _NUMBERS:
        number = fields.read(((Field("value", "", "decimal", required=True, places=_places(what), minimum=0),),), {"value": value})["value"]
        return structs.replace(before, number=number, text="", **dates)
    text = given["plan_id"] if what == "plan" else value
    if not text:
        raise Invalid({"plan_id" if what == "plan" else "value": NEEDED})
    return structs.replace(before, number=0, text=text, **dates)
