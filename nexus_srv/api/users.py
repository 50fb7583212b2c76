"""People for programs: the list in bulk, one, new ones, changes, and one's own profile."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hmlib.api import conventions
from hmlib.api.lists import answer_list
from hmlib.auth.permissions import LEVELS, allowed, signed_in
from hmlib.errors import Invalid
from hmlib.web.api_handler import ApiHandler, Parameter, documented
from hmlib.web.problems import Problem
from nexus_srv.api.user_shapes import NewUser, OwnChange, UserAnswer, UserChange, answered, stored
from nexus_srv.identity import people
from nexus_srv.identity.sign_in import STEP_UP_SECONDS, proved_recently
from nexus_srv.queries import users
from nexus_srv.queries.users import LISTING, User

QUERY = conventions.QUERY | {
    "level": Parameter("Of this level.", choices=tuple(LEVELS)),
    "status": Parameter("In this state.", choices=tuple(people.STATUSES)),
}
API_NAMES = {"level": "permission_level", "scope_rule": "scope", "company_ids": "scope"}


class UserListHandler(ApiHandler):
    """What answers several users."""

    def picked(self, found: Sequence[User]) -> Sequence[Any]:
        return conventions.picked([answered(user) for user in found], UserAnswer, self.query.get("fields", ""))


class UserList(UserListHandler):
    """The users the caller may see."""

    @allowed("users:read")
    @documented(answers=list[UserAnswer], query=QUERY)
    async def get(self) -> None:
        """Users by search, filters, ids or change time."""
        if "ids" in self.query:
            found = await users.some_visible_to(self.db, self.known, conventions.ids_of(self.query["ids"]))
            self.answer(self.picked(found))
            return
        since = await conventions.followed(self)
        await answer_list(self, LISTING, lambda asked: users.page_of(self.db, self.known, asked, since=since), self.picked)

    @allowed("users:admin")
    @documented(takes=NewUser, answers=UserAnswer, status=201)
    async def post(self) -> None:
        """Add a user; send an Idempotency-Key to be sure that it happens once."""
        _check_proof(self)
        asked = self.body(NewUser)
        wanted = replace(User(id="", username=asked.username, display_name="", level=""), **stored(asked))

        with _renamed():
            async with self.transaction() as tx:
                user = await people.add(tx, self.known, wanted, self.actor, self.now)
                self.answer_created(answered(user), self.tag(user.version), f"/api/users/{user.id}")


class UserLookup(UserListHandler):
    """More ids than fit into an address."""

    @allowed("users:read")
    @documented(takes=conventions.Lookup, answers=list[UserAnswer])
    async def post(self) -> None:
        """Users by id, at most 5,000."""
        found = await users.some_visible_to(self.db, self.known, self.body(conventions.Lookup).ids)
        self.answer(self.picked(found))


class OneUser(ApiHandler):
    """One user."""

    @allowed("users:read")
    @documented(answers=UserAnswer)
    async def get(self, id: str) -> None:
        """One user the caller may see."""
        user = await self._user(id)
        self.answer(answered(user), etag=self.tag(user.version))

    @allowed("users:admin")
    @documented(takes=UserChange, answers=UserAnswer)
    async def patch(self, id: str) -> None:
        """Change a user; needs If-Match, and from a person a sign-in of the last ten minutes."""
        _check_proof(self)
        before = await self._user(id)
        await _change(self, before, replace(before, **stored(self.body(UserChange))))

    async def _user(self, id: str) -> User:
        user = await users.visible_to(self.db, self.known, id)
        if user is None:
            raise Problem(404, "not_found", "There is no such user.")
        return user


class Me(ApiHandler):
    """The person whose token it is."""

    @signed_in
    @documented(answers=UserAnswer)
    async def get(self) -> None:
        """One's own account."""
        user = await self._me()
        self.answer(answered(user), etag=self.tag(user.version))

    @signed_in
    @documented(takes=OwnChange, answers=UserAnswer)
    async def patch(self) -> None:
        """Change one's own profile; needs If-Match."""
        before = await self._me()
        await _change(self, before, replace(before, **stored(self.body(OwnChange))))

    async def _me(self) -> User:
        user = await users.by_id(self.db, self.known.id) if self.known.kind == "user" else None
        if user is None:
            raise Problem(404, "not_found", "The token belongs to no person.")
        return user


def _check_proof(handler: ApiHandler) -> None:
    """What gives rights asks for a fresh sign-in (RFC 9470). Raises Problem 401."""
    caller = handler.known
    if caller.kind == "user" and not proved_recently(caller, handler.now):
        wanted = f'Bearer realm="hivematrix", error="insufficient_user_authentication", max_age="{STEP_UP_SECONDS}"'
        detail = "This asks for a sign-in of the last ten minutes."
        raise Problem(401, "insufficient_user_authentication", detail, {"WWW-Authenticate": wanted})


async def _change(handler: ApiHandler, before: User, wanted: User) -> None:
    conventions.check_version(handler, before.version)
    with _renamed():
        async with handler.transaction() as tx:
            user = await people.change(tx, handler.sessions, handler.known, before, wanted, handler.actor, handler.now)
            handler.answer(answered(user), etag=handler.tag(user.version))


@contextmanager
def _renamed() -> Iterator[None]:
    """What is wrong with a user, under the names that the API has."""
    try:
        yield
    except Invalid as invalid:
        raise type(invalid)({API_NAMES.get(field, field): message for field, message in invalid.errors.items()}) from invalid
