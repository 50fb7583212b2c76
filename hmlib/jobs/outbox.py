"""Tells others what they must know, until they have taken it: claim, send, back off, give up after a day and say so."""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from hmlib import logs, metrics
from hmlib.clock import shifted, utc_now
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseDown
from hmlib.jobs import deliveries
from hmlib.jobs.deliveries import Due, Message
from hmlib.records import audit
from hmlib.records.audit import Actor

POLL_SECONDS = 0.4
AT_ONCE = 48
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 60.0
GIVE_UP_SECONDS = 24 * 3600
LOOK_FOR_OLD_SECONDS = 30.0
NOTE_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What went wrong, in a sentence, "" when it was taken; `away` when the target could not answer at all."""

    error: str
    away: bool = False


@dataclass(frozen=True)
class OutboxKind:
    """A kind of message and how it is sent.

    ``send`` raises nothing for what a network does: an error is an answer. It has 15 seconds, then the message is due again. A target gets
    ``at_once`` messages at a time; 1 keeps their order. What was not taken in ``give_up_seconds`` is forgotten, and the audit log says so:
    ``never_told`` is the action, ``subject`` what its target is called there. ``close`` ends what ``send`` holds open.
    """

    name: str
    send: Callable[[Message], Awaitable[Answer]]
    never_told: str
    subject: str
    at_once: int = 4
    give_up_seconds: float = GIVE_UP_SECONDS
    close: Callable[[], None] | None = None


class Outbox:
    """Delivers what is due, in every process of a service at once: a row belongs to whoever claimed it.

    A target that does not answer costs one call at a time and holds up nobody else; whatever it answers is noted, tried again after
    0.5, 1, 2 … 60 seconds, and given up after a day. When it answers or announces itself, all that waits for it is due at once.
    ``sender`` is the service's name in the audit log.
    """

    def __init__(self, db: Db, kinds: Sequence[OutboxKind], sender: str) -> None:
        self._db, self._sender = db, sender
        self._kinds = {kind.name: kind for kind in kinds}
        self._running: dict[asyncio.Task[None], tuple[str, str]] = {}
        self._old_ones_at = 0.0

    async def run(self) -> None:
        """Deliver for ever."""
        try:
            while True:
                if not await self._round():
                    await asyncio.sleep(POLL_SECONDS * random.uniform(0.7, 1.0))  # noqa: S311  jitter, not a secret
        finally:
            self.close()

    async def deliver_due(self) -> int:
        """Begin to deliver what is due now, as far as there is room; how much that was."""
        begun = 0
        for target in await deliveries.due(self._db, self._kinds, utc_now()):
            room = self._room(target)
            for message in await deliveries.claim(self._db, target.kind, target.target, room, utc_now()) if room > 0 else ():
                self._begin(target, message)
                begun += 1
        return begun

    async def settled(self) -> None:
        """Wait until what was begun has come to an end."""
        if self._running:
            await asyncio.wait(list(self._running))

    async def give_up_old(self) -> None:
        """Forget what could not be told in time, and say so in the log, the audit log and the figures."""
        for kind in self._kinds.values():
            now = utc_now()
            before = shifted(now, -kind.give_up_seconds)
            if await deliveries.overdue(self._db, kind.name, before):
                await self._give_up(kind, before, now)

    def close(self) -> None:
        """Stop what is under way: it is due again when its claim runs out."""
        for task in self._running:
            task.cancel()
        for kind in self._kinds.values():
            if kind.close:
                kind.close()

    async def _give_up(self, kind: OutboxKind, before: str, now: str) -> None:
        async with self._db.write() as tx:
            abandoned = await deliveries.give_up(tx, kind.name, before, now)
            for lost in abandoned:
                after = {"messages": lost.messages, "last_error": lost.error}
                await audit.record(tx, Actor("", self._sender), kind.never_told, f"{kind.subject}/{lost.target}", now=now, after=after)
        for lost in abandoned:
            metrics.GIVEN_UP.labels(kind.name).inc(lost.messages)
            logs.event("gave up telling", logging.ERROR, kind=kind.name, target=lost.target, messages=lost.messages, error=lost.error)

    async def _round(self) -> int:
        """One look at what is due; a database that is away for a moment is asked again a moment later."""
        try:
            if time.monotonic() >= self._old_ones_at:
                self._old_ones_at = time.monotonic() + LOOK_FOR_OLD_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311  jitter
                await self.give_up_old()
                await self._show_figures()
            return await self.deliver_due()
        except DatabaseDown:
            return 0

    async def _show_figures(self) -> None:
        waiting = await deliveries.waiting(self._db)
        for name in self._kinds:
            metrics.OUTBOX_NOW.labels(name).set(waiting.get(name, 0))

    def _room(self, target: Due) -> int:
        """How many more calls a target may have: one while it does not answer."""
        counts = Counter(self._running.values())
        most = 1 if target.failures else self._kinds[target.kind].at_once
        return min(most - counts[target.kind, target.target], AT_ONCE - len(self._running))

    def _begin(self, target: Due, message: Message) -> None:
        task = asyncio.ensure_future(self._deliver(target, message))
        self._running[task] = (target.kind, target.target)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        broken = None if task.cancelled() else task.exception()
        if broken:
            metrics.ERRORS.labels("outbox").inc()
            logs.event("telling failed", logging.ERROR, error=logs.named(broken), where=logs.frames(broken.__traceback__))

    async def _deliver(self, target: Due, message: Message) -> None:
        with suppress(DatabaseDown):  # the claim runs out, and it is due again
            answer = await self._kinds[message.kind].send(message)
            if answer.error:
                await self._note_failure(target, message, answer)
            else:
                await self._note_delivery(message)

    async def _note_delivery(self, message: Message) -> None:
        """That it was taken, tried for a while: what is not noted is sent twice."""
        until = time.monotonic() + NOTE_SECONDS
        while True:
            try:
                if await deliveries.delivered(self._db, message, utc_now()):
                    logs.event("a target answers again", kind=message.kind, target=message.target)
                return
            except DatabaseDown:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(POLL_SECONDS)

    async def _note_failure(self, target: Due, message: Message, answer: Answer) -> None:
        now = utc_now()
        later, known = shifted(now, _pause(message.attempts)), target.announcements
        if await deliveries.postpone(self._db, message, answer.error, away=answer.away, announcements=known, later=later, now=now):
            logs.event("a target was not told", logging.WARNING, kind=message.kind, target=message.target, error=answer.error)


def _pause(attempts: int) -> float:
    """Seconds to the next attempt, with some jitter so that not all come at once."""
    pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(attempts - 1, 20))
    return pause * random.uniform(0.7, 1.0)  # noqa: S311  jitter, not a secret
