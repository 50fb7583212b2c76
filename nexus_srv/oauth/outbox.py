"""Tells clients what they must know: that a session ended, that rights or keys changed. It goes on until they have taken it."""

import asyncio
import logging
import random
import time
from collections import Counter

from hmlib import logs, metrics
from hmlib.clock import shifted, utc_now
from hmlib.config import Settings
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseDown
from hmlib.records import audit
from hmlib.records.audit import Actor
from nexus_srv.oauth.backchannel import Answer, Backchannel
from nexus_srv.oauth.signing_keys import Signer
from nexus_srv.queries import outbox
from nexus_srv.queries.outbox import Due, Message

POLL_SECONDS = 0.4
AT_ONCE = 48
AT_ONCE_PER_CLIENT = 4
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 60.0
GIVE_UP_SECONDS = 24 * 3600
LOOK_FOR_OLD_SECONDS = 60.0


class Outbox:
    """Delivers what is due, in every process of Nexus at once: a row belongs to whoever claimed it.

    A client that does not answer costs one call at a time and holds up nobody else; whatever it answers is noted, tried again after
    0.5, 1, 2 … 60 seconds, and given up after a day. When it answers or announces itself, all that waits for it is due at once.
    """

    def __init__(self, db: Db, signer: Signer, settings: Settings) -> None:
        self._db, self._signer, self._settings = db, signer, settings
        self._backchannel: Backchannel | None = None
        self._running: dict[asyncio.Task[None], str] = {}
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
        for client in await outbox.due(self._db, utc_now()):
            room = self._room(client)
            for message in await outbox.claim(self._db, client.client_id, room, utc_now()) if room > 0 else ():
                self._begin(client, message)
                begun += 1
        return begun

    async def settled(self) -> None:
        """Wait until what was begun has come to an end."""
        if self._running:
            await asyncio.wait(list(self._running))

    async def give_up_old(self) -> None:
        """Forget what could not be told in a day, and say so in the log, the audit log and the figures."""
        now = utc_now()
        before = shifted(now, -GIVE_UP_SECONDS)
        if not await outbox.overdue(self._db, before):
            return
        async with self._db.write() as tx:
            abandoned = await outbox.give_up(tx, before, now)
            for lost in abandoned:
                after = {"messages": lost.messages, "last_error": lost.error}
                await audit.record(tx, Actor("", "Nexus"), "client.not_told", f"client/{lost.client_id}", now=now, after=after)
        for lost in abandoned:
            metrics.GIVEN_UP.labels("outbox").inc(lost.messages)
            logs.event("gave up telling a client", logging.ERROR, client=lost.client_id, messages=lost.messages, error=lost.error)

    def close(self) -> None:
        """Stop what is under way: it is due again when its claim runs out."""
        for task in self._running:
            task.cancel()
        if self._backchannel:
            self._backchannel.close()
            self._backchannel = None

    async def _round(self) -> int:
        """One look at what is due; a database that is away for a moment is asked again a moment later."""
        try:
            if time.monotonic() >= self._old_ones_at:
                self._old_ones_at = time.monotonic() + LOOK_FOR_OLD_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311  jitter
                await self.give_up_old()
            return await self.deliver_due()
        except DatabaseDown:
            return 0

    def _room(self, client: Due) -> int:
        """How many more calls a client may have: one while it does not answer."""
        counts = Counter(self._running.values())
        most = 1 if client.failures else AT_ONCE_PER_CLIENT
        return min(most - counts[client.client_id], AT_ONCE - len(self._running))

    def _begin(self, client: Due, message: Message) -> None:
        task = asyncio.ensure_future(self._deliver(client, message))
        self._running[task] = client.client_id
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        broken = None if task.cancelled() else task.exception()
        if broken:
            metrics.ERRORS.labels("outbox").inc()
            logs.event("telling a client failed", logging.ERROR, error=logs.named(broken), where=logs.frames(broken.__traceback__))

    async def _deliver(self, client: Due, message: Message) -> None:
        if self._backchannel is None:
            self._backchannel = Backchannel(self._signer, self._settings, AT_ONCE)
        try:
            await self._note(client, message, await self._backchannel.tell(client, message))
        except DatabaseDown:  # the claim runs out, and it is due again
            return

    async def _note(self, client: Due, message: Message, answer: Answer) -> None:
        now = utc_now()
        if not answer.error:
            if await outbox.delivered(self._db, message, now):
                logs.event("a client answers again", client=client.client_id)
            return
        later, known = shifted(now, _pause(message.attempts)), client.announcements
        if await outbox.postpone(self._db, message, answer.error, away=answer.away, announcements=known, later=later, now=now):
            logs.event("a client was not told", logging.WARNING, client=client.client_id, event=message.event, error=answer.error)


def _pause(attempts: int) -> float:
    """Seconds to the next attempt, with some jitter so that not all come at once."""
    pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(attempts - 1, 20))
    return pause * random.uniform(0.7, 1.0)  # noqa: S311  jitter, not a secret
