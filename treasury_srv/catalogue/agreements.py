"""Agreements: which company has which plan and term from when."""

from collections.abc import Sequence
from typing import Annotated

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.errors import Invalid, Stale, Taken
from hmlib.kinds.resource import Field, Filter, Record, Removal, Resource, Unique, Writer
from hmlib.kinds.types import Choice, Day, Fixed, Integer, Reference
from hmlib.records import audit
from hmlib.resources import records
from treasury_srv.catalogue.plans import PLAN, belonging
from treasury_srv.catalogue.terms import Overlap, dated, fitted, in_state
from treasury_srv.catalogue.words import CURRENCY, CURRENCY_HELP, TERMS
from treasury_srv.invoices.labels import STATE_LABELS
from treasury_srv.queries import agreements

PRORATIONS = {"none": "None", "daily": "Daily"}


def _hours(label: str, name: str, help: str = "", *, beside: bool = False) -> Field:
    return Field(label, Fixed(places=6, least=0, empty=0), name=name, help=help, beside=beside)


class Agreement(Record, frozen=True, kw_only=True):
    """An agreement. Days are YYYY-MM-DD; `end_on` is the last agreed day, which follows from start and term unless given; `ended_on` is the
    first day on which it is really over. Hours are decimal text with at most 6 decimals, the tax percent with at most 4."""

    company_id: Annotated[str, Field("Company", Reference(needed=True), searched=True, filtered=True, listed=True, fixed=True)]
    plan_id: Annotated[str, Field("Plan", PLAN, filtered=True, listed=True)]
    term: Annotated[str, Field("Term", Choice(TERMS, needed=True), filtered=True, listed=True, beside=True)]
    start_on: Annotated[str, Field("Starts on", Day(needed=True), sort="=", listed=True)]
    end_on: Annotated[
        str | None, Field("Last agreed day", Day(), help="Left empty, it follows from the term.", listed=True, beside=True)
    ] = None
    ended_on: Annotated[str | None, Field("Ended from", Day(), ours=True, listed=True)] = None
    currency: Annotated[str, Field("Currency", CURRENCY, help=f"{CURRENCY_HELP} The same as the plan's prices.")]
    proration: Annotated[
        str,
        Field(
            "Proration", Choice(PRORATIONS, empty="none"), beside=True,
            help="None: what is there on the last day counts whole. Daily: each day counts.",
        ),
    ] = "none"  # fmt: skip
    prepaid_hours_monthly_e6: Annotated[int, _hours("Prepaid hours a month", "prepaid_hours_monthly", "Not carried over.")] = 0
    prepaid_hours_yearly_e6: Annotated[int, _hours("Prepaid hours a year", "prepaid_hours_yearly", "The pool.", beside=True)] = 0
    minimum_hours_e6: Annotated[int, _hours("Least hours an entry counts", "minimum_hours_per_entry")] = 0
    rounding_hours_e6: Annotated[
        int, _hours("Entries are rounded up to", "rounding_hours", "In hours: 0.25 is a quarter.", beside=True)
    ] = 0
    tax_percent_e4: Annotated[int, Field("Tax in percent", Fixed(least=0, most=100, empty=0), name="tax_percent")] = 0
    due_days: Annotated[int, Field("Days until an invoice is due", Integer(most=365, empty=30), beside=True)] = 30

    @property
    def title(self) -> str:
        """What people call it beside its company."""
        return f"the agreement from {self.start_on}"


async def fits(tx: Db, writer: Writer, before: Agreement | None, after: Agreement) -> Agreement:
    """On any day at most one is in force; one that has passed its term ends when the next one starts. Raises Invalid, Taken, Stale."""
    wanted = dated(before, after)
    await agreements.hold(tx)
    if before and before.start_on != wanted.start_on and await agreements.finalised_months(tx, wanted.id):
        raise Invalid({"start_on": "There are finalised bills already: the start stays as it is."})
    try:
        fit = fitted(await of_companies(tx, [wanted.company_id]), wanted)
    except Overlap as overlap:
        raise Taken({"start_on": str(overlap)}) from overlap
    if fit.renewed:
        if not await records.save(tx, AGREEMENTS, fit.renewed, writer.now):
            raise Stale
        subject, after_it = f"agreement/{fit.renewed.id}", {"ended_on": fit.renewed.ended_on}
        await audit.record(tx, writer.actor, "agreement.ended", subject, now=writer.now, before={"ended_on": None}, after=after_it)
    return fit.agreement


async def removal(db: Db, scope: CompanyScope, agreement: Agreement) -> Removal:
    """With bills, ending it is the way."""
    held = belonging(await agreements.held_by(db, agreement.id))
    return Removal(f"{held} End it instead." if held else "")


AGREEMENTS = Resource(
    name="agreement",
    plural="agreements",
    record=Agreement,
    read="billing:read",
    write="billing:write",
    followed=True,
    title="title",
    icon="file-text",
    order="-start_on",
    staff=True,
    complete=fits,
    removal=removal,
    goes_along=lambda db, agreement: agreements.parts_of(db, agreement.id),
    filters={
        "state": Filter(
            agreements.IN_STATE,
            "in_force, ending (within 90 days), expired, ended or future.",
            "State",
            tuple(STATE_LABELS.items()),
            read=in_state,
        )
    },
    unique=(Unique(("company_id", "start_on"), "agreement_start", "start_on", "The company has another agreement from this day."),),
    in_use="There are bills for it. End it instead.",
)


async def of_companies(db: Db, company_ids: Sequence[str]) -> list[Agreement]:
    """The agreements of companies, by company and start."""
    return await records.having(db, AGREEMENTS, "company_id IN :ids", "company_id, start_on", ids=list(company_ids))


async def ending(db: Db, scope: CompanyScope, from_on: str, until_on: str) -> list[Agreement]:
    """Agreements not ended whose last agreed day lies in `[from_on, until_on)`, the next to end first."""
    near = f"ended_on IS NULL AND end_on >= :from_on AND end_on < :until_on AND {scope.clause('company_id')}"
    return await records.having(db, AGREEMENTS, near, "end_on, id", from_on=from_on, until_on=until_on, **scope.params())
