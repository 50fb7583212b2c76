"""What a client may know about the person who signed in."""

from hmlib import json
from hmlib.auth.jwks import BadToken
from hmlib.auth.permissions import anyone
from hmlib.web import requests
from hmlib.web.api_handler import REALM, ApiHandler
from hmlib.web.problems import Problem
from nexus_srv.oauth.token_issuer import claims_about
from nexus_srv.parts import NexusParts
from nexus_srv.queries import token_status, users


class UserinfoEndpoint(ApiHandler):
    """OpenID Connect Core 5.3. The token's own scopes decide, which are not permissions; so it is read here and not before."""

    async def prepare(self) -> None:
        self.check_request()

    @anyone
    async def get(self) -> None:
        """The claims about the person whose access token this is; it needs the scope openid."""
        signer = self.spine.own(NexusParts).signer
        token = requests.bearer(self.request)
        if token is None:
            raise Problem(401, "unauthenticated", "A bearer token is needed.", {"WWW-Authenticate": REALM})
        claims = await signer.verifier.verify(token)
        user = await users.by_id(self.db, claims.sub) if await token_status.level(self.db, claims, self.now) else None
        if user is None:
            raise BadToken("the sign-in has ended")
        if "openid" not in claims.scope:
            wanted = {"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="openid"'}
            raise Problem(403, "insufficient_scope", "The token does not allow this.", wanted)
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.finish(json.encode({"sub": user.id, **claims_about(user, claims.scope)}))

    @anyone
    async def post(self) -> None:
        """The same."""
        await self.get()
