"""What clients are told, until they have taken it (N009, N104, N111, N167)."""

import asyncio

import pytest
from tornado.curl_httpclient import CurlAsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from hmlib.clock import utc_now
from hmlib.tokens import SIGNED_OUT, Jwks, Verifier, logout_token
from nexus_srv import endings, outgoing
from nexus_srv.outbox import Outbox
from nexus_srv.outgoing import Blocked
from nexus_srv.queries import consents
from nexus_srv.queries import outbox as rows

pytestmark = pytest.mark.gen_test


class Module:
    """The other end: it keeps the tokens it is sent, and answers as it is told to."""

    def __init__(self):
        self.tokens, self.status, self.gate = [], 200, asyncio.Event()
        self.gate.set()
        module = self

        class Receiver(RequestHandler):
            async def post(self):
                await module.gate.wait()
                module.tokens.append(self.get_body_argument("logout_token"))
                self.set_status(module.status)

        socket, port = bind_unused_port()
        self.server = HTTPServer(Application([("/auth/backchannel-logout", Receiver)]))
        self.server.add_socket(socket)
        self.address = f"http://127.0.0.1:{port}/auth/backchannel-logout"


@pytest.fixture
def module(io_loop, wiki, db):
    async def start():
        made = Module()
        await db.run("UPDATE client SET logout_uri = :address WHERE id = 'wiki'", address=made.address)
        return made

    made = io_loop.run_sync(start)
    yield made
    made.server.stop()


@pytest.fixture
def pusher(io_loop, app, db, module):
    async def start():
        made = Outbox(db, app.settings["signer"], app.settings["hm"])
        made._http = CurlAsyncHTTPClient(force_instance=True)
        return made

    made = io_loop.run_sync(start)
    yield made
    made._http.close()


async def end(app, db, sid="sid-bob"):
    async with db.write() as tx:
        await endings.end_sid(tx, app.settings["sessions"], sid, utc_now())


async def push(pusher):
    count = await pusher.deliver_due()
    await pusher.settled()
    return count


async def read(app, token, client_id="wiki"):
    async def fetch():
        return await app.settings["signer"].document()

    return await logout_token(Verifier(app.settings["hm"].origin, client_id, Jwks(fetch)), token, client_id)


async def test_an_ended_session_is_told_in_a_good_logout_token(app, db, pusher, module, bob):
    await end(app, db)
    assert await push(pusher) == 1
    claims = await read(app, module.tokens[0])
    assert (claims.sid, claims.sub, claims.events) == ("sid-bob", None, {SIGNED_OUT})
    assert await rows.waiting(db) == 0 and await push(pusher) == 0


async def test_an_ended_account_a_scope_and_the_keys_are_told_too(app, db, pusher, module, people):
    async with db.write() as tx:
        await endings.end_user(tx, app.settings["sessions"], people.bob.id, utc_now())
        await endings.scope_changed(tx, people.bob.id, utc_now())
        await rows.keys_changed(tx, utc_now())
    await push(pusher)
    told = [await read(app, token) for token in module.tokens]
    assert sorted((claims.sub, *claims.events) for claims in told if claims.sub) == [
        (people.bob.id, SIGNED_OUT),
        (people.bob.id, "urn:hivematrix:scope-changed"),
    ]
    assert [claims.events for claims in told if not claims.sub] == [{"urn:hivematrix:keys-changed"}]


@pytest.mark.parametrize("status", [500, 400, 302])
async def test_what_was_not_taken_is_told_again_with_a_token_of_its_own(app, db, pusher, module, bob, status):
    module.status = status
    await end(app, db)
    await push(pusher)
    assert await rows.waiting(db) == 1 and await push(pusher) == 0
    module.status = 200
    await asyncio.sleep(1.5)
    assert await push(pusher) == 1 and await rows.waiting(db) == 0
    first, second = [await read(app, token) for token in module.tokens]
    assert first.sid == second.sid and first.jti != second.jti


async def test_n111_what_is_under_way_survives_the_end_of_the_process(app, db, pusher, module, bob):
    await end(app, db)
    await rows.claim(db, utc_now())
    assert await push(pusher) == 0
    await db.run("UPDATE outbox SET due_at = :now", now=utc_now())
    assert await push(pusher) == 1 and len(module.tokens) == 1


async def test_two_processes_tell_it_once(app, db, pusher, module, bob):
    await end(app, db)
    assert sorted(len(claimed) for claimed in await asyncio.gather(*(rows.claim(db, utc_now()) for _ in range(4)))) == [0, 0, 0, 1]


async def test_a_client_that_hangs_holds_up_nobody(app, db, pusher, module, treasury, bob):
    other = Module()
    await db.run("UPDATE client SET logout_uri = :address WHERE id = 'treasury'", address=other.address)
    module.gate.clear()
    await end(app, db)
    await pusher.deliver_due()
    for _ in range(100):
        await asyncio.sleep(0.02)
        if other.tokens:
            break
    assert (await read(app, other.tokens[0], "treasury")).sid == "sid-bob" and not module.tokens
    module.gate.set()
    await pusher.settled()
    other.server.stop()


async def test_n104_it_takes_less_than_two_seconds(app, db, module, bob):
    running = asyncio.ensure_future(Outbox(db, app.settings["signer"], app.settings["hm"]).run())
    await asyncio.sleep(0.1)
    await end(app, db)
    for _ in range(100):
        await asyncio.sleep(0.02)
        if module.tokens:
            break
    running.cancel()
    await asyncio.wait([running])
    assert module.tokens


async def test_other_programs_are_told_of_sessions_they_were_part_of(app, db, wiki, grafana, bob, people):
    await db.run("UPDATE client SET logout_uri = 'https://grafana.example.com/out' WHERE id = 'grafana'")
    await end(app, db, "sid-of-somebody")
    async with db.write() as tx:
        await consents.give(tx, people.bob.id, "grafana", {"openid"}, utc_now())
    await grafana.redeem(await grafana.code(bob, scope="openid"))
    await end(app, db)
    told = [(row["client_id"], row["sid"]) for row in await db.all("SELECT client_id, sid FROM outbox ORDER BY sid, client_id")]
    assert told == [("grafana", "sid-bob"), ("wiki", "sid-bob"), ("wiki", "sid-of-somebody")]


INSIDE = ["http://169.254.169.254/", "http://[::1]:5000/", "http://127.1/", "http://0x7f.1/", "http://localhost/", "http://0.0.0.0/",
    "http://[::ffff:127.0.0.1]/", "http://2130706433/", "http://nowhere.invalid/", "http://224.0.0.1/"]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
async def test_n009_addresses_inside_are_not_called(address):
    with pytest.raises(Blocked):
        await outgoing.checked(address)


async def test_n009_control_an_address_outside_is_pinned():
    assert await outgoing.checked("https://198.51.100.7/out") == "198.51.100.7:443:198.51.100.7"
