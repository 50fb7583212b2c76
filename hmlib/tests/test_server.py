"""The server keeps its limits, says no at once when it has too much to do, and loses nothing when it stops."""

import asyncio
import contextlib
import inspect
import json

import pytest
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from hmlib.server.http_server import Server


class Slow(RequestHandler):
    async def get(self):
        await asyncio.sleep(float(self.get_argument("s", "0")))
        self.finish({"address": self.request.remote_ip, "scheme": self.request.protocol})

    async def post(self):
        self.finish(str(len(self.request.body)))


class Stage:
    """A server, and the clients that a test connects to it."""

    def __init__(self, **options):
        self.server = Server(Application([(r"/.*", Slow)], log_function=lambda _: None), **options)
        sockets = bind_sockets(0, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        self.server.add_sockets(sockets)
        self.clients = []

    async def client(self):
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def close(self):
        for client in self.clients:
            client.writer.close()
            with contextlib.suppress(OSError):
                await client.writer.wait_closed()
        self.server.stop()
        await self.server.close_all_connections()


def staged(**options):
    """Run the test's coroutine on a stage of its own."""

    def wrap(test):
        async def play(*args, **kwargs):
            stage = Stage(**options)
            try:
                await test(stage, *args, **kwargs)
            finally:
                await stage.close()

        def run(*args, **kwargs):
            asyncio.run(play(*args, **kwargs))

        run.__name__ = test.__name__
        run.__signature__ = inspect.Signature(list(inspect.signature(test).parameters.values())[1:])
        return run

    return wrap


class Client:
    """A keep-alive connection that shows exactly what came back."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def send(self, path, *headers, method="GET", body=""):
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", body]
        self.writer.write("\r\n".join(lines).encode())

    async def send_rest(self, body):
        self.writer.write(body.encode())

    async def answer(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line.split(":")[1]) for line in head.lower().split("\r\n") if line.startswith("content-length"))
        return head, (await self.reader.readexactly(length)).decode()

    async def get(self, path, *headers):
        await self.send(path, *headers)
        return await self.answer()

    async def closed(self, within=3):
        return await asyncio.wait_for(self.reader.read(), within) == b""


@staged()
async def test_a_stop_answers_what_is_in_flight_and_says_close(stage):
    idle, busy, next_one = [await stage.client() for _ in range(3)]
    await idle.get("/")
    await next_one.get("/")
    await busy.send("/?s=0.5")
    await asyncio.sleep(0.1)
    draining = asyncio.create_task(stage.server.drain(grace=0.3))
    await asyncio.sleep(0.1)
    head, _ = await next_one.get("/")
    assert "200 OK" in head and "connection: close" in head.lower()
    assert await idle.closed(1)
    head, _ = await busy.answer()
    assert "200 OK" in head
    await asyncio.wait_for(draining, 2)
    with pytest.raises(OSError):
        await stage.client()


@staged()
async def test_a_stop_ends_even_when_a_request_does_not(stage):
    client = await stage.client()
    await client.send("/?s=60")
    await asyncio.sleep(0.1)
    await asyncio.wait_for(stage.server.drain(grace=0.1, limit=0.4), 2)
    assert await client.closed()


@staged()
async def test_an_upload_under_way_is_let_in_while_stopping(stage):
    client = await stage.client()
    await client.send("/", "Content-Length: 10", method="POST", body="12345")
    await asyncio.sleep(0.1)
    draining = asyncio.create_task(stage.server.drain(grace=0.1))
    await asyncio.sleep(0.3)
    client.writer.write(b"67890")
    assert (await client.answer())[1] == "10"
    await asyncio.wait_for(draining, 2)


@staged(max_running=2)
async def test_too_much_at_once_is_refused_at_once_but_health_answers(stage):
    clients = [await stage.client() for _ in range(4)]
    for client in clients[:2]:
        await client.send("/?s=0.5")
    await asyncio.sleep(0.1)
    head, text = await asyncio.wait_for(clients[2].get("/"), 0.2)
    assert "Strict-Transport-Security" not in head
    assert "503" in head and "Retry-After: 2" in head and "X-Content-Type-Options: nosniff" in head
    assert json.loads(text)["code"] == "overloaded"
    assert "200 OK" in (await asyncio.wait_for(clients[3].get("/healthz"), 0.2))[0]
    for client in clients[:2]:
        assert "200 OK" in (await client.answer())[0]
    assert "200 OK" in (await clients[2].get("/"))[0]


@staged(max_connections=2)
async def test_more_connections_than_agreed_are_closed(stage):
    clients = [await stage.client() for _ in range(3)]
    await asyncio.sleep(0.1)
    assert await clients[2].closed(1)
    assert "200 OK" in (await clients[0].get("/"))[0]


@pytest.mark.parametrize(
    "begin", ["", "GET / HTTP/1.1\r\nHost: loc", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n123"]
)
@staged(idle_connection_timeout=0.3, body_timeout=0.3)
async def test_n058_a_slow_client_is_dropped(stage, begin):
    client = await stage.client()
    client.writer.write(begin.encode())
    assert await client.closed(2)


def test_n058_the_limits_that_services_run_with():
    server = Server(Application([]))
    assert (server.conn_params.header_timeout, server.conn_params.body_timeout) == (20.0, 30.0)
    assert (server.conn_params.max_header_size, server.conn_params.decompress) == (16384, False)


@pytest.mark.parametrize("framing", ["Content-Length: 3000", "Transfer-Encoding: chunked"])
@staged()
async def test_n057_of_too_large_a_body_no_more_is_kept_than_shows_it(stage, framing, monkeypatch):
    monkeypatch.setattr(Slow, "body_limit", 1000, raising=False)
    client = await stage.client()
    body = "x" * 3000 if "Length" in framing else "bb8\r\n" + "x" * 3000 + "\r\n0\r\n\r\n"
    await client.send("/", framing, "Content-Type: multipart/form-data; boundary=x", method="POST", body=body)
    head, text = await client.answer()
    assert "200 OK" in head and text == "1001"
    assert "200 OK" in (await client.get("/"))[0]


@staged(max_held=1000)
async def test_n057_bodies_together_take_no_more_room_than_there_is(stage):
    first, second = await stage.client(), await stage.client()
    await first.send("/", "Content-Length: 900", method="POST", body="x" * 800)
    await asyncio.sleep(0.05)
    await second.send("/", "Content-Length: 300", method="POST", body="x" * 300)
    head, text = await second.answer()
    assert "503" in head and "Retry-After" in head and json.loads(text)["code"] == "overloaded"
    await first.send_rest("x" * 100)
    assert (await first.answer())[1] == "900"
    await second.send("/", "Content-Length: 300", method="POST", body="x" * 300)
    assert (await second.answer())[1] == "300"


@staged()
async def test_n056_a_header_that_is_too_long_closes_the_connection(stage):
    client = await stage.client()
    await client.send("/", "X-Long: " + "x" * 17000)
    assert await client.closed(2)


@pytest.mark.parametrize(
    ("trusted", "said", "address"),
    [
        ((), "203.0.113.9", "127.0.0.1"),
        (("127.0.0.1",), "203.0.113.9", "203.0.113.9"),
        (("127.0.0.1",), "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (("127.0.0.1", "10.0.0.1"), "203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (("127.0.0.1",), "a", "127.0.0.1"),
        (("127.0.0.1",), "", "127.0.0.1"),
    ],
)
@staged()
async def test_n062_only_a_trusted_proxy_says_where_a_request_comes_from(stage, trusted, said, address):
    stage.server.trusted_proxies = trusted
    client = await stage.client()
    _, text = await client.get("/", f"X-Forwarded-For: {said}", "X-Forwarded-Proto: https", "X-Real-IP: 192.0.2.77")
    assert json.loads(text) == {"address": address, "scheme": "https" if trusted else "http"}
    _, text = await client.get("/")
    assert json.loads(text) == {"address": "127.0.0.1", "scheme": "http"}
