"""What one cell of a table means: columns with their kinds, and the spellings that real exports use for values."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from hmlib import text as texts
from hmlib.tables.columns import Column, Kind
from hmlib.tables.dates import BadDate, Day, Order, TwoDays, day_of, in_the_calendar, moment
from hmlib.tables.numbers import NotANumber, Numbers, Unclear, bare, duration, number, scientific, size, ungrouped

BIGGEST = 2**63 - 1
_BLANK = frozenset(
    {"n/a", "#n/a", "n.a.", "-", "--", "\u2013", "\u2014", "(none)", "(null)", "(blank)", "0000-00-00", "#value!", "#ref!", "#name?"}
)
_YES = frozenset({"true", "1", "1.0", "yes", "y", "t", "on"})
_NO = frozenset({"false", "0", "0.0", "no", "n", "f", "off"})
_UNSEEN = dict.fromkeys([0xAD, 0x200B, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_UNSEEN |= dict.fromkeys(c for c in (*range(0x20), *range(0x7F, 0xA0)) if c not in (0x09, 0x0A, 0x0B, 0x0C, 0x0D))
_COUNTED = re.compile(r"[0-9]{1,13}(?:\.[0-9]{1,9})?")
SINCE_1970 = ("unix", "unix ms")
_ADDRESS = re.compile(r"(?:.*<)?(?:mailto:)?([^\s@<>()\[\],;:\\\"]{1,64}@[^\s@<>()\[\],;:\\\"]{1,189})>?")


class BadCell(Exception):
    """Raised with a short sentence for the person whose file it is; the value itself is named beside it."""


class TwoReadings(BadCell):
    """Raised for what could mean two things while nothing in its column decides; the sentence names both."""


@dataclass(frozen=True, slots=True)
class Rounded:
    """A decimal that had more places than its column keeps."""

    number: Decimal

    def __str__(self) -> str:
        return f"{self.number:f}"


def heading(text: str) -> str:
    """The form in which headings are compared: no case, no spaces, no underscores, no punctuation."""
    return re.sub(r"[\W_]+", "", text.casefold())


def reader(column: Column, order: Order, numbers: Numbers, unit: str = "", zone: str = "") -> Callable[[Any], Any]:
    """A function from a raw cell to its value (None when blank) that raises BadCell, or for a text texts.Unseen. `order` is how 03/04/2026
    is read ("both" refuses it), `numbers` how 1.500 and 1,500 are ("either" refuses them), `unit` that of a bare size or duration, or
    "unix" and "unix ms" for moments that are counted from 1970 and "utc" for those of no other zone. With a `zone` every moment comes in
    UTC, those without an offset being of that zone. A decimal may come as Rounded."""
    by_kind: dict[Kind, Callable[[Any], Any]] = {
        "text": partial(_number_or_text, column=column, numbers=numbers) if column.numeric else partial(_text, column=column),
        "reference": partial(_text, column=column),
        "int": partial(_int, column=column),
        "decimal": partial(_decimal, column=column, numbers=numbers),
        "size": partial(_size, column=column, numbers=numbers, unit=unit or column.unit or "b"),
        "duration": partial(_duration, column=column, numbers=numbers, unit=unit or column.unit or "h"),
        "bool": _bool,
        "date": partial(_date, order=order),
        "datetime": partial(_datetime, order=order, unit=unit, zone=ZoneInfo("UTC" if unit == "utc" and zone else zone) if zone else None),
        "choice": partial(_choice, choices={heading(choice): choice for choice in column.choices}),
        "list": partial(_list, column=column),
        "email": email,
    }
    return by_kind[column.kind]


def plain(raw: object, lines: bool = False) -> str | None:
    """The text of a raw cell without what cannot be seen; None for an empty one and for N/A and its relatives."""
    if not isinstance(raw, str):
        return None if raw is None else _typed(raw)
    text = raw.strip()
    if not text:
        return None
    if not text.isprintable():
        text = text.translate(_UNSEEN)
        text = "\n".join(line.strip() for line in text.splitlines()).strip() if lines else " ".join(text.split())
        if not text:
            return None
    if text[0] in "='\"":
        text = _unguarded(text)
    if len(text) < 11 and (text.lower() in _BLANK or text == "NULL"):
        return None
    return text or None


def is_blank(raw: object) -> bool:
    """Whether a raw cell is empty or holds nothing but spaces."""
    return raw is None or (isinstance(raw, str) and (not raw or raw.isspace()))


def _typed(raw: object) -> str:
    if isinstance(raw, float):
        return str(int(raw)) if raw.is_integer() and abs(raw) < 1e18 else f"{raw:.15g}"
    return str(raw).lower() if isinstance(raw, bool) else raw.isoformat() if isinstance(raw, date) else str(raw)


def _unguarded(text: str) -> str:
    """Spreadsheets guard text as ="00123" and as '=x: the guard is not part of the value."""
    if text.startswith('="') and text.endswith('"') and len(text) > 2:
        return text[2:-1].strip()
    return text[1:] if text[0] == "'" and text[1:2] in ("=", "+", "-", "@") else text


