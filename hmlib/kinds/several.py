"""Types of value that are several: words, tags, pairs, and what stands in a table of its own."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from hmlib import text
from hmlib.kinds.types import Refused, Value


@dataclass(frozen=True)
class Words(Value):
    """Several short texts, each brought into form by ``check`` (ValueError with a sentence); kept with a space between them, or as tags."""

    check: Callable[[str], str] = str
    most: int = 50
    said: str = "Use at most 50."
    empty: Any = ()
    widget: ClassVar[str] = "words"
    json: ClassVar[Any] = list[str]

    def parse(self, said: Any, zone: str) -> tuple[str, ...]:
        parts: Sequence[str] = re.split(r"[\s,;]+", said) if isinstance(said, str) else said
        found: dict[str, str] = {}
        for part in parts:
            value = self.check(text.one_line(part)) if part.strip() else ""
            if value:
                found.setdefault(value.casefold(), value)
        if len(found) > self.most:
            raise Refused(self.said)
        return tuple(found.values())

    def write(self, value: Any) -> Any:
        return list(value)

    def show(self, value: Any, zone: str = "UTC") -> str:
        return ", ".join(value)

    def load(self, raw: Any) -> tuple[str, ...]:
        return tuple(raw.split())

    def store(self, value: Any) -> str:
        return " ".join(value)


def tag(said: str) -> str:
    """A tag as it is kept. Raises Refused."""
    if not re.fullmatch(r"[\w.-]{1,50}", said):
        raise Refused("A tag is of letters, digits, dots and dashes, at most 50.")
    return said.casefold()


@dataclass(frozen=True)
class Tags(Words):
    """Words by which people group things, of letters, digits, dots and dashes; without case."""

    check: Callable[[str], str] = tag
    most: int = 20
    said: str = "Use at most 20 tags."


@dataclass(frozen=True)
class Pairs(Value):
    """Names with a text for each, at most 100: an object in JSON, lines such as "antivirus: Included" on a form."""

    most: int = 100
    empty: Any = field(default_factory=dict)
    widget: ClassVar[str] = "pairs"
    json: ClassVar[Any] = dict[str, str]

    def parse(self, said: Any, zone: str) -> dict[str, str]:
        if not isinstance(said, Mapping):
            rows = [row.partition(":") for row in re.split(r"\r\n|\r|\n", str(said)) if row.strip()]
            said = {name.strip(): words.strip() or name.strip() for name, _, words in rows}
        found = {text.one_line(name): text.one_line(words) for name, words in said.items()}
        if any(not name or len(name) > 200 or len(words) > 200 for name, words in found.items()):
            raise Refused("Each has a name and a text of at most 200 characters.")
        if len(found) > self.most:
            raise Refused(f"Use at most {self.most}.")
        return found

    def write(self, value: Any) -> Any:
        return dict(value)

    def cell(self, value: Any) -> str:
        return self.show(value)

    def show(self, value: Any, zone: str = "UTC") -> str:
        return "\n".join(f"{name}: {words}" for name, words in dict(value).items())


@dataclass(frozen=True)
class Many(Value):
    """A list of Structs that stand in a table of their own (see Part): JSON alone has them whole, forms have a page for them."""

    of: type[msgspec.Struct] = msgspec.Struct
    empty: Any = ()
    widget: ClassVar[str] = ""

    @property
    def json(self) -> Any:
        return list.__class_getitem__(self.of)

    def parse(self, said: Any, zone: str) -> tuple[Any, ...]:
        try:
            return tuple(one if isinstance(one, self.of) else msgspec.convert(one, self.of) for one in said)
        except msgspec.ValidationError:
            raise Refused("It is none of these.") from None

    def cell(self, value: Any) -> str:
        return msgspec.json.encode(self.write(value)).decode() if value else ""

    def write(self, value: Any) -> Any:
        return msgspec.to_builtins(list(value))
