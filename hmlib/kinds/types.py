"""What a field can hold: each type of value reads what a form, a file or a program says, and writes it for JSON, for forms and for
people."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from hmlib import clock, text
from hmlib.kinds import sizes
from hmlib.tables import formats, numbers
from hmlib.tables.cells import BadCell, reader
from hmlib.tables.columns import Column

NEEDED = "This is needed."
A_SIZE = "Use a size such as 1.5 TB, 250 GB or a number of bytes, up to 2^60."
MOST_BYTES = 2**60


class Refused(ValueError):
    """One value that cannot stand; the text is a sentence for the person who said it."""


@dataclass(frozen=True, kw_only=True)
class Value:
    """What is common to the types. ``needed`` refuses nothing at all; ``empty`` is what nothing is stored as; ``widget`` the control of a
    form."""

    needed: bool = False
    empty: Any = ""
    widget: ClassVar[str] = "text"
    json: ClassVar[Any] = str

    def read(self, said: Any, zone: str = "UTC") -> Any:
        """What is stored for what was said. Raises Refused, and text.Unseen for a character that nobody would see."""
        if said is None or said == "" or (isinstance(said, str) and not said.strip()):
            if self.needed:
                raise Refused(NEEDED)
            return self.empty
        return self.parse(said, zone)

    def parse(self, said: Any, zone: str) -> Any:
        """What is stored for something that was said. Raises Refused."""
        raise NotImplementedError

    def write(self, value: Any) -> Any:
        """As JSON and the audit log have it."""
        return value

    def load(self, raw: Any) -> Any:
        """From a column to the record."""
        return raw

    def store(self, value: Any) -> Any:
        """From the record to its column."""
        return value

    def show(self, value: Any, zone: str = "UTC") -> str:
        """As a form has it: read() of it gives the value again."""
        return "" if value is None else str(value)

    def words(self, value: Any) -> str:
        """As people read it."""
        return self.show(value)

    def cell(self, value: Any) -> Any:
        """As a file has it, for a spreadsheet to calculate with."""
        return self.write(value)


@dataclass(frozen=True)
class Text(Value):
    """Up to ``most`` characters, on one line unless ``lines``."""

    most: int = 200
    lines: bool = False
    kind: str = "text"
    """The control: text, tel, url or email."""

    @property
    def widget(self) -> str:  # type: ignore[override]
        return "lines" if self.lines else self.kind

    def parse(self, said: Any, zone: str) -> str:
        value = (text.lines if self.lines else text.one_line)(str(said))
        if len(value) > self.most:
            raise Refused(f"Use at most {self.most} characters.")
        return value


@dataclass(frozen=True)
class Phone(Text):
    """A telephone number as people write it; it is found by its digits alone."""

    most: int = 50
    kind: str = "tel"


@dataclass(frozen=True)
class Digits(Value):
    """Exactly ``count`` digits of ASCII."""

    count: int = 6
    said: str = "Use six digits."

    def parse(self, said: Any, zone: str) -> str:
        value = str(said).strip()
        if not (value.isascii() and value.isdecimal() and len(value) == self.count):
            raise Refused(self.said)
        return value


@dataclass(frozen=True)
class Checked(Value):
    """A text that a function brings into the form in which it is stored, or refuses (ValueError with a sentence)."""

    check: Callable[[str], Any] = str
    most: int = 300
    kind: str = "text"

    def parse(self, said: Any, zone: str) -> Any:
        value = text.one_line(str(said))
        if len(value) > self.most:
            raise Refused(f"Use at most {self.most} characters.")
        return self.check(value)


@dataclass(frozen=True)
class Choice(Value):
    """One of ``labels`` (stored word: what people call it); ``also`` are other tools' words for them, which files may use."""

    labels: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)
    widget: ClassVar[str] = "choice"

    def parse(self, said: Any, zone: str) -> str:
        if said not in self.labels:
            raise Refused(f"Choose one of {', '.join(key for key in self.labels if key)}.")
        return str(said)

    def words(self, value: Any) -> str:
        return self.labels.get(value, value or "")


@dataclass(frozen=True)
class Day(Value):
    """A day as ISO text, None where there is none."""

    empty: Any = None
    widget: ClassVar[str] = "date"
    json: ClassVar[Any] = str

    def parse(self, said: Any, zone: str) -> str:
        try:
            return clock.day_of(str(said).strip())
        except ValueError:
            raise Refused("Use a date such as 2026-11-22.") from None

    def cell(self, value: Any) -> Any:
        return formats.day(value)


@dataclass(frozen=True)
class Moment(Value):
    """A UTC time as text; without an offset what is said is a time of the MSP's zone."""

    empty: Any = None
    widget: ClassVar[str] = "datetime-local"

    def parse(self, said: Any, zone: str) -> str:
        try:
            return clock.moment_of(str(said).strip(), zone)
        except ValueError:
            years = f"{clock.FIRST_YEAR} to {clock.LAST_YEAR}"
            raise Refused(f"Use a day and a time such as 2026-11-22T10:00, in the years {years}.") from None

    def show(self, value: Any, zone: str = "UTC") -> str:
        try:
            return datetime.fromisoformat(value).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M") if value else ""
        except OverflowError:  # the zone leads out of the calendar
            return str(value)[:16]


