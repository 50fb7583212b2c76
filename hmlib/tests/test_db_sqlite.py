"""What only SQLite needs: safe settings, few hops, several processes on one file, and a disk that fills up."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from hmlib.db import sqlite_drivers
from hmlib.db.engine import BadDatabase, DatabaseDown
from hmlib.db.sqlite import Thread
from hmlib.db.sqlite_drivers import DbApiConnection, Driver
from hmlib.tests.engines import connect

pytestmark = pytest.mark.gen_test
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def file(tmp_path):
    return tmp_path / "a.db"


@pytest.fixture
def db(opened, io_loop, file):
    database = opened(f"sqlite:///{file}")
    io_loop.run_sync(lambda: database.run("CREATE TABLE tally (id TEXT PRIMARY KEY, count BIGINT NOT NULL)"))
    io_loop.run_sync(lambda: database.run("INSERT INTO tally (id, count) VALUES ('a', 0)"))
    return database


def binding(name, version):
    return lambda: Driver(name, version, Exception, DbApiConnection, bool, str)


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 45, 1), (3, 51, 2)])
async def test_a_version_that_can_lose_data_is_refused(monkeypatch, file, version):
    monkeypatch.setenv("HM_SQLITE", "auto")
    monkeypatch.setattr(sqlite_drivers, "MAKERS", {"pysqlite3": binding("pysqlite3", version)})
    with pytest.raises(BadDatabase, match=r"HM_WIKI_DB: No safe SQLite: pysqlite3 brings SQLite 3\.\d+\.\d; before 3\.51\.3"):
        await connect(f"sqlite:///{file}", variable="HM_WIKI_DB")
    assert not file.exists()


def test_the_first_binding_that_is_here_and_safe_is_taken(monkeypatch):
    def missing():
        raise ImportError

    makers = {"pysqlite3": missing, "sqlite3": binding("sqlite3", (3, 40, 1)), "apsw": binding("apsw", (3, 54, 1))}
    monkeypatch.setattr(sqlite_drivers, "MAKERS", makers)
    assert sqlite_drivers.chosen("auto").name == "apsw"
    with pytest.raises(BadDatabase, match="pysqlite3 is not installed"):
        sqlite_drivers.chosen("pysqlite3")
    monkeypatch.setitem(makers, "sqlite3", binding("sqlite3", (3, 51, 3)))
    assert sqlite_drivers.chosen("auto").name == "sqlite3"


def pragma(connection, name):
    return next(iter(connection.rows(f"PRAGMA {name}")[0].values()))


async def test_every_connection_has_the_safe_settings(db):
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "query_only")
    for thread, read_only in [(db._engine._writer, 0), *((reader.thread, 1) for reader in db._engine._readers)]:
        found = [(await thread.run_on_thread(lambda connection, name=name: pragma(connection, name))) for name in names]
        assert found == ["wal", 2, 1, 10_000, read_only]


async def test_a_reader_cannot_write(db):
    async with db._engine.alone(reads=True) as link:
        with pytest.raises(DatabaseDown, match="readonly"):
            await link.count("DELETE FROM tally", [])


async def test_only_the_owner_may_read_the_files(db, file):
    assert {path.stat().st_mode & 0o777 for path in file.parent.glob("a.db*")} == {0o600}


async def test_one_hop_for_each_statement(db, monkeypatch):
    run_on_thread, hops = Thread.run_on_thread, []

    async def counted(thread, work, *args):
        hops.append(work.__name__)
        return await run_on_thread(thread, work, *args)

    monkeypatch.setattr(Thread, "run_on_thread", counted)
    await db.one("SELECT count FROM tally")
    await db.run("UPDATE tally SET count = 1")
    await db.many("UPDATE tally SET count = :count", [{"count": 2}, {"count": 3}])
    assert hops == ["as_it_is", "in_transaction", "in_transaction"]
    hops.clear()
    async with db.write() as tx:
        await tx.run("UPDATE tally SET count = 4")
        await tx.one("SELECT count FROM tally")
    assert hops == ["begin", "as_it_is", "as_it_is", "commit"]


async def test_readers_do_not_wait_for_the_writer(db):
    async with db.write() as tx:
        await tx.run("UPDATE tally SET count = 5")
        assert await asyncio.wait_for(db.value("SELECT count FROM tally"), 1) == 0


async def test_a_slow_read_holds_up_no_other(db):
    slow = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT COUNT(*) FROM n"
    task = asyncio.create_task(db.value(slow))
    await asyncio.sleep(0)
    for _ in range(5):
        await db.value("SELECT count FROM tally")
    assert not task.done()
    assert await task == 3_000_000


async def test_a_transaction_left_open_by_a_failed_rollback_is_forgotten(db):
    await db._engine._writer.run_on_thread(lambda connection: [connection.count(text) for text in ("BEGIN IMMEDIATE", "DELETE FROM tally")])
    await db.run("UPDATE tally SET count = 6")
    assert await db.value("SELECT count FROM tally") == 6


async def test_a_full_disk_keeps_what_was_there_and_heals(db):
    async def limit(pages):
        await db._engine._writer.run_on_thread(lambda connection: connection.rows(f"PRAGMA max_page_count = {pages}"))

    await limit(4)
    for _ in range(2):
        with pytest.raises(DatabaseDown, match="full"):
            await db.run("UPDATE tally SET id = :long", long="x" * 50_000)
        with pytest.raises(DatabaseDown, match="full"):
            async with db.write() as tx:
                await tx.run("UPDATE tally SET count = 7")
                await tx.run("UPDATE tally SET id = :long", long="x" * 50_000)
    assert await db.one("SELECT id, count FROM tally") == {"id": "a", "count": 0}
    await limit(1000)
    assert await db.run("UPDATE tally SET id = :long", long="x" * 50_000) == 1


@pytest.mark.parametrize("content", [b"not a database, but long enough to have a header, or so one would think" * 20])
async def test_another_sort_of_file_is_bad_configuration(file, content):
    file.write_bytes(content)
    with pytest.raises(BadDatabase, match=r"a\.db cannot be opened"):
        await connect(f"sqlite:///{file}")
    assert file.read_bytes() == content


async def test_a_folder_is_no_database(tmp_path):
    with pytest.raises(BadDatabase):
        await connect(f"sqlite:///{tmp_path}")


COUNT_UP = """
import asyncio, sys
from hmlib.db.database import connect

