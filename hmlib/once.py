"""Does a POST once, however often it is sent with the same Idempotency-Key."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hmlib import jsonin, replays
from hmlib.web import ApiHandler, Problem

LONGEST_KEY = 255


@dataclass(frozen=True)
class Made:
    """What a POST has made: the answer's value, its ETag, and the address at which it can be read."""

    value: object
    etag: str
    location: str


async def answer(handler: ApiHandler, deed: Callable[[], Awaitable[Made]]) -> None:
    """Answer 201 with what `deed` made, its ETag and its Location. With an Idempotency-Key the first answer comes back byte for byte; the
    same key with another body is 422, and 409 while the first request is still being worked on."""
    key = handler.request.headers.get("Idempotency-Key", "")
    if not key:
        made = await deed()
        _send(handler, 201, made)
        return
    if len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise Problem(400, "invalid_request", "An Idempotency-Key is at most 255 printable ASCII characters.")
    caller_id, mac = handler.known.id, handler.keys.mac("idempotency", key)
    request_hash = hashlib.sha256(f"{handler.request.path}\n".encode() + handler.request.body).hexdigest()
    earlier = await replays.claim(handler.db, caller_id, mac, request_hash, handler.now)
    if earlier is None:
        await _first(handler, deed, caller_id, mac)
    elif earlier.request_hash != request_hash:
        raise Problem(422, "idempotency_key_reused", "This Idempotency-Key was used for another request.")
    elif earlier.status is None:
        raise Problem(409, "in_progress", "The first request with this Idempotency-Key is still being worked on.", retry_after=1)
    else:
        _send(handler, earlier.status, Made(earlier.body.encode(), earlier.etag, earlier.location))


async def _first(handler: ApiHandler, deed: Callable[[], Awaitable[Made]], caller_id: str, mac: str) -> None:
    try:
        made = await deed()
    except BaseException:
        await replays.release(handler.db, caller_id, mac)
        raise
    raw = jsonin.encode(made.value)
    await replays.keep(handler.db, caller_id, mac, 201, made.etag, made.location, raw.decode())
    _send(handler, 201, Made(raw, made.etag, made.location))


def _send(handler: ApiHandler, status: int, made: Made) -> None:
    if made.location:
        handler.set_header("Location", made.location)
    handler.answer(made.value, status, made.etag)
