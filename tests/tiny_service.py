"""The smallest service: what hmlib.server.service does for a process can be seen without anything else around it."""

import asyncio
import os
import sys
from pathlib import Path

from tornado.web import Application, RequestHandler

import hmlib
from hmlib.server import service

MIGRATIONS = (("hmlib", Path(hmlib.__file__).parent / "migrations"),)


class Echo(RequestHandler):
    """Answers the process that did the work, after ``s`` seconds."""

    async def get(self):
        await asyncio.sleep(float(self.get_argument("s", "0")))
        if self.get_argument("fail", ""):
            raise ValueError("a secret that no log may hold")
        self.finish(f"{os.getpid()}")


def make_app(settings, db, nexus):
    return Application([(r"/", Echo)])


if __name__ == "__main__":
    sys.exit(service.run("nexus", make_app, MIGRATIONS))
