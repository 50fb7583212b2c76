"""Asking whether a token still holds, and ending one before its time."""

from typing import Any

from hmlib.auth.permissions import anyone
from hmlib.auth.tokens import Claims
from hmlib.clock import parse, shifted
from hmlib.records import audit
from hmlib.web.api_handler import documented
from nexus_srv.api.oauth import OAuthHandler
from nexus_srv.oauth.protocol import OAuthError, needed
from nexus_srv.queries import outbox, refresh_tokens
from nexus_srv.queries.clients import Client

EPOCH = "1970-01-01T00:00:00.000000Z"


class RevocationEndpoint(OAuthHandler):
    """Ends a token of the client's own (RFC 7009); of anything else it says nothing."""

    @anyone
    @documented(media=("application/x-www-form-urlencoded",))
    async def post(self) -> None:
        """End a token. 200 whatever the token was."""
        client = await self.client()
        token = needed(self.parameters, "token")
        given = refresh_tokens.opened(self.keys, token)
        if given:
            await self._end_family(client, given[0])
        elif (claims := await self.claims_of(token)) and claims.client_id == client.id:
            async with self.db.write() as tx:
                await refresh_tokens.end_access_token(tx, claims.jti, shifted(EPOCH, claims.exp))
                await outbox.tokens_ended(tx, claims.jti, self.now)
        self.answer(b"{}")

    async def _end_family(self, client: Client, family_id: str) -> None:
        async with self.db.write() as tx:
            if await refresh_tokens.owner(tx, family_id) == client.id and await refresh_tokens.revoke(tx, family_id, self.now):
                actor = self.asked_from
                await outbox.tokens_ended(tx, family_id, self.now)
                await audit.record(tx, actor, "refresh_token.revoked", f"client/{client.id}", now=self.now)


class IntrospectionEndpoint(OAuthHandler):
    """Says what a token means and whether it holds (RFC 7662), to the client it was given to or made for."""

    @anyone
    @documented(media=("application/x-www-form-urlencoded",))
    async def post(self) -> None:
        """Ask about a token: `{"active": false}` for any the client has nothing to do with."""
        client = await self.client()
        if client.public:
            raise OAuthError("invalid_client", "This endpoint needs a client with a secret.", 401)
        token = needed(self.parameters, "token")
        given = refresh_tokens.opened(self.keys, token)
        self.answer(await self._refresh_token(client, *given) if given else await self._access_token(client, token))

    async def _refresh_token(self, client: Client, family_id: str, generation: int) -> dict[str, Any]:
        idle = await self.preferences.int(self.db, "session_idle_minutes") * 60
        family = await refresh_tokens.living(self.db, family_id, now=self.now, idle_since=shifted(self.now, -idle))
        if family is None or family.client_id != client.id or family.generation != generation:
            return {"active": False}
        ends = int(parse(family.expires_at).timestamp())
        return {
            "active": True,
            "token_type": "refresh_token",
            "client_id": client.id,
            "sub": family.account_id,
            "sid": family.sid,
            "exp": ends,
        }

    async def _access_token(self, client: Client, token: str) -> dict[str, Any]:
        claims = await self.claims_of(token)
        if claims is None or client.id not in (claims.client_id, claims.aud):
            return {"active": False}
        return {"active": True, "token_type": "Bearer", "scope": " ".join(sorted(claims.scope)), **_told(claims)}


def _told(claims: Claims) -> dict[str, Any]:
    names = ("iss", "sub", "aud", "client_id", "iat", "exp", "jti", "sid", "auth_time", "permission_level")
    return {name: value for name in names if (value := getattr(claims, name)) is not None}
