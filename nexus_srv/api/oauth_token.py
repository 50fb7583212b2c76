"""The token endpoint."""

from hmlib.auth.permissions import anyone
from hmlib.web.api_handler import documented
from nexus_srv.api.oauth import OAuthHandler


class TokenEndpoint(OAuthHandler):
    """Tokens for clients: by code, by refresh token, in their own name, or in exchange for another token."""

    @anyone
    @documented(media=("application/x-www-form-urlencoded",))
    async def post(self) -> None:
        """Get tokens (RFC 6749 3.2, RFC 8693). The form needs `grant_type`."""
        client = await self.client()
        self.answer(await self.grants.answer(client, self.parameters, self.asked_from, self.now))
