"""Tokens that ended before their time: rows in the database, followed by every process."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from hmlib.auth.jwks import Jwks
from hmlib.auth.tokens import Claims, lineage
from hmlib.clock import parse, utc_now
from hmlib.db.database import Db

REVOCATION_SECONDS = 15 * 60
MARK_SECONDS = 60
POLL_SECONDS = 1.0


class Revocations:
    """Tokens that ended early. Rows in the database; each process follows them every second, by their numbers and by no clock.

    A row is dropped when this process has had it for REVOCATION_SECONDS by its own steady ``clock`` (seconds), longer than a token lives.
    """

    def __init__(
        self,
        db: Db,
        jwks: Jwks | None = None,
        scope_changed: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db, self._jwks, self._scope_changed, self._clock = db, jwks, scope_changed, clock
        self._known: dict[tuple[str, str], tuple[str, int]] = {}
        self._seen = -1
        self._marks: deque[tuple[float, int]] = deque()

    async def add(self, kind: str, value: str, now: str, until: str = "", tx: Db | None = None) -> None:
        """``kind`` is sid, user or client (tokens issued up to ``until``), token (one or a family), scope (forget what a user may see) or
        keys (forget Nexus's).

        With ``tx`` the row belongs to that transaction, and load() is the caller's to call after it.
        """
        if tx is not None:
            await self._written(tx, kind, value, now, until or now)
            return
        async with self._db.write() as own:
            await self._written(own, kind, value, now, until or now)
        await self.load(now)

    async def claim(self, jti: str, now: str, tx: Db) -> None:
        """Note that a push was taken in, in the transaction that does what it says. Raises Conflict when it had been already."""
        number = await _next(tx)
        await tx.run(
            "INSERT INTO revocation (kind, value, until, at, number) VALUES ('jti', :jti, :now, :now, :number)",
            jti=jti,
            now=now,
            number=number,
        )

    async def load(self, now: str) -> None:
        """Take in what was written since the last time."""
        rows = await self._db.all(
            "SELECT kind, value, until, number FROM revocation WHERE number > :seen OR number = 0 ORDER BY number", seen=max(self._seen, 0)
        )
        self._seen = max(self._seen, 0)
        for row in rows:
            self._take(row["kind"], row["value"], row["until"], row["number"])
        if rows and rows[0]["number"] == 0:
            await self._number_old_rows()

    async def ready(self) -> None:
        """See to it that this process knows what was revoked before it began."""
        if self._seen < 0:
            await self.load(utc_now())

    async def follow(self) -> None:
        """Load once a second, for ever; and sweep what no living token can hit."""
        while True:
            await self.load(utc_now())
            await self.sweep()
            await asyncio.sleep(POLL_SECONDS)

    async def sweep(self) -> None:
        """Once a minute: delete the rows that were already there REVOCATION_SECONDS ago."""
        now = self._clock()
        if self._marks and now < self._marks[-1][0] + MARK_SECONDS:
            return
        self._marks.append((now, self._seen))
        old = -1
        while self._marks and self._marks[0][0] <= now - REVOCATION_SECONDS:
            old = self._marks.popleft()[1]
        if old > 0:
            self._known = {key: known for key, known in self._known.items() if not 0 < known[1] <= old}
            await self._db.run("DELETE FROM revocation WHERE number > 0 AND number <= :old", old=old)

    def hits(self, claims: Claims) -> bool:
        if claims.sid is not None and ("sid", claims.sid) in self._known:
            return True
        if any(("token", jti) in self._known for jti in lineage(claims.jti)):
            return True
        ends = (self._known.get(("user", claims.sub)), self._known.get(("client", claims.client_id)))
        return any(end is not None and claims.iat <= parse(end[0]).timestamp() for end in ends)

    def _take(self, kind: str, value: str, until: str, number: int) -> None:
        self._seen = max(self._seen, number)
        known = self._known.get((kind, value))
        older = known is not None and 0 < number <= known[1]  # read earlier than what another load has taken in meanwhile
        if kind == "jti" or older or (known is not None and number == 0 and known[0] == until):
            return
        self._known[kind, value] = (until, number)
        if kind == "keys" and self._jwks:
            self._jwks.forget(value or None)
        if kind == "scope" and self._scope_changed:
            self._scope_changed(value)

    async def _written(self, tx: Db, kind: str, value: str, now: str, until: str) -> None:
        number = await _next(tx)
        await tx.run(
            """
            INSERT INTO revocation (kind, value, until, at, number) VALUES (:kind, :value, :until, :now, :number)
            ON CONFLICT (kind, value) DO UPDATE SET until = excluded.until, at = excluded.at, number = excluded.number
            """,
            kind=kind,
            value=value,
            until=until,
            now=now,
            number=number,
        )

    async def _number_old_rows(self) -> None:
        async with self._db.write() as tx:
            number = await _next(tx)
            await tx.run("UPDATE revocation SET number = :number WHERE number = 0", number=number)


async def _next(tx: Db) -> int:
    """The next number; it is this transaction's alone until it ends."""
    number: int = await tx.value("UPDATE revocation_order SET number = number + 1 WHERE id = 1 RETURNING number")
    return number
