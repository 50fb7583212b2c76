"""The SQL that is made from declarations is kept in files, where people read it and see what a new field does to it."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from hmlib.auth.permissions import CompanyScope
from hmlib.db.change_numbers import Since
from hmlib.kinds import statements
from hmlib.kinds.resource import Resource

HERE = Path(__file__).parent / "statements"
SERVICES = sorted(path.name for path in HERE.parent.parent.glob("*_srv"))


class Unmarked:
    """Cursors are no part of a statement."""

    def mac(self, purpose, *parts):
        return ""


def kinds(service):
    """Every kind that a service's table of contents names, by its plural."""
    routes = import_module(f"{service}.app").ROUTES
    found = {route.kwargs["of"].plural: route.kwargs["of"] for route in routes if isinstance((route.kwargs or {}).get("of"), Resource)}
    return [found[plural] for plural in sorted(found)]


def text_of(of):
    """What is asked of the database about one kind."""
    scope, listing = CompanyScope("only", frozenset({"company"})), statements.definition(of)
    asked = listing.read({"q": "two words", **dict.fromkeys(listing.filters, "yes")}, Unmarked(), limit_default=25)
    where, (_, order, _) = statements.where(of, scope, asked, since=Since("2026-01-01")), asked.sql()
    parts = {
        "the list, searched and with every filter": " ".join(
            (f"SELECT {statements.select(of)} FROM {statements.source(of)}", f"WHERE {where.text} {order}")
        ),
        "what stands first in a search": first.text if (first := statements.exact(of, scope, asked)) else "",
        "some by their ids": statements.some(of, scope),
        "a new one": statements.insert(of),
        "a change": statements.update(of),
        "the end": statements.delete(of),
    }
    written = "".join(f"-- {of.plural}: {name}\n{laid_out(sql)}\n\n" for name, sql in parts.items() if sql)
    sorts = "".join(f"--   {name}: {column}\n" for name, column in listing.sorts.items())
    return f"{written}-- {of.plural} sorted by\n{sorts}\n"


def laid_out(sql):
    for word in (" FROM ", " WHERE ", " AND ", " LEFT JOIN ", " ORDER BY ", " VALUES ", " SET "):
        sql = sql.replace(word, f"\n   {word}")
    return sql + ";"


def text(service):
    return "\n".join(text_of(of) for of in kinds(service))


@pytest.mark.parametrize("service", SERVICES)
def test_the_statements_of_a_service_are_those_of_its_file(service):
    path = HERE / f"{service}.sql"
    kept = path.read_text() if path.exists() else ""
    assert text(service) == kept, f"read what changed, then: python -m tests.test_statements {service}"


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for service in sys.argv[1:] or SERVICES:
        (HERE / f"{service}.sql").write_text(text(service))
