"""The keys that sign tokens, as administrators see them."""

from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from nexus_srv.oauth import signing_keys
from nexus_srv.pages.login import StepUpPage
from nexus_srv.queries import keys

DROPPED = "Whatever it signed is refused at once, and people may have to sign in again. This is final."


class KeyListPage(StepUpPage):
    """Every key there ever was, the newest first."""

    @allowed("clients:admin")
    async def get(self) -> None:
        self.page("keys.html", keys=list(reversed(await keys.everything(self.db))))


class KeyRotation(StepUpPage):
    """The waiting key signs from now on."""

    @allowed("clients:admin")
    async def post(self) -> None:
        if self.must_confirm(self.reverse_url("keys")):
            return
        async with self.transaction() as tx:
            await signing_keys.rotate(tx, self.keys, self.actor, self.now)
            self.toast("Another key signs now. What the one before signed stays good until it ends.")
            self.see_other(self.reverse_url("keys"))


class KeyCompromise(StepUpPage):
    """A key that others may have is believed no more, at once."""

    @allowed("clients:admin")
    async def post(self, kid: str) -> None:
        back = self.reverse_url("keys")
        if self.must_confirm(back) or not self.confirmed(f"Drop the key {kid}? {DROPPED}", "Drop it", back):
            return
        async with self.transaction() as tx:
            if not await signing_keys.compromise(tx, self.keys, kid, self.actor, self.now):
                raise HTTPError(404)
            self.toast("The key is not believed any more, and everyone has been told.", "warning")
            self.see_other(self.reverse_url("keys"))
