"""Opening a signed token: the checks every kind shares, those PyJWT makes and those it leaves out."""

import base64
import binascii
import re
from collections.abc import Mapping
from time import time
from typing import Any

import jwt

from hmlib import json
from hmlib.adapters.pyjwt import PayloadJWT
from hmlib.auth.jwks import BadToken, Jwks, OtherService

ACCESS, ID, LOGOUT = "at+jwt", "JWT", "logout+jwt"

MAX_CHARACTERS = 8192
MAX_LIFETIME_SECONDS = 600
LEEWAY_SECONDS = 5
# 64 bytes in base64url: 85 characters of six bits, and one whose four last bits must be zero.
_SHAPE = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]")
_AUDIENCE = re.compile(r"[A-Za-z0-9._~-]{1,64}")
_FOREIGN_KEYS = frozenset({"jwk", "jku", "x5u", "x5c", "crit"})
_REQUIRED = {
    ACCESS: ["iss", "sub", "aud", "iat", "exp", "jti", "client_id", "scope"],
    ID: ["iss", "sub", "aud", "iat", "exp"],
    LOGOUT: ["iss", "aud", "iat", "exp", "jti", "events"],
}
_OPTIONS: Mapping[str, Any] = {
    typ: {"require": required, "strict_aud": True, "verify_iat": False, "verify_nbf": False} for typ, required in _REQUIRED.items()
}


async def opened(token: str, typ: str, *, issuer: str, audience: str, jwks: Jwks, late_seconds: int = 0) -> dict[str, Any]:
    """The payload of a token of one ``typ`` (RFC 8725 3.11), signed by one of ``jwks``, from ``issuer`` and for ``audience`` alone.

    It may have ended up to ``late_seconds`` ago. Raises BadToken, or KeysAway when there is nothing to verify with.
    """
    if len(token) > MAX_CHARACTERS:
        raise BadToken("too long")
    shape = _SHAPE.fullmatch(token)
    if shape is None:
        raise BadToken("not three segments with an ES256 signature")
    kid = jwks.headers.get((shape[1], typ)) or _kid_of(shape[1], typ)
    key = await jwks.key(kid)
    options = _OPTIONS[typ]
    try:
        payload = _STRICT.decode(token, key, algorithms=["ES256"], audience=audience, issuer=issuer, leeway=late_seconds, options=options)
    except jwt.InvalidAudienceError:
        raise _for_another(token, key, issuer, options) from None
    except jwt.InvalidTokenError as error:
        raise BadToken(type(error).__name__) from None
    jwks.headers.put((shape[1], typ), kid)  # all tokens of a key share their header; what does not hold is not remembered
    _check_times(payload)
    return payload


def _for_another(token: str, key: Any, issuer: str, options: Mapping[str, Any]) -> BadToken:
    """Whom a token of ours is for that is for somebody else: said only once signature, issuer and time have been found good again."""
    for_anybody: Any = {**options, "verify_aud": False}
    try:
        payload = _STRICT.decode(token, key, algorithms=["ES256"], issuer=issuer, options=for_anybody)
    except jwt.InvalidTokenError as error:
        return BadToken(type(error).__name__)
    audience = payload["aud"]
    return OtherService(audience) if isinstance(audience, str) and _AUDIENCE.fullmatch(audience) else BadToken("aud")


def text(payload: Mapping[str, Any], name: str) -> str:
    """A claim that must be a string of 1 to 255 characters. Raises BadToken."""
    value = payload.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 255:
        raise BadToken(name)
    return value


def text_or_none(payload: Mapping[str, Any], name: str) -> str | None:
    """The same for a claim that may be absent. Raises BadToken."""
    return text(payload, name) if name in payload else None


def date_or_none(payload: Mapping[str, Any], name: str) -> int | None:
    """A claim of whole seconds that may be absent. Raises BadToken."""
    value = payload.get(name)
    if value is None or type(value) is int:
        return value
    raise BadToken(name)


def texts(payload: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A claim that is a list of strings, empty when absent. Raises BadToken."""
    value = payload.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadToken(name)
    return tuple(value)


def _kid_of(segment: str, typ: str) -> str:
    """The kid in a header that is as it must be."""
    try:
        header = json.plain(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (json.Malformed, binascii.Error):
        raise BadToken("header") from None
    if not isinstance(header, dict) or header.get("alg") != "ES256" or header.get("typ") != typ:
        raise BadToken("alg or typ")
    if _FOREIGN_KEYS & header.keys():
        raise BadToken("a key of its own, or crit")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= 128:
        raise BadToken("kid")
    return kid


def _payload(raw: bytes) -> dict[str, Any]:
    """A payload as it must be, whose dates are whole numbers. Raises ValueError."""
    try:
        payload = json.plain(raw)
    except json.Malformed as error:
        raise ValueError("not JSON") from error
    if not isinstance(payload, dict) or any(type(payload.get(name, 0)) is not int for name in ("exp", "iat", "nbf")):
        raise ValueError("no claims")
    return payload


_STRICT = PayloadJWT(_payload)


def _check_times(payload: Mapping[str, Any]) -> None:
    now, iat, exp = time(), payload["iat"], payload["exp"]
    if not 0 < exp - iat <= MAX_LIFETIME_SECONDS:
        raise BadToken("lifetime")
    if iat > now + LEEWAY_SECONDS or payload.get("nbf", 0) > now + LEEWAY_SECONDS:
        raise BadToken("not yet")
