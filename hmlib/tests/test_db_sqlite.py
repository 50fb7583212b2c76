"""What only SQLite needs: safe settings, few hops, several processes on one file, and a disk that fills up."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pysqlite3
import pytest

from hmlib import db_sqlite
from hmlib.db import BadDatabase, DatabaseDown, connect
from hmlib.db_sqlite import Thread, check_version

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


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 45, 1), (3, 51, 2)])
def test_a_version_that_can_lose_data_is_refused(version):
    with pytest.raises(BadDatabase, match=r"3\.51\.3 or newer"):
        check_version(version)


def test_a_safe_version_is_taken():
    check_version((3, 51, 3))
    check_version((4, 0, 0))


async def test_connecting_looks_at_the_version(monkeypatch, file):
    monkeypatch.setattr(pysqlite3, "sqlite_version_info", (3, 51, 2))
    with pytest.raises(BadDatabase):
        await connect(f"sqlite:///{file}")
    assert not file.exists()


async def test_every_connection_has_the_safe_settings(db):
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "query_only")
    for thread, read_only in [(db._engine._writer, 0), *((reader.thread, 1) for reader in db._engine._readers)]:
        found = [(await thread.hop(lambda connection, name=name: connection.execute(f"PRAGMA {name}").fetchone()[0])) for name in names]
        assert found == ["wal", 2, 1, 10_000, read_only]


async def test_a_reader_cannot_write(db):
    async with db._engine.alone(reads=True) as link:
        with pytest.raises(DatabaseDown, match="readonly"):
            await link.count("DELETE FROM tally", [])


async def test_only_the_owner_may_read_the_files(db, file):
    assert {path.stat().st_mode & 0o777 for path in file.parent.glob("a.db*")} == {0o600}


async def test_one_hop_for_each_statement(db, monkeypatch):
    hop, hops = Thread.hop, []

    async def counted(thread, work, *args):
        hops.append(work.__name__)
        return await hop(thread, work, *args)

    monkeypatch.setattr(Thread, "hop", counted)
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
    await db._engine._writer.hop(lambda connection: connection.executescript("BEGIN IMMEDIATE; DELETE FROM tally"))
    await db.run("UPDATE tally SET count = 6")
    assert await db.value("SELECT count FROM tally") == 6


async def test_a_full_disk_keeps_what_was_there_and_heals(db):
    async def limit(pages):
        await db._engine._writer.hop(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchall())

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
from hmlib.db import connect

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
    forget = "import asyncio, sys; from hmlib.db import connect; db = asyncio.run(connect(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", forget, f"sqlite:///{file}"], cwd=ROOT, timeout=20, check=True)


def test_the_oldest_safe_version_is_the_documented_one():
    assert db_sqlite.OLDEST == (3, 51, 3)
