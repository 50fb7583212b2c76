"""Each guard of the token endpoint by itself: with that one line taken out, its test here fails (N146, N155, N157, N162)."""

import base64
import hashlib
from urllib.parse import parse_qsl, urlsplit

import pytest

from hmlib.clock import parse, utc_now
from nexus_srv.pages import adopt
from nexus_srv.queries import refresh_tokens
from nexus_srv.tests.conftest import PASSWORD, token_for
from nexus_srv.tests.oauth_client import claims_of, refusal

pytestmark = pytest.mark.gen_test
SPENT, WRONG = (400, "invalid_grant"), (400, "invalid_request")
LONG_AGO = "2020-01-01T00:00:00.000000Z"


async def test_n155_a_narrow_token_is_not_exchanged_for_more_than_it_says(bob, wiki):
    tokens = await wiki.signed_in(bob)
    assert (await wiki.exchange(tokens["access_token"], scope="directory:read")).code == 200
    narrow = (await wiki.refresh(tokens["refresh_token"], scope="wiki:read")).json["access_token"]
    assert claims_of(narrow)["scope"] == "wiki:read"
    assert refusal(await wiki.exchange(narrow, scope="directory:read")) == (400, "invalid_scope")
    assert claims_of((await wiki.exchange(narrow)).json["access_token"])["scope"] == ""


async def test_n157_a_code_is_worth_nothing_once_its_person_is_disabled(bob, wiki, db):
    code = await wiki.code(bob)
    await db.run("UPDATE account SET status = 'disabled' WHERE username = 'bob'")
    assert refusal(await wiki.redeem(code)) == SPENT


POLICY = {"treasury": ("directory:read",)}


@pytest.fixture
def robot(treasury, program_of):
    return program_of("robot", exchange=POLICY, service={"nexus": ("directory:read",)})


@pytest.fixture
def open_one(treasury, program_of):
    return program_of("open-one", public=True, exchange=POLICY, service=POLICY)


async def test_n162_a_program_exchanges_its_own_tokens_alone(app, robot, people):
    own = await token_for(app, people.bob, client_id="robot", sid=None)
    assert (await robot.exchange(own, "treasury")).code == 200
    other = await token_for(app, people.bob, client_id="wiki", sid=None)
    assert refusal(await robot.exchange(other, "treasury")) == WRONG


async def test_n162_a_program_without_a_secret_neither_exchanges_nor_speaks_for_itself(app, open_one, people):
    token = await token_for(app, people.bob, client_id="open-one", sid=None)
    refused = (400, "unauthorized_client")
    assert refusal(await open_one.exchange(token, "treasury")) == refused
    assert refusal(await open_one.post("/oauth/token", {"grant_type": "client_credentials", "audience": "treasury"})) == refused


async def test_n162_a_token_that_speaks_for_no_person_is_not_exchanged(app, wiki, people):
    token = await token_for(app, people.bob, aud="wiki", client_id="wiki", sid=None, permission_level=None)
    assert refusal(await wiki.exchange(token)) == WRONG


async def test_n146_a_verifier_that_could_be_guessed_is_none(bob, wiki):
    short = "guess"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(short.encode()).digest()).rstrip(b"=").decode()
    assert refusal(await wiki.redeem(await wiki.code(bob, code_challenge=challenge), code_verifier=short)) == SPENT


async def test_a_token_of_a_session_that_is_over_is_refused(bob, wiki, db):
    token = (await wiki.exchange((await wiki.signed_in(bob))["access_token"])).json["access_token"]
    bob.token = token
    assert (await bob.api("/api/me")).code == 200
    await db.run("UPDATE session SET expires_at = :then", then=LONG_AGO)
    assert (await bob.api("/api/me")).code == 401


async def test_a_switched_off_program_no_longer_speaks_for_itself(stranger, robot, db):
    stranger.token = (await robot.post("/oauth/token", {"grant_type": "client_credentials"})).json["access_token"]
    assert (await stranger.api("/api/companies")).code == 200
    await db.run("UPDATE client SET disabled = TRUE WHERE id = 'robot'")
    assert (await stranger.api("/api/companies")).code == 401


@pytest.mark.parametrize("ended", ["DELETE FROM session", f"UPDATE token_family SET revoked_at = '{LONG_AGO}'", ""])
async def test_n157_what_ends_while_a_refresh_is_under_way_gives_no_successor(bob, wiki, db, ended):
    """The family was living when it was looked at; spending it asks once more, in the statement itself."""
    family_id = claims_of((await wiki.signed_in(bob))["access_token"])["jti"].partition(".")[0]
    if ended:
        await db.run(ended)
    assert await refresh_tokens.rotate(db, {family_id: 0}, utc_now()) == (set() if ended else {family_id})


async def test_a_switched_off_module_hands_nobody_over(stranger, wiki, db):
    body = {"username": "bob", "password": PASSWORD, "address": "203.0.113.7", "browser": "Firefox"}
    given = (await wiki.browser.api("/api/token", "POST", body, **wiki.basic)).json
    await db.run("UPDATE client SET disabled = TRUE WHERE id = 'wiki'")
    headers = {"Origin": "https://localhost:5003", "Sec_Fetch_Site": "same-site"}
    answer = await stranger.fetch("/sso/adopt", "POST", {"ticket": given["ticket"], "next": "/"}, forged=True, **headers)
    assert answer.code == 400


async def test_a_switched_off_program_without_a_secret_gets_nothing(phone, db):
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    assert refusal(await phone.post("/oauth/token", form)) == SPENT
    await db.run("UPDATE client SET disabled = TRUE WHERE id = 'phone'")
    assert refusal(await phone.post("/oauth/token", form)) == (401, "invalid_client")


async def test_a_hand_over_that_took_too_long_ends_at_the_front_page(stranger, wiki, monkeypatch):
    monkeypatch.setattr(adopt, "HAND_OVER_SECONDS", -1)
    body = {"username": "bob", "password": PASSWORD, "address": "203.0.113.7", "browser": "Firefox"}
    given = (await wiki.browser.api("/api/token", "POST", body, **wiki.basic)).json
    headers = {"Origin": "https://localhost:5003", "Sec_Fetch_Site": "same-site"}
    answer = await stranger.fetch("/sso/adopt", "POST", {"ticket": given["ticket"], "next": "/"}, forged=True, **headers)
    assert answer.location == "/sso/finish"
    assert (await stranger.fetch("/sso/finish")).location == "/"
    assert (await stranger.fetch("/account")).location.startswith("/login")


def note(app, at, client):
    """A note of when this browser was sent to sign in, as Nexus writes it."""
    asked = dict(parse_qsl(urlsplit(client.authorize_url()).query))
    mac = app.spine.keys.mac("authorize again", at, *(asked[name] for name in ("client_id", "state", "nonce", "code_challenge")))
    return f"{at}.{mac}"


@pytest.mark.parametrize(("ago", "made_up", "taken"), [(400, False, True), (400, True, False), (700, False, False)])
async def test_n160_only_a_note_of_ours_that_is_young_says_that_one_has_signed_in_again(app, signed_in, wiki, ago, made_up, taken):
    bob = await signed_in("bob", age=300)
    at = str(int(parse(utc_now()).timestamp()) - ago)
    given = f"{at}.made-up" if made_up else note(app, at, wiki)
    answer = await bob.fetch(wiki.authorize_url(prompt="login", fresh=given))
    assert answer.location.startswith("/confirm?") != taken
