"""ID tokens and logout tokens: what a module believes of a sign-in and of a sign-out (N126, N167, N168)."""

import json
import time

import pytest

from hmlib.auth.jwks import BadToken, Jwks
from hmlib.auth.tokens import SIGNED_OUT, Verifier, half_hash, id_token, logout_token
from hmlib.tests.tokens_by_hand import ABSENT, ISSUER, Signer, access_claims, changed

NEXUS, STRANGER = Signer(), Signer()


@pytest.fixture
def verifier():
    async def fetch():
        return json.dumps({"keys": [NEXUS.jwk()]}).encode()

    return Verifier(ISSUER, "wiki", Jwks(fetch))


def identity(*, signer=NEXUS, header=None, **changes):
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": "u-bob",
        "aud": "wiki",
        "iat": now,
        "exp": now + 300,
        "nonce": "n",
        "sid": "s1",
        "auth_time": now,
        "amr": ["pwd"],
    }
    claims |= {"preferred_username": "bob", "name": "Bob", "azp": "wiki", "at_hash": half_hash("token")}
    return signer.sign(signer.header("JWT", {"kid": NEXUS.kid, **(header or {})}), changed(claims, changes))


def ending(*, signer=NEXUS, header=None, **changes):
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": "u-bob",
        "aud": "wiki",
        "iat": now,
        "exp": now + 120,
        "jti": "j",
        "sid": "s1",
        "events": {SIGNED_OUT: {}},
    }
    return signer.sign(signer.header("logout+jwt", {"kid": NEXUS.kid, **(header or {})}), changed(claims, changes))


async def read(verifier, token):
    return await id_token(verifier, token, client_id="wiki", nonce="n", access_token="token")


@pytest.mark.gen_test
async def test_a_good_id_token_names_the_person(verifier):
    claims = await read(verifier, identity())
    assert (claims.sub, claims.sid, claims.preferred_username, claims.name, claims.amr) == ("u-bob", "s1", "bob", "Bob", ("pwd",))
    assert (await read(verifier, identity(azp=ABSENT, at_hash=ABSENT, sid=ABSENT))).sid is None


WRONG_IDENTITIES = {
    "nonce": {"nonce": "m"},
    "no nonce": {"nonce": ABSENT},
    "nonce a number": {"nonce": 1},
    "aud": {"aud": "treasury"},
    "aud a list": {"aud": ["wiki", "treasury"]},
    "azp": {"azp": "treasury"},
    "iss": {"iss": "https://evil.test"},
    "exp": {"exp": int(time.time()) - 1, "iat": int(time.time()) - 300},
    "at_hash": {"at_hash": half_hash("other")},
    "sub": {"sub": ABSENT},
    "by a stranger": {"signer": STRANGER},
    "no kid": {"header": {"kid": ABSENT}},
    "alg none": {"header": {"alg": "none"}},
    "an access token": {"header": {"typ": "at+jwt"}},
    "a logout token": {"header": {"typ": "logout+jwt"}},
}


@pytest.mark.gen_test
@pytest.mark.parametrize("changes", WRONG_IDENTITIES.values(), ids=WRONG_IDENTITIES.keys())
async def test_n168_an_id_token_that_is_not_for_this_sign_in(verifier, changes):
    with pytest.raises(BadToken):
        await read(verifier, identity(**changes))


@pytest.mark.gen_test
async def test_n126_no_kind_of_token_passes_for_another(verifier):
    for token in (identity(), ending()):
        with pytest.raises(BadToken):
            await verifier.verify(token)
    for token in (NEXUS.sign(NEXUS.header("at+jwt"), access_claims()), identity()):
        with pytest.raises(BadToken):
            await logout_token(verifier, token, "wiki")


@pytest.mark.gen_test
async def test_a_good_logout_token_names_the_session(verifier):
    claims = await logout_token(verifier, ending(), "wiki")
    assert (claims.sub, claims.sid, claims.events, claims.jti) == ("u-bob", "s1", {SIGNED_OUT}, "j")
    assert (await logout_token(verifier, ending(sid=ABSENT), "wiki")).sid is None
    assert (await logout_token(verifier, ending(sub=ABSENT), "wiki")).sub is None
    keys_changed = ending(sub=ABSENT, sid=ABSENT, events={"urn:hivematrix:keys-changed": {}})
    assert (await logout_token(verifier, keys_changed, "wiki")).events == {"urn:hivematrix:keys-changed"}


WRONG_ENDINGS = {
    "no events": {"events": ABSENT},
    "empty events": {"events": {}},
    "events a list": {"events": [SIGNED_OUT]},
    "an event that is no object": {"events": {SIGNED_OUT: 1}},
    "nonce": {"nonce": "n"},
    "aud": {"aud": "treasury"},
    "iss": {"iss": "https://evil.test"},
    "expired": {"exp": int(time.time()) - 1, "iat": int(time.time()) - 100},
    "no iat": {"iat": ABSENT},
    "no exp": {"exp": ABSENT},
    "no jti": {"jti": ABSENT},
    "nobody": {"sub": ABSENT, "sid": ABSENT},
    "by a stranger": {"signer": STRANGER},
    "alg none": {"header": {"alg": "none"}},
    "alg HS256": {"header": {"alg": "HS256"}},
}


@pytest.mark.gen_test
@pytest.mark.parametrize("changes", WRONG_ENDINGS.values(), ids=WRONG_ENDINGS.keys())
async def test_n167_a_logout_token_that_ends_nothing(verifier, changes):
    with pytest.raises(BadToken):
        await logout_token(verifier, ending(**changes), "wiki")
