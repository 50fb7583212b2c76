"""What we use of Tornado beyond its documented face: a server's connections and sockets, and curl's timer after the client was closed."""

import socket
from collections.abc import Callable
from typing import Any

from tornado.curl_httpclient import CurlAsyncHTTPClient
from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection

READ_AGAINST = "6.6.1"

Accepted = Callable[[socket.socket, Any], None]


class OpenServer(HTTPServer):
    """Tornado's server, which shows its connections, and accepts them as somebody else says."""

    @property
    def connections(self) -> set[HTTP1ServerConnection]:
        """Those that are open now."""
        return self._connections

    def accept_by(self, listening: socket.socket, begin: Callable[[Accepted], Callable[[], None]]) -> None:
        """Let ``begin`` accept from a listening socket: it is given what takes a connection, and answers what ends the accepting."""
        self._sockets[listening.fileno()] = listening
        self._handlers[listening.fileno()] = begin(self._handle_connection)


def as_connected(connection: HTTPConnection) -> Any:
    """A request's context, with the address and the scheme of its connection and of nothing that a header said."""
    context: Any = connection.context  # type: ignore[attr-defined]
    context._unapply_xheaders()
    return context


class CurlClient(CurlAsyncHTTPClient):
    """Tornado's client, which may be closed while calls are under way: curl sets its timer once more when their handles are closed."""

    def _handle_timeout(self) -> None:
        if self._multi is not None:
            super()._handle_timeout()
