"""Serves the real application of one service, in a child of its own for each order, with a fault at one point of its way to the database.

An order is a line of JSON on stdin: service, home, database, point, fault, apart. The child says on stdout at which port it listens and
with which token, and later at which point it failed, if it did. Points are counted from the first statement after that, twice for each:
before it and after it. The fault is "kill" (SIGKILL), "down" or "busy"; with point 0 there is none. `apart` is the negative control: the
answer is kept in a transaction of its own, as it once was.
"""

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from hmlib.clock import utc_now
from hmlib.config import Module, Settings
from hmlib.db.database import connect
from hmlib.db.engine import DatabaseBusy, DatabaseDown
from hmlib.db.migrate import migrate
from hmlib.db.postgres import PostgresLink
from hmlib.db.sqlite import SqliteLink
from hmlib.testing.hub import ACME, CAST, ISSUER, FakeHub
from hmlib.web import idempotency
from hmlib.web.handler import Handler
from nexus_srv import app as nexus
from nexus_srv.oauth import signing_keys
from nexus_srv.queries import clients, companies, users
from nexus_srv.queries.companies import Company
from nexus_srv.queries.users import User
from nexus_srv.tests.conftest import token_for
from treasury_srv import app as treasury
from wiki_srv import app as wiki

SERVICES = {"nexus": nexus, "treasury": treasury, "wiki": wiki}
PORTS = {"nexus": 5000, "treasury": 5002, "wiki": 5003}
CALLS = ("rows", "count", "many", "begin", "commit")
PEOPLE = 80


def settings_of(service, home):
    return Settings(
        service=service, home=home, bind="127.0.0.1", port=0, nexus_url=ISSUER, db_url="", origin=f"https://localhost:{PORTS[service]}",
        modules=(Module("wiki", "https://localhost:5003"), Module("treasury", "https://localhost:5002")),
        master_key_file=home / "keys" / "master.key", password_login=True, log="text", tls=False, metrics_port=0,
    )  # fmt: skip


class Fault:
    """What goes wrong, and when."""

    def __init__(self, point, kind):
        self.point, self.kind, self.passed = point, kind, 0

    async def met(self, link, call, *, done):
        """Count the point; fail at the one that was ordered. A connection that is lost forgets what it had not committed."""
        self.passed += 1
        if self.passed != self.point:
            return
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        print(json.dumps({"failed": f"{'after' if done else 'before'} {call}"}), flush=True)
        if call == "commit" and not done:
            await link.rollback()
        raise DatabaseBusy("ordered") if self.kind == "busy" else DatabaseDown("ordered")

    def put_into(self, link):
        for call in CALLS:
            setattr(link, call, self._around(call, getattr(link, call)))

    def _around(self, call, plain):
        async def called(link, *args):
            await self.met(link, call, done=False)
            result = await plain(link, *args)
            if self.kind != "busy":  # whoever is busy has done nothing
                await self.met(link, call, done=True)
            return result

        return called


def keep_answers_apart():
    """Two transactions, as it once was: the deed, and then its answer."""

    @asynccontextmanager
    async def transaction(self, *, secret=False):
        request = await self.repeatable()
        self._repeat(await idempotency.kept(self.db, self.keys, request, self.now))
        async with self.db.write() as tx:
            yield tx
        async with self.db.write() as tx:
            await idempotency.keep(tx, self.keys, request, self._draft(), self.now, secret=secret)

    Handler.transaction = transaction


async def seed(service, db, settings):
    """What the requests need to be there. `PEOPLE` colleagues can be disabled, one after another."""
    await migrate(db, SERVICES[service].MIGRATIONS)
    if service != "nexus":
        return
    now = utc_now()
    keys = nexus.Keys(nexus.load_master(settings.master_key_file), "nexus")
    async with db.write() as tx:
        await signing_keys.first(tx, keys, now)
        await clients.register_module(tx, keys, "wiki", "https://localhost:5003", now)
        await companies.insert(tx, [Company(id=ACME, account_number="100001", name="Acme Dental")], now)
        names = [(CAST["alice"].id, "alice", "admin"), *((f"u{number}", f"colleague{number}", "technician") for number in range(PEOPLE))]
        for id, name, level in names:
            await users.create(tx, User(id=id, username=name, display_name=name, level=level, email=f"{name}@example.com"), now)


async def serve(order):
    service, home = order["service"], Path(order["home"])
    settings = settings_of(service, home)
    db = await connect(order["database"])
    if order.get("seed"):
        await seed(service, db, settings)
        await db.close()
        return
    hub = FakeHub()
    hub.client_id = service
    app = SERVICES[service].make_app(settings, db, None if service == "nexus" else hub)
    if service == "nexus":
        token = await token_for(app, User(id=CAST["alice"].id, username="alice", display_name="alice", level="admin"))
    else:
        token = hub.token(CAST["alice"], service)
    if order["apart"]:
        keep_answers_apart()
    fault = Fault(order["point"], order["fault"])
    for link in (SqliteLink, PostgresLink):
        fault.put_into(link)
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(app).add_sockets(sockets)
    print(json.dumps({"port": sockets[0].getsockname()[1], "token": token}), flush=True)
    await asyncio.Event().wait()


def main():
    """A child for each order, as loading everything takes longer than serving; says how each ended."""
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(serve(order))
            finally:
                os._exit(0)
        print(json.dumps({"pid": child}), flush=True)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"ended": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
