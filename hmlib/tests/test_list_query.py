"""Lists: every row once, forwards and backwards, whatever happens between; and cursors that cannot be forged."""

import asyncio
import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmlib.db.list_query import BadListQuery, ListDefinition, folded, like
from hmlib.keys import Keys
from hmlib.tests.engines import connect

KEYS = Keys(bytes(range(32)), "nexus")
LISTING = ListDefinition(
    sorts={"name": "company.name", "size": "company.size"}, default="name", id_column="company.id", filters=("status", "city")
)


def key(row, sort):
    return (row[sort.removeprefix("-")], row["id"])


def answer(rows, list_query):
    """What a database answers to ask.sql(), worked out by hand."""
    sort, place = list_query.sort, list_query.position
    descending = sort.startswith("-")
    ordered = sorted(rows, key=lambda row: key(row, sort), reverse=descending)
    if place is None:
        return ordered[: list_query.limit + 1]
    here = (place.value, place.id)
    beyond = [row for row in ordered if (key(row, sort) > here) is not descending and key(row, sort) != here]
    before = [row for row in ordered if (key(row, sort) < here) is not descending and key(row, sort) != here]
    equal = [row for row in ordered if key(row, sort) == here]
    found = {"after": beyond, "from": equal + beyond, "before": before, "to": before + equal}[place.side]
    return (found[::-1] if place.backward else found)[: list_query.limit + 1]


def page_of(rows, args):
    list_query = LISTING.read(args, KEYS)
    return list_query.page(answer(rows, list_query), len(rows), lambda row: key(row, list_query.sort))


COMPANIES = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from(["", "a", "b", "ab", "%", "ä", "\U0001f41d", "\ue000"]), "size": st.integers(-3, 3)}),
    max_size=30,
).map(lambda rows: [{"id": f"{number:03}", **row} for number, row in enumerate(rows)])
SORTS = st.sampled_from(["name", "-name", "size", "-size"])


@given(COMPANIES, SORTS, st.integers(1, 7))
def test_forwards_and_back_visits_every_row_once(rows, sort, limit):
    args = {"sort": sort, "limit": str(limit)}
    pages = [page_of(rows, args)]
    while pages[-1].next_cursor:
        pages.append(page_of(rows, args | {"cursor": pages[-1].next_cursor}))
    expected = sorted(rows, key=lambda row: key(row, sort), reverse=sort.startswith("-"))
    assert [row for page in pages for row in page.rows] == expected
    assert [page.first for page in pages] == [1 + index * limit for index in range(len(pages))]
    back = [pages[-1]]
    while back[-1].previous_cursor:
        back.append(page_of(rows, args | {"cursor": back[-1].previous_cursor}))
    assert [page.rows for page in back[::-1]] == [page.rows for page in pages]
    assert [page.first for page in back[::-1]] == [page.first for page in pages]


@settings(max_examples=15, deadline=None)
@given(COMPANIES, SORTS, st.integers(1, 7))
def test_the_databases_agree(sqlite_companies, rows, sort, limit):
    """The statement finds what was worked out by hand above; SQLite here, PostgreSQL below."""
    sqlite_companies(rows, sort, limit)


@settings(max_examples=15, deadline=None)
@given(COMPANIES, SORTS, st.integers(1, 7))
def test_postgresql_agrees(postgres_companies, rows, sort, limit):
    postgres_companies(rows, sort, limit)


def companies_in(url):
    async def compare(rows, sort, limit):
        db = await connect(url)
        await db.run("CREATE TABLE IF NOT EXISTS company (id TEXT PRIMARY KEY, name TEXT NOT NULL, size BIGINT NOT NULL)")
        await db.run("DELETE FROM company")
        await db.many("INSERT INTO company (id, name, size) VALUES (:id, :name, :size)", rows)
        args = {"sort": sort, "limit": str(limit)}
        list_query = LISTING.read(args, KEYS)
        for _ in range(2 * len(rows) + 2):
            place, order, params = list_query.sql()
            found = await db.all(f"SELECT id, name, size FROM company WHERE TRUE {place} {order}", **params)
            assert found == answer(rows, list_query)
            page = list_query.page(found, None, lambda row: key(row, sort))
            cursor = page.next_cursor if not (list_query.position and list_query.position.backward) else page.previous_cursor
            cursor = cursor or (page.previous_cursor if not (list_query.position and list_query.position.backward) else None)
            if not cursor:
                break
            list_query = LISTING.read(args | {"cursor": cursor}, KEYS)
        await db.close()

    return lambda rows, sort, limit: asyncio.run(compare(rows, sort, limit))


@pytest.fixture(scope="module")
def sqlite_companies(tmp_path_factory):
    return companies_in(f"sqlite:///{tmp_path_factory.mktemp('lists')}/a.db")


@pytest.fixture(scope="module")
def postgres_companies():
    from hmlib.tests.engines import fresh_postgres

    return companies_in(fresh_postgres())


def named(*names):
    return [{"id": name, "name": name, "size": 0} for name in names]


def test_rows_that_come_and_go_shift_nothing_already_seen():
    first = page_of(named("b", "d", "f", "h"), {"limit": "2"})
    second = page_of(named("a", "b", "e", "f", "h"), {"limit": "2", "cursor": first.next_cursor})
    assert [row["id"] for row in second.rows] == ["e", "f"]


def test_a_page_that_has_become_empty_leads_back():
    first = page_of(named("a", "b", "c"), {"limit": "2"})
    second = page_of(named("a", "b"), {"limit": "2", "cursor": first.next_cursor})
    assert (second.rows, second.next_cursor) == ([], None)
    back = page_of(named("a", "b"), {"limit": "2", "cursor": second.previous_cursor})
    assert [row["id"] for row in back.rows] == ["a", "b"] and back.next_cursor is None and back.first == 1


