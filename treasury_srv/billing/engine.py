"""One company's bill for one month, from facts alone: preview, draft and finalised invoice are all this function."""

from collections.abc import Iterable

from treasury_srv.billing import counting, lines
from treasury_srv.billing.counting import Window
from treasury_srv.billing.facts import Agreement, Entry, Facts, Rules
from treasury_srv.billing.figures import Bill, CompanyBill, Line, Refusal, Tax
from treasury_srv.billing.hours import hours
from treasury_srv.billing.money import tax_cents
from treasury_srv.billing.pricing import Prices, prices

ENGINE = "1"
Priced = tuple[Agreement, Window, Prices]


def bill_company(facts: Facts, rules: Rules, previous: dict[str, Bill] | None = None) -> CompanyBill:
    """A company's bills for the rules' period, or why it is not billable; `previous` is the last invoice by agreement id."""
    priced, refusals = _priced(facts, rules)
    windows = [within for _, within, _ in priced]
    bills = tuple(_bill(facts, one, rules, windows[place + 1 :], (previous or {}).get(one[0].id)) for place, one in enumerate(priced))
    return CompanyBill(facts.company, bills, tuple(refusals), _uncovered(facts, rules))


def _priced(facts: Facts, rules: Rules) -> tuple[list[Priced], list[Refusal]]:
    """The agreements in force in the period, by start, with their prices on its first day (or on theirs); and why others have none."""
    priced: list[Priced] = []
    refusals: list[Refusal] = []
    for agreement in sorted(facts.agreements, key=_by_start):
        within = counting.window(agreement, rules)
        if within is None:
            continue
        found = prices(agreement, rules.plans, within.from_on)
        if isinstance(found, Refusal):
            refusals.append(found)
        else:
            priced.append((agreement, within, found))
    return priced, refusals if priced or refusals else [_no_agreement(facts, rules)]


def _by_start(agreement: Agreement) -> tuple[str, str]:
    return agreement.start_on, agreement.id


def _no_agreement(facts: Facts, rules: Rules) -> Refusal:
    later = [one for one in facts.agreements if one.start_on >= rules.period.next_first]
    if later:
        first = min(later, key=_by_start)
        return Refusal("not_started", f"The agreement starts on {first.start_on}.", first.id)
    over = [one for one in facts.agreements if one.ended_on]
    if over:
        last = max(over, key=_by_start)
        return Refusal("ended", f"The agreement ended: {last.ended_on} is the first day without it.", last.id)
    return Refusal("no_agreement", "The company has no agreement.")


def _bill(facts: Facts, one: Priced, rules: Rules, later: list[Window], previous: Bill | None) -> Bill:
    agreement, within, priced = one
    devices, users = counting.devices(facts, agreement, within), counting.users(facts, agreement, within)
    done = hours(agreement, facts.entries, facts.finalised.get(agreement.id, {}), rules)
    held = counting.backup(devices, priced.rates["backup_included_tb"])
    builder = lines.LineBuilder(agreement, priced, within)
    printed = (*builder.devices(devices), *builder.users(users), *builder.hours(done), *builder.backup(held))
    if facts.items:
        printed = (*printed, *builder.items(lines.due_items(facts.items, rules, within, later)))
    groups, taxes = _groups(printed), _taxes(printed)
    subtotal, tax = sum(groups.values()), sum(each.tax_cents for each in taxes)
    return Bill(
        agreement_id=agreement.id,
        company_id=facts.company.id,
        period=rules.period.key,
        period_days=rules.period.days,
        from_on=within.from_on,
        to_on=within.to_on,
        counted_on=within.counted_on,
        expired=agreement.end_on is not None and within.counted_on > agreement.end_on,
        plan_id=priced.plan.id,
        plan_name=priced.plan.name,
        term=agreement.term,
        currency=agreement.currency,
        proration=agreement.proration,
        price_version_id=priced.version.id,
        features=priced.features,
        lines=printed,
        devices=counting.compared(devices, previous.devices if previous else None),
        users=counting.compared(users, previous.users if previous else None),
        counts=counting.whole_counts(devices, users),
        hours=done,
        backup=held,
        groups=groups,
        taxes=taxes,
        subtotal_cents=subtotal,
        tax_cents=tax,
        total_cents=subtotal + tax,
    )


def _groups(printed: Iterable[Line]) -> dict[str, int]:
    groups = dict.fromkeys(lines.GROUPS, 0)
    for line in printed:
        groups[line.group] += line.amount_cents
    return groups


def _taxes(printed: Iterable[Line]) -> tuple[Tax, ...]:
    """The tax of each category and rate on the sum of its lines, rounded once (EN 16931)."""
    bases: dict[tuple[str, int], int] = {}
    for line in printed:
        at = line.tax_category, line.tax_percent_e4
        bases[at] = bases.get(at, 0) + line.amount_cents
    return tuple(Tax(category, percent, base, tax_cents(base, percent)) for (category, percent), base in sorted(bases.items()))


def _uncovered(facts: Facts, rules: Rules) -> int:
    """Billable hours worked in the period on days without an agreement, which no bill can have."""
    if any(one.start_on <= rules.period.first and one.over_on >= rules.period.next_first for one in facts.agreements):
        return 0
    return sum(entry.hours_e6 for entry in facts.entries if _is_uncovered(entry, facts, rules))


def _is_uncovered(entry: Entry, facts: Facts, rules: Rules) -> bool:
    in_period = rules.period.first <= entry.worked_on < rules.period.next_first
    return in_period and entry.billable and not entry.invoice_id and not any(one.covers(entry.worked_on) for one in facts.agreements)
