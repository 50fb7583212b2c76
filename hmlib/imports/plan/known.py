"""Which records the rows of a file may mean, asked for a slice of rows at once: by external id, by natural key, by who they refer to."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hmlib.db.database import Db
from hmlib.kinds.resource import Resource
from hmlib.kinds.statements import EVERY_COMPANY
from hmlib.resources import changes, records
from hmlib.tables.rows import Row

Key = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class NaturalKey:
    """A natural key that takes more than columns of the kind's own table: `row` makes it of the company and the cells of a row (None where
    they have none), `record` tells all those of a record, `find` who has which of them, by id."""

    row: Callable[[str, Mapping[str, Any]], Key | None]
    record: Callable[[Any], Iterable[Key]]
    find: Callable[[Db, Collection[Key]], Awaitable[Iterable[tuple[Key, str]]]]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An attribute that is the id of another record of the same company, which a file says in `column` in other words. `find` leads from
    company and what is said, in lower case, to the id; `told` from ids to how they are said; `said` is the sentence where none is there."""

    attribute: str
    column: str
    find: Callable[[Db, Collection[tuple[str, str]]], Awaitable[Mapping[tuple[str, str], str]]]
    told: Callable[[Db, Collection[str]], Awaitable[Mapping[str, str]]]
    said: str


@dataclass
class Asked:
    """A row that may be taken: the attributes that it gives, its external id, and the columns by which it can be found."""

    row: Row
    values: dict[str, Any]
    external_id: str | None
    key: tuple[int, Key] | None = None
    id: str | None = None

    def refers(self, to: Reference) -> tuple[str, str] | None:
        """The company and what the row says of another record; None where it says nothing."""
        said = self.row.values.get(to.column)
        return None if said is None else (self.values["company_id"], said.casefold())


@dataclass
class Known:
    """The records that a slice of rows may mean: by id, by source and external id, by key; `referred` are others by attribute, company and
    word, `words` how their ids are said."""

    by_id: dict[str, Any] = field(default_factory=dict)
    by_external_id: dict[tuple[str, str], str] = field(default_factory=dict)
    by_key: dict[tuple[int, Key], list[str]] = field(default_factory=dict)
    referred: dict[str, Mapping[tuple[str, str], str]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


Keys = Sequence[tuple[str, ...] | NaturalKey]


def key_of(of: Resource[Any], keys: Keys, row: Row, values: Mapping[str, Any]) -> tuple[int, Key] | None:
    """The first of the keys that a row fills, by its number; `values` are attributes."""
    for number, key in enumerate(keys):
        if isinstance(key, NaturalKey):
            if (found := key.row(values["company_id"], row.values)) is not None:
                return number, found
        elif all(values.get(column.removesuffix("_form")) not in (None, "") for column in key):
            columns = records.values(of, changes.blank(of, values))
            return number, tuple(columns[column] for column in key)
    return None


def learn(known: Known, keys: Keys, id: str, record: Any, key: tuple[int, Key] | None) -> None:
    """A record that a row has made: further rows may mean it."""
    known.by_id[id] = record
    own = {(number, one) for number, by in enumerate(keys) if isinstance(by, NaturalKey) for one in by.record(record)}
    for one in own | ({key} if key else set()):
        known.by_key.setdefault(one, []).append(id)


async def known_of(db: Db, of: Resource[Any], keys: Keys, refers: Sequence[Reference], asked: Sequence[Asked]) -> Known:
    """What the rows may mean: one question for each way to find a record, one for the records."""
    known = Known()
    external_ids = sorted({one.external_id for one in asked if one.external_id})
    if external_ids:
        select = f"SELECT {of.key} AS id, source, external_id FROM {of.table_name} WHERE external_id IN :external_ids"
        for row in await db.all(select, external_ids=external_ids):
            known.by_external_id[row["source"], row["external_id"]] = row["id"]
            known.by_external_id.setdefault(("", row["external_id"]), row["id"])
    for number, key in enumerate(keys):
        wanted = {one.key[1] for one in asked if one.key and one.key[0] == number}
        for found, id in await _having(db, of, key, wanted) if wanted else ():
            known.by_key.setdefault((number, found), []).append(id)
    ids = set(known.by_external_id.values()) | {id for found in known.by_key.values() for id in found}
    ids |= {one.id for one in asked if one.id}
    whole = await records.by_ids(db, of, EVERY_COMPANY, sorted(ids))
    known.by_id = {of.id_of(record): record for record in whole}
    for to in refers:
        await _refer(db, to, known, asked)
    return known


async def _having(db: Db, of: Resource[Any], key: tuple[str, ...] | NaturalKey, wanted: Collection[Key]) -> list[tuple[Key, str]]:
    """Who has one of these keys, by id."""
    if isinstance(key, NaturalKey):
        return sorted(await key.find(db, wanted))
    each = {f"in_{column}": sorted({one[at] for one in wanted}) for at, column in enumerate(key)}
    where = " AND ".join(f"{column} IN :in_{column}" for column in key)  # each for itself: a few too many
    select = f"SELECT {of.key} AS id, {', '.join(key)} FROM {of.table_name} WHERE {where} ORDER BY {of.key}"
    found = [(tuple(row[column] for column in key), row["id"]) for row in await db.all(select, **each)]
    return [one for one in found if one[0] in wanted]


async def _refer(db: Db, to: Reference, known: Known, asked: Sequence[Asked]) -> None:
    wanted = {pair for one in asked if (pair := one.refers(to)) is not None}
    known.referred[to.attribute] = await to.find(db, wanted) if wanted else {}
    ids = {getattr(record, to.attribute) for record in known.by_id.values()} | set(known.referred[to.attribute].values())
    known.words |= await to.told(db, ids - {None}) if ids - {None} else {}
