"""Server-side sessions: an opaque id in the browser, everything else in this service's database."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hmlib.auth import company_scope
from hmlib.auth.company_scope import KnownScope
from hmlib.clock import parse, shifted
from hmlib.db.database import Db
from hmlib.db.deferred_writes import DeferredWrites
from hmlib.keys import Keys, Unsealable

SEEN_EVERY_SECONDS = 60
CLAIM_SECONDS = 15  # a refresh may take transport.REQUEST_SECONDS; Nexus answers the generation just spent again for 20 s
_COLUMNS = (
    *("id_hash", "user_id", "user_name", "level", "sid", "auth_time", "amr", "address", "browser"),
    *("created_at", "last_seen_at", "expires_at", "tokens"),
)
_SELECT = f"""
    SELECT {", ".join(f"session.{column} AS {column}" for column in _COLUMNS)},
        user_scope.scope AS scope, user_scope.at AS scope_at, user_scope.forgotten AS forgotten,
        (SELECT state FROM preference_state WHERE id = 1) AS settings_state
    FROM session LEFT JOIN user_scope ON user_scope.user_id = session.user_id
"""


class Tokens(msgspec.Struct, frozen=True):
    """What Nexus gave a module for one session. ``access_expires`` is in whole seconds since 1970 UTC."""

    access: str
    access_expires: int
    refresh: str


@dataclass(frozen=True)
class Session:
    """One row of ``session``; times are UTC text, ``auth_time`` whole seconds since 1970.

    ``settings_state`` is that of Preferences when the row was read.
    """

    id_hash: str
    user_id: str
    user_name: str
    level: str
    sid: str
    auth_time: int
    amr: tuple[str, ...]
    address: str
    browser: str
    created_at: str
    last_seen_at: str
    expires_at: str
    tokens: Tokens | None = field(repr=False)
    known_scope: KnownScope = field(default_factory=KnownScope)
    settings_state: int | None = None


@dataclass(frozen=True)
class TimeLeft:
    """Whole seconds until a session ends by itself: ``idle`` unless somebody does something, ``most`` whatever anybody does."""

    idle: int
    most: int


def time_left(session: Session, now: str, idle_seconds: int) -> TimeLeft:
    """How long a session lives on after a request made ``now``; its visit is noted at most once a minute, and counts from there."""
    unnoted = (parse(now) - parse(session.last_seen_at)).total_seconds()
    idle = idle_seconds - (unnoted if 0 < unnoted <= SEEN_EVERY_SECONDS else 0)
    whole = (parse(session.expires_at) - parse(now)).total_seconds()
    return TimeLeft(int(idle), max(0, int(whole)))


@dataclass(frozen=True)
class NewSession:
    """What is needed to open a session."""

    user_id: str
    user_name: str
    level: str
    sid: str
    auth_time: int
    amr: tuple[str, ...]
    address: str
    browser: str
    expires_at: str
    tokens: Tokens | None = None


class Sessions:
    """The sessions of one service."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys
        self._deferred = DeferredWrites(db)

    async def open(self, new_session: NewSession, now: str, tx: Db | None = None) -> tuple[str, Session]:
        """Open a session; answers the cookie value (43 characters, 256 bits, never stored) and the row."""
        cookie = secrets.token_urlsafe(32)
        id_hash = self.hash_of(cookie)
        row = await (tx or self._db).one(
            f"""
            INSERT INTO session (id_hash, user_id, user_name, level, sid, auth_time, amr, address, browser,
                created_at, last_seen_at, expires_at, tokens)
            VALUES (:id_hash, :user_id, :user_name, :level, :sid, :auth_time, :amr, :address, :browser,
                :now, :now, :expires_at, :tokens)
            RETURNING {", ".join(_COLUMNS)}
            """,
            id_hash=id_hash,
            user_id=new_session.user_id,
            user_name=new_session.user_name,
            level=new_session.level,
            sid=new_session.sid,
            auth_time=new_session.auth_time,
            amr=" ".join(new_session.amr),
            address=new_session.address,
            browser=new_session.browser[:200],
            now=now,
            expires_at=new_session.expires_at,
            tokens=self._sealed(id_hash, new_session.tokens),
        )
        assert row is not None
        return cookie, self._session(row)

    def hash_of(self, cookie: str) -> str:
        return self._keys.mac("session", cookie)

    async def by_cookie(self, cookie: str, now: str) -> Session | None:
        """The session behind a cookie value, or None when there is none or it is past its absolute end."""
        if len(cookie) != 43:
            return None
        row = await self._db.peek(f"{_SELECT} WHERE id_hash = :id_hash AND expires_at > :now", id_hash=self.hash_of(cookie), now=now)
        return self._session(row) if row else None

    async def visited(self, session: Session, now: str, idle_seconds: int) -> bool:
        """Whether the session has not been idle for so long. Notes the visit at most once a minute, beside the answer: reading waits for
        no writer, and goes on while nothing can be written."""
        if session.last_seen_at <= shifted(now, -idle_seconds):
            return False
        if session.last_seen_at < shifted(now, -SEEN_EVERY_SECONDS):
            noted = "UPDATE session SET last_seen_at = :now WHERE id_hash = :id_hash"
            self._deferred.note(f"visit {session.id_hash}", noted, now=now, id_hash=session.id_hash)
        return True

    async def by_sid(self, sid: str, now: str) -> list[Session]:
        rows = await self._db.all(f"{_SELECT} WHERE sid = :sid AND expires_at > :now", sid=sid, now=now)
        return [self._session(row) for row in rows]

    async def of_user(self, user_id: str, now: str) -> list[Session]:
        rows = await self._db.all(
            f"{_SELECT} WHERE session.user_id = :user_id AND expires_at > :now ORDER BY last_seen_at DESC",
            user_id=user_id,
            now=now,
        )
        return [self._session(row) for row in rows]

    async def renew_id(self, id_hash: str, tx: Db | None = None) -> str | None:
        """Give a session a new id (after step-up, a change of level, or when a browser adopts it); None if it is gone.

        Only for sessions without tokens (Nexus's own): sealed tokens are bound to their row's id.
        """
        cookie = secrets.token_urlsafe(32)
        row = await (tx or self._db).one(
            "UPDATE session SET id_hash = :new WHERE id_hash = :old AND tokens IS NULL RETURNING id_hash",
            new=self.hash_of(cookie),
            old=id_hash,
        )
        return cookie if row else None

    async def end(self, id_hash: str) -> None:
        await self._db.run("DELETE FROM session WHERE id_hash = :id_hash", id_hash=id_hash)

    async def end_sid(self, sid: str, tx: Db | None = None) -> int:
        return await (tx or self._db).run("DELETE FROM session WHERE sid = :sid", sid=sid)

    async def end_user(self, user_id: str, tx: Db | None = None, *, until: str = "9999") -> int:
        """End a person's sessions that were opened until then; what they open afterwards is a new beginning."""
        ended = "DELETE FROM session WHERE user_id = :user_id AND created_at <= :until"
        return await (tx or self._db).run(ended, user_id=user_id, until=until)

    async def sweep(self, now: str, idle_seconds: int) -> int:
        """Delete sessions past their absolute or idle end; answers how many."""
        return await self._db.run(
            "DELETE FROM session WHERE expires_at <= :now OR last_seen_at <= :idle_since", now=now, idle_since=shifted(now, -idle_seconds)
        )

    async def claim_refresh(self, session: Session, now: str, seconds: int = CLAIM_SECONDS) -> str | None:
        """A claim for exactly one process at a time: it alone may spend the refresh token. None while another's holds.

        It lapses by itself, later than the longest call that spends the token.
        """
        claim = f"{shifted(now, seconds)} {secrets.token_hex(8)}"
        row = await self._db.one(
            "UPDATE session SET refresh_claim = :claim WHERE id_hash = :id_hash AND refresh_claim < :now RETURNING id_hash",
            claim=claim,
            id_hash=session.id_hash,
            now=now,
        )
        return claim if row else None

    async def store_tokens(self, session: Session, tokens: Tokens) -> None:
        """Keep fresh tokens, which ends whatever claim there is: they are newer than those it was for."""
        await self._db.run(
            "UPDATE session SET tokens = :tokens, refresh_claim = '' WHERE id_hash = :id_hash",
            tokens=self._sealed(session.id_hash, tokens),
            id_hash=session.id_hash,
        )

    async def release_refresh(self, session: Session, claim: str) -> None:
        """Let another process try at once."""
        await self._db.run(
            "UPDATE session SET refresh_claim = '' WHERE id_hash = :id_hash AND refresh_claim = :claim",
            id_hash=session.id_hash,
            claim=claim,
        )

    async def end_claimed(self, session: Session, claim: str) -> bool:
        """End a session whose refresh token is good no more; False when another process has taken it over meanwhile."""
        ended = "DELETE FROM session WHERE id_hash = :id_hash AND refresh_claim = :claim"
        return bool(await self._db.run(ended, id_hash=session.id_hash, claim=claim))

    async def reload(self, session: Session) -> Session | None:
        row = await self._db.one(f"{_SELECT} WHERE id_hash = :id_hash", id_hash=session.id_hash)
        return self._session(row) if row else None

    async def forget_scope(self, user_id: str, tx: Db | None = None) -> None:
        """What a person may see has changed: no session and no token of theirs goes by what was known."""
        await (tx or self._db).run(company_scope.FORGET, user_id=user_id)

    async def exchanged(self, session: Session, audience: str, now_seconds: float) -> str | None:
        """A token got earlier for another service that is good for 20 seconds more, or None."""
        row = await self._db.one(
            "SELECT token FROM session_exchange WHERE id_hash = :id_hash AND audience = :audience AND expires_at > :soon",
            id_hash=session.id_hash,
            audience=audience,
            soon=int(now_seconds) + 20,
        )
        if row is None:
            return None
        place = f"{session.id_hash}/{audience}"
        return self._keys.unseal(row["token"], table="session_exchange", column="token", row_id=place).decode()

    async def store_exchanged(self, session: Session, audience: str, token: str, expires_at: int) -> None:
        sealed = self._keys.seal(token.encode(), table="session_exchange", column="token", row_id=f"{session.id_hash}/{audience}")
        await self._deferred.noted(
            f"exchange {session.id_hash} {audience}",
            """
            INSERT INTO session_exchange (id_hash, audience, token, expires_at)
            SELECT id_hash, :audience, :token, :expires_at FROM session WHERE id_hash = :id_hash
            ON CONFLICT (id_hash, audience) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at
            """,
            id_hash=session.id_hash,
            audience=audience,
            token=sealed,
            expires_at=expires_at,
        )

    def _sealed(self, id_hash: str, tokens: Tokens | None) -> str | None:
        if tokens is None:
            return None
        return self._keys.seal(msgspec.json.encode(tokens), table="session", column="tokens", row_id=id_hash)

    def _session(self, row: Mapping[str, Any]) -> Session:
        values = {column: row[column] for column in _COLUMNS}
        values["amr"] = tuple(values["amr"].split())
        values["settings_state"] = row.get("settings_state")
        values["tokens"] = self._opened(values["id_hash"], values["tokens"])
        if row.get("scope_at"):
            values["known_scope"] = KnownScope(company_scope.read(row["scope"]), row["scope_at"], row["forgotten"])
        elif row.get("forgotten"):
            values["known_scope"] = KnownScope(forgotten=row["forgotten"])
        return Session(**values)

    def _opened(self, id_hash: str, sealed: str | None) -> Tokens | None:
        """None for tokens that do not open here (moved, truncated, another key): the person signs in again."""
        if sealed is None:
            return None
        try:
            return msgspec.json.decode(self._keys.unseal(sealed, table="session", column="tokens", row_id=id_hash), type=Tokens)
        except Unsealable:
            return None
