"""Records out of the database and into it, as their kind declares them. What a caller may not see is not found, counted or read."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from hmlib.api.answer_cache import AnswerCache, KeptAnswer
from hmlib.auth.permissions import CompanyScope
from hmlib.db.change_numbers import EVERYTHING, Since
from hmlib.db.database import Db
from hmlib.db.list_query import ListQuery, Page
from hmlib.kinds import custom, statements
from hmlib.kinds.resource import Part, Resource

R = TypeVar("R", bound=msgspec.Struct)
BATCH = 1000
MOST_COUNTED = 10_000
MOST_CANDIDATES = 2000
"""How many are looked at one by one in a search; a word that more have is found soon wherever one looks."""


async def page_of(
    db: Db, of: Resource[R], scope: CompanyScope, asked: ListQuery, *, total: bool = True, totals: AnswerCache | None = None
) -> Page[R]:
    """A page of the list; what is called exactly as the search says stands before the first row, wherever it is sorted. What a search
    finds is counted up to MOST_COUNTED: beyond that the total is None. ``totals`` remembers how many there are."""
    page = await plain_page_of(db, of, scope, asked, total=total, totals=totals, most=MOST_COUNTED if asked.q else None)
    return Page([of.record(**row) for row in page.rows], *_rest(page))


async def plain_page_of(
    db: Db,
    of: Resource[R],
    scope: CompanyScope,
    asked: ListQuery,
    *,
    since: Since = EVERYTHING,
    total: bool = True,
    totals: AnswerCache | None = None,
    most: int | None = None,
) -> Page[dict[str, Any]]:
    """As page_of(), without making a record of each row: what a program asks for is only written down again. It counts all unless
    ``most`` says how many at most."""
    async with db.read() as snapshot:
        among = await _candidates(snapshot, of, asked)
        first = await _exact(snapshot, of, scope, asked, since, among)
        found = statements.where(of, scope, asked, since=since, without=first, among=among)
        place, order, limits = asked.sql()
        rows = await snapshot.all(
            f"SELECT {statements.select(of)} FROM {statements.source(of)} WHERE {found.text} {place} {order}", **found.params, **limits
        )
        count = await _count(snapshot, of, scope, found, totals if among is None else None, most) if total else None
        page = asked.page(rows, None if count is None else count + len(first), lambda row: statements.place(of, asked, row))
        before = await snapshot.all(statements.some(of, scope), ids=first, **scope.params()) if first and asked.position is None else []
        shown = [*before, *page.rows]
        return Page(await _whole(snapshot, of, scope, shown), *_rest(page))


async def by_ids(db: Db, of: Resource[R], scope: CompanyScope, ids: Sequence[str]) -> list[R]:
    """Those of the ids that exist and that the scope sees."""
    return [of.record(**row) for row in await plain_by_ids(db, of, scope, ids)]


async def plain_by_ids(db: Db, of: Resource[R], scope: CompanyScope, ids: Sequence[str]) -> list[dict[str, Any]]:
    """As by_ids(), without making records."""
    if not ids:
        return []
    async with db.read() as snapshot:
        rows = await snapshot.all(statements.some(of, scope), ids=list(ids), **scope.params())
        return await _whole(snapshot, of, scope, rows)


async def visible(db: Db, of: Resource[R], scope: CompanyScope, id: str) -> R | None:
    """The record, None for somebody else's and for none."""
    found = await by_ids(db, of, scope, [id])
    return found[0] if found else None


async def having(db: Db, of: Resource[R], condition: str, order: str = "", **params: Any) -> list[R]:
    """Every record that fulfils a condition of ours, in the order of these columns; whose ever it is."""
    found = f"SELECT {statements.select(of)} FROM {statements.source(of)} WHERE {condition}"
    async with db.read() as snapshot:
        rows = await snapshot.all(f"{found} ORDER BY {order or f'{of.table_name}.{of.key}'}", **params)
        parts = await _parts(snapshot, of, statements.EVERY_COMPANY, [row[of.key] for row in rows])
    return [of.record(**_attributes(of, row, parts)) for row in rows]


