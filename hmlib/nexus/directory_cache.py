"""What Nexus answered about the directory: remembered for whom it was answered to, for as long as it may be shown."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
from tornado.httpclient import HTTPResponse

from hmlib.cache import Bounded
from hmlib.nexus.directory import Summary
from hmlib.nexus.transport import REQUEST_SECONDS, NexusDown, checked

FRESH_SECONDS = 5.0
READ_ON_SECONDS = 15 * 60
SILENT_PATIENCE_SECONDS = 0.1
SUMMARY_SECONDS = 60.0
REMEMBERED_ANSWERS, REMEMBERED_ANSWER_BYTES = 256, 16 * 2**20
REMEMBERED_SUMMARIES, REMEMBERED_SUMMARY_BYTES = 8, 64 * 2**20
SUMMARY = "/api/billing_summary"

T = TypeVar("T")
TokenFor = Callable[[str], Awaitable[str]]
Key = tuple[str, Hashable, str]  # whose answer it is, what their token may, what was asked
Read = Callable[[bytes], Awaitable[Any]]
Send = Callable[[str, Mapping[str, str], float], Awaitable[HTTPResponse]]


@dataclass(frozen=True)
class Asker:
    """Who asks the directory: whose answers they are, what their token may, where tokens come from, how long old answers are theirs."""

    id: str
    view: Hashable
    token_for: TokenFor
    read_on_seconds: float

    def key(self, path: str) -> Key:
        return self.id, self.view, path

    def may_read(self, kept: "Kept", now: float) -> bool:
        """Whether a remembered answer is young enough to be read while Nexus is away."""
        return now < kept.confirmed_at + self.read_on_seconds


@dataclass(frozen=True)
class Kept:
    """An answer of Nexus: ``confirmed_at`` is when it was last true (seconds of the client's clock), ``size`` its bytes as they came."""

    etag: str
    confirmed_at: float
    value: Any
    size: int
    as_of: str


async def _decoded(raw: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(raw, type=kind)


async def _summary(raw: bytes) -> Summary:
    return await asyncio.to_thread(msgspec.json.decode, raw, type=Summary)


class Answers:
    """The memory of one process's Nexus client. ``clock`` counts seconds."""

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        self._send, self._clock = send, clock
        self._lists: Bounded[Key, Kept] = Bounded(REMEMBERED_ANSWERS, REMEMBERED_ANSWER_BYTES)
        self._summaries: Bounded[Key, Kept] = Bounded(REMEMBERED_SUMMARIES, REMEMBERED_SUMMARY_BYTES)
        self._asking: dict[Key, asyncio.Task[Kept]] = {}
        self.silent = False

    def forget(self, caller_id: str) -> None:
        """Drop what was answered to a person, as they may see something else now."""
        for memory in (self._lists, self._summaries):
            memory.drop_where(lambda key: key[0] == caller_id)
        for key in [key for key in self._asking if key[0] == caller_id]:
            self._asking.pop(key)  # what is under way is for those who wait for it, and is not remembered

    async def get(self, asker: "Asker", path: str, kind: type[T]) -> T:
        """GET with a short memory: fresh for 5 seconds, then asked again by ETag.

        While Nexus is away what was answered last is answered again; without that, NexusDown.
        """
        held = self._lists.get(asker.key(path))
        if held is not None and self._clock() < held.confirmed_at + FRESH_SECONDS:
            return held.value  # type: ignore[no-any-return]
        kept = await self._kept(asker, path, lambda raw: _decoded(raw, kind), self._lists, held, REQUEST_SECONDS)
        return kept.value  # type: ignore[no-any-return]

    async def summary(self, asker: "Asker", ids: Sequence[str] | None) -> Summary:
        """The billing summary, kept by ETag: an unchanged directory costs one small answer. While Nexus is away, the last one."""
        path = SUMMARY + ("" if ids is None else "?" + urlencode({"ids": ",".join(ids)}))
        held, whole = self._summaries.get(asker.key(path)), self._summaries.get(asker.key(SUMMARY))  # the whole one is dropped last
        try:
            kept = await self._kept(asker, path, _summary, self._summaries, held, SUMMARY_SECONDS)
        except NexusDown:
            if whole is None or not asker.may_read(whole, self._clock()):
                raise
            book: Summary = whole.value
            return msgspec.structs.replace(book, companies=[company for company in book.companies if company.id in (ids or ())])
        found: Summary = kept.value
        return msgspec.structs.replace(found, etag=kept.etag, as_of=kept.as_of or found.as_of)

    async def _kept(
        self, asker: "Asker", path: str, read: "Read", memory: "Bounded[Key, Kept]", held: "Kept | None", seconds: float
    ) -> "Kept":
        """Nexus's answer, or the one that is held while it is away. Whoever asks the same meanwhile waits for the same call."""
        key = asker.key(path)
        call = self._asking.get(key)
        if call is None:
            call = self._asking[key] = asyncio.create_task(self._asked(asker, path, read, memory, held, seconds))
            call.add_done_callback(lambda done: self._answered(key, done))
        usable = held is not None and asker.may_read(held, self._clock())
        if usable and self.silent:
            await asyncio.wait({call}, timeout=SILENT_PATIENCE_SECONDS)
            if not call.done():  # it tries whether Nexus is back; nobody needs to wait for that
                assert held is not None
                return held
        try:
            kept: Kept = await asyncio.shield(call)
        except NexusDown:
            if held is None or not usable:
                raise
            return held
        return kept

    def _answered(self, key: Key, call: "asyncio.Task[Kept]") -> None:
        if self._asking.get(key) is call:
            self._asking.pop(key)
        self.silent = not call.cancelled() and isinstance(call.exception(), NexusDown)

    async def _asked(
        self, asker: "Asker", path: str, read: "Read", memory: "Bounded[Key, Kept]", held: "Kept | None", seconds: float
    ) -> "Kept":
        headers = {"Authorization": f"Bearer {await asker.token_for('nexus')}"} | (
            {"If-None-Match": held.etag} if held and held.etag else {}
        )
        answer = checked(await self._send(path, headers, seconds), (200, 304))
        as_of, now = answer.headers.get("X-As-Of", ""), self._clock()
        if answer.code == 304 and held is not None:
            kept = Kept(held.etag, now, held.value, held.size, as_of)
        else:
            etag = answer.headers.get("Etag", "")
            same = memory.first(lambda known, kept: bool(etag) and (known[2], kept.etag) == (path, etag))
            value = same.value if same is not None else await read(answer.body)  # two who see the same share one copy of it
            kept = Kept(etag, now, value, len(answer.body), as_of)
        if self._asking.get(asker.key(path)) is asyncio.current_task():
            memory.put(asker.key(path), kept, kept.size)
        return kept
