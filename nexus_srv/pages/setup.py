"""Where a one-time link leads: a person sets their own password.

The code stands behind the `#` of the link, which browsers never send: it is in no log, no Referer and no history of ours.
The page's script moves it into the form; without JavaScript it is pasted there.
"""

from hmlib.auth.permissions import anyone
from nexus_srv.identity import access, passwords, people
from nexus_srv.identity.passwords import Busy
from nexus_srv.pages.login import PasswordPage
from nexus_srv.queries import invites, users
from nexus_srv.queries.users import User

GONE = "This link does not work: it has been used, has run out, or was replaced by a newer one. Ask an administrator for another."


class SetupHandler(PasswordPage):
    """What both steps share. The code's 256 bits need no counting of attempts."""

    async def invited(self) -> User | None:
        """Whose code was posted; None when the answer has been given instead."""
        account_id = await invites.account_of(self.db, access.code_mac(self.keys, self.form.get("code", "")), self.now)
        user = await users.by_id(self.db, account_id) if account_id else None
        if user is None:
            self.show_code_form(400, GONE)
        return user

    def show_code_form(self, status: int = 200, error: str = "") -> None:
        self.set_status(status)
        self.page("setup/code.html", error=error)


class SetupPage(SetupHandler):
    """Asks for the code, then shows whose password is set."""

    @anyone
    async def get(self) -> None:
        self.show_code_form()

    @anyone
    async def post(self) -> None:
        user = await self.invited()
        if user:
            self.page("setup/password.html", user=user, code=self.form["code"], errors={})


class SetupPassword(SetupHandler):
    """Sets the password and spends the link."""

    @anyone
    async def post(self) -> None:
        user = await self.invited()
        if user is None:
            return
        new = self.form.get("new", "")
        problem = passwords.problem(new, names=await people.names_of(self.db, user))
        if problem:
            self.invalid("setup/password.html", user=user, code=self.form["code"], errors={"new": problem})
            return
        try:
            hashed = await self.sign_in.hashed(new)
        except Busy as busy:
            self.page("setup/password.html", user=user, code=self.form["code"], errors={"": self.refused(busy)})
            return
        if not await access.redeem(self.db, self.sessions, self.keys, user, self.form["code"], hashed, self.actor, self.now):
            self.show_code_form(400, GONE)
            return
        self.toast("Your password is set. Sign in with it.")
        self.see_other(self.reverse_url("login"))
