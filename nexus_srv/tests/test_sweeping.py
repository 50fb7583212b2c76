"""What is over is forgotten, and nothing else."""

import time

import pytest

from nexus_srv import sweeping
from nexus_srv.queries import throttle

pytestmark = pytest.mark.gen_test
LONG_AGO = "2020-01-01T00:00:00.000000Z"


async def counts(db):
    return [await db.value(f"SELECT count(*) FROM {table}") for table in ("authorization_code", "token_family", "ended_token")]


async def test_what_is_over_is_forgotten(bob, wiki, db):
    tokens = await wiki.signed_in(bob)
    await wiki.post("/oauth/revoke", {"token": tokens["access_token"]})
    await sweeping.sweep(db)
    assert await counts(db) == [1, 1, 1]
    for table in ("authorization_code", "token_family", "ended_token"):
        await db.run(f"UPDATE {table} SET expires_at = :at", at=LONG_AGO)
    await sweeping.sweep(db)
    assert await counts(db) == [0, 0, 0]


async def test_counted_attempts_are_forgotten_after_a_day(db):
    now = int(time.time())
    for name, age in (("old", throttle.FORGOTTEN_AFTER_S + 60), ("new", throttle.FORGOTTEN_AFTER_S - 60)):
        assert await throttle.admit(db, throttle.Bucket(name, 5), now - age) == 0
    await sweeping.sweep(db)
    assert [row["bucket"] for row in await db.all("SELECT bucket FROM throttle")] == ["new"]
