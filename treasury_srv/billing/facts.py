"""What goes into a bill: records of plans, agreements, counted things, items and hours, as they stand."""

from typing import Literal

from msgspec import Struct

from treasury_srv.billing.periods import FOREVER, Period

Term = Literal["month_to_month", "1_year", "2_year", "3_year"]
DEVICE_TYPES = ("workstation", "server", "vm", "switch", "firewall")
ASSET_BILLING_TYPES = (*DEVICE_TYPES, "other", "custom", "no_charge")
CONTACT_BILLING_TYPES = ("paid", "free", "custom")
ITEM_KINDS = ("recurring", "one_off", "yearly")
TAX_CATEGORIES = ("standard", "zero", "exempt", "reverse_charge", "outside")
PRICE_RATES = (
    *("per_user", *(f"per_{kind}" for kind in DEVICE_TYPES), "per_hour"),
    *("backup_base_workstation", "backup_base_server", "backup_included_tb", "backup_per_tb"),
)
PREPAID = ("prepaid_hours_monthly", "prepaid_hours_yearly")
IN_E6 = frozenset({"backup_included_tb", *PREPAID})


class PriceVersion(Struct, frozen=True, gc=False):
    """A plan's rates for one term from a day on: `rates` has every name of PRICE_RATES, prices _e4, included TB _e6."""

    id: str
    term: str
    valid_from: str
    currency: str
    rates: dict[str, int]


class Plan(Struct, frozen=True, gc=False):
    """A named price list with its features (name to label) and its price versions."""

    id: str
    name: str
    features: dict[str, str]
    versions: tuple[PriceVersion, ...]


class Override(Struct, frozen=True, gc=False):
    """One thing an agreement has otherwise: a rate, a prepaid value (`number`, scaled as the rate is), the plan or a feature (`text`)."""

    id: str
    what: str
    valid_from: str
    valid_to: str | None
    number: int = 0
    text: str = ""


class ManualItem(Struct, frozen=True, gc=False):
    """A device or user that the directory does not know; in force from `from_on` until the day before `to_on`."""

    id: str
    kind: Literal["device", "user"]
    name: str
    billing_type: str
    price_e4: int = 0
    from_on: str | None = None
    to_on: str | None = None
    note: str = ""


class Agreement(Struct, frozen=True, gc=False):
    """A company's contract: `end_on` is its last agreed day, `ended_on` the first day on which it is really over."""

    id: str
    plan_id: str
    term: str
    start_on: str
    end_on: str | None
    ended_on: str | None
    currency: str
    proration: Literal["none", "daily"] = "none"
    prepaid_hours_monthly_e6: int = 0
    prepaid_hours_yearly_e6: int = 0
    minimum_hours_e6: int = 0
    rounding_hours_e6: int = 0
    tax_percent_e4: int = 0
    due_days: int = 30
    overrides: tuple[Override, ...] = ()
    manual: tuple[ManualItem, ...] = ()

    @property
    def over_on(self) -> str:
        """The first day on which it no longer counts, far away while it is not ended."""
        return self.ended_on or FOREVER

    def covers(self, day: str) -> bool:
        return self.start_on <= day < self.over_on


class Asset(Struct, frozen=True, gc=False):
    """A device as the directory has it; in force from `active_on` until the day before `retired_on`."""

    id: str
    name: str
    type: str
    active_on: str | None = None
    retired_on: str | None = None
    backup_bytes: int = 0


class Contact(Struct, frozen=True, gc=False):
    """A person as the directory has them; in force from `active_on` until the day before `ended_on`."""

    id: str
    name: str
    active: bool = True
    billable: bool = True
    exclusion_reason: str = ""
    active_on: str | None = None
    ended_on: str | None = None


class Choice(Struct, frozen=True, gc=False):
    """How one asset or contact is billed instead of by its own kind; `price_e4` matters for `custom` only."""

    billing_type: str
    price_e4: int = 0


class LineItem(Struct, frozen=True, gc=False):
    """A charge of a company that nothing is counted for; a negative price is a discount."""

    id: str
    name: str
    kind: Literal["recurring", "one_off", "yearly"]
    quantity_e6: int
    unit_price_e4: int
    from_on: str | None = None
    to_on: str | None = None
    year: int | None = None
    month: int | None = None
    tax_category: str = "standard"


class Entry(Struct, frozen=True, gc=False):
    """Hours worked on one day of the MSP's zone; `invoice_id` once they are on a finalised invoice."""

    id: str
    worked_on: str
    hours_e6: int
    billable: bool = True
    description: str = ""
    ticket: str = ""
    invoice_id: str | None = None


class Company(Struct, frozen=True, gc=False):
    """Whose bill it is."""

    id: str
    account_number: str
    name: str


class Facts(Struct, frozen=True, gc=False):
    """All that is known of one company: `finalised` maps an agreement to its finalised months and their pool draws by pool year."""

    company: Company
    agreements: tuple[Agreement, ...] = ()
    assets: tuple[Asset, ...] = ()
    contacts: tuple[Contact, ...] = ()
    asset_choices: dict[str, Choice] = {}
    contact_choices: dict[str, Choice] = {}
    items: tuple[LineItem, ...] = ()
    entries: tuple[Entry, ...] = ()
    finalised: dict[str, dict[str, dict[str, int]]] = {}


class Rules(Struct, frozen=True, gc=False):
    """What is the same for every company of a run: the month, today in the MSP's zone, how pool years run, the price lists by id."""

    period: Period
    today: str
    plans: dict[str, Plan]
    pool_year: Literal["anniversary", "calendar"] = "anniversary"


def item_problem(kind: str, *, from_on: object, to_on: object, year: object, month: object) -> str | None:
    """Why a line item's dates do not make exactly one kind of fee (case D'), or None."""
    dated, yearly, monthly = from_on is not None or to_on is not None, year is not None, month is not None
    if kind == "recurring" and (yearly or monthly):
        return "A recurring item has from and to days, no year or month."
    if kind == "one_off" and (dated or not yearly or not monthly):
        return "A one-off item has a year and a month, no from or to day."
    if kind == "yearly" and (dated or yearly or not monthly):
        return "A yearly item has a month only."
    return None
