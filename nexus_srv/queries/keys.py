"""The keys that tokens are signed with: rows in `signing_key`; private halves are sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hmlib.db.database import Db

_COLUMNS = "kid, state, private_key, public_key, compromised, created_at, activated_at, retired_at"


@dataclass(frozen=True)
class StoredKey:
    """One row. `state` is next, active, retiring or gone; `private_key` is sealed PEM, `public_key` a JWK as JSON text."""

    kid: str
    state: str
    private_key: str | None
    public_key: str
    compromised: bool
    created_at: str
    activated_at: str
    retired_at: str


async def living(db: Db) -> list[StoredKey]:
    """All that may be published, the newest last."""
    return [_key(row) for row in await db.all(f"SELECT {_COLUMNS} FROM signing_key WHERE state <> 'gone' ORDER BY created_at, kid")]


async def everything(db: Db) -> list[StoredKey]:
    return [_key(row) for row in await db.all(f"SELECT {_COLUMNS} FROM signing_key ORDER BY created_at, kid")]


async def by_kid(db: Db, kid: str) -> StoredKey | None:
    row = await db.one(f"SELECT {_COLUMNS} FROM signing_key WHERE kid = :kid", kid=kid)
    return _key(row) if row else None


async def insert(tx: Db, kid: str, private_key: str, public_key: str, now: str) -> None:
    """A new key in state next. Raises Conflict when there is one already."""
    await tx.run(
        "INSERT INTO signing_key (kid, state, private_key, public_key, created_at) VALUES (:kid, 'next', :private_key, :public_key, :now)",
        kid=kid,
        private_key=private_key,
        public_key=public_key,
        now=now,
    )


async def retire_active(tx: Db, now: str) -> None:
    """The active key signs no more, and its private half is forgotten."""
    await tx.run("UPDATE signing_key SET state = 'retiring', private_key = NULL, retired_at = :now WHERE state = 'active'", now=now)


async def promote_next(tx: Db, now: str) -> str | None:
    """The kid that now signs; None when no key was waiting."""
    found: str | None = await tx.value(
        "UPDATE signing_key SET state = 'active', activated_at = :now WHERE state = 'next' RETURNING kid", now=now
    )
    return found


async def expire_retired(tx: Db, before: str) -> None:
    """Keys retired before then are gone: whatever they signed has ended."""
    await tx.run("UPDATE signing_key SET state = 'gone' WHERE state = 'retiring' AND retired_at < :before", before=before)


async def drop(tx: Db, kid: str, now: str) -> None:
    """A key that may be known to others: it is believed no more."""
    await tx.run(
        "UPDATE signing_key SET state = 'gone', private_key = NULL, compromised = TRUE, retired_at = :now WHERE kid = :kid",
        kid=kid,
        now=now,
    )


def _key(row: Mapping[str, Any]) -> StoredKey:
    return StoredKey(**{**row, "compromised": bool(row["compromised"])})
