"""The signing keys, as administrators see them."""

import pytest

from nexus_srv.parts import NexusParts
from nexus_srv.queries import keys

pytestmark = pytest.mark.gen_test


async def states(db):
    return sorted(key.state for key in await keys.everything(db))


async def test_the_next_key_can_be_made_to_sign(alice, db):
    page = await alice.fetch("/keys")
    waiting = next(key.kid for key in await keys.living(db) if key.state == "next")
    assert page.code == 200 and waiting in page.text
    assert (await alice.fetch("/keys/rotation", "POST", "")).location == "/keys"
    assert await states(db) == ["active", "next", "retiring"]
    assert (await keys.by_kid(db, waiting)).state == "active"


async def test_a_key_can_be_dropped(alice, db, app):
    kid = next(key.kid for key in await keys.living(db) if key.state == "active")
    assert (await alice.fetch(f"/keys/{kid}/compromise", "POST", {"confirmed": "yes"})).code == 303
    assert (await keys.by_kid(db, kid)).compromised and await states(db) == ["active", "gone", "next"]
    await app.spine.own(NexusParts).signer.reload()
    assert (await alice.api("/api/me")).code == 401
    assert (await alice.fetch("/keys/unknown/compromise", "POST", {"confirmed": "yes"})).code == 404


@pytest.mark.parametrize("path", ["/keys/rotation", "/keys/unknown/compromise"])
async def test_it_takes_an_administrator_with_our_own_form_who_signed_in_lately(alice, bob, stranger, signed_in, path):
    assert (await bob.fetch(path, "POST", "")).code == 403 and (await bob.fetch("/keys")).code == 403
    assert (await stranger.fetch(path, "POST", "")).location.startswith("/login")
    assert (await alice.fetch(path, "POST", "", forged=True)).code == 403
    late = await signed_in("alice", sid="late", age=700)
    assert (await late.fetch(path, "POST", "")).location.startswith("/confirm?")
