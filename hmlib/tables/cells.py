"""What one cell of a table means: columns with their kinds, and the spellings that real exports use for values."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any, Literal

from hmlib import text as texts
from hmlib.tables.dates import BadDate, Day, Order, day_of, in_the_calendar, moment

Kind = Literal["text", "int", "decimal", "bool", "date", "datetime", "choice", "list", "email"]
Numbers = Literal["point", "comma", "either"]
"""How a column writes numbers: which mark stands before the decimals, as far as its cells say."""

BIGGEST = 2**63 - 1
_BLANK = frozenset(
    {"n/a", "#n/a", "n.a.", "-", "--", "\u2013", "\u2014", "(none)", "(null)", "(blank)", "0000-00-00", "#value!", "#ref!", "#name?"}
)
_YES = frozenset({"true", "1", "1.0", "yes", "y", "t", "on"})
_NO = frozenset({"false", "0", "0.0", "no", "n", "f", "off"})
_UNSEEN = dict.fromkeys([0xAD, 0x200B, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_UNSEEN |= dict.fromkeys(c for c in (*range(0x20), *range(0x7F, 0xA0)) if c not in (0x09, 0x0A, 0x0B, 0x0C, 0x0D))
_ADDRESS = re.compile(r"(?:.*<)?(?:mailto:)?([^\s@<>()\[\],;:\\\"]{1,64}@[^\s@<>()\[\],;:\\\"]{1,189})>?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")
_GROUPS = {mark: re.compile(rf"[+-]?[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+") for mark in ",. '\u2019"}
_SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]{1,20})?[eE]\+?[0-9]{1,2}")
_THOUSAND_OR_NOT = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
_LIKE_A_NUMBER = re.compile(r"[+-]?[0-9.,]*[0-9]")
_LONGEST_NUMBER = 60


class BadCell(Exception):
    """Raised with a short sentence for the person whose file it is; the value itself is named beside it."""


@dataclass(frozen=True)
class Column:
    """A column of a file that is read. `key` columns together are the natural key; `required` ones may not be empty;
    `max_length` is in characters; `minimum` and `maximum` bound int and decimal kinds; `lines` lets a text keep its line breaks;
    decimals past `places` are rounded half up; a `numeric` text may be a number, and then it is read as one and kept with a point."""

    name: str
    key: bool = False
    required: bool = False
    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    max_length: int = 200
    minimum: int | None = None
    maximum: int | None = None
    lines: bool = False
    places: int | None = None
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Rounded:
    """A decimal that had more places than its column keeps."""

    number: Decimal

    def __str__(self) -> str:
        return f"{self.number:f}"


def heading(text: str) -> str:
    """The form in which headings are compared: no case, no spaces, no underscores, no punctuation."""
    return re.sub(r"[\W_]+", "", text.casefold())


def reader(column: Column, order: Order, numbers: Numbers) -> Callable[[Any], Any]:
    """A function from a raw cell to its value (None when blank) that raises BadCell, or for a text texts.Unseen. `order` is how 03/04/2026
    is read ("both" refuses it), `numbers` how 1.500 and 1,500 are ("either" refuses them). A decimal may come as Rounded."""
    by_kind: dict[Kind, Callable[[Any], Any]] = {
        "text": partial(_number_or_text, column=column, numbers=numbers) if column.numeric else partial(_text, column=column),
        "int": partial(_int, column=column),
        "decimal": partial(_decimal, column=column, numbers=numbers),
        "bool": _bool,
        "date": partial(_date, order=order),
        "datetime": partial(_datetime, order=order),
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
    if text[0] in "='\"":
        text = _unguarded(text)
    if len(text) < 11 and (text.lower() in _BLANK or text == "NULL"):
        return None
    return text or None


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
        text = str(Decimal(text).quantize(1)) if _SCIENTIFIC.fullmatch(text) and Decimal(text) < 10**20 else text
        text = next((re.sub(r"[^0-9+-]", "", text) for form in _GROUPS.values() if form.fullmatch(text)), text)
        text = re.sub(r"\.0+\Z", "", text)
        if not _NUMBER.fullmatch(text) or "." in text:
            raise BadCell("is not a whole number")
    if len(text) > 20:
        raise BadCell("has too many digits")
    _bounded(int(text), column)
    return int(text)


def _number_or_text(raw: object, column: Column, numbers: Numbers) -> str | None:
    text = _text(raw, column)
    if text is None or not (number := _marked(text)) or not any(mark in number for mark in ".,"):
        return text
    pointed = _pointed(number, numbers)
    return pointed if _NUMBER.fullmatch(pointed) else text


def _decimal(raw: object, column: Column, numbers: Numbers) -> Decimal | Rounded | None:
    text = plain(raw)
    if text is None:
        return None
    text = _pointed(_marked(text), numbers)
    if not _NUMBER.fullmatch(text):
        raise BadCell("is not a number")
    number = Decimal(text)
    found: Decimal | Rounded = number
    if column.places is not None and number != (short := number.quantize(Decimal(1).scaleb(-column.places), ROUND_HALF_UP)):
        number, found = short, Rounded(short)
    elif len(text) > 30:
        raise BadCell("has too many digits")
    _bounded(number, column)
    return found


def _marked(text: str) -> str:
    """The number as it is marked, without currency signs, brackets for less than nothing and spaces or quotes between thousands;
    "" for what is too long to be one."""
    if len(text) > _LONGEST_NUMBER:
        return ""
    text = text.strip("$\u20ac\u00a3 \u00a0")
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1]
    text = text.replace("'", "").replace("\u2019", "").replace("\u202f", "").replace("\u00a0", "")
    return re.sub(r"(?<=[0-9]) (?=[0-9]{3})", "", text)


def _pointed(text: str, numbers: Numbers) -> str:
    """The number with a decimal point and without marks between thousands; one that could be either is refused with both readings."""
    if "," in text and "." in text:
        last, other = (",", ".") if text.rfind(",") > text.rfind(".") else (".", ",")
        head, _, tail = text.partition(last)
        return head.replace(other, "") + "." + tail if _GROUPS[other].fullmatch(head) else text
    if _THOUSAND_OR_NOT.fullmatch(text):
        mark = "," if "," in text else "."
        whole, exact = text.replace(mark, ""), text.replace(mark, ".")
        if numbers == "either":
            raise BadCell(f"can be read as {exact.rstrip('0').rstrip('.')} or as {whole}; write it without a mark between thousands")
        return exact if (numbers == "comma") == (mark == ",") else whole
    for mark in ",.":
        if text.count(mark) > 1 and _GROUPS[mark].fullmatch(text):
            return text.replace(mark, "")
    return text.replace(",", ".") if text.count(",") == 1 else text


def numbers_of(cells: Iterable[object], delimiter: str) -> Numbers:
    """How a column writes numbers: what its unmistakable cells say, such as 12,5 or 1.234,56. In a file with commas between its cells
    a lone point is one too, for its program would write a decimal comma only beside semicolons."""
    seen: set[Numbers] = set()
    for cell in cells:
        if isinstance(cell, str) and ("," in cell or "." in cell) and _LIKE_A_NUMBER.fullmatch(text := _marked(cell.strip())):
            last = "," if text.rfind(",") > text.rfind(".") else "."
            if _THOUSAND_OR_NOT.fullmatch(text) and not (delimiter == "," and last == "."):
                continue
            grouped = text.count(last) > 1
            seen.add("point" if (last == ".") != grouped else "comma")
    return seen.pop() if len(seen) == 1 else "either"


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
        raise BadCell("is not one of " + ", ".join(choices.values()))
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


def _datetime(raw: object, order: Order) -> datetime | None:
    if isinstance(raw, datetime):
        return _entered(raw)
    if isinstance(raw, float) and 1 < raw < 100_000:
        return datetime.combine(date(1899, 12, 30), time()) + timedelta(seconds=round(raw * 86_400))
    text = plain(raw)
    return None if text is None else _dated(moment, text, order)


def _entered(day: Day) -> Day:
    try:
        return in_the_calendar(day)
    except BadDate as wrong:
        raise BadCell(wrong.args[0]) from None


def _dated(read: Callable[[str, Order], Day], text: str, order: Order) -> Day:
    if len(text) > 60:
        raise BadCell("is too long for a date")
    if not text.isascii():
        raise BadCell("is not a date; write it as YYYY-MM-DD")
    try:
        return read(text, order)
    except BadDate as wrong:
        raise BadCell(wrong.args[0]) from None
