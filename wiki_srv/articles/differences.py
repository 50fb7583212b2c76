"""What changed between two texts, line by line, as far as that can be said with bounded work. Pure: no I/O."""

import difflib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

CONTEXT_LINES = 3
MOST_LINES = 3_000
"""Lines of a comparison that a page shows; two texts that differ in more are shown beside each other."""
MOST_PAIRS = 40_000
"""Pairs of lines (one of each side) up to which a stretch is compared line with line; a longer one is replaced as a whole."""


@dataclass(frozen=True)
class Line:
    """A line of a comparison; a gap stands for lines that are the same on both sides."""

    kind: Literal["same", "added", "removed", "gap"]
    text: str


@dataclass(frozen=True)
class Comparison:
    """What differs; `too_much` where it is more than can be shown, and then there are no lines."""

    lines: tuple[Line, ...] = ()
    too_much: bool = False


Lines = Sequence[str]
Stretch = tuple[int, int, int, int]
"""Lines `a` up to `b` of the one text and `c` up to `d` of the other."""


def compared(before: str, after: str) -> Comparison:
    """The changed lines with three lines around each; nothing when the texts are the same. Work grows with the texts' lengths alone."""
    old, new = before.split("\n"), after.split("\n")
    lines: list[Line] = []
    changed = at = 0
    near: set[int] = set()
    for a, b, c, d in _joined(_changes(old, new)):
        changed += b - a + d - c
        if changed > MOST_LINES:
            return Comparison(too_much=True)
        lines += [Line("same", text) for text in old[at:a]]
        near.update(range(len(lines) - CONTEXT_LINES, len(lines) + b - a + d - c + CONTEXT_LINES))
        lines += [Line("removed", text) for text in old[a:b]] + [Line("added", text) for text in new[c:d]]
        at = b
    lines += [Line("same", text) for text in old[at : at + CONTEXT_LINES]]
    return Comparison(tuple(_near(lines, near)))


def _near(lines: Sequence[Line], near: set[int]) -> Iterator[Line]:
    """The lines near a change, with a gap wherever some are left out in between."""
    last = -1
    for at in sorted(place for place in near if 0 <= place < len(lines)):
        if last >= 0 and at > last + 1:
            yield Line("gap", "")
        yield lines[at]
        last = at


def _joined(changes: Iterator[Stretch]) -> Iterator[Stretch]:
    """Changes that touch each other as one."""
    last: Stretch | None = None
    for change in changes:
        if last is not None and last[1] == change[0] and last[3] == change[2]:
            last = (last[0], change[1], last[2], change[3])
        else:
            if last is not None:
                yield last
            last = change
    if last is not None:
        yield last


def _changes(old: Lines, new: Lines) -> Iterator[Stretch]:
    """What differs, in order: what both begin and end with is the same, then lines that stand once in either text hold them together."""
    head = _same(old, new, 0, 1)
    tail = _same(old[head:], new[head:], -1, -1)
    a, b, c, d = head, len(old) - tail, head, len(new) - tail
    for at, there in (*_anchors(old[a:b], new[c:d]), (b - a, d - c)):
        yield from _between(old, new, (a, head + at, c, head + there))
        a, c = head + at + 1, head + there + 1


def _same(old: Lines, new: Lines, first: int, step: int) -> int:
    most = min(len(old), len(new))
    return next((count for count in range(most) if old[first + step * count] != new[first + step * count]), most)


def _anchors(old: Lines, new: Lines) -> list[tuple[int, int]]:
    """The longest row of lines that stand exactly once on either side, in the same order on both (patience diff)."""
    in_old, in_new = Counter(old), Counter(new)
    places = {line: at for at, line in enumerate(new) if in_new[line] == 1}
    pairs = [(at, places[line]) for at, line in enumerate(old) if in_old[line] == 1 and line in places]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, there) in enumerate(pairs):
        length = bisect_left(ends, there)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [there]
        last[length : length + 1] = [index]
    found: list[tuple[int, int]] = []
    index = last[-1] if last else -1
    while index >= 0:
        found.append(pairs[index])
        index = before[index]
    return found[::-1]


def _between(old: Lines, new: Lines, stretch: Stretch) -> Iterator[Stretch]:
    a, b, c, d = stretch
    head = _same(old[a:b], new[c:d], 0, 1)
    a, c = a + head, c + head
    tail = _same(old[a:b], new[c:d], -1, -1)
    b, d = b - tail, d - tail
    if a == b and c == d:
        return
    if (b - a) * (d - c) > MOST_PAIRS or a == b or c == d:
        yield a, b, c, d
        return
    for tag, i, j, k, m in difflib.SequenceMatcher(None, old[a:b], new[c:d], autojunk=False).get_opcodes():
        if tag != "equal":
            yield a + i, a + j, c + k, c + m
