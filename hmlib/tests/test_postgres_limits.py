"""What a PostgreSQL server gives is known before it is missing: connections, and a pooler in between."""

import asyncio

import pytest

from hmlib.cli import doctor_checks
from hmlib.db import postgres
from hmlib.db.database import connect
from hmlib.db.engine import BadDatabase, DatabaseDown
from hmlib.processes.operations import Suite
from hmlib.testing import postgres_fixture
from hmlib.tests.engines import fresh_postgres
from hmlib.tests.pooler import pooler

pytestmark = pytest.mark.gen_test
TABLE = "CREATE TABLE tally (id TEXT PRIMARY KEY, count BIGINT NOT NULL)"


@pytest.fixture
def url():
    return fresh_postgres()


@pytest.fixture(scope="module")
def small():
    """A server of twenty connections, three of them for superusers, and a user of ours who is none."""
    try:
        with postgres_fixture.cluster("max_connections=20", "superuser_reserved_connections=3") as server:
            server.sql("CREATE ROLE plain LOGIN")
            yield server
    except postgres_fixture.NoPostgres as missing:
        pytest.skip(str(missing))


def suite_on(server, tmp_path, user="plain"):
    name = server.database()
    server.sql(f'ALTER DATABASE "{name}" OWNER TO plain')
    address = server.url(name).replace("//hm@", f"//{user}@")
    return Suite({"HM_HOME": str(tmp_path), **{f"HM_{service}_DB": address for service in ("NEXUS", "WIKI", "TREASURY")}})


def test_too_few_connections_are_said_before_the_start(small, tmp_path):
    (sentence,) = doctor_checks.too_few(suite_on(small, tmp_path))
    wanted = 6 * postgres.most_connections()
    assert "HM_NEXUS_DB and HM_WIKI_DB and HM_TREASURY_DB" in sentence
    assert "gives this user 17 connections" in sentence and f"6 processes may want {wanted}" in sentence
    assert f"set max_connections to {wanted + doctor_checks.SPARE + 3} or more" in sentence


def test_enough_connections_are_not_worth_a_word(url, tmp_path):
    assert (
        doctor_checks.too_few(Suite({"HM_HOME": str(tmp_path), **{f"HM_{name}_DB": url for name in ("NEXUS", "WIKI", "TREASURY")}})) == []
    )
    assert doctor_checks.too_few(Suite({"HM_HOME": str(tmp_path)})) == []
    assert doctor_checks.too_few(Suite({"HM_HOME": str(tmp_path), "HM_NEXUS_DB": "postgresql://hm@127.0.0.1:1/hm"})) == []


@pytest.mark.parametrize(
    ("change", "allowed"),
    [("ALTER ROLE plain CONNECTION LIMIT 7", 7), ("ALTER ROLE plain CONNECTION LIMIT -1", 17), ("ALTER ROLE plain SUPERUSER", 20)],
)
async def test_what_a_user_may_have(small, change, allowed):
    small.sql(change)
    try:
        given = await postgres.limits(small.url("postgres").replace("//hm@", "//plain@"))
        assert (given.pooled, given.allowed, given.most) == (False, allowed, 20)
    finally:
        small.sql("ALTER ROLE plain NOSUPERUSER CONNECTION LIMIT -1")


async def test_the_last_connection_taken_is_said_in_words(small):
    small.sql("ALTER ROLE plain CONNECTION LIMIT 1")
    address = small.url("postgres").replace("//hm@", "//plain@")
    first = await connect(address)
    try:
        with pytest.raises(DatabaseDown, match=r"HM_WIKI_DB.*no connection left"):
            await connect(address, variable="HM_WIKI_DB")
    finally:
        await first.close()
        small.sql("ALTER ROLE plain CONNECTION LIMIT -1")


async def test_a_pooler_is_named_with_what_to_set(url):
    with pooler(url) as pooled:
        with pytest.raises(BadDatabase, match=r"HM_WIKI_DB: A pooler .* add \?statement_cache_size=0 to it"):
            await connect(pooled, variable="HM_WIKI_DB")
        assert (await postgres.limits(pooled)).pooled


async def count_through(address):
    """Two processes' worth of statements at once, on fewer connections than they have."""
    both = [await connect(address) for _ in range(2)]
    try:
        await both[0].run(TABLE)
        await both[0].run("INSERT INTO tally (id, count) VALUES ('a', 0)")
        for _ in range(5):
            await asyncio.gather(*(counted(db) for db in both for _ in range(4)))
        return await both[0].value("SELECT count FROM tally")
    finally:
        await asyncio.gather(*(db.close() for db in both))


async def counted(db):
    async with db.write() as tx:
        await tx.run("UPDATE tally SET count = count + :one WHERE id IN :ids", one=1, ids=["a"])
    async with db.read() as snapshot:
        assert await snapshot.value("SELECT count FROM tally WHERE id = :id", id="a") > 0
    await db.all("SELECT id, count FROM tally WHERE count > :least ORDER BY id", least=0)


async def test_with_the_setting_a_pooler_of_transactions_works(url):
    with pooler(url) as pooled:
        assert await count_through(f"{pooled}&statement_cache_size=0") == 40


async def test_a_wrong_setting_is_a_database_that_is_down_and_says_why(url):
    with pooler(url) as pooled, pytest.raises(DatabaseDown, match="forgets prepared statements"):
        await count_through(f"{pooled}&statement_cache_size=200")
