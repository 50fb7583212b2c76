"""Says whether a process lives and whether it can serve: /healthz and /readyz."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from tornado.routing import URLSpec
from tornado.web import RequestHandler, url

from hmlib.web.headers import CLOSED_POLICY, every_answer

CHECK_SECONDS = 2.0
Check = Callable[[], Awaitable[bool]]


class Readiness:
    """What must hold before a balancer may send requests here. ``checks`` by the name that /readyz shows; they may not raise."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self.draining = False

    async def failed(self) -> list[str]:
        """The names of the checks that do not hold; a check that takes over two seconds does not."""
        if self.draining:
            return ["draining"]
        answers = await asyncio.gather(*(_in_time(check) for check in self._checks.values()))
        return [name for name, good in zip(self._checks, answers, strict=True) if not good]


async def _in_time(check: Check) -> bool:
    try:
        return await asyncio.wait_for(check(), CHECK_SECONDS)
    except TimeoutError:
        return False


class HealthHandler(RequestHandler):
    """Both answers are open to everyone, say nothing but their word, and are never stored."""

    def initialize(self, readiness: Readiness) -> None:
        self.readiness = readiness

    def set_default_headers(self) -> None:
        own = {"Content-Security-Policy": CLOSED_POLICY, "Cache-Control": "no-store"}
        for name, value in {**every_answer(self.request.host_name), **own}.items():
            self.set_header(name, value)

    def write_error(self, status_code: int, **_: object) -> None:
        """405 is the one error there can be."""
        self.set_header("Allow", "GET, HEAD")
        self.finish({"status": "error", "code": status_code})


class Healthz(HealthHandler):
    """GET /healthz: the event loop turns."""

    async def get(self) -> None:
        self.finish({"status": "ok"})

    head = get


class Readyz(HealthHandler):
    """GET /readyz: 200 when every check holds, else 503 with the names of those that do not."""

    async def get(self) -> None:
        failed = await self.readiness.failed()
        if failed:
            self.set_status(503)
            self.set_header("Retry-After", "1")
        self.finish({"status": "unready" if failed else "ready", "failed": failed})

    head = get


def routes(readiness: Readiness) -> list[URLSpec]:
    """The two addresses; hmlib.server.service adds them to every application."""
    given = {"readiness": readiness}
    return [url(r"/healthz", Healthz, given), url(r"/readyz", Readyz, given)]
