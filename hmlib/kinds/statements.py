"""The SQL of declared kinds, made from declared names only; tests keep the text of each kind in a file, where people read it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hmlib.auth.permissions import CompanyScope
from hmlib.db.change_numbers import EVERYTHING, Since
from hmlib.db.list_query import BY_ID, ListDefinition, ListQuery, folded, like
from hmlib.kinds.resource import STAMPS, Field, Resource
from hmlib.kinds.several import Words
from hmlib.kinds.types import Fixed, Phone, Reference, Value, YesNo

EVERY_COMPANY = CompanyScope()
NOTHING: Mapping[str, str] = {}
MOST_WORDS = 8
MOST_EXACT = 5
LETTERS = 3
"""How long a word is at least that an index of three letters finds."""
_made_once = lru_cache(maxsize=512)
"""What follows from a declaration alone is worked out once for each kind, however often it is asked."""
_SHORT_NUMBER = re.compile("[0-9]{1,3}")
_LIKE_A_PHONE = re.compile(r"[+(]?[0-9][0-9()+./\s-]{3,}")


@dataclass(frozen=True)
class Where:
    """The conditions of a list, and their parameters."""

    text: str
    params: Mapping[str, Any]


@_made_once
def columns(of: Resource[Any]) -> Sequence[str]:
    """The columns that callers set, by attribute; first the key."""
    stored = [attribute for attribute, field in of.fields.items() if field.stored and attribute not in _parts(of)]
    return [of.key, *(name for name in stored if name != of.key)]


def derived_columns(of: Resource[Any]) -> list[str]:
    """The columns that follow from a record: what is searched in, and what the kind names."""
    return [*(["search"] if searched(of) else []), *of.derived]


def searched(of: Resource[Any]) -> bool:
    """Whether a list of the kind can be searched."""
    return any(field.searched for field in of.fields.values())


@_made_once
def select(of: Resource[Any]) -> str:
    """The columns that are read, with the names of what the record refers to in this database."""
    table = of.table_name
    own = [f"{table}.{name}" for name in (*columns(of), *of.derived, *STAMPS)]
    return ", ".join([*own, *(f"{alias}.name AS {alias}_name, {alias}.name_form AS {alias}_form" for alias, _, _ in _joined(of))])


@_made_once
def surplus(of: Resource[Any]) -> Sequence[str]:
    """The columns that are read, but are no attribute of the record."""
    read = (*columns(of), *of.derived, *STAMPS, *(f"{alias}_{end}" for alias, _, _ in _joined(of) for end in ("name", "form")))
    return [name for name in read if name not in of.record.__struct_fields__]


@_made_once
def source(of: Resource[Any]) -> str:
    """The table, joined with what its records refer to and are shown with."""
    joins = [
        f"{'' if of.references[column].needed else 'LEFT '}JOIN {table} {alias} ON {alias}.id = {of.table_name}.{column}"
        for alias, column, table in _joined(of)
    ]
    return " ".join([of.table_name, *joins])


@_made_once
def insert(of: Resource[Any]) -> str:
    names = [*columns(of), *derived_columns(of)]
    values = ", ".join(f":{name}" for name in names)
    return f"INSERT INTO {of.table_name} ({', '.join(names)}, created_at, updated_at, version) VALUES ({values}, :now, :now, 1)"


@_made_once
def update(of: Resource[Any]) -> str:
    assignments = ", ".join(f"{name} = :{name}" for name in [*columns(of)[1:], *derived_columns(of)])
    changed = f"{assignments}, updated_at = :now, version = version + 1"
    return f"UPDATE {of.table_name} SET {changed} WHERE {of.key} = :{of.key} AND version = :version"


@_made_once
def delete(of: Resource[Any]) -> str:
    return f"DELETE FROM {of.table_name} WHERE {of.key} = :{of.key} AND version = :version"


def some(of: Resource[Any], scope: CompanyScope) -> str:
    """Those of :ids that the scope sees."""
    table = of.table_name
    return f"SELECT {select(of)} FROM {source(of)} WHERE {table}.{of.key} IN :ids AND {of.condition(scope)} ORDER BY {table}.{of.key}"


@_made_once
def definition(of: Resource[Any]) -> ListDefinition:
    """What a list of the kind can be asked."""
    sorts = {name: column for name, (column, _, _) in _orders(of).items()}
    return ListDefinition(sorts=sorts, default=of.order, id_column=f"{of.table_name}.{of.key}", filters=tuple(filters(of)))


def place(of: Resource[Any], asked: ListQuery, row: Mapping[str, Any]) -> tuple[str | int, str | int]:
    """Where a row stands in a list of this order: its sort value and its id. What is not there stands before everything."""
    _, name, nothing = _orders(of)[asked.sort.removeprefix("-")]
    return nothing if row[name] is None else row[name], row[of.key]


@_made_once
def _orders(of: Resource[Any]) -> Mapping[str, tuple[str, str, Any]]:
    """By the public name of an order its column, how that is called in the rows, and what stands for nothing there."""
    table, joined = of.table_name, {column: alias for alias, column, _ in _joined(of)}
    found: dict[str, tuple[str, str, Any]] = {}
    for attribute, field in of.fields.items():
        if not field.sort:
            continue
        name = attribute if field.sort == "=" else field.sort
        nothing = "" if field.value.json is str and not isinstance(field.value, Fixed) else -(2**62)
        column = f"{table}.{name}" if field.value.empty is not None else f"coalesce({table}.{name}, {nothing!r})"
        found[(field.name or attribute).removesuffix("_id")] = (
            (f"{joined[attribute]}.name_form", f"{joined[attribute]}_form", "") if attribute in joined else (column, name, nothing)
        )
    own = {"created_at": "created_at", "updated_at": "updated_at", BY_ID: of.key}
    return found | {name: (f"{table}.{column}", column, "") for name, column in own.items()}


def filters(of: Resource[Any], scope: CompanyScope = EVERY_COMPANY, chosen: Mapping[str, str] = NOTHING) -> dict[str, str]:
    """The condition of each filter, which binds its value by its own name, for who asks and what else is chosen."""
    found = {}
    for attribute, field in of.fields.items():
        if field.filtered:
            name, column = field.name or attribute, f"{of.table_name}.{attribute}"
            equal = f"{column} = (:{name} = 'yes')" if isinstance(field.value, YesNo) else f"{column} = :{name}"
            found[name] = equal if not field.custom else _custom(of, field, name)
    own = {name: one.condition for name, one in of.filters.items()}
    return found | {name: condition if isinstance(condition, str) else condition(scope, chosen) for name, condition in own.items()}


def where(
    of: Resource[Any],
    scope: CompanyScope,
    asked: ListQuery,
    *,
    since: Since = EVERYTHING,
    without: Sequence[str] = (),
    among: Sequence[str] | None = None,
) -> Where:
    """What the rows of a list fulfil, but for those ``without`` that stand before it; they are ``among`` these, where that is known."""
    found = _narrowed(of, scope, asked, since)
    clauses, params = [found.text], {**found.params, **asked.bound}
    if asked.q and searched(of):
        clauses.append(_search(of, asked, params))
    if without:
        clauses.append(f"{of.table_name}.{of.key} NOT IN :without")
        params["without"] = list(without)
    if among is not None:
        clauses.append(f"{of.table_name}.{of.key} IN :among")
        params["among"] = list(among)
    return Where(" AND ".join(clauses), params)


def count(of: Resource[Any], found: Where) -> str:
    """How many rows there are."""
    return f"SELECT count(*) FROM {of.table_name} WHERE {found.text}"


def count_up_to(of: Resource[Any], found: Where) -> str:
    """The same, up to :count_limit."""
    return f"SELECT count(*) FROM (SELECT 1 AS one FROM {of.table_name} WHERE {found.text} LIMIT :count_limit) counted"


def exact(
    of: Resource[Any], scope: CompanyScope, asked: ListQuery, *, since: Since = EVERYTHING, among: Sequence[str] | None = None
) -> Where | None:
    """The ids of what is called exactly as is searched for or has it as an identifier, within what the list is narrowed to; None where
    nothing of the kind is one. They are ``among`` these, where that is known."""
    named = [f"{of.table_name}.{name} = :folded" for name in of.derived if name == "name_form"]
    fields = _identified(of, asked.q, [attribute for attribute, field in of.fields.items() if field.identifier])
    if not asked.q or not [*named, *fields]:
        return None
    found = _narrowed(of, scope, asked, since)
    if among is not None:
        found = Where(f"{of.table_name}.{of.key} IN :among AND {found.text}", {**found.params, "among": list(among)})
    text = (
        f"SELECT {of.table_name}.{of.key} AS id FROM {of.table_name} WHERE ({' OR '.join([*named, *fields])}) AND {found.text}"
        f" ORDER BY {of.table_name}.{of.key} LIMIT {MOST_EXACT}"
    )
    return Where(text, {**found.params, "folded": folded(asked.q), **spoken(of, asked.q)})


def _narrowed(of: Resource[Any], scope: CompanyScope, asked: ListQuery, since: Since) -> Where:
    """What is seen, chosen by filters and changed since then."""
    clauses, params = [of.condition(scope)], dict(scope.params())
    for name, condition in filters(of, scope, asked.filters).items():
        if name in asked.filters:
            clauses.append(condition)
            params[name.replace(".", "_")] = asked.filters[name]
    if since != EVERYTHING:
        clauses.append(since.condition(of.name, f"{of.table_name}.{of.key}", f"{of.table_name}.updated_at"))
        params |= since.params()
    return Where(" AND ".join(clauses), params)


@_made_once
def answered(of: Resource[Any]) -> Mapping[str, tuple[str, str, Any]]:
    """What programs are told: by name, the name, the attribute, and how it is written where it is not as it is stored."""
    found: dict[str, tuple[str, str, Any]] = {of.key: (of.key, of.key, None)}
    for name, (attribute, field) in of.by_name.items():
        if field.told and not field.custom:
            as_it_is = type(field.value).write is Value.write
            found[name] = (name, attribute, None if as_it_is else field.value.write)
    beside = [f"{column.removesuffix('_id')}_name" for column in of.named]
    return found | {name: (name, name, None) for name in (*beside, *STAMPS)}


def search_text(of: Resource[Any], record: Any) -> str:
    """What a record is found by: the searched fields folded, and its telephone numbers in digits alone."""
    words: list[str] = []
    digits: list[str] = []
    for attribute, field in of.fields.items():
        value = getattr(record, attribute)
        if not field.searched or not value or isinstance(field.value, Reference):  # a name is looked for where it is kept
            continue
        several = isinstance(value, tuple) and all(isinstance(one, str) for one in value)
        words += value if several else [field.value.words(value)]
        if isinstance(field.value, Phone):
            digits.append(re.sub("[^0-9]", "", value))
    return " ".join([folded(" ".join(words)), *digits]).strip()


def found_by(name: str) -> str:
    """What the ids are bound by of the records in another service that a search found for a field."""
    return f"{name}_found"


def _search(of: Resource[Any], asked: ListQuery, params: dict[str, Any]) -> str:
    """Every word is found in the record or in the name of what it refers to, a number of up to three digits only where a word begins
    with it (the 10 of Windows 10); an external id, an identifier that is none of the words and a telephone number only as a whole, and
    so what another service calls what it refers to."""
    q, words = asked.q, []
    for number, word in enumerate(q.split()[:MOST_WORDS]):
        short = _SHORT_NUMBER.fullmatch(word) is not None
        params[f"like_{number}"] = f"% {word}%" if short else like(word)
        text = f"(' ' || {of.table_name}.search)" if short else f"{of.table_name}.search"
        places = [f"{text} LIKE :like_{number} ESCAPE '\\'"]
        for alias, column, table in _joined(of):
            if of.fields[column].searched:
                named = f"SELECT {alias}.id FROM {table} {alias} WHERE {alias}.name_form LIKE :like_{number} ESCAPE '\\'"
                places.append(f"{of.table_name}.{column} IN ({named})")
        words.append(places[0] if len(places) == 1 else f"({' OR '.join(places)})")
    ways = [" AND ".join(words), *_apart(of, q, params)]
    if digits := _digits(of, q):
        ways.append(f"{of.table_name}.search LIKE :digits ESCAPE '\\'")
        params["digits"] = like(digits)
    for attribute in of.references:
        if asked.bound.get(found_by(attribute)):
            ways.append(f"{of.table_name}.{attribute} IN :{found_by(attribute)}")
    return f"({' OR '.join(ways)})"


def candidates(of: Resource[Any], asked: ListQuery) -> Where | None:
    """The ids of all that can be what is searched for, by SQLite's index of three letters; None where there is none, or no word is that
    long. A number of two digits is three letters with the space before it. Bind :most with how many are of use."""
    spaced = [f" {word}" if _SHORT_NUMBER.fullmatch(word) else word for word in folded(asked.q).split()[:MOST_WORDS]]
    words, digits = [word for word in spaced if len(word) >= LETTERS], _digits(of, asked.q)
    if not of.trigrams or not words or 0 < len(digits) < LETTERS:
        return None
    params: dict[str, Any] = {}
    whole = {name: said for name, said in spoken(of, asked.q).items() if said and name != "lowered"}
    matches = {"trigrams": " AND ".join(map(_quoted, words)), **({"digits": _quoted(digits)} if digits else {})}
    matches |= {f"{name}_quoted": _quoted(said) for name, said in whole.items()}
    table, index = of.table_name, f"{of.table_name}_trigram"
    matching = f"SELECT numbered.id FROM {index} JOIN {table}_number numbered ON numbered.number = {index}.rowid WHERE {index} MATCH"
    ways = [way for way in _apart(of, asked.q, params) if not any(f":{name} " in way for name in whole)]
    parts = [f"{matching} :{name} LIMIT :most" for name in matches]
    parts += [f"SELECT {table}.{of.key} AS id FROM {table} WHERE {way} LIMIT :most" for way in ways]
    return Where(" UNION ALL ".join(f"SELECT id FROM ({part})" for part in parts), params | matches)


def _quoted(words: str) -> str:
    """As FTS5 looks for it letter by letter."""
    return '"' + words.replace('"', '""') + '"'


def _digits(of: Resource[Any], q: str) -> str:
    """The digits of a telephone number that is searched for; "" where it is none, or there are none to find."""
    has_numbers = any(isinstance(field.value, Phone) and field.searched for field in of.fields.values())
    return re.sub("[^0-9]", "", q) if has_numbers and _LIKE_A_PHONE.fullmatch(q) else ""


def _apart(of: Resource[Any], q: str, params: dict[str, Any]) -> list[str]:
    """The ways to be found that are no words of what is searched in: an external id, and identifiers as a whole."""
    ways = []
    if "external_id" in of.fields:
        ways.append(f"{of.table_name}.external_id = :said")
        params["said"] = q
    found = _identified(of, q, [attribute for attribute, field in of.fields.items() if field.identifier and not field.searched])
    params |= spoken(of, q) if found else {}
    return [*ways, *found]


def _identified(of: Resource[Any], q: str, attributes: Sequence[str]) -> list[str]:
    """That one of the identifiers is exactly what is searched for, of those that it can be."""
    said = spoken(of, q)
    return [_whole(of, attribute) for attribute in attributes if said.get(f"as_{attribute}", q)]


def _custom(of: Resource[Any], field: Field, name: str) -> str:
    """The records whose added field says so; the field's id is our own."""
    values = f"SELECT record_id FROM custom_value WHERE field_id = '{field.custom}' AND text = :{name.replace('.', '_')}"
    return f"{of.table_name}.{of.key} IN ({values})"


def spoken(of: Resource[Any], q: str) -> dict[str, str]:
    """What was searched for as each identifier has it, and :lowered for those that are one text; what it cannot be is ""."""
    found = {"lowered": q.lower()}
    for attribute, field in of.fields.items():
        if field.identifier and isinstance(field.value, Words):
            try:
                found[f"as_{attribute}"] = field.value.check(q)
            except ValueError:
                found[f"as_{attribute}"] = ""
    return found


def _whole(of: Resource[Any], attribute: str) -> str:
    """That an identifier, or one of several, is exactly what is searched for; see spoken()."""
    column = f"{of.table_name}.{attribute}"
    if not isinstance(of.fields[attribute].value, Words):
        return f"lower({column}) = :lowered"
    return f"({column} <> '' AND replace(' ' || {column} || ' ', ' ' || :as_{attribute} || ' ', '') <> ' ' || {column} || ' ')"


@_made_once
def _joined(of: Resource[Any]) -> Sequence[tuple[str, str, str]]:
    """Alias, column and table of what a record is shown with the name of."""
    return [(column.removesuffix("_id"), column, table) for column, table in of.named.items()]


@_made_once
def _parts(of: Resource[Any]) -> frozenset[str]:
    return frozenset(part.attribute for part in of.parts)
