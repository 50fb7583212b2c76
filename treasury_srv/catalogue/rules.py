"""What holds between an entry and the others while it is stored: prices stay as they were billed, agreements do not overlap."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from hmlib.db.database import Db
from hmlib.errors import Invalid, NotAllowed, Stale, Taken
from hmlib.records import audit
from hmlib.records.audit import Actor
from treasury_srv.billing.periods import following
from treasury_srv.catalogue.terms import Overlap, fitted
from treasury_srv.queries import agreements, plans, prices
from treasury_srv.queries.agreements import Agreement
from treasury_srv.queries.overrides import Override
from treasury_srv.queries.prices import Price
from treasury_srv.queries.rows import differs

R = TypeVar("R", bound=msgspec.Struct)


@dataclass(frozen=True)
class Deed:
    """Who does something, when (UTC), and which day that is for the MSP."""

    actor: Actor
    now: str
    today: str


@dataclass(frozen=True)
class Change(Generic[R]):
    """What is there (None: nothing yet) and what shall be (None: nothing any more)."""

    before: R | None
    after: R | None
    deed: Deed


Rule = Callable[[Db, Change[R]], Awaitable[R | None]]
"""Within the transaction: what is stored in the end. Raises Invalid, NotAllowed."""


async def anything(tx: Db, change: Change[R]) -> R | None:
    return change.after


async def prices_stay(tx: Db, change: Change[Price]) -> Price | None:
    """A price change never rewrites the past: days gone by that an agreement was billed on keep the prices they had."""
    await agreements.hold(tx)
    if why := await rewriting(tx, change.before, change.after, change.deed.today):
        raise NotAllowed("in_use", why, 409)
    return change.after


async def rewriting(db: Db, before: Price | None, after: Price | None, today: str) -> str:
    """Why a version may not become another one (None: it is made, or deleted): a sentence, "" when it may."""
    if before and after and not differs(before, after):
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
    others = [
        one.valid_from for one in await prices.of_plan(db, version.plan_id) if one.term == version.term and one.id != version.id
    ]  # fmt: skip
    if new and not any(day < version.valid_from for day in others):
        return False  # there were no prices on these days
    last = await prices.finalised_until(db, version.plan_id, version.term)
    open_from = max(today[:7], following(last) if last else "") + "-01"
    until = min([open_from, *(day for day in others if day > version.valid_from)])
    return version.valid_from < until and await prices.used_between(db, version.plan_id, version.term, version.valid_from, until)


async def agreements_fit(tx: Db, change: Change[Agreement]) -> Agreement | None:
    """On any day at most one is in force; one that has passed its term ends when the next one starts."""
    wanted, deed = change.after, change.deed
    if wanted is None:
        return None
    await agreements.hold(tx)
    if change.before and change.before.start_on != wanted.start_on and await agreements.finalised_months(tx, wanted.id):
        raise Invalid({"start_on": "There are finalised bills already: the start stays as it is."})
    try:
        fit = fitted(await agreements.of_companies(tx, [wanted.company_id]), wanted)
    except Overlap as overlap:
        raise Taken({"start_on": str(overlap)}) from overlap
    if fit.renewed:
        if not await agreements.save(tx, fit.renewed, deed.now):
            raise Stale
        subject, after = f"agreement/{fit.renewed.id}", {"ended_on": fit.renewed.ended_on}
        await audit.record(tx, deed.actor, "agreement.ended", subject, now=deed.now, before={"ended_on": None}, after=after)
    return fit.agreement


async def plan_exists(tx: Db, change: Change[Override]) -> Override | None:
    """An override by another plan names one that is there."""
    if change.after and change.after.what == "plan" and await plans.by_id(tx, change.after.text) is None:
        raise Invalid({"plan_id": "There is no such plan."})
    return change.after
