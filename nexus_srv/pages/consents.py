"""What one has allowed other programs, and taking it back."""

from tornado.web import HTTPError

from hmlib.auth.permissions import signed_in
from hmlib.records import audit
from hmlib.web.page_handler import PageHandler
from nexus_srv.queries import consents, outbox, refresh_tokens


class ConsentListPage(PageHandler):
    """The programs that one has allowed something."""

    @signed_in
    async def get(self) -> None:
        self.page("consents.html", consents=await consents.of_account(self.db, self.known.id))


class ConsentEnd(PageHandler):
    """Takes back what one program was allowed; its tokens end."""

    @signed_in
    async def post(self, client_id: str) -> None:
        given = next((one for one in await consents.of_account(self.db, self.known.id) if one.client_id == client_id), None)
        if given is None:
            raise HTTPError(404)
        question = f"Take back what you allowed {given.client_name}? It is signed out of your account at once."
        if not self.confirmed(question, "Take it back", self.reverse_url("consents")):
            return
        async with self.transaction() as tx:
            if not await consents.take_back(tx, self.known.id, client_id):
                raise HTTPError(404)
            for family_id in await refresh_tokens.revoke_consent(tx, self.known.id, client_id, self.now):
                await outbox.tokens_ended(tx, family_id, self.now)
            await audit.record(tx, self.actor, "consent.taken_back", f"client/{client_id}", now=self.now)
            self.toast("Taken back.")
            self.see_other(self.reverse_url("consents"))
