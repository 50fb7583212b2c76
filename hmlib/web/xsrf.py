"""Proof that a form or a script of ours made the request: a token bound to the session, and what the browser says of the origin."""

import hmac
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from hmlib.keys import Keys

HEADER = "X-XSRF-Token"
FIELD = "_xsrf"
SEPARATOR = "~"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def token(keys: Keys, binding: str, stamp: str = "") -> str:
    """The token for a session (its hashed id) or for a signed-out browser (its own cookie's hash).

    ``stamp`` rides along and proves nothing here: it tells whose page it was once the session is gone (see kept.stamp).
    """
    mac = keys.mac("xsrf", binding)
    return f"{mac}{SEPARATOR}{stamp}" if stamp else mac


def matches(keys: Keys, binding: str, given: str) -> bool:
    mac = given.partition(SEPARATOR)[0]
    return bool(mac) and hmac.compare_digest(token(keys, binding).encode(), mac.encode("utf-8", "replace"))


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