def _text(raw: object, column: Column) -> str | None:
    """The rule of every name, for what is left without the noise of exports. Raises texts.Unseen, BadCell."""
    text = plain(raw, column.lines)
    if text is not None and not text.isascii():
        text = unicodedata.normalize("NFC", text) if column.lines else texts.one_line(text)
    if text is not None and len(text) > column.max_length:
        raise BadCell(f"is {len(text)} characters long; at most {column.max_length} fit")
    return text


def _bounded(number: int | Decimal, column: Column) -> None:
    if column.minimum is not None and number < column.minimum:
        raise BadCell(f"is less than {column.minimum}")
    if number > (BIGGEST if column.maximum is None else column.maximum) or number < -BIGGEST:
        raise BadCell(f"is more than {BIGGEST if column.maximum is None else column.maximum}" if number > 0 else "is too small")


def _int(raw: object, column: Column) -> int | None:
    text = plain(raw)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        whole = scientific(text)
        text = re.sub(r"\.0+\Z", "", ungrouped(text) if whole is None else str(whole.quantize(1)))
        if not re.fullmatch(r"[+-]?[0-9]+", text):
            raise BadCell("is not a whole number")
    if len(text) > 20:
        raise BadCell("has too many digits")
    _bounded(int(text), column)
    return int(text)


def _bad(wrong: NotANumber) -> BadCell:
    return TwoReadings(str(wrong)) if isinstance(wrong, Unclear) else BadCell(str(wrong))


def _number_or_text(raw: object, column: Column, numbers: Numbers) -> str | None:
    text = _text(raw, column)
    if text is None or not (found := bare(text)) or not any(mark in found for mark in ".,"):
        return text
    try:
        return str(number(text, "point" if isinstance(raw, float) else numbers))
    except Unclear as two:
        raise _bad(two) from None
    except NotANumber:
        return text


def _decimal(raw: object, column: Column, numbers: Numbers) -> Decimal | Rounded | None:
    text = plain(raw)
    if text is None:
        return None
    try:
        found = number(text, "point" if isinstance(raw, float) else numbers)
    except NotANumber as wrong:
        raise _bad(wrong) from None
    return _short(found, column)


def _short(number: Decimal, column: Column) -> Decimal | Rounded:
    """The number within its column's places and bounds."""
    short = number if column.places is None else number.quantize(Decimal(1).scaleb(-column.places), ROUND_HALF_UP)
    if short == number and len(number.as_tuple().digits) > 30:
        raise BadCell("has too many digits")
    _bounded(short, column)
    return number if short == number else Rounded(short)


def _size(raw: object, column: Column, numbers: Numbers, unit: str) -> int | None:
    text = plain(raw)
    if text is None:
        return None
    try:
        found = size(text, "point" if isinstance(raw, float) else numbers, unit)
    except NotANumber as wrong:
        raise _bad(wrong) from None
    _bounded(found, column)
    return found


