"""Countries by their two letters (ISO 3166), and the names by which files call them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from babel import Locale

from hmlib.kinds.types import Choice, Refused

_NOT_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})
_ALSO = {
    "usa": "US",
    "u.s.": "US",
    "u.s.a.": "US",
    "uk": "GB",
    "great britain": "GB",
    "holland": "NL",
    "deutschland": "DE",
    "österreich": "AT",
}


@cache
def choices() -> tuple[tuple[str, str], ...]:
    """Code and English name of every country, by name."""
    names = ((str(code), str(name)) for code, name in Locale("en").territories.items())
    countries = ((code, name) for code, name in names if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES)
    return tuple(sorted(countries, key=lambda pair: pair[1]))


def code_of(text: str) -> str | None:
    """The two letters for a code or an English name; None for anything else."""
    return _codes().get(text.strip().casefold())


@cache
def _codes() -> dict[str, str]:
    return {name.casefold(): code for code, name in choices()} | {code.casefold(): code for code, _ in choices()} | _ALSO


@cache
def _names() -> dict[str, str]:
    return dict(choices())


class CountryNames(Mapping[str, str]):
    """The names by code, read when somebody looks."""

    def __getitem__(self, code: str) -> str:
        return _names()[code]

    def __iter__(self) -> Iterator[str]:
        return iter(_names())

    def __len__(self) -> int:
        return len(_names())


@dataclass(frozen=True)
class Country(Choice):
    """A country by its two letters; its English name is taken for them."""

    labels: Mapping[str, str] = field(default_factory=CountryNames)

    def parse(self, said: Any, zone: str) -> str:
        code = code_of(str(said))
        if code is None:
            raise Refused("Use the two letters of a country, such as US.")
        return code
