"""Numbers, sizes and durations as people and programs write them: signs, currencies, units, and which mark stands before the decimals."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Literal

Numbers = Literal["point", "comma", "either"]
"""How a column writes numbers: which mark stands before the decimals, as far as its cells say."""

LONGEST, _MOST_DIGITS = 60, 20
_SPACES = dict.fromkeys(map(ord, "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"), " ")
_PLAIN = _SPACES | {0x2212: "-", 0x2019: "'"}
_SHAPE = re.compile(
    r"(\()? ?([+-])? ?([^\W0-9_]{1,3}\.?[^\w\s.,'()%+-]?|[^\w\s.,'()%+-])? ?(\()? ?([+-])? ?([0-9., ']*[0-9]\.?) ?"
    r"(%|[^\w\s.,'()%+-]|[^\W0-9_]{1,3}\.?)? ?(\))?(-)?(\))?"
)
_SPACED = re.compile(r"[0-9]{1,3}(?:([ '])[0-9]{3})(?:\1[0-9]{3})*([.,][0-9]*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")
_GROUPS = {mark: re.compile(rf"[+-]?[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+") for mark in ",."}
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]{1,20})?[eE]\+?[0-9]{1,2}")
_THOUSAND_OR_NOT = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
_LOCAL = frozenset({"kr", "z\u0142", "k\u010d", "ft", "rs", "fr", "lei", "sfr"})
_BEFORE_A_SIGN = frozenset({"", "us", "ca", "c", "au", "a", "nz", "hk", "s", "r", "mx", "nt"})

PLACES = 6
"""Decimals of an hour in which a duration is kept: a five-hundredth of a second."""

_POWERS = {
    **dict.fromkeys(("b", "byte", "bytes", "octets", "o"), 0),
    **{
        form: power
        for power, letter in enumerate("kmgtp", 1)
        for form in (letter, f"{letter}b", f"{letter}ib", f"{letter}o", f"{letter}io")
    },
}
_SECONDS = {
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "std", "stunde", "stunden", "heure", "heures", "hora", "horas", "decimal"), 3600),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "minuten", "minutos"), 60),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "sek", "sekunden", "segundos"), 1),
}
UNITS: Mapping[str, Mapping[str, int]] = {"size": {unit: 1024**power for unit, power in _POWERS.items()}, "duration": _SECONDS}
"""By kind of column: what one of a unit is in bytes, or in seconds; units stand in small letters."""

_WITH_UNIT = re.compile(r"([^A-Za-z]*[0-9.])\s?([A-Za-z]{1,7})\.?")
_CLOCK = re.compile(r"([+-]?)([0-9]{1,6}):([0-5][0-9])(?::([0-5][0-9])(?:[.,]([0-9]{1,6})[0-9]{0,6})?)?")
_ISO_8601 = re.compile(r"PT(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,6})(?:\.[0-9]{1,9})?S)?")
_WORDS = re.compile(
    r"([0-9]{1,6}) ?(?:h|hrs?|hours?|Std|Stunden?|heures?)\.?,? ?(?:([0-9]{1,6}) ?(?:m|mins?|minutes?|Minuten?)?\.?,? ?)?"
    r"(?:([0-9]{1,6}) ?(?:s|secs?|seconds?|Sekunden?)\.?)?",
    re.IGNORECASE,
)


class NotANumber(ValueError):
    """Raised with a short sentence that says what is wrong with the text, such as "is not a number"."""


class Unclear(NotANumber):
    """Raised for a number that can be read in two ways while nothing in its column says which one is meant."""


def number(text: str, numbers: Numbers) -> Decimal:
    """The number a text names. `numbers` says which mark stands before the decimals; "either" refuses 1.500 and 1,500 with both readings.

    Signs stand before or after, currency signs and ISO 4217 codes too; brackets mean less than nothing, a % is left out, spaces and
    apostrophes may part thousands. It is below 10**20. Raises NotANumber, Unclear. ASCII digits alone are digits.
    """
    found = pointed(bare(text), numbers)
    if not _NUMBER.fullmatch(found):
        raise NotANumber("is not a number")
    if (value := Decimal(found)).adjusted() >= _MOST_DIGITS:
        raise NotANumber("has too many digits")
    return value


def scientific(text: str) -> Decimal | None:
    """The whole number that a spreadsheet wrote as 1.64927E+12, below 10**20; None for anything else."""
    if not _SCIENTIFIC.fullmatch(text):
        return None
    found = Decimal(text.replace(",", "."))
    return found if found < 10**20 else None


def bare(text: str) -> str:
    """The digits and marks of a number with its sign before them; "" for what is no number or longer than 60 characters."""
    if len(text) > LONGEST:
        return ""
    if text.isdigit() and text.isascii():
        return text
    found = _SHAPE.fullmatch(text.translate(_PLAIN).strip())
    if found is None:
        return ""
    opened, sign, before, opened_after, sign_after, digits, after, closed, last_sign, closed_last = found.groups()
    if not (_is_currency(before) and (after == "%" or _is_currency(after)) and not (before and after)):
        return ""
    brackets = (bool(opened) + bool(opened_after), bool(closed) + bool(closed_last))
    signs = [one for one in (sign, sign_after, last_sign) if one]
    if brackets not in ((0, 0), (1, 1)) or len(signs) + brackets[0] > 1:
        return ""
    if " " in digits or "'" in digits:
        if not _SPACED.fullmatch(digits):
            return ""
        digits = digits.replace(" ", "").replace("'", "")
    return ("-" if brackets[0] else signs[0] if signs else "") + digits


@lru_cache(maxsize=1)
def _codes() -> frozenset[str]:
    """ISO 4217's codes, read when a cell first has three letters beside its number."""
    from babel.numbers import list_currencies  # here, so that a reader of plain numbers need not load it

    return frozenset(list_currencies())


