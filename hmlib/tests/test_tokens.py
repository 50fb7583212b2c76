"""Access tokens that must not work (N119 to N137), and the ones that must."""

import base64
import datetime
import hmac
import json
import socket
import threading
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hmlib.auth.jwks import BadToken, Jwks
from hmlib.auth.tokens import Verifier
from hmlib.tests.tokens_by_hand import ABSENT, ISSUER, Signer, access_claims, b64, changed

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
NEXUS = Signer()
STRANGER = Signer()
NOW = int(time.time())


def served(*keys):
    async def fetch():
        return json.dumps({"keys": list(keys)}).encode()

    return Verifier(ISSUER, "wiki", Jwks(fetch))


async def refused(token, verifier=None):
    with pytest.raises(BadToken) as caught:
        await (verifier or served(NEXUS.jwk())).verify(token)
    return caught.value.reason


@pytest.mark.gen_test
async def test_a_good_token_becomes_its_claims():
    claims = await served(NEXUS.jwk()).verify(NEXUS.access(act={"sub": "wiki", "act": {"sub": "treasury"}}))
    assert (claims.sub, claims.aud, claims.client_id, claims.sid) == ("u-bob", "wiki", "wiki", "s1")
    assert claims.scope == {"wiki:read", "wiki:write"}
    assert (claims.act, claims.actors, claims.amr) == ("wiki", ("wiki", "treasury"), ("pwd",))


@pytest.mark.gen_test
async def test_a_service_token_has_no_person_in_it():
    token = NEXUS.access(sub="treasury", sid=ABSENT, auth_time=ABSENT, amr=ABSENT, permission_level=ABSENT)
    claims = await served(NEXUS.jwk()).verify(token)
    assert (claims.permission_level, claims.sid, claims.auth_time, claims.amr, claims.act) == (None, None, None, (), None)


def forged(alg, key, **more):
    return jwt.encode(access_claims(), key, algorithm=alg, headers={"typ": "at+jwt", "kid": NEXUS.kid, **more})


def unsigned(alg, signature=b""):
    return f"{b64(json.dumps(NEXUS.header('at+jwt', {'alg': alg})).encode())}.{b64(json.dumps(access_claims()).encode())}.{b64(signature)}"


@pytest.mark.gen_test
@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
@pytest.mark.parametrize("signature", [b"", bytes(64)])
async def test_n119_alg_none(alg, signature):
    await refused(unsigned(alg, signature))


@pytest.mark.gen_test
@pytest.mark.parametrize("form", ["pem", "jwk", "der"])
@pytest.mark.parametrize("length", [32, 64])
async def test_n120_the_public_key_as_a_secret(form, length):
    public = NEXUS.key.public_key()
    secret = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "jwk": json.dumps(NEXUS.jwk()).encode(),
    }[form]
    text = unsigned("HS256" if length == 32 else "HS512").rsplit(".", 1)[0]
    await refused(f"{text}.{b64(hmac.digest(secret, text.encode(), 'sha256' if length == 32 else 'sha512'))}")


FOREIGN = {
    "ES384": lambda: forged("ES384", ec.generate_private_key(ec.SECP384R1())),
    "RS256": lambda: forged("RS256", rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    "EdDSA": lambda: forged("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    "HS256": lambda: forged("HS256", "a secret that is long enough for it"),
    "ES256 by a stranger": lambda: STRANGER.access(header={"kid": NEXUS.kid}),
    "alg a list": lambda: NEXUS.access(header={"alg": ["ES256"]}),
    "alg a dict": lambda: NEXUS.access(header={"alg": {"ES256": 1}}),
    "alg missing": lambda: NEXUS.access(header={"alg": ABSENT}),
    "alg null": lambda: NEXUS.access(header={"alg": None}),
    "alg in lower case": lambda: NEXUS.access(header={"alg": "es256"}),
}


@pytest.mark.gen_test
@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN.keys())
async def test_n121_another_algorithm_or_key(make):
    await refused(make())


def der(signature):
    return encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))


