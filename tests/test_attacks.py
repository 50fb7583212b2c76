"""Attacks that only the whole suite can answer: hostile names in three services, replayed cookies, and processes that die."""

import os
import re
import signal

import pytest

from tests.test_browser import Tab, browser, tab  # noqa: F401  fixtures
from tests.whole import PASSWORD, SERVICES, within

pytestmark = pytest.mark.journey
HOSTILE = """<img src=x onerror=alert(1)>"'><button hx-get=/api/users hx-trigger=load>{{7*7}}</script>"""


@pytest.fixture
def hostile(whole):
    """A company of that name; it is gone again afterwards."""
    made = whole.api("nexus", "/api/companies", "POST", whole.token("alice"), json={"name": HOSTILE})
    assert made.status_code == 201, made.text
    yield made.json()
    id, etag = made.json()["id"], made.headers["Etag"]
    assert whole.api("nexus", f"/api/companies/{id}", "DELETE", whole.token("alice"), headers={"If-Match": etag}).status_code == 204


@pytest.mark.browser
@pytest.mark.parametrize("service", SERVICES)
def test_n001_n002_n004_n010_a_hostile_name_is_only_a_name(whole, tab, hostile, service):  # noqa: F811
    dialogs = []
    tab.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    tab.sign_in(whole.origins[service], "alice")
    paths = ["/companies?q=onerror", "/companies/rows?q=onerror", f"/companies/{hostile['id']}"]
    for path in paths + ([f"/companies/{hostile['id']}/edit"] if service == "nexus" else []):
        assert tab.page.goto(whole.origins[service] + path).status == 200, path
        tab.page.wait_for_timeout(200)
        assert "<img src=x onerror" in tab.page.content().replace("&lt;", "<"), path
        assert tab.page.locator("[hx-get='/api/users'], img[src=x]").count() == 0, path
    said = [text for text in tab.wrong if "404" not in text]  # a piece of a page, opened alone, names no icon
    assert not dialogs and not said, said
    assert not [url for url in tab.urls if url.endswith(("/api/users", "/x"))]


def replayed(whole, service, cookie):
    """Whether an old cookie opens a service still; asked of both processes."""
    return [whole.api(service, "/companies", headers={"Cookie": cookie}, allow_redirects=False).status_code for _ in range(4)]


def test_n100_a_cookie_that_was_kept_opens_nothing_after_signing_out(whole, visitor):
    visitor.sign_in("wiki", "alice")
    for service in SERVICES:
        visitor.get(whole.origins[service] + "/")
    kept = {
        service: "; ".join(f"{c.name}={c.value}" for c in visitor.session.cookies if c.name == f"__Host-hm_{service}")
        for service in SERVICES
    }
    assert all(200 in replayed(whole, service, kept[service]) for service in SERVICES)
    visitor.send(visitor.get(whole.origins["wiki"] + "/"), contains='action="/logout"')
    for service in SERVICES:
        within(2.5, lambda service=service: set(replayed(whole, service, kept[service])) == {303})


def test_n111_killing_and_restarting_everything_revives_nothing(whole, visitor):
    visitor.sign_in("wiki", "bob")
    token, old = whole.token("bob", "wiki"), {c.name: c.value for c in visitor.session.cookies}
    assert whole.api("wiki", "/api/articles?limit=1", token=token).status_code == 200
    whole.person("frank")
    franks = whole.token("frank", "wiki")
    whole.hm("user", "disable", "frank")
    visitor.send(visitor.get(whole.origins["wiki"] + "/"), contains='action="/logout"')
    within(2.5, lambda: whole.api("wiki", "/api/articles?limit=1", token=franks).status_code == 401)
    victims = [process for service in SERVICES for process in whole.processes(service)]
    for process in victims:
        os.kill(process.pid, signal.SIGKILL)
    pids = {process.pid for process in victims}
    within(10, lambda: not pids & {process.pid for service in SERVICES for process in whole.processes(service)})
    within(10, lambda: all(up(whole, service) for service in SERVICES))
    for _ in range(6):
        assert whole.api("wiki", "/api/articles?limit=1", token=franks).status_code == 401
        assert replayed(whole, "wiki", f"__Host-hm_wiki={old['__Host-hm_wiki']}") == [303] * 4


def up(whole, service):
    try:
        return whole.api(service, "/readyz").status_code == 200
    except OSError:
        return False


def test_n178_no_log_holds_what_was_typed_or_given_on_any_way_in(whole, visitor):
    wrong = "a wrong password that nobody shall read"
    visitor.sign_in("treasury", "carol", wrong)
    visitor.get(whole.origins["nexus"] + "/login?next=/oauth/authorize%3Fstate%3Dverysecretstate")
    token = whole.token("carol", "treasury")
    whole.api("treasury", f"/api/billing_summary?access_token={token}", token=token)
    whole.api("nexus", "/oauth/token", "POST", data={"grant_type": "refresh_token", "refresh_token": "r" * 40, "client_secret": "s" * 40})
    text = whole.logs()
    assert not [secret for secret in (wrong, PASSWORD, token, "verysecretstate", "r" * 40, "s" * 40) if secret in text]
    assert not re.search(r"eyJ[\w-]{10,}\.[\w-]{10,}", text)
