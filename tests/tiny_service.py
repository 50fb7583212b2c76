"""The smallest service: what hmlib.server.service does for a process can be seen without anything else around it."""

import asyncio
import os
import sys
from pathlib import Path

from tornado.web import HTTPError, RequestHandler, url

import hmlib
from hmlib.jobs.kind import JobKind
from hmlib.jobs.runner import Runner
from hmlib.logs import log_request
from hmlib.server import service
from hmlib.web.handler import ServiceApplication, Spine

MIGRATIONS = (("hmlib", Path(hmlib.__file__).parent / "migrations"),)


class Echo(RequestHandler):
    """Answers the process that did the work, after ``s`` seconds."""

    async def get(self):
        await asyncio.sleep(float(self.get_argument("s", "0")))
        if self.get_argument("fail", ""):
            raise ValueError("a secret that no log may hold")
        self.finish(f"{os.getpid()}")


class NotThere(RequestHandler):
    """Whatever no route knows."""

    def prepare(self):
        raise HTTPError(404)


async def steps(run):
    """Write the numbers up to ``count``, each in a slice of its own, from where an earlier attempt stood."""
    count = run.job.request["count"]
    for number in range(run.kept.get("number", 0) + 1, count + 1):
        async with run.db.write() as tx:
            insert = "INSERT INTO step (job_id, number, pid) VALUES (:id, :number, :pid)"
            await tx.run(insert, id=run.job.id, number=number, pid=os.getpid())
            await run.keep(tx, {"number": number})
            if number == count:
                await run.finish(tx, {"steps": number})
                return
        await run.progress(number, count)
        await asyncio.sleep(0.01)


def make_app(settings, db, nexus):
    runner = Runner(db, [JobKind("steps", "Steps", steps)], None, settings.home / "run" / "jobs")
    unused = dict.fromkeys(("nexus", "keys", "sessions", "preferences", "callers", "pages"))
    spine = Spine(settings=settings, db=db, background=[runner.run], **unused)
    return ServiceApplication(spine, [url(r"/", Echo)], NotThere, log_request)


if __name__ == "__main__":
    sys.exit(service.run("nexus", make_app, MIGRATIONS))
