"""A process that takes jobs in hand and ends none until it is killed: python -m hmlib.tests.job_owner URL FOLDER."""

import asyncio
import sys
from pathlib import Path

from hmlib.jobs.kind import JobKind
from hmlib.jobs.run import JobRun
from hmlib.jobs.runner import Runner
from hmlib.tests.engines import connect


async def begin(run: JobRun) -> None:
    async with run.db.write() as tx:
        await run.keep(tx, {"line": 7})
    print(run.job.id, flush=True)
    await asyncio.Event().wait()


async def main(url: str, folder: str) -> None:
    db = await connect(url)
    await Runner(db, [JobKind("book", "Books", begin)], None, Path(folder)).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
