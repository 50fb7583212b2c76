"""The authorization endpoint and the question for consent: who is sent where, and who is not (N141 to N144, N160, N161, N171)."""

import re
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from nexus_srv.queries import clients
from nexus_srv.tests.conftest import PASSWORD
from nexus_srv.tests.oauth_client import ABSENT, claims_of, onward, told

pytestmark = pytest.mark.gen_test
ISSUER = "https://localhost:5000"


async def test_a_module_is_told_at_once_who_is_signed_in(bob, wiki, people):
    answer = await bob.fetch(wiki.authorize_url(prompt="none"))
    assert answer.location.startswith(f"{wiki.redirect_uri}?code=")
    assert {name: told(answer)[name] for name in ("state", "iss")} == {"state": "st", "iss": ISSUER}
    assert answer.headers["Referrer-Policy"] == "no-referrer" and answer.headers["Cache-Control"] == "no-store"
    tokens = (await wiki.redeem(told(answer)["code"])).json
    assert claims_of(tokens["access_token"])["sub"] == people.bob.id


async def test_a_stranger_is_sent_to_sign_in_and_comes_back(stranger, wiki, people):
    answer = await stranger.fetch(wiki.authorize_url())
    assert answer.location.startswith("/login?next=%2Foauth%2Fauthorize%3F")
    back = dict(parse_qsl(urlsplit(answer.location).query))["next"]
    signed_in = await stranger.fetch("/login", "POST", {"username": "bob", "password": PASSWORD, "next": back})
    assert onward(signed_in) == back
    assert "code" in told(await stranger.fetch(back))


BAD_ADDRESSES = [
    "https://evil.example.com/auth/callback", "https://localhost:5003/auth/callback/more", "https://localhost:5003/auth/callback?x=1",
    "https://localhost:5003/auth/callback/", "https://localhost:5003/auth/Callback", "https://LOCALHOST:5003/auth/callback",
    "https://localhost:5004/auth/callback", "https://localhost:5003/auth/callback#x", "https://localhost:5003/auth/../auth/callback",
    "https://localhost:5003/auth/%63allback", "https://[::1]:5003/auth/callback", "https://localhost:5003@evil.example.com/auth/callback",
    "http://localhost:5003/auth/callback", "https://localhost.*/auth/callback", "javascript:alert(1)", "", ABSENT,
]  # fmt: skip


@pytest.mark.parametrize("uri", BAD_ADDRESSES)
@pytest.mark.parametrize("more", [{}, {"response_type": "token"}])
async def test_n141_an_address_that_is_not_registered_is_never_redirected_to(bob, wiki, uri, more):
    answer = await bob.fetch(wiki.authorize_url(redirect_uri=uri, **more))
    assert answer.code == 400 and "Location" not in answer.headers
    assert answer.headers["Content-Type"].startswith("text/html")


async def test_n141_control_the_registered_address_is_redirected_to(bob, wiki):
    assert (await bob.fetch(wiki.authorize_url())).code == 303


async def test_n141_with_two_registered_one_must_be_named(bob, grafana, db):
    grafana_row = await clients.by_id(db, "grafana")
    async with db.write() as tx:
        await clients.save(tx, replace(grafana_row, redirect_uris=(grafana.redirect_uri, "https://other.example.com/")), "now")
    assert (await bob.fetch(grafana.authorize_url(redirect_uri=ABSENT))).code == 400


async def test_n142_an_unknown_or_disabled_client_gets_the_same_page(bob, wiki, grafana, db):
    await db.run("UPDATE client SET disabled = TRUE WHERE id = 'grafana'")
    pages = [await bob.fetch(grafana.authorize_url(client_id=id)) for id in ("grafana", "nobody", "", ABSENT)]
    assert {page.code for page in pages} == {400}
    changing = r'nonce="[^"]*"|[0-9a-f]{8}-[0-9a-f-]{27}|X-XSRF-Token[^}]*'
    said = {re.sub(changing, "", page.text) for page in pages}
    assert len(said) == 1 and "not known" in said.pop()


