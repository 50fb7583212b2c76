"""The HTTP server of a service process: its limits, its answer to too much work, and how it stops without losing a request."""

import asyncio
import ipaddress
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import msgspec
from tornado.http1connection import HTTP1ServerConnection
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine, split_host_and_port
from tornado.iostream import IOStream

from hmlib import logs, metrics
from hmlib.adapters.tornado import Accepted, OpenServer, as_connected
from hmlib.logs import HEALTH_PATHS
from hmlib.server import accepting
from hmlib.web.headers import CLOSED_POLICY, every_answer

MAX_HEADER_BYTES = 16_384
MAX_BODY_BYTES = 50 * 1024 * 1024  # handlers set lower ones, and answer a 413 that says so
USUAL_BODY_BYTES = 1024 * 1024  # of a handler that sets none
LIMITS: Mapping[str, Any] = MappingProxyType(
    {"max_header_size": MAX_HEADER_BYTES, "max_body_size": MAX_BODY_BYTES, "idle_connection_timeout": 20.0, "body_timeout": 30.0}
)
MAX_HELD_BYTES = 256 * 1024 * 1024  # bodies that have arrived, of all requests together
MAX_RUNNING = 256
MAX_CONNECTIONS = 2048
GRACE_SECONDS = 2.0
DRAIN_SECONDS = 25.0


class Server(OpenServer):
    """Tornado's server with bounds. ``running`` are connections whose request a handler works on; ``active`` also those
    whose request is still arriving. Beyond ``max_running`` a request is answered 503 at once, health checks excepted, and so
    is one whose body would be more than all of them together may hold; beyond ``max_connections`` a connection is closed.
    """

    def initialize(self, *args: Any, **options: Any) -> None:
        """As Tornado's, with our limits, and ``trusted_proxies``: the addresses whose X-Forwarded-For and -Proto count.

        ``room`` is how many connections the process has descriptors for: at that many it stops accepting for a while.
        """
        self.max_running = options.pop("max_running", MAX_RUNNING)
        self.max_connections = options.pop("max_connections", MAX_CONNECTIONS)
        self.room = options.pop("room", 2 * self.max_connections)
        self.max_held = options.pop("max_held", MAX_HELD_BYTES)
        self._held: dict[object, int] = {}
        self._said_full_at = float("-inf")
        self.trusted_proxies: Collection[str] = options.pop("trusted_proxies", ())
        self.active: set[object] = set()
        self.running: set[object] = set()
        super().initialize(*args, **{**LIMITS, **options})

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Accept from these listening sockets, in turns with the processes that share them."""
        for listening in sockets:
            self.accept_by(listening, partial(self._turns, listening))

    def _turns(self, listening: socket.socket, accepted: Accepted) -> Callable[[], None]:
        return accepting.Turns(listening, accepted, self.connections.__len__, self.room).stop

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """A new connection, if there is room for it."""
        if len(self.connections) >= self.max_connections:
            metrics.REFUSED.labels("connections").inc()
            self._say_full()
            stream.close()
            return
        super().handle_stream(stream, address)
        metrics.BUSY.labels("connections").set(len(self.connections))

    def _say_full(self) -> None:
        """One line a second at most: a storm of lines would rotate the history away."""
        now = asyncio.get_running_loop().time()
        if now >= self._said_full_at + 1.0:
            self._said_full_at = now
            logs.event("no room for another connection", logging.WARNING, connections=len(self.connections))

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Tornado asks for each request of a connection, the one before being answered."""
        self._rests(server_conn)
        return _Watched(self, server_conn, request_conn, super().start_request(server_conn, request_conn))

    def on_close(self, server_conn: object) -> None:
        """A connection ended."""
        self._rests(server_conn)
        super().on_close(server_conn)
        metrics.BUSY.labels("connections").set(len(self.connections))

    def runs(self, server_conn: object) -> None:
        """A handler begins its work for this connection."""
        self.running.add(server_conn)
        metrics.BUSY.labels("requests").set(len(self.running))

    def holds(self, server_conn: object, more: int) -> bool:
        """Note that so much more of a body is kept until its request is answered; false when there is no room for it."""
        if sum(self._held.values()) + more > self.max_held:
            return False
        self._held[server_conn] = self._held.get(server_conn, 0) + more
        return True

    async def drain(self, grace: float = GRACE_SECONDS, limit: float = DRAIN_SECONDS) -> None:
        """Take no new connection, answer what has arrived, and close every connection.

        Each answer from now on says ``Connection: close``. A connection at rest may send one more request within ``grace``
        seconds, as it may be under way already; after ``limit`` seconds whatever is left is cut.
        """
        self.stop()
        self.conn_params.no_keep_alive = True
        clock = asyncio.get_running_loop().time
        start = clock()
        while self.connections and clock() < start + limit:
            if clock() > start + grace:
                await self._close(self.connections - self.active)
            await asyncio.sleep(0.02)
        await self._close(set(self.connections))

    async def _close(self, connections: Collection[HTTP1ServerConnection]) -> None:
        await asyncio.gather(*(connection.close() for connection in connections))

    def _rests(self, server_conn: object) -> None:
        self.active.discard(server_conn)
        self.running.discard(server_conn)
        self._held.pop(server_conn, None)
        metrics.BUSY.labels("requests").set(len(self.running))


