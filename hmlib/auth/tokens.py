"""Verifying what Nexus signed: access tokens (RFC 9068), ID tokens (OpenID Connect) and logout tokens."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from time import time
from typing import Any

from hmlib.auth.jwks import BadToken, Jwks, KeysAway, thumbprint
from hmlib.auth.jwt import ACCESS, ID, LOGOUT, date_or_none, opened, text, text_or_none, texts

__all__ = ["BadToken", "Claims", "IdClaims", "Jwks", "KeysAway", "LogoutClaims", "Verifier", "id_token", "logout_token", "thumbprint"]

SIGNED_OUT = "http://schemas.openid.net/event/backchannel-logout"
TOKENS_ENDED = "urn:hivematrix:tokens-ended"

_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
MAX_REMEMBERED = 4096
MAX_NAMED = 200
MAX_ACTORS = 2


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified access token says; ``iat``, ``exp`` and ``auth_time`` are whole seconds since 1970 UTC.

    ``act`` is the service that acts for the subject (RFC 8693), ``actors`` it and those before it, nearest first.
    """

    iss: str
    sub: str
    aud: str
    client_id: str
    scope: frozenset[str]
    iat: int
    exp: int
    jti: str
    sid: str | None
    auth_time: int | None
    amr: tuple[str, ...]
    permission_level: str | None
    act: str | None
    actors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IdClaims:
    """What a verified ID token says of the sign-in; times are whole seconds since 1970 UTC."""

    sub: str
    sid: str | None
    auth_time: int | None
    amr: tuple[str, ...]
    preferred_username: str
    name: str
    iat: int
    exp: int


@dataclass(frozen=True, slots=True)
class LogoutClaims:
    """What a verified logout token says; ``events`` are event URIs, ``iat`` and ``exp`` whole seconds since 1970 UTC.

    ``at`` is the UTC time of the event itself, which may be well before the token's; "" where Nexus did not say. ``ended_jti`` and
    ``ended_client`` name a token (or a family of them, see lineage) and a client whose tokens have ended.
    """

    sub: str | None
    sid: str | None
    events: frozenset[str]
    jti: str
    iat: int
    exp: int
    at: str = ""
    ended_jti: str = ""
    ended_client: str = ""


class Verifier:
    """Verifies tokens of one issuer for one audience, and remembers up to 4,096 good ones until they end."""

    def __init__(self, issuer: str, audience: str, jwks: Jwks) -> None:
        self.issuer, self.audience, self.jwks = issuer, audience, jwks
        self._seen: dict[str, Claims] = {}
        self._generation = jwks.generation

    async def verify(self, token: str, late_seconds: int = 0) -> Claims:
        """The claims of an access token. Raises BadToken (KeysAway when there is nothing to verify with).

        ``late_seconds`` lets a token through that ended at most so long ago: for reading on while Nexus is away, nothing else.
        """
        claims = self._seen.get(token)
        if claims is not None and self._generation == self.jwks.generation and claims.exp + late_seconds > time():
            self.jwks.refresh_when_old()
            return claims
        payload = await opened(token, ACCESS, issuer=self.issuer, audience=self.audience, jwks=self.jwks, late_seconds=late_seconds)
        claims = _access(payload)
        self._remember(token, claims)
        return claims

    def _remember(self, token: str, claims: Claims) -> None:
        if self._generation != self.jwks.generation:
            self._seen.clear()
            self._generation = self.jwks.generation
        if len(self._seen) >= MAX_REMEMBERED:
            now = time()
            self._seen = {seen: kept for seen, kept in self._seen.items() if kept.exp > now}
        while len(self._seen) >= MAX_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[token] = claims


