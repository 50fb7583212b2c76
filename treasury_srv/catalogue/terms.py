"""Where an agreement stands on a day, when it ends, and where it fits among a company's others, so that on any day at most one is in force.
Pure: no I/O."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct, structs

from hmlib.db.list_query import BadListQuery
from hmlib.errors import Invalid
from treasury_srv.billing.periods import end_of_term, work_date
from treasury_srv.invoices.labels import STATE_LABELS

ENDING_DAYS = 90


class Term(Protocol):
    """What of an agreement says when it is in force; see agreements.Agreement."""

    @property
    def id(self) -> str: ...

    @property
    def term(self) -> str: ...

    @property
    def start_on(self) -> str: ...

    @property
    def end_on(self) -> str | None: ...

    @property
    def ended_on(self) -> str | None: ...


T = TypeVar("T", bound=Term)


class Overlap(Exception):
    """Two agreements of a company would be in force on one day; the text is a sentence for the person who entered it."""


class Fitted(Struct, Generic[T], frozen=True):
    """An agreement as it can be stored, and the earlier one that it renews and thereby ends, if there is one."""

    agreement: T
    renewed: T | None = None


def fitted(others: Sequence[T], one: T) -> Fitted[T]:
    """An agreement past its term ends when the next one starts; one that is within its term is in the way. Raises Overlap."""
    beside = [other for other in others if other.id != one.id]
    if any(other.start_on == one.start_on for other in beside):
        raise Overlap(f"The company has another agreement from {one.start_on}.")
    earlier = max((other for other in beside if other.start_on < one.start_on), key=_start, default=None)
    later = min((other for other in beside if other.start_on > one.start_on), key=_start, default=None)
    renewed = _ended(earlier, one.start_on) if earlier else None
    return Fitted(_ended(one, later.start_on) if later else one, renewed if renewed != earlier else None)


def _start(agreement: Term) -> str:
    return agreement.start_on


def _ended(agreement: T, next_start: str) -> T:
    """The agreement as it stands beside one that starts on `next_start`."""
    if agreement.ended_on is not None and agreement.ended_on <= next_start:
        return agreement
    if agreement.ended_on is not None or (agreement.end_on is not None and agreement.end_on >= next_start):
        until = f"is ended on {agreement.ended_on}" if agreement.ended_on else f"runs until {agreement.end_on}"
        raise Overlap(f"The agreement of {agreement.start_on} {until}, and the next one starts on {next_start}.")
    return structs.replace(agreement, ended_on=next_start)  # type: ignore[type-var]  # every Term is a Struct


def state(agreement: Term, today: str) -> str:
    """One of STATE_LABELS, the most telling one."""
    if agreement.start_on > today:
        return "future"
    if agreement.ended_on is not None:
        return "ended" if agreement.ended_on <= today else "ending"
    if agreement.end_on is None or agreement.end_on > soon(today):
        return "in_force"
    return "expired" if agreement.end_on < today else "ending"


def soon(today: str) -> str:
    """Until when an end is near."""
    return (date.fromisoformat(today) + timedelta(days=ENDING_DAYS)).isoformat()


def in_state(value: str, zone: str, now: str) -> Mapping[str, Any]:
    """What the filter by state is bound with. Raises BadListQuery."""
    if value not in STATE_LABELS:
        raise BadListQuery("invalid_filter", f"state must be one of {', '.join(STATE_LABELS)}.", "state")
    today = work_date(now, zone)
    return {"today": today, "soon": soon(today)}


def dated(before: T | None, wanted: T) -> T:
    """The last day follows from start and term unless it is given; one that followed from them follows again when they change. Raises
    Invalid for days that come before the first."""
    end = end_of_term(wanted.start_on, wanted.term)
    followed = before is not None and wanted.end_on == before.end_on == end_of_term(before.start_on, before.term)
    moved = before is not None and (wanted.start_on, wanted.term) != (before.start_on, before.term)
    dated: T = structs.replace(wanted, end_on=end) if wanted.end_on is None or (moved and followed) else wanted  # type: ignore[type-var]  # as above
    wrong = {}
    if dated.end_on is not None and dated.term == "month_to_month":
        wrong["end_on"] = "An agreement from month to month has no last day."
    elif dated.end_on is not None and dated.end_on < dated.start_on:
        wrong["end_on"] = "This is before the day it starts."
    if dated.ended_on is not None and dated.ended_on < dated.start_on:
        wrong["ended_on"] = "This is before the day it starts."
    if wrong:
        raise Invalid(wrong)
    return dated
