"""Where an agreement fits among a company's others, so that on any day at most one is in force. Pure: no I/O."""

from collections.abc import Sequence

from msgspec import Struct, structs

from treasury_srv.queries.agreements import Agreement


class Overlap(Exception):
    """Two agreements of a company would be in force on one day; the text is a sentence for the person who entered it."""


class Fitted(Struct, frozen=True):
    """An agreement as it can be stored, and the earlier one that it renews and thereby ends, if there is one."""

    agreement: Agreement
    renewed: Agreement | None = None


def fitted(others: Sequence[Agreement], one: Agreement) -> Fitted:
    """An agreement past its term ends when the next one starts; one that is within its term is in the way. Raises Overlap."""
    beside = [other for other in others if other.id != one.id]
    if any(other.start_on == one.start_on for other in beside):
        raise Overlap(f"The company has another agreement from {one.start_on}.")
    earlier = max((other for other in beside if other.start_on < one.start_on), key=_start, default=None)
    later = min((other for other in beside if other.start_on > one.start_on), key=_start, default=None)
    renewed = _ended(earlier, one.start_on) if earlier else None
    return Fitted(_ended(one, later.start_on) if later else one, renewed if renewed != earlier else None)


def _start(agreement: Agreement) -> str:
    return agreement.start_on


def _ended(agreement: Agreement, next_start: str) -> Agreement:
    """The agreement as it stands beside one that starts on `next_start`."""
    if agreement.ended_on is not None and agreement.ended_on <= next_start:
        return agreement
    if agreement.ended_on is not None or (agreement.end_on is not None and agreement.end_on >= next_start):
        until = f"is ended on {agreement.ended_on}" if agreement.ended_on else f"runs until {agreement.end_on}"
        raise Overlap(f"The agreement of {agreement.start_on} {until}, and the next one starts on {next_start}.")
    return structs.replace(agreement, ended_on=next_start)
