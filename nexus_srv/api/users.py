"""People for programs: the list in bulk, one, new ones, changes, and one's own profile."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hmlib import once
from hmlib.auth import allowed, signed_in
from hmlib.openapi import speaks
from hmlib.web import ApiHandler, Problem
from nexus_srv import people
from nexus_srv.api import listing
from nexus_srv.people import Invalid, LastAdmin, NotAllowed, Stale, Taken
from nexus_srv.queries import users
from nexus_srv.queries.users import LISTING, User

Level = Literal["admin", "technician", "billing", "client"]
Status = Literal["active", "locked", "disabled"]
Line = Annotated[str, Meta(max_length=254)]
Id = Annotated[str, Meta(max_length=36)]


class Scope(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which companies a person sees: all of them, only those named, or all except those named (at most 5,000)."""

    rule: Literal["all", "only", "except"] = "all"
    company_ids: Annotated[list[Id], Meta(max_length=5000)] = []


class UserAnswer(msgspec.Struct, frozen=True):
    """A person who signs in. Times are UTC text, `last_signed_in_at` is empty for never; `version` is the ETag."""

    id: str
    username: str
    display_name: str
    email: str
    phone: str
    language: str
    time_zone: str
    permission_level: str
    status: str
    scope: Scope
    contact_id: str | None
    second_factors: list[str]
    last_signed_in_at: str
    source: str
    external_id: str | None
    created_at: str
    updated_at: str
    version: int


class UserPageAnswer(msgspec.Struct, frozen=True):
    """Some users; `next_cursor` asks for the next ones, `total` counts all that the search and filters find."""

    items: list[UserAnswer]
    next_cursor: str | None
    total: int | None


