"""How every noun's rows are stored: the statements that follow from a record's fields, and saving by version."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import ListQuery, Page

R = TypeVar("R", bound=msgspec.Struct)
_BY_DATABASE = ("created_at", "updated_at", "version")


class Stored:
    """The INSERT, the UPDATE and the column list of one table; `record` has a field for each column, `also` names derived columns."""

    def __init__(
        self, table: str, record: type[msgspec.Struct], *, key: str = "id", also: Sequence[str] = (), apart: Sequence[str] = ()
    ) -> None:
        fields = [name for name in record.__struct_fields__ if name not in (*_BY_DATABASE, *apart)]
        names = [*fields, *also]
        self.columns = ", ".join(f"{table}.{name}" for name in (*fields, *_BY_DATABASE))
        self.insert = (
            f"INSERT INTO {table} ({', '.join(names)}, created_at, updated_at, version)"
            f" VALUES ({', '.join(f':{name}' for name in names)}, :now, :now, 1)"
        )
        changed = ", ".join(f"{name} = :{name}" for name in names if name != key)
        self.update = f"UPDATE {table} SET {changed}, updated_at = :now, version = version + 1 WHERE {key} = :{key} AND version = :version"
        self.delete = f"DELETE FROM {table} WHERE {key} = :{key} AND version = :version"
        self.table, self.key, self.fields = table, key, fields

    def values(self, record: msgspec.Struct, now: str, **derived: Any) -> dict[str, Any]:
        """The parameters of `insert` and `update`."""
        return {name: getattr(record, name) for name in (*self.fields, "version")} | derived | {"now": now}


def differs(before: msgspec.Struct, after: msgspec.Struct) -> dict[str, tuple[Any, Any]]:
    """The fields that two versions of a row do not share, with both values."""
    names = [name for name in before.__struct_fields__ if name not in _BY_DATABASE]
    return {name: (old, new) for name in names if (old := getattr(before, name)) != (new := getattr(after, name))}


async def some(
    db: Db, stored: Stored, ids: Sequence[str], make: Callable[..., R], scope: CompanyScope, column: str, source: str = ""
) -> list[R]:
    """Those of the ids that exist in scope, which is about `column`; `source` is the tables where the table itself is not enough."""
    found = await db.all(
        f"""
        SELECT {stored.columns} FROM {source or stored.table}
        WHERE {stored.table}.{stored.key} IN :some_ids AND {scope.clause(column)} ORDER BY {stored.table}.{stored.key}
        """,
        some_ids=list(ids),
        **scope.params(),
    )
    return [make(**row) for row in found]


async def page_of(
    db: Db,
    stored: Stored,
    source: str,
    list_query: ListQuery,
    wanted: Sequence[str],
    params: Mapping[str, Any],
    make: Callable[..., R],
    place: Callable[[R], tuple[str | int, str]],
) -> Page[R]:
    """The page of a list: `source` is its tables, `wanted` its conditions, `place` gives a row's sort value and id."""
    where = " AND ".join(wanted)
    after, order, limits = list_query.sql()
    async with db.read() as snapshot:
        found = await snapshot.all(f"SELECT {stored.columns} FROM {source} WHERE {where} {after} {order}", **params, **limits)
        total = await snapshot.value(f"SELECT count(*) FROM {source} WHERE {where}", **params)
    return list_query.page([make(**row) for row in found], total, place)


async def insert(tx: Db, stored: Stored, records: Iterable[R], now: str) -> None:
    """Raises Conflict when a natural key is taken."""
    await tx.many(stored.insert, [stored.values(record, now) for record in records])


async def update(tx: Db, stored: Stored, records: Iterable[R], now: str) -> None:
    """For rows that were read in this very transaction. Raises Conflict as insert does."""
    await tx.many(stored.update, [stored.values(record, now) for record in records])


async def save(tx: Db, stored: Stored, record: R, now: str) -> bool:
    """False when the row has changed since it was read. Raises Conflict as insert does."""
    return bool(await tx.run(stored.update, **stored.values(record, now)))
