"""The way to Nexus: one pool of connections, time limits, and a breaker that spares a Nexus in trouble."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
import pycurl
from tornado.curl_httpclient import CurlError
from tornado.httpclient import HTTPClientError, HTTPRequest, HTTPResponse

from hmlib import logs, metrics
from hmlib.adapters.tornado import CurlClient
from hmlib.config import Settings


class Breaker:
    """Open after three failures in a row, or after one call that was met by silence; then half-open: one call tries again.

    A pause is about ``pause`` seconds, with jitter, so that many processes do not come back at the same moment. ``clock`` counts seconds.
    """

    def __init__(self, failures: int = 3, pause: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._pause, self._clock = failures, pause, clock
        self._failures, self._shut_until, self._worked_at = 0, 0.0, float("-inf")
        self._by_silence = self._trying = False

    @property
    def open(self) -> bool:
        """Whether a call would be turned away now."""
        return self._failures >= self._limit and (self._trying or self._clock() < self._shut_until)

    @property
    def silent(self) -> bool:
        """Whether the last call failed."""
        return self._failures > 0

    def enter(self) -> bool | None:
        """None when the call must not go; True when it is the one that tries whether the peer is back, and has to say left() in the end."""
        if self.open:
            return None
        if self._failures < self._limit:
            return False
        self._trying = True
        return True

    def left(self) -> None:
        """The call that tried has ended, be it that nobody learnt anything by it."""
        self._trying = False

    def failed(self, began: float, *, silence: bool = False) -> None:
        """A call begun at ``began`` failed; it says nothing when a later call was answered meanwhile."""
        if began < self._worked_at:
            return
        self._failures = max(self._failures + 1, self._limit if silence else 0)
        self._by_silence = self._by_silence or silence
        self._shut_until = self._clock() + self._pause * random.uniform(0.8, 1.4)  # noqa: S311  jitter, not a secret

    def worked(self) -> None:
        """A call was answered."""
        self._failures, self._by_silence, self._trying = 0, False, False
        self._worked_at = self._clock()

    def heard(self) -> None:
        """The peer says that it is well, which ends a silence and a doubt; what kept three of its calls from working may still be so."""
        if self._by_silence or self._failures < self._limit:
            self.worked()


CONNECT_SECONDS = 1.0
ALIVE_SECONDS = 1.0
DOUBT_SECONDS = 0.7
REQUEST_SECONDS = 10.0
NEVER_SENT = (pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_CONNECT, pycurl.E_SSL_CONNECT_ERROR, pycurl.E_PEER_FAILED_VERIFICATION)

T = TypeVar("T")


class NexusDown(Exception):
    """Nexus did not answer, or answered that it cannot. ``unsure``: what was asked may have been done all the same."""

    def __init__(self, sentence: str, *, unsure: bool = False) -> None:
        super().__init__(sentence)
        self.unsure = unsure


class NexusRefused(Exception):
    """Nexus answered, and said no. ``status`` is HTTP's, ``code`` the problem's or OAuth's word."""

    def __init__(self, status: int, code: str, detail: str = "") -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code, self.detail = status, code, detail


