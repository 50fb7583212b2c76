"""Line items: what a company is charged though nothing is counted for it."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from hmlib.db.database import Db
from hmlib.db.list_query import folded
from hmlib.kinds.resource import Field, Record, Resource, Unique, Writer
from hmlib.kinds.types import Choice, Day, Fixed, Integer, Money, Reference, Text
from hmlib.resources import records
from hmlib.web.page_handler import PageHandler
from treasury_srv.billing.facts import item_problem
from treasury_srv.billing.money import ONE_E6
from treasury_srv.catalogue.words import FIRST_DAY_WITHOUT, span

KINDS = {"recurring": "Every month", "one_off": "Once", "yearly": "Every year"}
TAXES = {
    "standard": "Standard rate",
    "zero": "Zero rate",
    "exempt": "Exempt",
    "reverse_charge": "Reverse charge",
    "outside": "Outside the scope of tax",
}
NOTE = "Exactly one kind of fee: every month between two days, once in a month of a year, or every year in a month."


class LineItem(Record, frozen=True, kw_only=True):
    """A charge of exactly one kind: recurring has `from_on` and `to_on` (the first day without it), one_off a year and a month, yearly a
    month. Quantity and price are decimal text; a negative price is a discount; unique by company, name and kind."""

    name: Annotated[str, Field("Name", Text(needed=True), sort="folded", searched=True, listed=True)]
    company_id: Annotated[str, Field("Company", Reference(needed=True), searched=True, filtered=True, listed=True, fixed=True, beside=True)]
    kind: Annotated[str, Field("How often", Choice(KINDS, needed=True), sort="=", filtered=True, listed=True)]
    quantity_e6: Annotated[
        int, Field("Quantity", Fixed(places=6, least=0, empty=ONE_E6), name="quantity", sort="=", listed=True, beside=True)
    ] = ONE_E6
    unit_price_e4: Annotated[
        int,
        Field("Price", Money(needed=True), name="unit_price", help="A negative price is a discount.", sort="=", listed=True, beside=True),
    ]
    tax_category: Annotated[str, Field("Tax", Choice(TAXES, empty="standard"), filtered=True, beside=True)] = "standard"
    from_on: Annotated[str | None, Field("From", Day(), help="Every month only.")] = None
    to_on: Annotated[str | None, Field("Until", Day(), help=f"Every month only. {FIRST_DAY_WITHOUT}", beside=True)] = None
    year: Annotated[int | None, Field("Year", Integer(least=2000, most=2199), help="Once only.")] = None
    month: Annotated[int | None, Field("Month", Integer(least=1, most=12), help="Once and every year: 1 to 12.", beside=True)] = None


async def one_kind_of_fee(tx: Db, writer: Writer, before: LineItem | None, after: LineItem) -> Mapping[str, str]:
    """The dates make exactly one kind of fee, and it charges something."""
    problem = item_problem(after.kind, from_on=after.from_on, to_on=after.to_on, year=after.year, month=after.month)
    errors = {"kind": problem} if problem else {}
    if not after.quantity_e6:
        errors["quantity"] = "A quantity of 0 charges nothing."
    return {**errors, **span("to_on", after.from_on, after.to_on)}


LINE_ITEMS = Resource(
    name="line_item",
    plural="line-items",
    record=LineItem,
    read="billing:read",
    write="billing:write",
    followed=True,
    icon="receipt",
    staff=True,
    within="company_id",
    rules=one_kind_of_fee,
    derived={"folded": lambda item: folded(item.name)},
    unique=(Unique(("company_id", "folded", "kind"), "line_item_name", "name", "The company has a line item of this name and kind."),),
)


async def of_companies(db: Db, company_ids: Sequence[str]) -> list[LineItem]:
    """The line items of companies, by company, name and kind."""
    return await records.having(db, LINE_ITEMS, "company_id IN :ids", "company_id, folded, kind", ids=list(company_ids))


async def form(handler: PageHandler, item: LineItem | None) -> Mapping[str, str]:
    """What stands above the form."""
    return {"note": NOTE}
