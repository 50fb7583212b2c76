"""Reading an old ID token that a client shows as a hint (OpenID Connect Core 3.1.2.1): it may have ended, but must be ours."""

from typing import Any

import jwt

from hmlib import json
from hmlib.auth.jwt import ID
from nexus_srv.oauth.signing_keys import Signer

LONGEST = 8192


async def read(signer: Signer, token: str) -> dict[str, Any] | None:
    """The claims of an ID token that we signed once, for whatever client; None for any other text."""
    if len(token) > LONGEST:
        return None
    try:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        key = await signer.public_key(kid) if header.get("typ") == ID and isinstance(kid, str) else None
        if key is None:
            return None
        options: Any = {"verify_exp": False, "verify_aud": False, "verify_iat": False, "require": ["sub", "aud"]}
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=["ES256"], issuer=signer.issuer, options=options)
    except (jwt.InvalidTokenError, json.Malformed):
        return None
    return claims


async def hinted(signer: Signer, token: str, client_id: str) -> str | None:
    """Whom the hint of a client names; None when it was not made for that client."""
    claims = await read(signer, token)
    return str(claims["sub"]) if claims and claims["aud"] == client_id else None
