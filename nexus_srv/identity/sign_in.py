"""Signing in with a password: counted first, judged alike for everyone, recorded, and then Nexus's own session opened."""

import time
from dataclasses import dataclass, field

from hmlib import metrics
from hmlib.auth.permissions import Caller
from hmlib.auth.sessions import NewSession, Session, Sessions
from hmlib.clock import new_id, parse, shifted
from hmlib.db.database import Db
from hmlib.keys import Keys
from hmlib.records import audit
from hmlib.records.audit import Actor
from hmlib.records.preferences import Preferences
from nexus_srv.identity import session_ends, throttle
from nexus_srv.identity.passwords import Busy, Hasher, Strength
from nexus_srv.identity.throttle import Throttled
from nexus_srv.queries import sessions, users
from nexus_srv.queries import throttle as counts
from nexus_srv.queries.throttle import Bucket
from nexus_srv.queries.users import Credentials, User

LONGEST_USERNAME = 200
PASSWORD_AMR = ("pwd",)
STEP_UP_SECONDS = 600


class WrongPassword(Exception):
    """The username, the password or both are wrong, or the account may not sign in: nobody is told which."""


class SecondFactorNeeded(Exception):
    """The password is right, and this account has more to show."""


RESULTS = {WrongPassword: "wrong", SecondFactorNeeded: "second factor", Throttled: "throttled", Busy: "busy"}


def proved_recently(caller: Caller, now: str) -> bool:
    """Whether the person has shown who they are in the last ten minutes: what matters most asks for that."""
    return parse(now).timestamp() - (caller.auth_time or 0) <= STEP_UP_SECONDS


@dataclass(frozen=True)
class Attempt:
    """One try: what was typed, and from where. `browser` is the person's own User-Agent, `client_id` the module that asks.

    `at_s` is when it came, in seconds since 1970: what it was counted on then, it is taken back from.
    """

    username: str
    password: str
    address: str
    browser: str
    request_id: str
    client_id: str = ""
    at_s: int = field(default_factory=lambda: int(time.time()))

    def actor(self, user: User | None = None) -> Actor:
        return Actor(
            id=user.id if user else "",
            name=user.display_name if user else "",
            address=self.address,
            on_behalf_of=self.client_id,
            request_id=self.request_id,
        )


@dataclass(frozen=True)
class SignIn:
    """The one way in by password, for the page and the API alike."""

    db: Db
    keys: Keys
    hasher: Hasher
    sessions: Sessions
    preferences: Preferences

    async def judge(self, attempt: Attempt, now: str) -> User:
        """Whose password this is. Raises WrongPassword, SecondFactorNeeded, Throttled, Busy; what it costs tells nothing."""
        try:
            user = await self._judged(attempt, now)
        except (WrongPassword, SecondFactorNeeded, Throttled, Busy) as refusal:
            metrics.SIGN_INS.labels(RESULTS[type(refusal)]).inc()
            raise
        metrics.SIGN_INS.labels("right").inc()
        return user

    async def hashed(self, password: str) -> str:
        """The hash of a new password, as strong as the settings say. Raises Busy."""
        return await self.hasher.hashed(password, await self._strength())

    async def _judged(self, attempt: Attempt, now: str) -> User:
        buckets = self._buckets(attempt)
        await throttle.count(self.db, buckets, attempt.at_s)
        found = await users.credentials(self.db, attempt.username)
        stored = found.password_hash if found and found.user.active else None
        try:
            verdict = await self.hasher.verify(attempt.password, stored, await self._strength())
            if found is None or stored is None or not verdict.fits:
                await self._record_failure(attempt, found, now)
                raise WrongPassword
            if verdict.outdated:
                await users.replace_hash(self.db, found.user.id, stored, await self.hashed(attempt.password))
        except Busy:
            await self._take_back(buckets)
            raise
        if found.user.second_factors:
            await self._take_back(buckets)
            raise SecondFactorNeeded
        return found.user

    async def succeed(self, tx: Db, attempt: Attempt, user: User, now: str) -> None:
        """Record a sign-in, and forget the attempts before it. Raises WrongPassword when the account changed meanwhile."""
        if not await users.note_sign_in(tx, user, now):
            raise WrongPassword
        address, account = self._buckets(attempt)
        await counts.uncount(tx, address)
        await counts.forgive(tx, account)
        await audit.record(tx, attempt.actor(user), "sign_in.succeeded", f"user/{user.id}", now=now)

    async def open(self, tx: Db, attempt: Attempt, user: User, now: str) -> tuple[str, Session]:
        """Record the sign-in and open Nexus's own session; answers its cookie value and its row."""
        hours = await self.preferences.int(tx, "session_absolute_hours")
        await self._make_room(tx, user, now)
        new_session = NewSession(
            user_id=user.id,
            user_name=user.display_name,
            level=user.level,
            sid=new_id(),
            auth_time=int(time.time()),
            amr=PASSWORD_AMR,
            address=throttle.prefix(attempt.address),
            browser=attempt.browser,
            expires_at=shifted(now, hours * 3600),
        )
        await self.succeed(tx, attempt, user, now)
        return await self.sessions.open(new_session, now, tx)

    async def _make_room(self, tx: Db, user: User, now: str) -> None:
        """The one not seen for longest ends when a person would have more sessions than the settings allow."""
        most = await self.preferences.int(tx, "sessions_at_most")
        for sid in (await sessions.sids_of(tx, user.id, now))[most - 1 :]:
            await session_ends.end_sid(tx, self.sessions, sid, now)

    async def _strength(self) -> Strength:
        return Strength(await self.preferences.int(self.db, "argon2_memory_mib"), await self.preferences.int(self.db, "argon2_passes"))

    def _buckets(self, attempt: Attempt) -> list[Bucket]:
        return [throttle.of_address(self.keys, attempt.address, attempt.at_s), throttle.of_account(self.keys, attempt.username)]

    async def _take_back(self, buckets: list[Bucket]) -> None:
        async with self.db.write() as tx:
            for bucket in buckets:
                await counts.uncount(tx, bucket)

    async def _record_failure(self, attempt: Attempt, found: Credentials | None, now: str) -> None:
        """What was typed for an unknown name is not kept: it may be a password in the wrong field."""
        subject = f"user/{found.user.id}" if found else "user/unknown"
        async with self.db.write() as tx:
            await audit.record(tx, attempt.actor(), "sign_in.failed", subject, now=now)
