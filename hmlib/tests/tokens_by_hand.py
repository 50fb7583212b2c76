"""Tokens made piece by piece, for tests that need them wrong in exactly one place."""

import base64
import json
import time

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import ECAlgorithm

from hmlib.auth.jwks import thumbprint

ISSUER = "https://nexus.test"
ABSENT = object()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """A key of Nexus, or of somebody who would like to be."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.kid = thumbprint(self.key.public_key())

    def jwk(self, **more):
        return {**ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "kid": self.kid, "use": "sig", "alg": "ES256", **more}

    def signature(self, text):
        r, s = decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def sign(self, header, payload):
        """Sign a header and a payload, each a dict or the JSON text itself."""
        text = ".".join(b64((part if isinstance(part, str) else json.dumps(part)).encode()) for part in (header, payload))
        return f"{text}.{b64(self.signature(text))}"

    def access(self, *, header=None, **claims):
        return self.sign(self.header("at+jwt", header), changed(access_claims(), claims))

    def header(self, typ, more=None):
        return changed({"alg": "ES256", "typ": typ, "kid": self.kid}, more or {})


def access_claims():
    now = int(time.time())
    return {
        "iss": ISSUER,
        "sub": "u-bob",
        "aud": "wiki",
        "client_id": "wiki",
        "scope": "wiki:read wiki:write",
        "iat": now,
        "exp": now + 300,
        "jti": "j1",
        "sid": "s1",
        "auth_time": now - 60,
        "amr": ["pwd"],
        "permission_level": "technician",
    }


def changed(values, changes):
    return {name: value for name, value in {**values, **changes}.items() if value is not ABSENT}
