"""Signing in and out at Nexus itself, and proving once more who one is."""

import asyncio
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from hmlib.clock import shifted, utc_now
from hmlib.records import audit
from nexus_srv.identity import throttle
from nexus_srv.identity.passwords import Hasher
from nexus_srv.parts import NexusParts
from nexus_srv.queries import users
from nexus_srv.tests.conftest import PASSWORD
from nexus_srv.tests.oauth_client import onward

pytestmark = pytest.mark.gen_test
COOKIE = "__Host-hm_nexus"


async def sign_in(browser, username="bob", password=PASSWORD, **more):
    return await browser.fetch("/login", "POST", {"username": username, "password": password, **more})


async def audited(db, action):
    rows = await db.all("SELECT subject, actor_id, before_json, after_json FROM audit WHERE action = :action ORDER BY seq", action=action)
    return [(row["actor_id"], row["subject"]) for row in rows]


async def test_a_stranger_is_sent_to_sign_in_and_back(stranger, people):
    answer = await stranger.fetch("/users?q=bob")
    assert (answer.code, answer.location) == (303, "/login?next=/users%3Fq%3Dbob")
    answer = await sign_in(stranger, "alice", next="/users?q=bob")
    assert (answer.code, answer.location) == (303, "/users?q=bob")
    assert (await stranger.fetch("/users?q=bob")).code == 200


async def test_signing_in_is_recorded_and_opens_a_session(stranger, people, db):
    await sign_in(stranger)
    assert await audited(db, "sign_in.succeeded") == [(people.bob.id, f"user/{people.bob.id}")]
    assert (await users.by_id(db, people.bob.id)).last_signed_in_at


@pytest.mark.parametrize("username", ["BOB", " bob ", "ｂｏｂ", "Bob"])
async def test_n183_every_spelling_of_a_name_is_one_account(stranger, people, username):
    assert (await sign_in(stranger, username)).code == 303


@pytest.mark.parametrize(
    "next", ["https://evil.test", "//evil.test", "/\\evil.test", "/%5cevil.test", "https://localhost:5000@evil.test", "javascript:1"]
)
async def test_n041_the_way_back_never_leaves_nexus(stranger, people, next):
    assert (await sign_in(stranger, next=next)).location == "/"


@pytest.mark.parametrize("client", ["grafana", "nobody", ""])
async def test_signing_in_for_a_program_leads_on_without_a_redirect_of_the_form(stranger, grafana, client):
    next = f"/oauth/authorize?client_id={client}&redirect_uri=https%3A%2F%2Fgrafana.example.com%2Fcallback&state=%22%3E%3Cb%3E"
    page = await stranger.fetch("/login?" + urlencode({"next": next}))
    assert "form-action 'self';" in page.headers["Content-Security-Policy"]
    answer = await sign_in(stranger, next=next)
    assert onward(answer) == next and "<b>" not in answer.text
    assert ("Taking you to Grafana" in answer.text) == (client == "grafana")


async def test_confirming_for_a_program_leads_on_too(bob, grafana):
    assert onward(await bob.fetch("/confirm", "POST", {"password": PASSWORD, "next": grafana.authorize_url()})) == grafana.authorize_url()


async def test_n031_a_form_of_another_site_signs_nobody_in(stranger, people):
    body = {"username": "bob", "password": PASSWORD}
    for headers in ({}, {"Origin": "https://evil.test"}, {"Sec_Fetch_Site": "cross-site"}):
        answer = await stranger.fetch("/login", "POST", body, forged=True, **headers)
        assert answer.code == 403 and COOKIE not in stranger.cookies


async def test_n017_a_field_given_twice_is_refused(stranger, people):
    answer = await stranger.fetch("/login", "POST", "username=bob&username=alice&password=x")
    assert answer.code == 400


async def answers_to_wrong_sign_ins(stranger, db, people):
    """What an unknown, a wrong, a disabled, a locked and a password-less user are answered."""
    await db.run("UPDATE account SET status = 'disabled' WHERE username = 'carol'")
    await db.run("UPDATE account SET status = 'locked' WHERE username = 'dave'")
    await db.run("UPDATE account SET password_hash = NULL WHERE username = 'alice'")
    tries = [("nobody", PASSWORD), ("bob", "wrong password"), ("carol", PASSWORD), ("dave", PASSWORD), ("alice", PASSWORD)]
    return [(name, await sign_in(stranger, name, password)) for name, password in tries]


