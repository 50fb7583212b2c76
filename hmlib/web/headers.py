"""The headers that every answer of every service carries, and the content security policy of its pages."""

import hashlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import GZipContentEncoding

from hmlib.config import LOOPBACK_NAMES

EVERY_ANSWER: Mapping[str, str] = MappingProxyType(
    {
        "Server": "hm",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
)

HSTS = "Strict-Transport-Security"


def every_answer(host: str) -> Mapping[str, str]:
    """The headers of an answer addressed to `host`. HSTS covers every port of a name, so a loopback name goes without."""
    return {name: value for name, value in EVERY_ANSWER.items() if name != HSTS or host not in LOOPBACK_NAMES}


def etag_of(*parts: str) -> str:
    """A strong ETag (RFC 9110, 8.8.3) for what ``parts`` name together: hashed, as some of them came with the request."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


class Compression(GZipContentEncoding):
    """Answers are compressed for who takes gzip, but not to requests that another site could have made, and not where the handler said
    so: the length of what is compressed together tells of a secret in it (BREACH)."""

    GZIP_LEVEL = 2  # a quarter of the work of 6 for a tenth more bytes

    def __init__(self, request: HTTPServerRequest) -> None:
        super().__init__(request)
        self._request = request
        self._gzipping = self._gzipping and request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        own = "Content-Encoding" in headers or "immutable" in headers.get("Cache-Control", "")  # static files have theirs
        if own or self._request.__dict__.get(_PLAIN):
            self._gzipping = False
            return status_code, headers, chunk
        return super().transform_first_chunk(status_code, headers, chunk, finishing)


_PLAIN = "hm_plain"


def leave_plain(request: HTTPServerRequest) -> None:
    """Do not compress the answer to this request: it shows a secret."""
    request.__dict__[_PLAIN] = True


CLOSED_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'none'"
"""The policy of an answer that is not a page: JSON, a redirect, a static file."""


def page_policy(nonce: str, *, form_origins: Iterable[str] = (), report_to: str = "/csp-report") -> str:
    """The policy of a page whose scripts carry `nonce`; a form may post to this origin and to `form_origins`."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            " ".join(["form-action 'self'", *form_origins]),
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "object-src 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types htmx",
            f"report-uri {report_to}",
        ]
    )
