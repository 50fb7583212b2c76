"""Tokens that ended before their time: rows in the database, followed by every process."""

import asyncio
from collections.abc import Callable

from hmlib.clock import parse, shifted, utc_now
from hmlib.db import Db
from hmlib.jwks import Jwks
from hmlib.tokens import Claims

REVOCATION_SECONDS = 15 * 60


class Revocations:
    """Tokens that ended early. Rows in the database; each process follows them every second."""

    def __init__(self, db: Db, jwks: Jwks | None = None, scope_changed: Callable[[str], None] | None = None) -> None:
        self._db, self._jwks, self._scope_changed = db, jwks, scope_changed
        self._at: dict[tuple[str, str], str] = {}
        self._seen = ""

    async def add(self, kind: str, value: str, now: str) -> None:
        """``kind`` is sid, user (tokens issued until now), scope (forget what a user may see) or keys (forget Nexus's)."""
        await self._db.run(
            """
            INSERT INTO revocation (kind, value, at) VALUES (:kind, :value, :now)
            ON CONFLICT (kind, value) DO UPDATE SET at = excluded.at
            """,
            kind=kind,
            value=value,
            now=now,
        )
        await self.load(now)

    async def once(self, jti: str, now: str) -> None:
        """Note that a push was taken in. Raises Conflict when it had been already."""
        await self._db.run("INSERT INTO revocation (kind, value, at) VALUES ('jti', :jti, :now)", jti=jti, now=now)

    async def load(self, now: str) -> None:
        """Take in what other processes wrote. Rows older than any token are deleted."""
        for row in await self._db.all(
            "SELECT kind, value, at FROM revocation WHERE at > :seen AND kind <> 'jti' ORDER BY at", seen=self._seen
        ):
            if self._at.get((row["kind"], row["value"])) != row["at"]:
                self._at[row["kind"], row["value"]] = row["at"]
                self._heed(row["kind"], row["value"])
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
        if claims.sid is not None and ("sid", claims.sid) in self._at:
            return True
        ended = self._at.get(("user", claims.sub))
        return ended is not None and claims.iat <= parse(ended).timestamp()

    def _heed(self, kind: str, value: str) -> None:
        if kind == "keys" and self._jwks:
            self._jwks.forget(value or None)
        if kind == "scope" and self._scope_changed:
            self._scope_changed(value)

    async def _sweep(self, before: str) -> None:
        self._at = {key: at for key, at in self._at.items() if at >= before}
        await self._db.run("DELETE FROM revocation WHERE at < :before", before=before)
