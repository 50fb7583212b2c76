"""What the database promises, on both engines."""

import asyncio
import contextlib

import pytest

from hmlib.db import engine as db_engine
from hmlib.db import postgres, sqlite
from hmlib.db.engine import BadDatabase, Conflict, DatabaseBusy, DatabaseDown
from hmlib.db.sql import Unstorable
from hmlib.tests.engines import connect

pytestmark = pytest.mark.gen_test

SHELF = """
    CREATE TABLE shelf (id TEXT PRIMARY KEY, room TEXT NOT NULL, place BIGINT NOT NULL CONSTRAINT shelf_place CHECK (place > 0),
    open BOOLEAN NOT NULL DEFAULT FALSE, UNIQUE (room, place))
    """
BOOK = "CREATE TABLE book (id TEXT PRIMARY KEY, shelf_id TEXT REFERENCES shelf (id), title TEXT)"
ADD = "INSERT INTO shelf (id, room, place) VALUES (:id, :room, :place)"


@pytest.fixture
def db(empty, io_loop):
    async def furnish():
        await empty.run(SHELF)
        await empty.run(BOOK)
        await empty.run("CREATE UNIQUE INDEX book_title ON book (lower(title))")
        await empty.many(ADD, [{"id": name, "room": "hall", "place": place} for place, name in enumerate("abc", 1)])

    io_loop.run_sync(furnish)
    return empty


async def names(db):
    return [row["id"] for row in await db.all("SELECT id FROM shelf ORDER BY id")]


async def test_rows_are_dicts_and_none_is_not_there(db):
    assert await db.one("SELECT id, place FROM shelf WHERE id = :id", id="b") == {"id": "b", "place": 2}
    assert await db.one("SELECT id FROM shelf WHERE id = :id", id="z") is None
    assert await db.value("SELECT COUNT(*) FROM shelf") == 3
    assert await db.value("SELECT id FROM shelf WHERE FALSE") is None
    assert await db.all("SELECT id FROM shelf WHERE FALSE") == []


async def test_run_tells_how_many_rows_it_touched(db):
    assert await db.run("UPDATE shelf SET room = :room WHERE place > :place", room="attic", place=1) == 2
    assert await db.run("UPDATE shelf SET room = 'cellar' WHERE id = 'a' RETURNING id") == 1
    assert await db.run("DELETE FROM shelf WHERE id = 'z'") == 0


async def test_a_writing_statement_gives_its_rows(db):
    row = await db.one("UPDATE shelf SET place = place + 10 WHERE id = 'a' RETURNING id, place")
    assert row == {"id": "a", "place": 11}
    assert await db.one("SELECT place FROM shelf WHERE id = 'a'") == {"place": 11}


@pytest.mark.parametrize(("ids", "inside"), [([], []), (["b"], ["b"]), ({"a", "z"}, ["a"]), (("a", "c"), ["a", "c"])])
async def test_lists_of_any_length(db, ids, inside):
    assert [row["id"] for row in await db.all("SELECT id FROM shelf WHERE id IN :ids ORDER BY id", ids=ids)] == inside
    outside = await db.all("SELECT id FROM shelf WHERE id NOT IN :ids ORDER BY id", ids=ids)
    assert [row["id"] for row in outside] == [name for name in "abc" if name not in inside]


async def test_lists_of_numbers(db):
    assert await db.value("SELECT COUNT(*) FROM shelf WHERE place IN :places", places=[1, 3, 9]) == 2


async def test_booleans_go_in_and_come_out_equal(db):
    await db.run("UPDATE shelf SET open = :open WHERE id = 'a'", open=True)
    rows = await db.all("SELECT id, open FROM shelf WHERE open = :open", open=True)
    assert rows == [{"id": "a", "open": True}]
    assert await db.value("SELECT open FROM shelf WHERE id = 'b'") == False  # noqa: E712


async def test_sums_are_whole_numbers_and_averages_are_not(db):
    row = await db.one("SELECT SUM(place) AS sum, AVG(place) AS mean, MAX(place) / 2 AS half FROM shelf WHERE place < 3")
    assert row == {"sum": 3, "mean": 1.5, "half": 1}
    assert [type(value) for value in row.values()] == [int, float, int]


async def test_like_minds_case(db):
    assert await db.value("SELECT COUNT(*) FROM shelf WHERE room LIKE 'HA%'") == 0
    assert await db.value("SELECT COUNT(*) FROM shelf WHERE room LIKE :like ESCAPE '\\'", like="ha%") == 3


