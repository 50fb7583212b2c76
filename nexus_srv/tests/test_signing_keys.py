"""The keys that sign: made, rotated without a gap, dropped at once, and kept sealed (N137, N174)."""

import json

import pytest

from hmlib.auth.jwks import BadToken
from hmlib.clock import shifted, utc_now
from hmlib.keys import Keys, Unsealable
from hmlib.records.audit import Actor
from nexus_srv.oauth import signing_keys
from nexus_srv.oauth.signing_keys import Signer
from nexus_srv.parts import NexusParts
from nexus_srv.queries import keys as rows
from nexus_srv.tests.conftest import token_for

pytestmark = pytest.mark.gen_test
ACTOR = Actor("", "hm")


@pytest.fixture
def signer(app):
    return app.spine.own(NexusParts).signer


async def states(db):
    return [key.state for key in await rows.everything(db)]


async def published(signer):
    return {key["kid"] for key in json.loads(await signer.document())["keys"]}


async def active(db):
    return next(key.kid for key in await rows.living(db) if key.state == "active")


async def test_a_first_key_signs_and_a_second_one_waits(db, signer):
    assert len(await published(signer)) == 2
    assert sorted(await states(db)) == ["active", "next"]


async def rotate(db, app):
    async with db.write() as tx:
        return await signing_keys.rotate(tx, app.spine.keys, ACTOR, utc_now())


async def compromise(db, app, kid):
    async with db.write() as tx:
        return await signing_keys.compromise(tx, app.spine.keys, kid, ACTOR, utc_now())


async def test_two_processes_make_one_pair(db, signer, app):
    other = Signer(db, app.spine.keys, signer.issuer)
    assert await published(signer) == await published(other)


async def test_a_rotation_leaves_no_gap(db, signer, app, people):
    before, token = await published(signer), await token_for(app, people.bob)
    kid = await rotate(db, app)
    assert kid in before
    await signer.reload()
    assert before < await published(signer) and sorted(await states(db)) == ["active", "next", "retiring"]
    assert await signer.verifier.verify(token) and await signer.verifier.verify(await token_for(app, people.bob))


async def test_a_retired_key_signs_no_more_and_its_secret_is_forgotten(db, signer, app):
    await signer.prepare()
    await rotate(db, app)
    retiring = next(key for key in await rows.everything(db) if key.state == "retiring")
    assert retiring.private_key is None


async def test_n137_after_the_overlap_a_retired_keys_tokens_are_refused(db, signer, app, people):
    token = await token_for(app, people.bob)
    await rotate(db, app)
    await signer.reload()
    assert await signer.verifier.verify(token)
    await db.run("UPDATE signing_key SET retired_at = :at WHERE state = 'retiring'", at=shifted(utc_now(), -901))
    await signer.reload()
    await refused(signer, token)
    await rotate(db, app)
    assert sorted(await states(db)) == ["active", "gone", "next", "retiring"]


async def refused(signer, token):
    with pytest.raises(BadToken):
        await signer.verifier.verify(token)


async def test_n137_a_compromised_key_is_dropped_at_once(db, signer, app, people, bob):
    token, kid = await token_for(app, people.bob, sid="sid-bob"), await active(db)
    bob.token = token
    assert (await bob.api("/api/me")).code == 200
    assert await compromise(db, app, kid)
    await signer.reload()
    assert kid not in await published(signer) and len(await published(signer)) == 2
    await refused(signer, token)
    assert (await bob.api("/api/me")).code == 401
    assert await signer.verifier.verify(await token_for(app, people.bob))
    assert await signer.public_key(kid) is None


async def test_a_waiting_key_can_be_compromised_too(db, signer, app):
    await signer.prepare()
    waiting = next(key.kid for key in await rows.living(db) if key.state == "next")
    signs = await active(db)
    assert await compromise(db, app, waiting)
    assert await active(db) == signs and sorted(await states(db)) == ["active", "gone", "next"]
    assert not await compromise(db, app, "unknown")


async def test_both_are_told_to_the_modules_and_in_the_audit_log(db, signer, app, wiki):
    await rotate(db, app)
    await compromise(db, app, await active(db))
    assert [json.loads(row["body"])["event"] for row in await db.all("SELECT body FROM outbox_message")] == [
        "urn:hivematrix:keys-changed"
    ] * 2
    actions = [row["action"] for row in await db.all("SELECT action FROM audit ORDER BY seq")]
    assert actions[-2:] == ["key.rotated", "key.compromised"]


async def test_n174_private_keys_open_with_the_master_key_alone(db, signer, app):
    await signer.prepare()
    assert "PRIVATE" not in str(await rows.everything(db))
    with pytest.raises(Unsealable):
        await Signer(db, Keys(bytes(32), "nexus"), signer.issuer).sign("at+jwt", {})


async def test_n174_a_key_moved_to_another_row_does_not_open(db, signer, app):
    await signer.prepare()
    sealed = next(key.private_key for key in await rows.living(db) if key.state == "next")
    await db.run("UPDATE signing_key SET private_key = :sealed WHERE state = 'active'", sealed=sealed)
    with pytest.raises(Unsealable):
        await Signer(db, app.spine.keys, signer.issuer).sign("at+jwt", {})
