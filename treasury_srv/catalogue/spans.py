"""Days from and until which something counts. Pure."""

from collections.abc import Mapping

FIRST_DAY_WITHOUT = "The first day that no longer counts."


def span(field: str, first: str | None, over: str | None) -> Mapping[str, str]:
    """What is wrong with a span, beside the field of its end: `over` is the first day that no longer counts."""
    wrong = first is not None and over is not None and over <= first
    return {field: "It must be later than the first day: it is the first day that no longer counts."} if wrong else {}
