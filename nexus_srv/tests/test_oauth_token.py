"""The token endpoint: four grants, and everything that is not one of them (N145 to N158, N162)."""

import asyncio
import base64
import json
import time
from dataclasses import replace

import pytest

from hmlib.auth.permissions import PERMISSIONS
from hmlib.clock import parse, shifted, utc_now
from hmlib.records.audit import Actor
from nexus_srv.oauth.refresh_rotation import Rotations
from nexus_srv.parts import NexusParts
from nexus_srv.queries import clients, consents, refresh_tokens
from nexus_srv.tests.conftest import token_for
from nexus_srv.tests.oauth_client import ABSENT, ACCESS_TOKEN, VERIFIER, claims_of, refusal

pytestmark = pytest.mark.gen_test
SPENT = (400, "invalid_grant")


async def test_a_code_is_worth_tokens_for_the_module(bob, wiki, people):
    answer = await wiki.redeem(await wiki.code(bob))
    assert answer.headers["Cache-Control"] == "no-store" and answer.json["token_type"] == "Bearer"
    access, identity = claims_of(answer.json["access_token"]), claims_of(answer.json["id_token"])
    assert (access["aud"], access["client_id"], access["sid"]) == ("wiki", "wiki", "sid-bob")
    assert access["permission_level"] == "technician" and PERMISSIONS["technician"] <= set(access["scope"].split())
    assert access["exp"] - access["iat"] == 300 == answer.json["expires_in"]
    assert (identity["aud"], identity["nonce"], identity["name"], identity["sub"]) == ("wiki", "no", "Bob", people.bob.id)
    assert answer.json["refresh_token"] and answer.json["session_expires_at"]


async def test_an_access_token_names_nobody(bob, wiki):
    claims = claims_of((await wiki.signed_in(bob))["access_token"])
    assert not {"email", "name", "preferred_username"} & claims.keys() and "bob@" not in str(claims)


async def test_without_offline_access_there_is_no_refresh_token(bob, wiki):
    answer = await wiki.redeem(await wiki.code(bob, scope="openid"))
    assert answer.code == 200 and "refresh_token" not in answer.json


VERIFIERS = [("w" * 43, SPENT), (VERIFIER[:-1], SPENT), ("v" * 129, SPENT), ("v" * 42 + "é", SPENT), (ABSENT, (400, "invalid_request"))]


@pytest.mark.parametrize(("verifier", "expected"), VERIFIERS)
async def test_n145_n146_the_verifier_must_fit(bob, wiki, verifier, expected):
    assert refusal(await wiki.redeem(await wiki.code(bob), code_verifier=verifier)) == expected


async def test_n146_a_wrong_verifier_spends_the_code(bob, wiki):
    code = await wiki.code(bob)
    await wiki.redeem(code, code_verifier="w" * 43)
    assert refusal(await wiki.redeem(code)) == SPENT


async def test_n147_a_second_use_ends_what_the_first_one_gave(bob, wiki, db):
    code = await wiki.code(bob)
    tokens = (await wiki.redeem(code)).json
    nexus = (await wiki.exchange(tokens["access_token"])).json["access_token"]
    assert refusal(await wiki.redeem(code)) == SPENT
    assert refusal(await wiki.refresh(tokens["refresh_token"])) == SPENT
    assert (await wiki.exchange(tokens["access_token"])).code == 400
    bob.token = nexus
    assert (await bob.api("/api/me")).code == 401
    assert await db.value("SELECT count(*) FROM audit WHERE action = 'code.replayed'") == 1
    assert (await bob.fetch("/account")).code == 200


async def test_n147_control_used_once_everything_holds(bob, wiki):
    tokens = await wiki.signed_in(bob)
    bob.token = (await wiki.exchange(tokens["access_token"])).json["access_token"]
    assert (await bob.api("/api/me")).code == 200


async def test_n148_sixteen_at_once_get_one(bob, wiki):
    code = await wiki.code(bob)
    answers = await asyncio.gather(*(wiki.redeem(code) for _ in range(16)))
    assert sorted(answer.code for answer in answers) == [200] + [400] * 15


async def test_n149_a_code_of_another_client(bob, wiki, treasury):
    code = await wiki.code(bob)
    assert refusal(await treasury.redeem(code)) == SPENT
    assert refusal(await treasury.redeem(await wiki.code(bob), redirect_uri=wiki.redirect_uri)) == SPENT
    assert refusal(await wiki.redeem(code)) == SPENT


