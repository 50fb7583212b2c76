"""Overrides: one thing that an agreement has otherwise than its plan, with the days from and to which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import structs

from hmlib.db.database import Db
from hmlib.errors import Invalid
from hmlib.kinds.resource import Field, Filter, Record, Resource, Unique, Writer
from hmlib.kinds.types import NEEDED, Choice, Day, Fixed, Money, Reference, Refused, Text
from hmlib.resources import records
from treasury_srv.billing.facts import IN_E6, PREPAID, PRICE_RATES
from treasury_srv.billing.money import QUANTITY_PLACES
from treasury_srv.billing.pricing import FEATURE
from treasury_srv.catalogue.prices import RATES
from treasury_srv.catalogue.words import FIRST_DAY_WITHOUT, span
from treasury_srv.queries import agreements

AGREEMENT = Reference(to="agreements", one="agreement", table="agreement", needed=True, said="There is no such agreement.")
WHATS = {**RATES, PREPAID[0]: "Prepaid hours a month", PREPAID[1]: "Prepaid hours a year", "plan": "Plan"}
NUMBERS = frozenset({*PRICE_RATES, *PREPAID})
NOTE = "One thing that this agreement has otherwise, on the first day of a month or of the agreement."


@dataclass(frozen=True)
class What(Choice):
    """What is different: one of the labels, or a feature by its name."""

    def parse(self, said: Any, zone: str) -> str:
        word = str(said).strip()
        if word in self.labels or (word.startswith(FEATURE) and word > FEATURE and len(word) <= 220):
            return word
        raise Refused("Choose one of the list.")

    def words(self, value: Any) -> str:
        return self.labels.get(value) or f"Feature: {value.removeprefix(FEATURE)}"


@dataclass(frozen=True)
class DayOrAlways(Day):
    """A day; the column has nothing for always."""

    def load(self, raw: Any) -> str | None:
        return raw or None

    def store(self, value: Any) -> str:
        return value or ""


class Override(Record, frozen=True, kw_only=True):
    """An override: `what` is a rate such as per_user, prepaid_hours_monthly, prepaid_hours_yearly, plan, or feature:NAME. `value` is a
    decimal text, or a feature's text; an override by another plan has its `plan_id` instead. Without `valid_from` it holds always;
    `valid_to` is the first day without it. It is stored as a `number`, scaled as what it replaces, or as a `text`."""

    agreement_id: Annotated[str, Field("Agreement", AGREEMENT, filtered=True, listed=True, fixed=True)]
    what: Annotated[str, Field("What is different", What(WHATS, needed=True), sort="=", searched=True, filtered=True, listed=True)]
    value: Annotated[
        str,
        Field("Value", Text(), stored=False, made=True, listed=True, help="A price, hours or TB as a number; for a feature its text."),
    ] = ""
    plan_id: Annotated[
        str,
        Field(
            "Plan", Reference(to="plans", one="plan", table="plan", scoped=False, said="There is no such plan."),
            stored=False, made=True, beside=True, help="Only when the plan is what is different.",
        ),
    ] = ""  # fmt: skip
    valid_from: Annotated[str | None, Field("From", DayOrAlways(), help="Left empty: always.", listed=True)] = None
    valid_to: Annotated[str | None, Field("Until", Day(), help=FIRST_DAY_WITHOUT, listed=True, beside=True)] = None
    number: int = 0
    text: str = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return f"the override of {WHATS.get(self.what) or self.what}"


def number_of(what: str) -> Fixed:
    """How the number is said that an override replaces."""
    return Fixed(places=QUANTITY_PLACES, least=0, needed=True) if what in IN_E6 else Money(least=0, needed=True)


def spelled(row: dict[str, Any]) -> dict[str, Any]:
    """A row with what its number or text is called by those who say it."""
    what, text = row["what"], row["text"]
    value = number_of(what).write(row["number"]) if what in NUMBERS else "" if what == "plan" else text
    return {**row, "value": value, "plan_id": text if what == "plan" else ""}


async def meant(tx: Db, writer: Writer, before: Override | None, after: Override) -> Override:
    """The value is read as what it stands for: a number, a plan, or a feature's text. Raises Invalid."""
    number, text = 0, after.plan_id if after.what == "plan" else after.value
    if after.what in NUMBERS:
        try:
            number, text = number_of(after.what).read(after.value), ""
        except Refused as wrong:
            raise Invalid({"value": str(wrong)}) from wrong
    elif not text:
        raise Invalid({"plan_id" if after.what == "plan" else "value": NEEDED})
    said = spelled({"what": after.what, "number": number, "text": text})
    return structs.replace(after, number=number, text=text, value=said["value"], plan_id=said["plan_id"])


async def rules(tx: Db, writer: Writer, before: Override | None, after: Override) -> Mapping[str, str]:
    """It ends after it begins."""
    return span("valid_to", after.valid_from, after.valid_to)


OVERRIDES = Resource(
    name="override",
    plural="overrides",
    record=Override,
    table="agreement_override",
    read="billing:read",
    write="billing:write",
    followed=True,
    title="title",
    icon="adjustments-horizontal",
    order="what",
    staff=True,
    within="agreement_id",
    seen=lambda scope: agreements.seen_in("agreement_override", scope),
    companies=lambda db, record: agreements.company_of(db, record.agreement_id),
    complete=meant,
    rules=rules,
    filters={"company_id": Filter(agreements.parts_of_company("agreement_override"), "Of this company's agreements.")},
    load=spelled,
    derived={"number": lambda one: one.number, "text": lambda one: one.text},
    unique=(Unique(("agreement_id", "what", "valid_from"), "override_of_day", "what", "There is an override of this from this day."),),
)


async def of_agreements(db: Db, agreement_ids: Sequence[str]) -> list[Override]:
    """The overrides of agreements, by agreement, what and day."""
    return await records.having(db, OVERRIDES, "agreement_id IN :ids", "agreement_id, what, valid_from", ids=list(agreement_ids))
