"""The table that `make bench` prints: one line for each figure, beside the limit that was measured in the same run."""

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass

WIDTHS = (50, 16, 30, 10, 10)
HEADER = ("work", "measured", "beside", "ratio", "wanted", "")


@dataclass(frozen=True)
class Figure:
    """`value` is held against `wanted`: at least that, or with `at_most` at most; None wants nothing. `measured` and `beside` tell
    what it was made of."""

    work: str
    value: float
    wanted: float | None = None
    unit: str = ""
    at_most: bool = False
    measured: str = ""
    beside: str = ""

    @property
    def good(self) -> bool:
        return self.wanted is None or (self.value <= self.wanted if self.at_most else self.value >= self.wanted)

    @property
    def line(self) -> tuple[str, ...]:
        ratio = self.unit == "x"
        said = number(self.value) + (" x" if ratio else f" {self.unit}")
        wanted = "" if self.wanted is None else f"{'<=' if self.at_most else '>='} {number(self.wanted)}"
        verdict = "" if self.wanted is None else "good" if self.good else "SHORT"
        return self.work, self.measured if ratio else said, self.beside, said if ratio else "", wanted, verdict


def number(value: float) -> str:
    """With as many digits as tell something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def rate(value: float) -> str:
    return f"{number(value)}/s"


def printed(cells: Iterable[str]) -> str:
    return " ".join(cell.ljust(width) for cell, width in zip(cells, (*WIDTHS, 5), strict=True)).rstrip()


def machine() -> str:
    """What the figures were measured on, and how busy it was."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, {platform.machine()}, load {load}"
