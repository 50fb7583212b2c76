"""Followers by number miss nothing, however many write at once, on both engines; and what they would miss if numbers were taken early."""

import asyncio

import pytest

from hmlib.db import change_numbers
from hmlib.tests.engines import connect

pytestmark = pytest.mark.gen_test

THING = "CREATE TABLE thing (id TEXT PRIMARY KEY, value BIGINT NOT NULL)"
TOUCHES = {
    "sqlite": [
        f"""
        CREATE TRIGGER thing_{event}_touches AFTER {event} ON thing
        BEGIN INSERT INTO touched_row (kind, id) SELECT 'thing', {side}.id; END
        """
        for event, side in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
    ],
    "postgresql": [
        "CREATE TRIGGER thing_touches AFTER INSERT OR UPDATE OR DELETE ON thing FOR EACH ROW EXECUTE FUNCTION touch_by_id('thing')"
    ],
}
PUT = "INSERT INTO thing (id, value) VALUES (:id, :value) ON CONFLICT (id) DO UPDATE SET value = excluded.value"
WRITERS, ROUNDS = 6, 15


@pytest.fixture
def db(ground, io_loop):
    async def furnish():
        async with ground.write() as tx:
            for statement in (THING, *TOUCHES[ground.dialect]):
                await tx.run(statement)

    io_loop.run_sync(furnish)
    return ground


class Follower:
    """Keeps a copy of the table by number."""

    def __init__(self, db):
        self.db, self.copy, self.number = db, {}, None

    async def follow(self):
        async with self.db.read() as snapshot:
            where = await change_numbers.followed(snapshot, self.number)
            rows = await self._rows(snapshot, where)
            gone = await change_numbers.gone(snapshot, "thing", "thing", where.since)
        if where.anew:
            self.copy = {}
        self.copy |= {row["id"]: row["value"] for row in rows}
        for id in gone:
            self.copy.pop(id, None)
        self.number = where.number

    async def _rows(self, snapshot, where):
        if where.anew:
            return await snapshot.all("SELECT id, value FROM thing")
        return await snapshot.all(f"SELECT id, value FROM thing WHERE {change_numbers.newer('thing', 'id')}", since=where.since)


async def table(db):
    return {row["id"]: row["value"] for row in await db.all("SELECT id, value FROM thing")}


async def write_much(db, name):
    """Single statements and transactions of several, some of which are forgotten."""
    for round in range(ROUNDS):
        await db.run(PUT, id=f"{name}-{round}", value=round)
        async with db.write() as tx:
            await tx.run(PUT, id="shared", value=round)
            await tx.run("DELETE FROM thing WHERE id = :id", id=f"{name}-{round - 1}")
        try:
            async with db.write() as tx:
                await tx.run(PUT, id="shared", value=-1)
                raise LookupError
        except LookupError:
            await asyncio.sleep(0)


async def test_a_follower_beside_many_writers_misses_nothing(db, db_url, opened):
    follower = Follower(db)
    others = [db, await connect(_url(db, db_url))]
    writing = asyncio.gather(*(write_much(others[number % 2], f"w{number}") for number in range(WRITERS)))
    looks = 0
    while not writing.done():
        await follower.follow()
        looks += 1
        await asyncio.sleep(0)
    await writing
    await follower.follow()
    await others[1].close()
    assert looks > 5
    assert follower.copy == await table(db)
    assert len(follower.copy) == WRITERS + 1


def _url(db, db_url):
    """The address of the database itself: on PostgreSQL it was made of a template under another name."""
    if db.dialect == "sqlite":
        return db_url
    pool = db._engine._pool
    return pool._connect_args[0]


async def test_a_number_that_is_taken_early_is_missed(db):
    """The negative control: writers that take their number when they begin, and commit in another order."""
    stamp = "INSERT INTO row_change (kind, id, number) VALUES ('early', :id, :number)"
    numbers = [await db.value("UPDATE change_counter SET number = number + 1 WHERE id = 1 RETURNING number") for _ in range(2)]
    await db.run(stamp, id="second", number=numbers[1])
    seen = await change_numbers.changed(db, "early", 0)
    since = await change_numbers.latest(db)
    await db.run(stamp, id="first", number=numbers[0])
    assert seen + await change_numbers.changed(db, "early", since) == ["second"], "the first one is never seen"


async def test_who_commits_last_has_the_greater_number(db, db_url):
    """Two transactions at once: the one that wrote first commits last. SQLite lets no two write at once."""
    if db.dialect == "sqlite":
        pytest.skip("SQLite lets no two write at once")
    import asyncpg

    slow, fast = [await asyncpg.connect(_url(db, db_url)) for _ in range(2)]
    await slow.execute("BEGIN; INSERT INTO thing (id, value) VALUES ('slow', 1)")
    await fast.execute("INSERT INTO thing (id, value) VALUES ('fast', 1)")  # waits for nobody
    follower = Follower(db)
    await follower.follow()
    assert follower.copy == {"fast": 1}
    await slow.execute("COMMIT")
    await follower.follow()
    assert follower.copy == {"fast": 1, "slow": 1}
    await asyncio.gather(slow.close(), fast.close())


async def test_a_transaction_on_postgresql_has_one_number_and_leaves_nothing_behind(db):
    if db.dialect == "sqlite":
        pytest.skip("on SQLite each row of a transaction has the next number")
    before = await change_numbers.latest(db)
    async with db.write() as tx:
        await tx.many(PUT, [{"id": str(number), "value": number} for number in range(50)])
        async with _forgotten(tx):
            await tx.run(PUT, id="forgotten", value=1)
    assert await change_numbers.latest(db) == before + 1
    assert len(await change_numbers.changed(db, "thing", before)) == 50
    assert await db.value("SELECT COUNT(*) FROM touched_row") == 0


class _forgotten:
    """A savepoint whose part is forgotten."""

    def __init__(self, tx):
        self.part = tx.savepoint()

    async def __aenter__(self):
        await self.part.__aenter__()

    async def __aexit__(self, *_):
        try:
            await self.part.__aexit__(LookupError, LookupError(), None)
        except LookupError:
            return


async def test_what_is_forgotten_has_no_number(db):
    before = await change_numbers.latest(db)
    with pytest.raises(LookupError):
        async with db.write() as tx:
            await tx.run(PUT, id="a", value=1)
            raise LookupError
    assert await change_numbers.latest(db) == before


async def test_after_a_restore_every_follower_starts_anew(db):
    await db.run(PUT, id="a", value=1)
    follower = Follower(db)
    await follower.follow()
    async with db.write() as tx:
        await change_numbers.start_anew(tx, 1_800_000_000_000_000)
    assert (await change_numbers.followed(db, follower.number)).anew
    await follower.follow()
    assert not (await change_numbers.followed(db, follower.number)).anew
    assert (await change_numbers.followed(db, follower.number + 1)).anew, "a number of the future is of a time that was lost"
    assert (await change_numbers.followed(db, None)).anew


async def test_a_followed_table_can_be_altered_after_it_was_written(db):
    """As migrations do: fill a column, then alter the table, in one transaction."""
    async with db.write() as tx:
        await tx.run(PUT, id="a", value=1)
        await tx.run("ALTER TABLE thing ADD COLUMN more TEXT NOT NULL DEFAULT ''")
    assert await change_numbers.changed(db, "thing", 0) == ["a"]