async def test_n149_a_refresh_token_of_another_client_ends_its_family(bob, wiki, treasury):
    tokens = await wiki.signed_in(bob)
    assert refusal(await treasury.refresh(tokens["refresh_token"])) == SPENT
    assert refusal(await wiki.refresh(tokens["refresh_token"])) == SPENT


async def test_n150_another_redirect_uri(bob, wiki):
    assert refusal(await wiki.redeem(await wiki.code(bob), redirect_uri="https://localhost:5003/other")) == SPENT


async def test_n151_a_code_is_good_for_a_minute(bob, wiki, db):
    code = await wiki.code(bob)
    age = "SELECT expires_at FROM authorization_code"
    assert 50 < (await seconds_until(await db.value(age))) <= 60
    await db.run("UPDATE authorization_code SET expires_at = '2020-01-01T00:00:00.000000Z'")
    assert refusal(await wiki.redeem(code)) == SPENT


async def seconds_until(at: str) -> float:
    return parse(at).timestamp() - time.time()


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


async def test_n152_the_client_must_show_its_secret(bob, wiki, phone):
    form = {"grant_type": "client_credentials"}
    for headers in (basic("wiki:wrong"), basic("nobody:x"), basic("wiki:"), basic("wiki"), {"Authorization": "Basic %%%"}):
        answer = await wiki.post("/oauth/token", form, **headers)
        assert refusal(answer) == (401, "invalid_client") and answer.headers["WWW-Authenticate"].startswith("Basic")
    wiki.secret, secret = None, wiki.secret
    assert refusal(await wiki.post("/oauth/token", form)) == (401, "invalid_client")
    assert (await wiki.post("/oauth/token", form | {"client_id": "wiki", "client_secret": secret})).code == 200
    both = await wiki.post("/oauth/token", form | {"client_id": "wiki", "client_secret": secret}, **basic(f"wiki:{secret}"))
    assert refusal(both) == (401, "invalid_client")
    assert refusal(await wiki.post("/oauth/token", form | {"client_id": "treasury"}, **basic(f"wiki:{secret}"))) == (401, "invalid_client")
    assert refusal(await phone.post("/oauth/token", form | {"client_secret": ""})) == (401, "invalid_client")


async def test_n152_control_the_right_secret_is_taken(wiki):
    assert (await wiki.post("/oauth/token", {"grant_type": "client_credentials"})).code == 200


async def test_n080_a_client_secret_cannot_be_guessed_for_long(wiki):
    codes = [(await wiki.post("/oauth/token", {}, **basic(f"wiki:{n}"))) for n in range(7)]
    assert [answer.code for answer in codes] == [401] * 5 + [429] * 2
    assert int(codes[-1].headers["Retry-After"]) > 0
    assert (await wiki.post("/oauth/token", {"grant_type": "client_credentials"})).code == 200


