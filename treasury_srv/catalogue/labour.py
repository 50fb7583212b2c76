"""Labour: the hours worked for companies, as technicians write them down and other programs put them in."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from hmlib import clock
from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import BadListQuery
from hmlib.errors import NotAllowed
from hmlib.kinds.resource import Field, Filter, Record, Removal, Resource, Unique, Writer
from hmlib.kinds.types import Fixed, Moment, Reference, Text, YesNo
from hmlib.resources import records
from hmlib.web.page_handler import PageHandler
from treasury_srv.billing import money
from treasury_srv.billing.periods import day_after, starts_at

MOST_HOURS_E6 = 24 * money.ONE_E6
TOO_LONG = "One entry has at most 24 hours. Confirm it if so many are meant."
ON_A_BILL = "It is on a finalised bill, and stays as it is."


class LabourEntry(Record, frozen=True, kw_only=True):
    """Hours worked from a time on: decimal text with at most 6 decimals (a time without an offset is in the MSP's zone). More than 24 in
    one entry are taken with `hours_confirmed` only, which is not kept. At most one entry has an external id; `invoice_id` is a finalised
    invoice's."""

    worked_at: Annotated[str, Field("When", Moment(needed=True), sort="=", listed=True)]
    company_id: Annotated[str, Field("Company", Reference(needed=True), searched=True, filtered=True, listed=True, beside=True)]
    description: Annotated[str, Field("What was done", Text(2000, lines=True), searched=True, listed=True)] = ""
    ticket: Annotated[str, Field("Ticket", Text(), searched=True, listed=True)] = ""
    hours_e6: Annotated[
        int, Field("Hours", Fixed(places=6, least=0, most=1_000_000, needed=True), name="hours", sort="=", listed=True, beside=True)
    ]
    external_id: Annotated[
        str | None, Field("External id", Text(empty=None), help="By which name another system knows it.", searched=True, beside=True)
    ] = None
    billable: Annotated[bool, Field("Billable", YesNo(empty=True), filtered=True, listed=True)] = True
    hours_confirmed: Annotated[bool, Field("More than 24 hours in one entry are meant", YesNo(), stored=False)] = False
    invoice_id: Annotated[str | None, Field("On the invoice", Text(empty=None), ours=True)] = None

    @property
    def title(self) -> str:
        """What people call it: "2.5 hours of 2026-10-15: New firewall"."""
        of = f": {self.description[:80]}" if self.description else ""
        return f"{money.quantity_text(self.hours_e6)} hours of {self.worked_at[:10]}{of}"


def too_long(hours_e6: int) -> bool:
    """Whether it is more than a day has."""
    return bool(hours_e6 > MOST_HOURS_E6)


async def hours_are_meant(tx: Db, writer: Writer, before: LabourEntry | None, after: LabourEntry) -> Mapping[str, str]:
    """More hours than a day has are mostly a slip of the finger: they are taken when somebody says that they are meant. What is on a
    finalised invoice stays as it is: raises NotAllowed."""
    if before and before.invoice_id:
        raise NotAllowed("invoiced", "The entry is on a finalised invoice and cannot be changed.", 409)
    new = before is None or before.hours_e6 != after.hours_e6
    return {"hours": TOO_LONG} if new and too_long(after.hours_e6) and not after.hours_confirmed else {}


async def removal(db: Db, scope: CompanyScope, entry: LabourEntry) -> Removal:
    """What is on a finalised invoice stays."""
    return Removal(ON_A_BILL if entry.invoice_id else "")


def edge(name: str, value: str, zone: str) -> Mapping[str, Any]:
    """The UTC time that `from` or `to` means: a day of the MSP's zone, included, or a time. Raises BadListQuery."""
    try:
        if len(value) == 10:
            day = clock.day_of(value)
            return {name: starts_at(day if name == "from" else day_after(day), zone)}
        return {name: clock.moment_of(value, zone)}
    except ValueError:
        raise BadListQuery("invalid_filter", f"{name} must be a day such as 2026-11-22, or a UTC time.", name) from None


LABOUR = Resource(
    name="labour_entry",
    plural="labour-entries",
    path="labour",
    record=LabourEntry,
    read="labour:read",
    write="labour:write",
    followed=True,
    labels="Labour",
    title="title",
    icon="clock",
    order="-worked_at",
    rules=hours_are_meant,
    removal=removal,
    filters={
        "invoiced": Filter(
            "CASE WHEN labour_entry.invoice_id IS NULL THEN 'no' ELSE 'yes' END = :invoiced",
            "yes or no: on a finalised invoice.",
            "Invoiced",
            (("yes", "On an invoice"), ("no", "Open")),
        ),
        "from": Filter(
            "labour_entry.worked_at >= :from",
            "A day of the MSP's time zone, or a UTC time.",
            "From",
            kind="date",
            read=lambda value, zone, now: edge("from", value, zone),
        ),
        "to": Filter(
            "labour_entry.worked_at < :to",
            "A day, included, or a UTC time, excluded.",
            "To",
            kind="date",
            read=lambda value, zone, now: edge("to", value, zone),
        ),
    },
    unique=(Unique(("external_id",), "labour_entry_external_id", "external_id", "This external id belongs to another entry."),),
)


async def by_external_ids(db: Db, external_ids: Sequence[str]) -> dict[str, LabourEntry]:
    """Whatever company they belong to."""
    found = await records.having(db, LABOUR, "external_id IN :ids", ids=list(external_ids))
    return {entry.external_id: entry for entry in found if entry.external_id is not None}


async def form(handler: PageHandler, entry: LabourEntry | None) -> Mapping[str, Any]:
    """Hours begin now, and are billable."""
    zone = await handler.preferences.text(handler.db, "time_zone")
    return {"begins": {"worked_at": Moment().show(handler.now, zone), "billable": "on"}}
