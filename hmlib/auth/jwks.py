"""The public keys tokens are verified with: fetched from Nexus, remembered, and asked for again only so often."""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from jwt.algorithms import ECAlgorithm

from hmlib import json as jsonin
from hmlib.cache import Bounded

OLD_AFTER_SECONDS = 300
GOOD_FOR_SECONDS = 24 * 3600
SEARCH_EVERY_SECONDS = 30
RETRY_EVERY_SECONDS = 1
MAX_BYTES = 65_536
REMEMBERED_HEADERS = 16


class BadToken(Exception):
    """A token that is not to be trusted; ``reason`` is for the log, never for the sender."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OtherService(BadToken):
    """A token that holds in all but one thing: Nexus made it for another service, ``audience``."""

    def __init__(self, audience: str) -> None:
        super().__init__("for another service")
        self.audience = audience


class KeysAway(BadToken):
    """No key set could be fetched and none is remembered: nothing can be verified now. Also what ``fetch`` may raise."""


class Jwks:
    """A key set by kid (RFC 7517) behind ``fetch``, which answers the document or raises KeysAway or OSError.

    Older than 300 s it is fetched again in the background; an unknown kid fetches it again at most once in 30 s; one
    fetch is in flight at a time; while fetching fails the last good set serves for 24 h. ``clock`` counts seconds.
    ``headers`` leads from the first segment and the type of tokens that held to the kid in it.
    ``generation`` rises whenever a key is lost, so that whoever remembers verified tokens can drop them.
    """

    def __init__(self, fetch: Callable[[], Awaitable[bytes]], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        self._good_at = self._tried_at = self._searched_at = float("-inf")
        self._loading: asyncio.Task[None] | None = None
        self.generation = 0
        self.headers: Bounded[tuple[str, str], str] = Bounded(REMEMBERED_HEADERS)

    async def key(self, kid: str) -> EllipticCurvePublicKey:
        """The key named ``kid``. Raises BadToken for an unknown one, KeysAway when there is no set to look in."""
        self.refresh_when_old()
        if self._clock() - self._good_at > GOOD_FOR_SECONDS:
            await self._load_first()
        elif kid not in self._keys:
            await self._search()
        found = self._keys.get(kid)
        if found is None:
            raise BadToken("unknown kid")
        return found

    async def prepare(self) -> None:
        """Fetch the set where there is none; that it cannot be had yet is no error."""
        with suppress(KeysAway):
            if self._clock() - self._good_at > GOOD_FOR_SECONDS:
                await self._load_first()

    def refresh_when_old(self) -> None:
        """Begin a fetch in the background when the set is older than 300 s. Needs a running event loop."""
        now = self._clock()
        if OLD_AFTER_SECONDS < now - self._good_at <= GOOD_FOR_SECONDS and now - self._tried_at > SEARCH_EVERY_SECONDS:
            self._load()

    def forget(self, kid: str | None = None) -> None:
        """Drop one key, or all of them with None; the next token fetches the set anew."""
        self.generation += 1
        self._searched_at = self._tried_at = float("-inf")
        if kid is None:
            self._keys, self._good_at = {}, float("-inf")
        else:
            self._keys.pop(kid, None)

    async def _load_first(self) -> None:
        if self._loading is not None or self._clock() - self._tried_at > RETRY_EVERY_SECONDS:
            await asyncio.shield(self._load())
        if self._clock() - self._good_at > GOOD_FOR_SECONDS:
            raise KeysAway("no keys")

    async def _search(self) -> None:
        if self._clock() - self._searched_at > SEARCH_EVERY_SECONDS:
            self._searched_at = self._clock()
            await asyncio.shield(self._load())
        elif self._loading is not None:
            await asyncio.shield(self._loading)

    def _load(self) -> "asyncio.Task[None]":
        if self._loading is None:
            self._tried_at = self._clock()
            self._loading = asyncio.ensure_future(self._replace())
        return self._loading

    async def _replace(self) -> None:
        generation = self.generation
        try:
            found = keys_of(await self._fetch())
        except (KeysAway, OSError):
            return
        finally:
            self._loading = None
        if generation != self.generation:  # dropped meanwhile: what was under way may still hold the dropped key
            return
        if any(found.get(kid) != key for kid, key in self._keys.items()):
            self.generation += 1
        self._keys, self._good_at = found, self._clock()


def keys_of(document: bytes) -> dict[str, EllipticCurvePublicKey]:
    """The keys of a JWK set that may verify ES256: P-256, for signatures, public, with a kid. Raises KeysAway if it is none."""
    try:
        parsed = jsonin.plain(document) if len(document) <= MAX_BYTES else None
    except jsonin.Malformed:
        parsed = None
    entries = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(entries, list):
        raise KeysAway("not a key set")
    return {entry["kid"]: key for entry in entries if isinstance(entry, dict) and (key := _verifying_key(entry)) is not None}


def _verifying_key(entry: dict[str, Any]) -> EllipticCurvePublicKey | None:
    operations = entry.get("key_ops", ["verify"])
    fits = (
        (entry.get("kty"), entry.get("crv")) == ("EC", "P-256")
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", "ES256") == "ES256"
        and isinstance(operations, list)
        and "verify" in operations
        and isinstance(entry.get("kid"), str)
        and "d" not in entry
    )
    if not fits:
        return None
    try:
        key = ECAlgorithm.from_jwk(entry)
    except (jwt.InvalidKeyError, ValueError, TypeError):
        return None
    return key if isinstance(key, EllipticCurvePublicKey) else None


def thumbprint(public_key: EllipticCurvePublicKey) -> str:
    """The RFC 7638 thumbprint (SHA-256, base64url, 43 characters) of a P-256 key: its kid."""
    jwk = ECAlgorithm.to_jwk(public_key, as_dict=True)
    canonical = json.dumps({name: jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()
