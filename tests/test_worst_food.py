"""What users' texts may cost: every parser and regular expression that meets them, with the worst food its door lets in.

Work is CPU time against the same parser's own time for less of the same food, so a slow or busy machine changes nothing.
"""

import ast
import contextlib
import csv
import gc
import re
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from unittest.mock import Mock

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from hmlib import clock, json
from hmlib import text as texts
from hmlib.auth import jwt
from hmlib.db import list_query
from hmlib.imports import companies
from hmlib.imports.presets import mapping_key
from hmlib.kinds.several import Pairs
from hmlib.tables import cells
from hmlib.tables import rows as tables
from hmlib.tables.cells import BadCell
from hmlib.tables.columns import Column
from hmlib.tables.reading import headings
from hmlib.tables.sheets import Unreadable
from hmlib.web import requests
from hmlib.web import requests as preconditions
from nexus_srv.directory import companies as companies_of_nexus
from nexus_srv.identity import browsers, usernames
from nexus_srv.oauth import clients, protocol
from treasury_srv.billing import money
from wiki_srv.articles import differences, drafts, imports, markdown_files, markup, secrets_guard
from wiki_srv.context import selection
from wiki_srv.search import query_text, words

ROOT = Path(__file__).parent.parent
SOURCES = ("hmlib", "nexus_srv", "wiki_srv", "treasury_srv")
MOST = 500_000
MARKDOWN = 50_000
"""Characters of Markdown in this test: more takes seconds, which its limited child may spend and a test need not."""
SHARE = 16
TWICE = 2.6
Eat = Callable[[str], object]
Food = Callable[[int], str]


