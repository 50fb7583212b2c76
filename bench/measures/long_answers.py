"""What others notice of a long answer of Nexus: the latency of a light page while 200,000 assets are exported or a whole summary is
answered, and the memory that stays behind."""

import asyncio
import http.client
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.book import Filled, filled
from bench.measures.pages import wait_for
from bench.stage import Stage, free_port, listening, port_of
from bench.table import Figure
from hmlib.clock import new_id, utc_now
from hmlib.config import load
from hmlib.db.database import Db, connect

ASSETS, COMPANIES, P99_MS, MEMORY = 200_000, 1_000, 100, 1.2
LIGHT = "/api/companies?limit=1"
LONG = {
    "export of 200,000 assets as CSV": "/assets/export?format=csv",
    "export of 200,000 assets as XLSX": "/assets/export?format=xlsx",
    "summary of 200,000 assets": "/api/billing_summary",
}


def figures() -> Iterator[Figure]:
    with Stage(HM_NEXUS_METRICS_PORT=str(free_port())) as stage, listening() as nexus:
        stage.environ["HM_NEXUS_PORT"] = str(port_of(nexus))
        known = asyncio.run(filled(stage))
        asyncio.run(fill(stage))
        process = stage.start(nexus, "-m", "nexus_srv")
        wait_for(stage, port_of(nexus), "/readyz")
        list_query = Client(stage, port_of(nexus), known)
        list_query.get(LONG["summary of 200,000 assets"])  # what the first one leaves is what any process holds
        before = memory(process.pid)
        for work, path in LONG.items():
            quiet, busy, size = list_query.beside(path)
            named = f"{quiet:.0f} ms before; {size / 2**20:.0f} MB"
            yield Figure(f"light page's p99 during: {work}", busy, P99_MS, "ms", at_most=True, beside=named)
        yield Figure(
            "memory after them", memory(process.pid) / before, MEMORY, "x", True, f"{memory(process.pid):.0f} MB", f"{before:.0f} MB"
        )


async def fill(stage: Stage) -> None:
    """As many assets more as make ASSETS, spread over the book's companies."""
    settings = load("nexus", stage.environ)
    db, now = await connect(settings.db_url), utc_now()
    companies = [row["id"] for row in await db.all("SELECT id FROM company")]
    missing = ASSETS - int(await db.value("SELECT COUNT(*) FROM asset"))
    for start in range(0, missing, 10_000):
        await add(db, companies, range(start, min(missing, start + 10_000)), now)
    await db.run("UPDATE directory_state SET version = version + 1 WHERE id = 1")
    await db.run("ANALYZE")
    await db.close()


async def add(db: Db, companies: list[str], numbers: range, now: str) -> None:
    async with db.write() as tx:
        await tx.many(
            """
            INSERT INTO asset (id, company_id, name, name_form, search, active_on, backup_bytes, created_at, updated_at)
            VALUES (:id, :company, :name, :name, :name, '2025-01-01', 1000000, :now, :now)
            """,
            [{"id": new_id(), "company": companies[n % len(companies)], "name": f"more-{n}", "now": now} for n in numbers],
        )


class Client:
    """Asks Nexus over TLS, as a program or as a browser."""

    def __init__(self, stage: Stage, port: int, known: Filled) -> None:
        self._stage, self._port, self._known = stage, port, known

    def get(self, path: str) -> int:
        """The size of a good answer, read to its end."""
        connection = http.client.HTTPSConnection("localhost", self._port, context=self._stage.tls, timeout=900)
        connection.request("GET", path, headers=self._known.program if path.startswith("/api/") else self._known.browser)
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        size = 0
        while piece := answer.read(2**20):
            size += len(piece)
        connection.close()
        return size

    def beside(self, path: str) -> tuple[float, float, int]:
        """The 99th percentile of a light page's milliseconds in quiet and while a path is asked, and the size of its answer."""
        quiet, _ = self._latencies(lambda: time.sleep(2) or 0)
        busy, size = self._latencies(lambda: self.get(path))
        return quiet, busy, size

    def _latencies(self, work) -> tuple[float, int]:
        found, over = [], threading.Event()

        def light() -> None:
            while not over.is_set():
                began = time.perf_counter()
                self.get(LIGHT)
                found.append((time.perf_counter() - began) * 1000)
                time.sleep(0.02)

        thread = threading.Thread(target=light)
        thread.start()
        try:
            size = work()
        finally:
            over.set()
            thread.join()
        return sorted(found)[int(len(found) * 0.99)], size


def memory(pid: int) -> float:
    """A process's own share of memory (Pss) in MB."""
    time.sleep(1)
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024
