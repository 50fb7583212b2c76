"""POST /api/token: what a password is worth, and what all the others are answered."""

import asyncio
import base64
import time
from dataclasses import replace

import jwt
import pytest

from hmlib.clock import utc_now
from nexus_srv.identity import throttle
from nexus_srv.queries import clients
from nexus_srv.tests.conftest import PASSWORD, token_for

pytestmark = pytest.mark.gen_test
WIKI = "https://localhost:5003"


@pytest.fixture
def wiki(io_loop, db, app, people):
    """The Authorization header of the module Wiki."""
    registered = io_loop.run_sync(lambda: clients.register_module(db, app.spine.keys, "wiki", WIKI, utc_now()))
    return "Basic " + base64.b64encode(":".join(registered).encode()).decode()


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


async def ask(stranger, username="bob", password=PASSWORD, headers=None, **more):
    return await stranger.api("/api/token", "POST", {"username": username, "password": password, **more}, **(headers or {}))


async def test_a_password_is_worth_a_token_for_nexus(stranger, people):
    answer = await ask(stranger)
    assert answer.code == 200 and answer.headers["Cache-Control"] == "no-store"
    assert {key: answer.json[key] for key in ("token_type", "expires_in")} == {"token_type": "Bearer", "expires_in": 300}
    assert answer.json["user"] == {"id": people.bob.id, "username": "bob", "display_name": "Bob", "permission_level": "technician"}
    assert "refresh_token" not in answer.json and "ticket" not in answer.json
    claims = claims_of(answer.json["token"])
    assert (claims["sub"], claims["aud"], claims["permission_level"], claims["exp"] - claims["iat"]) == (
        people.bob.id,
        "nexus",
        "technician",
        300,
    )
    stranger.token = answer.json["token"]
    assert (await stranger.api("/api/me")).json["username"] == "bob"


async def test_a_token_for_another_service_is_none_for_nexus(stranger, people):
    stranger.token = ""
    token = (await ask(stranger, audience="wiki")).json["token"]
    assert claims_of(token)["aud"] == "wiki"
    stranger.token = token
    assert (await stranger.api("/api/me")).code == 401


async def test_a_module_gets_a_session_a_refresh_token_and_a_ticket(stranger, people, db, wiki):
    answer = await ask(stranger, headers={"Authorization": wiki}, address="203.0.113.7", browser="Firefox")
    assert answer.code == 200
    claims = claims_of(answer.json["token"])
    assert (claims["aud"], claims["client_id"], claims["sid"]) == ("wiki", "wiki", answer.json["sid"])
    assert answer.json["refresh_token"] and answer.json["ticket"] and answer.json["session_expires_at"]
    session = await db.one("SELECT user_id, address, browser FROM session WHERE sid = :sid", sid=answer.json["sid"])
    assert session == {"user_id": people.bob.id, "address": "203.0.113.0/24", "browser": "Firefox"}
    row = await db.one("SELECT address, on_behalf_of FROM audit WHERE action = 'sign_in.succeeded'")
    assert row == {"address": "203.0.113.7", "on_behalf_of": "wiki"}


async def test_n152_wrong_client_credentials_are_refused(stranger, people, wiki):
    wrong = "Basic " + base64.b64encode(b"wiki:wrong").decode()
    answer = await ask(stranger, headers={"Authorization": wrong})
    assert answer.code == 401 and answer.json["code"] == "invalid_client" and answer.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize("more", [{"address": "203.0.113.7"}, {"browser": "x"}])
async def test_only_a_module_says_whence_a_person_came(stranger, people, more):
    assert (await ask(stranger, **more)).code == 400


BAD = [
    b"[]", b'"x"', b"null", b'{"a":1}{"b":2}', b'\xef\xbb\xbf{"username":"bob","password":"x"}', b'{"username":"\xff","password":"x"}',
    b'{"username":"bob","password":NaN}', b"[" * 20_000, b'{"username":"bob","password":"x","password":"y"}',
    b'{"username":"bob","password":' + b"1" * 5000 + b"}", b'{"username":"bob"}', b'{"username":"bob","password":7}',
    b'{"username":"bob","password":"x","admin":true}', b'{"username":"","password":"x"}', b"",
    b'{"username":"' + b"b" * 201 + b'","password":"x"}', b'{"username":"bob","password":"' + b"x" * 1025 + b'"}',
    b'{"username":"bob","password":"' + "ä".encode() * 600 + b'"}', b'{"username":"bob","password":"x","audience":"mars"}',
]  # fmt: skip


@pytest.mark.parametrize("raw", BAD)
async def test_n014_n084_n096_a_body_that_is_not_that_is_400(stranger, people, db, raw):
    answer = await stranger.api("/api/token", "POST", raw=raw)
    assert answer.code == 400 and answer.headers["Content-Type"] == "application/problem+json"
    assert not await db.all("SELECT 1 FROM throttle")


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"])
async def test_n015_another_media_type_is_415(stranger, people, media):
    assert (await stranger.api("/api/token", "POST", raw=b'{"username":"bob","password":"x"}', Content_Type=media)).code == 415