class _Watched(HTTPMessageDelegate):
    """One request on its way to the application: counted, and answered here when there is no room for it."""

    def __init__(self, server: Server, server_conn: object, request_conn: HTTPConnection, inner: HTTPMessageDelegate) -> None:
        self._server, self._server_conn, self._request_conn, self._inner = server, server_conn, request_conn, inner
        self._refused = False
        self._body_limit = USUAL_BODY_BYTES
        self._body_bytes = 0

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> Awaitable[None] | None:
        assert isinstance(start_line, RequestStartLine)
        self._server.active.add(self._server_conn)
        self._refused = len(self._server.running) >= self._server.max_running and start_line.path not in HEALTH_PATHS
        self._start_line, self._host = start_line, split_host_and_port(headers.get("Host", "").lower())[0]
        if self._refused:
            return None
        _believe_proxy(self._request_conn, headers, self._server.trusted_proxies)
        self._headers = headers
        received = self._inner.headers_received(start_line, headers)
        handler = getattr(getattr(self._inner, "delegate", None), "handler_class", None)
        self._body_limit = getattr(handler, "body_limit", USUAL_BODY_BYTES)
        return received

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Pass on at most one byte more than the handler takes, which is how it sees that it is too much; the rest is let go."""
        kept = chunk[: max(0, self._body_limit + 1 - self._body_bytes)]
        self._body_bytes += len(chunk)
        if self._refused or not kept:
            return None
        if not self._server.holds(self._server_conn, len(kept)):
            self._refused = True
            self._inner.on_connection_close()  # what has arrived so far is let go
            return None
        return self._inner.data_received(kept)

    def finish(self) -> None:
        """The request is here whole. A refusal waits for that too: answered earlier, the connection could not be kept."""
        if self._refused:
            refuse(self._request_conn, self._start_line, self._host)
            return
        if self._body_bytes > self._body_limit:
            self._headers["Content-Type"] = "application/octet-stream"  # a form cut short is not to be read, only refused
        self._server.runs(self._server_conn)
        self._inner.finish()

    def on_connection_close(self) -> None:
        if not self._refused:
            self._inner.on_connection_close()


def refuse(connection: HTTPConnection, start_line: RequestStartLine, host: str) -> None:
    """Answer 503 and spend nothing else on the request."""
    metrics.REFUSED.labels("requests").inc()
    request_id = secrets.token_hex(8)
    problem = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "code": "overloaded"}
    problem |= {"detail": "Too much is going on at the moment. Try again in a few seconds.", "request_id": request_id}
    body = msgspec.json.encode(problem)
    headers = HTTPHeaders(dict(every_answer(host)))
    headers.update({"Content-Security-Policy": CLOSED_POLICY, "Cache-Control": "no-store", "X-Request-ID": request_id})
    headers.update({"Content-Type": "application/problem+json", "Content-Length": str(len(body)), "Retry-After": "2"})
    connection.write_headers(
        ResponseStartLine("HTTP/1.1", 503, "Service Unavailable"), headers, b"" if start_line.method == "HEAD" else body
    )
    connection.finish()


def _believe_proxy(connection: HTTPConnection, headers: HTTPHeaders, proxies: Collection[str]) -> None:
    """Set the request's address and scheme: what a trusted proxy says, else what the connection shows."""
    context = as_connected(connection)
    if context.remote_ip not in proxies:
        return
    said = [part.strip() for line in headers.get_list("X-Forwarded-For") for part in line.split(",")]
    outside = next((part for part in reversed(said) if part not in proxies), "")
    if _is_address(outside):
        context.remote_ip = outside
    if headers.get("X-Forwarded-Proto") in ("http", "https"):
        context.protocol = headers["X-Forwarded-Proto"]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