def repeated(piece: str, before: str = "", after: str = "") -> Food:
    return lambda size: before + (piece * (size // len(piece) + 1))[: size - len(before) - len(after)] + after


def cost(eat: Eat, food: str) -> float:
    """Seconds of CPU time, without the garbage collector's: that walks the heap of all tests before this one too."""
    gc.disable()
    try:
        started = time.process_time()
        eat(food)
        return time.process_time() - started
    finally:
        gc.enable()


def assert_linear(eat: Eat, food: Food, most: int) -> None:
    """Twice the food takes at most 2.6 times the CPU time, and sixteen times the food at most 2.6 times sixteen. What looks like more is
    measured again, four times: another process may have taken the caches."""
    few = most // SHARE
    eat(food(100))  # whatever is made at the first call
    for tries_left in (4, 3, 2, 1, 0):
        once = min(cost(eat, food(few)) for _ in range(3))
        twice = min(cost(eat, food(2 * few)) for _ in range(3))
        if twice < TWICE * once + 0.01 and cost(eat, food(most)) < SHARE * TWICE * once + 0.1:
            return
        assert tries_left, (once, twice)


def refusing(eat: Eat, *refusals: type[Exception]) -> Eat:
    def eaten(text: str) -> None:
        with contextlib.suppress(*refusals):
            eat(text)

    return eaten


def posted(content_type: str) -> Eat:
    """A form of this type; without one the text is the type itself."""

    def read(text: str) -> object:
        headers = HTTPHeaders({"Host": "a.example", "Content-Type": content_type or "multipart/form-data; " + text})
        start = RequestStartLine("POST", "/", "HTTP/1.1")
        return requests.form(HTTPServerRequest(start_line=start, headers=headers, body=text.encode(), connection=Mock()))

    return refusing(read, requests.BadRequest)


def cell(kind: str) -> Eat:
    read = cells.reader(Column("x", kind=kind, max_length=MOST, numeric=kind == "text"), "month", "either")  # type: ignore[arg-type]
    return refusing(read, BadCell)


def table(text: str) -> object:
    columns = (Column("a"), Column("b", kind="decimal"), Column("c", kind="choice", words={"*": ""}))
    return tables.read(text.encode(), tables.Instructions(columns=columns, mapping={"x": "a"}, noted=("n",), totals=True))


def pieces(text: str) -> object:
    return selection.pieces(selection.Source("a", 1, "T", text, (), "company", "2026-01-01"))


HITS = query_text.pattern(["aa", "b", "pass"])
EATERS: dict[str, tuple[Eat, list[Food], int]] = {
    "secrets": (
        secrets_guard.find,
        [
            *map(repeated, ("a.", "eyJaaaaaaaa.", "eyJaaaaaaaa-", "pw:*", "password:\n", "a://b:c", "bearer ", "sk-", 'pw: "a', "ghp_a")),
            repeated("*", "pw:", "\nabc"),
            repeated(" /-", "|", "x|\n|-|\n"),
            repeated("-", "|", "x"),
            repeated("-----BEGIN PRIVATE KEY-----\n-----END A "),
            lambda size: "|pin" * (size // 12) + "\n" + "|-" * (size // 12) + "\n" + "|\n" * (size // 4),
        ],
        MOST,
    ),
    "markdown": (
        markup.render,
        [
            *map(repeated, ("# a\n", "a\n=\n", "<a:", "<http:", "<http: ", " http://_", " http://a_b", "mailto:a@", " xmpp:a@b.", "www._")),
            *map(repeated, ("a.b@", "> ", "- ", "> - ", "*a ", "**a*", "_a", "~~a", "`a", "[", "[a](", "![", "[a]: <", "[a]: b\n", "]")),
            *map(repeated, ("[^a]: b\n\n", "[^1]", "&#", "\\", "a\n: b\n\n", "|a\n|-\n", "- [ ] a\n", "> [!note]\n", "a  \n", "\n", "1. ")),
            repeated(")", "http://a.b/"),
            lambda size: "|".join(["a"] * 2000) + "\n" + "|".join(["-"] * 2000) + "\n" + "a|b\n" * (size // 4),
            lambda size: "\n".join("> " * (at % 30) + "- " * (at % 17) + "a" for at in range(size // 40)),
            lambda size: " ".join("`" * at for at in range(1, int((2 * size) ** 0.5))),
        ],
        MARKDOWN,
    ),
    "sections": (pieces, [*map(repeated, ("# a\n", "a\n\n", "\n ", "a\n", "a", "|a\n|-\n", "- ", "> "))], MARKDOWN),
    "front matter": (
        lambda text: markdown_files.read_here(text.encode(), "a.md"),
        [
            repeated("---\n", "---\n"),
            repeated("--- x\n", "---\n"),
            repeated("a: b\n", "---\n"),
            repeated("# "),
            repeated("\n"),
            repeated(" "),
        ],
        MOST,
    ),
    "links between files": (
        lambda text: imports._LINK.sub("", text),
        [*map(repeated, ("](", "](a.md#", '](a.md "', "](a.md ", "](.md", "a"))],
        MOST,
    ),
    "drafts": (
        lambda text: (drafts.draft(text, text, text.split(","), text), drafts.folder_path(text)),
        [*map(repeated, ("a", "a,", "\r", " ", "/", "\u200b", "a\u0301"))],
        MOST,
    ),
    "searches": (query_text.wanted, [*map(repeated, ('"', '-"a', "tag:", "a ", 'in:"'))], MOST),
    "snippets": (
        lambda text: query_text.snippet(text, HITS, MOST),
        [*map(repeated, ("[", "[a](", "[a]", "\n", "-", "# ", "* ", "|-", " ", "b ", "a", "1"))],
        MOST,
    ),
    "words": (lambda text: (words.words(text), words.telling(text, 32)), [*map(repeated, ("a", "a ", "_", "\u0130", "\u01c4"))], MOST),
    "comparisons": (
        lambda text: (differences.compared(text, text[::-1]), differences.compared(text, text + "x"), differences.compared("", text)),
        [
            *map(repeated, ("a\n", "\n", "a\nb\n", "a")),
            lambda size: "\n".join(map(str, range(size // 7))),
            lambda size: "\n".join(f"{at}\na\nb" for at in range(size // 10)),
        ],
        MOST,
    ),
    "tables": (
        refusing(table, Unreadable),
        [
            *map(repeated, ("x,y\n", '"\n', 'a","b\n', '"a""', '"', "\n", ",", "a,\n", '"a\n', "a;1.500\n", '"a"b,')),
            *(repeated(piece, "a,b\n") for piece in ("x,y\n", '"\n', 'a","b\n', "1,1.500\n", '1,"1,5"\n', "same,1\n")),
        ],
        MOST,
    ),
    **{
        f"{kind} cells": (
            cell(kind),
            [
                *map(
                    repeated,
                    (
                        "1",
                        "1,",
                        "1.",
                        "1 ",
                        "1'",
                        ".0",
                        "(",
                        "<",
                        "a@",
                        "a.",
                        "@a.",
                        ";",
                        '="',
                        "-",
                        " ",
                        "\u00a0",
                        "1/",
                        "a ",
                        "1:",
                        "1h",
                        "1T",
                    ),
                )
            ],
            MOST,
        )
        for kind in ("text", "int", "decimal", "bool", "date", "datetime", "choice", "list", "email", "size", "duration")
    },
    "headings": (
        lambda text: (cells.heading(text), headings.forms(text), headings.unit_of(text, "size"), headings.unit_of(text, "datetime")),
        [*map(repeated, ("a", "_", " a", "\u0130", "(", " (a)", "a gb ", " unix"))],
        MOST,
    ),
    "names of companies": (
        lambda text: (companies.short_form(text), companies.id_form(text), mapping_key("companies", [text])),
        [*map(repeated, ("a", "0", " ltd", ". ", "\u0301", "\ufdfa", "&", "1 "))],
        MOST,
    ),
    "JSON": (
        refusing(lambda text: json.plain(text.encode()), json.Malformed),
        [*map(repeated, ("[", '"', '"\\', "{", '{"a":', "1", "[1,", "\\u0000", '"a",')), repeated("\\", '"'), repeated("a", '"', '"')],
        MOST,
    ),
    "JSON of a kind": (
        refusing(lambda text: json.decode(text.encode(), dict[str, int]), json.Malformed),
        [repeated("a", '{"', '": "x"}'), repeated("\\n", '{"', '": "x"}')],
        MOST,
    ),
    "forms": (posted("application/x-www-form-urlencoded"), [*map(repeated, ("a&", "a=%", "a=%41", "a[]=&", "&", "=", "+"))], MOST),
    "uploads": (
        posted("multipart/form-data; boundary=b"),
        [*map(repeated, ("--b\r\n", "--b", "\r\n", '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n', "a;", '"'))],
        MOST,
    ),
    "boundaries": (posted(""), [*map(repeated, ("boundary=", 'boundary="', ";", "a"))], 60_000),
    "addresses after signing in": (
        lambda text: requests.next_path(text, "https://a.example"),
        [*map(repeated, ("/", "/a", "%2", "/.", "?", "/a?"))],
        MOST,
    ),
    "If-Match": (
        refusing(preconditions.IfMatch.read, ValueError),
        [*map(repeated, ('"', '"a" x', 'W/"', ",", " ", '"a",', '"a" ', "W/", ", "))],
        60_000,
    ),
    "JWTs": (jwt._SHAPE.fullmatch, [*map(repeated, ("a", "a.", ".", "-", "A" * 86 + "."))], MOST),
    "times": (refusing(clock.moment_of, ValueError), [*map(repeated, ("0", "2026-11-22T", "+0", " ", ":00"))], MOST),
    "days": (refusing(clock.day_of, ValueError), [*map(repeated, ("0", "2026-", "-"))], MOST),
    "folding": (list_query.folded, [*map(repeated, ("a", "\u0301", "\u0130", " ", "\ufdfa"))], MOST),
    "browsers": (browsers.name, [*map(repeated, ("Mac OS ", "iP", "a", "Safar", "X1"))], 60_000),
    "usernames": (usernames.EMAIL.fullmatch, [*map(repeated, ("a", "a@", "@a.")), repeated("a.", "a@"), repeated("a.", "a@", "@")], MOST),
    "domains": (companies_of_nexus._DOMAIN.fullmatch, [*map(repeated, ("a", "a.", "a-", ".", "-"))], MOST),
    "OAuth scopes": (protocol._SCOPE.fullmatch, [*map(repeated, ("a", "a ", "  ", "a  ")), repeated("a ", "", '"')], MOST),
    "redirect addresses": (clients._DOUBTFUL.search, [*map(repeated, ("a", "/.", "/..a", "%2", "/"))], MOST),
    "lines of a form": (
        refusing(lambda text: Pairs().parse(text, "UTC"), ValueError),
        [*map(repeated, ("\r", "\r\n", "a:b\n", ":", "a"))],
        MOST,
    ),
    "names": (refusing(texts.visible, ValueError), [*map(repeated, ("a", "\u200d", "a\u200d", "\u0301", "\u200b"))], MOST),
    "texts of several lines": (refusing(texts.lines, ValueError), [*map(repeated, ("\r", "\r\n", "a", "\u200d"))], MOST),
    "decimals": (
        refusing(lambda text: money.scaled(text, 4), ValueError),
        [*map(repeated, ("1", "0", "1e9")), repeated("0", "1.", "1")],
        MOST,
    ),
}
CASES = [(name, at) for name, (_, foods, _) in EATERS.items() for at in range(len(foods))]


@pytest.mark.parametrize(("name", "at"), CASES)
def test_n188_the_worst_food_costs_no_more_than_its_length(name: str, at: int) -> None:
    eat, foods, most = EATERS[name]
    assert_linear(eat, foods[at], most)


def test_the_measure_itself_fails_for_a_quadratic_parser() -> None:
    with pytest.raises(AssertionError):
        assert_linear(lambda text: [re.match("a*b", text[at:]) for at in range(0, len(text), 64)], repeated("a"), MOST)


def patterns() -> list[tuple[str, str]]:
    """Every regular expression in the sources: its file, and the expression as it stands there."""
    names = {"compile", "fullmatch", "match", "search", "sub", "subn", "split", "findall", "finditer"}
    files = [path for folder in SOURCES for path in (ROOT / folder).rglob("*.py") if "tests" not in path.parts]
    calls = [(path, node) for path in files for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return sorted(
        (str(path.relative_to(ROOT)), ast.unparse(call.args[0]))
        for path, call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in names
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "re"
    )


def test_n188_every_regular_expression_is_fed_or_is_said_to_need_no_food() -> None:
    """A new one gets its line in worst_food.csv: who eats with it above, or why no text of a user can make it work long."""
    with (ROOT / "tests" / "worst_food.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["file"], row["pattern"]) for row in rows) == patterns()
    assert not [row for row in rows if bool(row["eater"]) == bool(row["why not"])]
    assert not [row for row in rows if row["eater"] and row["eater"] not in EATERS]


def test_every_food_is_another_one() -> None:
    for (name, one), (other, two) in product(CASES, CASES):
        assert (name, one) == (other, two) or name != other or EATERS[name][1][one](500) != EATERS[name][1][two](500)
