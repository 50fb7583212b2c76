"""The rules of OAuth 2.1 and OpenID Connect that need no database: errors, PKCE, scopes, and the way back to a client."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import urlencode

CODE_GRANT = "authorization_code"
REFRESH_GRANT = "refresh_token"
SERVICE_GRANT = "client_credentials"
EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  the name of a kind of token

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")


class OAuthError(Exception):
    """An answer in the form of RFC 6749 5.2: a word of its list, one sentence, HTTP's status."""

    def __init__(self, error: str, description: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.error, self.description, self.status = error, description, status
        self.headers = dict(headers or {})


def needed(form: Mapping[str, str], name: str) -> str:
    """A parameter that must be there. Raises OAuthError (invalid_request)."""
    if not form.get(name):
        raise OAuthError("invalid_request", f"The parameter {name} is missing.")
    return form[name]


def scope_of(text: str) -> frozenset[str]:
    """The words of a scope parameter. Raises OAuthError (invalid_scope) for what is no scope."""
    if text and (len(text) > 1000 or not _SCOPE.fullmatch(text)):
        raise OAuthError("invalid_scope", "The scope cannot be read.")
    return frozenset(text.split())


def verifies(challenge: str, verifier: str) -> bool:
    """Whether a PKCE verifier is the one behind an S256 challenge (RFC 7636 4.6)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(made, challenge)


def with_parameters(uri: str, parameters: Mapping[str, str]) -> str:
    """A registered address with parameters added to those it has."""
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(parameters)}"
