"""Tells clients what they must know: that a session ended, that rights or keys changed. It goes on until they have taken it."""

import asyncio
import logging
import random
import time
from typing import Any
from urllib.parse import urlencode

import pycurl
from tornado.curl_httpclient import CurlAsyncHTTPClient
from tornado.httpclient import HTTPRequest

from hmlib import logs, metrics
from hmlib.clock import new_id, parse, shifted, utc_now
from hmlib.db import DatabaseDown, Db
from hmlib.jose import LOGOUT
from hmlib.settings import Settings
from nexus_srv import outgoing
from nexus_srv.outgoing import Blocked
from nexus_srv.queries import outbox
from nexus_srv.queries.outbox import CLAIMED_SECONDS, Message
from nexus_srv.signing import Signer

POLL_SECONDS = 0.4
TOKEN_SECONDS = 120
CALL_SECONDS = 5.0
AT_ONCE_PER_CLIENT = 4
GIVE_UP_SECONDS = 24 * 3600
SOON_SECONDS, LATE_SECONDS = 1.5, 300.0
HASTE_SECONDS = 3600  # a module is asked again every second or so for an hour, as its sessions depend on it


class Outbox:
    """Delivers what is due, in every process of Nexus at once: a row belongs to whoever claimed it."""

    def __init__(self, db: Db, signer: Signer, settings: Settings) -> None:
        self._db, self._signer, self._settings = db, signer, settings
        self._http: CurlAsyncHTTPClient | None = None
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._pause_until: dict[str, float] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Deliver for ever."""
        self._http = CurlAsyncHTTPClient(force_instance=True, max_clients=64)
        try:
            while True:
                if not await self.deliver_due():
                    await asyncio.sleep(POLL_SECONDS * random.uniform(0.7, 1.0))  # noqa: S311  jitter, not a secret
        finally:
            self._http.close()

    async def deliver_due(self) -> int:
        """Begin to deliver what is due now; how much it was. A client that hangs holds up nobody else."""
        messages = await outbox.claim(self._db, utc_now())
        for message in messages:
            task = asyncio.ensure_future(self._deliver(message, time.monotonic() + CLAIMED_SECONDS - CALL_SECONDS))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return len(messages)

    async def settled(self) -> None:
        """Wait until what was begun has come to an end."""
        await asyncio.gather(*self._running)

    async def _deliver(self, message: Message, until: float) -> None:
        async with self._turns.setdefault(message.client_id, asyncio.Semaphore(AT_ONCE_PER_CLIENT)):
            if time.monotonic() > until:  # the claim runs out: it will be due again
                return
            paused = time.monotonic() < self._pause_until.get(message.client_id, 0.0)
            error = "the client did not answer a moment ago" if paused else await self._sent(message)
            try:
                await self._note(message, error)
            except DatabaseDown:
                return

    async def _note(self, message: Message, error: str) -> None:
        now = utc_now()
        age = parse(now).timestamp() - parse(message.created_at).timestamp()
        if error and age < GIVE_UP_SECONDS:
            await outbox.postpone(self._db, message.id, shifted(now, _pause(message, age)), error)
            return
        if error:
            logs.event("gave up telling a client", logging.ERROR, client=message.client_id, event=message.event, error=error)
        await outbox.delivered(self._db, message.id)

    async def _sent(self, message: Message) -> str:
        """Post the logout token; what went wrong, "" when it was taken."""
        assert self._http is not None
        try:
            options = {} if message.module else {"prepare_curl_callback": _pinned(await outgoing.checked(message.logout_uri))}
        except Blocked as blocked:
            return str(blocked)
        token = await self._signer.sign(LOGOUT, _claims(message))
        answer = await self._http.fetch(
            HTTPRequest(
                message.logout_uri,
                method="POST",
                body=urlencode({"logout_token": token}),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                connect_timeout=1.0,
                request_timeout=CALL_SECONDS,
                follow_redirects=False,
                ca_certs=str(self._settings.ca_file) if message.module and self._settings.ca_file.exists() else None,
                **options,
            ),
            raise_error=False,
        )
        metrics.CALLS.labels("outbox", metrics.result_of(answer.code)).inc()
        if answer.code in (200, 204):
            return ""
        if answer.code >= 500:
            self._pause_until[message.client_id] = time.monotonic() + 1.0
        if message.attempts == 1:
            logs.event("a client was not told", logging.WARNING, client=message.client_id, event=message.event, status=answer.code)
        return f"HTTP {answer.code}"


def _claims(message: Message) -> dict[str, Any]:
    """A logout token (OpenID Connect Back-Channel Logout 2.4), new for each attempt, as a receiver takes each jti once."""
    at = int(time.time())
    whom = {"sub": message.account_id, "sid": message.sid}
    events = {message.event: {"at": message.created_at}}
    said = {"aud": message.client_id, "iat": at, "exp": at + TOKEN_SECONDS, "jti": new_id(), "events": events}
    return said | {name: value for name, value in whom.items() if value}


def _pause(message: Message, age: float) -> float:
    longest = SOON_SECONDS if message.module and age < HASTE_SECONDS else LATE_SECONDS
    return min(longest, 0.5 * 2.0 ** min(message.attempts, 20)) * random.uniform(0.7, 1.0)  # noqa: S311  jitter, not a secret


def _pinned(resolve: str) -> Any:
    def prepare(curl: pycurl.Curl) -> None:
        curl.setopt(pycurl.RESOLVE, [resolve])

    return prepare
