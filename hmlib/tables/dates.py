"""Days and times as people and programs write them, in ISO and in the habits of several countries."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Literal, TypeVar

from hmlib.clock import FIRST_YEAR, LAST_YEAR

Order = Literal["day", "month", "both"]
Day = TypeVar("Day", date, datetime)

_PARTS = re.compile(r"([0-9]{1,4})([/.\-])([0-9]{1,2})\2([0-9]{1,4})")
_NAMED = re.compile(r"(?:([0-9]{1,2})[ .\-]+([A-Za-z]{3,9})\.?|([A-Za-z]{3,9})\.? +([0-9]{1,2}))[ ,\-]+([0-9]{4}|[0-9]{2})")
_TIME = re.compile(
    r"(.+?)(?:[T,]| at)? ?(?<![0-9])([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?"
    r" ?([AaPp]\.?[Mm]\.?)? ?(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})?"
)
_MONTHS = {name: at + 1 for at, name in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"))}


class BadDate(ValueError):
    """Raised with a short sentence that says what is wrong with the text."""


@lru_cache(maxsize=8192)
def moment(text: str, order: Order) -> datetime:
    """The time a text names, in the years of the calendar, with the offset if it names one; a bare day is its midnight. Raises BadDate."""
    try:
        return in_the_calendar(datetime.fromisoformat(text))
    except BadDate:
        raise
    except ValueError:
        found = _TIME.fullmatch(text)
    day = day_of(found[1].strip(" ,") if found else text, order)
    if found is None:
        return datetime.combine(day, time())
    hour, half = int(found[2]), (found[5] or "").lower()
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    try:
        return datetime.combine(day, time(hour, int(found[3]), int(found[4] or 0), tzinfo=_offset(found[6])))
    except ValueError:
        raise BadDate("is not a time of the day") from None


def _offset(text: str | None) -> timezone | None:
    if not text:
        return None
    if text in ("Z", "UTC", "GMT"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


@lru_cache(maxsize=8192)
def day_of(text: str, order: Order) -> date:
    """The day a text names, in the years of the calendar. Raises BadDate."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        try:
            day = _spelt(text, order)
        except BadDate:
            raise
        except ValueError:
            raise BadDate("is not a date; write it as YYYY-MM-DD") from None
    return in_the_calendar(day)


def in_the_calendar(day: Day) -> Day:
    """The day or time itself. Raises BadDate outside the years that may be entered."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise BadDate(f"is not in the years {FIRST_YEAR} to {LAST_YEAR}")
    return day


def _spelt(text: str, order: Order) -> date:
    if (timed := _TIME.fullmatch(text)) is not None:
        text = timed[1].strip(" ,")
    if (named := _NAMED.fullmatch(text)) is not None:
        month = _MONTHS.get((named[2] or named[3])[:3].lower(), 0)
        return date(_year(named[5]), month, int(named[1] or named[4]))
    parts = _PARTS.fullmatch(text)
    if parts is None or (len(parts[1]) == 3):
        raise ValueError(text)
    if len(parts[1]) == 4:
        return date(int(parts[1]), int(parts[3]), int(parts[4]))
    first, second = int(parts[1]), int(parts[3])
    if parts[2] == "." or first > 12 or (order == "day" and second <= 12):
        return date(_year(parts[4]), second, first)
    if order == "both" and second <= 12 and first != second:
        raise BadDate("can be read in two ways, and this file writes dates in both; write it as YYYY-MM-DD")
    return date(_year(parts[4]), first, second)


def _year(text: str) -> int:
    if len(text) not in (2, 4):
        raise ValueError(text)
    return int(text) + (0 if len(text) == 4 else 2000 if int(text) < 70 else 1900)


def order_of(texts: Iterable[object], day_first: bool) -> Order:
    """How a file writes its dates: what its unmistakable ones say, else what `day_first` says."""
    seen: set[Order] = set()
    for text in texts:
        if isinstance(text, str) and (parts := _PARTS.match(text.strip())) and parts[2] != "." and len(parts[1]) < 3:
            first, second = int(parts[1]), int(parts[3])
            if (first > 12) != (second > 12):
                seen.add("day" if first > 12 else "month")
    return "both" if len(seen) == 2 else seen.pop() if seen else "day" if day_first else "month"