async def test_n051_other_methods_are_405(stranger, people):
    answer = await stranger.api("/api/token")
    assert answer.code == 405 and answer.headers["Allow"] == "POST"


async def wrong_answers(stranger, db):
    await db.run("UPDATE account SET status = 'disabled' WHERE username = 'carol'")
    await db.run("UPDATE account SET status = 'locked' WHERE username = 'dave'")
    await db.run("UPDATE account SET password_hash = NULL WHERE username = 'alice'")
    tries = [("nobody", PASSWORD), ("bob", "wrong"), ("carol", PASSWORD), ("dave", PASSWORD), ("alice", PASSWORD)]
    return [await ask(stranger, *each) for each in tries]


async def test_n072_all_wrong_sign_ins_are_the_same_bytes(stranger, people, db):
    seen = set()
    for answer in await wrong_answers(stranger, db):
        body = {name: value for name, value in answer.json.items() if name != "request_id"}
        headers = sorted((name, value) for name, value in answer.headers.get_all() if name not in ("X-Request-Id", "Date"))
        seen.add((answer.code, str(body), str(headers)))
    assert len(seen) == 1 and seen.pop()[0] == 401


async def test_n072_control_a_status_of_its_own_would_be_seen(stranger, people, db):
    """The comparison is not blind: an account with a second factor answers differently, after the right password only."""
    await db.run(
        "INSERT INTO factor (id, account_id, kind, secret, created_at, confirmed_at) VALUES ('f1', :id, 'totp', 'sealed', 'now', 'now')",
        id=people.carol.id,
    )
    answer = await ask(stranger, "carol")
    assert (answer.code, answer.json["code"]) == (403, "mfa_required")
    assert (await ask(stranger, "carol", "wrong")).code == 401


async def test_n076_n080_the_sixth_attempt_waits(stranger, people, wiki):
    codes = [(await ask(stranger, "bob", "wrong", {"Authorization": wiki}, address=f"203.0.113.{n}")).code for n in range(6)]
    assert codes == [401] * 5 + [429]
    answer = await ask(stranger)
    assert answer.code == 429 and int(answer.headers["Retry-After"]) > 20
    assert (await stranger.fetch("/login", "POST", {"username": "bob", "password": PASSWORD})).code == 429


async def test_n077_attempts_at_the_same_moment_count_each(stranger, people):
    answers = await asyncio.gather(*(ask(stranger, "bob", f"wrong {n}") for n in range(20)))
    assert sorted(answer.code for answer in answers) == [401] * 5 + [429] * 15


async def test_n183_addresses_are_counted_by_neighbourhood(stranger, people, wiki, db, monkeypatch):
    monkeypatch.setattr(throttle, "HOUR_S", 10**12)  # no hour ends while this runs
    for n in range(3):
        await ask(stranger, f"user{n}", "x", {"Authorization": wiki}, address=f"2001:db8:1:1::{n}")
        await ask(stranger, f"name{n}", "x", {"Authorization": wiki}, address=f"2001:db8:1:{n}::1")
    counts = await db.all("SELECT failures FROM throttle WHERE bucket LIKE 'address %' ORDER BY failures")
    assert [row["failures"] for row in counts] == [1, 1, 4]


async def test_n062_forwarded_addresses_of_strangers_mean_nothing(stranger, people, db, monkeypatch):
    monkeypatch.setattr(throttle, "HOUR_S", 10**12)  # no hour ends while this runs
    for n in range(3):
        assert (await ask(stranger, f"user{n}", "x", {"X_Forwarded_For": f"198.51.{n}.1", "X_Real_IP": "a"})).code == 401
    assert await db.value("SELECT count(*) FROM throttle WHERE bucket LIKE 'address %'") == 1


async def test_a_right_password_is_not_counted(stranger, people, db):
    for _ in range(8):
        assert (await ask(stranger)).code == 200
    assert await db.value("SELECT sum(failures) FROM throttle") in (0, None)


async def test_n104_a_disabled_users_token_is_refused_at_once(stranger, people, db):
    stranger.token = (await ask(stranger)).json["token"]
    await db.run("UPDATE account SET status = 'disabled' WHERE username = 'bob'")
    answer = await stranger.api("/api/me")
    assert answer.code == 401 and 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_a_bearer_header_opens_nothing_here(alice, people):
    assert (await alice.api("/api/token", "POST", {"username": "bob", "password": "wrong"})).code == 401


async def test_n088_a_new_password_ends_the_tokens_that_came_of_the_old_one(stranger, app, bob, people):
    stranger.token = await token_for(app, people.bob, iat=int(time.time()) - 10)
    assert (await stranger.api("/api/me")).code == 200
    await bob.fetch("/account/password", "POST", {"current": PASSWORD, "new": "five other words, longer"})
    assert (await stranger.api("/api/me")).code == 401


async def test_hm_password_login_off_takes_no_passwords_here(stranger, app, people):
    app.spine = replace(app.spine, settings=replace(app.spine.settings, password_login=False))
    assert (await ask(stranger)).code == 403
    assert (await stranger.fetch("/login", "POST", {"username": "bob", "password": PASSWORD})).code == 303