class NewUser(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A person to be added. They get no password: an administrator issues a one-time link."""

    username: Line
    display_name: Line
    permission_level: Level
    email: Line = ""
    phone: Line = ""
    language: Line = "en"
    time_zone: Line = "UTC"
    scope: Scope = Scope()
    contact_id: Id | None = None
    source: Line = ""
    external_id: Line | None = None


class UserChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is to be different; fields left out stay as they are."""

    username: Line | UnsetType = UNSET
    display_name: Line | UnsetType = UNSET
    permission_level: Level | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    email: Line | UnsetType = UNSET
    phone: Line | UnsetType = UNSET
    language: Line | UnsetType = UNSET
    time_zone: Line | UnsetType = UNSET
    scope: Scope | UnsetType = UNSET
    contact_id: Id | UnsetType | None = UNSET
    source: Line | UnsetType = UNSET
    external_id: Line | UnsetType | None = UNSET


class OwnChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a person may change about themselves here; fields left out stay as they are."""

    display_name: Line | UnsetType = UNSET
    phone: Line | UnsetType = UNSET
    language: Line | UnsetType = UNSET
    time_zone: Line | UnsetType = UNSET


class UserList(ApiHandler):
    """The users the caller may see."""

    @allowed("users:read")
    @speaks(answers=UserPageAnswer, query=listing.QUERY | {"level": "one level only", "status": "one status only"})
    async def get(self) -> None:
        """Users by search, filters, ids or change time."""
        ids = listing.ids_of(self.query)
        if ids is not None:
            found = await users.some_visible_to(self.db, self.known, ids)
            self.answer(listing.answer_of([_answer(user) for user in found], self.query, total=len(found)))
            return
        ask = LISTING.ask(self.query, self.keys, limit_default=100)
        page = await users.page_of(self.db, self.known, ask, since=listing.since_of(self.query))
        self.answer(listing.answer_of([_answer(user) for user in page.rows], self.query, page.next_cursor, page.total))

    @allowed("users:admin")
    @speaks(takes=NewUser, answers=UserAnswer, status=201)
    async def post(self) -> None:
        """Add a user; send an Idempotency-Key to be sure that it happens once."""
        asked = self.body(NewUser)
        wanted = replace(User(id="", username=asked.username, display_name="", level=""), **_fields(asked))

        async def deed() -> tuple[UserAnswer, str]:
            try:
                user = await people.add(self.db, self.known, wanted, self.actor, self.now)
            except (Invalid, NotAllowed) as refusal:
                raise _problem(refusal) from refusal
            self.set_header("Location", f"/api/users/{user.id}")
            return _answer(user), f'"{user.version}"'

        await once.answer(self, deed)


class UserLookup(ApiHandler):
    """More ids than fit into an address."""

    @allowed("users:read")
    @speaks(takes=listing.Lookup, answers=UserPageAnswer)
    async def post(self) -> None:
        """Users by id, at most 5,000."""
        found = await users.some_visible_to(self.db, self.known, self.body(listing.Lookup).ids)
        self.answer(listing.answer_of([_answer(user) for user in found], self.query, total=len(found)))


class OneUser(ApiHandler):
    """One user."""

    @allowed("users:read")
    @speaks(answers=UserAnswer)
    async def get(self, id: str) -> None:
        """One user the caller may see."""
        user = await self._user(id)
        self.answer(_answer(user), etag=f'"{user.version}"')

    @allowed("users:admin")
    @speaks(takes=UserChange, answers=UserAnswer)
    async def patch(self, id: str) -> None:
        """Change a user; needs If-Match."""
        before = await self._user(id)
        wanted = replace(before, **_fields(self.body(UserChange)), version=self.if_match())
        self.answer(*await _changed(self, before, wanted))

    async def _user(self, id: str) -> User:
        user = await users.visible_to(self.db, self.known, id)
        if user is None:
            raise Problem(404, "not_found", "There is no such user.")
        return user


class Me(ApiHandler):
    """The person whose token it is."""

    @signed_in
    @speaks(answers=UserAnswer)
    async def get(self) -> None:
        """One's own account."""
        user = await self._me()
        self.answer(_answer(user), etag=f'"{user.version}"')

    @signed_in
    @speaks(takes=OwnChange, answers=UserAnswer)
    async def patch(self) -> None:
        """Change one's own profile; needs If-Match."""
        before = await self._me()
        wanted = replace(before, **_fields(self.body(OwnChange)), version=self.if_match())
        self.answer(*await _changed(self, before, wanted))

    async def _me(self) -> User:
        user = await users.by_id(self.db, self.known.id) if self.known.kind == "user" else None
        if user is None:
            raise Problem(404, "not_found", "The token belongs to no person.")
        return user


async def _changed(handler: ApiHandler, before: User, wanted: User) -> tuple[UserAnswer, int, str]:
    if wanted.version != before.version:
        raise _problem(Stale())
    try:
        user = await people.change(handler.db, handler.sessions, handler.known, before, wanted, handler.actor, handler.now)
    except (Invalid, NotAllowed, Stale) as refusal:
        raise _problem(refusal) from refusal
    return _answer(user), 200, f'"{user.version}"'


def _problem(refusal: Exception) -> Problem:
    if isinstance(refusal, Stale):
        return Problem(412, "stale", "The user has changed since you read it.")
    if isinstance(refusal, NotAllowed):
        return Problem(409 if isinstance(refusal, LastAdmin) else 403, refusal.code, refusal.detail)
    assert isinstance(refusal, Invalid)
    errors = {API_NAMES.get(field, field): message for field, message in refusal.errors.items()}
    if isinstance(refusal, Taken):
        return Problem(409, "conflict", "Some fields belong to another account.", errors=errors)
    return Problem(400, "invalid_value", "Some fields cannot be saved.", errors=errors)


API_NAMES = {"level": "permission_level", "scope_rule": "scope", "company_ids": "scope"}


def _fields(asked: msgspec.Struct) -> dict[str, Any]:
    """The given fields under the names that the row has."""
    given: Mapping[str, Any] = {name: value for name in asked.__struct_fields__ if (value := getattr(asked, name)) is not UNSET}
    values = {name: value for name, value in given.items() if name not in ("permission_level", "scope")}
    if "permission_level" in given:
        values["level"] = given["permission_level"]
    if "scope" in given:
        values |= {"scope_rule": given["scope"].rule, "company_ids": tuple(given["scope"].company_ids)}
    return values


def _answer(user: User) -> UserAnswer:
    same = {name: getattr(user, name) for name in UserAnswer.__struct_fields__ if hasattr(user, name)}
    own = {
        "permission_level": user.level,
        "scope": Scope(user.scope_rule, list(user.company_ids)),  # type: ignore[arg-type]
        "second_factors": list(user.second_factors),
    }
    return UserAnswer(**{**same, **own})
