"""The least that Tornado can do: one handler that says hello, over TLS like ours, on the listening socket it is handed."""

import asyncio
import os
import socket

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from hmlib.config import load
from hmlib.server.listening import tls_context


class Hello(RequestHandler):
    def get(self) -> None:
        self.finish("hello")


async def main() -> None:
    application = Application([("/", Hello)], log_function=lambda _: None)
    server = HTTPServer(application, ssl_options=tls_context(load("nexus", os.environ)))
    listening = socket.socket(fileno=0)
    listening.setblocking(False)
    server.add_socket(listening)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