@pytest.mark.parametrize(
    ("sql", "kind", "constraint"),
    [
        ("INSERT INTO shelf (id, room, place) VALUES ('a', 'attic', 9)", "unique", "shelf.id"),
        ("INSERT INTO shelf (id, room, place) VALUES ('d', 'hall', 1)", "unique", "shelf.room, shelf.place"),
        ("INSERT INTO shelf (id, room, place) VALUES ('d', 'hall', -1)", "check", "shelf_place"),
        ("INSERT INTO shelf (id, place) VALUES ('d', 9)", "not_null", "shelf.room"),
        ("INSERT INTO book (id, title) VALUES ('1', 'Momo'), ('2', 'MOMO')", "unique", "book_title"),
    ],
)
async def test_a_refused_row_is_a_conflict_that_says_which(db, sql, kind, constraint):
    with pytest.raises(Conflict) as refused:
        await db.run(sql)
    assert (refused.value.kind, refused.value.constraint) == (kind, constraint)


async def test_foreign_keys_hold_in_both_directions(db):
    with pytest.raises(Conflict) as refused:
        await db.run("INSERT INTO book (id, shelf_id) VALUES ('1', 'z')")
    assert refused.value.kind == "foreign_key"
    await db.run("INSERT INTO book (id, shelf_id) VALUES ('1', 'a')")
    with pytest.raises(Conflict):
        await db.run("DELETE FROM shelf WHERE id = 'a'")


async def test_many_keeps_all_or_none(db):
    with pytest.raises(Conflict):
        await db.many(ADD, [{"id": "d", "room": "x", "place": 1}, {"id": "a", "room": "x", "place": 2}])
    await db.many(ADD, [])
    assert await names(db) == ["a", "b", "c"]


async def test_a_mistake_in_the_sql_is_not_given_another_name(db):
    with pytest.raises(Exception, match="syntax error") as mistake:
        await db.all("SELECT FROM WHERE")
    assert not isinstance(mistake.value, (Conflict, DatabaseDown))
    assert await names(db) == ["a", "b", "c"]


async def test_a_transaction_sees_itself_and_others_do_not(db):
    async with db.write() as tx:
        await tx.run(ADD, id="d", room="x", place=1)
        assert await names(tx) == ["a", "b", "c", "d"]
        assert await names(db) == ["a", "b", "c"]
    assert await names(db) == ["a", "b", "c", "d"]


async def test_an_error_in_the_block_keeps_nothing(db):
    with pytest.raises(KeyError):
        async with db.write() as tx:
            await tx.run("DELETE FROM shelf")
            raise KeyError
    assert await names(db) == ["a", "b", "c"]


async def test_a_swallowed_conflict_keeps_nothing_and_says_so(db):
    with pytest.raises(RuntimeError, match="swallowed"):
        async with db.write() as tx:
            await tx.run("DELETE FROM shelf WHERE id = 'c'")
            with pytest.raises(Conflict):
                await tx.run(ADD, id="a", room="x", place=1)
    with pytest.raises(RuntimeError, match="takes no more"):
        async with db.write() as tx:
            with pytest.raises(Conflict):
                await tx.run(ADD, id="a", room="x", place=1)
            await tx.run("DELETE FROM shelf")
    assert await names(db) == ["a", "b", "c"]


async def test_a_savepoint_lets_one_part_fail(db):
    async with db.write() as tx:
        for name, place in (("d", 4), ("a", 5), ("e", 6)):
            try:
                async with tx.savepoint():
                    await tx.run(ADD, id=name, room="hall", place=place)
                    async with tx.savepoint():
                        await tx.run("UPDATE shelf SET open = TRUE WHERE id = :id", id=name)
            except Conflict:
                assert name == "a"
    assert await names(db) == ["a", "b", "c", "d", "e"]
    assert await db.value("SELECT COUNT(*) FROM shelf WHERE open") == 2


async def test_transactions_do_not_nest_and_the_database_is_not_written_beside_ones_own(db):
    async with db.write() as tx:
        with pytest.raises(RuntimeError):
            tx.write()
        with pytest.raises(RuntimeError):
            db.write()
        with pytest.raises(RuntimeError):
            await db.run("DELETE FROM shelf")
        with pytest.raises(RuntimeError):
            await tx.close()
    await db.run("DELETE FROM shelf")


async def test_a_transaction_that_is_over_takes_nothing(db):
    async with db.write() as tx:
        pass
    with pytest.raises(RuntimeError, match="over"):
        await tx.all("SELECT 1 AS one")


async def test_one_transaction_serves_several_coroutines_of_its_block(db):
    async with db.write() as tx:
        await asyncio.gather(*(tx.run(ADD, id=str(n), room="x", place=n) for n in range(1, 20)))
    assert len(await names(db)) == 22


async def test_what_a_transaction_has_read_stays_true(db):
    """Read, think, write: twenty at once, and none overwrites another."""

    async def push():
        async with db.write() as tx:
            place = await tx.value("SELECT place FROM shelf WHERE id = 'c'")
            await asyncio.sleep(0)
            await tx.run("UPDATE shelf SET place = :place WHERE id = 'c'", place=place + 1)

    await asyncio.gather(*(push() for _ in range(20)))
    assert await db.value("SELECT place FROM shelf WHERE id = 'c'") == 23


