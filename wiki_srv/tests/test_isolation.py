"""Whatever the text, the scope and the budget: no word of a company that is not asked for, or not the caller's, ever appears (N113)."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hmlib.auth.permissions import Caller, CompanyScope
from hmlib.nexus.directory import Asset
from hmlib.testing.hub import CAST
from wiki_srv.articles.rendering import Texts
from wiki_srv.context import gathering
from wiki_srv.context.gathering import Request
from wiki_srv.context.selection import ContextQuery
from wiki_srv.queries import search
from wiki_srv.search import finding
from wiki_srv.tests.conftest import ACME, ACME_COMPANY, GLOBEX, GLOBEX_COMPANY

OWN = ["alder", "birch", "cedar"]
FOREIGN = ["xenon", "yttrium", "zirconium"]
SHARED = ["server", "backup"]
GENERAL = ["runbook"]
SIGNS = [
    '"',
    "-",
    "OR",
    "NOT",
    "tag:",
    "company:globex",
    "in:title",
    "*",
    "(",
    ")",
    "facets:",
    "=c",
    "'",
    "\\",
    "{title}",
    ":*",
    "&",
    "|",
    "!",
]
texts = st.lists(st.sampled_from([*OWN, *FOREIGN, *SHARED, *GENERAL, *SIGNS, GLOBEX]), max_size=12).map(" ".join)
callers = st.sampled_from(
    [
        Caller("a", "a", "admin", frozenset(), CompanyScope()),
        Caller("b", "b", "technician", frozenset(), CompanyScope("only", frozenset({ACME}))),
        Caller("c", "c", "technician", frozenset(), CompanyScope("except", frozenset({GLOBEX}))),
        Caller("d", "d", "client", frozenset(), CompanyScope("only", frozenset({ACME}))),
        Caller("e", "e", "client", frozenset(), CompanyScope("except", frozenset({GLOBEX}))),
        Caller("f", "f", "client", frozenset(), CompanyScope("only", frozenset())),
    ]
)
limited = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def shelf(io_loop, write, hub):
    """Each company's own words in titles, texts, tags, headings and folders; some words everywhere."""

    async def fill():
        for company, words in ((ACME_COMPANY, OWN), (GLOBEX_COMPANY, FOREIGN)):
            for word in words:
                for audience in ("internal", "client"):
                    body = f"# {word} heading\n\n{word} {' '.join(SHARED)}"
                    await write(f"{word} {audience}", body, company=company, audience=audience, tags=[word], folder=word)
        await write("General runbook", f"runbook {' '.join(SHARED)}")
        await write("General for clients", f"runbook {' '.join(SHARED)}", audience="client")

    io_loop.run_sync(fill)
    hub.rows["assets"] = [Asset("a1", GLOBEX, "xenon", "server"), Asset("a2", ACME, "alder", "server")]


def words_of(value):
    return str(dataclasses.asdict(value)).lower()


@limited
@given(texts, callers, st.integers(1, 3000))
def test_a_context_holds_no_word_of_another_company(io_loop, db, hub, shelf, text, caller, budget):
    request = Request(ACME, ContextQuery(text, budget, "2026-11-22"), asset_ids=("a1", "a2"))
    nexus = hub.on_behalf(CAST["alice"].id, None)
    context, _ = io_loop.run_sync(lambda: gathering.gathered(db, nexus, Texts(), caller, request))
    said = words_of(context)
    assert not any(word in said for word in [*FOREIGN, GLOBEX])
    assert context.tokens <= budget
    if caller.level == "client":
        assert "internal" not in said and "runbook" not in said
    if not caller.scope.sees(ACME):
        assert not context.choices and not context.left_out


@limited
@given(texts, callers)
def test_a_search_finds_nothing_outside_the_scope(io_loop, db, shelf, text, caller):
    async def searched():
        found = await finding.find(db, caller, text)
        return found, await search.hits(db, caller, found.ids, found.exact, found.marks)

    found, hits = io_loop.run_sync(searched)
    assert len(found.ids) == len(hits)
    for hit in hits:
        assert hit.company_id is None or caller.scope.sees(hit.company_id)
        if caller.level == "client":
            assert hit.audience == "client" and hit.company_id is not None


def test_the_shelf_would_show_a_leak(io_loop, db, hub, shelf):
    """The negative control: for the other company itself, its words do appear."""
    request = Request(GLOBEX, ContextQuery("xenon", 3000, "2026-11-22"))
    caller = Caller("a", "a", "admin", frozenset(), CompanyScope())
    context, _ = io_loop.run_sync(lambda: gathering.gathered(db, hub.as_service(), Texts(), caller, request))
    assert all(word in words_of(context) for word in FOREIGN)