async def batches(
    db: Db, of: Resource[R], scope: CompanyScope, asked: ListQuery, *, since: Since = EVERYTHING
) -> AsyncIterator[list[dict[str, Any]]]:
    """Every row of a list in its order, some at a time and to the last one; each batch is read for itself."""
    while True:
        page = await plain_page_of(db, of, scope, asked, since=since, total=False)
        yield page.rows
        if page.next_cursor is None:
            return
        asked = asked.at(page.next_cursor)


async def known_by(db: Db, of: Resource[R], scope: CompanyScope, source: str, external_ids: Sequence[str], *, whole: bool) -> dict[str, R]:
    """The records that a source knows by these external ids, or all of them (``whole``), by external id."""
    table = of.table_name
    known = f"{table}.external_id IS NOT NULL AND {of.condition(scope)}" + ("" if whole else f" AND {table}.external_id IN :external_ids")
    given: dict[str, Any] = {} if whole else {"external_ids": list(external_ids)}
    if "source" in of.fields:
        known, given = f"{table}.source = :source AND {known}", {**given, "source": source}
    rows = await db.all(f"SELECT {table}.{of.key} AS id FROM {table} WHERE {known}", **given, **scope.params())
    found = [
        one
        for start in range(0, len(rows), BATCH)
        for one in await by_ids(db, of, scope, [row["id"] for row in rows[start : start + BATCH]])
    ]
    return {getattr(one, "external_id"): one for one in found}  # noqa: B009  only kinds that have it are asked


async def insert(tx: Db, of: Resource[R], records: Iterable[R], now: str) -> None:
    """Raises Conflict when something that is unique is taken, or something that is referred to is not there."""
    rows = list(records)
    await tx.many(statements.insert(of), [{**values(of, record), "now": now} for record in rows])
    for part in of.parts:
        await _put_parts(tx, of, part, rows)
    await custom.write(tx, of, rows)


async def save(tx: Db, of: Resource[R], record: R, now: str, scope: CompanyScope = statements.EVERY_COMPANY) -> bool:
    """False when the row has changed since ``record.version``. Raises Conflict as insert() does."""
    version = getattr(record, "version")  # noqa: B009  every kind has it, though not every kind is a Record
    if not await tx.run(statements.update(of), **values(of, record), version=version, now=now):
        return False
    for part in of.parts:
        seen = scope.clause(part.scope) if part.scope else "TRUE"
        await tx.run(f"DELETE FROM {part.table} WHERE {part.key} = :owner AND {seen}", owner=of.id_of(record), **_params(part, scope))
        await _put_parts(tx, of, part, [record])
    await custom.write(tx, of, [record])
    return True


async def delete(tx: Db, of: Resource[R], record: R) -> bool:
    """False when the row has changed. Raises Conflict while something refers to it."""
    return bool(await tx.run(statements.delete(of), **{of.key: of.id_of(record), "version": getattr(record, "version")}))  # noqa: B009


async def taken(db: Db, of: Resource[R], record: R) -> dict[str, str]:
    """What is unique and belongs to another record: sentences by field."""
    found, row = {}, values(of, record)
    for unique in of.unique:
        if all(row[column] not in (None, "") for column in unique.columns):
            same = " AND ".join(f"{column} = :{column}" for column in unique.columns)
            given = {column: row[column] for column in unique.columns}
            other = f"SELECT 1 FROM {of.table_name} WHERE {same} AND {of.key} <> :but"
            if await db.value(other, **given, but=of.id_of(record)) is not None:
                found[unique.field] = unique.said
    return found


def values(of: Resource[R], record: R) -> dict[str, Any]:
    """The columns of a record, by name."""
    row = {name: getattr(record, name) for name in statements.columns(of)}
    for attribute in of.converted:
        if attribute in row:
            row[attribute] = of.fields[attribute].value.store(row[attribute])
    if statements.searched(of):
        row["search"] = statements.search_text(of, record)
    return row | {name: derive(record) for name, derive in of.derived.items()}


