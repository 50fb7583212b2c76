"""A process that works on an import's job and is killed in the middle of a statement's transaction:
python -m nexus_srv.tests.import_process URL FOLDER STATEMENT."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from hmlib.db import database
from hmlib.db.database import Transaction
from hmlib.imports.jobs import KIND, jobs_of
from hmlib.jobs.runner import Runner
from nexus_srv.directory.imports import IMPORTS


class Spine:
    """Nexus has the directory itself."""

    nexus = None


async def main(url: str, folder: str, statement: str) -> None:
    run, many = Transaction.run, Transaction.many

    async def run_and_die(self: Transaction, sql: str, /, **params: Any) -> int:
        done = await run(self, sql, **params)
        if statement in sql:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    async def many_and_die(self: Transaction, sql: str, rows: Any) -> None:
        await many(self, sql, rows)
        if statement in sql:
            os.kill(os.getpid(), signal.SIGKILL)

    Transaction.run, Transaction.many = run_and_die, many_and_die  # type: ignore[method-assign, assignment]
    db = await database.connect(url)
    job_id = await db.value("SELECT id FROM job WHERE kind = :kind AND state = 'waiting'", kind=KIND)
    await Runner(db, jobs_of(IMPORTS)[:1], Spine(), Path(folder)).until_ended(job_id)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
