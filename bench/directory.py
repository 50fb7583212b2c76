"""The directory under load: lists for programs and pages, the billing summary, and importing a whole book: python -m bench.directory."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tornado.simple_httpclient import SimpleAsyncHTTPClient

from hmlib.audit import Actor
from hmlib.auth import PERMISSIONS
from hmlib.clock import new_id, shifted, utc_now
from hmlib.crypto import new_master
from hmlib.db import Db, connect
from hmlib.migrate import migrate
from hmlib.sessions import Opening, Sessions
from hmlib.settings import load
from nexus_srv import demo, imports
from nexus_srv.app import MIGRATIONS
from nexus_srv.first_run import keys_of
from nexus_srv.queries import users
from nexus_srv.queries.users import User
from nexus_srv.signing import Signer

SECONDS = 4
IMPORT_SECONDS = 30.0
HELLO = """
import asyncio, socket
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler
class Hello(RequestHandler):
    def get(self): self.finish("hello")
async def main():
    server = HTTPServer(Application([("/", Hello)], log_function=lambda handler: None))
    listening = socket.socket(fileno=0)
    listening.setblocking(False)
    server.add_socket(listening)
    await asyncio.Event().wait()
asyncio.run(main())
"""
Figure = tuple[str, float, str, bool]


async def filled(environ: dict[str, str], folder: Path) -> tuple[str, str, float]:
    """A database with a whole book and one administrator: the session cookie, a bearer token, and how long the import took."""
    settings = load("nexus", environ)
    db, keys, now = await connect(settings.db_url), keys_of(settings), utc_now()
    await migrate(db, MIGRATIONS)
    seconds = await imported(db, folder)
    signer = Signer(db, keys, settings.origin)
    await signer.prepare()
    user = await users.create(db, User(id=new_id(), username="alice", display_name="Alice", level="admin"), now)
    opening = Opening(user.id, "Alice", "admin", new_id(), int(time.time()), ("pwd",), "", "", shifted(now, 3600))
    cookie, _ = await Sessions(db, keys).open(opening, now)
    claims = {
        "sub": user.id, "aud": "nexus", "client_id": "bench", "iat": int(time.time()), "exp": int(time.time()) + 300, "jti": new_id(),
        "permission_level": "admin", "scope": " ".join(PERMISSIONS["admin"]), "auth_time": int(time.time()), "amr": ["pwd"],
    }  # fmt: skip
    token = await signer.sign("at+jwt", claims)
    await db.close()
    return f"{settings.cookie}={cookie}", token, seconds


async def imported(db: Db, folder: Path) -> float:
    demo.write_book(folder)
    began = time.perf_counter()
    for kind in ("companies", "contacts", "assets"):
        raw = (folder / f"{kind}.csv").read_bytes()
        outcome = await imports.run(kind, db, None, raw, kind, actor=Actor(id="bench", name="bench"), now=utc_now())
        assert outcome.applied and not outcome.errors
    return time.perf_counter() - began


def started(listening: socket.socket, environ: dict[str, str], *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *command], stdin=listening, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **environ}
    )


def wrk(url: str, *headers: str) -> float:
    """Requests a second over eight connections."""
    options = [part for header in headers for part in ("-H", header)]
    said = subprocess.run(["wrk", "-t1", "-c8", f"-d{SECONDS}", *options, url], capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", said)[1])  # type: ignore[index]


async def answered(client: SimpleAsyncHTTPClient, url: str, headers: dict[str, str]) -> bytes:
    return (await client.fetch(url, headers=headers, request_timeout=60)).body


async def quickest(client: SimpleAsyncHTTPClient, url: Callable[[int], str], headers: dict[str, str], times: int = 12) -> float:
    """Seconds of the quickest of several answers."""
    best = float("inf")
    for n in range(times):
        began = time.perf_counter()
        await answered(client, url(n), headers)
        best = min(best, time.perf_counter() - began)
    return best


def encoding(rows: list[Any]) -> float:
    """Times a second that json alone writes the rows."""
    began, times = time.perf_counter(), 0
    while time.perf_counter() - began < 2:
        json.dumps(rows).encode()
        times += 1
    return times / (time.perf_counter() - began)


async def figures(base: str, hello: str, cookie: str, token: str) -> list[Figure]:
    client, bearer = SimpleAsyncHTTPClient(force_instance=True, max_body_size=100 * 2**20), {"Authorization": f"Bearer {token}"}
    many = f"{base}/api/companies?limit=1000"
    rows = json.loads(await answered(client, many, bearer))["items"]
    assert len(rows) == 1000
    alone, kept = encoding(rows), wrk(many, f"Authorization: Bearer {token}")
    anew = 1 / await quickest(client, lambda n: f"{many}&n={n}", bearer)
    book = await quickest(client, lambda n: f"{base}/api/billing_summary", bearer)
    again = wrk(f"{base}/companies/rows", f"Cookie: {cookie}") / wrk(hello)
    return [
        ("list of 1,000 companies / json alone", kept / alone, "at least 0.5", kept / alone >= 0.5),
        ("the same, made anew each time", anew / alone, "at least 0.5", anew / alone >= 0.5),
        ("billing summary of the whole book", book, "at most 2 s", book <= 2),
        ("partial of 25 companies / bare hello", again, "at least 0.30", again >= 0.30),
    ]


async def measured(folder: Path) -> list[Figure]:
    (folder / "keys").mkdir(mode=0o700)
    new_master(folder / "keys" / "master.key")
    with (
        socket.create_server(("127.0.0.1", 0)) as nexus,
        socket.create_server(("127.0.0.1", 0)) as bare,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        port = nexus.getsockname()[1]
        metrics_port = free.getsockname()[1]
        free.close()
        environ = {"HM_HOME": str(folder), "HM_TLS": "off", "HM_NEXUS_PORT": str(port), "HM_METRICS_PORT": str(metrics_port)}
        cookie, token, seconds = await filled(environ, folder / "book")
        running = [started(nexus, environ, "-m", "nexus_srv"), started(bare, {}, "-c", HELLO)]
        try:
            found = await figures(f"http://localhost:{port}", f"http://127.0.0.1:{bare.getsockname()[1]}/", cookie, token)
        finally:
            for process in running:
                process.kill()
                process.wait()
    return [("import of 1,000 + 8,000 + 20,000 rows", seconds, f"at most {IMPORT_SECONDS:.0f} s", seconds <= IMPORT_SECONDS), *found]


def main() -> bool:
    """Print each figure beside its limit; True when all are kept."""
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measured(Path(folder)))
    for name, value, limit, _ in found:
        print(f"{name:<42}{value:>8.2f}   {limit}")
    return all(good for *_, good in found)


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