async def test_n072_all_wrong_sign_ins_look_alike(stranger, db, people):
    seen = set()
    for name, answer in await answers_to_wrong_sign_ins(stranger, db, people):
        nonce = answer.headers["Content-Security-Policy"].split("nonce-")[1].split("'")[0]
        text = answer.text.replace(nonce, "").replace(f'value="{name}"', "")
        names = sorted(name for name in answer.headers if name not in ("X-Request-Id", "Date", "Content-Length"))
        seen.add((answer.code, text, tuple(names), len(answer.headers.get_list("Set-Cookie"))))
    assert len(seen) == 1
    assert seen.pop()[0] == 401


async def test_n076_the_sixth_attempt_waits_whatever_the_name(stranger, people, db):
    for name in ("bob", "nobody"):
        codes = [(await sign_in(stranger, name, "wrong password")).code for _ in range(7)]
        assert codes == [401] * 5 + [429] * 2
    answer = await sign_in(stranger, "bob", PASSWORD)
    assert answer.code == 429 and int(answer.headers["Retry-After"]) > 20
    assert len(await audited(db, "sign_in.failed")) == 10


async def test_n076_control_without_the_count_the_sixth_is_judged(stranger, people, db):
    for _ in range(7):
        await db.run("DELETE FROM throttle")
        assert (await sign_in(stranger, "bob", "wrong password")).code == 401


async def test_n077_attempts_at_the_same_moment_count_each(stranger, people):
    answers = await asyncio.gather(*(sign_in(stranger, "bob", f"wrong {n}") for n in range(20)))
    assert sorted(answer.code for answer in answers) == [401] * 5 + [429] * 15


async def test_n078_one_password_over_many_names_is_stopped_by_the_address(stranger, people, monkeypatch):
    monkeypatch.setattr(throttle, "HOUR_S", 10**12)  # no hour ends while this runs
    codes = [(await sign_in(stranger, f"user{n}", "one password")).code for n in range(62)]
    assert codes.count(429) == 2 and codes[-1] == 429


async def test_waiting_doubles_and_success_forgets(stranger, people, db):
    for _ in range(5):
        await sign_in(stranger, "bob", "wrong password")
    for seconds in (30, 60, 120):
        rows = await db.all("SELECT wait_s FROM throttle WHERE bucket LIKE 'account %'")
        assert [row["wait_s"] for row in rows] == [seconds]
        await db.run("UPDATE throttle SET counted_at_s = counted_at_s - :seconds", seconds=seconds)
        assert (await sign_in(stranger, "bob", "wrong password")).code == 401
    await db.run("UPDATE throttle SET counted_at_s = counted_at_s - 3600")
    assert (await sign_in(stranger)).code == 303
    assert not await db.all("SELECT 1 FROM throttle WHERE bucket LIKE 'account %'")


async def test_n084_what_cannot_be_a_password_is_refused_before_hashing(stranger, people, db):
    for body in ({"username": "bob", "password": "x" * 1025}, {"username": "b" * 201, "password": "x"}, {"username": "", "password": "x"}):
        assert (await stranger.fetch("/login", "POST", body)).code == 400
    assert not await db.all("SELECT 1 FROM throttle")


async def test_n084_spaces_at_the_ends_of_a_password_matter(stranger, people):
    assert (await sign_in(stranger, "bob", f" {PASSWORD}")).code == 401


async def test_n075_an_outdated_hash_is_made_anew(stranger, people, db):
    import argon2

    old = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    await db.run("UPDATE account SET password_hash = :old WHERE username = 'bob'", old=old)
    await sign_in(stranger)
    assert "m=19456,t=2,p=1" in await users.password_hash(db, people.bob.id)


async def test_a_second_factor_is_asked_for_only_after_the_right_password(stranger, people, db):
    await enrol(db, people.bob)
    assert (await sign_in(stranger)).code == 403
    assert (await sign_in(stranger, "bob", "wrong password")).code == 401
    assert COOKIE not in stranger.cookies


async def enrol(db, user):
    await db.run(
        "INSERT INTO factor (id, account_id, kind, secret, created_at, confirmed_at) VALUES ('f1', :id, 'totp', 'sealed', 'now', 'now')",
        id=user.id,
    )


async def test_n098_signing_in_gives_a_new_session_id_and_ends_the_old(alice, people, db):
    old = alice.cookies[COOKIE]
    assert (await sign_in(alice, "alice")).code == 303
    assert alice.cookies[COOKIE] != old
    alice.cookies[COOKIE] = old
    assert (await alice.fetch("/users")).code == 303


