"""What is over is forgotten, and nothing else."""

import pytest

from nexus_srv import sweeping

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