async def test_two_connections_take_turns(db, db_url):
    other = await connect(db_url)

    async def push(where):
        async with where.write() as tx:
            place = await tx.value("SELECT place FROM shelf WHERE id = 'c'")
            await tx.run("UPDATE shelf SET place = :place WHERE id = 'c'", place=place + 1)

    await asyncio.gather(*(push(where) for where in [db, other] * 5))
    await other.close()
    assert await db.value("SELECT place FROM shelf WHERE id = 'c'") == 13


@pytest.mark.parametrize("ticks", range(12))
async def test_a_cancelled_caller_leaves_nothing_open(db, ticks):
    """Cancelled after any number of turns of the loop, the transaction is whole or gone, and the next one goes through."""

    async def rename():
        async with db.write() as tx:
            await tx.run("UPDATE shelf SET room = 'x' WHERE id = 'a'")
            await tx.run("UPDATE shelf SET room = 'x' WHERE id = 'b'")

    task = asyncio.create_task(rename())
    for _ in range(ticks):
        await asyncio.sleep(0.0005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.wait_for(db.run("UPDATE shelf SET open = TRUE WHERE id = 'c'"), 2)
    assert await db.value("SELECT COUNT(*) FROM shelf WHERE room = 'x'") in (0, 2)


async def test_a_caller_cancelled_in_its_commit_is_committed_or_gone_and_holds_no_lock(db, monkeypatch):
    engine = sqlite.SqliteLink if db.dialect == "sqlite" else postgres.PostgresLink
    commit, reached = engine.commit, asyncio.Event()

    async def slow_commit(link):
        reached.set()
        await asyncio.sleep(0.05)
        await commit(link)

    monkeypatch.setattr(engine, "commit", slow_commit)

    async def delete():
        async with db.write() as tx:
            await tx.run("DELETE FROM shelf WHERE id = 'c'")

    task = asyncio.create_task(delete())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(db.run("UPDATE shelf SET open = TRUE"), 2)
    assert await names(db) == ["a", "b"]


async def test_a_commit_that_fails_keeps_nothing(db, monkeypatch):
    engine = sqlite.SqliteLink if db.dialect == "sqlite" else postgres.PostgresLink

    async def failing_commit(link):
        await link.rollback()
        raise DatabaseDown("no")

    with monkeypatch.context() as patched:
        patched.setattr(engine, "commit", failing_commit)
        with pytest.raises(DatabaseDown):
            async with db.write() as tx:
                await tx.run("DELETE FROM shelf")
    async with db.write() as tx:
        assert await names(tx) == ["a", "b", "c"]


async def test_who_waits_too_long_for_the_lock_is_told(db, db_url, monkeypatch):
    monkeypatch.setattr(sqlite, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(sqlite.sqlite, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(postgres, "_BEGIN", postgres._BEGIN.replace("10s", "100ms"))
    other = await connect(db_url)
    async with db.write() as tx:
        await tx.run("DELETE FROM shelf")
        for waiting in (asyncio.create_task(write_nothing(where)) for where in (db, other)):
            with pytest.raises(DatabaseBusy):
                await waiting
    await write_nothing(other)
    await other.close()


async def write_nothing(db):
    async with db.write():
        pass


async def test_a_closed_database_says_so(db):
    await db.close()
    for asked in (db.one("SELECT 1 AS one"), db.run("DELETE FROM shelf"), write_nothing(db)):
        with pytest.raises(DatabaseDown, match="closed"):
            await asked


async def test_closing_lets_a_transaction_end(db, db_url):
    async def slow():
        async with db.write() as tx:
            await tx.run("DELETE FROM shelf WHERE id = 'a'")
            await asyncio.sleep(0.05)
            await tx.run("DELETE FROM shelf WHERE id = 'b'")

    task = asyncio.create_task(slow())
    await asyncio.sleep(0.02)
    await asyncio.gather(db.close(), task)
    again = await connect(db_url)
    assert await names(again) == ["c"]
    await again.close()


async def test_the_work_done_is_counted(db):
    before = (db.statements, db.seconds)
    await names(db)
    async with db.write() as tx:
        await names(tx)
    assert db.statements == before[0] + 4 and db.seconds > before[1]


@pytest.mark.parametrize("url", ["mysql://x/y", "nexus.db", "sqlite:///", "sqlite:///:memory:", "sqlite:////no/such/folder/x.db"])
async def test_an_address_that_cannot_be_is_bad_configuration(url):
    with pytest.raises(BadDatabase):
        await connect(url)


def test_both_engines_offer_the_same():
    for engine in (sqlite.SqliteEngine, postgres.PostgresEngine):
        assert issubclass(engine, db_engine.Engine) and not engine.__abstractmethods__


async def test_what_is_computed_from_several_statements_sees_one_moment(empty, db_url):
    """A writer moves an amount between two tables, just between the two questions of a reader."""
    await empty.run("CREATE TABLE purse (id TEXT PRIMARY KEY, cents BIGINT NOT NULL)")
    await empty.run("CREATE TABLE bank (id TEXT PRIMARY KEY, cents BIGINT NOT NULL)")
    await empty.run("INSERT INTO purse (id, cents) VALUES ('a', 100)")
    await empty.run("INSERT INTO bank (id, cents) VALUES ('a', 0)")
    other = await connect(db_url)

    async def total(db, cents):
        purse = await db.value("SELECT cents FROM purse")
        async with other.write() as tx:
            await tx.run("UPDATE purse SET cents = :cents", cents=100 - cents)
            await tx.run("UPDATE bank SET cents = :cents", cents=cents)
        return purse + await db.value("SELECT cents FROM bank")

    try:
        async with empty.read() as snapshot:
            assert await total(snapshot, 40) == 100
        async with empty.read() as snapshot:
            assert await total(snapshot, 70) == 100, "the next snapshot begins anew"
        assert await total(empty, 10) == 40, "the control: without one, half of the transaction is seen"
    finally:
        await other.close()


async def test_a_snapshot_only_reads_and_ends_with_its_block(empty):
    await empty.run("CREATE TABLE tally (id TEXT PRIMARY KEY)")
    async with empty.read() as db:
        assert await db.all("SELECT id FROM tally") == []
        await empty.run("INSERT INTO tally (id) VALUES ('a')")
        assert await db.all("SELECT id FROM tally") == [] and await empty.value("SELECT id FROM tally") == "a"
        with pytest.raises(RuntimeError, match="only reads"):
            await db.run("DELETE FROM tally")
        with pytest.raises(RuntimeError, match="only reads"):
            db.write()
        async with db.read() as again:
            assert await again.all("SELECT id FROM tally") == []
    with pytest.raises(RuntimeError, match="over"):
        await db.all("SELECT id FROM tally")
    async with empty.read() as db:
        assert await db.peek("SELECT id FROM tally WHERE id = 'a'") == {"id": "a"}


async def test_a_snapshot_that_is_cancelled_leaves_room_for_the_next(empty):
    async def hold(begun):
        async with empty.read():
            begun.set()
            await asyncio.sleep(60)

    for _ in range(5):
        begun = asyncio.Event()
        task = asyncio.create_task(hold(begun))
        await begun.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    async with empty.read() as db:
        assert await db.value("SELECT 1 AS one") == 1


async def test_a_transaction_is_a_snapshot_of_its_own(empty):
    async with empty.write() as tx:
        await tx.run("CREATE TABLE tally (id TEXT PRIMARY KEY)")
        async with tx.read() as db:
            assert await db.all("SELECT id FROM tally") == []
            assert await db.peek("SELECT id FROM tally") is None


async def test_what_no_column_can_hold_is_refused_alike(db):
    for params in ({"value": "a\0b"}, {"value": 2**63}, {"value": -(2**63) - 1}):
        with pytest.raises(Unstorable):
            await db.value("SELECT CAST(:value AS TEXT) AS one", **params)
    with pytest.raises(Unstorable):
        await db.all("SELECT 1 AS one WHERE 'a' IN :values", values=["a", "b\0"])


async def test_rows_come_in_slices_out_of_one_snapshot(db):
    async with db.read() as snapshot:
        found = []
        async for rows in snapshot.slices("SELECT id FROM shelf WHERE id <> :not ORDER BY id", 1, **{"not": "b"}):
            found.append([row["id"] for row in rows])
            await db.run("DELETE FROM book")
            await db.run("DELETE FROM shelf")
            assert await snapshot.value("SELECT COUNT(*) FROM shelf") == 3
        assert found == [["a"], ["c"]]
        assert [rows async for rows in snapshot.slices("SELECT id FROM shelf WHERE FALSE")] == []
    assert await names(db) == []


async def test_slices_that_nobody_reads_to_their_end_leave_nothing_open(db):
    async with db.read() as snapshot:
        async with contextlib.aclosing(snapshot.slices("SELECT id FROM shelf", 1)) as slices:
            assert len(await anext(slices)) == 1
        assert len(await snapshot.all("SELECT id FROM shelf")) == 3
    await db.run("DROP TABLE book")


async def test_slices_are_read_out_of_snapshots_only(db):
    with pytest.raises(RuntimeError, match="snapshot"):
        db.slices("SELECT id FROM shelf")
    async with db.read() as snapshot:
        with pytest.raises(RuntimeError, match="only reads"):
            await anext(snapshot.slices("DELETE FROM shelf RETURNING id"))
