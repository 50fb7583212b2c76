"""Tokens that ended before their time: rows in the database, followed by every process."""

import asyncio
from collections.abc import Callable

from hmlib.clock import parse, shifted, utc_now
from hmlib.db import Db
from hmlib.jwks import Jwks
from hmlib.tokens import Claims, lineage

REVOCATION_SECONDS = 15 * 60


class Revocations:
    """Tokens that ended early. Rows in the database; each process follows them every second."""

    def __init__(self, db: Db, jwks: Jwks | None = None, scope_changed: Callable[[str], None] | None = None) -> None:
        self._db, self._jwks, self._scope_changed = db, jwks, scope_changed
        self._known: dict[tuple[str, str], tuple[str, str]] = {}
        self._seen = ""

    async def add(self, kind: str, value: str, now: str, until: str = "") -> None:
        """``kind`` is sid, user or client (tokens issued up to ``until``), token (one or a family), scope (forget what a user may see) or
        keys (forget Nexus's).
        """
        await self._db.run(
            """
            INSERT INTO revocation (kind, value, until, at) VALUES (:kind, :value, :until, :now)
            ON CONFLICT (kind, value) DO UPDATE SET until = excluded.until, at = excluded.at
            """,
            kind=kind,
            value=value,
            until=until or now,
            now=now,
        )
        await self.load(now)

    async def once(self, jti: str, now: str) -> None:
        """Note that a push was taken in. Raises Conflict when it had been already."""
        await self._db.run("INSERT INTO revocation (kind, value, until, at) VALUES ('jti', :jti, :now, :now)", jti=jti, now=now)

    async def load(self, now: str) -> None:
        """Take in what other processes wrote since the last time, and a little before it."""
        for row in await self._db.all(
            "SELECT kind, value, until, at FROM revocation WHERE at > :seen AND kind <> 'jti' ORDER BY at", seen=self._seen
        ):
            key = (row["kind"], row["value"])
            if self._known.get(key) != (row["until"], row["at"]):
                self._known[key] = (row["until"], row["at"])
                self._heed(*key)
        self._seen = shifted(now, -5)

    async def follow(self) -> None:
        """Load once a second, for ever; and sweep what no living token can hit."""
        while True:
            now = utc_now()
            await self.load(now)
            if now[17:19] == "00":
                await self._sweep(shifted(now, -REVOCATION_SECONDS))
            await asyncio.sleep(1)

    def hits(self, claims: Claims) -> bool:
        if claims.sid is not None and ("sid", claims.sid) in self._known:
            return True
        if any(("token", jti) in self._known for jti in lineage(claims.jti)):
            return True
        ends = (self._known.get(("user", claims.sub)), self._known.get(("client", claims.client_id)))
        return any(end is not None and claims.iat <= parse(end[0]).timestamp() for end in ends)

    def _heed(self, kind: str, value: str) -> None:
        if kind == "keys" and self._jwks:
            self._jwks.forget(value or None)
        if kind == "scope" and self._scope_changed:
            self._scope_changed(value)

    async def _sweep(self, before: str) -> None:
        self._known = {key: known for key, known in self._known.items() if known[1] >= before}
        await self._db.run("DELETE FROM revocation WHERE at < :before", before=before)