SIGNATURES = {
    "zero": lambda s: bytes(64),
    "r = 0": lambda s: bytes(32) + s[32:],
    "s = 0": lambda s: s[:32] + bytes(32),
    "r = n": lambda s: ORDER.to_bytes(32, "big") + s[32:],
    "DER": der,
    "63 bytes": lambda s: s[:63],
    "65 bytes": lambda s: s + b"\0",
    "empty": lambda s: b"",
    "halves swapped": lambda s: s[32:] + s[:32],
}


@pytest.mark.gen_test
@pytest.mark.parametrize("change", SIGNATURES.values(), ids=SIGNATURES.keys())
async def test_n122_a_broken_signature(change):
    text, _, signature = NEXUS.access().rpartition(".")
    await refused(f"{text}.{b64(change(base64.urlsafe_b64decode(signature + '==')))}")


@pytest.fixture
def trap():
    """A server on loopback that notes whether anything ever called it."""
    calls = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)

        def listen():
            try:
                server.accept()[0].close()
                calls.append("called")
            except OSError:
                return

        thread = threading.Thread(target=listen)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/keys", thread, calls
        thread.join()


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
@pytest.mark.parametrize("signer", [STRANGER, NEXUS], ids=["stranger", "nexus"])
async def test_n123_a_key_brought_along(name, signer, trap):
    address, thread, calls = trap
    value = {"jwk": STRANGER.jwk(), "jku": address, "x5u": address, "x5c": ["MIIB"]}[name]
    assert await refused(signer.access(header={name: value, "kid": signer.kid})) == "a key of its own, or crit"
    thread.join()
    assert calls == []


def test_n123_negative_control_the_trap_notices(trap):
    address, thread, calls = trap
    host, port = address.split("/")[2].split(":")
    socket.create_connection((host, int(port))).close()
    thread.join()
    assert calls == ["called"]


@pytest.mark.gen_test
@pytest.mark.parametrize("kid", [ABSENT, "unknown", 7, None, "", "../../dev/null", "' OR 1=1 --", "x" * 10_000, ["a"], "\ud800"])
async def test_n124_kid(kid):
    await refused(NEXUS.access(header={"kid": kid}))


@pytest.mark.gen_test
async def test_crit_is_refused():
    assert await refused(NEXUS.access(header={"crit": ["b64"], "b64": True})) == "a key of its own, or crit"
    await refused(NEXUS.access(header={"crit": []}))


@pytest.mark.gen_test
@pytest.mark.parametrize("typ", [ABSENT, "JWT", "logout+jwt", "at+JWT", "application/at+jwt", "rt+jwt", 7, None, ["at+jwt"]])
async def test_n126_typ(typ):
    assert await refused(NEXUS.access(header={"typ": typ})) == "alg or typ"


def test_n126_negative_control_pyjwt_takes_any_typ():
    token = NEXUS.access(header={"typ": "logout+jwt"})
    assert jwt.decode(token, NEXUS.key.public_key(), ["ES256"], audience="wiki", issuer=ISSUER)["sub"] == "u-bob"


ISSUERS = ["https://evil.test", ISSUER + "/", ISSUER[:-1], ISSUER + ".evil.test", [ISSUER], ISSUER.upper(), ABSENT, None, ""]


@pytest.mark.gen_test
@pytest.mark.parametrize("iss", ISSUERS)
async def test_n127_iss(iss):
    await refused(NEXUS.access(iss=iss))


@pytest.mark.gen_test
@pytest.mark.parametrize("aud", ["treasury", "wik", "wiki2", "Wiki", ABSENT, None, "", ["wiki"], ["wiki", "treasury"], {"wiki": 1}, 1])
async def test_n128_aud(aud):
    await refused(NEXUS.access(aud=aud))


def test_n128_negative_control_pyjwt_takes_a_list():
    token = NEXUS.access(aud=["wiki", "treasury"])
    assert jwt.decode(token, NEXUS.key.public_key(), ["ES256"], audience="wiki", issuer=ISSUER)


def literal(name, value):
    """A token whose claim is written exactly so."""
    payload = json.dumps(changed(access_claims(), {name: "@"})).replace('"@"', value)
    return NEXUS.sign(NEXUS.header("at+jwt"), payload)


EXPIRIES = [
    "0",
    str(NOW - 1),
    f'"{NOW + 300}"',
    f"{NOW + 300}.0",
    "1e18",
    str(10**18),
    "Infinity",
    "NaN",
    "9" * 5000,
    "true",
    "null",
    "[]",
    "-1",
]