async def test_n154_a_grant_that_is_not_for_this_client(bob, wiki, grafana, phone):
    for grant in ("password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "x"):
        assert refusal(await wiki.post("/oauth/token", {"grant_type": grant})) == (400, "unsupported_grant_type")
    assert refusal(await wiki.post("/oauth/token", {})) == (400, "invalid_request")
    for client in (grafana, phone):
        assert refusal(await client.post("/oauth/token", {"grant_type": "client_credentials"})) == (400, "unauthorized_client")
        assert refusal(await client.exchange("x")) == (400, "unauthorized_client")


async def test_n155_scope_is_never_widened(bob, wiki, grafana, people, db):
    tokens = await wiki.signed_in(bob)
    assert refusal(await wiki.refresh(tokens["refresh_token"], scope="users:admin")) == (400, "invalid_scope")
    narrow = await wiki.refresh(tokens["refresh_token"], scope="wiki:read")
    assert narrow.json["scope"] == "wiki:read"
    service = {"grant_type": "client_credentials"}
    assert refusal(await wiki.post("/oauth/token", service | {"scope": "users:admin"})) == (400, "invalid_scope")
    exchanged = await wiki.exchange(tokens["access_token"], scope="audit:read")
    assert refusal(exchanged) == (400, "invalid_scope")
    async with db.write() as tx:
        await consents.give(tx, people.bob.id, "grafana", {"openid"}, "now")
    assert (await grafana.redeem(await grafana.code(bob, scope="openid users:admin directory:read"))).json["scope"] == "openid"


async def test_a_narrowed_refresh_does_not_narrow_the_next(bob, wiki):
    tokens = await wiki.signed_in(bob)
    narrow = (await wiki.refresh(tokens["refresh_token"], scope="wiki:read")).json
    assert "directory:read" in (await wiki.refresh(narrow["refresh_token"])).json["scope"].split()


async def test_a_refresh_token_is_worth_a_new_pair(bob, wiki):
    first = await wiki.signed_in(bob)
    second = (await wiki.refresh(first["refresh_token"])).json
    third = (await wiki.refresh(second["refresh_token"])).json
    assert len({each["refresh_token"] for each in (first, second, third)}) == 3
    assert claims_of(third["access_token"])["sid"] == "sid-bob" and third["session_expires_at"] == first["session_expires_at"]


async def rotated(db, seconds):
    """The last rotation was so long ago."""
    await db.run("UPDATE token_family SET rotated_at = :at", at=shifted(utc_now(), -seconds))


async def test_n156_a_spent_refresh_token_ends_its_family_but_not_the_session(bob, wiki, db):
    first = await wiki.signed_in(bob)
    second = (await wiki.refresh(first["refresh_token"])).json
    await rotated(db, 21)
    assert refusal(await wiki.refresh(first["refresh_token"])) == SPENT
    assert refusal(await wiki.refresh(second["refresh_token"])) == SPENT
    assert await db.value("SELECT count(*) FROM audit WHERE action = 'refresh_token.reused'") == 1
    assert (await wiki.redeem(await wiki.code(bob))).code == 200


async def test_n156_the_generation_just_spent_gets_the_same_successor_for_a_while(bob, wiki, db):
    first = await wiki.signed_in(bob)
    second = (await wiki.refresh(first["refresh_token"])).json
    await rotated(db, 18)
    again = (await wiki.refresh(first["refresh_token"])).json
    assert again["refresh_token"] == second["refresh_token"]
    assert (await wiki.exchange(again["access_token"])).code == 200
    third = await wiki.refresh(second["refresh_token"])
    assert third.code == 200 and third.json["refresh_token"] != second["refresh_token"]
    assert await db.value("SELECT count(*) FROM audit WHERE action = 'refresh_token.reused'") == 0


async def test_n156_a_clock_that_was_ahead_makes_no_token_good_for_longer(bob, wiki, db):
    first = await wiki.signed_in(bob)
    await wiki.refresh(first["refresh_token"])
    await rotated(db, -600)
    assert refusal(await wiki.refresh(first["refresh_token"])) == SPENT


async def test_n156_two_generations_back_end_the_family(bob, wiki):
    first = await wiki.signed_in(bob)
    second = (await wiki.refresh(first["refresh_token"])).json
    third = (await wiki.refresh(second["refresh_token"])).json
    assert refusal(await wiki.refresh(first["refresh_token"])) == SPENT
    assert refusal(await wiki.refresh(third["refresh_token"])) == SPENT


async def test_n156_another_client_gets_no_successor(bob, wiki, treasury):
    first = await wiki.signed_in(bob)
    second = (await wiki.refresh(first["refresh_token"])).json
    assert refusal(await treasury.refresh(first["refresh_token"])) == SPENT
    assert refusal(await wiki.refresh(second["refresh_token"])) == SPENT


async def test_n156_the_successor_is_not_given_once_the_session_has_ended(bob, wiki, db):
    first = await wiki.signed_in(bob)
    await wiki.refresh(first["refresh_token"])
    await db.run("DELETE FROM session WHERE sid = 'sid-bob'")
    assert refusal(await wiki.refresh(first["refresh_token"])) == SPENT


@pytest.mark.parametrize("processes", [1, 2])
async def test_n156_sixteen_refreshes_at_once_get_the_same_successor(bob, wiki, app, db, processes):
    tokens = await wiki.signed_in(bob)
    client, actor = await clients.by_id(db, "wiki"), Actor("", "")
    siblings = [replace(app.spine.own(NexusParts).grants, rotations=Rotations(db)) for _ in range(processes)]
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answers = await asyncio.gather(*(siblings[n % processes].answer(client, form, actor, utc_now()) for n in range(16)))
    assert len({answer["refresh_token"] for answer in answers}) == 1
    assert await db.value("SELECT count(*) FROM token_family WHERE revoked_at <> '' OR generation <> 1") == 0
    assert (await wiki.refresh(answers[0]["refresh_token"])).code == 200
    assert await db.value("SELECT count(*) FROM audit WHERE action = 'refresh_token.reused'") == 0


async def test_n156_control_without_the_grace_parallel_workers_lose_the_sign_in(bob, wiki, monkeypatch):
    monkeypatch.setattr(refresh_tokens, "AGAIN_SECONDS", 0)
    tokens = await wiki.signed_in(bob)
    answers = await asyncio.gather(*(wiki.refresh(tokens["refresh_token"]) for _ in range(16)))
    good = [answer for answer in answers if answer.code == 200]
    assert len(good) == 1
    assert refusal(await wiki.refresh(good[0].json["refresh_token"])) == SPENT


async def told_of(db):
    """What modules are told has ended."""
    rows = await db.all("SELECT target, body FROM outbox_message ORDER BY target, id")
    told = [(row["target"], json.loads(row["body"])) for row in rows]
    return [(target, body["jti"], body["ended_client"]) for target, body in told if body["event"] == "urn:hivematrix:tokens-ended"]


async def test_n147_modules_are_told_that_the_first_use_s_tokens_have_ended(bob, wiki, treasury, db):
    code = await wiki.code(bob)
    tokens = (await wiki.redeem(code)).json
    await wiki.redeem(code)
    family = claims_of(tokens["access_token"])["jti"].partition(".")[0]
    assert await told_of(db) == [("treasury", family, ""), ("wiki", family, "")]
    await wiki.redeem(code)
    assert len(await told_of(db)) == 2


async def test_modules_are_told_of_every_token_that_ends_before_its_time(bob, wiki, grafana, alice, people, db):
    tokens = await wiki.signed_in(bob)
    jti = claims_of(tokens["access_token"])["jti"]
    exchanged = (await wiki.exchange(tokens["access_token"])).json["access_token"]
    await wiki.post("/oauth/revoke", {"token": tokens["access_token"]})
    bob.token = exchanged
    assert (await bob.api("/api/me")).code == 401
    await wiki.post("/oauth/revoke", {"token": tokens["refresh_token"]})
    async with db.write() as tx:
        await consents.give(tx, people.bob.id, "grafana", {"openid"}, "now")
    other = claims_of((await grafana.redeem(await grafana.code(bob, scope="openid"))).json["access_token"])["jti"]
    await bob.fetch("/account/programs/grafana/end", "POST", {"confirmed": "yes"})
    await alice.fetch("/clients/grafana/status", "POST", {"status": "disabled", "confirmed": "yes"})
    assert await told_of(db) == [
        ("wiki", jti, ""),
        ("wiki", jti.partition(".")[0], ""),
        ("wiki", other.partition(".")[0], ""),
        ("wiki", "", "grafana"),
    ]


LONG_AGO = "2020-01-01T00:00:00.000000Z"
ENDINGS = {
    "user disabled": "UPDATE account SET status = 'disabled' WHERE username = 'bob'",
    "user locked": "UPDATE account SET status = 'locked' WHERE username = 'bob'",
    "session ended": "DELETE FROM session WHERE sid = 'sid-bob'",
    "session over": f"UPDATE session SET expires_at = '{LONG_AGO}'",
    "session idle": f"UPDATE session SET last_seen_at = '{LONG_AGO}'",
    "family over": f"UPDATE token_family SET expires_at = '{LONG_AGO}'",
    "family revoked": f"UPDATE token_family SET revoked_at = '{LONG_AGO}'",
}


@pytest.mark.parametrize("sql", ENDINGS.values(), ids=ENDINGS.keys())
async def test_n157_a_refresh_token_ends_with_what_it_stands_on(bob, wiki, db, sql):
    tokens = await wiki.signed_in(bob)
    await db.run(sql)
    assert refusal(await wiki.refresh(tokens["refresh_token"])) == SPENT


async def test_n157_a_disabled_client_refreshes_nothing(bob, wiki, db):
    tokens = await wiki.signed_in(bob)
    await db.run("UPDATE client SET disabled = TRUE")
    assert refusal(await wiki.refresh(tokens["refresh_token"])) == (401, "invalid_client")


async def test_n157_a_consent_taken_back_ends_the_programs_tokens(bob, grafana, people, db):
    async with db.write() as tx:
        await consents.give(tx, people.bob.id, "grafana", {"openid", "profile", "email", "offline_access"}, "now")
    tokens = await grafana.signed_in(bob)
    tokens = (await grafana.refresh(tokens["refresh_token"])).json
    async with db.write() as tx:
        await consents.take_back(tx, people.bob.id, "grafana")
    assert refusal(await grafana.refresh(tokens["refresh_token"])) == SPENT


async def test_n157_a_changed_level_is_in_the_next_token(bob, wiki, db):
    tokens = await wiki.signed_in(bob)
    await db.run("UPDATE account SET level = 'billing' WHERE username = 'bob'")
    claims = claims_of((await wiki.refresh(tokens["refresh_token"])).json["access_token"])
    assert claims["permission_level"] == "billing" and "wiki:write" not in claims["scope"].split()


async def test_a_refresh_counts_as_activity_of_the_session(bob, wiki, db):
    tokens = await wiki.signed_in(bob)
    await db.run("UPDATE session SET last_seen_at = :at", at=shifted(utc_now(), -1800))
    await wiki.refresh(tokens["refresh_token"])
    assert await db.value("SELECT last_seen_at FROM session WHERE sid = 'sid-bob'") > shifted(utc_now(), -60)


@pytest.mark.parametrize("token", ["x", "", "a.0.b", "a.-1.x", "é.0.x", "." * 50, "0" * 5000])
async def test_a_made_up_refresh_token(wiki, token):
    assert (await wiki.refresh(token)).code == 400


async def test_tokens_do_not_outlive_the_session(bob, wiki, db):
    await db.run("UPDATE session SET expires_at = :at", at=shifted(utc_now(), 90))
    tokens = await wiki.signed_in(bob)
    claims = claims_of(tokens["access_token"])
    assert claims["exp"] <= time.time() + 90 and tokens["expires_in"] <= 90


async def test_n158_the_form_and_nothing_else(wiki):
    send = wiki.browser.send
    assert (await send("/oauth/token", "GET", None, wiki.basic)).code == 405
    assert (await send("/oauth/token", "POST", "{}", wiki.basic | {"Content-Type": "application/json"})).code == 415
    form = {"Content-Type": "application/x-www-form-urlencoded"} | wiki.basic
    assert refusal(await send("/oauth/token?grant_type=client_credentials", "POST", "x=1", form)) == (400, "invalid_request")
    twice = await send("/oauth/token", "POST", "grant_type=client_credentials&grant_type=password", form)
    assert refusal(twice) == (400, "invalid_request")
    assert refusal(await send("/oauth/token", "POST", b"grant_type=%ff", form)) == (400, "invalid_request")


async def test_a_module_may_call_in_its_own_name(wiki):
    answer = await wiki.post("/oauth/token", {"grant_type": "client_credentials", "scope": "scopes:read", "audience": "nexus"})
    claims = claims_of(answer.json["access_token"])
    assert (claims["sub"], claims["client_id"], claims["aud"], claims["scope"]) == ("wiki", "wiki", "nexus", "scopes:read")
    assert not {"permission_level", "sid", "auth_time", "act"} & claims.keys() and "refresh_token" not in answer.json


async def test_its_own_name_opens_no_other_service(wiki, treasury):
    answer = await wiki.post("/oauth/token", {"grant_type": "client_credentials", "audience": "treasury"})
    assert refusal(answer) == (400, "invalid_target")


async def test_a_token_is_exchanged_for_another_service(bob, wiki, treasury, people):
    tokens = await wiki.signed_in(bob)
    answer = await wiki.exchange(tokens["access_token"], "treasury")
    claims = claims_of(answer.json["access_token"])
    assert answer.json["issued_token_type"] == ACCESS_TOKEN and "refresh_token" not in answer.json
    assert (claims["aud"], claims["client_id"], claims["act"], claims["sub"]) == ("treasury", "wiki", {"sub": "wiki"}, people.bob.id)
    assert claims["exp"] <= claims_of(tokens["access_token"])["exp"] and claims["sid"] == "sid-bob"
    assert set(claims["scope"].split()) < PERMISSIONS["technician"]


async def test_n162_what_cannot_be_exchanged(bob, wiki, treasury, people, app):
    tokens = await wiki.signed_in(bob)
    access = tokens["access_token"]
    assert refusal(await wiki.exchange(access, "mars")) == (400, "invalid_target")
    assert refusal(await wiki.exchange(access, "wiki")) == (400, "invalid_target")
    assert refusal(await wiki.exchange(access, ABSENT)) == (400, "invalid_request")
    assert refusal(await wiki.exchange(access, resource="https://x")) == (400, "invalid_target")
    assert refusal(await wiki.exchange(access, actor_token=access)) == (400, "invalid_request")
    assert refusal(await wiki.exchange(access, scope="users:admin")) == (400, "invalid_scope")
    kinds = [
        {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"requested_token_type": "urn:x"},
        {"subject_token_type": ABSENT},
    ]
    for kind in kinds:
        assert refusal(await wiki.exchange(access, **kind)) == (400, "invalid_request")


async def test_n162_subjects_that_do_not_hold(bob, wiki, treasury, people, app):
    tokens = await wiki.signed_in(bob)
    signer, past = app.spine.own(NexusParts).signer, int(time.time()) - 400
    subjects = {
        "id token": tokens["id_token"],
        "refresh token": tokens["refresh_token"],
        "logout token": await signer.sign("logout+jwt", claims_of(tokens["access_token"])),
        "expired": await token_for(app, people.bob, aud="wiki", iat=past, exp=past + 300),
        "for another service": (await wiki.exchange(tokens["access_token"], "treasury")).json["access_token"],
        "a service's own": (await wiki.post("/oauth/token", {"grant_type": "client_credentials"})).json["access_token"],
        "of an ended session": await token_for(app, people.bob, aud="wiki", sid="gone"),
        "changed": tokens["access_token"][:-6] + "AAAAAA",
        "nothing": "x",
    }
    for subject in subjects.values():
        assert refusal(await wiki.exchange(subject)) == (400, "invalid_request")


async def test_n162_another_issuer(bob, wiki, people, app, monkeypatch):
    monkeypatch.setattr(app.spine.own(NexusParts).signer, "issuer", "https://evil.example.com")
    token = await token_for(app, people.bob, aud="wiki", sid="sid-bob")
    monkeypatch.undo()
    assert refusal(await wiki.exchange(token)) == (400, "invalid_request")


async def test_n162_a_chain_has_two_links(bob, wiki, treasury, people, app):
    one = (await wiki.exchange((await wiki.signed_in(bob))["access_token"], "treasury")).json["access_token"]
    two = await treasury.exchange(one, "wiki")
    assert claims_of(two.json["access_token"])["act"] == {"sub": "treasury", "act": {"sub": "wiki"}}
    assert refusal(await wiki.exchange(two.json["access_token"], "nexus")) == (400, "invalid_request")


async def test_n162_an_exchanged_token_ends_with_its_subject(bob, wiki, people, app):
    now = int(time.time())
    short = await token_for(app, people.bob, aud="wiki", sid="sid-bob", iat=now - 280, exp=now + 20)
    answer = await wiki.exchange(short)
    assert claims_of(answer.json["access_token"])["exp"] <= now + 20 and answer.json["expires_in"] <= 20


async def test_a_public_client_needs_no_secret_but_pkce(bob, phone, people, db):
    async with db.write() as tx:
        await consents.give(tx, people.bob.id, "phone", {"openid", "profile", "email", "offline_access"}, "now")
    tokens = await phone.signed_in(bob)
    assert claims_of(tokens["access_token"])["aud"] == "nexus"
    assert (await phone.refresh(tokens["refresh_token"])).code == 200
    assert refusal(await phone.redeem(await phone.code(bob), code_verifier="w" * 43)) == SPENT


async def test_each_sign_on_is_in_the_audit_log(bob, wiki, people, db):
    await wiki.signed_in(bob)
    row = await db.one("SELECT actor_id, on_behalf_of, subject FROM audit WHERE action = 'sign_on.granted'")
    assert row == {"actor_id": people.bob.id, "on_behalf_of": "wiki", "subject": "client/wiki"}


async def test_the_database_holds_nothing_that_could_be_used(bob, wiki, db):
    code = await wiki.code(bob)
    tokens = (await wiki.redeem(code)).json
    rows = [await db.all(f"SELECT * FROM {table}") for table in ("authorization_code", "token_family", "client", "signing_key")]
    kept = str(rows)
    for secret in (code, tokens["refresh_token"], tokens["access_token"], wiki.secret, "PRIVATE KEY"):
        assert secret not in kept
