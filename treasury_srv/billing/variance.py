"""Why a bill differs from the one before it: parts that add up to the difference of the totals exactly."""

from msgspec import Struct

from treasury_srv.billing.figures import Bill, Line
from treasury_srv.billing.money import amount_cents


class Variance(Struct, frozen=True, gc=False):
    """The parts of total - previous total, in minor units: they add up exactly (rule 2.8)."""

    price_cents: int = 0
    quantity_cents: int = 0
    proration_cents: int = 0
    hours_cents: int = 0
    backup_cents: int = 0
    one_off_cents: int = 0
    started_cents: int = 0
    ended_cents: int = 0
    tax_cents: int = 0

    @property
    def total_cents(self) -> int:
        return sum(getattr(self, name) for name in self.__struct_fields__)


def variance(before: Bill | None, now: Bill | None) -> Variance | None:
    """What makes `now` differ from `before`; None for a side is an agreement that starts or ends; None when currencies differ."""
    if before is None or now is None:
        started, ended = now.subtotal_cents if now else 0, -before.subtotal_cents if before else 0
        tax = (now.tax_cents if now else 0) - (before.tax_cents if before else 0)
        return Variance(started_cents=started, ended_cents=ended, tax_cents=tax)
    if before.currency != now.currency:
        return None
    parts = dict.fromkeys(Variance.__struct_fields__, 0)
    old, new = {line.key: line for line in before.lines}, {line.key: line for line in now.lines}
    for key in old.keys() | new.keys():
        for part, cents in _parts(old.get(key), new.get(key), now.currency):
            parts[part] += cents
    parts["tax_cents"] = now.tax_cents - before.tax_cents
    return Variance(**parts)


def _parts(old: Line | None, new: Line | None, currency: str) -> list[tuple[str, int]]:
    one = new or old
    assert one is not None
    difference = (new.amount_cents if new else 0) - (old.amount_cents if old else 0)
    if one.group in ("hours", "backup"):
        return [(f"{one.group}_cents", difference)]
    if one.kind in ("one_off", "yearly"):
        return [("one_off_cents", difference)]
    if (one.group == "line_items" or ":custom:" in one.key) and (old is None or new is None):
        return [("started_cents" if old is None else "ended_cents", difference)]
    return _counted(old, new, one.unit_price_e4, difference, currency)


def _counted(old: Line | None, new: Line | None, price_e4: int, difference: int, currency: str) -> list[tuple[str, int]]:
    """Price at the old quantity, then whole things at the new price; what is left is proration."""
    old_quantity, old_whole = (old.quantity_e6, old.whole_e6) if old else (0, 0)
    price = amount_cents(old_quantity, price_e4, currency) - (old.amount_cents if old else 0)
    quantity = amount_cents(new.whole_e6 if new else 0, price_e4, currency) - amount_cents(old_whole, price_e4, currency)
    return [("price_cents", price), ("quantity_cents", quantity), ("proration_cents", difference - price - quantity)]
