"""What clients are told, until they have taken it (N009, N104, N111, N167)."""

import asyncio
import gc
import json
import logging
import socket

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from hmlib.auth.jwks import Jwks
from hmlib.auth.tokens import SIGNED_OUT, Verifier, logout_token
from hmlib.clock import parse, shifted, utc_now
from hmlib.jobs import deliveries, outbox
from nexus_srv.app import MIGRATIONS
from nexus_srv.identity import session_ends
from nexus_srv.oauth import backchannel, outbound_http
from nexus_srv.oauth.outbound_http import Blocked
from nexus_srv.oauth.outbox import outbox_of
from nexus_srv.parts import NexusParts
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
        return outbox_of(db, app.spine.own(NexusParts).signer, app.spine.settings)

    made = io_loop.run_sync(start)
    yield made
    made.close()


async def end(app, db, sid="sid-bob"):
    async with db.write() as tx:
        await session_ends.end_sid(tx, app.spine.sessions, sid, utc_now())


async def waiting(db):
    return (await deliveries.waiting(db)).get("logout", 0)


async def push(pusher):
    count = await pusher.deliver_due()
    await pusher.settled()
    return count


async def read(app, token, client_id="wiki"):
    async def fetch():
        return await app.spine.own(NexusParts).signer.document()

    return await logout_token(Verifier(app.spine.settings.origin, client_id, Jwks(fetch)), token, client_id)


async def test_an_ended_session_is_told_in_a_good_logout_token(app, db, pusher, module, bob):
    await end(app, db)
    assert await push(pusher) == 1
    claims = await read(app, module.tokens[0])
    assert (claims.sid, claims.sub, claims.events) == ("sid-bob", None, {SIGNED_OUT})
    assert await waiting(db) == 0 and await push(pusher) == 0


async def test_an_ended_account_a_scope_and_the_keys_are_told_too(app, db, pusher, module, people):
    async with db.write() as tx:
        await session_ends.end_user(tx, app.spine.sessions, people.bob.id, utc_now())
        await session_ends.scope_changed(tx, people.bob.id, utc_now())
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
    assert await waiting(db) == 1 and await push(pusher) == 0
    module.status = 200
    await asyncio.sleep(1.5)
    assert await push(pusher) == 1 and await waiting(db) == 0
    first, second = [await read(app, token) for token in module.tokens]
    assert first.sid == second.sid and first.jti != second.jti


async def test_n111_what_is_under_way_survives_the_end_of_the_process(app, db, pusher, module, bob):
    await end(app, db)
    await deliveries.claim(db, "logout", "wiki", 4, utc_now())
    assert await push(pusher) == 0
    await db.run("UPDATE outbox_message SET claimed_until = :now", now=utc_now())
    assert await push(pusher) == 1 and len(module.tokens) == 1


async def test_two_processes_tell_it_once(app, db, pusher, module, bob):
    await end(app, db)
    claims = [deliveries.claim(db, "logout", "wiki", 4, utc_now()) for _ in range(4)]
    assert sorted(len(claimed) for claimed in await asyncio.gather(*claims)) == [0, 0, 0, 1]


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
    running = asyncio.ensure_future(outbox_of(db, app.spine.own(NexusParts).signer, app.spine.settings).run())
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
    told = sorted((row["target"], json.loads(row["body"])["sid"]) for row in await db.all("SELECT target, body FROM outbox_message"))
    assert told == [("grafana", "sid-bob"), ("wiki", "sid-bob"), ("wiki", "sid-of-somebody")]


class Server:
    """A peer that fails as networks do: `answer` is what it writes when it was asked something, None for nothing at all."""

    def __init__(self, answer, *, hangs=False):
        self.answer, self.gate, self.answering = answer, asyncio.Event(), set()
        if not hangs:
            self.gate.set()

    async def start(self, db, client_id):
        self.listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{self.listener.sockets[0].getsockname()[1]}/out"
        await aim(db, client_id, self.address)
        return self

    async def _serve(self, reader, writer):
        self.answering.add(asyncio.current_task())
        await reader.readuntil(b"\r\n\r\n")
        await self.gate.wait()
        for chunk in self.answer or ():
            writer.write(chunk)
            try:
                await writer.drain()
            except ConnectionError:
                break
        writer.close()

    async def stop(self):
        self.gate.set()
        self.listener.close()
        await asyncio.wait(self.answering)


