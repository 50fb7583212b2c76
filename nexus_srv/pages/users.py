"""The people who sign in, as administrators and colleagues see them."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from typing import Any

from babel import Locale
from tornado.web import HTTPError

from hmlib.auth.permissions import LEVELS, allowed
from hmlib.db.list_query import ListQuery
from hmlib.errors import Invalid, NotAllowed, Stale
from hmlib.resources import pickers
from hmlib.tables import export
from hmlib.web.problems import Problem
from nexus_srv.directory.locations import COMPANY
from nexus_srv.identity import access, browsers, people
from nexus_srv.pages.login import StepUpPage
from nexus_srv.queries import users
from nexus_srv.queries.users import LISTING, User

TEXTS = ["username", "display_name", "email", "phone", "language", "time_zone", "level", "scope_rule"]
EXPORTED = ["username", "display_name", "level", "status", "email", "phone", "scope_rule", "company_ids", "last_signed_in_at", "created_at"]
PAGE = 1000
NEW = User(id="", username="", display_name="", level="technician")


def choices(values: Iterable[str]) -> list[tuple[str, str]]:
    """What a drop-down offers: each value under its own name."""
    return [(value, value[:1].upper() + value[1:]) for value in values]


def languages() -> list[tuple[str, str]]:
    """Each language in its own words."""
    return [(code, (Locale.parse(code).get_display_name(code) or code).capitalize()) for code in people.LANGUAGES]


def version_of(form: Mapping[str, str]) -> int:
    """The version a form was made from. Raises HTTPError 400."""
    version = form.get("version", "0")
    if not (version.isascii() and version.isdigit() and len(version) <= 18):
        raise HTTPError(400)
    return int(version)


class UserHandler(StepUpPage):
    """What the pages about one user share."""

    async def user(self, id: str) -> User:
        """The user, if the caller may see them; else 404."""
        found = await users.visible_to(self.db, self.known, id)
        if found is None:
            raise HTTPError(404)
        return found

    async def wanted(self, before: User) -> User | None:
        """What the form says, with the company that is typed there; None where the form is shown again instead, for one more company or
        because what is typed is none."""
        typed: dict[str, Any] = {name: self.form[name] for name in TEXTS if name in self.form}
        ids, called = [id for id in self.chosen("company_ids") if id], self.form.get("company", "").strip()
        company, why = await pickers.looked_up(self, COMPANY, called) if called else (None, "")
        ids += [company.id] if company and company.id not in ids else []
        user = replace(before, **typed, company_ids=tuple(ids), version=version_of(self.form))
        if not why and "choose" not in self.form:
            return user
        shown = {"errors": {"company": why}, "values": {"company": called}} if why else {}
        await self.show_form(user, 422 if why else 200, **shown)
        return None

    async def show_form(self, user: User, status: int = 200, **context: object) -> None:
        self.set_status(status)
        self.page(
            "users/form.html",
            user=user,
            companies=await people.companies_of(self.db, user),
            levels=choices(LEVELS),
            languages=languages(),
            time_zones=choices(people.time_zones()),
            **{"errors": {}, "values": {}, "theirs": None, **context},
        )


class UserListPage(UserHandler):
    """The list, and where a new user is posted to."""

    @allowed("users:read")
    async def get(self) -> None:
        page = await users.page_of(self.db, self.known, LISTING.read(self.query, self.keys))
        self.page("users/list.html", page=page, levels=choices(LEVELS), statuses=choices(people.STATUSES))

    @allowed("users:admin")
    async def post(self) -> None:
        if self.must_confirm(self.reverse_url("user-new")):
            return
        wanted = await self.wanted(NEW)
        if wanted is None:
            return
        try:
            async with self.transaction() as tx:
                user = await people.add(tx, self.known, wanted, self.actor, self.now)
                self.toast(f"{user.display_name} is added. Now give them a link to set their password.")
                self.see_other(self.reverse_url("user", user.id))
        except Invalid as invalid:
            await self.show_form(wanted, 422, errors=invalid.errors)


class UserRows(UserHandler):
    """The rows of the list."""

    @allowed("users:read")
    async def get(self) -> None:
        page = await users.page_of(self.db, self.known, LISTING.read(self.query, self.keys))
        self.partial("users/_rows.html", page=page)


class UserExport(UserHandler):
    """The list as a file, with the filters and order on screen."""

    @allowed("users:read", export=True)
    async def get(self) -> None:
        asked = {key: value for key, value in self.query.items() if key not in ("format", "cursor", "limit")}
        rows = self._all(LISTING.read(asked, self.keys, limit_default=PAGE))
        await export.stream(self, "users", EXPORTED, rows, self.query.get("format", "csv"), counted=self._record)

    async def _all(self, list_query: ListQuery) -> AsyncIterator[list[object]]:
        async with self.db.read(long=True) as snapshot:
            async for user in export.walked(list_query, lambda list_query: users.page_of(snapshot, self.known, list_query)):
                yield [getattr(user, name) for name in EXPORTED]

    async def _record(self, rows: int) -> None:
        await people.record_export(self.db, self.actor, rows, self.now)


class UserNewPage(UserHandler):
    """An empty form."""

    @allowed("users:admin")
    async def get(self) -> None:
        if not self.must_confirm(self.reverse_url("user-new")):
            await self.show_form(NEW)


class UserPage(UserHandler):
    """One user, and where changes are posted to."""

    @allowed("users:read")
    async def get(self, id: str) -> None:
        user = await self.user(id)
        may_admin = self.known.may("users:admin")
        sessions = await self.sessions.of_user(id, self.now) if may_admin else []
        self.page(
            "users/page.html",
            user=user,
            companies=await people.companies_of(self.db, user),
            sessions=sessions,
            browser_of=browsers.name,
            may_admin=may_admin,
        )

    @allowed("users:admin")
    async def post(self, id: str) -> None:
        before = await self.user(id)
        if self.must_confirm(self.reverse_url("user-edit", id)):
            return
        wanted = await self.wanted(before)
        if wanted is None:
            return
        try:
            async with self.transaction() as tx:
                user = await people.change(tx, self.sessions, self.known, before, wanted, self.actor, self.now)
                self.toast("Saved.")
                self.see_other(self.reverse_url("user", user.id))
        except Invalid as invalid:
            await self.show_form(wanted, 422, errors=invalid.errors)
        except Stale:
            await self.show_form(replace(wanted, version=before.version), 409, theirs=before)
        except NotAllowed as refusal:
            await self.show_form(wanted, refusal.status, errors={"": refusal.detail})


class UserEditPage(UserHandler):
    """The form with what is stored."""

    @allowed("users:admin")
    async def get(self, id: str) -> None:
        user = await self.user(id)
        if not self.must_confirm(self.reverse_url("user-edit", id)):
            await self.show_form(user)


class UserStatus(UserHandler):
    """Active, locked or disabled; making somebody active also forgets their wrong attempts."""

    @allowed("users:admin")
    async def post(self, id: str) -> None:
        before = await self.user(id)
        if self.must_confirm(self.reverse_url("user", id)):
            return
        wanted = replace(before, status=self.form.get("status", ""))
        async with self.transaction() as tx:
            await people.change(tx, self.sessions, self.known, before, wanted, self.actor, self.now)
            if wanted.active:
                await access.forget_attempts(tx, self.keys, before, self.actor, self.now)
            said = {"active": "They can sign in.", "locked": "They are locked out.", "disabled": "The account is disabled."}
            self.toast(said[wanted.status])
            self.see_other(self.reverse_url("user", id))


class UserInvite(UserHandler):
    """A one-time link with which the person sets their own password. It is shown once, here."""

    @allowed("users:admin")
    async def post(self, id: str) -> None:
        user = await self.user(id)
        if self.must_confirm(self.reverse_url("user", id)):
            return
        if not user.active:
            raise Problem(409, "not_active", "This account is locked or disabled. Make it active first.")
        minutes = await self.preferences.int(self.db, "link_minutes")
        async with self.transaction(secret=True) as tx:
            code, expires_at = await access.invite(tx, self.keys, user, self.actor, self.now, minutes)
            self.page("users/invite.html", user=user, link=access.setup_link(self.hm.origin, code), expires_at=expires_at)


class UserSessionsEnd(UserHandler):
    """Ends one of a person's sign-ins, or with no sid all of them."""

    @allowed("users:admin")
    async def post(self, id: str, sid: str | None = None) -> None:
        user = await self.user(id)
        async with self.transaction() as tx:
            if not await access.end_sessions(tx, self.sessions, user.id, sid, self.actor, self.now):
                raise HTTPError(404)
            self.toast("Signed out.")
            self.see_other(self.reverse_url("user", id))


class UserAccessPage(UserHandler):
    """Why this person may see what they see."""

    @allowed("users:read")
    async def get(self, id: str) -> None:
        user = await self.user(id)
        self.page(
            "users/access.html", user=user, companies=await people.companies_of(self.db, user), permissions=people.permissions_of(user)
        )
