"""What a kind of record is. Data only: what one can do with a kind are functions that take it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Generic, TypeVar, get_origin, get_type_hints

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.kinds.types import Reference, Value
from hmlib.records.audit import Actor

R = TypeVar("R", bound=msgspec.Struct)
STAMPS = ("created_at", "updated_at", "version")


@dataclass(frozen=True)
class Field:
    """What people call an attribute, and what it can hold.

    ``name`` is what forms, JSON and files call it, where that is not the attribute's own name. ``sort`` is the column it is sorted by
    ("=" its own); an ``identifier`` found exactly stands first in a search. ``fixed`` is said once, when the record is made; ``ours`` is
    never said by others; ``stored`` is false for what is said but has no column, ``made`` true where it is told nevertheless, as ``load``
    makes it out of other columns; ``custom`` is the id of a field that people added. ``also`` are headings of other tools' files; a
    ``measured`` one that says N/A there leaves what is stored. ``beside`` puts it beside the field before it on a form, ``listed`` makes
    it a column of the list.
    """

    label: str
    value: Value
    name: str = ""
    help: str = ""
    searched: bool = False
    identifier: bool = False
    filtered: bool = False
    sort: str = ""
    listed: bool = False
    beside: bool = False
    fixed: bool = False
    ours: bool = False
    stored: bool = True
    made: bool = False
    custom: str = ""
    on_form: bool = True
    measured: bool = False
    also: tuple[str, ...] = ()

    @property
    def told(self) -> bool:
        """Whether it is told to anybody: what is only said is not."""
        return self.stored or self.ours or self.made or bool(self.custom)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What every record has; ``version`` counts its changes from 1; times are UTC."""

    id: str
    created_at: str = ""
    updated_at: str = ""
    version: int = 0


@dataclass(frozen=True)
class Writer:
    """Who writes, when (UTC), in which time zone the MSP's days are, and of which companies they see what they write."""

    actor: Actor
    scope: CompanyScope
    now: str
    today: str
    zone: str = "UTC"


@dataclass(frozen=True)
class Part:
    """An attribute that is a list of Structs with a table of their own: ``key`` names the record they belong to, ``scope`` the column of
    the company by which a caller sees only some of them. Those that a caller does not see stay as they are."""

    attribute: str
    of: type[msgspec.Struct]
    table: str
    key: str
    scope: str = ""
    order: str = ""


@dataclass(frozen=True)
class Unique:
    """Fields that no two records share: the names of their columns, the constraint in the database, and which field is told what."""

    columns: tuple[str, ...]
    constraint: str
    field: str
    said: str


