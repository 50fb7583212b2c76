"""What only PostgreSQL can do: go away, come back, sit behind a pooler, be misconfigured."""

import asyncio

import pytest

from hmlib.db.database import connect
from hmlib.db.engine import BadDatabase, DatabaseDown
from hmlib.testing import postgres_fixture
from hmlib.tests.engines import fresh_postgres

pytestmark = pytest.mark.gen_test


@pytest.fixture
def url():
    return fresh_postgres()


@pytest.fixture
def db(opened, url, io_loop):
    database = opened(url)
    io_loop.run_sync(lambda: database.run("CREATE TABLE tally (id TEXT PRIMARY KEY, count BIGINT NOT NULL)"))
    io_loop.run_sync(lambda: database.run("INSERT INTO tally (id, count) VALUES ('a', 0)"))
    return database


async def test_without_a_statement_cache_as_behind_a_pooler(db, url):
    pooled = await connect(f"{url}&statement_cache_size=0")
    async with pooled.write() as tx:
        await tx.run("UPDATE tally SET count = count + :more WHERE id IN :ids", more=2, ids=["a"])
    assert await pooled.value("SELECT count FROM tally") == 2
    await pooled.close()


@pytest.mark.parametrize("size", ["x", "-1", ""])
async def test_a_statement_cache_of_no_size_is_bad_configuration(url, size):
    with pytest.raises(BadDatabase, match="statement_cache_size"):
        await connect(f"{url}&statement_cache_size={size}")


async def test_a_database_that_is_not_there_is_bad_configuration(url):
    with pytest.raises(BadDatabase, match="does not exist"):
        await connect(url.replace("/hm_", "/no_"))


async def test_nobody_at_the_address_is_a_database_that_is_down():
    with pytest.raises(DatabaseDown):
        await connect("postgresql://hm@127.0.0.1:1/hm")


async def test_another_encoding_is_bad_configuration(url):
    server = postgres_fixture._shared()
    server.sql("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
    with pytest.raises(BadDatabase, match="UTF8"):
        await connect(server.url("ascii"))
    server.drop("ascii")


async def test_a_single_statement_does_not_wait_for_a_transaction(db):
    async with db.write() as tx:
        await tx.value("SELECT count FROM tally")
        other = await connect_again(db)
        await other.run("INSERT INTO tally (id, count) VALUES ('b', 0)")
        await other.close()
        assert await tx.value("SELECT COUNT(*) FROM tally") == 2


async def connect_again(db):
    name = await db.value("SELECT current_database()")
    return await connect(postgres_fixture._shared().url(name))


async def test_a_connection_cut_in_a_transaction_is_named_and_the_next_one_works(db):
    with pytest.raises(DatabaseDown):
        async with db.write() as tx:
            await tx.run("UPDATE tally SET count = 3")
            await cut(db, await tx.value("SELECT pg_backend_pid()"))
            await tx.run("UPDATE tally SET count = 4")
    async with db.write() as tx:
        assert await tx.value("SELECT count FROM tally") == 0


async def test_a_connection_cut_before_the_commit_keeps_nothing(db):
    with pytest.raises(DatabaseDown):
        async with db.write() as tx:
            await tx.run("UPDATE tally SET count = 3")
            await cut(db, await tx.value("SELECT pg_backend_pid()"))
    assert await db.value("SELECT count FROM tally") == 0


async def cut(db, pid):
    assert await db.value("SELECT pg_terminate_backend(:pid)", pid=pid)


@pytest.mark.gen_test(timeout=30)
async def test_a_server_that_stops_and_comes_back(url):
    with postgres_fixture.cluster() as server:
        db = await connect(server.url(server.database()))
        await db.run("CREATE TABLE tally (count BIGINT NOT NULL)")
        server.stop()
        for _ in range(2):
            with pytest.raises(DatabaseDown):
                await db.value("SELECT COUNT(*) FROM tally")
            with pytest.raises(DatabaseDown):
                async with db.write() as tx:
                    await tx.run("DELETE FROM tally")
        server.start()
        assert await db.value("SELECT COUNT(*) FROM tally") == 0
        await db.close()


async def test_writers_in_line_leave_room_for_the_readers_beside_them(url):
    """Sixteen transactions at once, each of which also reads beside itself."""
    database = await connect(url)

    async def one(number):
        async with database.write() as tx:
            return await database.value("SELECT 1") + await tx.value("SELECT 1")

    assert await asyncio.wait_for(asyncio.gather(*(one(number) for number in range(16))), 8) == [2] * 16
    await database.close()