async def aim(db, client_id, address):
    await db.run("UPDATE client SET logout_uri = :address WHERE id = :id", address=address, id=client_id)


def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


OK = b"HTTP/1.1 200 OK\r\n"
FAILURES = {
    "refuses": (None, "Nothing listens at this address."),
    "answers 500": ([b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"], "It answered 500."),
    "answers 404": ([b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"], "It answered 404."),
    "redirects": ([b"HTTP/1.1 302 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"], "It answered 302."),
    "says garbage": ([b"\x00\xff garbage\r\n"], "It did not answer in a way that can be understood."),
    "hangs up": ([], "It closed the connection without an answer."),
    "stops half way": ([OK + b"Content-Length: 100\r\n\r\nhalf"], "The connection broke."),
    "never ends": ([OK + b"\r\n", *[b"x" * 65536] * 100], "Its answer was longer than 64 kB."),
}


@pytest.mark.parametrize("kind", FAILURES)
async def test_whatever_a_client_does_is_an_answer(app, db, pusher, wiki, bob, kind, caplog):
    answer, reason = FAILURES[kind]
    if kind == "refuses":
        await aim(db, "wiki", f"http://127.0.0.1:{closed_port()}/out")
    else:
        server = await Server(answer).start(db, "wiki")
    await end(app, db)
    assert await push(pusher) == 1
    state = await rows.delivery(db, "wiki")
    assert (state.waiting, state.last_error, state.failing_since != "") == (1, reason, True)
    if kind != "refuses":
        await server.stop()
    module = Module()
    await aim(db, "wiki", module.address)
    await db.run("UPDATE outbox_message SET due_at = :now", now=utc_now())
    assert await push(pusher) == 1 and len(module.tokens) == 1
    state = await rows.delivery(db, "wiki")
    assert (state.waiting, state.failures, state.last_error, state.failing_since) == (0, 0, "", "") and state.told_at
    module.server.stop()
    gc.collect()
    assert not [record for record in caplog.records if record.name == "asyncio" and record.levelno >= logging.ERROR]


async def test_a_client_that_is_slow_or_unknown_is_an_answer_too(app, db, pusher, wiki, treasury, bob, monkeypatch):
    monkeypatch.setattr(backchannel, "CALL_SECONDS", 0.3)
    slow = await Server([], hangs=True).start(db, "wiki")
    await aim(db, "treasury", "http://nowhere.invalid/out")
    await end(app, db)
    assert await push(pusher) == 2
    assert (await rows.delivery(db, "wiki")).last_error == "It did not answer in time."
    assert (await rows.delivery(db, "treasury")).last_error == "The host of this address is not known."
    await slow.stop()


async def test_the_pauses_double_up_to_a_minute(app, db, pusher, wiki, bob):
    await aim(db, "wiki", f"http://127.0.0.1:{closed_port()}/out")
    await end(app, db)
    pauses = []
    for _ in range(9):
        before = utc_now()
        assert await push(pusher) == 1 and await push(pusher) == 0
        due = await db.value("SELECT due_at FROM outbox_message")
        pauses.append((parse(due) - parse(before)).total_seconds())
        await db.run("UPDATE outbox_message SET due_at = :now", now=utc_now())
    full = [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert all(0.7 * most <= pause < most + 1 for pause, most in zip(pauses, full, strict=True)), pauses
    assert (await rows.delivery(db, "wiki")).failures == 9


async def test_after_a_day_it_is_given_up_and_named(app, db, pusher, wiki, bob):
    await aim(db, "wiki", f"http://127.0.0.1:{closed_port()}/out")
    await end(app, db)
    await push(pusher)
    await db.run("UPDATE outbox_message SET created_at = :then", then=shifted(utc_now(), 60 - outbox.GIVE_UP_SECONDS))
    await pusher.give_up_old()
    assert await waiting(db) == 1
    await db.run("UPDATE outbox_message SET created_at = :then", then=shifted(utc_now(), -60 - outbox.GIVE_UP_SECONDS))
    await pusher.give_up_old()
    state = await rows.delivery(db, "wiki")
    assert (state.waiting, state.given_up) == (0, 1) and state.given_up_at
    (noted,) = await db.all("SELECT subject, after_json FROM audit WHERE action = 'client.not_told'")
    assert noted["subject"] == "client/wiki" and "Nothing listens" in noted["after_json"]


async def test_an_announcement_makes_all_due_at_once(app, db, pusher, module, wiki, treasury, bob):
    address = module.address
    for client in ("wiki", "treasury"):
        await aim(db, client, f"http://127.0.0.1:{closed_port()}/out")
    for sid in ("sid-bob", "sid-two", "sid-three"):
        await end(app, db, sid)
    while await push(pusher):
        pass
    later = shifted(utc_now(), 60)
    await db.run("UPDATE outbox_message SET due_at = :later, attempts = 9", later=later)
    await aim(db, "wiki", address)
    for _ in range(3):  # several processes, started several times
        assert (await wiki.post("/api/announcement", {})).code == 204
    assert await db.value("SELECT count(*) FROM outbox_message WHERE target = 'treasury' AND due_at = :later", later=later) == 3
    while await push(pusher):
        pass
    assert len(module.tokens) == 3 and (await rows.delivery(db, "wiki")).waiting == 0


async def test_an_announcement_during_a_failing_attempt_is_not_lost(app, db, pusher, module, wiki, bob):
    module.status = 500
    module.gate.clear()
    await end(app, db)
    await db.run("UPDATE outbox_message SET attempts = 9")
    await pusher.deliver_due()
    assert (await wiki.post("/api/announcement", {})).code == 204
    module.gate.set()
    await pusher.settled()
    module.status = 200
    assert await push(pusher) == 1 and await waiting(db) == 0
    assert len(module.tokens) == 2


async def test_control_without_an_announcement_the_same_attempt_waits(app, db, pusher, module, bob):
    module.status = 500
    await end(app, db)
    await db.run("UPDATE outbox_message SET attempts = 9")
    assert await push(pusher) == 1 and await push(pusher) == 0


async def test_only_a_client_announces_itself(stranger, alice, wiki, phone, db):
    assert (await stranger.fetch("/api/announcement", "POST", {})).code == 401
    assert (await wiki.post("/api/announcement", {}, Authorization="Basic d2lraTp3cm9uZw==")).code == 401
    assert (await alice.send("/api/announcement", "POST", "", {"Authorization": f"Bearer {alice.token}"})).code == 401
    assert (await phone.post("/api/announcement", {})).code == 401
    assert await db.value("SELECT count(*) FROM outbox_target") == 0


async def test_a_client_that_answers_again_is_told_everything_at_once(app, db, pusher, module, bob):
    module.status = 503
    for sid in ("sid-bob", "sid-two", "sid-three"):
        await end(app, db, sid)
    while await push(pusher):
        pass
    assert len(module.tokens) == 3
    module.status = 200
    await db.run("UPDATE outbox_message SET due_at = :later", later=shifted(utc_now(), 60))
    await db.run("UPDATE outbox_message SET due_at = :now WHERE id IN (SELECT min(id) FROM outbox_message)", now=utc_now())
    while await push(pusher):
        pass
    assert await waiting(db) == 0 and len(module.tokens) == 6


async def test_one_that_is_away_gets_one_call_at_a_time_and_others_four(app, db, pusher, module, treasury, bob):
    module.gate.clear()
    await aim(db, "treasury", f"http://127.0.0.1:{closed_port()}/out")
    for number in range(12):
        await end(app, db, f"sid-{number}")
    assert await pusher.deliver_due() == 4 + 4
    for _ in range(100):
        await asyncio.sleep(0.01)
        if (await rows.delivery(db, "treasury")).failures == 4:
            break
    assert await pusher.deliver_due() == 1
    module.gate.set()
    await pusher.settled()


async def test_names_that_hang_hold_up_nobody(app, db, pusher, module, treasury, bob, monkeypatch):
    await aim(db, "treasury", "http://hangs.example/out")
    found, let_go = socket.getaddrinfo, asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    def lookup(host, *args, **more):
        if host == "hangs.example":
            asyncio.run_coroutine_threadsafe(asyncio.wait_for(asyncio.shield(let_go), 20), loop).result()
        return found(host, *args, **more)

    monkeypatch.setattr(outbound_http.socket, "getaddrinfo", lookup)
    monkeypatch.setattr(outbound_http, "LOOKUP_SECONDS", 0.5)
    for number in range(4):
        await end(app, db, f"sid-{number}")
    await push(pusher)
    assert len(module.tokens) == 4
    assert (await rows.delivery(db, "treasury")).last_error == "The host of this address is not known."
    let_go.set_result(None)


async def test_the_client_s_page_says_how_telling_it_goes(app, db, pusher, wiki, bob, alice):
    assert "Told of sign-outs" not in (await alice.fetch("/clients/grafana")).text
    await aim(db, "wiki", f"http://127.0.0.1:{closed_port()}/out")
    await end(app, db)
    await push(pusher)
    page = (await alice.fetch("/clients/wiki")).text
    assert "Nothing listens at this address." in page and "1 waiting" in page


INSIDE = ["http://169.254.169.254/", "http://[::1]:5000/", "http://127.1/", "http://0x7f.1/", "http://localhost/", "http://0.0.0.0/",
    "http://[::ffff:127.0.0.1]/", "http://2130706433/", "http://nowhere.invalid/", "http://224.0.0.1/"]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
async def test_n009_addresses_inside_are_not_called(address):
    with pytest.raises(Blocked):
        await outbound_http.checked(address)


async def test_n009_control_an_address_outside_is_pinned():
    assert await outbound_http.checked("https://198.51.100.7/out") == "198.51.100.7:443:198.51.100.7"


async def test_what_the_version_before_left_is_taken_over(app, db, pusher, module, bob):
    """While a rolling restart lasts, old processes write into their own table; what they leave is told all the same."""
    claimed = {"free": "", "theirs": shifted(utc_now(), 10)}
    for id, until in claimed.items():
        await db.run(
            """
            INSERT INTO outbox (id, client_id, event, sid, created_at, due_at, claimed_until)
            VALUES (:id, 'wiki', :event, 'sid-bob', :now, :now, :until)
            """,
            id=id, event=SIGNED_OUT, now=utc_now(), until=until,
        )  # fmt: skip
    assert await rows.adopt(db, utc_now()) == 1 and await rows.adopt(db, utc_now()) == 0
    assert await push(pusher) == 1
    assert (await read(app, module.tokens[0])).sid == "sid-bob"
    assert await db.value("SELECT id FROM outbox") == "theirs"


async def test_what_was_held_is_tried_before_it_is_given_up(app, db, pusher, wiki, bob):
    await aim(db, "wiki", f"http://127.0.0.1:{closed_port()}/out")
    await end(app, db)
    await db.run("UPDATE outbox_message SET created_at = :then", then=shifted(utc_now(), -60 - outbox.GIVE_UP_SECONDS))
    await pusher.give_up_old()
    assert await waiting(db) == 1
    await push(pusher)
    await pusher.give_up_old()
    assert await waiting(db) == 0


async def test_a_client_without_an_address_any_more_is_not_called(app, db, pusher, module, bob):
    await end(app, db)
    await aim(db, "wiki", "")
    assert await push(pusher) == 1 and not module.tokens
    assert "no address" in (await rows.delivery(db, "wiki")).last_error


async def test_the_migration_takes_what_waits_along(app, db, pusher, module, bob):
    old = {"event": SIGNED_OUT, "sid": "sid-bob", "now": utc_now()}
    await db.run("DELETE FROM outbox_target")
    await db.run("INSERT INTO delivery (client_id, failures, last_error) VALUES ('wiki', 3, 'It answered 500.')")
    await db.run(
        """
        INSERT INTO outbox (id, client_id, event, sid, created_at, due_at, attempts, last_error, claimed_until)
        VALUES ('one', 'wiki', :event, :sid, :now, :now, 3, 'It answered 500.', '2099')
        """,
        **old,
    )
    async with db.write() as tx:
        await tx.script((MIGRATIONS[1][1] / "0032_one_outbox.sql").read_text())
    state = await rows.delivery(db, "wiki")
    assert (state.waiting, state.failures, state.last_error) == (1, 3, "It answered 500.")
    assert await push(pusher) == 1
    assert (await read(app, module.tokens[0])).sid == "sid-bob"
    assert await db.value("SELECT count(*) FROM outbox") == 0
