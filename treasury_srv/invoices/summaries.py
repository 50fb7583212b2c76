"""A company's month in a few numbers: what lists show and what `GET /api/billing_summary` answers. Pure: no I/O."""

from collections.abc import Iterable, Mapping

from msgspec import UNSET, Struct, UnsetType, to_builtins

from treasury_srv.billing.figures import Bill, CompanyBill, Refusal
from treasury_srv.billing.money import QUANTITY_PLACES, amount_text, decimal_text
from treasury_srv.queries.invoices import InvoiceState

STATUSES = ("preview", "draft", "approved", "finalised")
NOT_BILLABLE = "not_billable"
FAULTS = frozenset({"no_plan", "no_price", "currency", "currencies"})
_PREVIEW = InvoiceState("preview", None)


class AgreementFigures(Struct, frozen=True, gc=False):
    """One agreement's bill in numbers: hours and TB in millionths (_e6), amounts in minor units by group."""

    agreement_id: str
    status: str
    number: str | None
    plan_id: str
    plan: str
    term: str
    currency: str
    expired: bool
    counts: dict[str, int]
    worked_e6: int
    allowance_e6: int
    from_pool_e6: int
    billable_e6: int
    pool_left_e6: int
    backup_tb_e6: int
    groups: dict[str, int]
    subtotal_cents: int
    tax_cents: int
    total_cents: int


class CompanyFigures(Struct, frozen=True, gc=False):
    """One company in a month: its agreements' figures, their sum (None when it has no bill or its currencies differ), or why not."""

    company_id: str
    account_number: str
    name: str
    status: str
    refusal: Refusal | None
    agreements: tuple[AgreementFigures, ...]
    sum: AgreementFigures | None
    uncovered_e6: int
    faults: tuple[Refusal, ...] = ()


def figures(found: CompanyBill, invoice_states: Mapping[str, InvoiceState]) -> CompanyFigures:
    """A company's figures out of its bills and where each of them stands."""
    each = tuple(_agreement(bill, invoice_states.get(bill.agreement_id, _PREVIEW)) for bill in found.bills)
    total = summed(each)
    faults = tuple(refusal for refusal in found.refusals if refusal.code in FAULTS)
    if each and total is None:
        faults = (*faults, Refusal("currencies", "Two agreements in one month are in different currencies: see each of them."))
    status = min((one.status for one in each), key=STATUSES.index, default=NOT_BILLABLE)
    company = found.company
    refusal = found.refusals[0] if found.refusals and not each else None
    return CompanyFigures(company.id, company.account_number, company.name, status, refusal, each, total, found.uncovered_e6, faults)


def _agreement(bill: Bill, invoice_state: InvoiceState) -> AgreementFigures:
    hours = bill.hours
    return AgreementFigures(
        agreement_id=bill.agreement_id,
        status=invoice_state.status,
        number=invoice_state.number,
        plan_id=bill.plan_id,
        plan=bill.plan_name,
        term=bill.term,
        currency=bill.currency,
        expired=bill.expired,
        counts=bill.counts,
        worked_e6=hours.worked_e6,
        allowance_e6=hours.allowance_e6,
        from_pool_e6=hours.from_pool_e6 + hours.late_from_pool_e6,
        billable_e6=hours.billable_e6 + hours.late_billable_e6,
        pool_left_e6=hours.pool_left_e6,
        backup_tb_e6=bill.backup.tb_e6,
        groups=bill.groups,
        subtotal_cents=bill.subtotal_cents,
        tax_cents=bill.tax_cents,
        total_cents=bill.total_cents,
    )


_ADDED = (
    *("worked_e6", "allowance_e6", "from_pool_e6", "billable_e6", "backup_tb_e6"),
    *("subtotal_cents", "tax_cents", "total_cents"),
)


def summed(each: tuple[AgreementFigures, ...]) -> AgreementFigures | None:
    """Agreements added up under the last one's name, plan and pool; None for no agreement or two currencies."""
    if len(each) < 2:
        return each[0] if each else None
    if len({one.currency for one in each}) > 1:
        return None
    last = each[-1]
    added = {name: sum(getattr(one, name) for one in each) for name in _ADDED}
    maps = {name: {key: sum(getattr(one, name)[key] for one in each) for key in getattr(last, name)} for name in ("counts", "groups")}
    kept = {name: getattr(last, name) for name in last.__struct_fields__}
    return AgreementFigures(**kept | added | maps | {"expired": any(one.expired for one in each)})


