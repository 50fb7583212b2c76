"""Ending sessions everywhere: here at once, and at every client as soon as it can be told."""

from hmlib.auth.sessions import Sessions
from hmlib.db.database import Db
from nexus_srv.queries import outbox, refresh_tokens


async def end_sid(tx: Db, sessions: Sessions, sid: str, now: str) -> None:
    """One sign-in and all that came of it."""
    await sessions.end_sid(sid, tx)
    await refresh_tokens.revoke_session(tx, sid, now)
    await outbox.session_ended(tx, sid, now)


async def end_user(tx: Db, sessions: Sessions, user_id: str, now: str) -> None:
    """Every sign-in of a person: disabled, another level, another password."""
    await sessions.end_user(user_id, tx)
    await refresh_tokens.revoke_account(tx, user_id, now)
    await outbox.account_ended(tx, user_id, now)


async def scope_changed(tx: Db, user_id: str, now: str) -> None:
    """Modules must ask again which companies this person may see."""
    await outbox.scope_changed(tx, user_id, now)
