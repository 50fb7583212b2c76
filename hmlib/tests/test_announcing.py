"""A module tells Nexus that it is there: at its start, and whenever one of the two was away."""

import asyncio
import io

import pytest
from tornado.httpclient import HTTPRequest, HTTPResponse

from hmlib.nexus import client
from hmlib.nexus.client import Nexus
from hmlib.nexus.transport import NexusDown

pytestmark = pytest.mark.gen_test


class Wire:
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
def wire(io_loop, settings, monkeypatch):
    monkeypatch.setattr(client, "ALIVE_REMEMBERED_SECONDS", 0.0)
    made, nexus = Wire(), Nexus(settings, "treasury", "secret")
    nexus.close()
    nexus._wire = made
    made.watch = nexus.watch
    return made


@pytest.fixture
def watching(io_loop, wire):
    """Runs the watch beside the test."""
    tasks = []

    def start():
        tasks.append(asyncio.ensure_future(wire.watch(pause=0.01)))

    yield start

    async def stop():
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    io_loop.run_sync(stop)


async def test_it_is_said_at_the_start_and_not_again(wire, watching):
    watching()
    await wire.looked(10)
    assert wire.heard == 1


async def test_several_processes_each_say_it(wire, watching):
    for _ in range(3):
        watching()
    await wire.looked(10)
    assert wire.heard == 3


async def test_it_is_said_when_nexus_comes_back(wire, watching):
    wire.health = 503
    watching()
    await wire.looked()
    assert wire.heard == 0
    wire.health = 200
    await wire.looked()
    assert wire.heard == 1
    wire.health = 503
    await wire.looked()
    wire.health = 200
    await wire.looked()
    assert wire.heard == 2


@pytest.mark.parametrize("fault", ["refused", "cut"])
async def test_what_was_not_heard_is_said_again(wire, watching, fault):
    wire.status, wire.cut = (404, False) if fault == "refused" else (204, True)
    watching()
    await wire.looked(5)
    assert wire.heard == 0
    wire.status, wire.cut = 204, False
    await wire.looked()
    assert wire.heard == 1


async def test_a_process_that_stood_still_says_it_again(wire, watching, monkeypatch):
    watching()
    await wire.looked()
    monkeypatch.setattr(client, "ANNOUNCED_ANEW_SECONDS", 0.0)  # as if each pause had been longer than that
    await wire.looked()
    assert wire.heard >= 2