async def test_n035_n099_the_cookie_is_opaque_and_well_kept(stranger, people, db):
    answer = await sign_in(stranger)
    line = next(line for line in answer.headers.get_list("Set-Cookie") if line.startswith(f"{COOKIE}="))
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert part in line
    assert "Domain" not in line and len(stranger.cookies[COOKIE]) == 43
    rows = await db.all("SELECT * FROM session")
    assert stranger.cookies[COOKIE] not in str(rows)


async def test_n100_signing_out_ends_the_session(bob, people):
    cookie = bob.cookies[COOKIE]
    answer = await bob.fetch("/logout", "POST", {})
    assert answer.code == 303 and answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    bob.cookies[COOKIE] = cookie
    assert (await bob.fetch("/account")).code == 303


async def test_n033_a_link_to_logout_only_asks(bob, people):
    assert (await bob.fetch("/logout")).code == 200
    assert (await bob.fetch("/account")).code == 200


async def test_n025_logout_without_the_token_is_refused(bob, people):
    assert (await bob.fetch("/logout", "POST", {}, forged=True)).code == 403
    assert (await bob.fetch("/account")).code == 200


async def test_n104_a_disabled_user_is_out_at_the_next_request(bob, people, db):
    await db.run("UPDATE account SET status = 'disabled' WHERE username = 'bob'")
    assert (await bob.fetch("/account")).code == 303
    assert (await bob.api("/api/me")).code == 401


async def test_n103_sessions_end_when_idle_and_in_any_case(bob, carol, people, db):
    await db.run("UPDATE session SET last_seen_at = '2020-01-01T00:00:00.000000Z' WHERE sid = 'sid-bob'")
    await db.run("UPDATE session SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE sid = 'sid-carol'")
    assert (await bob.fetch("/account")).code == 303
    assert (await carol.fetch("/account")).code == 303


async def test_confirming_gives_a_new_id_and_a_new_time(signed_in, people, db):
    bob = await signed_in("bob", "sid-old", age=3600)
    old = bob.cookies[COOKIE]
    answer = await bob.fetch("/confirm", "POST", {"password": PASSWORD, "next": "/account"})
    assert (answer.code, answer.location) == (303, "/account")
    assert bob.cookies[COOKIE] != old
    assert await db.value("SELECT auth_time FROM session WHERE sid = 'sid-old'") > 1_000_000_000


async def test_confirming_with_a_wrong_password_changes_nothing(bob, people):
    assert (await bob.fetch("/confirm", "POST", {"password": "wrong password"})).code == 401
    assert (await bob.fetch("/account")).code == 200


async def test_the_audit_log_stays_whole(stranger, people, db):
    await sign_in(stranger)
    await sign_in(stranger, "bob", "wrong")
    assert await audit.first_broken(db) is None


def with_hasher(app, hasher):
    others = [part for part in app.spine.parts if not isinstance(part, NexusParts)]
    parts = app.spine.own(NexusParts)
    app.spine = replace(app.spine, parts=(replace(parts, sign_in=replace(parts.sign_in, hasher=hasher)), *others))


async def test_n097_when_hashing_is_busy_the_answer_says_when_to_come_back(stranger, people, app, db):
    with_hasher(app, Hasher(threads=1, queue=0))
    answers = await asyncio.gather(*(sign_in(stranger, name) for name in ("alice", "bob", "carol", "dave")))
    assert {answer.code for answer in answers} == {303, 503}
    assert all(answer.headers["Retry-After"] for answer in answers if answer.code == 503)
    assert not await db.value("SELECT sum(failures) FROM throttle")


async def test_n107_one_sign_in_too_many_ends_the_oldest(stranger, signed_in, people, app, db):
    old, young = await signed_in("bob", "sid-old"), await signed_in("bob", "sid-young")
    await db.run("UPDATE session SET last_seen_at = :then WHERE sid = 'sid-old'", then=shifted(utc_now(), -60))
    await db.run("INSERT INTO preference (key, value, updated_at) VALUES ('sessions_at_most', '2', 'now')")
    await sign_in(stranger)
    assert (await old.fetch("/account")).code == 303
    assert (await young.fetch("/account")).code == 200 and (await stranger.fetch("/account")).code == 200


async def test_an_account_disabled_while_its_password_is_judged_stays_out(stranger, people, app, db):
    class Slow(Hasher):
        async def verify(self, *args):
            verdict = await super().verify(*args)
            await db.run("UPDATE account SET status = 'disabled' WHERE username = 'bob'")
            return verdict

    with_hasher(app, Slow(threads=1))
    assert (await sign_in(stranger)).code == 401
    assert not await db.all("SELECT 1 FROM session")
