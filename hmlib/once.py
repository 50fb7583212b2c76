"""Does a POST once, however often it is sent with the same Idempotency-Key."""

import hashlib
from collections.abc import Awaitable, Callable

from hmlib import jsonin, replays
from hmlib.web import ApiHandler, Problem

LONGEST_KEY = 255


async def answer(handler: ApiHandler, deed: Callable[[], Awaitable[tuple[object, str]]]) -> None:
    """Answer 201 with what `deed` made and its ETag. With an Idempotency-Key the first answer comes back byte for byte; the same key
    with another body is 422, and 409 while the first request is still being worked on."""
    key = handler.request.headers.get("Idempotency-Key", "")
    if not key:
        value, etag = await deed()
        handler.answer(value, 201, etag)
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
        handler.answer(earlier.body.encode(), earlier.status, earlier.etag)


async def _first(handler: ApiHandler, deed: Callable[[], Awaitable[tuple[object, str]]], caller_id: str, mac: str) -> None:
    try:
        value, etag = await deed()
    except BaseException:
        await replays.release(handler.db, caller_id, mac)
        raise
    raw = jsonin.encode(value)
    await replays.keep(handler.db, caller_id, mac, 201, etag, raw.decode())
    handler.answer(raw, 201, etag)
