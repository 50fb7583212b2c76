"""Whether anything can be written is known, costs little to ask, and reading does not depend on it."""

import asyncio

import pytest

from hmlib.clock import shifted, utc_now
from hmlib.db.engine import DatabaseDown
from hmlib.server import disk

pytestmark = pytest.mark.gen_test


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


async def test_it_is_tried_once_however_often_it_is_asked(db):
    check, before = disk.WriteCheck(db, (), Clock()), db.statements
    assert all([await check.holds() for _ in range(100)])
    assert db.statements - before == 1


async def test_a_full_disk_is_known_and_so_is_room_on_it(db, small_disk):
    folder, clock = small_disk(3), Clock()
    check = disk.WriteCheck(db, [folder], clock)
    assert await check.holds()
    (folder / "filler").write_bytes(b"x" * 2_500_000)
    clock.seconds += disk.GOOD_FOR_SECONDS
    assert not await check.holds()
    (folder / "filler").unlink()
    clock.seconds += disk.BAD_FOR_SECONDS
    assert await check.holds()
    assert not list(folder.iterdir())


async def test_a_database_that_is_only_busy_can_be_written(db, monkeypatch):
    monkeypatch.setattr(disk, "PATIENCE_SECONDS", 0.05)
    async with db.write():
        assert await asyncio.create_task(disk.WriteCheck(db, ()).holds())


async def test_a_database_that_refuses_is_not(db, monkeypatch):
    async def refuse(*_, **__):
        raise DatabaseDown("disk I/O error")

    monkeypatch.setattr(db, "run", refuse)
    assert not await disk.WriteCheck(db, ()).holds()


@pytest.fixture
def unwritable(db, monkeypatch):
    """The database answers what it is asked and takes nothing; ``unwritable`` are the statements it refused."""
    refused = []

    async def refuse(sql, /, **_):
        refused.append(sql)
        raise DatabaseDown("database or disk is full")

    return lambda: monkeypatch.setattr(db, "run", refuse) or refused


async def test_pages_are_read_while_nothing_can_be_written(db, bob, dave, unwritable):
    await db.run("UPDATE session SET last_seen_at = :then", then=shifted(utc_now(), -120))
    refused = unwritable()
    for person in (bob, dave, bob, dave):
        assert (await person.fetch("/names?ids=")).code == 200
    assert any("last_seen_at" in sql or "scope" in sql for sql in refused)  # the control: it was tried
    assert len(refused) <= 3  # and not with every request


async def test_a_visit_is_noted_beside_the_answer(db, bob):
    await db.run("UPDATE session SET last_seen_at = :then", then=shifted(utc_now(), -120))
    async with db.write():  # a writer holds everybody up, and no reader
        assert (await bob.fetch("/")).code == 200
    await asyncio.sleep(0.2)
    assert await db.value("SELECT last_seen_at FROM session WHERE user_name = 'bob'") > shifted(utc_now(), -60)
