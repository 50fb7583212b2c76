"""Does what a request asks for once, however often it is sent with one key: looks the key up, and keeps the answer, with the deed itself.

A program sends its key as the header Idempotency-Key; every form of ours carries one in the hidden field `idempotency_key`, made anew each
time that a form is shown. The key is the caller's own: another's same key is another key.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from tornado.httputil import HTTPServerRequest

from hmlib.clock import shifted
from hmlib.db.database import Db, Transaction
from hmlib.keys import Keys, Unsealable
from hmlib.web import xsrf
from hmlib.web.problems import Problem
from hmlib.web.requests import Form, one_way

HEADER = "Idempotency-Key"
FIELD = "idempotency_key"
LONGEST_KEY = 255
LARGEST_ANSWER = 64 * 1024
HASHED_ON_THE_LOOP = 1024 * 1024
TABLE, COLUMN = "replay", "body"
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


class KeyReused(Problem):
    """The key was used for another request."""

    def __init__(self) -> None:
        super().__init__(422, "idempotency_key_reused", "This Idempotency-Key was used for another request.")


@dataclass(frozen=True)
class Repeatable:
    """A request with a key: whose, the key's MAC, and the SHA-256 (hex) of method, path, query and body. `request_hash` is the one of the
    release before, whose processes may still run beside this one: path and body."""

    caller_id: str
    key_mac: str
    digest: str
    request_hash: str

    @property
    def row_id(self) -> str:
        return f"{self.caller_id} {self.key_mac}"


@dataclass(frozen=True)
class Answer:
    """An answer as it was given; `toast` is a header of its own here, as the browser gets it sealed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def of_program(keys: Keys, caller_id: str, key: str, request: HTTPServerRequest) -> Repeatable:
    """A program's request. Raises Problem 400 for a key that is none."""
    if len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise Problem(400, "invalid_request", "An Idempotency-Key is at most 255 printable ASCII characters.")
    parts = [*_address(request), request.body]
    before = (f"{request.path}\n".encode(), request.body)
    return Repeatable(caller_id, keys.mac("idempotency", key), await _hashed(parts), await _hashed(before, counted=False))


async def of_form(keys: Keys, caller_id: str, request: HTTPServerRequest, form: Form) -> Repeatable | None:
    """A posted form, by what stands in it: its XSRF token and a file's boundaries differ from one sending to the next. None without a
    key."""
    key = form.fields.get(FIELD, "")
    if not key or len(key) > LONGEST_KEY:
        return None
    parts = _address(request)
    fields = [(name, (value,)) for name, value in form.fields.items() if name not in (FIELD, xsrf.FIELD)]
    parts += [part.encode() for name, values in sorted([*fields, *form.lists.items()]) for part in (name, *map(one_way, values))]
    parts += [part for name, file in sorted(form.files.items()) for part in (name.encode(), file.filename.encode(), file.body)]
    return Repeatable(caller_id, keys.mac("form", key), await _hashed(parts), "")


async def kept(db: Db, keys: Keys, request: Repeatable, now: str, *, unseal: bool = True) -> Answer | None:
    """The answer that the request got before; None when it is the first, and for a sealed one without `unseal`.

    Raises KeyReused, Problem 409 when the answer was too long to be kept, and Problem 503 while a process of the release before may be
    at work on it."""
    replay = await _find(db, request.caller_id, request.key_mac, now)
    if replay is None or replay.abandoned(now):
        return None
    if (replay.digest or replay.request_hash) != (request.digest if replay.digest else request.request_hash):
        raise KeyReused
    if replay.body_form is BodyForm.SEALED and not unseal:
        return None
    if replay.status is None:
        raise Problem(503, "busy", "The first request with this Idempotency-Key is still being worked on.", retry_after=1)
    return Answer(replay.status, replay.headers, _opened(keys, request, replay))


async def keep(tx: Transaction, keys: Keys, request: Repeatable, answer: Answer, now: str, *, secret: bool) -> None:
    """Keep the answer for a day, in the transaction of what it tells of; sealed when it shows a `secret`."""
    body, form = answer.body.decode(), BodyForm.PLAIN
    if len(answer.body) > LARGEST_ANSWER:
        body, form = "", BodyForm.LEFT_OUT
    elif secret:
        body, form = keys.seal(answer.body, table=TABLE, column=COLUMN, row_id=request.row_id), BodyForm.SEALED
    replay = Replay(request.request_hash, request.digest, answer.status, answer.headers, body, form, now)
    await _keep_replay(tx, request.caller_id, request.key_mac, replay)


async def _find(db: Db, caller_id: str, key_mac: str, now: str) -> Replay | None:
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


async def _keep_replay(tx: Transaction, caller_id: str, key_mac: str, replay: Replay) -> None:
    """Keep the answer with the change that it tells of; those older than a day go."""
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


def _opened(keys: Keys, request: Repeatable, replay: Replay) -> bytes:
    if replay.body_form is BodyForm.SEALED:
        try:
            return keys.unseal(replay.body, table=TABLE, column=COLUMN, row_id=request.row_id)
        except Unsealable:  # the service has another master key since
            raise _not_kept() from None
    if replay.body_form is BodyForm.LEFT_OUT:
        raise _not_kept()
    return replay.body.encode()


def _not_kept() -> Problem:
    said = "This was done when it was sent first; its answer is not kept. Read what it changed."
    return Problem(409, "answer_not_kept", said)


def _address(request: HTTPServerRequest) -> list[bytes]:
    return [part.encode() for part in (request.method or "", request.path, request.query)]


async def _hashed(parts: Iterable[bytes], *, counted: bool = True) -> str:
    """SHA-256 (hex) of the parts, each with its length in front when `counted`; many bytes are hashed beside the loop."""
    parts = list(parts)

    def digest() -> str:
        sha = hashlib.sha256()
        for part in parts:
            sha.update(len(part).to_bytes(8, "big") * counted)
            sha.update(part)
        return sha.hexdigest()

    return await asyncio.to_thread(digest) if sum(map(len, parts)) > HASHED_ON_THE_LOOP else digest()