class Counts(Struct, frozen=True):
    """Whole things with any weight; devices that are `custom` and `custom_users` have a price of their own, `no_charge` has also
    devices of type other."""

    users: int
    free_users: int
    custom_users: int
    workstation: int
    server: int
    vm: int
    switch: int
    firewall: int
    custom: int
    no_charge: int


class HoursSummary(Struct, frozen=True):
    """Hours as decimal text: worked in the month, granted by the allowance, drawn and left of the yearly pool, billed (late ones too)."""

    worked: str
    allowance: str
    from_pool: str
    billable: str
    pool_left: str


class Amounts(Struct, frozen=True):
    """Amounts as decimal text in the agreement's currency; devices and users include those with a price of their own."""

    devices: str
    users: str
    hours: str
    backup: str
    line_items: str
    subtotal: str
    tax: str
    total: str


class AgreementSummary(Struct, frozen=True):
    """One agreement's part of a company that has two in one month."""

    agreement_id: str
    status: str
    plan: str
    term: str
    currency: str
    counts: Counts
    hours: HoursSummary
    backup_tb: str
    amounts: Amounts
    invoice_number: str | None


class CompanySummary(Struct, frozen=True):
    """A company in a month: status is preview, draft, approved, finalised or not_billable, the last with its reason."""

    company_id: str
    account_number: str
    name: str
    status: str
    reason: str | None
    plan: str | None = None
    term: str | None = None
    currency: str | None = None
    counts: Counts | None = None
    hours: HoursSummary | None = None
    backup_tb: str | None = None
    amounts: Amounts | None = None
    invoice_number: str | None = None
    agreements: list[AgreementSummary] | UnsetType = UNSET


class NotComputed(Struct, frozen=True):
    """What could not be worked out, and why."""

    account_number: str
    reason: str


class BillingSummary(Struct, frozen=True):
    """The answer of `GET /api/billing_summary` (spec/imports.md): companies in the order of their account numbers."""

    period: str
    as_of: str
    companies: list[CompanySummary]
    not_computed: list[NotComputed]


def billing_summary(period: str, as_of: str, companies: Iterable[CompanyFigures]) -> BillingSummary:
    """The API's answer."""
    ordered = sorted(companies, key=by_account)
    return BillingSummary(period, as_of, [_company(one) for one in ordered], not_computed(ordered))


def by_account(one: CompanyFigures) -> tuple[str, str]:
    """The order of the API's answer."""
    return one.account_number, one.company_id


def not_computed(companies: Iterable[CompanyFigures]) -> list[NotComputed]:
    return [NotComputed(one.account_number, fault.reason) for one in companies for fault in one.faults]


def narrowed(companies: Iterable[CompanySummary], fields: Iterable[str]) -> list[dict[str, object]]:
    """Companies with these fields only, and what names them."""
    wanted = {"company_id", "account_number", *fields}
    return [{name: value for name, value in to_builtins(one).items() if name in wanted} for one in companies]


def _company(one: CompanyFigures) -> CompanySummary:
    named = one.company_id, one.account_number, one.name, one.status, one.refusal.reason if one.refusal else None
    several = [_agreement_summary(part) for part in one.agreements] if len(one.agreements) > 1 else UNSET
    if one.sum is None:
        return CompanySummary(*named, agreements=several)
    return CompanySummary(
        *(*named, one.sum.plan, one.sum.term, one.sum.currency, *_numbers(one.sum)), invoice_number=one.sum.number, agreements=several
    )


def _agreement_summary(one: AgreementFigures) -> AgreementSummary:
    return AgreementSummary(one.agreement_id, one.status, one.plan, one.term, one.currency, *_numbers(one), one.number)


def _numbers(one: AgreementFigures) -> tuple[Counts, HoursSummary, str, Amounts]:
    def quantity(number: int) -> str:
        return decimal_text(number, QUANTITY_PLACES)

    def amount(cents: int) -> str:
        return amount_text(cents, one.currency)

    done = (one.worked_e6, one.allowance_e6, one.from_pool_e6, one.billable_e6, one.pool_left_e6)
    amounts = {name: amount(cents) for name, cents in one.groups.items()}
    return (
        Counts(**one.counts),
        HoursSummary(*map(quantity, done)),
        quantity(one.backup_tb_e6),
        Amounts(**amounts, subtotal=amount(one.subtotal_cents), tax=amount(one.tax_cents), total=amount(one.total_cents)),
    )
