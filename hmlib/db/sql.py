"""The one SQL that services write, turned into what each database engine takes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

Dialect = Literal["sqlite", "postgresql"]

_NUL = "\0"
_LONGEST = 2**63  # BIGINT, and SQLite's INTEGER

# What must be stepped over (strings, quoted names, comments, casts), or else one parameter.
_TOKEN = re.compile(
    r"""
      (?P<inert> '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | :: )
    | \b (?P<negated> NOT \s+ )? IN \s* :(?P<list> [a-z_]\w* )
    | (?<!\w) :(?P<name> [a-z_]\w* )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_FIRST_WORD = re.compile(r"[\s(]*(\w+)")
_WRITING_WORD = re.compile(r"\b(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)


class Unstorable(Exception):
    """A text with a NUL character or a whole number beyond 64 bits: PostgreSQL refuses the one, both engines the other.

    What comes in with a request is refused before, in words about its field; this is the last door, and the same on both engines.
    """


@dataclass(frozen=True)
class Statement:
    """One statement for one engine: its text, the names of its numbered parameters, and whether it only reads."""

    text: str
    names: tuple[str, ...]
    lists: frozenset[str]
    dialect: Dialect
    reads: bool

    def bind(self, params: Mapping[str, Any]) -> list[Any]:
        """The values in the order of their numbers. Raises ValueError when one is missing, Unstorable for one that no column can hold."""
        missing = [name for name in self.names if name not in params]
        if missing:
            raise ValueError(f"the statement has :{missing[0]}, and no value was given for it")
        return [self._list(params[name]) if name in self.lists else _stored(params[name]) for name in self.names]

    def _list(self, values: Any) -> Any:
        stored = [_stored(value) for value in values]
        return json.dumps(stored) if self.dialect == "sqlite" else stored


@lru_cache(maxsize=4096)
def statement(sql: str, dialect: Dialect) -> Statement:
    """Turn ``sql`` with its ``:named`` parameters into ``dialect``'s form; remembered per text.

    ``IN :ids`` and ``NOT IN :ids`` take any number of values, so that the text stays the same whatever their count.
    """
    numbers: dict[str, int] = {}
    lists: set[str] = set()

    def numbered(match: re.Match[str]) -> str:
        if match["inert"]:
            return match[0]
        name = match["list"] or match["name"]
        number = numbers.setdefault(name, len(numbers) + 1)
        if not match["list"]:
            return f"?{number}" if dialect == "sqlite" else f"${number}"
        lists.add(name)
        return _membership(dialect, number, negated=bool(match["negated"]))

    text = _TOKEN.sub(numbered, sql)
    return Statement(text, tuple(numbers), frozenset(lists), dialect, _only_reads(sql))


def _stored(value: Any) -> Any:
    kind = type(value)
    if kind is str and _NUL in value:
        raise Unstorable("a text with a NUL character")
    if kind is int and not -_LONGEST <= value < _LONGEST:
        raise Unstorable("a whole number beyond 64 bits")
    return value


def _membership(dialect: Dialect, number: int, *, negated: bool) -> str:
    if dialect == "sqlite":
        return f"{'NOT IN' if negated else 'IN'} (SELECT value FROM json_each(?{number}))"
    return f"<> ALL(${number})" if negated else f"= ANY(${number})"


def _only_reads(sql: str) -> bool:
    bare = _TOKEN.sub(lambda match: " " if match["inert"] else match[0], sql)
    first = _FIRST_WORD.match(bare)
    word = first[1].upper() if first else ""
    return word in ("SELECT", "VALUES") or (word == "WITH" and not _WRITING_WORD.search(bare))
