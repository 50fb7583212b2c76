"""What an import is about to do, row by row: what the rows mean beside what is stored, and which of them cannot be used."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

from hmlib.db.database import Db
from hmlib.kinds.resource import STAMPS, Resource
from hmlib.nexus.directory import CompanyFacts
from hmlib.resources import records
from hmlib.tables.files import Change
from hmlib.tables.rows import Row, RowError, Sheet
from treasury_srv.billing.money import currencies, scaled
from treasury_srv.billing.periods import work_date

R = TypeVar("R", bound=msgspec.Struct)
SLICE = 250
_SHOWN = 200


class Refused(Exception):
    """A row cannot be used: the column to blame, what stands there, and a sentence for the person whose file it is."""

    def __init__(self, column: str, value: object, message: str) -> None:
        super().__init__(message)
        self.column, self.value, self.message = column, "" if value is None else str(value)[:_SHOWN], message


@dataclass(frozen=True)
class Thing:
    """A device or person of the directory."""

    id: str
    company_id: str
    name: str


class Known:
    """The directory as an import asks it: companies by account number, devices and people by external id."""

    def __init__(self, companies: Mapping[str, str], names: Mapping[str, str]) -> None:
        """``companies`` are ids by account number, ``names`` their names by id."""
        self.companies, self.names = companies, names
        self._assets: dict[str, list[Thing]] = {}
        self._contacts: dict[str, list[Thing]] = {}

    def learn(self, companies: Sequence[CompanyFacts]) -> None:
        """Devices and people of these companies."""
        for company in companies:
            for asset in company.assets:
                _put(self._assets, asset.external_id, Thing(asset.id, company.id, asset.name))
            for contact in company.contacts:
                _put(self._contacts, contact.external_id, Thing(contact.id, company.id, contact.name))

    def company(self, values: Mapping[str, Any]) -> str:
        """The id of the company that a row names. Raises Refused."""
        number = values["company_account_number"]
        if number not in self.companies:
            raise Refused("company_account_number", number, "There is no company with this account number.")
        return self.companies[number]

    def asset(self, external_id: str) -> Thing:
        """Raises Refused."""
        return _single(self._assets, "asset_external_id", external_id, "device")

    def contact(self, external_id: str) -> Thing:
        """Raises Refused."""
        return _single(self._contacts, "contact_external_id", external_id, "contact")


def _put(things: dict[str, list[Thing]], external_id: str | None, thing: Thing) -> None:
    if external_id is not None:
        things.setdefault(external_id, []).append(thing)


def _single(things: Mapping[str, list[Thing]], column: str, external_id: str, what: str) -> Thing:
    found = things.get(external_id, [])
    if not found:
        raise Refused(column, external_id, f"There is no {what} with this external id.")
    if len({thing.id for thing in found}) > 1:
        raise Refused(column, external_id, f"More than one {what} has this external id.")
    return found[0]


@dataclass(frozen=True)
class Ground:
    """What every row of an import stands on: its file, the directory, Treasury's settings, the time, who wants to see progress, and
    the people whose bill at another company is not the caller's to change."""

    sheet: Sheet
    known: Known
    settings: Mapping[str, str]
    now: str
    progress: Callable[[int, int], None] | None = None
    shared: frozenset[str] = frozenset()

    @property
    def today(self) -> str:
        """The day it is for the MSP."""
        return work_date(self.now, self.settings["time_zone"])

    async def rows(self, rows: list[Row] | None = None) -> AsyncIterator[Row]:
        """The rows of the file (or these, in another order), with a pause for others now and then."""
        wanted = self.sheet.rows if rows is None else rows
        for number, row in enumerate(wanted):
            if number % SLICE == 0:
                if self.progress:
                    self.progress(number, len(wanted))
                await asyncio.sleep(0)
            yield row
        if self.progress:
            self.progress(len(wanted), len(wanted))

    def value(self, row: Row, column: str, before: msgspec.Struct | None, default: Any, name: str = "") -> Any:
        """What a row says; an empty cell is the default, without such a column it is what is stored (as `name`, or as the column)."""
        said = row.values[column]
        if said is None and before is not None and column not in self.sheet.present:
            stored = getattr(before, name or column)
            return default if stored is None else stored
        return default if said is None else said

    def number(self, row: Row, column: str, places: int, before: msgspec.Struct | None, name: str, default: int = 0) -> int:
        """A scaled number, as value() finds it. Raises Refused."""
        said = row.values[column]
        return int(self.value(row, column, before, default, name)) if said is None else number(said, column, places)

    def day(self, row: Row, column: str, before: msgspec.Struct | None, default: str | None = None) -> str | None:
        """A day as ISO text, as value() finds it."""
        said = self.value(row, column, before, default)
        return said if said is None or isinstance(said, str) else str(said.isoformat())

    def currency(self, row: Row, before: msgspec.Struct | None, default: str) -> str:
        """Raises Refused for what is not in ISO 4217."""
        said = str(self.value(row, "currency", before, default)).upper()
        if said not in currencies():
            raise Refused("currency", said, "This is no currency code such as USD.")
        return said


def number(value: Decimal, column: str, places: int) -> int:
    """A decimal as a scaled integer. Raises Refused."""
    try:
        return scaled(value, places)
    except ValueError as wrong:
        raise Refused(column, value, f"The value {wrong}.") from wrong


def differs(before: msgspec.Struct, after: msgspec.Struct) -> dict[str, tuple[Any, Any]]:
    """The fields that two versions of a record do not share, with both values."""
    names = [name for name in before.__struct_fields__ if name not in STAMPS]
    return {name: (old, new) for name in names if (old := getattr(before, name)) != (new := getattr(after, name))}


@dataclass
class Drafted(Generic[R]):
    """What an import would create and replace, a change for each row, and the rows that cannot be used."""

    created: list[R] = field(default_factory=list)
    replaced: list[tuple[R, R]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    _lines: dict[object, int] = field(default_factory=dict)

    @property
    def updated(self) -> list[R]:
        """What is stored in the place of something else."""
        return [after for _, after in self.replaced]

    def take(self, row: Row, label: str, before: R | None, after: R) -> None:
        """A good row: what is stored and what it shall be."""
        self.put(row.line, label, before, after)

    def put(self, line: int, label: str, before: R | None, after: R) -> None:
        if before is None:
            self.created.append(after)
            self.changes.append(Change(line, "create", label))
            return
        fields = differs(before, after)
        if fields:
            self.replaced.append((before, after))
        self.changes.append(Change(line, "update" if fields else "unchanged", label, fields))

    def refuse(self, row: Row, why: Refused) -> None:
        self.errors.append(RowError(row.line, why.column, why.value, why.message))

    def first_of(self, key: object, row: Row, column: str) -> None:
        """Raises Refused when an earlier row is about the same thing."""
        line = self._lines.setdefault(key, row.line)
        if line != row.line:
            raise Refused(column, row.values[column], f"Line {line} is about the same.")


async def put(tx: Db, of: Resource[R], draft: Drafted[R], now: str) -> None:
    """Store what a file makes and changes; the rows were read in this very transaction."""
    await records.insert(tx, of, draft.created, now)
    for record in draft.updated:
        await records.save(tx, of, record, now)
