"""The priced lines of a bill, in the order in which they are printed, each with the reasons for its quantity and its price."""

from collections.abc import Iterable, Iterator

from msgspec import structs

from treasury_srv.billing import money
from treasury_srv.billing.counting import Window, quantity_e6
from treasury_srv.billing.facts import DEVICE_TYPES, Agreement, LineItem, Rules
from treasury_srv.billing.figures import Backup, Counted, Hours, Line
from treasury_srv.billing.hours import POOL_LINE
from treasury_srv.billing.money import ONE_E6
from treasury_srv.billing.pricing import Prices

GROUPS = ("devices", "users", "hours", "backup", "line_items")
_PLURALS = {kind: f"{kind}{'es' if kind.endswith('ch') else 's'}" for kind in DEVICE_TYPES} | {"paid": "users"}
_LABELS = {"workstation": "Workstations", "server": "Servers", "vm": "Virtual machines", "switch": "Switches", "firewall": "Firewalls"}


class LineBuilder:
    """Makes the lines of one bill: it holds what they share, the currency's divisor and the agreement's tax."""

    def __init__(self, agreement: Agreement, prices: Prices, within: Window) -> None:
        self.prices, self.within = prices, within
        self.divisor = money.divisor(prices.version.currency)
        self.half = self.divisor // 2
        self.tax_percent_e4 = agreement.tax_percent_e4

    def line(
        self, key: str, group: str, label: str, quantity: int, price_e4: int, why: str, price_why: str, whole: int, kind: str = ""
    ) -> Line:
        product = quantity * price_e4
        # The divisor is even, so this is money.half_up without the call.
        amount = (product + self.half) // self.divisor if product >= 0 else -((self.half - product) // self.divisor)
        return Line(key, group, label, quantity, price_e4, amount, why, price_why, "standard", self.tax_percent_e4, whole, kind)

    def rated(self, key: str, group: str, label: str, quantity: int, rate: str, why: str, whole: int) -> Line:
        return self.line(key, group, label, quantity, self.prices.rates[rate], why, self.prices.why(rate), whole)

    def counted(self, things: Iterable[Counted], group: str, billed_as: str, label: str, rate: str) -> Iterator[Line]:
        """One line for the things of a type."""
        number = days = 0
        for one in things:
            if one.billed_as == billed_as:
                number += 1
                days += one.days
        if number:
            key = f"{group}:{billed_as}"
            why = self.weighed(f"{number} {_PLURALS[billed_as]}", days)
            yield self.rated(key, group, label, quantity_e6(days, self.within), rate, why, number * ONE_E6)

    def customs(self, things: Iterable[Counted], group: str) -> Iterator[Line]:
        """A line of its own for each thing that has a price of its own."""
        for one in things:
            if one.billed_as == "custom":
                quantity, why = quantity_e6(one.days, self.within), self.weighed(f"1 of {group}", one.days)
                yield self.line(f"{group}:custom:{one.id}", group, one.name, quantity, one.price_e4, why, "price of its own", ONE_E6)

    def weighed(self, what: str, days: int) -> str:
        if self.within.daily:
            return f"{what}, {days} days in force ÷ {self.within.days} days of the month"
        return f"{what} in force on {self.within.counted_on}"

    def devices(self, things: list[Counted]) -> Iterator[Line]:
        present = {one.billed_as for one in things}
        for kind in DEVICE_TYPES:
            if kind in present:
                yield from self.counted(things, "devices", kind, _LABELS[kind], f"per_{kind}")
        if "custom" in present:
            yield from self.customs(things, "devices")

    def users(self, things: list[Counted]) -> Iterator[Line]:
        yield from self.counted(things, "users", "paid", "Users", "per_user")
        yield from self.customs(things, "users")

    def hours(self, done: Hours) -> Iterator[Line]:
        text = money.quantity_text
        if done.from_pool_e6 or done.late_from_pool_e6:
            drawn = done.from_pool_e6 + done.late_from_pool_e6
            why = f"of {text(done.excess_e6 + done.late_e6)} h beyond the allowance; the pool has {text(done.pool_left_e6)} h left"
            yield self.line(POOL_LINE, "hours", "Hours from the yearly pool", drawn, 0, why, "prepaid", drawn)
        if done.billable_e6:
            taken = f" - {text(done.from_pool_e6)} h from the pool" if done.from_pool_e6 else ""
            why = f"{text(done.worked_e6)} h worked - {text(done.allowance_e6)} h included{taken}"
            yield self.rated("hours:billable", "hours", "Hours", done.billable_e6, "per_hour", why, done.billable_e6)
        if done.late_billable_e6:
            months = ", ".join(sorted({entry.worked_on[:7] for entry in done.entries if entry.late}))
            why = f"{text(done.late_e6)} h reported late - {text(done.late_from_pool_e6)} h from the pool of their year"
            yield self.rated("hours:late", "hours", f"Hours of {months}", done.late_billable_e6, "per_hour", why, done.late_billable_e6)

    def backup(self, held: Backup) -> Iterator[Line]:
        for key, number, label in (("workstation", held.workstations, "workstations"), ("server", held.servers, "servers")):
            if number:
                why = f"{number} {label} with backup data"
                yield self.rated(
                    f"backup:{key}", "backup", f"Backup of {label}", number * ONE_E6, f"backup_base_{key}", why, number * ONE_E6
                )
        if held.overage_e6:
            why = f"{money.quantity_text(held.tb_e6)} TB stored - {money.quantity_text(held.included_e6)} TB included"
            yield self.rated("backup:over", "backup", "Backup storage, TB over", held.overage_e6, "backup_per_tb", why, held.overage_e6)

    def items(self, items: Iterable[LineItem]) -> Iterator[Line]:
        for item in items:
            price_why = "discount" if item.unit_price_e4 < 0 else "as agreed"
            made = self.line(
                f"item:{item.id}",
                "line_items",
                item.name,
                item.quantity_e6,
                item.unit_price_e4,
                _ITEM_WHY[item.kind],
                price_why,
                item.quantity_e6,
                item.kind,
            )
            untaxed = item.tax_category != "standard"
            yield structs.replace(made, tax_category=item.tax_category, tax_percent_e4=0) if untaxed else made


_ITEM_WHY = {"recurring": "charged every month", "one_off": "charged once, in this month", "yearly": "charged every year in this month"}


def due_items(items: tuple[LineItem, ...], rules: Rules, within: Window, later: list[Window]) -> list[LineItem]:
    """The items that this bill charges (rule 2.7): of a company's bills in one month, the last one that an item touches has it."""
    due = [item for item in items if touches(item, rules, within) and not any(touches(item, rules, other) for other in later)]
    due.sort(key=_by_name)
    return due


def touches(item: LineItem, rules: Rules, within: Window) -> bool:
    """Whether an item is charged in a window's days of the month."""
    if item.kind == "recurring":
        return (item.from_on is None or item.from_on < within.to_on) and (item.to_on is None or item.to_on > within.from_on)
    key = rules.period.key
    return item.month == int(key[5:]) and (item.kind == "yearly" or item.year == int(key[:4]))


def _by_name(item: LineItem) -> tuple[str, str]:
    return item.name, item.id
