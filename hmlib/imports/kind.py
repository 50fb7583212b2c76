"""What a kind of file is: its columns, how its rows are planned, and the tables that they go to; and what a service imports."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.imports.companies import Companies, KnownCompany, Unfound
from hmlib.imports.presets import Preset
from hmlib.kinds.resource import Unique
from hmlib.records.audit import Actor
from hmlib.tables.columns import Column
from hmlib.tables.rows import Row

SqlType = Literal["TEXT", "BIGINT", "BOOLEAN"]
Plan = Literal["create", "update", "unchanged", "error", "part before", "part after"]
WITHOUT_SOURCE = "import"
"""The source of external ids of which nobody has said whose they are."""


class BadRow(Exception):
    """A row that cannot be taken: the column at fault, and a sentence for the person whose file it is; `value` where it is not the
    cell."""

    def __init__(self, column: str, message: str, value: object = None) -> None:
        super().__init__(message)
        self.column, self.message, self.value = column, message, value


@dataclass(frozen=True)
class Table:
    """A table that rows of a file go to: its columns but for `key`, created_at, updated_at and version; `noun` is the kind of record by
    which followers know it, `company` the column of the company that a row belongs to ("" for none), `keys` the columns by which files
    find a row. A table that is `part_of` another holds what belongs to that one's rows, whose id stands in `key`; it has no versions of
    its own."""

    name: str
    columns: Mapping[str, SqlType]
    key: str = "id"
    noun: str = ""
    company: str = ""
    unique: tuple[Unique, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    part_of: str = ""


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What a row of a file would do, or why it cannot: `fields` maps what changes to what was and what is, as people read it; `before`
    and `after` are columns of the table. Of an error `what` is the column that is wrong, `value` its cell."""

    line: int
    outcome: Plan
    target: str = ""
    id: str = ""
    version: int = 0
    label: str = ""
    fields: Mapping[str, tuple[Any, Any]] = {}
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    what: str = ""
    value: str = ""
    message: str = ""


def bad(line: int, column: str, value: object, message: str) -> Planned:
    """An error of a row; `value` is cut to 200 characters, several stand with a semicolon between them."""
    cell = "; ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
    return Planned(line=line, outcome="error", what=column, value=cell[:200], message=message)


@dataclass
class Ground:
    """What the plan of one kind in one file stands on: a snapshot of the database, the directory of the suite (None in Nexus, which has
    it), whose file it is and which companies they see, the time (UTC), the MSP's day and zone, the system whose ids the file brings (""
    unknown), whether it makes records, and what a person has chosen beside. What is not found is collected in `unfound` and `missing`."""

    db: Db
    directory: Any
    actor: Actor
    scope: CompanyScope
    now: str
    today: str
    zone: str
    source: str
    creates: bool
    options: Mapping[str, str]
    companies: Companies
    known: Sequence[KnownCompany]
    numbers: Mapping[str, str]
    left_out: frozenset[str] = frozenset()
    unfound: Unfound = field(default_factory=Unfound)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Planner(Protocol):
    """Plans the rows of one kind. What is planned is kept outside, so it holds no more than it must."""

    async def take(self, rows: Sequence[Row]) -> Sequence[Planned]:
        """What these rows would do."""
        ...

    async def settle(self) -> Sequence[Planned]:
        """What could be told only after the last row."""
        ...


@dataclass(frozen=True, kw_only=True)
class ImportKind:
    """A kind of file. `permission` is whom it takes to import one; `tables` stand in the order in which rows are added to them. With
    `together` a plan stands only while nobody else has written to these kinds of rows (names of change numbers), for their rows depend on
    each other; otherwise each row minds itself. `hold` keeps other writers of them out, first in the transaction.
    `options` are further things to say of a file: the label of each by its name. Rows that are
    not `of_companies` need no directory."""

    name: str
    title: str
    permission: str
    columns: tuple[Column, ...]
    planner: Callable[[Ground], Awaitable[Planner]]
    tables: tuple[Table, ...]
    together: tuple[str, ...] = ()
    hold: Callable[[Db], Awaitable[None]] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    of_companies: bool = True

    @property
    def choice(self) -> tuple[str, str]:
        """As a form offers it."""
        return self.name, self.title


async def nothing_changes(tx: Db, now: str) -> None:
    """Nothing else follows from an import."""


@dataclass(frozen=True, kw_only=True)
class Imports:
    """What a service imports, in an order in which each kind finds what it refers to. `companies` are those that rows may mean, told with
    the `directory`; `write` is the permission that everybody has who may import anything; `makes_companies` plans
    those of these names, where what is not found may be added; `written` does what belongs to every change of the service's records;
    `day_first` is the MSP's own order of dates."""

    kinds: tuple[ImportKind, ...]
    write: str
    presets: tuple[Preset, ...] = ()
    makes_companies: Callable[[Ground, Sequence[str]], Awaitable[Sequence[Planned]]] | None = None
    companies: Callable[[Db, Mapping[str, Any]], Awaitable[Sequence[KnownCompany]]]
    written: Callable[[Db, str], Awaitable[None]] = nothing_changes
    day_first: Callable[[Db], Awaitable[bool]] | None = None
    zone: Callable[[Db], Awaitable[str]]

    @property
    def read(self) -> str:
        """Only who may import sees what was imported."""
        return self.write

    @property
    def staff(self) -> bool:
        """Clients bring no files."""
        return True

    def kind(self, name: str) -> ImportKind | None:
        """The kind of that name."""
        return next((kind for kind in self.kinds if kind.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all kinds."""
        return tuple(kind.name for kind in self.kinds)
