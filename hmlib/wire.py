"""The way to Nexus: one pool of connections, time limits, and a breaker that spares a Nexus in trouble."""

import random
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from tornado.curl_httpclient import CurlAsyncHTTPClient, CurlError
from tornado.httpclient import HTTPClientError, HTTPRequest, HTTPResponse

from hmlib import logs, metrics
from hmlib.settings import Settings

CONNECT_SECONDS = 1.0
TIMED_OUT = 28  # CURLE_OPERATION_TIMEDOUT
REQUEST_SECONDS = 10.0


class NexusDown(Exception):
    """Nexus did not answer, or answered that it cannot."""


class NexusRefused(Exception):
    """Nexus answered, and said no. ``status`` is HTTP's, ``code`` the problem's or OAuth's word."""

    def __init__(self, status: int, code: str, detail: str = "") -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code, self.detail = status, code, detail


class Breaker:
    """Opens after three failures in a row, lets one call try again after a second or so."""

    def __init__(self, failures: int = 3, pause: float = 1.0) -> None:
        self._limit, self._pause = failures, pause
        self._failures, self._closed_at = 0, 0.0

    @property
    def open(self) -> bool:
        return self._failures >= self._limit and time.monotonic() < self._closed_at

    @property
    def silent(self) -> bool:
        """Whether the last call failed."""
        return self._failures > 0

    def failed(self) -> None:
        self._failures += 1
        self._closed_at = time.monotonic() + self._pause * random.uniform(0.8, 1.4)  # noqa: S311  jitter, not a secret

    def worked(self) -> None:
        self._failures = 0


class Wire:
    """Sends requests to Nexus, verified against the suite's own authority."""

    def __init__(self, settings: Settings) -> None:
        self.url, self._settings = settings.nexus_url, settings
        self._http = CurlAsyncHTTPClient(force_instance=True, max_clients=32)
        self.breaker = Breaker()
        self.calls = 0

    def close(self) -> None:
        self._http.close()

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = REQUEST_SECONDS,
        guarded: bool = True,
    ) -> HTTPResponse:
        """One request; 502, 503 and 504, silence and broken connections are all NexusDown."""
        if guarded and self.breaker.open:
            raise NexusDown("Nexus did not answer a moment ago")
        self.calls += 1
        request = HTTPRequest(
            self.url + path,
            method=method,
            body=body,
            headers={**logs.outgoing(), **(headers or {})},
            connect_timeout=min(CONNECT_SECONDS, seconds),
            request_timeout=seconds,
            follow_redirects=False,
            ca_certs=self._settings.authority,
        )
        try:
            answer = await self._fetched(request)
        except (HTTPClientError, OSError) as error:  # Tornado raises what is not an answer even so
            raise self._down(f"Nexus did not answer {path.partition('?')[0]}") from error
        if answer.code in (502, 504) or (answer.code == 503 and path != "/api/token"):
            raise self._down(f"Nexus answered {answer.code} to {path.partition('?')[0]}")
        metrics.CALLS.labels("nexus", metrics.result_of(answer.code)).inc()
        metrics.CALL_SECONDS.labels("nexus").observe(answer.request_time or 0)
        self.breaker.worked()
        return answer

    async def _fetched(self, request: HTTPRequest) -> HTTPResponse:
        """The answer. A question whose connection broke is asked once more: one of Nexus's processes may just have gone."""
        try:
            return await self._http.fetch(request, raise_error=False)
        except CurlError as error:
            if request.method != "GET" or error.errno == TIMED_OUT:
                raise
        return await self._http.fetch(request, raise_error=False)

    def _down(self, sentence: str) -> NexusDown:
        self.breaker.failed()
        metrics.CALLS.labels("nexus", "down").inc()
        return NexusDown(sentence)


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
