"""What anybody may know about Nexus as an OpenID provider: where its endpoints are, what they can, and its public keys."""

import hashlib
from typing import Any

from hmlib import json
from hmlib.auth.permissions import LEVELS, PERMISSIONS, anyone
from hmlib.web.api_handler import ApiHandler
from nexus_srv.oauth.protocol import CODE_GRANT, EXCHANGE_GRANT, REFRESH_GRANT, SERVICE_GRANT
from nexus_srv.parts import NexusParts
from nexus_srv.queries.clients import OIDC_SCOPES

KEPT_SECONDS = 300
IDENTITY_CLAIMS = ["sub", "sid", "auth_time", "amr", "azp", "at_hash", "nonce"]
PERSONAL_CLAIMS = ["name", "preferred_username", "locale", "zoneinfo", "email", "email_verified"]
AUTHENTICATION = ["client_secret_basic", "client_secret_post", "none"]


class WellKnown(ApiHandler):
    """Public, the same for everybody, and the only answers that pages of other origins may read."""

    async def prepare(self) -> None:
        self.check_request()

    def tell(self, raw: bytes) -> None:
        fresh = not self.not_modified(f'"{hashlib.sha256(raw).hexdigest()[:32]}"')
        self.set_header("Cache-Control", f"public, max-age={KEPT_SECONDS}")
        self.set_header("Access-Control-Allow-Origin", "*")
        self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.clear_header("Vary")
        self.finish(raw if fresh else None)


class Configuration(WellKnown):
    """OpenID Connect Discovery 1.0 and RFC 8414 have the same content here."""

    @anyone
    async def get(self) -> None:
        """Where the endpoints are and what they can."""
        self.tell(json.encode(configuration(self.hm.origin)))


class KeySet(WellKnown):
    """RFC 7517."""

    @anyone
    async def get(self) -> None:
        """The public keys that tokens are verified with."""
        signer = self.spine.own(NexusParts).signer
        self.tell(await signer.document())


def configuration(issuer: str) -> dict[str, Any]:
    """The metadata of the provider at `issuer`."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "end_session_endpoint": f"{issuer}/oauth/logout",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "scopes_supported": [*OIDC_SCOPES, *sorted({word for level in LEVELS for word in PERMISSIONS[level]})],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [CODE_GRANT, REFRESH_GRANT, SERVICE_GRANT, EXCHANGE_GRANT],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": AUTHENTICATION,
        "revocation_endpoint_auth_methods_supported": AUTHENTICATION,
        "introspection_endpoint_auth_methods_supported": AUTHENTICATION[:2],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": [*IDENTITY_CLAIMS, *PERSONAL_CLAIMS],
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