def _is_currency(text: str | None) -> bool:
    if not text:
        return True
    if unicodedata.category(text[-1]) == "Sc":
        return text[:-1].rstrip(".").lower() in _BEFORE_A_SIGN
    return text in _codes() or text.rstrip(".").lower() in _LOCAL


def pointed(text: str, numbers: Numbers) -> str:
    """What bare() found with a decimal point and without marks between thousands. Raises Unclear."""
    if "," in text and "." in text:
        last, other = (",", ".") if text.rfind(",") > text.rfind(".") else (".", ",")
        head, _, tail = text.partition(last)
        return head.replace(other, "") + "." + tail if _GROUPS[other].fullmatch(head) else text
    if _THOUSAND_OR_NOT.fullmatch(text):
        mark = "," if "," in text else "."
        whole, exact = text.replace(mark, ""), text.replace(mark, ".")
        if numbers == "either":
            raise Unclear(f"can be read as {exact.rstrip('0').rstrip('.')} or as {whole}; write it without a mark between thousands")
        return exact if (numbers == "comma") == (mark == ",") else whole
    for mark in ",.":
        if text.count(mark) > 1 and _GROUPS[mark].fullmatch(text):
            return text.replace(mark, "")
    return text.replace(",", ".") if text.count(",") == 1 else text


def ungrouped(text: str) -> str:
    """A whole number without any marks between its thousands; what has none comes back as it is."""
    found = bare(text)
    return next((found.replace(mark, "") for mark, form in _GROUPS.items() if form.fullmatch(found)), found)