async def _whole(snapshot: Db, of: Resource[R], scope: CompanyScope, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the attributes of their records, those from other tables too."""
    ids = [row[of.key] for row in rows]
    parts, added = await _parts(snapshot, of, scope, ids), await custom.read(snapshot, of, ids)
    lacking = dict.fromkeys(attribute for attribute, field in of.fields.items() if field.custom)
    if not lacking:
        return [_attributes(of, row, parts) for row in rows]
    return [{**lacking, **_attributes(of, row, parts), **added.get(row[of.key], {})} for row in rows]


def _attributes(of: Resource[R], row: dict[str, Any], parts: Mapping[str, Mapping[str, tuple[Any, ...]]]) -> dict[str, Any]:
    """The row itself, with the attributes of its record."""
    for attribute, load in of.loads:
        if attribute in row:
            row[attribute] = load(row[attribute])
    for attribute, found in parts.items():
        row[attribute] = found.get(row[of.key], ())
    if of.load is not None:
        row = of.load(row)
    for name in statements.surplus(of):
        row.pop(name, None)
    return row


async def _count(
    db: Db, of: Resource[R], scope: CompanyScope, found: statements.Where, totals: AnswerCache | None, most: int | None
) -> int | None:
    """How many there are; None when that is more than ``most``."""
    text = statements.count(of, found) if most is None else statements.count_up_to(of, found)
    params = found.params if most is None else {**found.params, "count_limit": most + 1}

    async def counted() -> KeptAnswer:
        return KeptAnswer(str(await db.value(text, **params)).encode())

    if totals is None:
        kept = await counted()
    else:
        question = (f"{name}={value}" for name, value in sorted(params.items()))
        kept = await totals.of(await totals.etag(db, scope, "total", text, *question), counted)
    count = int(kept.body)
    return None if most is not None and count > most else count


async def _exact(db: Db, of: Resource[R], scope: CompanyScope, asked: ListQuery, since: Since, among: Sequence[str] | None) -> list[str]:
    found = None if asked.sort_chosen else statements.exact(of, scope, asked, since=since, among=among)
    return [row["id"] for row in await db.all(found.text, **found.params)] if found else []


async def _candidates(db: Db, of: Resource[R], asked: ListQuery) -> list[str] | None:
    """The ids of all that can be what is searched for; None where that is not known, or so many that a walk finds a page of them soon."""
    found = statements.candidates(of, asked) if db.dialect == "sqlite" else None
    if found is None:
        return None
    rows = await db.all(found.text, **found.params, most=MOST_CANDIDATES + 1)
    return None if len(rows) > MOST_CANDIDATES else sorted({row["id"] for row in rows})


async def _parts(db: Db, of: Resource[R], scope: CompanyScope, ids: Sequence[str]) -> dict[str, dict[str, tuple[Any, ...]]]:
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    for part in of.parts:
        names = ", ".join(part.of.__struct_fields__)
        seen = scope.clause(part.scope) if part.scope else "TRUE"
        statement = (
            f"SELECT {part.key} AS owner, {names} FROM {part.table} WHERE {part.key} IN :ids AND {seen} ORDER BY {part.order or names}"
        )
        mine = found[part.attribute] = {}
        for row in await db.all(statement, ids=list(ids), **_params(part, scope)) if ids else []:
            owner = row.pop("owner")
            mine[owner] = (*mine.get(owner, ()), msgspec.convert(row, part.of, strict=False))
    return found


async def _put_parts(tx: Db, of: Resource[R], part: Part, records: Sequence[R]) -> None:
    names = (part.key, *part.of.__struct_fields__)
    rows = [{part.key: of.id_of(record), **msgspec.structs.asdict(one)} for record in records for one in getattr(record, part.attribute)]
    await tx.many(f"INSERT INTO {part.table} ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)})", rows)


def _params(part: Part, scope: CompanyScope) -> dict[str, Any]:
    return scope.params() if part.scope else {}


def _rest(page: Page[Any]) -> tuple[Any, ...]:
    return page.total, page.first, page.next_cursor, page.previous_cursor, page.query
