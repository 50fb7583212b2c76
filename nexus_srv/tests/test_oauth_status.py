"""Asking about tokens, ending them, and what a client may know of a person (N138, N163 to N165)."""

import pytest

from hmlib.clock import utc_now
from nexus_srv.identity import session_ends
from nexus_srv.queries import consents
from nexus_srv.tests.conftest import token_for
from nexus_srv.tests.oauth_client import refusal

pytestmark = pytest.mark.gen_test
INACTIVE = {"active": False}


@pytest.fixture
def allowed(io_loop, db, people, grafana):
    """Bob allows Grafana what it asks for."""

    async def give():
        async with db.write() as tx:
            await consents.give(tx, people.bob.id, "grafana", {"openid", "profile", "email", "offline_access"}, utc_now())

    io_loop.run_sync(give)
    return grafana


async def ask(client, token, **more):
    return await client.post("/oauth/introspect", {"token": token, **more})


async def test_a_client_learns_what_its_tokens_mean(bob, wiki, people):
    tokens = await wiki.signed_in(bob)
    access, refresh = (await ask(wiki, tokens["access_token"])).json, (await ask(wiki, tokens["refresh_token"])).json
    assert access["active"] and (access["sub"], access["aud"], access["sid"]) == (people.bob.id, "wiki", "sid-bob")
    assert refresh["active"] and refresh["token_type"] == "refresh_token"


async def test_the_service_a_token_is_for_may_ask_too(bob, wiki, treasury):
    token = (await wiki.exchange((await wiki.signed_in(bob))["access_token"], "treasury")).json["access_token"]
    assert (await ask(treasury, token)).json["active"]


async def test_n163_what_tells_nothing(bob, wiki, grafana, phone, people, app):
    tokens = await wiki.signed_in(bob)
    expired = await token_for(app, people.bob, aud="wiki", iat=1, exp=301)
    for token in ("x", "a.b.c", tokens["id_token"], expired, tokens["access_token"][:-4] + "AAAA"):
        assert (await ask(wiki, token)).json == INACTIVE
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert (await ask(grafana, token)).json == INACTIVE
    assert refusal(await ask(phone, tokens["access_token"])) == (401, "invalid_client")
    grafana.secret = None
    assert refusal(await ask(grafana, tokens["access_token"])) == (401, "invalid_client")
    assert refusal(await wiki.post("/oauth/introspect", {})) == (400, "invalid_request")


async def test_n163_a_spent_refresh_token_is_not_active(bob, wiki):
    tokens = await wiki.signed_in(bob)
    await wiki.refresh(tokens["refresh_token"])
    assert (await ask(wiki, tokens["refresh_token"])).json == INACTIVE


async def test_n115_a_token_ends_with_its_session_and_its_account(bob, wiki, db, app):
    tokens = await wiki.signed_in(bob)
    await db.run("UPDATE account SET status = 'disabled' WHERE username = 'bob'")
    assert (await ask(wiki, tokens["access_token"])).json == INACTIVE
    await db.run("UPDATE account SET status = 'active' WHERE username = 'bob'")
    assert (await ask(wiki, tokens["access_token"])).json["active"]
    async with db.write() as tx:
        await session_ends.end_sid(tx, app.spine.sessions, "sid-bob", utc_now())
    assert (await ask(wiki, tokens["access_token"])).json == INACTIVE


async def test_n164_a_client_ends_its_own_tokens(bob, wiki):
    tokens = await wiki.signed_in(bob)
    assert (await wiki.post("/oauth/revoke", {"token": tokens["access_token"], "token_type_hint": "wonder"})).code == 200
    assert (await ask(wiki, tokens["access_token"])).json == INACTIVE
    assert (await ask(wiki, tokens["refresh_token"])).json["active"]
    assert (await wiki.post("/oauth/revoke", {"token": tokens["refresh_token"]})).code == 200
    assert refusal(await wiki.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


async def test_n164_others_tokens_and_made_up_ones_are_left_alone(bob, wiki, grafana):
    tokens = await wiki.signed_in(bob)
    for token in (tokens["access_token"], tokens["refresh_token"], "x", tokens["refresh_token"] + "x"):
        assert (await grafana.post("/oauth/revoke", {"token": token})).code == 200
    assert (await ask(wiki, tokens["access_token"])).json["active"]
    assert (await wiki.refresh(tokens["refresh_token"])).code == 200
    grafana.secret = None
    assert refusal(await grafana.post("/oauth/revoke", {"token": "x"})) == (401, "invalid_client")


async def userinfo(browser, token, method="GET", **headers):
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    return await browser.send("/oauth/userinfo", method, "" if method == "POST" else None, sent | headers)


async def test_a_client_may_know_what_was_allowed(bob, allowed, people):
    tokens = await allowed.signed_in(bob)
    answer = await userinfo(allowed.browser, tokens["access_token"])
    assert answer.json["sub"] == people.bob.id and answer.json["email"] == "bob@example.com" and answer.json["name"] == "Bob"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await userinfo(allowed.browser, tokens["access_token"], "POST")).json == answer.json


