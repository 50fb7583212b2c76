"""What changed between two texts, line by line. Pure: no I/O."""

import difflib
from dataclasses import dataclass
from typing import Literal

CONTEXT_LINES = 3


@dataclass(frozen=True)
class Line:
    """A line of a comparison; a gap stands for lines that are the same on both sides."""

    kind: Literal["same", "added", "removed", "gap"]
    text: str


_KINDS: dict[str, Literal["same", "added", "removed"]] = {" ": "same", "+": "added", "-": "removed"}


def lines_of(before: str, after: str) -> list[Line]:
    """The changed lines with three lines around each; nothing when the texts are the same."""
    compared = difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=CONTEXT_LINES)
    shown = [Line("gap", "") if line.startswith("@@") else Line(_KINDS[line[0]], line[1:]) for line in list(compared)[2:]]
    return shown[1:] if shown and shown[0].kind == "gap" else shown
