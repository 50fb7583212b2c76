"""Days and times as people and programs write them, in ISO and in the habits and languages of several countries."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Literal, TypeVar

from hmlib.clock import FIRST_YEAR, LAST_YEAR

Order = Literal["day", "month", "both"]
Day = TypeVar("Day", date, datetime)

_PARTS = re.compile(r"([0-9]{1,4})([/.\-])([0-9]{1,2})\2([0-9]{1,4})")
_NAMED = re.compile(
    r"(?:[A-Za-z\u00c0-\u024f]{2,12}\.?, ?)?"
    r"(?:([0-9]{1,2})(?:st|nd|rd|th|\.)?[ .\-/]+(?:de )?([A-Za-z\u00c0-\u024f]{3,12})\.?"
    r"|([A-Za-z\u00c0-\u024f]{3,12})\.? +([0-9]{1,2})(?:st|nd|rd|th)?)"
    r"(?:[ ,\-/]+|\. | de )([0-9]{4}|[0-9]{2})"
)
_TIME = re.compile(
    r"(.+?)(?:[T,]| at| \u00e0| um)? ?(?<![0-9])([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?"
    r" ?([AaPp]\.?[Mm]\.?)? ?(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})?"
)
_MONTHS = (  # English, German, French, Spanish, Italian, Dutch, Portuguese, Danish, Norwegian, Swedish: without accents
    ("january januar janvier enero gennaio januari janeiro", "february februar fevrier febrero febbraio februari fevereiro"),
    ("march marz maerz mars marzo maart mrt marco marts", "april avril abril aprile"),
    ("may mai mayo maggio mei maio maj", "june juni juin junio giugno junho"),
    ("july juli juillet julio luglio julho", "august aout agosto augustus augusti"),
    ("september septembre septiembre settembre setembro", "october oktober octobre octubre ottobre outubro"),
    ("november novembre noviembre novembro", "december dezember decembre diciembre dicembre dezembro desember"),
)


class BadDate(ValueError):
    """Raised with a short sentence that says what is wrong with the text."""


class TwoDays(BadDate):
    """Raised for a day that can be read in two ways, while its column writes dates in both."""


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
        return date(_year(named[5]), _month(named[2] or named[3]), int(named[1] or named[4]))
    parts = _PARTS.fullmatch(text)
    if parts is None or (len(parts[1]) == 3):
        raise ValueError(text)
    if len(parts[1]) == 4:
        return date(int(parts[1]), int(parts[3]), int(parts[4]))
    first, second = int(parts[1]), int(parts[3])
    if parts[2] == "." or first > 12 or (order == "day" and second <= 12):
        return date(_year(parts[4]), second, first)
    if order == "both" and second <= 12 and first != second:
        raise TwoDays("can be read in two ways, and this file writes dates in both; write it as YYYY-MM-DD")
    return date(_year(parts[4]), first, second)


@lru_cache(maxsize=256)
def _month(word: str) -> int:
    """The month whose name begins so, in one of ten languages. Raises ValueError."""
    folded = "".join(letter for letter in unicodedata.normalize("NFKD", word.lower()) if not unicodedata.combining(letter))
    names = [name for pair in _MONTHS for name in pair]
    found = [at for at, forms in enumerate(names, 1) if any(form.startswith(folded) for form in forms.split())]
    if len(found) != 1:
        raise ValueError(word)
    return found[0]


def _year(text: str) -> int:
    if len(text) not in (2, 4):
        raise ValueError(text)
    return int(text) + (0 if len(text) == 4 else 2000 if int(text) < 70 else 1900)


class OrderHabit:
    """In which order a column writes days and months, learnt from its cells one after the other."""

    def __init__(self) -> None:
        self._seen: set[Order] = set()

    def learn(self, text: str) -> None:
        """What one cell says, which may be nothing."""
        if len(self._seen) < 2 and (parts := _PARTS.match(text.strip())) and parts[2] != "." and len(parts[1]) < 3:
            first, second = int(parts[1]), int(parts[3])
            if (first > 12) != (second > 12):
                self._seen.add("day" if first > 12 else "month")

    @property
    def order(self) -> Order | None:
        """None where the cells leave it open."""
        return "both" if len(self._seen) == 2 else next(iter(self._seen), None)


def order_of(orders: Iterable[Order | None], day_first: bool) -> Order:
    """What the columns of a file say together, else what `day_first` says."""
    said = {order for order in orders if order}
    return ("both" if len(said) > 1 else said.pop()) if said else "day" if day_first else "month"
