"""What is typed into the search box becomes a query that no text can break out of."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmlib.db.sqlite_drivers import chosen
from wiki_srv.search.query_text import Facets, Term, Wanted, fts5, pattern, snippet, tsquery, wanted
from wiki_srv.search.words import folded, vector, words


@pytest.fixture(scope="module")
def index():
    db = chosen("auto").connect(Path(":memory:"), 1.0)
    db.count("CREATE VIRTUAL TABLE s USING fts5 (title, tags, body, facets, tokenize = \"unicode61 remove_diacritics 2 tokenchars '='\")")
    db.count("INSERT INTO s VALUES ('Backup job', 'veeam net core', 'restore the server from tape', '=tnetcore =c1')")
    yield db
    db.close()


def matches(index, q, facets=Facets()):  # noqa: B008  frozen
    return index.rows("SELECT count(*) AS found FROM s WHERE s MATCH ?", (fts5(wanted(q), facets),))[0]["found"]


@pytest.mark.parametrize(
    "q", ["backup", "BÄCKUP", "resto", '"backup job"', "server -oracle", "tag:net-core", "in:title backup", "net-core"]
)
def test_found(index, q):
    assert matches(index, q) == 1


@pytest.mark.parametrize("q", ['"job backup"', "server -tape", "tag:net", "in:body backup", "backup nothing", '"resto"'])
def test_not_found(index, q):
    assert matches(index, q) == 0


def test_a_facet_is_a_condition_and_never_found_by_text(index):
    assert matches(index, "backup", Facets((("=c1", "=c2"),))) == 1
    assert matches(index, "backup", Facets((("=c2",),))) == 0
    assert matches(index, "backup", Facets((), ("=c1",))) == 0
    assert matches(index, "tnetcore =tnetcore") == 0


@given(st.text(max_size=60))
def test_n005_no_text_breaks_the_query(index, text):
    search = wanted(text)
    if search:
        matches(index, text)
    assert "\\" not in tsquery(search, Facets())


@given(st.text(max_size=60), st.text(max_size=200))
def test_a_snippet_holds_no_markup_of_the_text(q, text):
    shown = snippet(text, pattern(wanted(q).marks()))
    assert "<" not in shown.replace("<mark>", "").replace("</mark>", "")


@given(st.text(max_size=100))
def test_folding_keeps_the_length(text):
    assert len(folded(text)) == len(text)


def test_the_last_word_may_be_unfinished_but_not_in_quotes():
    assert wanted("veeam rest").terms == (Term(("veeam",)), Term(("rest",), prefix=True))
    assert wanted("rest ").terms == (Term(("rest",)),)
    assert wanted('"rest"').terms == (Term(("rest",)),)


def test_narrowings_are_read():
    search = wanted('company:"Alpha Ltd" in:runbooks in:title tag:VPN x -y')
    assert (search.companies, search.spaces, search.column, search.tags) == (("alpha ltd",), ("runbooks",), "title", ("vpn",))
    assert search.without == (Term(("y",)),)
    assert not Wanted()


def test_a_hit_is_marked_and_markdown_signs_are_gone():
    assert snippet("## The **Résumé** of [it](http://x).", pattern(("resume",))) == "The <mark>Résumé</mark> of it."
    table = "> [!NOTE]\n> Look\n\n| a | b |\n|---|--:|\n| x | 2 |\n\n- [x] done\n1. one"
    assert snippet(table, None) == "Look a b x 2 done one"


def test_a_long_text_shows_the_piece_around_the_hit():
    shown = snippet("lorem " * 200 + "needle " + "ipsum " * 200, pattern(("needle",)))
    assert "<mark>needle</mark>" in shown
    assert shown.startswith("… ")
    assert len(shown) < 300


def test_words_of_a_vector_carry_place_and_weight():
    assert vector("Net", "a'b", "core", ["=c1"]) == "'net':1A 'a':3B 'b':4B 'core':6D '=c1'"
    assert words("Ünïcode_10.0.0.5") == ["unicode", "10", "0", "0", "5"]
