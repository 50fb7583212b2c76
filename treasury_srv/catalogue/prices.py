"""Prices: what a plan costs for a term from a day on."""

from collections.abc import Mapping
from typing import Annotated

from hmlib.auth.permissions import CompanyScope
from hmlib.clock import utc_now
from hmlib.db.database import Db, Transaction
from hmlib.errors import NotAllowed
from hmlib.kinds.resource import Field, Record, Removal, Resource, Unique, Writer
from hmlib.kinds.types import Choice, Day, Fixed, Money
from hmlib.resources import changes, records
from treasury_srv.billing.facts import IN_E6, PRICE_RATES
from treasury_srv.billing.money import QUANTITY_PLACES
from treasury_srv.billing.periods import following, work_date
from treasury_srv.catalogue.plans import PLAN
from treasury_srv.catalogue.words import CURRENCY, CURRENCY_HELP, TERMS
from treasury_srv.queries import agreements, prices
from treasury_srv.settings import PREFERENCES

RATES = dict(
    zip(
        PRICE_RATES,
        (
            *("Per user", "Per workstation", "Per server", "Per virtual machine", "Per switch", "Per firewall", "Per hour of labour"),
            *("Backup, per workstation", "Backup, per server or VM", "Backup TB included per device", "Backup, per TB over"),
        ),
        strict=True,
    )
)


def _rate(name: str, *, beside: bool = True) -> Field:
    value = Fixed(places=QUANTITY_PLACES, least=0, needed=True) if name in IN_E6 else Money(least=0, needed=True)
    return Field(RATES[name], value, name=name, beside=beside)


class Price(Record, frozen=True, kw_only=True):
    """A plan's rates for one term from a day on (YYYY-MM-DD); unique by plan, term and day. Rates are decimal text with at most 4 decimals,
    included TB (2^40 bytes) with at most 6; 0 is a value."""

    plan_id: Annotated[str, Field("Plan", PLAN, filtered=True, listed=True, fixed=True)]
    term: Annotated[str, Field("Term", Choice(TERMS, needed=True), sort="=", searched=True, filtered=True, listed=True)]
    valid_from: Annotated[str, Field("In force from", Day(needed=True), sort="=", listed=True, beside=True)]
    currency: Annotated[str, Field("Currency", CURRENCY, help=CURRENCY_HELP, searched=True, listed=True)]
    per_user_e4: Annotated[int, _rate("per_user")]
    per_workstation_e4: Annotated[int, _rate("per_workstation", beside=False)]
    per_server_e4: Annotated[int, _rate("per_server")]
    per_vm_e4: Annotated[int, _rate("per_vm", beside=False)]
    per_switch_e4: Annotated[int, _rate("per_switch")]
    per_firewall_e4: Annotated[int, _rate("per_firewall", beside=False)]
    per_hour_e4: Annotated[int, _rate("per_hour")]
    backup_base_workstation_e4: Annotated[int, _rate("backup_base_workstation", beside=False)]
    backup_base_server_e4: Annotated[int, _rate("backup_base_server")]
    backup_included_tb_e6: Annotated[int, _rate("backup_included_tb", beside=False)]
    backup_per_tb_e4: Annotated[int, _rate("backup_per_tb")]

    @property
    def title(self) -> str:
        """What people call them: "the prices from 2026-01-01 (One year)"."""
        return f"the prices from {self.valid_from} ({TERMS[self.term]})"


async def prices_stay(tx: Db, writer: Writer, before: Price | None, after: Price) -> Mapping[str, str]:
    """A price change never rewrites the past: raises NotAllowed for days gone by that an agreement was billed on."""
    await agreements.hold(tx)
    if why := await rewriting(tx, before, after, writer.today):
        raise NotAllowed("in_use", why, 409)
    return {}


async def removal(db: Db, scope: CompanyScope, price: Price) -> Removal:
    """What was billed by stays."""
    if isinstance(db, Transaction):
        await agreements.hold(db)
    return Removal(await rewriting(db, price, None, work_date(utc_now(), await PREFERENCES.text(db, "time_zone"))))


async def rewriting(db: Db, before: Price | None, after: Price | None, today: str) -> str:
    """Why a version may not become another one (None: it is made, or deleted): a sentence, "" when it may."""
    if before and after and not changes.differences(PRICES, before, after):
        return ""
    for version in (before, after):
        if version is not None and await _billed(db, version, new=version is after, today=today):
            return (
                f"Agreements were billed by these prices before this month or on a finalised bill since {version.valid_from}. "
                "Prices change from a later day on: add a new version."
            )
    return ""


async def _billed(db: Db, version: Price, *, new: bool, today: str) -> bool:
    """Whether something was billed on the days of a version; a new one takes no days from anything where no other was before it."""
    others = [one.valid_from for one in await of_plan(db, version.plan_id) if one.term == version.term and one.id != version.id]
    if new and not any(day < version.valid_from for day in others):
        return False  # there were no prices on these days
    last = await prices.finalised_until(db, version.plan_id, version.term)
    open_from = max(today[:7], following(last) if last else "") + "-01"
    until = min([open_from, *(day for day in others if day > version.valid_from)])
    return version.valid_from < until and await prices.used_between(db, version.plan_id, version.term, version.valid_from, until)


PRICES = Resource(
    name="price",
    plural="prices",
    record=Price,
    table="price_version",
    read="billing:read",
    write="billing:write",
    followed=True,
    label="price version",
    title="title",
    icon="tag",
    order="-valid_from",
    staff=True,
    within="plan_id",
    rules=prices_stay,
    removal=removal,
    unique=(
        Unique(("plan_id", "term", "valid_from"), "price_version_of_day", "valid_from", "The plan has prices for this term from this day."),
    ),
)


async def everything(db: Db) -> list[Price]:
    """All versions by plan, term and day."""
    return await records.having(db, PRICES, "TRUE", "plan_id, term, valid_from")


async def of_plan(db: Db, plan_id: str) -> list[Price]:
    """A plan's versions by term, the newest first."""
    return await records.having(db, PRICES, "plan_id = :plan_id", "term, valid_from DESC", plan_id=plan_id)
