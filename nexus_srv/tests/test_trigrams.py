"""A search looks at what can be found, not at every row; the index of three letters knows what has been written since."""

import pytest

from hmlib.auth.permissions import CompanyScope
from hmlib.kinds import statements
from hmlib.resources import records
from hmlib.testing.hub import ACME, GLOBEX
from nexus_srv.directory.assets import ASSETS
from nexus_srv.directory.contacts import CONTACTS
from nexus_srv.first_run import keys_of

pytestmark = pytest.mark.gen_test
EVERYBODY = CompanyScope()


async def added(who, kind="assets", **said):
    answer = await who.api(f"/api/{kind}", "POST", said)
    assert answer.code == 201, answer.text
    return answer.json


async def found(who, q, kind="assets"):
    answer = await who.api(f"/api/{kind}?limit=50&q={q.replace(' ', '%20')}")
    return sorted(row["name"] for row in answer.json)


def asked(settings, of, q):
    return statements.definition(of).read({"q": q}, keys_of(settings))


async def walked(db, settings, of, q):
    """The tables of records that a search goes through from end to end, as SQLite's own plan says."""
    question = asked(settings, of, q)
    among = await records._candidates(db, of, question)
    where = statements.where(of, EVERYBODY, question, among=among)
    place, order, limits = question.sql()
    list_of = f"SELECT {statements.select(of)} FROM {statements.source(of)} WHERE {where.text} {place} {order}"
    some = statements.candidates(of, question)
    plans = [
        await db.all(f"EXPLAIN QUERY PLAN {list_of}", **where.params, **limits),
        await db.all(f"EXPLAIN QUERY PLAN SELECT count(*) FROM {of.table_name} WHERE {where.text}", **where.params),
        await db.all(f"EXPLAIN QUERY PLAN {some.text}", **some.params, most=1) if some else [],
    ]
    return [
        step["detail"]
        for plan in plans
        for step in plan
        if step["detail"].startswith((f"SCAN {of.table_name} ", f"SCAN {of.table_name}_n"))
    ]


async def test_a_search_walks_no_table(alice, db, settings):
    if db.dialect != "sqlite":
        pytest.skip("PostgreSQL's planner decides by itself")
    for number in range(3):
        await added(alice, company_id=ACME, name=f"LAPTOP-{number}")
    for of, q in (
        (ASSETS, "laptop acme"),
        (ASSETS, "zebra"),
        (ASSETS, "10.0.0"),
        (CONTACTS, "203 555 1001"),
        (CONTACTS, "bob@acme.example"),
    ):
        assert await walked(db, settings, of, q) == [], (of.plural, q)
    assert await walked(db, settings, ASSETS, "PC"), "two letters are no word of the index"


async def test_a_word_that_most_rows_have_is_not_looked_up_one_by_one(alice, db, settings, monkeypatch):
    monkeypatch.setattr(records, "MOST_CANDIDATES", 2)
    for number in range(4):
        await added(alice, company_id=ACME, name=f"LAPTOP-{number}")
    assert await records._candidates(db, ASSETS, asked(settings, ASSETS, "laptop")) is None
    assert len(await found(alice, "laptop")) == 4


async def test_what_is_written_is_found_and_what_is_gone_is_not(alice):
    made = await added(alice, company_id=ACME, name="Kestrel-7")
    assert await found(alice, "estrel") == await found(alice, "kestrel acme") == ["Kestrel-7"]
    path = f"/api/assets/{made['id']}"
    assert (await alice.api(path, "PATCH", {"name": "Merlin-7"}, If_Match="*")).code == 200
    assert (await found(alice, "kestrel"), await found(alice, "merlin")) == ([], ["Merlin-7"])
    assert (await alice.api(path, "PATCH", {"company_id": GLOBEX}, If_Match="*")).code == 200
    assert (await found(alice, "merlin acme"), await found(alice, "merlin globex")) == ([], ["Merlin-7"])
    assert (await alice.api(f"/api/companies/{GLOBEX}", "PATCH", {"name": "Peregrine Inc"}, If_Match="*")).code == 200
    assert (await found(alice, "merlin globex"), await found(alice, "merlin peregrine")) == ([], ["Merlin-7"])
    assert (await alice.api(path, "DELETE", If_Match="*")).code == 204
    assert await found(alice, "merlin") == []


async def test_signs_that_mean_something_to_the_index_are_only_letters(alice):
    await added(alice, company_id=ACME, name='24" AND (x OR y)*')
    for q in ('24" AND', '"24', "(x OR y)*", "AND (x", '24"%20'):
        assert len(await found(alice, q)) in (0, 1), q
    assert await found(alice, "(x%20or%20y)*") == ['24" AND (x OR y)*']
