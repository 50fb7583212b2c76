"""Sizes and durations as people and exports write them, and decimals as text. Pure: no I/O."""

import re
from decimal import ROUND_HALF_UP, Decimal

MOST_BYTES = 2**60
HOUR_E6 = 1_000_000
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}
_SIZE = re.compile(r"([0-9][0-9.,' \u00a0\u2009\u202f]{0,30}|[0-9](?:[.,][0-9]{1,20})?[eE]\+?[0-9]{1,2}) ?([a-zA-Z]{0,5})")
_CLOCK = re.compile(r"([0-9]{1,5}):([0-5][0-9])(?::([0-5][0-9]))?")
_SPOKEN = re.compile(r"(?:([0-9]{1,5}(?:[.,][0-9]{1,6})?) ?h(?:ours?|rs?)?)? ?(?:([0-9]{1,6}) ?m(?:in(?:utes?|s)?)?)?")
A_SIZE = "Use a size such as 1.5 TB, 250 GB or a number of bytes."


def size(said: str) -> int:
    """Bytes, 0 to 2^60, out of "1.5 TB", "250,4 GB", "1.64927E+12" or "1500": kB is 2^10 … TB 2^40, with and without an i; rounded half up.

    Raises ValueError with a sentence.
    """
    found = _SIZE.fullmatch(said.strip())
    unit = _UNITS.get(re.sub("i?b(ytes?)?$", "", found[2].lower())) if found else None
    if found is None or unit is None:
        raise ValueError(A_SIZE)
    number = found[1].strip()
    amount = Decimal(number.replace(",", ".")) if "e" in number.lower() else _grouped(number)
    exact = int((amount * unit).to_integral_value(ROUND_HALF_UP))
    if exact > MOST_BYTES:
        raise ValueError("This is more than can be kept.")
    return exact


def _grouped(number: str) -> Decimal:
    """A number with groups or decimals: the last mark is the decimal one, unless it stands more than once or before three digits of
    many."""
    bare = re.sub(r"['\s\u00a0\u2009\u202f]", "", number)
    marks = [mark for mark in bare if mark in ".,"]
    if len(set(marks)) == 2:
        group = "," if bare.rindex(".") > bare.rindex(",") else "."
        bare = bare.replace(group, "")
    elif len(marks) > 1:
        bare = bare.replace(marks[0], "")
    bare = bare.replace(",", ".")
    if bare.count(".") > 1:
        raise ValueError(A_SIZE)
    return Decimal(bare)


def exact_size(count: int) -> str:
    """Bytes in the largest unit in which three decimals say them exactly, else as a bare number: size() of it is ``count`` again."""
    for unit, factor in (("TB", 2**40), ("GB", 2**30), ("MB", 2**20)):
        if count >= factor and count * 1000 % factor == 0:
            return f"{decimal_text(count * 1000 // factor, 3)} {unit}"
    return str(count)


def rounded_size(count: int) -> str:
    """Bytes in the unit that people use for so many, to one decimal: 1.5 TB."""
    for unit, factor in (("TB", 2**40), ("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if count >= factor:
            return f"{count / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{count} B"


def clocked_hours(said: str) -> int | None:
    """Hours in millionths out of "1:30", "01:15:00", "1h 30m" or "90 min"; None for anything that is not written so."""
    value = said.strip().lower()
    if clock := _CLOCK.fullmatch(value):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return (hours * 3600 + minutes * 60 + seconds) * HOUR_E6 // 3600
    spoken = _SPOKEN.fullmatch(value)
    if spoken is None or not (spoken[1] or spoken[2]):
        return None
    hours_said = Decimal((spoken[1] or "0").replace(",", "."))
    return int((hours_said * 60 + int(spoken[2] or 0)) * HOUR_E6 / 60)


def decimal_text(value: int, places: int, least: int = 0) -> str:
    """An integer of ``places`` decimals as text, with ``least`` of them at least: 12500 of 4 places is "1.25"."""
    whole, rest = divmod(abs(value), 10**places)
    decimals = f"{rest:0{places}d}".rstrip("0").ljust(least, "0") if places else ""
    return f"{'-' if value < 0 else ''}{whole}{'.' if decimals else ''}{decimals}"
