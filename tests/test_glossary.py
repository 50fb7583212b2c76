"""docs/glossary.md names things that are there, and nothing in the code goes by a word that it does not say."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from hmlib.auth.permissions import ALL_PERMISSIONS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "glossary.md").read_text()
SOURCES = ("hmlib", "nexus_srv", "treasury_srv", "wiki_srv")
SERVICES = SOURCES[1:]


def rows(heading):
    """The rows of the table below a heading, as lists of cells."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    table = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1:]]


THINGS = rows("What the suite is about")


def addresses():
    """Every address of a service's routes, by the service, each id and name in it as ID."""
    found = {}
    for service in SERVICES:
        routes = importlib.import_module(f"{service}.app").ROUTES
        found[service] = {re.sub(r"\([^/]*\)", "ID", route.regex.pattern.removesuffix("$")) for route in routes}
    return found


def tables():
    files = [path for source in SOURCES for path in (ROOT / source / "migrations").glob("*.sql")]
    return {name for path in files for name in re.findall(r"CREATE (?:VIRTUAL )?TABLE (?:IF NOT EXISTS )?(\w+)", path.read_text())}


def what_is_missing(row, known_addresses, known_tables):
    word, page, api, table, module, permission, note = row
    anywhere = set().union(*known_addresses.values())
    among = known_addresses.get(module.split(".")[0], anywhere)
    path = ROOT / module.replace(".", "/")
    return [
        f"{word}: {what}"
        for what, there in (
            (page, page == "-" or page in among),
            (api, api == "-" or api in among),
            (table, table == "-" or table in known_tables),
            (module, path.is_dir() or path.with_suffix(".py").is_file()),
            (permission, permission == "-" or permission in ALL_PERMISSIONS),
            ("a note", note.endswith(".")),
        )
        if not there
    ]


def test_what_the_glossary_names_is_there():
    known_addresses, known_tables = addresses(), tables()
    assert len(THINGS) > 30
    assert not [missing for row in THINGS for missing in what_is_missing(row, known_addresses, known_tables)]


@pytest.mark.parametrize("place", range(1, 6))
def test_control_a_thing_that_is_not_there_is_seen(place):
    row = ["company", "/companies", "/api/companies", "company", "nexus_srv.directory", "directory:read", "A customer."]
    row[place] = "/no/such_thing"
    assert len(what_is_missing(row, addresses(), tables())) == 1


def test_every_entry_of_the_navigation_and_every_permission_is_about_a_word():
    pages = {row[1] for row in THINGS}
    for service in SERVICES:
        app = importlib.import_module(f"{service}.app")
        by_name = {route.name: route.regex.pattern.removesuffix("$") for route in app.ROUTES}
        assert not sorted({by_name[item.route] for item in app.NAVIGATION} - pages - {"/", "/search"})
    subjects = {permission.split(":")[0] for permission in ALL_PERMISSIONS}
    assert not sorted(subjects - {row[5].split(":")[0] for row in THINGS})


def unsaid():
    """The words that name nothing, in lower case."""
    return {word for row in rows("What is not said") for word in re.sub(r"\(.*?\)", "", row[0]).replace(" ", "").split(",")} - {"ask"} | {
        "Ask"
    }


def names_of(tree):
    return [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]


def said_all_the_same(names):
    """Names that are such a word. `ask` is a good verb for a function, and no name for a class."""
    words = unsaid()
    return [name for name in names if name in words or (name.strip("_").lower() in words)]


def test_no_class_function_or_module_goes_by_a_word_that_is_not_said():
    files = [path for source in SOURCES for path in sorted((ROOT / source).rglob("*.py")) if "tests" not in path.parts]
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in files
        for name in said_all_the_same([path.stem, *names_of(ast.parse(path.read_text()))])
    }
    assert not found


def test_control_a_word_that_is_not_said_is_seen():
    tree = ast.parse("class Noun: ...\nclass Ask: ...\ndef ask(): ...\nasync def _buried(): ...\ndef deed_of(): ...")
    assert said_all_the_same(names_of(tree)) == ["Noun", "Ask", "_buried"]
