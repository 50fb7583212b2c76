"""The keys that sign tokens (ES256): made, published before they sign, replaced without a gap, dropped at once when they must be."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm

from hmlib.auth.jwks import Jwks, thumbprint
from hmlib.auth.tokens import Verifier
from hmlib.clock import shifted, utc_now
from hmlib.config import HUB
from hmlib.db.database import Db, Transaction
from hmlib.keys import Keys
from hmlib.records import audit
from hmlib.records.audit import Actor
from nexus_srv.queries import keys as rows
from nexus_srv.queries import outbox
from nexus_srv.queries.keys import StoredKey

REMEMBERED_SECONDS = 1.0
PUBLISHED_SECONDS = 900  # longer than a token lives and a key set is kept


class Signer:
    """Signs for one issuer with the active key. Keys live in the database and are remembered for a second, so that every process
    follows a rotation."""

    def __init__(self, db: Db, keys: Keys, issuer: str) -> None:
        self.issuer = issuer
        self.jwks = Jwks(self.document)
        self._verifiers: dict[str, Verifier] = {}
        self._db, self._keys = db, keys
        self._read_at = float("-inf")
        self._stored: Sequence[StoredKey] = ()
        self._private: dict[str, ec.EllipticCurvePrivateKey] = {}

    @property
    def verifier(self) -> Verifier:
        """Verifies tokens for Nexus itself."""
        return self.verifier_for(HUB)

    def verifier_for(self, audience: str) -> Verifier:
        """Verifies tokens for a service of the suite."""
        if audience not in self._verifiers:
            self._verifiers[audience] = Verifier(self.issuer, audience, self.jwks)
        return self._verifiers[audience]

    async def prepare(self) -> None:
        """See to it that a key signs, and that it is the one every process signs with now. Asks the database at most once a second."""
        if time.monotonic() - self._read_at > REMEMBERED_SECONDS:
            await self.reload()
        if self._active is None:
            async with self._db.write() as tx:
                await first(tx, self._keys, utc_now())
            await self.reload()

    async def sign(self, typ: str, claims: Mapping[str, Any]) -> str:
        """A token of one `typ`, signed with the active key as prepare() last saw it; so it may be called within a transaction.

        `iss` is added. Raises Unsealable when the master key is another one.
        """
        if self._active is None:
            await self.prepare()
        stored = self._active
        assert stored is not None
        payload = {"iss": self.issuer, **claims}
        return jwt.encode(payload, self._opened(stored), algorithm="ES256", headers={"typ": typ, "kid": stored.kid})

    async def document(self) -> bytes:
        """The public key set (RFC 7517): what signs now, what will, and what did a short time ago."""
        await self.prepare()
        return msgspec.json.encode({"keys": [msgspec.json.decode(key.public_key) for key in self._published()]})

    async def public_key(self, kid: str) -> ec.EllipticCurvePublicKey | None:
        """Any key that ever signed and was not given away: for an old ID token that only hints at who somebody was."""
        stored = await rows.by_kid(self._db, kid)
        if stored is None or stored.compromised:
            return None
        key = ECAlgorithm.from_jwk(stored.public_key)
        return key if isinstance(key, ec.EllipticCurvePublicKey) else None

    async def reload(self) -> None:
        """Read the keys anew; whatever was verified with a key that is not published any more is forgotten."""
        before = {key.kid for key in self._published()}
        self._stored = await rows.living(self._db)
        self._read_at = time.monotonic()
        if before - {key.kid for key in self._published()}:
            self.jwks.forget()

    async def follow(self) -> None:
        """Reload every second, for ever."""
        while True:
            await self.reload()
            await self.prepare()
            await asyncio.sleep(REMEMBERED_SECONDS)

    @property
    def _active(self) -> StoredKey | None:
        return next((key for key in self._stored if key.state == "active"), None)

    def _published(self) -> list[StoredKey]:
        earliest = shifted(utc_now(), -PUBLISHED_SECONDS)
        return [key for key in self._stored if key.state != "retiring" or key.retired_at > earliest]

    def _opened(self, stored: StoredKey) -> ec.EllipticCurvePrivateKey:
        if stored.kid not in self._private:
            assert stored.private_key is not None
            pem = self._keys.unseal(stored.private_key, table="signing_key", column="private_key", row_id=stored.kid)
            key = load_pem_private_key(pem, password=None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            self._private = {stored.kid: key}
        return self._private[stored.kid]


async def first(tx: Transaction, keys: Keys, now: str) -> None:
    """See to it that a key signs and another one waits."""
    states = {key.state for key in await rows.living(tx)}
    if "next" not in states:
        await _make(tx, keys, now)
    if "active" not in states:
        await rows.promote_next(tx, now)
        await _make(tx, keys, now)


async def rotate(tx: Transaction, keys: Keys, actor: Actor, now: str) -> str:
    """The waiting key signs from now on, the one before verifies for a while, a new one waits; answers the kid that signs."""
    await first(tx, keys, now)
    await rows.expire_retired(tx, shifted(now, -PUBLISHED_SECONDS))
    await rows.retire_active(tx, now)
    kid = await rows.promote_next(tx, now)
    assert kid is not None
    await _make(tx, keys, now)
    await audit.record(tx, actor, "key.rotated", f"key/{kid}", now=now)
    await outbox.keys_changed(tx, now)
    return kid


async def compromise(tx: Transaction, keys: Keys, kid: str, actor: Actor, now: str) -> bool:
    """Believe a key no more, at once and everywhere; False when there is none of that name."""
    stored = await rows.by_kid(tx, kid)
    if stored is None:
        return False
    await rows.drop(tx, kid, now)
    if stored.state == "active":
        await rows.promote_next(tx, now)
    if stored.state in ("active", "next"):
        await _make(tx, keys, now)
    await audit.record(tx, actor, "key.compromised", f"key/{kid}", now=now, before={"state": stored.state})
    await outbox.keys_changed(tx, now)
    return True


async def _make(tx: Transaction, keys: Keys, now: str) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    kid = thumbprint(private.public_key())
    jwk = {**ECAlgorithm.to_jwk(private.public_key(), as_dict=True), "kid": kid, "use": "sig", "alg": "ES256"}
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    sealed = keys.seal(pem, table="signing_key", column="private_key", row_id=kid)
    await rows.insert(tx, kid, sealed, msgspec.json.encode(jwk).decode(), now)
