"""The second half of signing in at a module's own form: the browser brings a ticket, and the session it names becomes its own here."""

import msgspec

from hmlib import json
from hmlib.auth.permissions import anyone, signed_in
from hmlib.clock import shifted
from hmlib.keys import Unsealable
from hmlib.web import requests
from hmlib.web.page_handler import PageHandler
from hmlib.web.problems import Problem
from nexus_srv.identity import session_ends
from nexus_srv.pages.onward import lead_on
from nexus_srv.queries import clients, codes, users
from nexus_srv.queries.clients import Client

HAND_OVER_SECONDS = 30
QUESTION_SECONDS = 300


class HandOver(msgspec.Struct, frozen=True):
    """A session on its way to a browser: whose, which, and where the browser goes then."""

    account_id: str
    sid: str
    next: str
    until: str


class AdoptionPage(PageHandler):
    """What the steps of the hand-over share: they pass it on sealed, in a cookie of this browser."""

    def never_kept(self) -> None:
        return None

    @property
    def _cookie(self) -> str:
        return f"{self.hm.cookie}_sso"

    def keep(self, hand_over: HandOver, seconds: int) -> None:
        kept = msgspec.structs.replace(hand_over, until=shifted(self.now, seconds))
        self.put_cookie(self._cookie, self.keys.seal(json.encode(kept), table="cookie", column="sso", row_id=self._cookie), seconds)

    def kept(self) -> HandOver | None:
        """The hand-over this browser is in the middle of, if it is not too late."""
        self.drop_cookie(self._cookie)
        try:
            raw = self.keys.unseal(self.get_cookie(self._cookie) or "", table="cookie", column="sso", row_id=self._cookie)
        except Unsealable:
            return None
        hand_over = json.decode(raw, HandOver)
        return hand_over if hand_over.until > self.now else None

    async def adopt(self, hand_over: HandOver) -> None:
        """Give the session's cookie to this browser. What it had before ends: one browser, one sign-in."""
        found = next(iter(await self.sessions.by_sid(hand_over.sid, self.now)), None)
        if found is not None and (self.session is None or self.session.sid != hand_over.sid):
            async with self.db.write() as tx:
                if self.session is not None:
                    await session_ends.end_sid(tx, self.sessions, self.session.sid, self.now)
                cookie = await self.sessions.renew_id(found.id_hash, tx)
            if cookie:
                self.put_cookie(self.hm.cookie, cookie)
                self.drop_cookie(f"{self.hm.cookie}_pre")
        if self.request.method == "POST":
            there = (module.name.capitalize() for module in self.hm.modules if hand_over.next.startswith(f"{module.origin}/"))
            lead_on(self, hand_over.next, next(there, ""))
        else:
            self.see_other(hand_over.next)


class Adopt(AdoptionPage):
    """Takes the ticket from a module's page. A browser that comes from another site shows no cookie here, so it is sent on to Finish."""

    def check_xsrf(self) -> None:
        """Instead: the ticket, and the origin of the module it was made for."""

    @anyone
    async def post(self) -> None:
        origin = self.request.headers.get("Origin", "")
        if not origin or origin not in {module.origin for module in self.hm.modules}:
            raise Problem(403, "forged", "This did not come from a sign-in page of the suite.")
        ticket = await codes.use_ticket(self.db, self.keys, self.form.get("ticket", ""), self.now)
        client = await clients.by_id(self.db, ticket.client_id) if ticket else None
        if ticket is None or client is None or client.disabled or client.origin != origin:
            raise Problem(
                400, "invalid_ticket", "This sign-in has gone on elsewhere, or took too long. You are signed in where you came from."
            )
        self.keep(HandOver(ticket.account_id, ticket.sid, _next(client, self.form.get("next", "")), ""), HAND_OVER_SECONDS)
        self.see_other(self.reverse_url("sso-finish"))


class Finish(AdoptionPage):
    """Where the browser's own session is seen: a different person's is not replaced without asking."""

    @anyone
    async def get(self) -> None:
        hand_over = self.kept()
        if hand_over is None:
            self.see_other("/")
        elif self.caller is not None and self.caller.id != hand_over.account_id:
            other = await users.by_id(self.db, hand_over.account_id)
            self.keep(hand_over, QUESTION_SECONDS)
            self.page("adopt.html", other=other, stay=hand_over.next, action=self.reverse_url("sso-switch"))
        else:
            await self.adopt(hand_over)


class Switch(AdoptionPage):
    """The answer that the other person's sign-in shall be the browser's from now on."""

    @signed_in
    async def post(self) -> None:
        hand_over = self.kept()
        if hand_over is None:
            self.see_other("/")
        else:
            await self.adopt(hand_over)


def _next(client: Client, address: str) -> str:
    """An address of the module itself, its front page for any other."""
    return client.origin + requests.next_path(address, client.origin)