@pytest.mark.gen_test
@pytest.mark.parametrize("exp", EXPIRIES, ids=lambda exp: exp[:20])
async def test_n129_exp(exp):
    await refused(literal("exp", exp))


@pytest.mark.gen_test
async def test_n129_exp_now_missing_or_too_far():
    now = int(time.time())
    await refused(NEXUS.access(exp=now, iat=now - 300))
    await refused(NEXUS.access(exp=ABSENT))
    assert await refused(NEXUS.access(iat=now, exp=now + 601)) == "lifetime"
    assert await served(NEXUS.jwk()).verify(NEXUS.access(iat=now, exp=now + 600))


@pytest.mark.parametrize("exp", [f'"{NOW + 3000}"', f"{NOW + 3000}.5", "1e18"])
def test_n129_negative_control_pyjwt_takes_other_dates(exp):
    assert jwt.decode(literal("exp", exp), NEXUS.key.public_key(), ["ES256"], audience="wiki", issuer=ISSUER)


@pytest.mark.gen_test
async def test_n130_from_the_future_or_long_ago():
    now = int(time.time())
    assert await refused(NEXUS.access(iat=now + 20, exp=now + 300)) == "not yet"
    assert await refused(NEXUS.access(nbf=now + 20)) == "not yet"
    assert await refused(NEXUS.access(iat=now - 90_000, exp=now + 300)) == "lifetime"
    assert await refused(NEXUS.access(iat=now + 300, exp=now + 300)) == "lifetime"
    assert await served(NEXUS.jwk()).verify(NEXUS.access(iat=now + 3, nbf=now + 3))


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["iat", "nbf"])
@pytest.mark.parametrize("value", ['"1"', "1.5", "true", "null", "1e400"])
async def test_n130_dates_are_whole_numbers(name, value):
    await refused(literal(name, value))


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["sub", "jti", "client_id"])
@pytest.mark.parametrize("value", [ABSENT, 7, "", None, ["x"], "x" * 256])
async def test_n131_who_and_which(name, value):
    await refused(NEXUS.access(**{name: value}))


WRONG = [
    {"scope": ["wiki:read"]},
    {"scope": 7},
    {"scope": ABSENT},
    {"iat": ABSENT},
    {"sid": 7},
    {"sid": None},
    {"auth_time": "1"},
    {"auth_time": True},
    {"amr": "pwd"},
    {"amr": [1]},
    {"permission_level": 1},
    {"act": "wiki"},
    {"act": {}},
    {"act": {"sub": "a", "act": {"sub": "b", "act": {"sub": "c"}}}},
]


@pytest.mark.gen_test
@pytest.mark.parametrize("claims", WRONG, ids=lambda claims: next(iter(claims)))
async def test_n131_claims_of_the_wrong_type(claims):
    await refused(NEXUS.access(**claims))


@pytest.mark.gen_test
async def test_n132_duplicate_keys():
    header, payload = json.dumps(NEXUS.header("at+jwt")), json.dumps(access_claims())
    twice = ['{"alg":"none",' + header[1:], '{"kid":"x",' + header[1:]]
    for text in twice:
        assert await refused(NEXUS.sign(text, payload)) == "header"
    await refused(NEXUS.sign(header, '{"sub":"u-alice",' + payload[1:]))
    await refused(NEXUS.sign(header, payload[:-1] + ', "act": {"sub": "a", "sub": "b"}}'))
    assert jwt.decode(NEXUS.sign(header, '{"sub":"x",' + payload[1:]), NEXUS.key.public_key(), ["ES256"], audience="wiki")


def last_bits(token):
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) + 1]


SHAPES = {
    "four segments": lambda t: t + ".e30",
    "two segments": lambda t: t.rpartition(".")[0],
    "five segments": lambda t: "e30." + t + ".e30",
    "padding": lambda t: t + "==",
    "space before": lambda t: " " + t,
    "line end": lambda t: t + "\n",
    "space inside": lambda t: t.replace(".", ". ", 1),
    "NUL": lambda t: t + "\0",
    "not ASCII": lambda t: t + "é",
    "last bits": last_bits,
    "empty": lambda t: "",
    "dots": lambda t: "..",
    "standard alphabet": lambda t: "+/" + t[2:],
    "half a byte": lambda t: "A." + t.split(".", 1)[1],
    "header not JSON": lambda t: b64(b"{") + "." + t.split(".", 1)[1],
    "header a list": lambda t: b64(b"[]") + "." + t.split(".", 1)[1],
}


