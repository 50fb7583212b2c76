"""A client's request to have somebody signed in, checked in the order that keeps a stranger's address from ever being redirected to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from nexus_srv.oauth.protocol import CHALLENGE, OAuthError, scope_of
from nexus_srv.queries.clients import OIDC_SCOPES, Client

PROMPTS = frozenset({"none", "login", "consent", "select_account"})
LONGEST = 2000


class UnknownClient(Exception):
    """Nobody we know, or an address that is not registered: answered here, never by a redirect."""


@dataclass(frozen=True)
class AuthorizationRequest:
    """A checked authorization request. `max_age` is seconds since the person last showed who they are, None for any."""

    client: Client
    redirect_uri: str
    scope: frozenset[str]
    state: str
    nonce: str
    challenge: str
    prompts: frozenset[str]
    max_age: int | None
    hint: str


def checked_client(client: Client | None, asked: Mapping[str, str]) -> Client:
    """The client, when it may be answered at the address it names. Raises UnknownClient."""
    if client is None or client.disabled or asked.get("redirect_uri") not in client.redirect_uris:
        raise UnknownClient
    return client


def checked(client: Client, asked: Mapping[str, str]) -> AuthorizationRequest:
    """The rest of a request whose address is good. Raises OAuthError, to be told by redirect."""
    _refuse_objects(asked)
    if asked.get("response_type") != "code" or asked.get("response_mode", "query") != "query":
        raise OAuthError("unsupported_response_type", "Only response_type code with response_mode query is offered.")
    if asked.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        raise OAuthError("invalid_request", "A PKCE challenge with the method S256 is needed.")
    if len(asked.get("state", "")) > LONGEST or len(asked.get("nonce", "")) > LONGEST:
        raise OAuthError("invalid_request", "A parameter is too long.")
    return AuthorizationRequest(
        client=client,
        redirect_uri=asked["redirect_uri"],
        scope=_scope(client, asked),
        state=asked.get("state", ""),
        nonce=asked.get("nonce", ""),
        challenge=asked["code_challenge"],
        prompts=_prompts(asked),
        max_age=_max_age(asked),
        hint=asked.get("id_token_hint", ""),
    )


def _refuse_objects(asked: Mapping[str, str]) -> None:
    """Requests by value or by reference (RFC 9101) are not offered, and nothing is fetched."""
    for name in ("request", "request_uri"):
        if name in asked:
            raise OAuthError(f"{name}_not_supported", f"The parameter {name} is not offered.")


def _scope(client: Client, asked: Mapping[str, str]) -> frozenset[str]:
    """What the client may have of what it asks for; words nobody knows are passed over (OpenID Connect Core 3.1.2.1)."""
    allowed = frozenset(OIDC_SCOPES if client.module else client.scopes)
    scope = scope_of(asked.get("scope", "")) & allowed
    if not scope:
        raise OAuthError("invalid_scope", "This client may have none of these scopes.")
    return scope


def _prompts(asked: Mapping[str, str]) -> frozenset[str]:
    prompts = frozenset(asked.get("prompt", "").split())
    if prompts - PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise OAuthError("invalid_request", "The prompt cannot be understood.")
    return prompts


def _max_age(asked: Mapping[str, str]) -> int | None:
    text = asked.get("max_age")
    if text is not None and not re.fullmatch(r"[0-9]{1,9}", text):
        raise OAuthError("invalid_request", "max_age is not a number of seconds.")
    return int(text) if text is not None else None


def client_id_of(path: str) -> str | None:
    """Which client a path of ours leads to by way of an authorization request, "" for none that says who it is; None for other paths."""
    page, _, query = path.partition("?")
    return dict(parse_qsl(query)).get("client_id", "") if page == "/oauth/authorize" else None
