"""Proof that a form or a script of ours made the request: a token bound to the session, and what the browser says of the origin."""

import hmac
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from hmlib.crypto import Keys

HEADER = "X-XSRF-Token"
FIELD = "_xsrf"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def token(keys: Keys, binding: str) -> str:
    """The token for a session (its hashed id) or for a signed-out browser (its own cookie's hash)."""
    return keys.mac("xsrf", binding)


def matches(keys: Keys, binding: str, given: str) -> bool:
    return bool(given) and hmac.compare_digest(token(keys, binding).encode(), given.encode("utf-8", "replace"))


def from_our_page(request: HTTPServerRequest, origin: str) -> bool:
    """Whether the browser says that the request comes from this very origin. Silence is not a yes."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        return False
    said = request.headers.get("Origin")
    if said is not None:
        return said == origin
    referer = request.headers.get("Referer")
    if referer is not None:
        parts = urlsplit(referer)
        return f"{parts.scheme}://{parts.netloc}" == origin
    return site == "same-origin"
