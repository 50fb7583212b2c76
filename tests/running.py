"""Runs services under a real supervisord, with a home and ports of their own, and puts load on them."""

import asyncio
import contextlib
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from hmlib.clock import utc_now
from hmlib.db.database import connect
from hmlib.db.migrate import migrate
from hmlib.keys import new_master
from hmlib.processes.operations import Suite
from hmlib.server import certificates, ownership
from tests import tiny_service

ROOT = Path(__file__).parent.parent


def free_ports(count):
    """Ports nobody listens on now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


class Home:
    """A suite of the real services, with a home and ports of its own. Its folder is short, as a Unix socket lives in it."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="hm"))
        self.home = self.folder / "home"
        self.cwd = ROOT
        names = ("NEXUS_PORT", "WIKI_PORT", "TREASURY_PORT", "NEXUS_METRICS_PORT", "WIKI_METRICS_PORT", "TREASURY_METRICS_PORT")
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.port, self.metrics_port = ports["NEXUS_PORT"], ports["NEXUS_METRICS_PORT"]
        self.environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HM_HOME": str(self.home),
            "HM_LOG": "json",
            **{f"HM_{name}": str(port) for name, port in ports.items()},
        }
        self.suite = Suite(self.environ)

    def hm(self, *arguments, **environ):
        """Run `hm` as a person would."""
        command = [sys.executable, "-c", "from hmlib.cli.main import main; main()", *arguments]
        return subprocess.run(command, cwd=self.cwd, env={**self.environ, **environ}, capture_output=True, text=True, timeout=120)

    def run(self, package):
        """Run one process of a service by hand, until it ends by itself."""
        command = [sys.executable, "-m", package]
        return subprocess.run(command, cwd=self.cwd, env=self.environ, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)

    def tls(self):
        return ssl.create_default_context(cafile=self.home / "tls" / "ca.pem")

    def fetch(self, path, name="nexus", headers=None):
        """GET from a service: status and text."""
        port = int(self.environ[f"HM_{name.upper()}_PORT"])
        connection = http.client.HTTPSConnection("localhost", port, context=self.tls(), timeout=10)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def post(self, path, body, name="nexus"):
        """POST JSON to a service: the status."""
        connection = http.client.HTTPSConnection("localhost", int(self.environ[f"HM_{name.upper()}_PORT"]), context=self.tls(), timeout=30)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()

    def processes(self):
        return {process.name: process for process in self.suite.processes()}

    def log(self):
        return "".join(file.read_text() for file in sorted((self.home / "logs").glob("*_0*.log")))

    def close(self):
        if self.suite.is_up():
            self.suite.stop()
        if left := self.suite.left():
            self.suite.end_left(left, print)
        shutil.rmtree(self.folder)


class Tiny(Home):
    """A suite whose Nexus is the tiny service, and nothing else."""

    def __init__(self):
        super().__init__()
        self.cwd = self.folder
        for name in ("home", "home/logs", "home/run"):
            (self.folder / name).mkdir(mode=0o700)
        new_master(self.home / "keys" / "master.key")
        asyncio.run(self._found())
        certificates.ensure(self.home / "tls", [], datetime.now(UTC))
        text = (ROOT / "supervisord.conf").read_text().replace("-m nexus_srv", "-m tests.tiny_service")
        text = re.sub(r"\[fcgi-program:(wiki|treasury)\][^\[]*", "", text)
        (self.folder / "supervisord.conf").write_text(text)

    async def _found(self):
        settings = self.suite.services["nexus"]
        db = await connect(settings.db_url)
        await migrate(db, tiny_service.MIGRATIONS)
        await ownership.claim(db, settings, (), utc_now())
        await db.close()

    def direct(self, **environ):
        """Start one process by hand, without supervisord."""
        return self.direct_command("-m", "tests.tiny_service", **environ)

    def direct_command(self, *arguments, **environ):
        """Start a Python program by hand, where the suite's settings are."""
        command = [sys.executable, *arguments]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.folder, env={**self.environ, **environ}, text=True, **pipes)


def until(condition, seconds=10):
    """Ask until it holds; what it answered last."""
    deadline = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds


class Load:
    """Clients that keep their connections and ask as fast as they are answered, until told to stop."""

    def __init__(self, port, tls, path="/", clients=16):
        self.port, self.tls, self.path, self.clients = port, tls, path, clients
        self.good, self.failures, self.pids, self.stopping = 0, [], set(), False

    async def run(self):
        await asyncio.gather(*(self._client() for _ in range(self.clients)))

    async def _client(self):
        while not self.stopping:
            try:
                await self._connection()
            except (OSError, asyncio.IncompleteReadError) as error:
                self.failures.append(repr(error))

    async def _connection(self):
        """Ask on one connection until the server says that the answer is its last."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls, server_hostname="localhost")
        try:
            last = False
            while not last and not self.stopping:
                writer.write(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                last = await self._answer(reader)
        finally:
            writer.transport.abort()  # the server may be gone, and then nobody answers a farewell

    async def _answer(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = await reader.readexactly(int(re.search(r"content-length: (\d+)", head)[1]))
        if not head.startswith("http/1.1 200"):
            self.failures.append(head)
        self.good += 1
        self.pids.add(body.decode())
        return "connection: close" in head