@dataclass(frozen=True)
class Filter:
    """A way to narrow a list that is no field: its condition, which binds its value by the filter's own name, what programs are told of
    it, and, where people are offered it, its label and what can be chosen, or the kind of its control. ``read`` makes what is bound out of
    the value, the MSP's zone and the UTC time it is; it raises list_query.BadListQuery. What depends on who
    asks and on the other filters is a function of both; the filter of a field stands in place of the field's own."""

    condition: str | Callable[[CompanyScope, Mapping[str, str]], str]
    said: str
    label: str = ""
    options: tuple[tuple[str, str], ...] = ()
    kind: str = ""
    read: Callable[[str, str, str], Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Lifecycle(Generic[R]):
    """The normal end of a record, and the way back: nothing is lost. ``ended`` are the values of one that ends on a day, ``running`` of
    one that runs again; ``is_over`` tells; ``end`` and ``resume`` are the buttons, ``over`` and ``on`` the words for the state."""

    ended: Callable[[R, str], Mapping[str, Any]]
    running: Mapping[str, Any]
    is_over: Callable[[R], bool]
    end: str = "Deactivate"
    resume: str = "Reactivate"
    over: str = "Inactive"
    on: str = "Active"


@dataclass(frozen=True)
class Removal:
    """What stands in the way of deleting a record (a whole sentence, "" when nothing), and what else it would change."""

    hindrance: str = ""
    also: str = ""

    def question(self, name: str) -> str:
        """What is asked before a record of this name is deleted."""
        return " ".join(filter(None, [f"Delete {name} for good?", self.also, "It cannot be undone."]))


async def nothing_wrong(tx: Db, writer: Writer, before: Any, after: Any) -> Mapping[str, str]:
    """No rule."""
    return {}


async def as_said(tx: Db, writer: Writer, before: Any, after: Any) -> Any:
    """Nothing follows."""
    return after


async def free_to_go(db: Db, scope: CompanyScope, record: Any) -> Removal:
    """Nothing stands in the way."""
    return Removal()


async def nothing_goes_along(db: Db, record: Any) -> Sequence[tuple[str, str]]:
    """Nothing else is deleted with it."""
    return ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource(Generic[R]):
    """A kind of record: its names, its Struct, who may read and write it, whose it is, and its rules.

    ``complete`` fills in what follows from other fields, ``rules`` says what is wrong beside its field (both in the transaction),
    ``removal``
    what keeps it from being deleted, ``goes_along`` the kind and id of what is deleted with it. ``seen`` is the condition in SQL under
    which a
    scope sees a row, ``companies`` whose a record is ([] is everybody's). ``number`` is the attribute by which files and people know
    a record. ``within`` is the attribute of what its forms lead back to, ``path`` where its pages are if not at its plural.
    ``filters`` are beside the filtered fields; ``load`` turns
    a row into attributes where a column is none, and ``derived`` names the columns that follow from a record. ``key`` is the column of
    the id. ``trigrams`` says that what is searched in has an index of three letters
    on SQLite: the tables NAME_trigram and NAME_number. ``followed`` says that triggers stamp its rows, and what is gone, with the
    numbers of changes, under its name (db.change_numbers).
    """

    name: str
    plural: str
    record: type[R]
    read: str
    write: str
    label: str = ""
    labels: str = ""
    title: str = "name"
    icon: str = "hexagons"
    table: str = ""
    key: str = "id"
    staff: bool = False
    path: str = ""
    within: str = ""
    number: str = ""
    order: str = "name"
    seen: Callable[[CompanyScope], str] | None = None
    companies: Callable[[Db, R], Awaitable[Sequence[str]]] | None = None
    complete: Callable[[Db, Writer, Any, R], Awaitable[R]] = as_said
    rules: Callable[[Db, Writer, Any, R], Awaitable[Mapping[str, str]]] = nothing_wrong
    removal: Callable[[Db, CompanyScope, R], Awaitable[Removal]] = free_to_go
    goes_along: Callable[[Db, R], Awaitable[Sequence[tuple[str, str]]]] = nothing_goes_along
    unique: tuple[Unique, ...] = ()
    parts: tuple[Part, ...] = ()
    custom: bool = False
    trigrams: bool = False
    followed: bool = False
    lifecycle: Lifecycle[R] | None = None
    filters: Mapping[str, Filter] = field(default_factory=dict)
    load: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    derived: Mapping[str, Callable[[R], Any]] = field(default_factory=dict)
    in_use: str = "Something belongs to it still."

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The declared fields by attribute, in the order of the record."""
        hints = get_type_hints(self.record, include_extras=True)
        return {name: hint.__metadata__[0] for name, hint in hints.items() if get_origin(hint) is Annotated and _declares(hint)}

    @cached_property
    def required(self) -> frozenset[str]:
        """The attributes that a new record is to be given: those that are needed and have no default."""
        bare = {one.name for one in msgspec.structs.fields(self.record) if one.required}
        return frozenset(name for name, field in self.fields.items() if field.value.needed and name in bare and not field.ours)

    @cached_property
    def by_name(self) -> Mapping[str, tuple[str, Field]]:
        """The attribute and the field by the name that forms, JSON and files use."""
        return {(one.name or attribute): (attribute, one) for attribute, one in self.fields.items()}

    @cached_property
    def converted(self) -> Sequence[str]:
        """The attributes that are otherwise in their column."""
        return [attribute for attribute, one in self.fields.items() if type(one.value).load is not Value.load]

    @cached_property
    def loads(self) -> Sequence[tuple[str, Callable[[Any], Any]]]:
        """The same with what makes a value of the record out of what is stored."""
        return [(attribute, self.fields[attribute].value.load) for attribute in self.converted]

    @cached_property
    def referred(self) -> Sequence[tuple[str, str, Reference]]:
        """Name, attribute and type of what a record refers to."""
        return [(self.fields[attribute].name or attribute, attribute, to) for attribute, to in self.references.items()]

    @cached_property
    def references(self) -> Mapping[str, Reference]:
        """The attributes that are ids of other records."""
        return {attribute: one.value for attribute, one in self.fields.items() if isinstance(one.value, Reference)}

    @property
    def singular(self) -> str:
        """What people call one: "location"."""
        return self.label or self.name.replace("_", " ")

    @property
    def article(self) -> str:
        """What people call any one: "a location"."""
        return f"{'an' if self.singular[0] in 'aeiou' else 'a'} {self.singular}"

    @cached_property
    def named(self) -> Mapping[str, str]:
        """The tables whose ``name`` a record is shown with, by the attribute that refers to them: those for which it has an ``X_name``."""
        names = self.record.__struct_fields__
        return {name: to.table for name, to in self.references.items() if to.table and f"{name.removesuffix('_id')}_name" in names}

    @property
    def heading(self) -> str:
        """What people call the list: "Locations"."""
        return self.labels or self.plural.replace("_", " ").replace("-", " ").capitalize()

    def id_of(self, record: R) -> str:
        """The record's id."""
        found: str = getattr(record, self.key)
        return found

    def title_of(self, record: R) -> str:
        """What people call this one."""
        return str(getattr(record, self.title) or self.singular)

    async def company_ids(self, db: Db, record: R) -> Sequence[str]:
        """The companies that a record belongs to."""
        if self.companies is not None:
            return await self.companies(db, record)
        return [record.company_id] if hasattr(record, "company_id") else []

    def condition(self, scope: CompanyScope) -> str:
        """What the rows that a scope sees fulfil; bind it with scope.params()."""
        if self.seen is not None:
            return self.seen(scope)
        return scope.clause(f"{self.table_name}.company_id") if "company_id" in self.record.__struct_fields__ else "TRUE"

    @property
    def table_name(self) -> str:
        """The table of its rows."""
        return self.table or self.name


def _declares(hint: Any) -> bool:
    return isinstance(hint.__metadata__[0], Field)
