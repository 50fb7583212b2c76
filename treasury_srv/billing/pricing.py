"""Which prices hold on a day: the plan's version for the term, then the agreement's overrides (rule 2.1 of billing)."""

from msgspec import Struct

from treasury_srv.billing.facts import PREPAID, PRICE_RATES, Agreement, Override, Plan, PriceVersion
from treasury_srv.billing.figures import Refusal

FEATURE = "feature:"


class Prices(Struct, frozen=True, gc=False):
    """The rates of one bill, and why each is what it is."""

    plan: Plan
    version: PriceVersion
    rates: dict[str, int]
    features: dict[str, str]
    version_why: str
    overridden: dict[str, str]

    def why(self, rate: str) -> str:
        return self.overridden.get(rate, self.version_why)


def in_force(overrides: tuple[Override, ...], day: str) -> dict[str, Override]:
    """The override of each thing on a day; of two, the one that began later."""
    found: dict[str, Override] = {}
    for one in overrides:
        if one.valid_from <= day and (one.valid_to is None or day < one.valid_to):
            other = found.get(one.what)
            if other is None or (one.valid_from, one.id) > (other.valid_from, other.id):
                found[one.what] = one
    return found


def prices(agreement: Agreement, plans: dict[str, Plan], day: str) -> Prices | Refusal:
    """The prices of an agreement on a day, or why there are none."""
    chosen = in_force(agreement.overrides, day) if agreement.overrides else {}
    plan = plans.get(chosen["plan"].text if "plan" in chosen else agreement.plan_id)
    if plan is None:
        return Refusal("no_plan", "The agreement's plan does not exist.", agreement.id)
    version = version_on(plan, agreement.term, day)
    if version is None:
        return Refusal("no_price", f"The plan {plan.name} has no prices for the term {agreement.term} on {day}.", agreement.id)
    if version.currency != agreement.currency:
        reason = f"The agreement is in {agreement.currency}, the prices of {plan.name} are in {version.currency}."
        return Refusal("currency", reason, agreement.id)
    version_why = f"{plan.name}, {agreement.term}, prices of {version.valid_from}"
    if not chosen:
        return Prices(plan, version, version.rates, plan.features, version_why, {})
    return _overridden(Prices(plan, version, version.rates, plan.features, version_why, {}), chosen)


def version_on(plan: Plan, term: str, day: str) -> PriceVersion | None:
    """The price version of a plan and term that is in force on a day."""
    best: PriceVersion | None = None
    for version in plan.versions:
        if version.term == term and version.valid_from <= day and (best is None or version.valid_from > best.valid_from):
            best = version
    return best


def _overridden(listed: Prices, chosen: dict[str, Override]) -> Prices:
    rates, features, overridden = dict(listed.rates), dict(listed.features), {}
    for what, one in chosen.items():
        if what.startswith(FEATURE):
            features[what.removeprefix(FEATURE)] = one.text
        elif what in PRICE_RATES:
            rates[what] = one.number
            overridden[what] = override_why(one)
    return Prices(listed.plan, listed.version, rates, features, listed.version_why, overridden)


def override_why(one: Override) -> str:
    """An override in words."""
    return f"override since {one.valid_from}" if one.valid_from else "override"


def prepaid_on(agreement: Agreement, what: str, day: str) -> int:
    """Prepaid hours (one of PREPAID, _e6) in force on a day."""
    if agreement.overrides:
        one = in_force(agreement.overrides, day).get(what)
        if one is not None:
            return one.number
    return agreement.prepaid_hours_monthly_e6 if what == PREPAID[0] else agreement.prepaid_hours_yearly_e6
