"""Attempts are counted right whatever the order, the clocks and the processes of those who count (N076, N077, N078)."""

import asyncio
from types import SimpleNamespace

import pytest

from nexus_srv.identity import sign_in, throttle
from nexus_srv.identity.throttle import Throttled
from nexus_srv.queries.throttle import Bucket
from nexus_srv.tests.conftest import PASSWORD

pytestmark = pytest.mark.gen_test
ACCOUNT, OFFICE = Bucket("account bob", 5), Bucket("address office", 60)


async def waits(db, now_s, *buckets):
    """How long one attempt has to wait; 0 when it is judged."""
    try:
        await throttle.count(db, list(buckets or (ACCOUNT,)), now_s)
    except Throttled as refusal:
        return refusal.retry_after
    return 0


@pytest.mark.parametrize("moments", [(1001, 1000), (1600, 1000), (1000, 1600, 1000), (10**9, 1000), (5000, 1, 5000, 1)])
async def test_attempts_may_be_counted_out_of_order(db, moments):
    assert [await waits(db, at) for at in moments] == [0] * len(moments)


async def test_clocks_that_differ_count_the_same_attempts(db):
    assert [await waits(db, 1000 + skew) for skew in (0, 600, -600, 1, 600)] == [0] * 5
    assert await waits(db, 1000) > 0 and await waits(db, 1001) > 0


async def test_a_clock_that_went_back_makes_no_wait_longer(db):
    for _ in range(5):
        await waits(db, 1600)
    assert await waits(db, 1601) == 29
    assert await waits(db, 1000) == 30
    assert await waits(db, 1029) == 1 and await waits(db, 1030) == 0


async def test_a_clock_ahead_ends_a_wait_no_sooner_than_it_is_ahead(db):
    for _ in range(5):
        await waits(db, 1000)
    assert await waits(db, 1010) == 20
    assert [await waits(db, at) for at in (1002, 1012, 1003, 1013)] == [28, 18, 27, 17]


async def test_n076_waits_double_after_the_sixth(db):
    now, seen = 1000, []
    for _ in range(5):
        assert await waits(db, now) == 0
    for _ in range(9):
        seen.append(await waits(db, now))
        now += seen[-1]
        assert await waits(db, now) == 0
    assert seen == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


async def test_n077_of_many_at_once_five_are_judged(db):
    answers = await asyncio.gather(*(waits(db, 1000 + n % 3) for n in range(40)))
    assert answers.count(0) == 5


async def test_an_account_that_waits_does_not_fill_its_office(db):
    for _ in range(200):
        await waits(db, 1000, OFFICE, ACCOUNT)
    assert await waits(db, 1000, OFFICE, Bucket("account carol", 5)) == 0
    assert await db.value("SELECT failures FROM throttle WHERE bucket = :name", name=OFFICE.name) == 6


async def test_control_counted_wherever_it_came_the_office_would_wait(db):
    for n in range(60):
        await waits(db, 1000, OFFICE, Bucket(f"account {n}", 5))
    assert await waits(db, 1000, OFFICE, Bucket("account carol", 5)) > 0


async def test_right_passwords_of_one_office_get_in_whatever_the_clock_does(stranger, people, monkeypatch):
    for skew in (0, 600, 0, -600, 3600, 0):
        monkeypatch.setattr(sign_in, "time", SimpleNamespace(time=lambda skew=skew: 1_790_000_000 + skew))
        for name in ("bob", "carol"):
            answer = await stranger.send("/api/token", "POST", body_of(name), {"Content-Type": "application/json"})
            assert answer.code == 200, (skew, name)


def body_of(name):
    return f'{{"username": "{name}", "password": "{PASSWORD}"}}'


async def test_what_a_right_password_took_is_given_back_when_the_hour_changes_meanwhile(stranger, people, db, monkeypatch):
    moments = iter([3599, *[3600] * 1000])
    monkeypatch.setattr(sign_in, "time", SimpleNamespace(time=lambda: next(moments)))
    answer = await stranger.send("/api/token", "POST", body_of("bob"), {"Content-Type": "application/json"})
    assert answer.code == 200
    assert not await db.value("SELECT sum(failures) FROM throttle")
