"""What of a company counts on a bill: devices, users and backup, each with its weight in days and its reason."""

from msgspec import Struct, structs

from treasury_srv.billing.facts import DEVICE_TYPES, Agreement, Facts, ManualItem, Rules
from treasury_srv.billing.figures import Backup, Counted
from treasury_srv.billing.money import ONE_E6, half_up
from treasury_srv.billing.periods import day_before

TB = 2**40
_DEVICES = frozenset(DEVICE_TYPES)
_BY_TYPE = {kind: f"is a {kind}" for kind in DEVICE_TYPES}
_BY_CHOICE = {kind: f"set to {kind}" for kind in (*DEVICE_TYPES, "other", "custom", "no_charge", "paid", "free")}
_BACKUP = {"workstation": "workstation", "server": "server", "vm": "server"}


class Window(Struct, frozen=True, gc=False):
    """An agreement's days in a period (`to_on` exclusive) and how things are weighed: on `counted_on`, or by the day."""

    from_on: str
    to_on: str
    counted_on: str
    daily: bool
    next_first: str
    days: int

    def weight(self, active_on: str | None, over_on: str | None) -> int:
        """Days that a thing counts for, of the period's days; all of them when it counts without proration."""
        if not self.daily:
            day = self.counted_on
            return self.days if (active_on is None or active_on <= day) and (over_on is None or day < over_on) else 0
        first = self.from_on if active_on is None or active_on < self.from_on else active_on
        over = self.to_on if over_on is None or over_on > self.to_on else over_on
        if first >= over:
            return 0
        last_plus_one = self.days + 1 if over == self.next_first else int(over[8:])
        return last_plus_one - int(first[8:])

    def out_of_force(self, active_on: str | None, over_on: str | None) -> str:
        """Why a thing of weight 0 does not count."""
        if active_on is not None and active_on > self.counted_on:
            return f"starts on {active_on}"
        return f"ended on {over_on}" if over_on else "not in force"


def window(agreement: Agreement, rules: Rules) -> Window | None:
    """The days of the rules' period on which an agreement is in force, or None (rule 2.4)."""
    period = rules.period
    first, over = max(period.first, agreement.start_on), min(period.next_first, agreement.over_on)
    if first >= over:
        return None
    last = day_before(over)
    if period.first <= rules.today < period.next_first:
        last = max(first, min(last, rules.today))
    return Window(first, over, last, agreement.proration == "daily", period.next_first, period.days)


def devices(facts: Facts, agreement: Agreement, within: Window) -> list[Counted]:
    """Every asset and manual device that counts, by name; backup bytes are those of the device, whatever its price."""
    counted: list[Counted] = []
    choices, weight = facts.asset_choices, within.weight
    for asset in facts.assets:
        days = weight(asset.active_on, asset.retired_on)
        if not days:
            continue
        own, price = asset.type, 0
        choice = choices.get(asset.id)
        billed_as = own if own in _DEVICES else "other"
        if choice is None:
            reason = _BY_TYPE.get(own, "type is not priced")
            backup_class = own
        else:
            billed_as, reason = choice.billing_type, _BY_CHOICE[choice.billing_type]
            price = choice.price_e4 if billed_as == "custom" else 0
            backup_class = own if billed_as == "custom" or billed_as == "no_charge" else billed_as
        counted.append(
            Counted(asset.id, asset.name, own, billed_as, days, reason, price, _BACKUP.get(backup_class, ""), asset.backup_bytes)
        )
    counted += _manual(agreement, "device", within)
    counted.sort(key=_by_name)
    return counted


def users(facts: Facts, agreement: Agreement, within: Window) -> list[Counted]:
    """Every contact and manual user by name; those that are not billed are there with the reason."""
    counted: list[Counted] = []
    choices, weight = facts.contact_choices, within.weight
    for contact in facts.contacts:
        days = weight(contact.active_on, contact.ended_on)
        billed_as, reason, price = "paid", "billable and active", 0
        if not contact.billable:
            days, billed_as, reason = 0, "excluded", contact.exclusion_reason or "not billable"
        elif not contact.active and contact.ended_on is None:
            days, billed_as, reason = 0, "inactive", "inactive"
        elif not days:
            billed_as, reason = "inactive", within.out_of_force(contact.active_on, contact.ended_on)
        else:
            choice = choices.get(contact.id)
            if choice is not None:
                billed_as, reason = choice.billing_type, _BY_CHOICE[choice.billing_type]
                price = choice.price_e4 if billed_as == "custom" else 0
        counted.append(Counted(contact.id, contact.name, "contact", billed_as, days, reason, price))
    counted += _manual(agreement, "user", within)
    counted.sort(key=_by_name)
    return counted


def _manual(agreement: Agreement, kind: str, within: Window) -> list[Counted]:
    return [_by_hand(item, days) for item in agreement.manual if item.kind == kind and (days := within.weight(item.from_on, item.to_on))]


def _by_hand(item: ManualItem, days: int) -> Counted:
    reason = f"added by hand: {item.note}" if item.note else "added by hand"
    price = item.price_e4 if item.billing_type == "custom" else 0
    return Counted(item.id, item.name, "manual", item.billing_type, days, reason, price)


def _by_name(counted: Counted) -> tuple[str, str]:
    return counted.name, counted.id


def compared(counted: list[Counted], before: tuple[Counted, ...] | None) -> tuple[Counted, ...]:
    """The frozen list with what joined and what left since the last invoice; as it is when there was none."""
    if before is None:
        return tuple(counted)
    old = {one.id for one in before if one.days}
    now = {one.id for one in counted if one.days}
    marked = [structs.replace(one, change="joined") if one.days and one.id not in old else one for one in counted]
    listed = {one.id for one in counted}
    marked = [structs.replace(one, change="left") if one.id in old - now else one for one in marked]
    gone = [
        structs.replace(one, days=0, backup_bytes=0, reason="no longer there", change="left") for one in before if one.id in old - listed
    ]
    return tuple(sorted(marked + gone, key=_by_name))


def quantity_e6(days: int, within: Window) -> int:
    """Days of things over days of the period, rounded half up to six decimals."""
    return half_up(days * ONE_E6, within.days)


def backup(counted: list[Counted], included_tb_e6: int) -> Backup:
    """W, S, T and what is over the pooled allowance (rule 2.6)."""
    workstations = servers = total = 0
    for one in counted:
        if one.backup_bytes > 0:
            total += one.backup_bytes
            workstations += one.backup_class == "workstation"
            servers += one.backup_class == "server"
    included = (workstations + servers) * included_tb_e6
    over = max(0, half_up(total * ONE_E6 - included * TB, TB))
    return Backup(workstations, servers, total, half_up(total * ONE_E6, TB), included, over)


def whole_counts(devices: list[Counted], users: list[Counted]) -> dict[str, int]:
    """Whole things with any weight by what they are billed as; type `other` is with no_charge, custom are devices."""
    found = dict.fromkeys(("users", "free_users", "custom_users", *DEVICE_TYPES, "custom", "no_charge"), 0)
    for one in devices:
        found["no_charge" if one.billed_as == "other" else one.billed_as] += 1
    for one in users:
        if one.days:
            found[_USER_COUNTS[one.billed_as]] += 1
    return found


_USER_COUNTS = {"paid": "users", "free": "free_users", "custom": "custom_users"}
