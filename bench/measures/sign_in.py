"""Passwords: sign-ins beside bare Argon2id on the pool's cores, pages meanwhile, and what a wrong sign-in gives away by its time."""

import asyncio
import json
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from argon2 import PasswordHasher
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from bench.stage import ratio
from bench.table import Figure
from hmlib.clock import utc_now
from hmlib.config import load
from hmlib.db.database import Db, connect
from hmlib.db.migrate import migrate
from hmlib.keys import new_master
from nexus_srv.app import MIGRATIONS, make_app
from nexus_srv.first_run import keys_of
from nexus_srv.oauth import signing_keys
from nexus_srv.queries import users
from nexus_srv.queries.users import User

PASSWORD, WRONG = "four words in a row", "not the right words"
ROUNDS, SIGN_INS, AT_ONCE, SAMPLES = 3, 75, 24, 200
LIMIT_RATIO, LIMIT_P99_MS, LIMIT_APART_MS, LIMIT_P = 0.9, 100.0, 2.0, 0.01
KINDS = ("unknown", "wrong", "disabled", "locked", "without")


class Bench:
    """Nexus in this process, with a user of each kind."""

    def __init__(self, db: Db, url: str) -> None:
        self.db, self.url = db, url
        self.client = AsyncHTTPClient(force_instance=True, max_clients=AT_ONCE + 2)

    async def sign_in(self, username: str, password: str) -> tuple[int, float]:
        body = json.dumps({"username": username, "password": password})
        started = time.perf_counter()
        answer = await self.client.fetch(
            f"{self.url}/api/token", method="POST", body=body, headers={"Content-Type": "application/json"}, raise_error=False
        )
        return answer.code, time.perf_counter() - started


async def bench_of(folder: Path) -> Bench:
    (folder / "keys").mkdir(mode=0o700)
    new_master(folder / "keys" / "master.key")
    settings = load("nexus", {"HM_HOME": str(folder), "HM_TLS": "off"})
    db = await connect(settings.db_url)
    await migrate(db, MIGRATIONS)
    now, stored = utc_now(), PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD)
    async with db.write() as tx:
        await signing_keys.first(tx, keys_of(settings), now)
        for name in (*KINDS[1:], *(f"user{n}" for n in range(ROUNDS * SIGN_INS))):
            status = name if name in ("disabled", "locked") else "active"
            user = await users.create(tx, User(id=name, username=name, display_name=name, level="technician", status=status), now)
            if name != "without":
                await users.set_password(tx, user.id, stored, now)
    socket, port = bind_unused_port()
    server = HTTPServer(make_app(settings, db, None))
    server.add_socket(socket)
    return Bench(db, f"http://127.0.0.1:{port}")


async def throughput(bench: Bench, round: int) -> tuple[float, list[float]]:
    """Sign-ins a second from the first answer to the last, and the milliseconds of a page that was asked for again and again meanwhile."""
    waiting, answered = asyncio.Semaphore(AT_ONCE), []

    async def one(n: int) -> None:
        async with waiting:
            code, _ = await bench.sign_in(f"user{n}", PASSWORD)
            assert code == 200, code
            answered.append(time.perf_counter())

    async def page() -> float:
        started = time.perf_counter()
        await bench.client.fetch(f"{bench.url}/login")
        return (time.perf_counter() - started) * 1000

    work = asyncio.gather(*(one(n) for n in range(SIGN_INS * round, SIGN_INS * (round + 1))))
    pages = []
    while not work.done():
        pages.append(await page())
        await asyncio.sleep(0.01)
    await work
    return (SIGN_INS - 1) / (answered[-1] - answered[0]), pages


def bare_argon2() -> float:
    """Verifications a second on one core, which is what the pool has on two."""
    hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    stored = hasher.hash(PASSWORD)
    started = time.perf_counter()
    for _ in range(SIGN_INS):
        hasher.verify(stored, PASSWORD)
    return SIGN_INS / (time.perf_counter() - started)


@dataclass
class Times:
    """Milliseconds of one kind of wrong sign-in: as it seems to who asks, and of the cores' time that it costs."""

    wall: list[float] = field(default_factory=list)
    cores: list[float] = field(default_factory=list)


async def timings(bench: Bench) -> dict[str, Times]:
    """Wrong sign-ins of each kind, interleaved, none of them ever slowed down."""
    found = {kind: Times() for kind in KINDS}
    for n in range(SAMPLES):
        for kind in KINDS[n % 5 :] + KINDS[: n % 5]:
            await bench.db.run("DELETE FROM throttle")
            before = time.process_time()
            code, seconds = await bench.sign_in(kind, WRONG if kind == "wrong" else PASSWORD)
            assert code == 401, code
            found[kind].cores.append((time.process_time() - before) * 1000)
            found[kind].wall.append(seconds * 1000)
    return found


def same_distribution(one: Sequence[float], other: Sequence[float]) -> float:
    """The p value of the two-sample Kolmogorov-Smirnov test (the asymptotic form)."""
    points = sorted({*one, *other})
    gap = max(abs(sum(x <= p for x in one) / len(one) - sum(x <= p for x in other) / len(other)) for p in points)
    scale = gap * math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    return min(1.0, max(0.0, 2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * scale) ** 2) for k in range(1, 101)))) if scale > 0.2 else 1.0


async def measured() -> tuple[list[float], list[float], list[float], dict[str, Times]]:
    with tempfile.TemporaryDirectory() as folder:
        bench = await bench_of(Path(folder))
        bare, rates, pages = [], [], []
        for round in range(ROUNDS):
            bare.append(await asyncio.to_thread(bare_argon2))
            rate, meanwhile = await throughput(bench, round)
            rates.append(rate)
            pages += meanwhile
        samples = await timings(bench)
        bench.client.close()
        await bench.db.close()
    return bare, rates, pages, samples


def figures() -> list[Figure]:
    bare, rates, pages, samples = asyncio.run(measured())
    alone = f"{statistics.median(bare):.1f}/s bare Argon2id, one core"
    p99 = statistics.quantiles(pages, n=100)[98]
    likely = min(same_distribution(samples["wrong"].wall, samples[kind].wall) for kind in KINDS if kind != "wrong")
    return [
        Figure("password sign-ins", ratio(rates, bare), LIMIT_RATIO, "x", measured=f"{statistics.median(rates):.1f}/s", beside=alone),
        Figure(
            "another page meanwhile, 99 of 100 within",
            p99,
            LIMIT_P99_MS,
            "ms",
            True,
            beside=f"half within {statistics.median(pages):.0f} ms",
        ),
        apart("wrong sign-ins of five kinds (N073), apart", {kind: times.wall for kind, times in samples.items()}),
        apart("the same by the cores' time they cost", {kind: times.cores for kind, times in samples.items()}),
        Figure("the same by Kolmogorov-Smirnov, smallest p", likely, LIMIT_P),
    ]


def apart(work: str, samples: dict[str, list[float]]) -> Figure:
    """The difference of the medians."""
    medians = [statistics.median(samples[kind]) for kind in KINDS]
    each = "medians " + "/".join(f"{median:.1f}" for median in medians)
    return Figure(work, max(medians) - min(medians), LIMIT_APART_MS, "ms", True, beside=each)
