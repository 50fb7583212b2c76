"""The audit log: chained, never changed, cut short only to be noticed; filtered and paged."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

import pytest

from hmlib.db.engine import Conflict
from hmlib.db.list_query import BadListQuery
from hmlib.keys import Keys
from hmlib.records import audit
from hmlib.records.audit import Actor, first_broken, head, record
from hmlib.tests.engines import connect

pytestmark = pytest.mark.gen_test
ALICE = Actor("u1", "alice", address="192.0.2.1", request_id="r1")
BOB = Actor("u2", "bob", on_behalf_of="u1")
KEYS = Keys(bytes(range(32)), "nexus")
TRIGGERS = ("audit_is_appended", "audit_is_not_changed", "audit_is_not_deleted", "audit_head_only_follows", "audit_head_is_not_deleted")


@pytest.fixture
def db(ground):
    return ground


async def add(db, count=1, actor=ALICE, action="company.renamed", **more):
    for number in range(count):
        async with db.write() as tx:
            await record(tx, actor, action, f"company/{number}", now=f"2026-11-{20 + number:02}T12:00:00.000000Z", **more)


async def unguard(db):
    """As whoever owns the database can."""
    if db.dialect == "postgresql":
        await db.run("ALTER TABLE audit DISABLE TRIGGER USER")
        await db.run("ALTER TABLE audit_head DISABLE TRIGGER USER")
    else:
        for name in TRIGGERS:
            await db.run(f"DROP TRIGGER {name}")


async def found(db, **args):
    page = await audit.page_of(db, audit.LISTING.read(args, KEYS))
    return [row.seq for row in page.rows]


async def test_an_empty_log_is_whole(db):
    assert await head(db) == (0, "0" * 64)
    assert await first_broken(db) is None


async def test_an_entry_keeps_who_where_what_before_and_after(db):
    await add(db, actor=BOB, before={"name": "Ame", "b": 1}, after={"b": 2, "name": "Acme", "price": Decimal("1.50")})
    row = (await audit.page_of(db, audit.LISTING.read({}, KEYS))).rows[0]
    assert (row.seq, row.actor_id, row.actor_name, row.on_behalf_of) == (1, "u2", "bob", "u1")
    assert (row.action, row.subject, row.at) == ("company.renamed", "company/0", "2026-11-20T12:00:00.000000Z")
    assert row.before == {"name": "Ame", "b": 1} and row.after == {"b": 2, "name": "Acme", "price": "1.50"}
    assert row.after_json == '{"b":2,"name":"Acme","price":"1.50"}'
    assert await head(db) == (1, row.hash)


async def test_an_entry_without_values_has_none(db):
    await add(db)
    row = (await audit.page_of(db, audit.LISTING.read({}, KEYS))).rows[0]
    assert (row.before, row.after) == (None, None)


async def test_equal_values_have_equal_text(db):
    @dataclass
    class Facts:
        name: str
        tags: set[str]

    await add(db, before={"x": {"b", "a"}, "a": 1}, after=Facts("n", {"z", "y"}))
    row = await db.one("SELECT before_json, after_json FROM audit")
    assert row == {"before_json": '{"a":1,"x":["a","b"]}', "after_json": '{"name":"n","tags":["y","z"]}'}


async def test_an_entry_stands_or_falls_with_its_change(db):
    with pytest.raises(KeyError):
        async with db.write() as tx:
            await record(tx, ALICE, "company.created", "company/1", now="2026")
            raise KeyError
    assert await head(db) == (0, "0" * 64)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET actor_name = 'mallory' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit",
        "UPDATE audit_head SET seq = 2",
        "UPDATE audit_head SET hash = 'x', seq = seq + 1",
        "DELETE FROM audit_head",
        "INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '')",
        "INSERT INTO audit_head (id, seq, hash) VALUES (2, 0, '')",
        "INSERT INTO audit SELECT 9, at, actor_id, '', '', '', '', action, '', NULL, NULL, previous_hash, hash FROM audit WHERE seq = 1",
        "INSERT INTO audit SELECT 4, at, actor_id, '', '', '', '', action, '', NULL, NULL, 'x', hash FROM audit WHERE seq = 1",
    ],
)
async def test_the_database_refuses_to_change_it(db, sql):
    await add(db, 3)
    with pytest.raises(Conflict):
        await db.run(sql)
    assert await first_broken(db) is None


async def test_replacing_a_row_is_refused_on_sqlite_and_emptying_on_postgresql(db):
    await add(db, 3)
    row = "SELECT seq, at, actor_id, 'mallory', '', '', '', action, subject, NULL, NULL, previous_hash, hash FROM audit WHERE seq = 3"
    for sql in {"sqlite": [f"INSERT OR REPLACE INTO audit {row}"], "postgresql": ["TRUNCATE audit", "TRUNCATE audit_head"]}[db.dialect]:
        with pytest.raises(Conflict):
            await db.run(sql)
    assert await first_broken(db) is None


@pytest.mark.parametrize(
    ("sql", "broken"),
    [
        ("UPDATE audit SET actor_name = 'mallory' WHERE seq = 2", 2),
        ("UPDATE audit SET after_json = '{}' WHERE seq = 1", 1),
        ("UPDATE audit SET hash = previous_hash WHERE seq = 4", 4),
        ("DELETE FROM audit WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 5", 5),
        ("DELETE FROM audit WHERE seq > 1", 2),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET seq = 6 WHERE seq = 5", 5),
        ("UPDATE audit_head SET seq = 4", 4),
        ("UPDATE audit_head SET hash = 'x'", 5),
        ("DELETE FROM audit_head", 1),
    ],
)
async def test_whoever_goes_round_the_database_is_found_out(db, sql, broken):
    await add(db, 5, after={"n": 1})
    assert await first_broken(db) is None
    await unguard(db)
    await db.run(sql)
    assert await first_broken(db) == broken


async def test_a_log_cut_short_with_its_head_is_found_by_an_anchor_kept_elsewhere(db):
    await add(db, 5)
    anchor = await head(db)
    await unguard(db)
    await db.run("DELETE FROM audit WHERE seq > 3")
    await db.run("UPDATE audit_head SET seq = 3, hash = (SELECT hash FROM audit WHERE seq = 3)")
    assert await first_broken(db) is None
    assert await first_broken(db, anchor) == 4


async def test_a_log_rewritten_to_its_end_is_found_by_an_anchor(db):
    await add(db, 2)
    anchor = await head(db)
    await add(db, 2)
    assert await first_broken(db, anchor) is None
    assert await first_broken(db, (2, "0" * 64)) == 2


async def test_many_batches_are_read_to_the_end(db, monkeypatch):
    monkeypatch.setattr(audit, "_BATCH", 2)
    await add(db, 7)
    assert await first_broken(db) is None
    await unguard(db)
    await db.run("UPDATE audit SET action = 'x' WHERE seq = 7")
    assert await first_broken(db) == 7


@pytest.mark.gen_test(timeout=20)
async def test_writers_at_once_leave_no_gap(db, db_url):
    url = db_url if db.dialect == "sqlite" else await url_of(db)
    others = [await connect(url) for _ in range(2)]
    await asyncio.gather(*(add(where, 10) for where in [db, *others]))
    assert (await head(db))[0] == 30 and await first_broken(db) is None
    for other in others:
        await other.close()


async def url_of(db):
    from hmlib.testing import postgres_fixture

    return postgres_fixture._shared().url(await db.value("SELECT current_database()"))


async def test_the_log_is_filtered(db):
    await add(db, 3)
    await add(db, 2, actor=BOB, action="user.created")
    await add(db, 1, action="user_x.created")
    assert await found(db) == [6, 5, 4, 3, 2, 1]
    assert await found(db, sort="seq", limit="2") == [1, 2]
    assert await found(db, actor="u2") == await found(db, actor="bob") == [5, 4]
    assert await found(db, action="user.") == [5, 4]
    assert await found(db, action="user_") == [6]
    assert await found(db, subject="company/1") == [5, 2]
    assert await found(db, subject="company/1", actor="alice") == [2]


@pytest.mark.parametrize(
    ("period", "seqs"),
    [
        ({"from": "2026-11-21"}, [3, 2]),
        ({"to": "2026-11-21"}, [2, 1]),
        ({"from": "2026-11-21", "to": "2026-11-21"}, [2]),
        ({"from": "2026-11-21T12:00:00Z", "to": "2026-11-21T12:00:00Z"}, [2]),
        ({"from": "2026-11-21T12:00:01Z"}, [3]),
        ({"to": "2026-11-21T13:59:59+02:00"}, [1]),
    ],
)
async def test_a_period_includes_both_ends(db, period, seqs):
    await add(db, 3)
    assert await found(db, **period) == seqs


@pytest.mark.parametrize("period", [{"from": "soon"}, {"to": "2026-13-01"}, {"to": "9999-12-31"}])
async def test_a_period_that_is_none_is_a_bad_question(db, period):
    with pytest.raises(BadListQuery) as refused:
        await found(db, **period)
    assert (refused.value.code, refused.value.parameter) == ("invalid_filter", *period)


async def test_the_log_is_paged_with_counts(db):
    await add(db, 5)
    first = await audit.page_of(db, audit.LISTING.read({"limit": "2"}, KEYS))
    second = await audit.page_of(db, audit.LISTING.read({"limit": "2", "cursor": first.next_cursor}, KEYS))
    assert [row.seq for row in second.rows] == [3, 2]
    assert (second.first, second.total) == (3, 5)