async def id_token(verifier: Verifier, token: str, *, client_id: str, nonce: str, access_token: str | None = None) -> IdClaims:
    """The claims of an ID token (OpenID Connect Core 3.1.3.7), bound to ``nonce`` and, when given, to the access token beside it.

    Raises BadToken.
    """
    payload = await opened(token, ID, issuer=verifier.issuer, audience=client_id, jwks=verifier.jwks)
    if payload.get("azp", client_id) != client_id:
        raise BadToken("azp")
    if not _same(payload.get("nonce"), nonce):
        raise BadToken("nonce")
    if access_token is not None and "at_hash" in payload and not _same(payload["at_hash"], half_hash(access_token)):
        raise BadToken("at_hash")
    return IdClaims(
        sub=text(payload, "sub"),
        sid=text_or_none(payload, "sid"),
        auth_time=date_or_none(payload, "auth_time"),
        amr=texts(payload, "amr"),
        preferred_username=text_or_none(payload, "preferred_username") or "",
        name=text_or_none(payload, "name") or "",
        iat=payload["iat"],
        exp=payload["exp"],
    )


async def logout_token(verifier: Verifier, token: str, client_id: str) -> LogoutClaims:
    """The claims of a logout token (OpenID Connect Back-Channel Logout 2.6). Raises BadToken.

    The receiver still has to see to it that a ``jti`` has no effect twice.
    """
    payload = await opened(token, LOGOUT, issuer=verifier.issuer, audience=client_id, jwks=verifier.jwks)
    events = payload["events"]
    if "nonce" in payload:
        raise BadToken("nonce in a logout token")
    if not isinstance(events, dict) or not events or not all(isinstance(detail, dict) for detail in events.values()):
        raise BadToken("events")
    claims = LogoutClaims(
        sub=text_or_none(payload, "sub"),
        sid=text_or_none(payload, "sid"),
        events=frozenset(events),
        jti=text(payload, "jti"),
        iat=payload["iat"],
        exp=payload["exp"],
        at=next((detail["at"] for detail in events.values() if _AT.fullmatch(str(detail.get("at", "")))), ""),
        ended_jti=_named(events.get(TOKENS_ENDED, {}), "jti"),
        ended_client=_named(events.get(TOKENS_ENDED, {}), "client_id"),
    )
    if SIGNED_OUT in events and claims.sub is None and claims.sid is None:
        raise BadToken("neither sub nor sid")
    return claims


def lineage(jti: str) -> list[str]:
    """A token's ``jti``, those of what it was exchanged from, and last the id of its family: when one ends all after it have."""
    parts = jti.split(".")
    return [".".join(parts[:length]) for length in range(len(parts), 0, -1)]


def half_hash(token: str) -> str:
    """The left half of the SHA-256 of a token, as ``at_hash`` has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).rstrip(b"=").decode()


def _named(detail: Mapping[str, Any], name: str) -> str:
    value = detail.get(name, "")
    return value if isinstance(value, str) and len(value) <= MAX_NAMED else ""


def _access(payload: Mapping[str, Any]) -> Claims:
    scope, actors = payload["scope"], _actors(payload.get("act"))
    if not isinstance(scope, str):
        raise BadToken("scope")
    return Claims(
        iss=payload["iss"],
        sub=text(payload, "sub"),
        aud=payload["aud"],
        client_id=text(payload, "client_id"),
        scope=frozenset(scope.split()),
        iat=payload["iat"],
        exp=payload["exp"],
        jti=text(payload, "jti"),
        sid=text_or_none(payload, "sid"),
        auth_time=date_or_none(payload, "auth_time"),
        amr=texts(payload, "amr"),
        permission_level=text_or_none(payload, "permission_level"),
        act=actors[0] if actors else None,
        actors=actors,
    )


def _actors(act: object) -> tuple[str, ...]:
    found: list[str] = []
    while act is not None:
        if not isinstance(act, dict) or len(found) == MAX_ACTORS:
            raise BadToken("act")
        found.append(text(act, "sub"))
        act = act.get("act")
    return tuple(found)


def _same(value: object, expected: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode(), expected.encode())