@dataclass(frozen=True)
class Integer(Value):
    """A whole number from ``least`` to ``most``."""

    least: int = 0
    most: int = 2**53 - 1
    empty: Any = None
    widget: ClassVar[str] = "number"
    json: ClassVar[Any] = int

    def parse(self, said: Any, zone: str) -> int:
        digits = re.sub(r"[\s,'_]", "", str(said))
        if isinstance(said, bool) or not re.fullmatch(r"[+-]?[0-9]{1,19}", digits) or not self.least <= int(digits) <= self.most:
            comma = "," if self.most >= 10_000 else ""
            bounds = f" from {self.least:{comma}} to {self.most:{comma}}" if self.most < 10**9 else ""
            raise Refused(f"Enter a whole number{bounds}.")
        return int(digits)


@dataclass(frozen=True)
class Fixed(Value):
    """A decimal, kept as an integer of ``places`` decimals and written with at least ``shown`` of them; bounds are of the decimal."""

    places: int = 4
    shown: int = 0
    least: int | None = None
    most: int | None = None
    empty: Any = None
    widget: ClassVar[str] = "decimal"

    def parse(self, said: Any, zone: str) -> int:
        column = Column("", kind="decimal", minimum=self.least, maximum=self.most)
        try:
            number = reader(column, "both", "point")(str(said))
        except BadCell as wrong:
            raise Refused(f"The value {wrong.args[0]}.") from wrong
        scaled = number.scaleb(self.places)
        if scaled != scaled.to_integral_value():
            raise Refused(f"Use at most {self.places} decimals.")
        if not abs(scaled) < 2**63:
            raise Refused("The number is too large.")
        return int(scaled)

    def write(self, value: Any) -> Any:
        return None if value is None else sizes.decimal_text(value, self.places, self.shown)

    def show(self, value: Any, zone: str = "UTC") -> str:
        return "" if value is None else sizes.decimal_text(value, self.places, self.shown)

    def cell(self, value: Any) -> Any:
        return formats.number(self.write(value))


@dataclass(frozen=True)
class Money(Fixed):
    """A price in ten-thousandths of the currency's unit, shown with two decimals at least."""

    shown: int = 2


@dataclass(frozen=True)
class Size(Value):
    """Bytes, from 0 to 2^60; people may say 1.5 TB, where GB and GiB are both 2^30 and TB and TiB both 2^40."""

    empty: Any = 0
    json: ClassVar[Any] = int

    def parse(self, said: Any, zone: str) -> int:
        try:
            found = numbers.size(str(said), "point")
        except numbers.NotANumber:
            raise Refused(A_SIZE) from None
        if not 0 <= found <= MOST_BYTES:
            raise Refused(A_SIZE)
        return found

    def show(self, value: Any, zone: str = "UTC") -> str:
        return sizes.exact_size(value) if value else ""

    def words(self, value: Any) -> str:
        return sizes.rounded_size(value) if value else ""


@dataclass(frozen=True)
class Duration(Fixed):
    """Hours in millionths: 1.25, 1:15, 01:15:00, 1h 15m or 75 min."""

    places: int = 6
    least: int | None = 0
    most: int | None = 1_000_000

    def parse(self, said: Any, zone: str) -> int:
        try:
            hours, plain = numbers.duration(str(said), "point")
        except numbers.NotANumber:
            return super().parse(said, zone)
        return super().parse(str(said) if plain else f"{hours:f}", zone)


@dataclass(frozen=True)
class YesNo(Value):
    """Yes or no; a box on a form, which is not sent when it is not ticked."""

    empty: Any = False
    widget: ClassVar[str] = "yes"
    json: ClassVar[Any] = bool

    def load(self, raw: Any) -> bool:
        return bool(raw)

    def parse(self, said: Any, zone: str) -> bool:
        if isinstance(said, bool):
            return said
        if str(said).lower() not in ("on", "off", "yes", "no", "true", "false"):
            raise Refused("Say yes or no.")
        return str(said).lower() in ("on", "yes", "true")

    def show(self, value: Any, zone: str = "UTC") -> str:
        return "on" if value else ""

    def words(self, value: Any) -> str:
        return "Yes" if value else "No"


@dataclass(frozen=True)
class Reference(Value):
    """The id of another record. ``to`` is its plural, at whose picker it is chosen, ``one`` the route of its page; ``table`` its table,
    "" where it lives in another service; ``said`` the sentence where it is not there or may not be seen."""

    to: str = "companies"
    one: str = "company"
    table: str = ""
    said: str = "There is no such company."
    scoped: bool = True
    """Whether its rows are companies' own."""
    widget: ClassVar[str] = "picker"

    def parse(self, said: Any, zone: str) -> str:
        value = str(said).strip()
        if len(value) > 64 or not value.isascii():
            raise Refused(self.said)
        return value
