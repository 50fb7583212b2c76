"""What others wait while 100,000 assets are applied: people who sign in and who write, beside the import's job (cases C4, the speed table).

    python -m bench.imports [ROWS]

Everything runs in one process on a fresh database, so that waits come of the database and of the event loop alike. Prints the seconds
of the plan and of the last transaction, and the slowest of the edits and reads meanwhile.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from hmlib.auth.permissions import CompanyScope
from hmlib.clock import utc_now
from hmlib.db.database import Db, connect
from hmlib.db.migrate import migrate
from hmlib.imports import batches, work
from hmlib.imports.batches import Batch, Choices
from hmlib.records.audit import Actor
from nexus_srv.app import MIGRATIONS
from nexus_srv.directory.imports import IMPORTS

ACTOR = Actor("", "bench")
COMPANIES = 1_000
LONGEST_WAIT_SECONDS = 2.0


def table(rows: int) -> bytes:
    """A file of assets."""
    lines = [f"{100_001 + number % COMPANIES},PC-{number:06},workstation,S{number:09},x{number}" for number in range(rows)]
    return ("company_account_number,name,type,serial,external_id\n" + "\n".join(lines)).encode()


async def whole(db: Db, kind: str, raw: bytes, waits: dict[str, float]) -> dict[str, float]:
    """Import a file, timed."""
    add = await work.bring(db, IMPORTS, kind, f"{kind}.csv", raw, Choices(), CompanyScope(), ACTOR, utc_now())
    async with db.write() as tx:
        batch = await add(tx)
    start, cpu = time.monotonic(), time.process_time()
    batch = await work.plan(db, IMPORTS, None, batch, ACTOR, utc_now())
    planned, planned_cpu = time.monotonic(), time.process_time()
    waits.clear()

    async def nothing(tx: object, applied: Batch) -> None:
        return

    done = await work.apply(db, IMPORTS, None, batch, ACTOR, valid_only=False, transaction=db.write, done=nothing)
    assert done.state == "applied", done
    return {
        "plan": planned - start, "plan cpu": planned_cpu - cpu, "apply": time.monotonic() - planned,
        "apply cpu": time.process_time() - planned_cpu,
    }  # fmt: skip


async def others(db: Db, waits: dict[str, float]) -> None:
    """Somebody signs in or writes, every 50 ms: a write transaction of its own, and a read beside it."""
    number = 0
    while True:
        number += 1
        start = time.monotonic()
        async with db.write() as tx:
            await tx.run("UPDATE company SET notes = :notes, version = version + 1 WHERE account_number = '100001'", notes=str(number))
        waits["write"] = max(waits.get("write", 0.0), time.monotonic() - start)
        start = time.monotonic()
        await db.value("SELECT count(*) FROM company")
        waits["read"] = max(waits.get("read", 0.0), time.monotonic() - start)
        await asyncio.sleep(0.05)


async def measured(url: str, rows: int) -> bool:
    """Whether nobody waited longer than they may."""
    db = await connect(url)
    try:
        await migrate(db, MIGRATIONS)
        numbers = "\n".join(f"{100_001 + number},Company {number}" for number in range(COMPANIES))
        await whole(db, "companies", f"account_number,name\n{numbers}".encode(), {})
        waits: dict[str, float] = {}
        beside = asyncio.create_task(others(db, waits))
        took = await whole(db, "assets", table(rows), waits)
        await asyncio.sleep(0.5)  # whoever waited is through by now
        beside.cancel()
        latest = (await batches.recent(db, None, 1))[0]
        start = time.monotonic()
        async with db.write() as tx:
            await work.undo(tx, IMPORTS, latest, ACTOR, utc_now())
        undone = time.monotonic() - start
        print(
            f"{rows:,} rows: plan {took['plan']:.1f} s ({took['plan cpu']:.1f} s of CPU), "
            f"last transaction {took['apply']:.2f} s ({took['apply cpu']:.2f} s of CPU), undo {undone:.2f} s"
        )
        print(f"slowest beside it: write {waits['write']:.2f} s, read {waits['read']:.3f} s (at most {LONGEST_WAIT_SECONDS:.0f} s)")
        return max(waits.values()) <= LONGEST_WAIT_SECONDS
    finally:
        await db.close()


def main() -> None:
    """Measure on SQLite."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        good = asyncio.run(measured(f"sqlite:///{Path(folder) / 'bench.db'}", rows))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