async def test_no_more_than_was_allowed_is_told(bob, allowed, people):
    tokens = (await allowed.redeem(await allowed.code(bob, scope="openid"))).json
    assert (await userinfo(allowed.browser, tokens["access_token"])).json == {"sub": people.bob.id}


async def test_n165_userinfo_needs_a_token_with_openid(bob, allowed, wiki, people, app):
    tokens = await allowed.signed_in(bob)
    bare = await userinfo(allowed.browser, "")
    assert bare.code == 401 and "error" not in bare.headers["WWW-Authenticate"]
    for token in (tokens["id_token"], tokens["refresh_token"], (await wiki.signed_in(bob))["access_token"], "x"):
        answer = await userinfo(allowed.browser, token)
        assert answer.code == 401 and 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    answer = await userinfo(allowed.browser, bob.token)
    assert answer.code == 403 and 'error="insufficient_scope", scope="openid"' in answer.headers["WWW-Authenticate"]


async def test_n138_a_token_in_the_address_or_twice(bob, allowed):
    token = (await allowed.signed_in(bob))["access_token"]
    assert (await allowed.browser.send(f"/oauth/userinfo?access_token={token}", "GET", None, {})).code == 400
    assert (await userinfo(allowed.browser, f"{token} {token}")).code == 400


async def test_userinfo_ends_with_the_grant(bob, allowed):
    tokens = await allowed.signed_in(bob)
    await allowed.post("/oauth/revoke", {"token": tokens["refresh_token"]})
    assert (await userinfo(allowed.browser, tokens["access_token"])).code == 401


async def test_n040_anybody_may_read_what_is_public(stranger):
    for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"):
        answer = await stranger.send(path, "GET", None, {"Origin": "https://evil.example.com"})
        assert answer.code == 200 and answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers and answer.headers["Cache-Control"] == "public, max-age=300"
        again = await stranger.send(path, "GET", None, {"If-None-Match": answer.headers["Etag"]})
        assert again.code == 304 and not again.body
    for path in ("/api/users", "/oauth/token", "/login"):
        answer = await stranger.send(path, "GET", None, {"Origin": "https://evil.example.com"})
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_the_configuration_names_addresses_that_answer(stranger, app):
    told = (await stranger.send("/.well-known/openid-configuration", "GET", None, {})).json
    assert told["issuer"] == app.spine.settings.origin
    for name, address in told.items():
        if name.endswith(("_endpoint", "_uri")):
            path = address.removeprefix(told["issuer"])
            assert (await stranger.send(path, "GET", None, {})).code != 404, name


async def test_the_key_set_holds_no_private_key(stranger):
    keys = (await stranger.send("/.well-known/jwks.json", "GET", None, {})).json["keys"]
    assert len(keys) == 2 and all(set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in keys)


async def test_a_token_can_end_its_own_session(bob, carol, db):
    assert (await bob.api("/api/session", "DELETE")).code == 204
    assert (await bob.api("/api/me")).code == 401
    assert (await bob.fetch("/account")).location.startswith("/login")
    assert (await carol.api("/api/me")).code == 200
    assert await db.value("SELECT count(*) FROM audit WHERE action = 'session.ended'") == 1


async def test_a_stranger_ends_no_session(stranger):
    assert (await stranger.api("/api/session", "DELETE")).code == 401


async def test_n172_programs_do_not_register_themselves(stranger):
    for path in ("/oauth/register", "/register", "/connect/register"):
        assert (await stranger.send(path, "POST", "{}", {"Content-Type": "application/json"})).code == 404
    told = (await stranger.send("/.well-known/openid-configuration", "GET", None, {})).json
    assert "registration_endpoint" not in told


async def test_n170_no_code_state_or_token_is_in_the_log(bob, wiki, caplog):
    caplog.set_level("DEBUG")
    code = await wiki.code(bob, state="a-state-of-its-own")
    tokens = (await wiki.redeem(code)).json
    await wiki.exchange(tokens["access_token"])
    await wiki.refresh(tokens["refresh_token"] + "x")
    logged = "\n".join(str(vars(record)) for record in caplog.records)
    assert "oauth_token" in logged
    secrets = (code, "a-state-of-its-own", wiki.secret, tokens["access_token"], tokens["refresh_token"], tokens["id_token"])
    assert not [secret for secret in secrets if secret in logged]