def _duration(raw: object, column: Column, numbers: Numbers, unit: str) -> Decimal | Rounded | None:
    text = plain(raw)
    if text is None:
        return None
    try:
        hours, as_decimal = duration(text, "point" if isinstance(raw, float) else numbers, unit)
    except NotANumber as wrong:
        raise _bad(wrong) from None
    if as_decimal:
        return _short(hours, column)
    _bounded(hours, column)
    return hours


def _bool(raw: object) -> bool | None:
    text = plain(raw)
    if text is None:
        return None
    lower = text.lower()
    if lower in _YES:
        return True
    if lower in _NO:
        return False
    raise BadCell("is neither yes nor no")


def _choice(raw: object, choices: dict[str, str]) -> str | None:
    text = plain(raw)
    if text is None:
        return None
    if (found := choices.get(text) or choices.get(heading(text))) is None:
        listed = ", ".join(choices.values()) if len(choices) < 20 else f"the {len(choices)} that there are"
        raise BadCell(f"is not one of {listed}")
    return found


def _list(raw: object, column: Column) -> tuple[str, ...] | None:
    text = plain(raw, lines=True)
    if text is None:
        return None
    parts = re.split(r"[;|\n]" if re.search(r"[;|\n]", text) else ",", text)
    found = tuple(dict.fromkeys(value for part in parts if (value := _text(part, column))))
    return found or None


def email(raw: object) -> str | None:
    """A single address, without the name or mailto: around it; None when blank. Raises BadCell."""
    text = plain(raw)
    if text is None:
        return None
    found = _ADDRESS.fullmatch(text) if len(text) <= 400 else None
    if found is None or not text.isprintable() or ".." in found[1]:
        raise BadCell("is not an e-mail address")
    return found[1]


def _date(raw: object, order: Order) -> date | None:
    if isinstance(raw, datetime):
        return _entered(raw.date())
    if isinstance(raw, date):
        return _entered(raw)
    if isinstance(raw, float) and 1 < raw < 100_000:
        return date(1899, 12, 30) + timedelta(days=int(raw))
    text = plain(raw)
    return None if text is None else _dated(day_of, text, order)


def _datetime(raw: object, order: Order, unit: str, zone: ZoneInfo | None) -> datetime | None:
    found = _moment(raw, order, unit)
    if found is None or zone is None:
        return found
    return _entered((found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC))


def _moment(raw: object, order: Order, unit: str) -> datetime | None:
    if isinstance(raw, datetime):
        return _entered(raw)
    if isinstance(raw, float) and 1 < raw < 100_000:
        return datetime.combine(date(1899, 12, 30), time()) + timedelta(seconds=round(raw * 86_400))
    text = plain(raw)
    if text is None:
        return None
    return _counted(text, unit) if unit in SINCE_1970 and _COUNTED.fullmatch(text) else _dated(moment, text, order)


def _counted(text: str, unit: str) -> datetime:
    """Seconds or milliseconds since 1970; 0 is what programs write for never."""
    seconds = Decimal(text) / (1000 if unit == "unix ms" or len(text.partition(".")[0]) > 11 else 1)
    if not 0 < seconds < 7_258_118_400:
        raise BadCell("is not a moment that can be entered")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 1_000_000))


def _entered(day: Day) -> Day:
    try:
        return in_the_calendar(day)
    except BadDate as wrong:
        raise BadCell(wrong.args[0]) from None


def _dated(read: Callable[[str, Order], Day], text: str, order: Order) -> Day:
    if len(text) > 60:
        raise BadCell("is too long for a date")
    try:
        return read(text, order)
    except TwoDays as wrong:
        raise TwoReadings(wrong.args[0]) from None
    except BadDate as wrong:
        raise BadCell(wrong.args[0]) from None
