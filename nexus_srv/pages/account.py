"""One's own account: profile, password, and where one is signed in."""

from dataclasses import replace
from typing import Any

from tornado.web import HTTPError

from hmlib.auth.permissions import signed_in
from hmlib.db.database import Transaction
from hmlib.errors import Invalid, Stale
from nexus_srv.identity import access, browsers, passwords, people
from nexus_srv.identity.passwords import Busy
from nexus_srv.identity.sign_in import SecondFactorNeeded, WrongPassword
from nexus_srv.identity.throttle import Throttled
from nexus_srv.pages.login import PasswordPage
from nexus_srv.pages.users import choices, languages, version_of
from nexus_srv.queries import users
from nexus_srv.queries.users import User

OWN_FIELDS = ["display_name", "email", "phone", "language", "time_zone"]


class AccountHandler(PasswordPage):
    """What the pages of one's own account share."""

    async def me(self) -> User:
        found = await users.by_id(self.db, self.known.id)
        assert found is not None
        return found

    async def show(self, user: User, status: int = 200, **context: object) -> None:
        self.set_status(status)
        self.page(
            "account/page.html",
            user=user,
            sessions=await self.sessions.of_user(user.id, self.now),
            own_sid=self.known.sid,
            languages=languages(),
            time_zones=choices(people.time_zones()),
            browser_of=browsers.name,
            companies=await people.companies_of(self.db, user),
            **{"errors": {}, "values": {}, **context},
        )


class AccountPage(AccountHandler):
    """Everything about oneself on one page; the profile is posted here."""

    @signed_in
    async def get(self) -> None:
        await self.show(await self.me())

    @signed_in
    async def post(self) -> None:
        before = await self.me()
        typed: dict[str, Any] = {name: self.form[name] for name in OWN_FIELDS if name in self.form}
        wanted = replace(before, **typed, version=version_of(self.form))
        if wanted.email != before.email and self.must_confirm(self.reverse_url("account")):
            return
        try:
            async with self.transaction() as tx:
                await people.change(tx, self.sessions, self.known, before, wanted, self.actor, self.now)
                self.toast("Saved.")
                self.see_other(self.reverse_url("account"))
        except Invalid as invalid:
            await self.show(wanted, 422, errors=invalid.errors)
        except Stale:
            await self.show(before, 409, errors={"": "Your account was changed at the same moment. This is how it is now."})


class AccountPassword(AccountHandler):
    """A new password, for those who know the old one."""

    @signed_in
    async def get(self) -> None:
        self._answer_form(await self.me(), {})

    @signed_in
    async def post(self) -> None:
        user = await self.me()
        current, new = self.form.get("current", ""), self.form.get("new", "")
        try:
            await self.sign_in.judge(self.attempt(user.username, current), self.now)
        except (WrongPassword, Throttled, Busy) as refusal:
            self._answer_form(user, {"current": self.refused(refusal)})
            return
        except SecondFactorNeeded:
            pass  # the password is right, and this session has shown the factor
        problem = passwords.problem(new, names=await people.names_of(self.db, user))
        if problem:
            self.set_status(422)
            self._answer_form(user, {"new": problem})
            return
        try:
            hashed = await self.sign_in.hashed(new)
        except Busy as busy:
            self._answer_form(user, {"": self.refused(busy)})
            return
        async with self.transaction() as tx:
            await access.change_password(tx, self.sessions, user, hashed, self.actor, self.now, self.known.sid)
            await self._renew(tx)
            self.toast("Your password is changed, and you are signed out everywhere else.")
            self.see_other(self.reverse_url("account"))

    async def _renew(self, tx: Transaction) -> None:
        assert self.session is not None
        cookie = await self.sessions.renew_id(self.session.id_hash, tx)
        if cookie:
            self.put_cookie(self.hm.cookie, cookie)
            self.session = replace(self.session, id_hash=self.sessions.hash_of(cookie))

    def _answer_form(self, user: User, errors: dict[str, str]) -> None:
        self.page("account/password.html", user=user, errors=errors)


class AccountSessionsEnd(AccountHandler):
    """Signs oneself out in another place, or with no sid in every other place."""

    @signed_in
    async def post(self, sid: str | None = None) -> None:
        async with self.transaction() as tx:
            ended = await access.end_sessions(tx, self.sessions, self.known.id, sid, self.actor, self.now, keep_sid=self.known.sid)
            if sid and not ended:
                raise HTTPError(404)
            self.toast("Signed out there.")
            self.see_other(self.reverse_url("account"))