class Habit:
    """How a column writes numbers, learnt from its cells one after the other. In a file with commas between its cells a lone point is
    likely to stand before decimals, for its program would write a decimal comma only beside semicolons."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._seen: set[Numbers] = set()
        self._likely: Numbers = "either"

    def learn(self, text: str) -> None:
        """What one cell says, which may be nothing."""
        if len(self._seen) > 1 or not ("," in text or "." in text):
            return
        found = bare(text)
        last = "," if found.rfind(",") > found.rfind(".") else "."
        if _THOUSAND_OR_NOT.fullmatch(found):
            self._likely = "point" if self._delimiter == "," and last == "." else self._likely
        elif last in found and _NUMBER.fullmatch(pointed(found, "point")):
            self._seen.add("point" if (last == ".") != (found.count(last) > 1) else "comma")

    def numbers(self, told: Numbers = "either") -> Numbers:
        """What the unmistakable cells say, else what a person or the file's program has `told`, else what is likely."""
        if len(self._seen) == 1:
            return next(iter(self._seen))
        return self._likely if told == "either" and not self._seen else told


def numbers_of(cells: Iterable[object], delimiter: str) -> Numbers:
    """How the cells of a column write numbers; see Habit."""
    habit = Habit(delimiter)
    for cell in cells:
        if isinstance(cell, str):
            habit.learn(cell)
    return habit.numbers()


def without_unit(text: str) -> str:
    """The number of a size or duration, for learning how its column writes numbers; a clock's is nothing."""
    found = _WITH_UNIT.fullmatch(text.strip()) if len(text) <= 60 else None
    return found[1] if found else text


def size(text: str, numbers: Numbers, unit: str = "b") -> int:
    """Bytes, rounded half up: 1.5 TB, 250,4 GB, 1.64927E+12. TB and TiB are both 2**40. `unit` is that of a number without one, a key of
    UNITS. Raises NotANumber."""
    if (whole := scientific(text)) is not None:
        return _rounded(whole * UNITS["size"][unit])
    amount, factor = _parts(text, numbers, unit, "size")
    return _rounded(amount * factor)


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP)) if abs(amount) < 10**24 else 10**24


def duration(text: str, numbers: Numbers, unit: str = "h") -> tuple[Decimal, bool]:
    """Hours, and whether the text gave them as a decimal of its own: 01:15:00, 1:30 (hours and minutes), 1h 30m, 90 min, PT1H15M, 1.25.
    `unit` is that of a bare number, a key of UNITS. Those that come out of minutes and seconds have six decimals. Raises NotANumber."""
    if len(text) > 60:
        raise NotANumber("is not a duration")
    if (clock := _CLOCK.fullmatch(text)) is not None:
        hours = _hours(Decimal(int(clock[2]) * 3600 + int(clock[3]) * 60 + int(clock[4] or 0)) + _fraction(clock[5]))
        return (-hours if clock[1] == "-" else hours), False
    if (parts := _WORDS.fullmatch(text) or (_ISO_8601.fullmatch(text) if len(text) > 2 else None)) is not None:
        return _hours(Decimal(sum(int(part or 0) * seconds for part, seconds in zip(parts.groups(), (3600, 60, 1), strict=True)))), False
    amount, seconds = _parts(text, numbers, unit, "duration")
    return (amount, True) if seconds == 3600 else (_hours(amount * seconds), False)


def span(raw: timedelta) -> Decimal:
    """The hours between two moments, in six decimals."""
    return _hours(Decimal(raw // timedelta(microseconds=1)) / 1_000_000)


def _fraction(digits: str | None) -> Decimal:
    return Decimal("0." + digits) if digits else Decimal(0)


def _hours(seconds: Decimal) -> Decimal:
    return (seconds / 3600).quantize(Decimal(1).scaleb(-PLACES), ROUND_HALF_UP).normalize() + 0


def _parts(text: str, numbers: Numbers, unit: str, kind: str) -> tuple[Decimal, int]:
    """The number and what one of its unit is. Raises NotANumber."""
    found = _WITH_UNIT.fullmatch(text) if len(text) <= 60 else None
    named = found[2].lower() if found else unit
    if named not in UNITS[kind]:
        raise NotANumber(f"is not a {kind}")
    try:
        return number(found[1] if found else text, numbers), UNITS[kind][named]
    except Unclear:
        raise
    except NotANumber:
        raise NotANumber(f"is not a {kind}") from None