@pytest.mark.gen_test
@pytest.mark.parametrize("change", SHAPES.values(), ids=SHAPES.keys())
async def test_n133_another_shape(change):
    await refused(change(NEXUS.access()))


@pytest.mark.gen_test
async def test_n133_deep_or_large_payloads():
    await refused(NEXUS.sign(NEXUS.header("at+jwt"), "[" * 2500 + "]" * 2500))
    await refused(NEXUS.sign(NEXUS.header("at+jwt"), "[]"))
    assert await refused(NEXUS.access(name="x" * 8192)) == "too long"


@pytest.mark.gen_test
async def test_n135_a_twin_has_the_same_jti_and_sid():
    token = NEXUS.access()
    text, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    twin = f"{text}.{b64(raw[:32] + (ORDER - int.from_bytes(raw[32:], 'big')).to_bytes(32, 'big'))}"
    verifier = served(NEXUS.jwk())
    first, second = await verifier.verify(token), await verifier.verify(twin)
    assert twin != token and (first.jti, first.sid) == (second.jti, second.sid)


NOT_FOR_VERIFYING = [
    {"use": "enc"},
    {"key_ops": ["sign"]},
    {"key_ops": []},
    {"key_ops": "verify"},
    {"alg": "ES384"},
    {"kty": "oct"},
    {"d": "AA"},
]


@pytest.mark.gen_test
@pytest.mark.parametrize("change", NOT_FOR_VERIFYING, ids=str)
async def test_n136_a_key_that_is_not_for_verifying(change):
    assert await refused(NEXUS.access(), served({**NEXUS.jwk(), **change})) == "unknown kid"


@pytest.mark.gen_test
async def test_n136_keys_that_are_none_are_passed_over():
    broken = [{"kid": "a"}, 7, {**NEXUS.jwk(), "x": "AAAA"}, {**STRANGER.jwk(), "y": NEXUS.jwk()["y"]}, {**NEXUS.jwk(), "kid": 7}]
    assert await served(*broken, NEXUS.jwk(key_ops=["verify"])).verify(NEXUS.access())


@pytest.mark.gen_test
async def test_n137_a_dropped_key_verifies_nothing_at_once():
    published = [NEXUS.jwk(), STRANGER.jwk()]

    async def fetch():
        return json.dumps({"keys": published}).encode()

    verifier, token = Verifier(ISSUER, "wiki", Jwks(fetch)), NEXUS.access()
    await verifier.verify(token)
    published.pop(0)
    verifier.jwks.forget(NEXUS.kid)
    assert await refused(token, verifier) == "unknown kid"
    assert await verifier.verify(STRANGER.access())


@pytest.mark.gen_test
async def test_a_token_ends_even_when_it_was_remembered(monkeypatch):
    verifier, token = served(NEXUS.jwk()), NEXUS.access()
    await verifier.verify(token)
    monkeypatch.setattr("hmlib.auth.tokens.time", lambda: time.time() + 301)
    monkeypatch.setattr("jwt.api_jwt.datetime", Later)
    await refused(token, verifier)
    assert (await verifier.verify(token, late_seconds=600)).sub == "u-bob"


class Later:
    @staticmethod
    def now(tz):
        return datetime.datetime.now(tz) + datetime.timedelta(seconds=301)


@pytest.mark.gen_test
async def test_remembered_tokens_are_bounded(monkeypatch):
    monkeypatch.setattr("hmlib.auth.tokens.MAX_REMEMBERED", 3)
    verifier = served(NEXUS.jwk())
    tokens = [NEXUS.access(jti=str(n)) for n in range(5)]
    for token in tokens:
        await verifier.verify(token)
    assert list(verifier._seen) == tokens[2:]
    assert (await verifier.verify(tokens[0])).jti == "0"
