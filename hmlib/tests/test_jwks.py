"""The key set: how often it is fetched, how long it serves, and when it is dropped (N124, N137, N180)."""

import asyncio
import json

import pytest

from hmlib.auth.jwks import MAX_BYTES, BadToken, Jwks, KeysAway, thumbprint
from hmlib.tests.tokens_by_hand import Signer

FIRST, SECOND = Signer(), Signer()


class Nexus:
    """A Nexus that publishes keys, may be away or slow, and counts how often it is asked. Its clock stands still."""

    def __init__(self, *signers):
        self.signers, self.away, self.calls, self.now = list(signers), None, 0, 1000.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.jwks = Jwks(self.fetch, clock=lambda: self.now)

    async def fetch(self):
        self.calls += 1
        published = [signer.jwk() for signer in self.signers]
        await self.gate.wait()
        if self.away:
            raise self.away
        return json.dumps({"keys": published}).encode()

    async def knows(self, signer):
        try:
            return await self.jwks.key(signer.kid) == signer.key.public_key()
        except BadToken:
            return False


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.gen_test
async def test_many_first_tokens_make_one_fetch():
    nexus = Nexus(FIRST)
    nexus.gate.clear()
    waiting = [asyncio.ensure_future(nexus.knows(FIRST)) for _ in range(50)]
    await settled()
    nexus.gate.set()
    assert await asyncio.gather(*waiting) == [True] * 50
    assert nexus.calls == 1


@pytest.mark.gen_test
async def test_one_caller_giving_up_does_not_stop_the_others():
    nexus = Nexus(FIRST)
    nexus.gate.clear()
    impatient, patient = (asyncio.ensure_future(nexus.knows(FIRST)) for _ in range(2))
    await settled()
    impatient.cancel()
    nexus.gate.set()
    assert await patient


@pytest.mark.gen_test
async def test_n124_unknown_kids_fetch_at_most_once_in_30_seconds():
    nexus = Nexus(FIRST)
    await nexus.knows(FIRST)
    for _ in range(100):
        assert not await nexus.knows(Signer())
    assert nexus.calls == 2
    nexus.now += 31
    assert not await nexus.knows(Signer())
    assert not await nexus.knows(Signer())
    assert nexus.calls == 3


@pytest.mark.gen_test
async def test_a_new_key_is_found_by_its_first_token():
    nexus = Nexus(FIRST)
    await nexus.knows(FIRST)
    nexus.signers.append(SECOND)
    assert await nexus.knows(SECOND)


@pytest.mark.gen_test
async def test_an_old_set_serves_while_it_is_fetched_again():
    nexus = Nexus(FIRST)
    await nexus.knows(FIRST)
    nexus.signers = [SECOND]
    nexus.now += 301
    generation = nexus.jwks.generation
    assert await nexus.knows(FIRST)
    await settled()
    assert not await nexus.knows(FIRST)
    assert await nexus.knows(SECOND)
    assert nexus.jwks.generation > generation


@pytest.mark.gen_test
@pytest.mark.parametrize("error", [KeysAway("away"), ConnectionError("away"), TimeoutError("slow")])
async def test_n180_the_last_good_set_serves_for_a_day(error):
    nexus = Nexus(FIRST)
    await nexus.knows(FIRST)
    nexus.away = error
    for _ in range(23):
        nexus.now += 3600
        assert await nexus.knows(FIRST)
        await settled()
    nexus.now += 3601
    with pytest.raises(KeysAway):
        await nexus.jwks.key(FIRST.kid)
    nexus.away = None
    nexus.now += 2
    assert await nexus.knows(FIRST)


@pytest.mark.gen_test
async def test_n180_without_any_set_nothing_is_verified_and_nexus_is_not_stormed():
    nexus = Nexus(FIRST)
    nexus.away = ConnectionError()
    for _ in range(100):
        with pytest.raises(KeysAway):
            await nexus.jwks.key(FIRST.kid)
    assert nexus.calls == 1


@pytest.mark.gen_test
async def test_n137_a_fetch_under_way_does_not_bring_a_dropped_key_back():
    nexus = Nexus(FIRST, SECOND)
    await nexus.knows(FIRST)
    nexus.now += 301
    nexus.gate.clear()
    assert await nexus.knows(FIRST)
    await settled()
    nexus.signers = [SECOND]
    nexus.jwks.forget(FIRST.kid)
    nexus.gate.set()
    await settled()
    assert not await nexus.knows(FIRST)


@pytest.mark.gen_test
async def test_after_forgetting_all_the_set_is_fetched_anew():
    nexus = Nexus(FIRST)
    await nexus.knows(FIRST)
    nexus.signers = [SECOND]
    nexus.jwks.forget()
    assert not await nexus.knows(FIRST)
    assert await nexus.knows(SECOND)


@pytest.mark.gen_test
@pytest.mark.parametrize("document", [b"", b"[]", b'{"keys":{}}', b'{"keys":[],"keys":[]}', b"<html>", b'{"keys":[]}' + b" " * MAX_BYTES])
async def test_what_is_no_key_set_changes_nothing(document):
    nexus = Nexus(FIRST)
    await nexus.knows(FIRST)

    async def other():
        return document

    nexus.jwks._fetch = other
    nexus.now += 301
    assert await nexus.knows(FIRST)
    await settled()
    assert await nexus.knows(FIRST)


def test_the_thumbprint_is_that_of_rfc_7638():
    import base64
    import hashlib

    jwk = FIRST.jwk()
    text = f'{{"crv":"P-256","kty":"EC","x":"{jwk["x"]}","y":"{jwk["y"]}"}}'
    assert thumbprint(FIRST.key.public_key()) == base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
