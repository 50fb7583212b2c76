"""The token endpoint of two processes of Nexus: refreshes and client credentials a second."""

import asyncio
import base64
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from bench.stage import Stage, free_port, listening, port_of
from bench.table import Figure
from hmlib.auth.sessions import NewSession, Sessions
from hmlib.clock import new_id, shifted, utc_now
from hmlib.config import load
from hmlib.db.database import connect
from hmlib.db.migrate import migrate
from nexus_srv.app import MIGRATIONS
from nexus_srv.first_run import keys_of
from nexus_srv.oauth.signing_keys import Signer
from nexus_srv.oauth.token_issuer import Issuer
from nexus_srv.queries import clients, users
from nexus_srv.queries.users import User

PROCESSES, CONNECTIONS, SECONDS, LIMIT = 2, 32, 5.0, 240


class Connection:
    """One keep-alive connection of the module Wiki to the token endpoint."""

    def __init__(self, port: int, secret: str, refresh_token: str) -> None:
        self._port, self.refresh_token = port, refresh_token
        basic = base64.b64encode(f"wiki:{secret}".encode()).decode()
        self._head = f"POST /oauth/token HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Basic {basic}\r\n"
        self._head += "Content-Type: application/x-www-form-urlencoded\r\n"

    async def opened(self) -> "Connection":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def ask(self, **form: str) -> dict[str, object]:
        body = urlencode(form)
        self._writer.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r")[0])
        answer = json.loads(await self._reader.readexactly(length))
        assert head.startswith("http/1.1 200"), answer
        return answer

    async def refresh(self) -> None:
        self.refresh_token = str((await self.ask(grant_type="refresh_token", refresh_token=self.refresh_token))["refresh_token"])

    async def in_its_own_name(self) -> None:
        await self.ask(grant_type="client_credentials", scope="directory:read", audience="nexus")


async def filled(environ: dict[str, str]) -> tuple[str, list[str]]:
    """A database with as many sessions as there are connections; Wiki's secret and a refresh token of each session."""
    settings = load("nexus", environ)
    db, keys, now = await connect(settings.db_url), keys_of(settings), utc_now()
    await migrate(db, MIGRATIONS)
    registered = await clients.register_module(db, keys, "wiki", "https://localhost:5003", now)
    wiki, issuer = await clients.by_id(db, "wiki"), Issuer(keys, Signer(db, keys, settings.origin))
    assert registered and wiki
    await issuer.signer.prepare()
    tokens = []
    async with db.write() as tx:
        for n in range(CONNECTIONS):
            user = await users.create(tx, User(id=new_id(), username=f"user{n}", display_name="A Person", level="technician"), now)
            new_session = NewSession(user.id, "A Person", user.level, new_id(), int(time.time()), ("pwd",), "", "", shifted(now, 3600))
            _, session = await Sessions(tx, keys).open(new_session, now)
            tokens.append((await issuer.for_sign_in(tx, wiki, user, session, "wiki", now)).refresh_token)
    await db.close()
    return registered[1], tokens


async def rate(connections: list[Connection], work: Callable[[Connection], Awaitable[None]]) -> tuple[float, float]:
    """How many a second, and the 99th percentile of their milliseconds."""
    times: list[float] = []

    async def until(connection: Connection, end: float) -> None:
        while (started := time.perf_counter()) < end:
            await work(connection)
            times.append((time.perf_counter() - started) * 1000)

    started = time.perf_counter()
    await asyncio.gather(*(until(connection, started + SECONDS) for connection in connections))
    return len(times) / (time.perf_counter() - started), statistics.quantiles(times, n=100)[98]


async def measured(port: int, secret: str, tokens: list[str]) -> list[Figure]:
    connections = [await Connection(port, secret, token).opened() for token in tokens]
    await asyncio.gather(*(connection.in_its_own_name() for connection in connections))
    ways = (("refresh", Connection.refresh), ("client_credentials", Connection.in_its_own_name))
    return [shown(name, *await rate(connections, work)) for name, work in ways]


def shown(name: str, a_second: float, p99: float) -> Figure:
    return Figure(f"{name}, two processes", a_second, LIMIT, "/s", beside=f"99 of 100 within {p99:.0f} ms")


def figures() -> list[Figure]:
    with Stage(HM_TLS="off", HM_NEXUS_METRICS_PORT=str(free_port())) as stage, listening() as nexus:
        stage.environ["HM_NEXUS_PORT"] = str(port_of(nexus))
        secret, tokens = asyncio.run(filled(stage.environ))
        for _ in range(PROCESSES):
            stage.start(nexus, "-m", "nexus_srv")
        return asyncio.run(measured(port_of(nexus), secret, tokens))
