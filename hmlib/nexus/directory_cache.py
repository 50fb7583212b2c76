"""What Nexus answered about the directory: remembered for whom it was answered to, for as long as it may be shown."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from tornado.httpclient import HTTPResponse

from hmlib.cache import Bounded
from hmlib.nexus import books
from hmlib.nexus.directory import Summary
from hmlib.nexus.transport import REQUEST_SECONDS, NexusDown, checked

FRESH_SECONDS = 5.0
READ_ON_SECONDS = 15 * 60
SILENT_PATIENCE_SECONDS = 0.1
SUMMARY_SECONDS = 60.0
REMEMBERED_ANSWERS, REMEMBERED_ANSWER_BYTES = 256, 16 * 2**20
REMEMBERED_SUMMARIES, REMEMBERED_SUMMARY_BYTES = 8, 16 * 2**20
REMEMBERED_FOLLOWERS = 4096
SUMMARY = "/api/billing_summary"

T = TypeVar("T")
TokenFor = Callable[[str], Awaitable[str]]
Key = tuple[str, Hashable, str]  # whose answer it is, what their token may, what was asked
Read = Callable[[bytes, Mapping[str, str]], Awaitable[Any]]
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


@dataclass(frozen=True)
class Question:
    """What is asked: `path` names it in memory, ``sent`` is the address where that is another; ``read`` makes the value of a body and its
    headers."""

    path: str
    read: Read
    memory: Bounded[Key, Kept]
    held: Kept | None
    seconds: float
    sent: str = ""


class Answers:
    """The memory of one process's Nexus client. ``clock`` counts seconds."""

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        self._send, self._clock = send, clock
        self._lists: Bounded[Key, Kept] = Bounded(REMEMBERED_ANSWERS, REMEMBERED_ANSWER_BYTES)
        self._summaries: Bounded[Key, Kept] = Bounded(REMEMBERED_SUMMARIES, REMEMBERED_SUMMARY_BYTES)
        self._followed: Bounded[Key, Kept] = Bounded(REMEMBERED_FOLLOWERS)
        self._books = books.Books()
        self._asking: dict[Key, asyncio.Task[Kept]] = {}
        self.silent = False

    def forget(self, caller_id: str) -> None:
        """Drop what was answered to a person, as they may see something else now."""
        for memory in (self._lists, self._summaries, self._followed):
            memory.drop_where(lambda key: key[0] == caller_id)
        for key in [key for key in self._asking if key[0] == caller_id]:
            self._asking.pop(key)  # what is under way is for those who wait for it, and is not remembered

    async def get(self, asker: Asker, path: str, read: Callable[[bytes, Mapping[str, str]], Awaitable[T]]) -> T:
        """GET with a short memory: fresh for 5 seconds, then asked again by ETag; ``read`` makes the value of a body and its headers.

        While Nexus is away what was answered last is answered again; without that, NexusDown.
        """
        held = self._lists.get(asker.key(path))
        if held is not None and self._clock() < held.confirmed_at + FRESH_SECONDS:
            return held.value  # type: ignore[no-any-return]
        kept = await self._kept(asker, Question(path, read, self._lists, held, REQUEST_SECONDS))
        return kept.value  # type: ignore[no-any-return]

    async def summary(self, asker: Asker, ids: Sequence[str] | None) -> Summary:
        """The billing summary, followed by number: an unchanged directory costs one small answer. While Nexus is away, the last one."""
        if ids is None:
            return await self._book(asker)
        path = SUMMARY + "?" + urlencode({"ids": ",".join(ids)})
        try:
            held = self._summaries.get(asker.key(path))
            kept = await self._kept(asker, Question(path, lambda raw, _: books.read(raw), self._summaries, held, SUMMARY_SECONDS))
        except NexusDown:
            whole = self._followed.get(asker.key(SUMMARY))
            book = self._books.get(whole.value) if whole is not None and asker.may_read(whole, self._clock()) else None
            if book is None:
                raise
            return Summary(book.as_of, [book.by_id[id] for id in ids if id in book.by_id], book.state)
        found: books.Answer = kept.value
        return Summary(kept.as_of or found.as_of, found.companies, kept.etag)

    async def _book(self, asker: Asker) -> Summary:
        """Every company that the caller may see: what has changed since the book that is here, be it that of another who sees the same.

        Nexus minds who asks: to somebody with another scope than the book's its answer is whole.
        """
        held = self._followed.get(asker.key(SUMMARY))
        like = held or self._followed.first(lambda known, _: known[1] == asker.view) or self._followed.first(lambda *_: True)
        book = self._books.get(like.value) if like is not None else None
        if book is None or like is not held:
            held = None

        async def read(raw: bytes, headers: Mapping[str, str]) -> str:
            return self._books.apply(await books.read(raw), headers.get("Etag", "")).scope

        sent = SUMMARY + (book.since if book is not None else "")
        kept = await self._kept(asker, Question(SUMMARY, read, self._followed, held, SUMMARY_SECONDS, sent))
        found = self._books.get(kept.value)
        if found is None:  # so many others have come meanwhile that it had to go
            return await self._book(asker)
        return Summary(kept.as_of or found.as_of, found.companies, found.state)

    async def _kept(self, asker: Asker, question: Question) -> Kept:
        """Nexus's answer, or the one that is held while it is away. Whoever asks the same meanwhile waits for the same call."""
        key, held = asker.key(question.path), question.held
        call = self._asking.get(key)
        if call is None:
            call = self._asking[key] = asyncio.create_task(self._asked(asker, question))
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

    async def _asked(self, asker: Asker, question: Question) -> Kept:
        path, held, memory = question.path, question.held, question.memory
        headers = {"Authorization": f"Bearer {await asker.token_for('nexus')}"} | (
            {"If-None-Match": held.etag} if held and held.etag else {}
        )
        answer = checked(await self._send(question.sent or path, headers, question.seconds), (200, 304))
        as_of, now = answer.headers.get("X-As-Of", ""), self._clock()
        if answer.code == 304 and held is not None:
            kept = Kept(held.etag, now, held.value, held.size, as_of)
        else:
            etag = answer.headers.get("Etag", "")
            same = memory.first(lambda known, kept: bool(etag) and (known[2], kept.etag) == (path, etag))
            value = (
                same.value if same is not None else await question.read(answer.body, answer.headers)
            )  # two who see the same share one copy
            kept = Kept(etag, now, value, len(answer.body), as_of)
        if self._asking.get(asker.key(path)) is asyncio.current_task():
            memory.put(asker.key(path), kept, kept.size)
        return kept
