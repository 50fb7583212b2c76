"""A module tells Nexus that it is there: at its start, and whenever one of the two was away."""

import asyncio
import io

import pytest
from tornado.httpclient import HTTPRequest, HTTPResponse

from hmlib.nexus import client
from hmlib.nexus.client import Nexus
from hmlib.nexus.transport import NexusDown

pytestmark = pytest.mark.gen_test


class Transport:
    """A Nexus that can be away, refuse, or break in the middle; it counts what it heard."""

    def __init__(self):
        self.health, self.status, self.heard, self.looks, self.cut = 200, 204, 0, 0, False

    async def send(self, method, path, **_):
        self.looks += path == "/healthz"
        if self.health != 200 or (self.cut and path != "/healthz"):
            raise NexusDown("away")
        self.heard += path == "/api/announcement" and self.status == 204
        return HTTPResponse(HTTPRequest("https://nexus"), self.health if path == "/healthz" else self.status, buffer=io.BytesIO(b""))

    async def well(self, since):
        try:
            return (await self.send("GET", "/healthz")).code == 200
        except NexusDown:
            return False

    async def looked(self, times=3):
        """Wait until Nexus's health was asked for so often again."""
        until = self.looks + times
        while self.looks < until:
            await asyncio.sleep(0.005)


@pytest.fixture
def transport(io_loop, settings, monkeypatch):
    monkeypatch.setattr(client, "ALIVE_REMEMBERED_SECONDS", 0.0)
    made, nexus = Transport(), Nexus(settings, "treasury", "secret")
    nexus.close()
    nexus._transport = made
    made.watch = nexus.watch
    return made


@pytest.fixture
def watching(io_loop, transport):
    """Runs the watch beside the test."""
    tasks = []

    def start():
        tasks.append(asyncio.ensure_future(transport.watch(pause=0.01)))

    yield start

    async def stop():
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    io_loop.run_sync(stop)


async def test_it_is_said_at_the_start_and_not_again(transport, watching):
    watching()
    await transport.looked(10)
    assert transport.heard == 1


async def test_several_processes_each_say_it(transport, watching):
    for _ in range(3):
        watching()
    await transport.looked(10)
    assert transport.heard == 3


async def test_it_is_said_when_nexus_comes_back(transport, watching):
    transport.health = 503
    watching()
    await transport.looked()
    assert transport.heard == 0
    transport.health = 200
    await transport.looked()
    assert transport.heard == 1
    transport.health = 503
    await transport.looked()
    transport.health = 200
    await transport.looked()
    assert transport.heard == 2


@pytest.mark.parametrize("fault", ["refused", "cut"])
async def test_what_was_not_heard_is_said_again(transport, watching, fault):
    transport.status, transport.cut = (404, False) if fault == "refused" else (204, True)
    watching()
    await transport.looked(5)
    assert transport.heard == 0
    transport.status, transport.cut = 204, False
    await transport.looked()
    assert transport.heard == 1


async def test_a_process_that_stood_still_says_it_again(transport, watching, monkeypatch):
    watching()
    await transport.looked()
    monkeypatch.setattr(client, "ANNOUNCED_ANEW_SECONDS", 0.0)  # as if each pause had been longer than that
    await transport.looked()
    assert transport.heard >= 2
