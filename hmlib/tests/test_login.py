"""Signing in and out of a module."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from hmlib.db.engine import DatabaseBusy
from hmlib.nexus.client import SignInRefused
from hmlib.testing.hub import CAST, ISSUER

pytestmark = pytest.mark.gen_test
ORIGIN = "https://localhost:5003"


async def begin(browser, path="/login?next=/%3Ftext%3Da"):
    """The silent question to Nexus: its parameters."""
    answer = await browser.fetch(path)
    assert answer.code == 303 and answer.location.startswith(ISSUER + "/oauth/authorize?")
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}


async def test_before_the_form_nexus_is_asked_silently(stranger):
    asked = await begin(stranger)
    assert asked["prompt"] == "none" and asked["code_challenge_method"] == "S256" and asked["redirect_uri"] == ORIGIN + "/auth/callback"
    assert [name for name in stranger.cookies if name.startswith("__Host-hm_wiki_tx_")]


async def test_known_to_nexus_means_no_form(stranger):
    asked = await begin(stranger)
    answer = await stranger.fetch(f"/auth/callback?code=code-bob.{asked['nonce']}&state={asked['state']}&iss={ISSUER}")
    assert (answer.code, answer.location) == (303, "/?text=a")
    assert (await stranger.fetch("/")).code == 200


async def test_unknown_to_nexus_means_the_form(stranger):
    asked = await begin(stranger)
    answer = await stranger.fetch(f"/auth/callback?error=login_required&state={asked['state']}&iss={ISSUER}")
    assert (answer.code, answer.location) == (303, "/login?form=1&next=%2F%3Ftext%3Da")
    page = await stranger.fetch(answer.location)
    assert 'name="username"' in page.text and 'name="password"' in page.text


async def test_n108_a_callback_nobody_began_is_refused(stranger, alice):
    asked = await begin(stranger)
    back = f"/auth/callback?code=code-bob.{asked['nonce']}&state={asked['state']}&iss={ISSUER}"
    assert (await alice.fetch(back)).code == 400
    assert (await stranger.fetch(back)).code == 303
    assert (await stranger.fetch(back)).code == 400


async def test_n108_two_tabs_at_once_both_end_signed_in(stranger):
    first, second = await begin(stranger), await begin(stranger)
    for asked in (second, first):
        answer = await stranger.fetch(f"/auth/callback?code=code-bob.{asked['nonce']}&state={asked['state']}&iss={ISSUER}")
        assert answer.code == 303
    assert (await stranger.fetch("/")).code == 200


async def test_at_most_five_sign_ins_are_under_way(stranger):
    for _ in range(9):
        await begin(stranger)
    assert len([name for name in stranger.cookies if "_tx_" in name]) == 5


@pytest.mark.parametrize("change", [{"iss": "https://evil.test"}, {"code": "code-bob.another-nonce"}, {"code": "wrong"}])
async def test_n168_an_answer_that_does_not_hold_opens_nothing(stranger, change):
    asked = await begin(stranger)
    back = {"code": f"code-bob.{asked['nonce']}", "iss": ISSUER, "state": asked["state"]} | change
    answer = await stranger.fetch("/auth/callback?" + "&".join(f"{name}={value}" for name, value in back.items()))
    assert answer.code == 400
    assert "__Host-hm_wiki" not in stranger.cookies


async def test_n168_tokens_of_two_people_open_nothing(stranger, hub):
    asked, alices = await begin(stranger), hub.signed_in(CAST["alice"])
    hub.signed_in = lambda person: alices
    answer = await stranger.fetch(f"/auth/callback?code=code-bob.{asked['nonce']}&state={asked['state']}&iss={ISSUER}")
    assert answer.code == 400 and "__Host-hm_wiki" not in stranger.cookies


async def test_n104_a_token_that_ended_on_its_way_opens_nothing(stranger, hub, app):
    from hmlib.clock import utc_now

    await app.spine.callers.revocations.add("sid", "sid-bob", utc_now())
    answer = await stranger.fetch("/login", "POST", {"username": "bob", "password": "x", "next": "/"})
    assert answer.code == 503 and "did not confirm" in answer.text and "__Host-hm_wiki" not in stranger.cookies


async def test_the_form_signs_in_and_hands_over_to_nexus(stranger):
    answer = await stranger.fetch("/login", "POST", {"username": "bob", "password": " a pass word ", "next": "/?text=a"})
    assert answer.code == 200 and 'value="ticket-1"' in answer.text and f'action="{ISSUER}/sso/adopt"' in answer.text
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert f"form-action 'self' {ISSUER};" in answer.headers["Content-Security-Policy"]
    assert (await stranger.fetch("/")).code == 200


async def test_n036_no_token_reaches_the_browser(stranger, hub):
    answer = await stranger.fetch("/login", "POST", {"username": "bob", "password": "x", "next": "/"})
    everything = answer.text + str(answer.headers) + str(stranger.cookies) + (await stranger.fetch("/")).text
    assert "eyJ" not in everything and "refresh-bob" not in everything
    assert len(stranger.cookies["__Host-hm_wiki"]) == 43


async def test_a_sign_on_that_does_not_hold_ends_in_the_form_and_not_in_a_loop(stranger):
    for _ in range(3):
        asked = await begin(stranger)
        await stranger.fetch(f"/auth/callback?code=code-bob.{asked['nonce']}&state={asked['state']}&iss={ISSUER}")
        del stranger.cookies["__Host-hm_wiki"]
    answer = await stranger.fetch("/login?next=/")
    assert answer.code == 200 and 'name="password"' in answer.text


@pytest.mark.parametrize(("kind", "status"), [("wrong", 401), ("throttled", 429), ("busy", 503)])
async def test_a_refused_password_is_told_in_the_form(stranger, hub, kind, status):
    hub.refusal = SignInRefused(kind, 7)
    answer = await stranger.fetch("/login", "POST", {"username": "bob", "password": "x", "next": "/"})
    assert answer.code == status and 'value="bob"' in answer.text and 'role="alert"' in answer.text
    assert "__Host-hm_wiki" not in stranger.cookies


async def test_a_second_factor_is_asked_for_at_nexus(stranger, hub):
    hub.refusal = SignInRefused("mfa")
    answer = await stranger.fetch("/login", "POST", {"username": "bob", "password": "x", "next": "/"})
    assert answer.code == 303 and answer.location.startswith(ISSUER + "/oauth/authorize?")


async def test_while_nexus_is_away_sign_in_says_so(stranger, hub):
    hub.away = True
    answer = await stranger.fetch("/login")
    assert answer.code == 503 and "Nexus does not answer" in answer.text


async def test_n031_signing_in_from_another_site_is_refused(stranger):
    form = {"username": "bob", "password": "x"}
    assert (await stranger.fetch("/login", "POST", form, Sec_Fetch_Site="cross-site")).code == 403
    assert (await stranger.fetch("/login", "POST", form, forged=True)).code == 403
    assert "__Host-hm_wiki" not in stranger.cookies


async def test_n098_a_cookie_set_beforehand_does_not_become_the_session(stranger):
    stranger.cookies["__Host-hm_wiki"] = "f" * 43
    await stranger.fetch("/login", "POST", {"username": "bob", "password": "x", "next": "/"})
    assert stranger.cookies["__Host-hm_wiki"] != "f" * 43


async def test_n099_the_database_holds_no_usable_cookie(alice, db):
    row = await db.one("SELECT id_hash, tokens FROM session")
    assert alice.cookies["__Host-hm_wiki"] not in str(row)
    assert "refresh-alice" not in row["tokens"] and not re.search(r"eyJ[\w-]+\.eyJ", row["tokens"]), "three letters alone may be chance"


async def test_signing_out_ends_the_session_here_and_at_nexus(alice, hub):
    before = dict(alice.cookies)
    answer = await alice.fetch("/logout", "POST", {})
    assert answer.code == 303 and answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert hub.counted["end_session"] == 1
    alice.cookies = before
    assert (await alice.fetch("/")).code == 303


async def test_n033_a_link_to_logout_only_asks(alice):
    assert "Sign out" in (await alice.fetch("/logout")).text
    assert (await alice.fetch("/")).code == 200


async def test_signing_out_while_nexus_is_away_still_ends_the_session_here(alice, hub):
    await alice.fetch("/")
    hub.away = True
    assert (await alice.fetch("/logout", "POST", {})).location == "/login?form=1"
    hub.away = False
    assert (await alice.fetch("/")).code == 303


def logout_token(hub, **changes):
    import os
    import time

    now = int(time.time())
    claims = {"iss": ISSUER, "aud": "wiki", "iat": now, "exp": now + 120, "jti": os.urandom(8).hex(), "sid": "sid-bob"}
    claims["events"] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    return hub.signed({name: value for name, value in (claims | changes).items() if value is not None}, "logout+jwt")


async def push(browser, token):
    return await browser.send(
        "/auth/backchannel-logout", "POST", f"logout_token={token}", {"Content-Type": "application/x-www-form-urlencoded"}
    )


async def test_a_logout_elsewhere_ends_the_session_and_its_tokens(bob, alice, stranger, hub):
    assert (await push(stranger, logout_token(hub))).code == 200
    assert (await bob.fetch("/")).code == 303
    assert (await bob.api("/api/notes")).code == 401
    assert (await alice.fetch("/")).code == 200


async def test_n104_disabling_a_person_ends_all_their_sessions(bob, stranger, hub):
    assert (await push(stranger, logout_token(hub, sid=None, sub=CAST["bob"].id))).code == 200
    assert [(await bob.fetch("/")).code, (await bob.api("/api/notes")).code] == [303, 401]


TOKENS_ENDED = "urn:hivematrix:tokens-ended"


async def test_n147_tokens_that_ended_are_refused_with_all_that_came_of_them(alice, bob, stranger, hub):
    family = "0199c6d2-0000-7000-8000-000000000001"
    for jti, ended, code in (
        (f"{family}.0", family, 401),
        (f"{family}.3.ab12", family, 401),
        (f"{family}.3.ab12", f"{family}.3", 401),
        (f"{family}.4", f"{family}.3", 200),
        ("0199c6d2-0000-7000-8000-000000000002.0", family, 200),
    ):
        await stranger.app.spine.db.run("DELETE FROM revocation")
        stranger.app.spine.callers.revocations._known.clear()
        alice.token = hub.token(CAST["alice"], "wiki", jti=jti)
        assert (await alice.api("/api/notes")).code == 200
        assert (await push(stranger, logout_token(hub, sid=None, events={TOKENS_ENDED: {"jti": ended}}))).code == 200
        assert ((await alice.api("/api/notes")).code, (await bob.api("/api/notes")).code) == (code, 200), (jti, ended)


async def test_a_session_whose_tokens_ended_signs_on_anew(alice, bob, stranger, hub, app):
    jti = (await app.spine.callers.verifier.verify(alice.token)).jti
    assert (await push(stranger, logout_token(hub, sid=None, events={TOKENS_ENDED: {"jti": jti}}))).code == 200
    assert [(await alice.fetch("/")).code, (await bob.fetch("/")).code] == [303, 200]


async def test_tokens_of_a_client_that_was_switched_off_end(alice, bob, stranger, hub):
    from hmlib.clock import utc_now

    alice.token = hub.token(CAST["alice"], "wiki", client_id="grafana")
    assert (await alice.api("/api/notes")).code == 200
    ended = {TOKENS_ENDED: {"client_id": "grafana", "at": utc_now()}}
    assert (await push(stranger, logout_token(hub, sid=None, events=ended))).code == 200
    assert [(await alice.api("/api/notes")).code, (await bob.api("/api/notes")).code] == [401, 200]


async def test_an_end_told_late_leaves_what_began_after_it(bob, stranger, hub):
    from hmlib.clock import shifted, utc_now

    events = {"http://schemas.openid.net/event/backchannel-logout": {"at": shifted(utc_now(), -60)}}
    assert (await push(stranger, logout_token(hub, sid=None, sub=CAST["bob"].id, events=events))).code == 200
    assert [(await bob.fetch("/")).code, (await bob.api("/api/notes")).code] == [200, 200]


@pytest.mark.parametrize(
    "changes",
    [
        {"events": None},
        {"events": {}},
        {"nonce": "x"},
        {"aud": "treasury"},
        {"iss": "https://evil"},
        {"exp": 1},
        {"iat": None},
        {"jti": None},
        {"sid": None},
    ],
)
async def test_n167_a_logout_token_that_does_not_hold_changes_nothing(bob, stranger, hub, changes):
    assert (await push(stranger, logout_token(hub, **changes))).code == 400
    assert (await bob.fetch("/")).code == 200


async def test_n167_a_logout_token_works_once(stranger, hub):
    token = logout_token(hub)
    assert [(await push(stranger, token)).code, (await push(stranger, token)).code] == [200, 400]
    assert (await stranger.send("/auth/backchannel-logout", "GET", None, {})).code == 405


async def test_a_changed_company_scope_counts_at_once(dave, stranger, hub):
    from hmlib.auth.permissions import CompanyScope
    from hmlib.testing.hub import ACME, GLOBEX, Person

    assert "Acme" in (await dave.fetch(f"/names?ids={ACME},{GLOBEX}")).text
    hub.people[CAST["dave"].id] = Person(CAST["dave"].id, "dave", "client", CompanyScope("only", frozenset({GLOBEX})))
    token = logout_token(hub, sid=None, sub=CAST["dave"].id, events={"urn:hivematrix:scope-changed": {}})
    assert (await push(stranger, token)).code == 200
    assert "Globex" in (await dave.fetch(f"/names?ids={ACME},{GLOBEX}")).text


async def test_a_word_of_nexus_has_its_whole_effect_or_none(bob, stranger, hub, app, db, monkeypatch):
    """Were the word noted before what it says is done, a process that dies in between would lose it: Nexus's next try is refused."""
    token = logout_token(hub, sid="sid-bob")

    async def fails(*args, **options):
        raise DatabaseBusy("somebody writes")

    with monkeypatch.context() as patch:
        patch.setattr(app.spine.sessions, "end_sid", fails)
        assert (await push(stranger, token)).code == 503
    assert await db.value("SELECT count(*) FROM revocation") == 0
    assert (await push(stranger, token)).code == 200
    assert (await bob.api("/api/notes")).code == 401 and (await bob.fetch("/")).code == 303
