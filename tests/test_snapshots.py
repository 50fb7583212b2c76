"""What is computed out of several statements is computed from one snapshot: a page never shows half of what somebody is just saving."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.test_shape import ROOT, SERVICES, sources

DATABASES = ("db", "self.db", "self._db")
READING = {"one", "all", "value", "peek", "slices"}
HELD = (".read(", ".write(", "transaction(")  # a transaction is a snapshot by itself

# Functions that ask twice and compute nothing out of the two answers, each with why.
APART = {
    "nexus_srv/api/announcement.py:post": "who it is, then a write",
    "nexus_srv/api/oauth.py:claims_of": "one or the other",
    "nexus_srv/api/oauth_userinfo.py:get": "whether the token stands, then the account",
    "nexus_srv/api/users.py:get": "one or the other",
    "nexus_srv/pages/adopt.py:post": "a write, then whom to lead on to",
    "nexus_srv/pages/backups.py:get": "what was tried, each by itself",
    "nexus_srv/pages/setup.py:invited": "a code, then its account",
    "nexus_srv/pages/setup.py:post": "a write, then whom it was for",
    "treasury_srv/invoices/bills.py:of_period": "whether anything has changed, then the month, which holds one",
    "treasury_srv/queries/book.py:_of_period": "asked by of_period, which holds one",
    "wiki_srv/context/gathering.py:_of_company": "asked by gathered, which holds one",
    "wiki_srv/pages/companies.py:_companies": "one or the other",
    "wiki_srv/queries/search.py:found": "asked by the page, which holds one",
    "hmlib/records/audit.py:first_broken": "entries only come: it says so",
    "hmlib/records/preferences.py:_stored": "reads the count before and after, to know that nothing changed in between",
    "hmlib/resources/records.py:known_by": "ids, then what they stand for",
    "hmlib/resources/records.py:_count": "asked by plain_page_of, which holds one",
    "wiki_srv/api/articles.py:get": "the number to follow from first, then rows that are as new at least",
}


def askers(text: str) -> Iterator[tuple[str, int]]:
    """The functions of a module that ask a database more than once without holding a snapshot or a transaction."""
    for function in ast.walk(ast.parse(text)):
        if isinstance(function, ast.AsyncFunctionDef) and not _holds(function):
            questions = sum(_asks(node) for node in ast.walk(function) if isinstance(node, ast.Call))
            if questions > 1:
                yield function.name, questions


def _holds(function: ast.AsyncFunctionDef) -> bool:
    blocks = [item.context_expr for node in ast.walk(function) if isinstance(node, ast.AsyncWith) for item in node.items]
    return any(held in ast.unparse(block) for block in blocks for held in HELD)


def _asks(call: ast.Call) -> bool:
    """Whether a call is a statement, or a function that is given the database; settings are a memory of their own."""
    asked = ast.unparse(call.func)
    if isinstance(call.func, ast.Attribute) and call.func.attr in READING:
        return ast.unparse(call.func.value) in DATABASES
    given = call.args[:1]
    return bool(given) and ast.unparse(given[0]) in DATABASES and not asked.startswith(("self.preferences", "preferences"))


def places() -> list[Path]:
    folders = [f"{service}/{part}" for service in SERVICES for part in ("pages", "api", "queries")]
    return sources(*folders, "wiki_srv/context", "treasury_srv/invoices", "hmlib/resources", "hmlib/records")


def test_what_is_computed_out_of_several_statements_sees_one_moment() -> None:
    found = {f"{path.relative_to(ROOT)}:{name}" for path in places() for name, _ in askers(path.read_text())}
    assert found - set(APART) == set(), "hold a snapshot (async with self.db.read() as snapshot), or say in APART why not"
    assert set(APART) - found == set(), "no longer so"


def test_two_questions_without_a_snapshot_are_seen() -> None:
    """The negative control."""
    apart = "async def get(self):\n    a = await rows(self.db)\n    b = await self.db.all('SELECT 1')\n"
    held = "async def get(self):\n    async with self.db.read() as snapshot:\n        a, b = await rows(snapshot), await more(snapshot)\n"
    assert list(askers(apart)) == [("get", 2)] and list(askers(held)) == []
