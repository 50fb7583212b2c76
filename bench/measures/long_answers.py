"""What others notice of long work on Nexus: the latency of a light page, of edits and of sign-ins while 100,000 rows are imported, 200,000
assets exported or a whole summary answered, and the memory that stays behind."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench.book import PASSWORD, filled
from bench.client import Client
from bench.measures.pages import wait_for
from bench.stage import Stage, free_port, listening, own_mb, port_of
from bench.table import Figure
from nexus_srv import demo

COMPANIES, ROWS, P99_MS, SLOWEST_MS, MEMORY = 10_000, 100_000, 100, 2_000, 1.2
MOST_SECONDS = 300
LIGHT = "/companies/rows"
LONG = {
    "export of 200,000 assets as CSV": "/assets/export?format=csv",
    "export of 200,000 assets as XLSX": "/assets/export?format=xlsx",
    "summary of 200,000 assets": "/api/billing_summary",
}


def figures() -> Iterator[Figure]:
    with Stage(HM_NEXUS_METRICS_PORT=str(free_port())) as stage, listening() as nexus:
        stage.environ["HM_NEXUS_PORT"] = str(port_of(nexus))
        known = asyncio.run(filled(stage, COMPANIES))
        process = stage.start(nexus, "-m", "nexus_srv")
        wait_for(stage, port_of(nexus), "/readyz")

        def client() -> Client:
            return Client(stage, port_of(nexus), known)

        for path in LONG.values():
            client().get(path)  # what the first one leaves is what any process holds
        before = memory(process.pid)
        for work, path in LONG.items():
            quiet, busy, size = beside(client, lambda at=path: client().get(at))
            named = f"{quiet:.0f} ms before; {size / 2**20:.0f} MB"
            yield Figure(f"light page's p99 during: {work}", busy, P99_MS, "ms", at_most=True, beside=named)
        yield left("memory after them", process.pid, before)
        yield from importing(client, stage.home / "more")
        yield left("memory after the import too", process.pid, before)


def left(work: str, pid: int, before: float) -> Figure:
    after = memory(pid)
    return Figure(work, after / before, MEMORY, "x", True, f"{after:.0f} MB", f"{before:.0f} MB")


def importing(client: Callable[[], Client], folder: Path) -> Iterator[Figure]:
    """As many contacts more, as a program sends them; meanwhile somebody edits companies, and somebody signs in again and again."""
    demo.write_book(folder, 1_000, ROWS, 1)
    raw, edits, sign_ins = (folder / "contacts.csv").read_bytes(), [], []
    began = time.perf_counter()
    with again_and_again(edit(client()), edits), again_and_again(sign_in(client()), sign_ins):
        _, busy, _ = beside(client, lambda: imported(client(), raw), rest=0)
    yield Figure(f"import of {ROWS:,} contacts", time.perf_counter() - began, unit="s", beside="with edits and sign-ins beside it")
    yield Figure("light page's p99 during the import", busy, P99_MS, "ms", at_most=True)
    for work, found in (("edits", edits), ("sign-ins", sign_ins)):
        half = f"half within {sorted(found)[len(found) // 2]:.0f} ms of {len(found)}"
        yield Figure(f"slowest of {work} during the import", max(found), SLOWEST_MS, "ms", at_most=True, beside=half)


def imported(client: Client, raw: bytes) -> int:
    """Import a file and wait until it is done."""
    status, headers, body = client.said("POST", "/api/imports/contacts?name=more.csv", raw, {"Content-Type": "text/csv"})
    assert status == 202, (status, body[:500])
    state, begun = "mapping", time.monotonic()
    while state != "applied":
        assert time.monotonic() - begun < MOST_SECONDS and state not in ("failed", "planned"), (state, body[:500])
        time.sleep(1)
        status, _, body = client.said("GET", headers["Location"])
        state = json.loads(body)["state"] if status == 200 else state
    return len(raw)


def edit(client: Client) -> Callable[[], None]:
    number = iter(range(10**6))

    def once() -> None:
        body = json.dumps({"notes": f"Edited {next(number)}"}).encode()
        headers = {"Content-Type": "application/json", "If-Match": "*"}
        status, _, said = client.said("PATCH", f"/api/companies/{client.known.company}", body, headers)
        assert status == 200, (status, said[:300])

    return once


def sign_in(client: Client) -> Callable[[], None]:
    def once() -> None:
        body = json.dumps({"username": "alice", "password": PASSWORD}).encode()
        status, _, said = client.said("POST", "/api/token", body, {"Content-Type": "application/json"})
        assert status == 200, (status, said[:300])

    return once


def beside(client: Callable[[], Client], work: Callable[[], int], rest: float = 2) -> tuple[float, float, int]:
    """The 99th percentile of a light page's milliseconds in quiet and during some work, and what the work answers."""
    quiet: list[float] = []
    busy: list[float] = []
    light = client()
    with again_and_again(lambda: light.get(LIGHT), quiet, 0.02):
        time.sleep(max(rest, 0.2))
    with again_and_again(lambda: light.get(LIGHT), busy, 0.02):
        size = work()
    return percentile(quiet), percentile(busy), size


def percentile(found: list[float]) -> float:
    return sorted(found)[int(len(found) * 0.99)]


@contextmanager
def again_and_again(work: Callable[[], object], found: list[float], pause: float = 0.2) -> Iterator[None]:
    """Do something in a thread until the block ends, and note its milliseconds. Raises what it raises."""
    over = threading.Event()

    def go() -> None:
        while not over.is_set():
            began = time.perf_counter()
            work()
            found.append((time.perf_counter() - began) * 1000)
            over.wait(pause)

    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(go)
        try:
            yield
        finally:
            over.set()
    going.result()


def memory(pid: int) -> float:
    """A process's own share of memory in MB, once it has rested."""
    time.sleep(1)
    return own_mb(pid)
