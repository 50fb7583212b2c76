"""Tells clients what they must know: that a session ended, that rights or keys changed. One kind of message of the outbox."""

import asyncio
import random

from hmlib import logs
from hmlib.clock import utc_now
from hmlib.config import Settings
from hmlib.db.database import Db
from hmlib.db.engine import DatabaseDown
from hmlib.jobs.deliveries import Message
from hmlib.jobs.outbox import AT_ONCE, Answer, Outbox, OutboxKind
from nexus_srv.oauth.backchannel import Backchannel
from nexus_srv.oauth.signing_keys import Signer
from nexus_srv.queries import outbox

ADOPT_SECONDS = 60.0
NO_ADDRESS = "It has no address for this any more."


class Sender:
    """Posts each message to its client, over connections that are opened when the first is sent."""

    def __init__(self, db: Db, signer: Signer, settings: Settings) -> None:
        self._db, self._signer, self._settings = db, signer, settings
        self._backchannel: Backchannel | None = None

    async def send(self, message: Message) -> Answer:
        """What came of it. Raises DatabaseDown alone."""
        receiver = await outbox.receiver(self._db, message.target)
        if not receiver.logout_uri:
            return Answer(NO_ADDRESS)
        if self._backchannel is None:
            self._backchannel = Backchannel(self._signer, self._settings, AT_ONCE)
        return await self._backchannel.tell(receiver, message)

    def close(self) -> None:
        if self._backchannel:
            self._backchannel.close()
            self._backchannel = None


def outbox_of(db: Db, signer: Signer, settings: Settings) -> Outbox:
    """Nexus's outbox."""
    sender = Sender(db, signer, settings)
    logout = OutboxKind(outbox.KIND, sender.send, never_told="client.not_told", subject="client", close=sender.close)
    return Outbox(db, [logout], settings.title)


async def adopt_for_ever(db: Db) -> None:
    """Take over, once a minute, what processes of the version before leave behind while a rolling restart replaces them."""
    while True:
        try:
            if adopted := await outbox.adopt(db, utc_now()):
                logs.event("messages of the version before are taken over", messages=adopted)
        except DatabaseDown:  # readiness says so; they are still there a minute later
            pass
        await asyncio.sleep(ADOPT_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311  jitter, not a secret
