"""What a setting can be, and what each kind takes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Literal
from zoneinfo import available_timezones

from hmlib import text as texts

Kind = Literal["text", "lines", "int", "bool", "choice", "time_zone", "decimal", "secret"]

TEXT_LENGTH = 500
LINES_LENGTH = 10_000

_WHOLE = re.compile(r"-?[0-9]{1,15}")
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_SWITCH = {
    "true": "true",
    "on": "true",
    "yes": "true",
    "1": "true",
    "false": "false",
    "off": "false",
    "no": "false",
    "0": "false",
    "": "false",
}


@dataclass(frozen=True)
class Preference:
    """One setting. ``minimum`` and ``maximum`` bound numbers by value and text by length, both included.

    A "secret" is sealed in the database, written but never shown: an empty value keeps what is stored, "-" removes it.
    """

    key: str
    label: str
    kind: Kind
    default: str
    help: str = ""
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None


class Wrong(Exception):
    """A value that a setting cannot have; the text is one sentence for the person who entered it."""


def check(preference: Preference, value: str) -> str:
    """``value`` in the form it is stored. Raises Wrong."""
    return _CHECKS[preference.kind](preference, value)


def check_default(preference: Preference) -> None:
    """Raises ValueError when the declaration's own default could not be stored."""
    try:
        same = check(preference, preference.default) == preference.default
    except Wrong as wrong:
        raise ValueError(f"the default of {preference.key} is wrong: {wrong}") from wrong
    if not same or (preference.kind == "secret" and preference.default):
        raise ValueError(f"the default of {preference.key} is not in the form it is stored")


def _text(preference: Preference, value: str) -> str:
    try:
        text = texts.one_line(value)
    except texts.Unseen as unseen:
        raise Wrong(str(unseen)) from None
    return _of_length(preference, text, TEXT_LENGTH)


def _lines(preference: Preference, value: str) -> str:
    lines = [line.rstrip() for line in value.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")]
    if not all(line.replace("\t", " ").isprintable() for line in lines):
        raise Wrong("Enter text without control characters.")
    return _of_length(preference, "\n".join(lines), LINES_LENGTH)


def _of_length(preference: Preference, text: str, most: int) -> str:
    least, most = preference.minimum or 0, preference.maximum or most
    if len(text) < least:
        raise Wrong("This cannot be empty." if least == 1 else f"Enter at least {least} characters.")
    if len(text) > most:
        raise Wrong(f"Enter at most {most} characters.")
    return text


def _secret(preference: Preference, value: str) -> str:
    return _text(preference, value) if value else ""


def _whole(preference: Preference, value: str) -> str:
    text = value.strip()
    if not _WHOLE.fullmatch(text) or not _within(preference, Decimal(text)):
        raise Wrong(f"Enter a whole number{_bounds(preference)}.")
    return str(int(text))


def _number(preference: Preference, value: str) -> str:
    text = value.strip()
    if not _DECIMAL.fullmatch(text) or not _within(preference, Decimal(text)):
        raise Wrong(f"Enter a number such as 12.5{_bounds(preference)}.")
    return str(Decimal(text))


def _switch(preference: Preference, value: str) -> str:
    if value.strip().lower() not in _SWITCH:
        raise Wrong("Enter true or false.")
    return _SWITCH[value.strip().lower()]


def _choice(preference: Preference, value: str) -> str:
    if value not in preference.choices:
        raise Wrong(f"Choose one of {', '.join(preference.choices)}.")
    return value


def _time_zone(preference: Preference, value: str) -> str:
    if value not in _zones():
        raise Wrong("Choose a time zone such as Europe/Berlin.")
    return value


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _within(preference: Preference, number: Decimal) -> bool:
    least, most = preference.minimum, preference.maximum
    return (least is None or number >= least) and (most is None or number <= most)


def _bounds(preference: Preference) -> str:
    least, most = preference.minimum, preference.maximum
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if least is not None:
        return f" of at least {least}"
    return f" of at most {most}" if most is not None else ""


_CHECKS: Mapping[Kind, Callable[[Preference, str], str]] = {
    "text": _text,
    "lines": _lines,
    "int": _whole,
    "bool": _switch,
    "choice": _choice,
    "time_zone": _time_zone,
    "decimal": _number,
    "secret": _secret,
}
