"""Signing out of a module, which signs out everywhere, and taking in Nexus's word that somebody was signed out elsewhere."""

from tornado.routing import URLSpec
from tornado.web import url

from hmlib.auth import tokens
from hmlib.auth.permissions import anyone
from hmlib.db.database import Db
from hmlib.db.engine import Conflict
from hmlib.nexus.transport import NexusDown, NexusRefused
from hmlib.sso.callers import ModuleCallers
from hmlib.sso.login import SignInHandler
from hmlib.web import requests
from hmlib.web.api_handler import ApiHandler
from hmlib.web.requests import BadRequest

SIGNED_OUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
SCOPE_EVENT = "urn:hivematrix:scope-changed"
KEYS_EVENT = "urn:hivematrix:keys-changed"


class SignOut(SignInHandler):
    """Signing out here signs out everywhere."""

    @anyone
    async def get(self) -> None:
        self.page("logout.html", action=self.reverse_url("logout"))

    @anyone
    async def post(self) -> None:
        told = await self._tell_nexus()
        if self.session:
            await self.sessions.end(self.session.id_hash)
            self.module_callers.forget_session(self.session.id_hash)
        for name in [name for name in self.cookies if name.startswith(self.hm.cookie)]:
            self.drop_cookie(name)
        self.set_header("Clear-Site-Data", '"cache", "storage"')
        self.session = None
        self.see_other(self.reverse_url("login") + ("?form=1&signed_out=1" if told else "?form=1"))

    async def _tell_nexus(self) -> bool:
        """Server to server, so that no browser setting can hinder it; false when Nexus could not be told."""
        if not self.caller or not self.session:
            return True
        try:
            await self.hub.end_session(await self.module_callers.token_for(self.caller, self.session, "nexus"))
        except (NexusDown, NexusRefused):
            return False
        return True


class BackchannelLogout(ApiHandler):
    """Nexus's word that a session or a person's sessions have ended (OpenID Connect Back-Channel Logout), or rights or keys changed."""

    body_limit = 16 * 1024

    @anyone
    async def post(self) -> None:
        """Answers 200 when the word was taken in, 400 when it does not hold."""
        callers, hub = self.spine.callers, self.spine.hub
        assert isinstance(callers, ModuleCallers)
        token = requests.form(self.request).fields.get("logout_token", "")
        try:
            claims = await tokens.logout_token(callers.verifier, token, hub.client_id)
            async with self.db.write() as tx:  # a word that was taken in has had its effect, whenever this process dies
                await callers.revocations.claim(claims.jti, self.now, tx)
                await self._heed(tx, claims, callers)
        except (tokens.BadToken, Conflict) as error:
            raise BadRequest("invalid_request", "This logout token does not hold.") from error
        await callers.revocations.load(self.now)
        self.set_status(200)

    async def _heed(self, tx: Db, claims: tokens.LogoutClaims, callers: ModuleCallers) -> None:
        revocations = callers.revocations
        if SIGNED_OUT_EVENT in claims.events and claims.sid:
            await revocations.add("sid", claims.sid, self.now, tx=tx)
            await self.sessions.end_sid(claims.sid, tx)
        elif SIGNED_OUT_EVENT in claims.events and claims.sub:
            await revocations.add("user", claims.sub, self.now, claims.at, tx=tx)
            await self.sessions.end_user(claims.sub, tx, until=claims.at or self.now)
        if SCOPE_EVENT in claims.events and claims.sub:
            await self.sessions.forget_scope(claims.sub, tx)
            await revocations.add("scope", claims.sub, self.now, tx=tx)
        if claims.ended_jti:
            await revocations.add("token", claims.ended_jti, self.now, tx=tx)
        if claims.ended_client:
            await revocations.add("client", claims.ended_client, self.now, claims.at, tx=tx)
        if KEYS_EVENT in claims.events:
            await revocations.add("keys", "", self.now, tx=tx)


def routes() -> list[URLSpec]:
    """What a module answers about signing out."""
    return [url(r"/logout", SignOut, name="logout"), url(r"/auth/backchannel-logout", BackchannelLogout)]
