"""Whatever keeps Nexus from answering is NexusDown, and nothing else; a certificate that is not right is such a thing."""

import asyncio
import contextlib
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from hmlib.auth.jwks import KeysAway
from hmlib.config import load
from hmlib.nexus.client import Nexus
from hmlib.nexus.transport import NexusDown, NexusSilent, Transport
from hmlib.server import certificates

NOW = datetime.now(UTC)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


class Fine(RequestHandler):
    async def get(self):
        self.finish("fine")


async def ask(home, url, **options):
    certificates.ensure(home / "tls", [], NOW)
    transport = Transport(load("nexus", {"HM_HOME": str(home), "HM_NEXUS_URL": url}))
    try:
        return (await transport.send("GET", "/healthz", **options)).code
    finally:
        transport.close()


@contextlib.asynccontextmanager
async def server(home, authority, hosts, at=NOW):
    """Nexus's stand-in with a certificate made at that time, signed by that authority, for those hosts."""
    certificates._store(home, "stand-in", certificates.new_server(authority, hosts, at), ())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(home / "stand-in.pem", home / "stand-in.key")
    http = HTTPServer(Application([("/healthz", Fine)], log_function=lambda _: None), ssl_options=context)
    sockets = bind_sockets(0, "127.0.0.1")
    http.add_sockets(sockets)
    try:
        yield f"https://localhost:{sockets[0].getsockname()[1]}"
    finally:
        http.stop()
        await http.close_all_connections()


def test_nobody_listens(tmp_path, listener):
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(NexusDown):
        asyncio.run(ask(tmp_path, f"https://localhost:{port}"))


def test_somebody_listens_and_says_nothing(tmp_path, listener):
    with pytest.raises(NexusDown):
        asyncio.run(ask(tmp_path, f"https://localhost:{listener.getsockname()[1]}", seconds=0.3))


def test_a_name_that_does_not_exist(tmp_path):
    with pytest.raises(NexusDown):
        asyncio.run(ask(tmp_path, "https://nexus.invalid:5000", seconds=1))


@pytest.mark.parametrize(
    ("ours", "hosts", "made_at", "good"),
    [
        (True, ["localhost"], NOW, True),
        (False, ["localhost"], NOW, False),
        (True, ["evil.test"], NOW, False),
        (True, ["localhost"], NOW - timedelta(days=500), False),
        (True, ["localhost"], NOW + timedelta(days=2), False),
    ],
)
def test_n175_only_a_certificate_of_our_authority_for_that_host_and_time_will_do(tmp_path, ours, hosts, made_at, good):
    async def body():
        certificates.ensure(tmp_path / "tls", [], NOW)
        known = certificates._load(tmp_path / "tls", "ca", NOW)
        async with server(tmp_path, known if ours else certificates.new_authority(NOW), hosts, made_at) as url:
            return await ask(tmp_path, url)

    if good:
        assert asyncio.run(body()) == 200
    else:
        with pytest.raises(NexusDown):
            asyncio.run(body())


@pytest.mark.gen_test
async def test_one_call_into_silence_is_enough_to_say_that_nexus_is_away(tmp_path):
    nexus = Nexus(load("wiki", {"HM_HOME": str(tmp_path), "HM_NEXUS_URL": "http://127.0.0.1:1"}), "wiki", "secret")
    assert not nexus.seems_down
    with pytest.raises(KeysAway):
        await nexus.jwks()
    assert nexus.seems_down
    nexus.close()


# Nobody waits for a Nexus that is gone; everybody waits for one that is only slow.


class Nothing(asyncio.Protocol):
    """Takes connections and says nothing, like a process that was stopped."""

    transports = []

    def connection_made(self, transport):
        self.transports.append(transport)


