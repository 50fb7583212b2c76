"""What comes out of billing: bills with their lines, frozen lists, hours, pool ledger and the explanation of every number."""

from msgspec import Struct

from treasury_srv.billing.facts import Company


class Line(Struct, frozen=True, gc=False):
    """One priced line: quantity (`quantity_e6`, of `whole_e6` unprorated) times price is the amount, rounded half away from zero."""

    key: str
    group: str
    label: str
    quantity_e6: int
    unit_price_e4: int
    amount_cents: int
    quantity_why: str
    price_why: str
    tax_category: str
    tax_percent_e4: int
    whole_e6: int
    kind: str = ""


class Counted(Struct, frozen=True, gc=False):
    """One device or user of the frozen list: it weighs `days` of the period's days; `change` is joined or left since the last invoice."""

    id: str
    name: str
    type: str
    billed_as: str
    days: int
    reason: str
    price_e4: int = 0
    backup_class: str = ""
    backup_bytes: int = 0
    change: str = ""


class CountedEntry(Struct, frozen=True, gc=False):
    """A labour entry and what it counted for; one that counts nothing says why in `reason`."""

    id: str
    worked_on: str
    hours_e6: int
    counted_e6: int
    late: bool
    reason: str
    description: str
    ticket: str


class PoolRow(Struct, frozen=True, gc=False):
    """A posting of the yearly pool: `what` is deposit, change, draw, late draw, expiry or reinstated (for a late draw
    of an expired year); `balance_e6` is what its year has left after it."""

    period: str
    year: str
    what: str
    hours_e6: int
    balance_e6: int
    line_key: str = ""


class Hours(Struct, frozen=True, gc=False):
    """The hours of a bill: worked is H of rule 2.5; late ones are apart; what is billed and what the pool gave are both together."""

    worked_e6: int = 0
    allowance_e6: int = 0
    excess_e6: int = 0
    from_pool_e6: int = 0
    late_e6: int = 0
    late_from_pool_e6: int = 0
    pool_left_e6: int = 0
    entries: tuple[CountedEntry, ...] = ()
    ledger: tuple[PoolRow, ...] = ()

    @property
    def billable_e6(self) -> int:
        return self.excess_e6 - self.from_pool_e6

    @property
    def late_billable_e6(self) -> int:
        return self.late_e6 - self.late_from_pool_e6


class Backup(Struct, frozen=True, gc=False):
    """The backup of a bill: bytes over all classes, what is included for W + S devices, and TB (2^40 bytes) over it."""

    workstations: int
    servers: int
    total_bytes: int
    tb_e6: int
    included_e6: int
    overage_e6: int


class Tax(Struct, frozen=True, gc=False):
    """The tax of one category and rate on the sum of its lines (EN 16931)."""

    category: str
    percent_e4: int
    base_cents: int
    tax_cents: int


class Bill(Struct, frozen=True, gc=False):
    """One agreement's bill for one period; `from_on` (the day its prices hold on) to `to_on` (exclusive) are the agreement's days in it."""

    agreement_id: str
    company_id: str
    period: str
    period_days: int
    from_on: str
    to_on: str
    counted_on: str
    expired: bool
    plan_id: str
    plan_name: str
    term: str
    currency: str
    proration: str
    price_version_id: str
    features: dict[str, str]
    lines: tuple[Line, ...]
    devices: tuple[Counted, ...]
    users: tuple[Counted, ...]
    counts: dict[str, int]
    hours: Hours
    backup: Backup
    groups: dict[str, int]
    taxes: tuple[Tax, ...]
    subtotal_cents: int
    tax_cents: int
    total_cents: int


class Refusal(Struct, frozen=True, gc=False):
    """Why there is no bill: a code for programs and a sentence for people; `agreement_id` is empty when there is no agreement."""

    code: str
    reason: str
    agreement_id: str = ""


class CompanyBill(Struct, frozen=True, gc=False):
    """A company in a period: its bills in the order of their agreements, or why it is not billable; and hours that no agreement covers."""

    company: Company
    bills: tuple[Bill, ...]
    refusals: tuple[Refusal, ...]
    uncovered_e6: int = 0
