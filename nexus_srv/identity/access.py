"""What lets a person in: one-time links, passwords, living sessions, and wrong attempts that are forgiven."""

import secrets

from hmlib.auth.sessions import Sessions
from hmlib.db.database import Db, Transaction
from hmlib.keys import Keys
from hmlib.records import audit
from hmlib.records.audit import Actor
from nexus_srv.identity import session_ends, throttle
from nexus_srv.queries import invites, users
from nexus_srv.queries import sessions as rows
from nexus_srv.queries import throttle as counts
from nexus_srv.queries.users import User

LINK_MINUTES = 60


def code_mac(keys: Keys, code: str) -> str:
    return keys.mac("invite", code)


def setup_link(origin: str, code: str) -> str:
    """The code stands behind the `#`, which browsers do not send: it reaches no log, no proxy and no Referer."""
    return f"{origin}/setup#{code}"


async def invite(tx: Transaction, keys: Keys, user: User, actor: Actor, now: str, minutes: int = LINK_MINUTES) -> tuple[str, str]:
    """A new one-time link in place of every earlier one; answers its code, which is kept nowhere, and when it ends."""
    code = secrets.token_urlsafe(32)
    expires_at = await invites.create(tx, user.id, code_mac(keys, code), by=actor.id, minutes=minutes, now=now)
    await audit.record(tx, actor, "user.invited", f"user/{user.id}", now=now, after={"expires_at": expires_at})
    return code, expires_at


async def redeem(db: Db, sessions: Sessions, keys: Keys, user: User, code: str, password_hash: str, actor: Actor, now: str) -> bool:
    """Spend the link and set the password; false when somebody else spent it first. Ends every session of the person."""
    async with db.write() as tx:
        if await invites.use(tx, code_mac(keys, code), now) != user.id:
            return False
        await _set_password(tx, user, password_hash, actor, now)
        await session_ends.end_user(tx, sessions, user.id, now)
        await counts.forgive(tx, throttle.of_account(keys, user.username))
    return True


async def change_password(
    tx: Transaction, sessions: Sessions, user: User, password_hash: str, actor: Actor, now: str, keep_sid: str | None
) -> None:
    """A person's own new password; ends their sign-ins everywhere but this one, and every link that was under way."""
    await _set_password(tx, user, password_hash, actor, now)
    await invites.void(tx, user.id, now)
    for sid in await rows.sids_of(tx, user.id, now):
        if sid != keep_sid:
            await session_ends.end_sid(tx, sessions, sid, now)


async def _set_password(tx: Db, user: User, password_hash: str, actor: Actor, now: str) -> None:
    await users.set_password(tx, user.id, password_hash, now)
    await audit.record(tx, actor, "user.password_set", f"user/{user.id}", now=now)


async def end_sessions(
    tx: Transaction, sessions: Sessions, user_id: str, sid: str | None, actor: Actor, now: str, keep_sid: str | None = None
) -> int:
    """End one sign-in of a person, or all but `keep_sid`; how many ended. Somebody else's sid is none of theirs."""
    living = await rows.sids_of(tx, user_id, now)
    ending = [each for each in living if (each == sid if sid else each != keep_sid)]
    for each in ending:
        await session_ends.end_sid(tx, sessions, each, now)
        await audit.record(tx, actor, "session.ended", f"user/{user_id}", now=now, before={"sid": each[:8]})
    return len(ending)


async def forget_attempts(tx: Transaction, keys: Keys, user: User, actor: Actor, now: str) -> None:
    """An administrator lets a person try again at once."""
    await counts.forgive(tx, throttle.of_account(keys, user.username))
    await audit.record(tx, actor, "user.attempts_forgotten", f"user/{user.id}", now=now)
