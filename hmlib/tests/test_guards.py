"""What stands between a page of somebody else's and ours; and that the same questions are answered otherwise without the guard."""

import pytest

from hmlib.db.engine import DatabaseDown
from hmlib.web import requests, xsrf
from hmlib.web.headers import EVERY_ANSWER

pytestmark = pytest.mark.gen_test
ORIGIN = "https://localhost:5003"
FORM = {"x": "1"}


def header_token(app, browser):
    return {"X_XSRF_Token": xsrf.token(app.spine.keys, browser.binding)}


@pytest.mark.parametrize(
    "said",
    [
        {"Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Site": "cross-site", "Origin": "https://evil.test"},
        {"Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Site": "same-site"},
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "https://localhost:5003.evil.test"},
        {"Referer": "https://evil.test/https://localhost:5003/"},
        {},
    ],
)
async def test_n029_n030_a_good_token_from_elsewhere_or_nowhere_is_refused(bob, app, said):
    assert (await bob.fetch("/", "POST", FORM, forged=True, **header_token(app, bob), **said)).code == 403


async def test_n030_control_from_our_own_page_it_is_taken(bob, app):
    for said in ({"Origin": ORIGIN}, {"Referer": f"{ORIGIN}/companies"}, {"Sec_Fetch_Site": "same-origin"}):
        assert (await bob.fetch("/", "POST", FORM, forged=True, **header_token(app, bob), **said)).code == 303


async def test_n025_to_n030_control_without_the_guard_forged_forms_are_taken(bob, monkeypatch):
    forged = {"forged": True, "Origin": "https://evil.test", "Sec_Fetch_Site": "cross-site"}
    assert (await bob.fetch("/", "POST", FORM, **forged)).code == 403
    monkeypatch.setattr("hmlib.web.page_handler.PageHandler.check_xsrf", lambda handler: None)
    assert (await bob.fetch("/", "POST", FORM, **forged)).code == 303


async def test_n027_control_a_token_bound_to_nothing_would_be_everyones(bob, alice, monkeypatch):
    bob.binding = alice.binding
    assert (await bob.fetch("/", "POST", FORM)).code == 403
    monkeypatch.setattr("hmlib.web.page_handler.PageHandler.xsrf_binding", property(lambda handler: alice.binding))
    assert (await bob.fetch("/", "POST", FORM)).code == 303


async def test_n027_the_token_from_before_signing_in_is_worth_nothing_after(stranger, bob):
    await stranger.fetch("/login?form=1")
    bob.cookies |= stranger.cookies
    bob.binding = stranger._signed_out_binding()
    assert (await bob.fetch("/", "POST", FORM)).code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json"])
async def test_n032_a_cookie_opens_no_api(alice, kind):
    alice.token = ""
    answer = await alice.fetch("/api/notes", "POST", b'{"text":"="}', Content_Type=kind)
    assert answer.code == 401


@pytest.mark.parametrize("path", ["/api/notes", "/api/openapi.json", "/", "/login?form=1", "/nothing"])
async def test_n040_no_other_origin_may_read_an_answer(alice, path):
    answer = await alice.api(path, Origin="https://evil.test")
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    preflight = await alice.send(path, "OPTIONS", None, {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"})
    assert preflight.code in (404, 405)
    assert not [name for name in preflight.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", ["/login?form=1", "/logout", "/", "/nothing"])
async def test_n043_no_page_is_shown_in_a_frame(alice, path):
    answer = await alice.fetch(path)
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"] and answer.headers["X-Frame-Options"] == "DENY"


async def test_n041_control_without_the_guard_the_way_leads_off_this_host(alice, monkeypatch):
    assert (await alice.fetch("/login?next=//evil.test/")).location == "/"
    monkeypatch.setattr(requests, "next_path", lambda text, origin: text)
    assert (await alice.fetch("/login?next=//evil.test/")).location == "//evil.test/"


async def test_n042_a_swap_is_not_sent_off_this_host_either(stranger):
    for page in ("https://evil.test/", "//evil.test", f"{ORIGIN}//evil.test", f"{ORIGIN}@evil.test/"):
        assert (await stranger.htmx("/names?ids=x", HX_Current_URL=page)).headers["HX-Redirect"] == "/login?next=/"


async def test_n046_the_cookie_of_another_service_is_worth_nothing_here(alice):
    ours = alice.cookies.pop("__Host-hm_wiki")
    for name in ("__Host-hm_nexus", "__Host-hm_treasury", "hm_wiki"):
        alice.cookies = {name: ours}
        assert (await alice.fetch("/")).code == 303


async def test_n047_the_token_travels_in_no_address(alice, app):
    page = (await alice.fetch("/")).text
    token = xsrf.token(app.spine.keys, alice.binding)
    assert token in page
    assert f"?{xsrf.FIELD}=" not in page and f"&{xsrf.FIELD}=" not in page
    answer = await alice.fetch(f"/settings?{xsrf.FIELD}={token}", "POST", {}, forged=True, Origin=ORIGIN)
    assert answer.code == 403


async def test_n049_an_address_answers_the_same_whoever_asks(alice):
    for path, page in (("/", True), ("/names?ids=x", False)):
        plain, swapped = await alice.fetch(path), await alice.htmx(path)
        assert ("<html" in plain.text, "<html" in swapped.text) == (page, page)
        assert plain.headers["Cache-Control"] == "no-store" and plain.headers["Vary"] == "Cookie, Accept-Encoding"


async def test_n109_only_a_page_that_needs_it_begins_a_sign_on(stranger):
    for path in ("/api/docs", "/nothing", "/logout", "/login?form=1", "/api/notes"):
        answer = await stranger.fetch(path)
        assert "oauth/authorize" not in answer.location and "__Host-hm_wiki" not in stranger.cookies
    assert (await stranger.fetch("/")).location.startswith("/login?next=")


@pytest.mark.parametrize("method", ["TRACE", "FOO", "PATCH"])
async def test_n051_a_method_that_is_not_offered_is_405_with_those_that_are(alice, method):
    answer = await alice.send("/api/notes", method, None, {"Authorization": f"Bearer {alice.token}"})
    assert (answer.code, answer.headers["Allow"]) == (405, "GET, HEAD, POST, PUT")
    assert {name: answer.headers.get(name) for name in ("Server", "X-Content-Type-Options")} == {
        name: EVERY_ANSWER[name] for name in ("Server", "X-Content-Type-Options")
    }


@pytest.mark.parametrize("path", ["/", "/api/settings", "/settings"])
async def test_n180_without_its_database_a_service_lets_nobody_in_and_says_when_to_come_back(alice, app, monkeypatch, path):
    async def down(*_, **__):
        raise DatabaseDown("gone")

    for name in ("one", "all", "value"):
        monkeypatch.setattr(type(app.spine.db), name, down)
    answer = await alice.fetch(path) if not path.startswith("/api") else await alice.api(path)
    assert answer.code == 503 and answer.headers["Retry-After"] == "5" and "gone" not in answer.text
    monkeypatch.undo()
    assert (await alice.fetch("/")).code == 200
