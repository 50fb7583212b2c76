"""How a file of a kind is read: by a recognised preset, by what a person has said of its headings and words, and by the kind's columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hmlib.imports.companies import Clue
from hmlib.imports.presets import Part, Preset, applied, recognised
from hmlib.tables import files
from hmlib.tables.columns import Column
from hmlib.tables.numbers import Numbers
from hmlib.tables.reading.survey import Instructions

COMPANY = "company_account_number"
"""The column in which a row says its company: by number, name or another system's id."""
COMPANY_ID = "company_external_id"
"""One that holds the company's id in the system that the file comes from."""
COMPANY_CALLED = (
    *("Company", "Company Name", "Organization", "Organisation", "Organization Name", "Client", "Client Name", "Customer", "Customer Name"),
    *("Account", "Account Name", "Site", "Site Name", "Tenant", "Account Number", "Customer Number"),
)
"""What other tools call that column, the clearest first."""
COMPANY_ID_COLUMN = Column(
    COMPANY_ID,
    kind="reference",
    label="Company's external id",
    also=("Company RecID", "Company ID", "Organization ID", "Client ID", "Customer ID", "Account ID"),
)


@dataclass(frozen=True)
class Said:
    """What a person has said of a file, now or when one with the same headings came before (presets.mapping_key): `mapping` from headings
    to columns ("" leaves one out), `words` by column from theirs to ours, `company` for all rows that name none, `source` the system
    whose ids it brings, and, where the cells leave them open, the mark before decimals and whether days stand before months."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    company: str = ""
    source: str = ""
    decimal: Numbers = "either"
    day_first: bool | None = None


NOTHING = Said()


def clue_of(values: Mapping[str, Any], email: str = "email") -> Clue:
    """What a row says of its company; `email` is the column with an address at it."""
    return Clue(*(values.get(name) or "" for name in (COMPANY, COMPANY_ID, email)))


def headings_of(raw: bytes, columns: Sequence[Column], presets: Iterable[Preset]) -> tuple[list[str], Preset | None]:
    """The headings of a file and the preset that knows them. `columns` may be empty where the kind is left to the preset. The whole file
    is read, so that one that cannot be taken is refused before anybody maps its columns. Raises Unreadable. Blocking."""
    presets = tuple(presets)
    marks = tuple(dict.fromkeys(mark for preset in presets for mark in preset.marks))
    top, _ = files.headings(raw, columns, marks)
    return top, recognised(top, presets)


def instructions(
    name: str,
    columns: Sequence[Column],
    said: Said = NOTHING,
    preset: Preset | None = None,
    part: Part | None = None,
    *,
    day_first: bool = False,
    zone: str = "UTC",
) -> Instructions:
    """How a file is read as one kind, whose columns these are. `part` is what the preset says of this kind; `day_first` and `zone` are the
    MSP's own habits, which the preset's go before. Every moment comes in UTC."""
    default = {COMPANY: said.company} if said.company and any(column.name == COMPANY for column in columns) else {}
    own = Instructions(name=name, columns=tuple(columns), mapping=said.mapping, words=said.words, default=default, zone=zone)
    orders = (said.day_first, preset.day_first if preset else None, day_first)
    own = replace(own, numbers=said.decimal, day_first=next(order for order in orders if order is not None))
    if preset is None or part is None:
        return own
    return replace(
        own,
        columns=applied(columns, part),
        numbers=preset.decimal if said.decimal == "either" else said.decimal,
        noted=preset.noted if part is preset.parts[0] else (),
        elsewhere=tuple(text for other in preset.parts for place in other.columns.values() for text in place.headings) + preset.noted,
        needs=part.needs,
        first_of=part.first_of,
        totals=preset.totals,
    )


def source_of(said: Said, preset: Preset | None) -> str:
    """The system whose ids a file brings; "" where nobody has said."""
    return said.source or (preset.source if preset else "")