class NexusSilent(NexusDown):
    """Nexus was asked and says nothing."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, unsure=True)


class Transport:
    """Sends requests to Nexus, verified against the suite's own authority.

    Nobody waits long for a Nexus that is gone: a call that takes its time is waited for as long as Nexus says that it is well.
    """

    def __init__(self, settings: Settings) -> None:
        self.url, self._settings = settings.nexus_url, settings
        self._http = CurlClient(force_instance=True, max_clients=32)
        self.breaker = Breaker()
        self.calls = 0
        self._well, self._asked_at = False, float("-inf")
        self._asking: asyncio.Task[None] | None = None

    def close(self) -> None:
        self._http.close()

    async def well(self, since: float) -> bool:
        """Whether Nexus answered, within a second, a question for its health put at ``since`` (of time.monotonic()) or later."""
        if self._asked_at < since:
            if self._asking is None:
                self._asking = asyncio.ensure_future(self._ask_health())
            await asyncio.shield(self._asking)
        return self._well

    @property
    def unwell(self) -> bool:
        """True when Nexus did not answer the last question for its health; asks nobody."""
        return self._asked_at > float("-inf") and not self._well

    async def _ask_health(self) -> None:
        began = time.monotonic()
        try:
            answer = await self._answered(self._request("GET", "/healthz", seconds=ALIVE_SECONDS), "/healthz", doubted=False)
            self._well = answer.code == 200
            if self._well:
                self.breaker.heard()
        except NexusDown:
            self._well = False
            self.breaker.failed(began, silence=True)
        finally:
            self._asked_at, self._asking = began, None

    async def while_well(self, call: "asyncio.Future[T]") -> T:
        """What the call answers. It may take its time as long as Nexus is well; raises NexusSilent, within two seconds, when it is not.

        The call itself is left to its own end.
        """
        while not call.done():
            asked_at = time.monotonic()
            await asyncio.wait({call}, timeout=DOUBT_SECONDS)
            if not call.done() and not await self.well(asked_at) and not call.done():
                raise NexusSilent("Nexus does not answer, and is not well")
        return call.result()

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = REQUEST_SECONDS,
        guarded: bool = True,
        doubted: bool = True,
    ) -> HTTPResponse:
        """One request; 502, 503 and 504, silence and broken connections are all NexusDown.

        ``seconds`` bound the request itself; ``guarded`` ones hear at once that Nexus is away while the breaker is open; ``doubted`` ones
        are given up as soon as Nexus is not well.
        """
        trying = self.breaker.enter() if guarded else False
        if trying is None:
            raise NexusDown("Nexus did not answer a moment ago")
        began = time.monotonic()
        try:
            answer = await self._answered(self._request(method, path, body, headers, seconds), path, doubted=doubted)
        except NexusDown as down:
            self.breaker.failed(began, silence=isinstance(down, NexusSilent))
            raise
        finally:
            if trying:
                self.breaker.left()
        self.breaker.worked()
        return answer

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, seconds: float = REQUEST_SECONDS
    ) -> HTTPRequest:
        return HTTPRequest(
            self.url + path,
            method=method,
            body=body,
            headers={**logs.outgoing(), **(headers or {})},
            connect_timeout=min(CONNECT_SECONDS, seconds),
            request_timeout=seconds,
            follow_redirects=False,
            ca_certs=self._settings.authority,
        )

    async def _answered(self, request: HTTPRequest, path: str, *, doubted: bool) -> HTTPResponse:
        """The answer. Raises NexusDown, and its kind NexusSilent when there was nothing but silence."""
        self.calls += 1
        named = path.partition("?")[0]
        call = asyncio.ensure_future(self._fetched(request))
        try:
            answer = await (self.while_well(call) if doubted else call)
        except (HTTPClientError, OSError) as error:  # Tornado raises what is not an answer even so
            metrics.CALLS.labels("nexus", "down").inc()
            raise _down(error, f"Nexus did not answer {named}") from error
        except NexusSilent:
            metrics.CALLS.labels("nexus", "down").inc()
            raise
        finally:
            call.add_done_callback(_let_go)
        if answer.code in (502, 504) or (answer.code == 503 and path != "/api/token"):
            metrics.CALLS.labels("nexus", "down").inc()
            raise NexusDown(f"Nexus answered {answer.code} to {named}")
        metrics.CALLS.labels("nexus", metrics.result_of(answer.code)).inc()
        metrics.CALL_SECONDS.labels("nexus").observe(answer.request_time or 0)
        return answer

    async def _fetched(self, request: HTTPRequest) -> HTTPResponse:
        """The answer. A question whose connection broke is asked once more: one of Nexus's processes may just have gone."""
        try:
            return await self._http.fetch(request, raise_error=False)
        except CurlError as error:
            if request.method != "GET" or error.errno == pycurl.E_OPERATION_TIMEDOUT:
                raise
        return await self._http.fetch(request, raise_error=False)


def _let_go(call: "asyncio.Future[HTTPResponse]") -> None:
    """Take note of the end of a call that nobody may wait for any more. It is not cancelled, as curl goes on all the same, and Tornado
    logs as an unhandled error what a cancelled call comes to."""
    if not call.cancelled():
        call.exception()


def _down(error: Exception, sentence: str) -> NexusDown:
    errno = error.errno if isinstance(error, CurlError) else None
    if errno == pycurl.E_OPERATION_TIMEDOUT:
        return NexusSilent(sentence)
    return NexusDown(sentence, unsure=errno not in NEVER_SENT)


def checked(answer: HTTPResponse, good: tuple[int, ...]) -> HTTPResponse:
    if answer.code in good:
        return answer
    told = said(answer)
    raise NexusRefused(answer.code, str(told.get("error") or told.get("code") or "refused"), str(told.get("detail") or ""))


def said(answer: HTTPResponse) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(answer.body or b"{}")
    except msgspec.DecodeError:
        return {}
    return value if isinstance(value, dict) else {}
