"""A browser or a program of the bench: asks a service over TLS, one thing after the other, on a connection that is kept."""

import http.client
import statistics
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from bench.book import Filled
from bench.stage import Stage, cpu_seconds

NO_HEADERS: Mapping[str, str] = {}


class Client:
    """Asks as a program what begins with /api/, else as a browser."""

    def __init__(self, stage: Stage, port: int, known: Filled) -> None:
        self._stage, self._port, self.known = stage, port, known
        self._connection = self._connected()

    def get(self, path: str) -> int:
        """The size of a good answer, read to its end."""
        answer = self._asked("GET", path, b"", NO_HEADERS)
        size = 0
        while piece := answer.read(2**20):
            size += len(piece)
        assert answer.status == 200, (answer.status, path)
        return size

    def said(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of any answer."""
        answer = self._asked(method, path, body, headers)
        return answer.status, dict(answer.headers), answer.read()

    def _connected(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", self._port, context=self._stage.tls, timeout=900)

    def _asked(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        known = self.known.program if path.startswith("/api/") and path != "/api/token" else {}
        known = self.known.browser if not path.startswith("/api/") else known
        try:
            self._connection.request(method, path, body or None, {**known, **headers})
            return self._connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self._connection = self._connected()  # the server has closed what was idle for long
            self._connection.request(method, path, body or None, {**known, **headers})
            return self._connection.getresponse()


def cpu_ms(pid: int, work: Callable[[int], object], rounds: int) -> tuple[float, float]:
    """The milliseconds of a core's time, and of the clock, that a piece of work costs a process: medians of some rounds after the first."""
    spent, taken = [], []
    work(0)
    for number in range(1, rounds + 1):
        before, began = cpu_seconds(pid), time.perf_counter()
        work(number)
        taken.append((time.perf_counter() - began) * 1000)
        spent.append((cpu_seconds(pid) - before) * 1000)
    return statistics.median(spent), statistics.median(taken)


def with_query(path: str, **more: object) -> str:
    """The address, with more to its query."""
    return f"{path}{'&' if '?' in path else '?'}{urlencode(more)}"