TOLD = [
    ({"response_type": ABSENT}, "unsupported_response_type"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "id_token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_mode": "fragment"}, "unsupported_response_type"),
    ({"response_mode": "form_post"}, "unsupported_response_type"),
    ({"code_challenge": ABSENT}, "invalid_request"),
    ({"code_challenge": ABSENT, "code_challenge_method": ABSENT}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": ABSENT}, "invalid_request"),
    ({"code_challenge_method": "S512"}, "invalid_request"),
    ({"code_challenge": "x" * 42}, "invalid_request"),
    ({"code_challenge": "x" * 44}, "invalid_request"),
    ({"code_challenge": "x" * 42 + "="}, "invalid_request"),
    ({"scope": "users:admin"}, "invalid_scope"),
    ({"scope": ABSENT}, "invalid_scope"),
    ({"scope": 'open"id'}, "invalid_scope"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "dance"}, "invalid_request"),
    ({"max_age": "soon"}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"request": "eyJ"}, "request_not_supported"),
    ({"request_uri": "https://evil.example.com/r"}, "request_uri_not_supported"),
]


@pytest.mark.parametrize(("changes", "error"), TOLD)
async def test_n143_n144_n161_whatever_else_is_wrong_is_told_to_the_client(bob, wiki, changes, error):
    answer = await bob.fetch(wiki.authorize_url(**changes))
    assert answer.location.startswith(wiki.redirect_uri + "?")
    assert (told(answer)["error"], told(answer)["state"], told(answer)["iss"]) == (error, "st", ISSUER)


async def test_n017_a_parameter_given_twice_is_refused_here(bob, wiki):
    answer = await bob.fetch(wiki.authorize_url() + "&client_id=evil")
    assert answer.code == 400 and "Location" not in answer.headers
    assert (await bob.fetch(wiki.authorize_url() + "&state=other")).code == 400


async def test_n160_silently_means_without_any_page(stranger, bob, grafana):
    assert told(await stranger.fetch(grafana.authorize_url(prompt="none")))["error"] == "login_required"
    assert told(await bob.fetch(grafana.authorize_url(prompt="none")))["error"] == "consent_required"


async def test_n160_unknown_parameters_are_passed_over(bob, wiki):
    more = {"display": "page", "ui_locales": "de", "claims_locales": "de", "acr_values": "1", "login_hint": "x", "colour": "red"}
    assert "code" in told(await bob.fetch(wiki.authorize_url(**more)))


async def test_n160_the_hint_must_name_the_person_at_this_browser(bob, carol, wiki):
    token = (await wiki.signed_in(bob))["id_token"]
    assert "code" in told(await bob.fetch(wiki.authorize_url(id_token_hint=token)))
    for hint in (token[:-4] + "AAAA", "x", "a.b.c"):
        assert told(await bob.fetch(wiki.authorize_url(id_token_hint=hint)))["error"] == "login_required"
    assert told(await carol.fetch(wiki.authorize_url(id_token_hint=token)))["error"] == "login_required"


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "1"}, {"prompt": "select_account"}])
async def test_n160_a_fresh_sign_in_is_asked_for_once(io_loop, signed_in, wiki, db, changes):
    bob = await signed_in("bob", age=300)
    answer = await bob.fetch(wiki.authorize_url(**changes))
    assert answer.location.startswith("/confirm?next=")
    back = dict(parse_qsl(urlsplit(answer.location).query))["next"]
    assert (await bob.fetch(back)).location.startswith("/confirm?")
    await db.run("UPDATE session SET auth_time = auth_time + 301")
    code = told(await bob.fetch(back))["code"]
    tokens = (await wiki.redeem(code)).json
    assert claims_of(tokens["id_token"])["auth_time"] == await db.value("SELECT auth_time FROM session")


async def test_n160_a_made_up_note_of_freshness_means_nothing(signed_in, wiki):
    bob = await signed_in("bob", age=300)
    assert (await bob.fetch(wiki.authorize_url(prompt="login", fresh="1.x"))).location.startswith("/confirm?")


async def test_n160_a_young_sign_in_fits_max_age(bob, wiki):
    assert "code" in told(await bob.fetch(wiki.authorize_url(max_age="3600")))
    assert told(await bob.fetch(wiki.authorize_url(max_age="0", prompt="none")))["error"] == "login_required"