def test_a_first_page_that_has_become_empty_leads_on():
    second = page_of(named("a", "b", "c", "d"), {"limit": "2", "cursor": page_of(named("a", "b", "c", "d"), {"limit": "2"}).next_cursor})
    back = page_of(named("c", "d"), {"limit": "2", "cursor": second.previous_cursor})
    assert (back.rows, back.previous_cursor, back.first) == ([], None, 1)
    on = page_of(named("c", "d"), {"limit": "2", "cursor": back.next_cursor})
    assert [row["id"] for row in on.rows] == ["c", "d"] and on.previous_cursor is None


def test_the_page_size_may_change_on_the_way():
    rows = named(*"abcdefg")
    second = page_of(rows, {"limit": "3", "cursor": page_of(rows, {"limit": "2"}).next_cursor})
    assert ([row["id"] for row in second.rows], second.first) == (["c", "d", "e"], 3)


def test_what_is_not_given_has_defaults():
    list_query = LISTING.read({"view": "x", "page": "9"}, KEYS)
    assert (list_query.q, list_query.sort, list_query.limit, list_query.filters, list_query.position) == ("", "name", 25, {}, None)
    assert list_query.sql() == ("", "ORDER BY company.name, company.id LIMIT :cursor_limit", {"cursor_limit": 26})


def test_what_is_given_is_read():
    list_query = LISTING.read({"q": " acme ", "sort": "-size", "limit": "100", "status": "active", "city": "", "other": "1"}, KEYS)
    assert (list_query.q, list_query.sort, list_query.limit, list_query.filters) == ("acme", "-size", 100, {"status": "active"})
    assert list_query.sql()[1] == "ORDER BY company.size DESC, company.id DESC LIMIT :cursor_limit"


@pytest.mark.parametrize(
    ("args", "code", "parameter"),
    [
        ({"sort": "id"}, "invalid_sort", "sort"),
        ({"sort": "--name"}, "invalid_sort", "sort"),
        ({"sort": "name; DROP TABLE company"}, "invalid_sort", "sort"),
        ({"limit": "0"}, "invalid_limit", "limit"),
        ({"limit": "1001"}, "invalid_limit", "limit"),
        ({"limit": "-5"}, "invalid_limit", "limit"),
        ({"limit": "²"}, "invalid_limit", "limit"),
        ({"limit": "9" * 5000}, "invalid_limit", "limit"),
        ({"q": "a\x00b"}, "invalid_search", "q"),
        ({"q": "x" * 201}, "invalid_search", "q"),
    ],
)
def test_a_bad_question_says_what_is_wrong(args, code, parameter):
    with pytest.raises(BadListQuery) as refused:
        LISTING.read(args, KEYS)
    assert (refused.value.code, refused.value.parameter) == (code, parameter)


ARGS = {"q": "acme", "sort": "name", "status": "active", "limit": "2"}
CURSOR = page_of(named("a", "b", "c"), ARGS).next_cursor


def refused(args, keys=KEYS, listing=LISTING):
    with pytest.raises(BadListQuery) as error:
        listing.read(args, keys)
    return error.value.code


def test_the_cursor_is_good_for_the_question_that_made_it():
    assert LISTING.read(ARGS | {"cursor": CURSOR}, KEYS).position.value == "b"


@pytest.mark.parametrize(
    "change", [{"q": "acm"}, {"sort": "-name"}, {"sort": "size"}, {"status": "gone"}, {"status": ""}, {"city": "Bern"}]
)
def test_it_is_good_for_no_other(change):
    assert refused(ARGS | {"cursor": CURSOR} | change) == "invalid_cursor"


def test_it_is_good_for_no_other_list_and_no_other_key():
    other = ListDefinition(sorts={"name": "contact.name"}, default="name", id_column="contact.id", filters=("status",))
    assert refused(ARGS | {"cursor": CURSOR}, listing=other) == "invalid_cursor"
    assert refused(ARGS | {"cursor": CURSOR}, keys=Keys(bytes(range(32)), "wiki")) == "invalid_cursor"


@pytest.mark.parametrize("cursor", ["x", ".", "é.é", "\ud800", "A" * 10_000, CURSOR[:-1], CURSOR + "A", "." + CURSOR, CURSOR.split(".")[0]])
def test_a_broken_cursor_is_refused(cursor):
    assert refused(ARGS | {"cursor": cursor}) == "invalid_cursor"


def test_an_edited_cursor_is_refused():
    payload, _, mark = CURSOR.partition(".")
    side, _, id, first = json.loads(base64.urlsafe_b64decode(payload))
    forged = base64.urlsafe_b64encode(json.dumps([side, "zzz", id, first]).encode()).decode()
    assert refused(ARGS | {"cursor": f"{forged}.{mark}"}) == "invalid_cursor"


def test_a_sort_value_that_is_missing_is_a_mistake():
    list_query = LISTING.read({"limit": "1"}, KEYS)
    with pytest.raises(TypeError):
        list_query.page(named("a", "b"), 2, lambda row: (None, row["id"]))


@pytest.mark.parametrize(
    ("text", "plain"), [("Zoë ÅSA", "zoe asa"), ("STRASSE Straße", "strasse strasse"), ("ﬁve ①", "five 1"), ("İstanbul", "istanbul")]
)
def test_folding_takes_accents_and_case_away(text, plain):
    assert folded(text) == plain


@given(st.text())
def test_folding_twice_changes_nothing(text):
    assert folded(folded(text)) == folded(text)


def test_what_likes_letters_mean_is_escaped():
    assert like("100%_\\Ä") == "%100\\%\\_\\\\a%"