async def main():
    db = await connect(sys.argv[1])
    await db.run("CREATE TABLE IF NOT EXISTS tally (id TEXT PRIMARY KEY, count BIGINT NOT NULL)")
    await db.run("INSERT INTO tally (id, count) VALUES ('a', 0) ON CONFLICT DO NOTHING")
    for _ in range(40):
        async with db.write() as tx:
            count = await tx.value("SELECT count FROM tally WHERE id = 'a'")
            await tx.run("UPDATE tally SET count = :count WHERE id = 'a'", count=count + 1)
    await db.close()

asyncio.run(main())
"""


@pytest.mark.gen_test(timeout=30)
async def test_processes_that_start_together_share_one_file(file, opened):
    """They make it, turn it to WAL and count up in it, all at once."""
    started = [await asyncio.create_subprocess_exec(sys.executable, "-c", COUNT_UP, f"sqlite:///{file}", cwd=ROOT) for _ in range(4)]
    assert [await process.wait() for process in started] == [0, 0, 0, 0]
    db = await connect(f"sqlite:///{file}")
    assert await db.value("SELECT count FROM tally") == 160
    await db.close()


def test_a_forgotten_connection_does_not_keep_the_process(file):
    forget = "import asyncio, sys; from hmlib.db.database import connect; db = asyncio.run(connect(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", forget, f"sqlite:///{file}"], cwd=ROOT, timeout=20, check=True)


def test_the_oldest_safe_version_is_the_documented_one():
    assert sqlite_drivers.OLDEST == (3, 51, 3)


@pytest.mark.parametrize("name", ["pysqlite3", "sqlite3", "apsw"])
def test_every_binding_answers_alike(name, file):
    """Also the standard library's, whatever its version: what it brings is looked at elsewhere."""
    try:
        driver = sqlite_drivers.MAKERS[name]()
    except ImportError:
        pytest.skip(f"{name} has no wheel here")
    connection = driver.connect(file, 1.0)
    assert connection.count("CREATE TABLE tally (id TEXT PRIMARY KEY, count BIGINT NOT NULL)") == 0
    connection.many("INSERT INTO tally (id, count) VALUES (?1, ?2)", [("a", 1), ("b", True), ("c", 3)])
    assert connection.rows("SELECT id, count AS n FROM tally WHERE count < ?1 ORDER BY id", (2,)) == [
        {"id": "a", "n": 1},
        {"id": "b", "n": 1},
    ]
    assert connection.rows("SELECT id FROM tally WHERE id = ?1", ("z",)) == []
    assert connection.rows("UPDATE tally SET count = 9 WHERE count = 1 RETURNING id") == [{"id": "a"}, {"id": "b"}]
    assert connection.count("UPDATE tally SET count = 8 WHERE count = 9 RETURNING id") == 2
    assert connection.count("DELETE FROM tally WHERE id = 'z'") == 0
    assert connection.count("BEGIN IMMEDIATE") == 0 and connection.in_transaction
    assert connection.count("DELETE FROM tally WHERE id = 'a'") == 1
    assert connection.count("ROLLBACK") == 0 and not connection.in_transaction
    with pytest.raises(driver.errors) as refused:
        connection.count("INSERT INTO tally (id, count) VALUES ('a', 1)")
    assert (driver.code(refused.value), str(refused.value)) == ("SQLITE_CONSTRAINT", "UNIQUE constraint failed: tally.id")
    with pytest.raises(driver.errors) as wrong:
        connection.count("NONSENSE")
    assert driver.code(wrong.value) == "SQLITE_ERROR"
    other = driver.connect(file, 0.0)
    connection.count("BEGIN IMMEDIATE")
    with pytest.raises(driver.errors) as busy:
        other.count("BEGIN IMMEDIATE")
    assert driver.code(busy.value) == "SQLITE_BUSY"
    assert (driver.complete("SELECT 1"), driver.complete("SELECT 1;")) == (False, True)
    other.close()
    connection.close()


async def test_a_row_by_its_key_needs_no_thread(db, monkeypatch):
    hops = []
    run_on_thread = Thread.run_on_thread
    monkeypatch.setattr(Thread, "run_on_thread", lambda self, *args: hops.append(args) or run_on_thread(self, *args))
    assert await db.peek("SELECT count FROM tally WHERE id = :id", id="a") == {"count": 0}
    assert await db.peek("SELECT count FROM tally WHERE id = :id", id="z") is None
    assert hops == []
    with pytest.raises(Exception, match="no such column"):
        await db.peek("SELECT amount FROM tally WHERE id = :id", id="a")


async def test_what_cannot_be_read_without_a_wait_is_read_by_a_thread(db):
    db._engine._near.close()
    assert await db.peek("SELECT count FROM tally WHERE id = :id", id="a") == {"count": 0}
