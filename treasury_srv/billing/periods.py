"""Calendar arithmetic of billing: months in the MSP's time zone, terms and pool years; days are ISO text."""

import re
from calendar import monthrange
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from hmlib.clock import FIRST_YEAR, LAST_YEAR, shifted

TERM_YEARS = {"month_to_month": 0, "1_year": 1, "2_year": 2, "3_year": 3}
FOREVER = "9999-12-31"
_KEY = re.compile(r"[12][0-9]{3}-(0[1-9]|1[0-2])")


class Period(Struct, frozen=True, gc=False):
    """A calendar month, half-open: `first` counts, `next_first` no longer does."""

    key: str
    first: str
    next_first: str
    days: int

    @property
    def last(self) -> str:
        return day_before(self.next_first)


@lru_cache(maxsize=1024)
def period(key: str) -> Period:
    """The month named "YYYY-MM"; ValueError for anything else."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not a month like 2026-10")
    year, month = int(key[:4]), int(key[5:])
    following = date(year + month // 12, month % 12 + 1, 1)
    return Period(key, f"{key}-01", following.isoformat(), (following - date(year, month, 1)).days)


def asked(text: str) -> Period:
    """The month that somebody asks for, with its neighbours all in the calendar; ValueError for anything else."""
    found = period(text)
    if not FIRST_YEAR <= int(text[:4]) <= LAST_YEAR:
        raise ValueError(f"{text!r} is beyond the years that can be billed")
    return found


def following(key: str) -> str:
    """The name of the month after."""
    return period(key).next_first[:7]


def preceding(key: str) -> str:
    """The name of the month before."""
    return day_before(f"{key}-01")[:7]


@lru_cache(maxsize=4096)
def day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def day_after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def end_of_term(start_on: str, term: str) -> str | None:
    """The last day of a term: the day before the anniversary; a start on 29 February ends on 27 February; None for month to month."""
    years = TERM_YEARS[term]
    if not years:
        return None
    anniversary = months_later(date.fromisoformat(start_on), 12 * years)
    return (anniversary - timedelta(days=1)).isoformat()


def months_later(day: date, months: int) -> date:
    """The same day of another month, its last where that month is shorter: 31 January and one month is 28 or 29 February."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return day.replace(year=year, month=month, day=min(day.day, monthrange(year, month)[1]))


def year_before(key: str) -> str:
    """The name of the same month a year before."""
    return f"{int(key[:4]) - 1:04}{key[4:]}"


def pool_year(start_on: str, key: str, runs: str) -> str:
    """The first month of the pool year that a month belongs to; `runs` is "anniversary" or "calendar"."""
    if runs == "calendar":
        return max(start_on[:7], f"{key[:4]}-01")
    year = int(key[:4]) - (key[5:] < start_on[5:7])
    return f"{year:04}-{start_on[5:7]}"


def starts_at(day: str, zone: str) -> str:
    """The UTC instant at which a day begins in a time zone, as the fixed-width text that databases sort."""
    return shifted(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).isoformat(), 0)


def work_date(worked_at: str, zone: str) -> str:
    """The day on which a UTC instant falls in a time zone."""
    return _day_of_minute(worked_at[:16], zone)


@lru_cache(maxsize=50_000)
def _day_of_minute(minute: str, zone: str) -> str:
    # No zone in use today changes its offset within a minute.
    try:
        return datetime.fromisoformat(f"{minute}:00+00:00").astimezone(ZoneInfo(zone)).date().isoformat()
    except OverflowError:  # a stored time at the edge of the calendar stays the day it is in UTC
        return minute[:10]
