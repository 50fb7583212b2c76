"""What the endpoints of OAuth share: forms read strictly, clients known by their secret, errors as RFC 6749 5.2 has them."""

import base64
import binascii
from typing import Any

from hmlib import json
from hmlib.auth.jwks import BadToken
from hmlib.auth.tokens import Claims, Verifier
from hmlib.records.audit import Actor
from hmlib.web import requests
from hmlib.web.api_handler import ApiHandler
from hmlib.web.headers import leave_plain
from hmlib.web.problems import Problem
from nexus_srv.identity.throttle import Throttled
from nexus_srv.oauth import client_auth
from nexus_srv.oauth.grants import Grants
from nexus_srv.oauth.protocol import OAuthError
from nexus_srv.oauth.token_issuer import Issuer
from nexus_srv.parts import NexusParts
from nexus_srv.queries import token_status
from nexus_srv.queries.clients import Client

WORDS = {404: "invalid_request", 429: "temporarily_unavailable", 500: "server_error", 503: "temporarily_unavailable"}


class OAuthHandler(ApiHandler):
    """An endpoint for clients, which say who they are with their secret and not with a token."""

    body_limit = 64 * 1024

    async def prepare(self) -> None:
        leave_plain(self.request)
        self.check_request()
        if not self.admit():
            raise Problem(403, "not_allowed", "This is not offered.")

    @property
    def grants(self) -> Grants:
        found = self.spine.own(NexusParts).grants
        return found

    @property
    def issuer(self) -> Issuer:
        return self.grants.issuer

    @property
    def parameters(self) -> dict[str, str]:
        """The posted parameters, each once; none in the address, where logs would keep them."""
        if self.request.query:
            raise OAuthError("invalid_request", "Parameters belong into the body.")
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
            raise OAuthError("invalid_request", "Send application/x-www-form-urlencoded.", 415)
        return requests.form(self.request).fields

    @property
    def asked_from(self) -> Actor:
        return Actor(id="", name="", address=self.address, request_id=self.request_id)

    async def client(self) -> Client:
        """The client that calls. Raises OAuthError, Throttled."""
        given = self.request.headers.get_list("Authorization")
        return await client_auth.authenticated(self.db, self.keys, given, self.parameters, self.address)

    async def claims_of(self, token: str) -> Claims | None:
        """What an access token says, whoever it was made for; None unless all of it still holds."""
        audience = _audience(token)
        if audience is None:
            return None
        try:
            claims = await Verifier(self.hm.origin, audience, self.issuer.signer.jwks).verify(token)
        except BadToken:
            return None
        if claims.permission_level is None:
            return claims if await token_status.service(self.db, claims) else None
        return claims if await token_status.level(self.db, claims, self.now) else None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        if isinstance(error, OAuthError):
            word, detail, headers = error.error, error.description, error.headers
        else:
            problem = self.problem_of(error)
            word, detail, headers = WORDS.get(problem.status, "invalid_request"), problem.detail, problem.headers
            if "retry_after" in problem.more:
                headers = {**headers, "Retry-After": str(problem.more["retry_after"])}
        for name, value in headers.items():
            self.set_header(name, value)
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.finish(json.encode({"error": word, "error_description": detail, "request_id": self.request_id}))

    def problem_of(self, error: BaseException | None) -> Problem:
        if isinstance(error, OAuthError):
            return Problem(error.status, error.error, error.description, error.headers)
        if isinstance(error, Throttled):
            return Problem(429, "throttled", "Too many attempts.", {"Retry-After": str(error.retry_after)})
        return super().problem_of(error)


def _audience(token: str) -> str | None:
    """For whom a token says it is; nothing of it is believed yet."""
    try:
        segment = token.split(".")[1]
        payload = json.plain(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (IndexError, ValueError, binascii.Error, json.Malformed):
        return None
    audience = payload.get("aud") if isinstance(payload, dict) else None
    return audience if isinstance(audience, str) else None
