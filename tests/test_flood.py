"""A stranger sends what nobody would, tens of thousands of times: no process grows by it, nothing falls over, nothing is lost."""

import asyncio
import os
import random
import re
import ssl
from collections import Counter
from pathlib import Path

import pytest
import requests

from tests.journal import Journal
from tests.whole import SERVICES, Whole

pytestmark = [pytest.mark.journey, pytest.mark.fault]
CONNECTIONS = 4
A_CONNECTION = 100
"""Requests after which a client opens another one, so that both processes of a service get theirs."""

GROWTH = 1.10
SLACK_KIB = 1024


@pytest.fixture(scope="module")
def suite():
    suite = Whole(os.environ.get("HM_TEST_DB", "sqlite"), demo=False)
    yield suite
    suite.close()


def hostile(chance):
    """A method and a path; none of them is anything that is there."""
    number, version = chance.randrange(10**9), f"{chance.randrange(16**16):016x}"
    return chance.choice(
        [
            ("HEAD", f"/static/{version}/z{number}/../vendor/tabler/tabler.min.css"),
            ("GET", f"/static/{version}/{'n' * chance.randrange(200, 3800)}.css"),
            ("GET", f"/static/{version}/hive.css/"),
            ("GET", f"/static/{version}/a{number}/../hive.css"),
            ("HEAD", f"/static/{version}/./hive.css?{number}"),
            ("GET", f"/static/{version}/%2e%2e/hive{number}.css"),
            ("".join(chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(3000)), "/"),
            ("".join(chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(12)), f"/{number}"),
            ("GET", "/" + "/".join(f"{number}{part}" for part in range(chance.randrange(20, 300)))),
            ("GET", f"/login?next={'x' * chance.randrange(3000)}{number}"),
            ("GET", f"/api/{number}?{number}={'y' * chance.randrange(3000)}"),
        ]
    )


class Stranger:
    """Asks a service on a few connections; counts the answers by whether a static file was asked for, and status."""

    def __init__(self, suite, service, seed):
        self.port, self.chance, self.statuses = suite.ports[service], random.Random(seed), Counter()
        self.tls = ssl.create_default_context(cafile=suite.ca)

    async def ask(self, count):
        await asyncio.gather(*(self._client(count // CONNECTIONS) for _ in range(CONNECTIONS)))

    async def _client(self, left):
        while left > 0:
            left -= await self._connection(min(left, A_CONNECTION))

    async def _connection(self, most):
        """How many were answered before the connection ended, which is the server's right."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls, server_hostname="localhost")
        try:
            for number in range(most):
                method, path = hostile(self.chance)
                writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                if await self._answered(reader, method, path):
                    return number + 1
            return most
        finally:
            writer.transport.abort()

    async def _answered(self, reader, method, path):
        """Read one answer whole; whether it is the connection's last."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        self.statuses[path.split("/")[1] == "static", int(head.split()[1])] += 1
        length = re.search(r"content-length: (\d+)", head)
        if length and method != "HEAD":
            await reader.readexactly(int(length[1]))
        return "connection: close" in head


def flood(suite, count, seed):
    """So many requests to each service; the answers, counted."""

    async def all_at_once():
        strangers = [Stranger(suite, service, f"{seed} {service}") for service in SERVICES]
        await asyncio.gather(*(stranger.ask(count) for stranger in strangers))
        return sum((stranger.statuses for stranger in strangers), Counter())

    return asyncio.run(all_at_once())


def memory_kib(suite):
    """What each process has for itself, by name: its share of shared pages included (proc(5), smaps_rollup)."""
    rollups = {process.name: Path(f"/proc/{process.pid}/smaps_rollup").read_text() for process in suite.suite.processes()}
    return {name: int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) for name, text in rollups.items()}


def figures(suite):
    """How many lines each service's figures have."""
    ports = {service: suite.environ[f"HM_{service.upper()}_METRICS_PORT"] for service in SERVICES}
    return {service: requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text.count("\n") for service, port in ports.items()}


def test_what_a_stranger_sends_leaves_no_trace_in_memory(suite, rounds):
    with Journal(suite) as journal:
        journal.until_each_has(3)
    pids = {process.pid for process in suite.suite.processes()}
    flood(suite, 1500, "warm")
    before, lines = memory_kib(suite), figures(suite)
    statuses = flood(suite, rounds(1000, 20_000), "flood")
    after = memory_kib(suite)
    print(f"answers {dict(statuses)}\nbefore {before}\nafter  {after}")
    assert not [status for _, status in statuses if status >= 500], statuses
    assert {status for static, status in statuses if static} == {404}
    assert {process.pid for process in suite.suite.processes()} == pids, "a process died"
    assert {name: kib for name, kib in after.items() if kib > before[name] * GROWTH + SLACK_KIB} == {}
    assert figures(suite) == lines
    journal.compare()
