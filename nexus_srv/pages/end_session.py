"""Signing out at a client's wish (OpenID Connect RP-Initiated Logout 1.0): the person is always asked first."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from hmlib.auth.permissions import anyone
from hmlib.web.page_handler import PageHandler
from hmlib.web.problems import Problem
from nexus_srv.identity import session_ends
from nexus_srv.oauth import id_token_hints
from nexus_srv.oauth.protocol import with_parameters
from nexus_srv.pages.onward import lead_on
from nexus_srv.parts import NexusParts
from nexus_srv.queries import clients

NAMES = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


@dataclass(frozen=True)
class WayBack:
    """Where the browser goes when it is signed out; "" is our own page."""

    uri: str = ""
    state: str = ""
    name: str = ""

    @property
    def address(self) -> str:
        return with_parameters(self.uri, {"state": self.state}) if self.state else self.uri


class EndSession(PageHandler):
    """A page with a button, whoever sent the browser here; the button's own post signs out everywhere."""

    def never_kept(self) -> None:
        return None

    def check_xsrf(self) -> None:
        """A client may post here as well: without our own form's token that is only taken on to the question."""
        if "_xsrf" in self.form:
            super().check_xsrf()

    @anyone
    async def get(self) -> None:
        await self._checked(self.query)
        self.page("end_session.html", action=self.request.path, fields={name: self.query.get(name, "") for name in NAMES})

    @anyone
    async def post(self) -> None:
        back = await self._checked(self.form)
        if "_xsrf" not in self.form:
            self.see_other(f"{self.request.path}?{urlencode({name: self.form[name] for name in NAMES if name in self.form})}")
            return
        if self.session:
            async with self.db.write() as tx:
                await session_ends.end_sid(tx, self.sessions, self.session.sid, self.now)
        for name in [name for name in self.cookies if name.startswith(self.hm.cookie)]:
            self.drop_cookie(name)
        self.set_header("Clear-Site-Data", '"cache", "storage"')
        if back.uri:
            lead_on(self, back.address, back.name)
        else:
            self.see_other(self.reverse_url("login") + "?signed_out=1")

    async def _checked(self, asked: Mapping[str, str]) -> WayBack:
        """Raises Problem for an address that is not registered for the client that asks, or that nobody asks for."""
        uri, client_id = asked.get("post_logout_redirect_uri", ""), asked.get("client_id", "")
        if asked.get("id_token_hint"):
            claims = await id_token_hints.read(self.spine.own(NexusParts).signer, asked["id_token_hint"])
            audience = str(claims["aud"]) if claims else ""
            if not claims or (client_id and client_id != audience):
                raise Problem(400, "invalid_request", "The program that sent you here did not say properly who it is.")
            client_id = audience
        client = await clients.by_id(self.db, client_id) if uri else None
        if uri and (client is None or client.disabled or uri not in client.post_logout_uris):
            raise Problem(400, "invalid_request", "The program that sent you here wants you back at an address that is not registered.")
        return WayBack(uri, asked.get("state", ""), client.name) if uri and client else WayBack()
