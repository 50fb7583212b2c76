"""Passwords: sign-ins beside bare Argon2id on the pool's cores, pages meanwhile, and what a wrong sign-in gives away by its time."""

import asyncio
import json
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from argon2 import PasswordHasher
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from hmlib.clock import utc_now
from hmlib.crypto import new_master
from hmlib.db import Db, connect
from hmlib.migrate import migrate
from hmlib.settings import load
from nexus_srv import signing
from nexus_srv.app import MIGRATIONS, make_app
from nexus_srv.first_run import keys_of
from nexus_srv.queries import users
from nexus_srv.queries.users import User

PASSWORD, WRONG = "four words in a row", "not the right words"
SIGN_INS, AT_ONCE, PROBES, SAMPLES = 150, 24, 200, 200
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
    await signing.first(db, keys_of(settings), now)
    async with db.write() as tx:
        for name in (*KINDS[1:], *(f"user{n}" for n in range(SIGN_INS))):
            status = name if name in ("disabled", "locked") else "active"
            user = await users.create(tx, User(id=name, username=name, display_name=name, level="technician", status=status), now)
            if name != "without":
                await users.set_password(tx, user.id, stored, now)
    socket, port = bind_unused_port()
    server = HTTPServer(make_app(settings, db, None))
    server.add_socket(socket)
    return Bench(db, f"http://127.0.0.1:{port}")


async def throughput(bench: Bench) -> tuple[float, float]:
    """Sign-ins a second, and the 99th percentile of a page's milliseconds meanwhile."""
    waiting = asyncio.Semaphore(AT_ONCE)

    async def one(n: int) -> None:
        async with waiting:
            code, _ = await bench.sign_in(f"user{n}", PASSWORD)
            assert code == 200, code

    async def page() -> float:
        started = time.perf_counter()
        await bench.client.fetch(f"{bench.url}/login")
        return (time.perf_counter() - started) * 1000

    started = time.perf_counter()
    work = asyncio.gather(*(one(n) for n in range(SIGN_INS)))
    pages = []
    while not work.done() and len(pages) < PROBES:
        pages.append(await page())
        await asyncio.sleep(0.01)
    await work
    return SIGN_INS / (time.perf_counter() - started), statistics.quantiles(pages, n=100)[98]


def bare_argon2() -> float:
    """Verifications a second on one core, which is what the pool has on two."""
    hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    stored = hasher.hash(PASSWORD)
    started = time.perf_counter()
    for _ in range(50):
        hasher.verify(stored, PASSWORD)
    return 50 / (time.perf_counter() - started)


async def timings(bench: Bench) -> dict[str, list[float]]:
    """Milliseconds of wrong sign-ins of each kind, interleaved, none of them ever slowed down."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for n in range(SAMPLES):
        for kind in KINDS[n % 5 :] + KINDS[: n % 5]:
            await bench.db.run("DELETE FROM throttle")
            code, seconds = await bench.sign_in(kind, WRONG if kind == "wrong" else PASSWORD)
            assert code == 401, code
            found[kind].append(seconds * 1000)
    return found


def same_distribution(one: Sequence[float], other: Sequence[float]) -> float:
    """The p value of the two-sample Kolmogorov-Smirnov test (the asymptotic form)."""
    points = sorted({*one, *other})
    gap = max(abs(sum(x <= p for x in one) / len(one) - sum(x <= p for x in other) / len(other)) for p in points)
    scale = gap * math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    return min(1.0, max(0.0, 2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * scale) ** 2) for k in range(1, 101)))) if scale > 0.2 else 1.0


async def measured() -> tuple[float, float, float, dict[str, list[float]]]:
    with tempfile.TemporaryDirectory() as folder:
        bench = await bench_of(Path(folder))
        bare = await asyncio.to_thread(bare_argon2)
        rate, p99 = await throughput(bench)
        samples = await timings(bench)
        bench.client.close()
        await bench.db.close()
    return bare, rate, p99, samples


def main() -> bool:
    """Print each figure beside its limit; True when all are kept."""
    bare, rate, p99, samples = asyncio.run(measured())
    medians = {kind: statistics.median(found) for kind, found in samples.items()}
    apart = max(medians.values()) - min(medians.values())
    likely = min(same_distribution(samples["wrong"], samples[kind]) for kind in KINDS if kind != "wrong")
    print(f"bare Argon2id          {bare:>8.1f}/s")
    print(f"sign-ins / bare        {rate / bare:>8.2f}     at least {LIMIT_RATIO}")
    print(f"a page meanwhile, p99  {p99:>8.1f} ms  under {LIMIT_P99_MS:.0f} ms")
    each = ", ".join(f"{kind} {medians[kind]:.1f}" for kind in KINDS)
    print(f"wrong sign-ins apart   {apart:>8.2f} ms  under {LIMIT_APART_MS:.0f} ms   (N073; medians: {each})")
    print(f"KS test, smallest p    {likely:>8.3f}     over {LIMIT_P}")
    return rate / bare >= LIMIT_RATIO and p99 < LIMIT_P99_MS and apart < LIMIT_APART_MS and likely > LIMIT_P


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
