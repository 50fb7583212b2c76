"""Answers kept by Idempotency-Key, each written in the transaction of what the request did."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from hmlib.clock import shifted
from hmlib.db import Db, Transaction

KEPT_SECONDS = 86_400
ABANDONED_SECONDS = 60


class BodyForm(StrEnum):
    """How an answer's body is kept: as it was, sealed as it shows a secret, or not at all as it was too long."""

    PLAIN = "plain"
    SEALED = "sealed"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Replay:
    """What a key was used for. `digest` is "" and `status` perhaps None in a row of the release before, which claimed a key first and
    wrote its answer later; `body_form` says whether `body` is sealed, or was too long to be kept."""

    request_hash: str
    digest: str
    status: int | None
    headers: Mapping[str, str]
    body: str
    body_form: BodyForm
    created_at: str

    def abandoned(self, now: str) -> bool:
        """Whether the release before claimed the key and died before it answered."""
        return self.status is None and self.created_at < shifted(now, -ABANDONED_SECONDS)


async def find(db: Db, caller_id: str, key_mac: str, now: str) -> Replay | None:
    """What the caller's key was used for within a day; None for a key that is free."""
    row = await db.one(
        """
        SELECT request_hash, digest, status, etag, location, headers, body, body_form, created_at FROM replay
        WHERE caller_id = :caller_id AND key_mac = :key_mac AND created_at >= :since
        """,
        caller_id=caller_id,
        key_mac=key_mac,
        since=shifted(now, -KEPT_SECONDS),
    )
    if row is None:
        return None
    etag, location, headers = row.pop("etag"), row.pop("location"), row.pop("headers")
    before = {"Content-Type": "application/json; charset=UTF-8", "Etag": etag, "Location": location}
    kept = msgspec.json.decode(headers, type=dict[str, str]) if headers else {name: value for name, value in before.items() if value}
    return Replay(headers=kept, **row | {"body_form": BodyForm(row["body_form"])})


async def keep(tx: Transaction, caller_id: str, key_mac: str, replay: Replay) -> None:
    """Keep the answer with the deed that it tells of; those older than a day go."""
    await tx.run("DELETE FROM replay WHERE created_at < :before", before=shifted(replay.created_at, -KEPT_SECONDS))
    await tx.run(
        """
        INSERT INTO replay (caller_id, key_mac, request_hash, digest, status, etag, location, headers, body, body_form, created_at)
        VALUES (:caller_id, :key_mac, :request_hash, :digest, :status, :etag, :location, :headers, :body, :body_form, :created_at)
        ON CONFLICT (caller_id, key_mac) DO UPDATE SET
            request_hash = excluded.request_hash, digest = excluded.digest, status = excluded.status, etag = excluded.etag,
            location = excluded.location, headers = excluded.headers, body = excluded.body, body_form = excluded.body_form,
            created_at = excluded.created_at
        """,
        caller_id=caller_id,
        key_mac=key_mac,
        request_hash=replay.request_hash,
        digest=replay.digest,
        status=replay.status,
        etag=replay.headers.get("Etag", ""),
        location=replay.headers.get("Location", ""),
        headers=msgspec.json.encode(replay.headers).decode(),
        body=replay.body,
        body_form=replay.body_form.value,
        created_at=replay.created_at,
    )