async def test_a_post_is_taken_on_as_a_get(bob, wiki):
    path, _, query = wiki.authorize_url().partition("?")
    answer = await bob.fetch(path, "POST", query, forged=True)
    assert answer.code == 303 and answer.location.startswith("/oauth/authorize?")
    assert "code" in told(await bob.fetch(answer.location))
    evil = await bob.fetch(path, "POST", query.replace("localhost%3A5003", "evil.example.com"), forged=True)
    assert evil.code == 400


def question(page) -> dict[str, str]:
    """The sealed request on the page that asks for consent."""
    return {"auth_request": page.text.split('name="auth_request" value="')[1].split('"')[0]}


async def test_a_program_that_is_not_ours_is_asked_about_once(bob, grafana):
    page = await bob.fetch(grafana.authorize_url())
    assert page.code == 200 and "Grafana" in page.text and "https://grafana.example.com" in page.text
    assert page.headers["Referrer-Policy"] == "same-origin"  # without a referrer Chromium would post our own form with Origin: null
    assert page.text.index("Allow</button>") < page.text.index("Do not allow</button>")
    assert "form-action 'self';" in page.headers["Content-Security-Policy"]
    address = onward(await bob.fetch("/oauth/consent", "POST", question(page) | {"answer": "allow"}))
    assert address.startswith("https://grafana.example.com/callback?code=")
    assert "code" in told(await bob.fetch(grafana.authorize_url()))
    assert (await bob.fetch(grafana.authorize_url(prompt="consent"))).code == 200


async def test_saying_no_is_told_to_the_program(bob, grafana):
    page = await bob.fetch(grafana.authorize_url())
    answer = await bob.fetch("/oauth/consent", "POST", question(page) | {"answer": "deny"})
    assert dict(parse_qsl(urlsplit(onward(answer)).query)) == {"error": "access_denied", "state": "st", "iss": ISSUER}
    assert (await bob.fetch(grafana.authorize_url())).code == 200


async def test_the_answer_is_taken_from_our_own_page_alone(bob, carol, stranger, grafana):
    given = question(await bob.fetch(grafana.authorize_url())) | {"answer": "allow"}
    assert (await bob.fetch("/oauth/consent", "POST", given, forged=True)).code == 403
    assert (await carol.fetch("/oauth/consent", "POST", given)).code == 400
    assert (await bob.fetch("/oauth/consent", "POST", given | {"auth_request": "x"})).code == 400
    assert (await stranger.fetch("/oauth/consent", "POST", given)).location.startswith("/login")


async def test_n155_more_scope_asks_again_and_words_it_may_not_have_are_left_out(bob, grafana):
    page = await bob.fetch(grafana.authorize_url(scope="openid"))
    await bob.fetch("/oauth/consent", "POST", question(page) | {"answer": "allow"})
    assert "code" in told(await bob.fetch(grafana.authorize_url(scope="openid users:admin wonder")))
    assert (await bob.fetch(grafana.authorize_url(scope="openid email"))).code == 200


@pytest.fixture
def evil(program_of, io_loop, db):
    client = program_of("evil")
    io_loop.run_sync(lambda: db.run("UPDATE client SET name = :name WHERE id = 'evil'", name="<b>HiveMatrix</b>\u202e"))
    return client


async def test_n171_a_name_cannot_pretend(bob, evil):
    page = await bob.fetch(evil.authorize_url())
    assert "<b>HiveMatrix</b>" not in page.text and "<bdi>&lt;b&gt;HiveMatrix" in page.text
    assert "https://evil.example.com" in page.text


async def test_n169_after_a_post_no_redirect_carries_the_form_on(bob, grafana):
    page = await bob.fetch(grafana.authorize_url())
    answer = await bob.fetch("/oauth/consent", "POST", question(page) | {"answer": "allow"})
    assert onward(answer).startswith("https://grafana.example.com/callback?")


async def test_n141_a_post_leads_on_to_registered_addresses_alone(bob, grafana):
    form = dict(parse_qsl(urlsplit(grafana.authorize_url()).query))
    bad = await bob.fetch("/oauth/authorize", "POST", form | {"redirect_uri": "https://evil.example.com/"})
    assert bad.code == 400 and "evil" not in bad.text
    wrong = await bob.fetch("/oauth/authorize", "POST", form | {"response_type": "token"})
    assert onward(wrong).startswith("https://grafana.example.com/callback?error=unsupported_response_type")
