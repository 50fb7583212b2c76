"""Revocations reach every process in the order in which they were written, whatever the clocks say."""

import asyncio
import time

import pytest

from hmlib.auth.revocations import REVOCATION_SECONDS, Revocations
from hmlib.auth.tokens import Claims
from hmlib.clock import shifted, utc_now
from hmlib.db.engine import DatabaseDown

pytestmark = pytest.mark.gen_test
NOW = "2026-11-22T12:00:00.000000Z"
LONG_AGO = "2020-01-01T00:00:00.000000Z"


@pytest.fixture
def db(ground):
    return ground


def claims(sid="s1", sub="u1"):
    now = int(time.time())
    return Claims("i", sub, "wiki", "c", frozenset(), now, now + 300, "j", sid, None, (), "client", None)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


async def test_a_row_whose_time_is_long_past_is_seen_by_the_others(db):
    one, other = Revocations(db), Revocations(db)
    await other.load(utc_now())
    await one.add("sid", "s1", LONG_AGO)
    await other.load(utc_now())
    assert other.hits(claims())


@pytest.mark.parametrize("jump", [-3600, 3600])
async def test_a_clock_that_jumps_hides_nothing(db, jump):
    one, other = Revocations(db), Revocations(db)
    await one.add("sid", "s0", NOW)
    await other.load(shifted(NOW, jump))
    await one.add("sid", "s1", NOW)
    await other.load(shifted(NOW, -jump))
    assert other.hits(claims("s0")) and other.hits(claims("s1"))


async def test_a_row_that_becomes_visible_late_is_not_passed_by(db):
    """Whoever writes meanwhile waits for the number: nobody sees the later one first."""
    one, other = Revocations(db), Revocations(db)
    async with db.write() as tx:
        await one.add("sid", "slow", NOW, tx=tx)
        second = asyncio.ensure_future(one.add("sid", "fast", NOW))
        await asyncio.sleep(0.05)
        await other.load(NOW)
        assert not second.done() and not other.hits(claims("fast"))
    await second
    await other.load(NOW)
    assert other.hits(claims("slow")) and other.hits(claims("fast"))


async def test_single_statements_of_two_connections_keep_the_order_too(db):
    """The number's row is locked until its transaction ends, whether or not the writer took its turn with db.write()."""
    taken = [asyncio.ensure_future(db.one("UPDATE revocation_order SET number = number + 1 RETURNING number")) for _ in range(20)]
    numbers = [row["number"] for row in await asyncio.gather(*taken)]
    assert sorted(numbers) == list(range(1, 21))


async def test_what_is_revoked_again_is_heeded_again(db):
    changed = []
    one, other = Revocations(db), Revocations(db, scope_changed=changed.append)
    for _ in range(3):
        await one.add("scope", "u1", NOW)
        await other.load(NOW)
        await other.load(NOW)
    assert changed == ["u1"] * 3


async def test_rows_of_older_code_are_seen_and_numbered(db):
    other = Revocations(db)
    await other.load(NOW)
    await db.run("INSERT INTO revocation (kind, value, until, at) VALUES ('sid', 's1', :then, :then)", then=LONG_AGO)
    await other.load(NOW)
    assert other.hits(claims())
    assert await db.value("SELECT number FROM revocation") > 0


async def test_a_row_with_an_old_time_is_swept_no_earlier_than_any_other(db):
    clock = Clock()
    one, sweeper, other = Revocations(db), Revocations(db, clock=clock), Revocations(db)
    await sweeper.sweep()
    await one.add("sid", "s1", LONG_AGO)
    await sweeper.load(NOW)
    for _ in range(REVOCATION_SECONDS // 60):
        clock.now += 60
        await sweeper.sweep()
    await other.load(NOW)
    assert other.hits(claims()) and sweeper.hits(claims())
    clock.now += 61
    await sweeper.sweep()
    assert await db.value("SELECT count(*) FROM revocation") == 0 and not sweeper.hits(claims())


async def test_a_row_that_was_renewed_meanwhile_is_not_swept(db):
    clock = Clock()
    one, sweeper = Revocations(db), Revocations(db, clock=clock)
    await one.add("sid", "s1", NOW)
    await sweeper.load(NOW)
    await sweeper.sweep()
    clock.now += 600
    await one.add("sid", "s1", NOW)
    await sweeper.load(NOW)
    clock.now += 400
    await sweeper.sweep()
    assert sweeper.hits(claims()) and await db.value("SELECT count(*) FROM revocation") == 1


async def test_what_is_followed_costs_one_statement_however_much_there_is(db):
    one, other = Revocations(db), Revocations(db)
    for number in range(50):
        await one.add("sid", f"s{number}", NOW)
    await other.load(NOW)
    before = db.statements
    await other.load(NOW)
    assert db.statements == before + 1


async def test_a_process_that_could_not_read_them_lets_nobody_in_unseen(db, monkeypatch):
    one, other = Revocations(db), Revocations(db)
    await one.add("sid", "s1", NOW)

    async def fails(*args, **params):
        raise DatabaseDown("away")

    with monkeypatch.context() as patch:
        patch.setattr(db, "all", fails)
        with pytest.raises(DatabaseDown):
            await other.ready()
    await other.ready()
    assert other.hits(claims())


async def test_of_two_readings_the_later_row_stays_whichever_comes_last(db):
    one, other = Revocations(db), Revocations(db)
    await one.add("user", "u1", NOW, until=LONG_AGO)
    earlier = await db.all("SELECT kind, value, until, number FROM revocation")
    await one.add("user", "u1", NOW, until="2099-01-01T00:00:00.000000Z")
    await other.load(NOW)
    other._take(**earlier[0])
    assert other.hits(claims())