@contextlib.asynccontextmanager
async def silence():
    """The address of somebody who accepts and never answers."""
    server = await asyncio.get_running_loop().create_server(Nothing, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        while Nothing.transports:
            Nothing.transports.pop().abort()
        await asyncio.sleep(0)


def wire_to(home, url):
    return Transport(load("wiki", {"HM_HOME": str(home), "HM_NEXUS_URL": url}))


@pytest.mark.gen_test
async def test_a_call_into_silence_is_given_up_long_before_its_own_limit(tmp_path):
    async with silence() as url:
        transport = wire_to(tmp_path, url)
        with pytest.raises(NexusSilent):
            await asyncio.wait_for(transport.send("GET", "/api/companies", seconds=60), 20)
        assert transport.calls == 2 and transport.unwell and transport.breaker.open  # the call, and the question for its health
        transport.close()


@pytest.mark.gen_test
async def test_of_a_hundred_calls_after_the_pause_one_goes(tmp_path):
    async with silence() as url:
        transport = wire_to(tmp_path, url)
        with pytest.raises(NexusSilent):
            await transport.send("GET", "/api/companies")
        transport.breaker._shut_until = 0.0
        before = transport.calls
        ended = await asyncio.gather(*(transport.send("GET", "/api/companies") for _ in range(100)), return_exceptions=True)
        assert [type(error) for error in ended].count(NexusSilent) == 1 and [type(error) for error in ended].count(NexusDown) == 99
        assert transport.calls == before + 2
        transport.close()


@pytest.mark.gen_test
async def test_a_connection_that_is_refused_was_never_heard(tmp_path, listener):
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    transport = wire_to(tmp_path, url)
    with pytest.raises(NexusDown) as refused:
        await transport.send("POST", "/oauth/token", body=b"")
    assert not refused.value.unsure and not isinstance(refused.value, NexusSilent)
    transport.close()


@pytest.mark.gen_test
async def test_a_connection_that_breaks_may_have_been_heard(tmp_path):
    async def hang_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    transport = wire_to(tmp_path, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    with pytest.raises(NexusDown) as broken:
        await transport.send("POST", "/oauth/token", body=b"")
    assert broken.value.unsure
    server.close()
    await server.wait_closed()
    transport.close()


@pytest.mark.gen_test
async def test_a_slow_answer_is_waited_for_as_long_as_nexus_is_well(tmp_path):
    asked, release = [], asyncio.Event()

    class Health(RequestHandler):
        async def get(self):
            asked.append("health")
            if len(asked) == 3:
                release.set()

    class Slow(RequestHandler):
        async def get(self):
            await release.wait()
            self.finish("at last")

    http = HTTPServer(Application([("/healthz", Health), ("/slow", Slow)], log_function=lambda _: None))
    sockets = bind_sockets(0, "127.0.0.1")
    http.add_sockets(sockets)
    transport = wire_to(tmp_path, f"http://127.0.0.1:{sockets[0].getsockname()[1]}")
    assert (await transport.send("GET", "/slow")).body == b"at last"
    assert len(asked) >= 3 and not transport.breaker.silent
    transport.close()
    http.stop()
    await http.close_all_connections()


@pytest.mark.gen_test
async def test_a_kept_connection_whose_other_end_vanished_is_not_waited_for(tmp_path):
    """The peer is gone without a farewell: what is written into the connection is never answered, and nobody takes a new one."""
    open_ones = []

    async def answer_once(reader, writer):
        open_ones.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")

    server = await asyncio.start_server(answer_once, "127.0.0.1", 0)
    transport = wire_to(tmp_path, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert (await transport.send("GET", "/api/companies")).body == b"fine"
    server.close()
    with pytest.raises(NexusSilent):
        await asyncio.wait_for(transport.send("GET", "/api/companies", seconds=60), 20)
    assert len(open_ones) == 1 and transport.breaker.open
    for writer in open_ones:
        writer.transport.abort()
    await asyncio.sleep(0)
    transport.close()


@pytest.mark.gen_test
async def test_a_client_is_closed_while_calls_are_under_way(tmp_path):
    async with silence() as url:
        transport = wire_to(tmp_path, url)
        call = asyncio.ensure_future(transport.send("GET", "/api/companies"))
        await asyncio.sleep(0.05)
        transport.close()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await asyncio.sleep(0.05)


@pytest.mark.gen_test
async def test_a_call_that_was_given_up_ends_without_a_line_in_the_log(tmp_path, listener, caplog):
    """Curl goes on until its time is over; what it comes to then is no error of ours."""
    transport = wire_to(tmp_path, f"http://127.0.0.1:{listener.getsockname()[1]}")
    with pytest.raises(NexusSilent):
        await transport.send("GET", "/slow", seconds=2.5)
    http = transport._http
    assert len(http._free_list) < len(http._curls)  # it is still under way
    async with asyncio.timeout(10):
        while len(http._free_list) < len(http._curls):
            await asyncio.sleep(0.05)
    assert not [record.getMessage() for record in caplog.records if record.name in ("tornado.application", "asyncio")]
    transport.close()
