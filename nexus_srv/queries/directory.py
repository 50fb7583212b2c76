"""What the four nouns of the directory share: how a list is narrowed, how a row is saved by version, what is remembered of deleted rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.change_numbers import Since
from hmlib.db.list_query import ListQuery, Page, like

T = TypeVar("T")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What every entry of the directory has. `source` and `external_id` say which system knows it by which name; `version` counts its
    changes from 1; times are UTC."""

    id: str
    source: str = ""
    external_id: str | None = None
    created_at: str = ""
    updated_at: str = ""
    version: int = 0


def narrowed(
    table: str, seen: str, scope: CompanyScope, list_query: ListQuery, filters: Mapping[str, str], since: Since, kind: str
) -> tuple[str, dict[str, Any]]:
    """The conditions of a list and their parameters; `filters` leads from a filter's name to its condition, which binds it as :name."""
    clauses, params = [seen], dict(scope.params())
    for number, word in enumerate(list_query.q.split()[:8]):
        clauses.append(f"{table}.search LIKE :like_{number} ESCAPE '\\'")
        params[f"like_{number}"] = like(word)
    for name, value in list_query.filters.items():
        clauses.append(filters[name])
        params[name] = value
    clauses.append(since.condition(kind, f"{table}.id", f"{table}.updated_at"))
    params |= since.params()
    return " AND ".join(clauses), params


def stored_fields(record: type[msgspec.Struct], *others: str) -> list[str]:
    """The fields of a record that are columns by the same name and that callers set."""
    return [name for name in record.__struct_fields__ if name not in ("created_at", "updated_at", "version", *others)]


def insert_sql(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(columns)
    return f"INSERT INTO {table} ({names}, created_at, updated_at, version) VALUES ({', '.join(':' + c for c in columns)}, :now, :now, 1)"


def paged(list_query: ListQuery, rows: Sequence[dict[str, Any]], total: int, made: Callable[[dict[str, Any]], T], table: str) -> Page[T]:
    """The page of a list out of the rows that were found; the company's sort column is called company_form in the rows of others."""
    column = list_query.column.removeprefix(f"{table}.").replace("company.name_form", "company_form")
    page = list_query.page(rows, total, lambda row: (row[column], row["id"]))
    return Page([made(row) for row in page.rows], page.total, page.first, page.next_cursor, page.previous_cursor, list_query)
