"""The suite in real Chromium: the main journey, and every page that can be reached by links, looked at by axe in light and dark."""

import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Error, expect

from hmlib.tests.chromium import ARGS, colour_findings, findings
from tests.whole import PASSWORD, SERVICES, within

pytestmark = [pytest.mark.journey, pytest.mark.browser]
DESK = {"width": 1280, "height": 900}
SHOTS = os.environ.get("HM_TEST_SHOTS", "")
PARTICULAR = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/|$)|(?<=/clients/)(?!new$)[\w-]+|(?<=/imports/)[\w-]+")
SKIPPED = re.compile(r"/(export|file|login|logout|rows|errors)\b|openapi\.json")


@pytest.fixture(scope="module")
def browser(whole):
    import shutil

    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or pytest.fail("no Chromium on this machine: install the package chromium")
    with sync_playwright() as playwright:
        pinned = [*ARGS, f"--ignore-certificate-errors-spki-list={whole.pin}"]
        running = playwright.chromium.launch(executable_path=path, args=pinned)
        yield running
        running.close()


class Tab:
    """A page that remembers what went wrong in it."""

    def __init__(self, browser, **options):
        self.context = browser.new_context(viewport=DESK, reduced_motion="reduce", **options)
        self.page = self.context.new_page()
        self.wrong, self.urls = [], []
        self.page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self.urls.append(request.url))

    def sign_in(self, origin, name):
        self.page.goto(origin + "/")
        self.page.fill("input[name=username]", name)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("form button:has-text('Sign in')")
        self.page.wait_for_url(origin + "/**", wait_until="load")
        self.page.wait_for_selector(".hm-me")

    @property
    def asks_for_password(self):
        return self.page.locator("input[name=password]").count() > 0


@pytest.fixture
def tab(browser):
    made = Tab(browser)
    yield made
    made.context.close()


def test_the_main_journey(whole, tab):
    """Sign in on Wiki's own form; Treasury opens without one; sign out there, and Wiki asks again."""
    tab.sign_in(whole.origins["wiki"], "alice")
    tab.page.click("nav.hm-modules a:has-text('Treasury')")
    tab.page.wait_for_selector(".hm-me")
    assert tab.page.url.startswith(whole.origins["treasury"]) and not tab.asks_for_password
    stored = tab.page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, document.documentElement.outerHTML])")
    assert not re.search(r"eyJ[\w-]{10,}\.|__Host-", stored)
    assert not [url for url in tab.urls if re.search(r"eyJ[\w-]{10,}\.", url)]
    tab.page.click("button.hm-me")
    tab.page.click("button:has-text('Sign out')")
    tab.page.wait_for_selector("input[name=password]")

    def wiki_asks():
        tab.page.goto(whole.origins["wiki"] + "/")
        return tab.asks_for_password

    assert within(2, wiki_asks) < 2


def test_a_form_sent_twice_adds_one_entry(whole, tab):
    """A double click, and Back and again, are one entry; with other hours the form asks first, and a fresh form is another one."""
    origin, words = whole.origins["treasury"], f"Sent twice {os.urandom(4).hex()}"
    tab.sign_in(origin, "bob")

    def entries():
        found = whole.api("treasury", "/api/labour-entries", token=whole.token("bob", "treasury"), params={"q": words}).json()
        return len(found["items"] if isinstance(found, dict) else found)

    listed = whole.api("nexus", "/api/companies", token=whole.token("bob", "nexus"), params={"limit": "1"}).json()
    company = (listed["items"] if isinstance(listed, dict) else listed)[0]["account_number"]
    added = re.compile(re.escape(origin) + "/labour/[0-9a-f-]{36}")

    def save(hours, clicks=1):
        tab.page.fill("[name=company_id]", company)
        tab.page.fill("[name=worked_at]", "2026-01-05T09:00")
        tab.page.fill("[name=hours]", hours)
        tab.page.fill("[name=description]", words)
        tab.page.click("form.hm-form button.btn-primary", click_count=clicks)

    tab.page.goto(origin + "/labour/new")
    save("1.5", clicks=2)
    tab.page.wait_for_url(added)
    assert entries() == 1
    tab.page.go_back()
    save("1.5")
    tab.page.wait_for_url(added)
    assert entries() == 1
    tab.page.go_back()
    save("2")
    expect(tab.page.locator(".alert-danger")).to_contain_text("This form was sent and saved already")
    if SHOTS:
        tab.page.screenshot(path=Path(SHOTS) / "sent-before.png")
    assert entries() == 1
    tab.page.click("form.hm-form button.btn-primary")
    tab.page.wait_for_url(added)
    assert entries() == 2
    tab.page.goto(origin + "/labour/new")
    save("2")
    tab.page.wait_for_url(added)
    assert entries() == 3


class Hopping:
    """A program whose callback sends people on to another host: what it was sent, and where."""

    def __init__(self):
        self.asked = []
        program = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                program.asked.append(f"http://{self.headers['Host']}{self.path}")
                here = self.path.startswith("/callback")
                self.send_response(302 if here else 200)
                if here:
                    self.send_header("Location", f"{program.landing}?{self.path.partition('?')[2]}")
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<h1>Arrived</h1>")

            def log_message(self, *_):
                """Nothing on the terminal."""

        self.servers = [ThreadingHTTPServer(("127.0.0.1", 0), Answer) for _ in range(2)]
        first, second = (server.server_address[1] for server in self.servers)
        self.callback, self.landing = f"http://127.0.0.1:{first}/callback", f"http://localhost:{second}/landed"
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def hopping():
    made = Hopping()
    yield made
    made.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_program_whose_callback_hops_to_another_host_is_reached(whole, browser, hopping, scripts):
    """form-action holds for the whole chain after a form post; both of Nexus's forms lead on without such a chain."""
    client_id = json.loads(whole.hm("client", "add", "Hopping", "--redirect-uri", hopping.callback, "--json"))["client_id"]
    asked = {
        "response_type": "code", "client_id": client_id, "redirect_uri": hopping.callback, "scope": "openid", "state": "s",
        "nonce": "n", "code_challenge": "c" * 43, "code_challenge_method": "S256",
    }  # fmt: skip
    tab = Tab(browser, java_script_enabled=scripts)
    for answer, said in (("Do not allow", "error=access_denied"), ("Allow", "code=")):
        tab.page.goto(f"{whole.origins['nexus']}/oauth/authorize?{urlencode(asked)}")
        if tab.asks_for_password:
            tab.page.fill("input[name=username]", "alice")
            tab.page.fill("input[name=password]", PASSWORD)
            tab.page.click("form button:has-text('Sign in')")
        tab.page.get_by_role("button", name=answer, exact=True).click()
        tab.page.wait_for_url(hopping.landing + "**")
        assert "Arrived" in tab.page.content() and said in tab.page.url
    assert not [message for message in tab.wrong if "form-action" in message or "Content Security Policy" in message]
    tab.context.close()


def test_n048_back_after_signing_out_shows_nothing(whole, tab):
    tab.sign_in(whole.origins["wiki"], "alice")
    tab.page.goto(whole.origins["wiki"] + "/articles")
    tab.page.click("button.hm-me")
    tab.page.click("button:has-text('Sign out')")
    tab.page.wait_for_selector("input[name=password]")
    tab.page.go_back()
    tab.page.wait_for_load_state("load")
    assert tab.page.locator(".hm-me").count() == 0


def test_n037_the_policy_stops_what_is_not_ours(whole, tab):
    tab.sign_in(whole.origins["wiki"], "alice")
    tab.page.evaluate("""() => {
        window.ran = [];
        const script = document.createElement("script");
        try { script.textContent = "window.ran.push('inline')"; document.body.append(script); } catch (refused) {}
        const link = document.createElement("div");
        try { link.innerHTML = "<img src=x onerror=window.ran.push('handler')>"; document.body.append(link); } catch (refused) {}
        setTimeout(() => { try { eval("window.ran.push('eval')"); } catch (refused) {} }, 0);  // evaluate() itself may eval
    }""")
    tab.page.wait_for_timeout(200)
    assert tab.page.evaluate("window.ran") == []


def test_searching_as_one_types_keeps_the_address_and_the_focus(whole, tab):
    tab.sign_in(whole.origins["nexus"], "alice")
    tab.page.goto(whole.origins["nexus"] + "/companies")
    search = tab.page.locator("main input[type=search]").first
    search.click()
    search.press_sequentially("10000", delay=20)
    tab.page.wait_for_url("**q=10000**")
    assert tab.page.evaluate("document.activeElement.type") == "search"
    expect(tab.page.locator("main tbody tr")).to_have_count(9)
    assert not tab.wrong, tab.wrong


def shape_of(url):
    """An address without its query and with what is particular taken out: pages of one shape are made by one template."""
    return PARTICULAR.sub("*", url.partition("#")[0].partition("?")[0])


def reachable(tab, origin):
    """Every page of a service that links lead to, one of each shape, with its status; 0 where no page came."""
    waiting, seen = [origin + "/", origin + "/api/docs"], {shape_of(origin + "/"), shape_of(origin + "/api/docs")}
    while waiting:
        url = waiting.pop(0)
        try:
            yield url, tab.page.goto(url).status
        except Error:
            yield url, 0
            continue
        for link in tab.page.eval_on_selector_all("a[href]:not([download])", "links => links.map(link => link.href)"):
            if link.startswith(origin + "/") and not SKIPPED.search(link) and shape_of(link) not in seen:
                seen.add(shape_of(link))
                waiting.append(link)


def objections_to(tab, name):
    """What is wrong with the page that is open: for axe in light and dark, and on a telephone."""
    found = [] if tab.page.locator("h1").count() == 1 else ["not one h1"]
    if not re.search(r" · \w+ · HiveMatrix$", tab.page.title()):
        found.append(f"the title {tab.page.title()}")
    found += [f"(light) {broken}" for broken in findings(tab.page)]
    shot(tab, f"{name}-light")
    tab.page.emulate_media(color_scheme="dark")
    found += [f"(dark) {broken}" for broken in colour_findings(tab.page)]
    shot(tab, f"{name}-dark")
    tab.page.emulate_media(color_scheme="light")
    tab.page.set_viewport_size({"width": 360, "height": 800})
    wide = tab.page.evaluate("document.documentElement.scrollWidth")
    shot(tab, f"{name}-narrow")
    tab.page.set_viewport_size(DESK)
    return found if wide <= 360 else [*found, f"{wide} px wide at 360"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_page_is_accessible_in_light_and_dark(whole, tab, service):
    origin = whole.origins[service]
    tab.sign_in(origin, "alice")
    objections, visited = [], 0
    for url, status in reachable(tab, origin):
        path = url.removeprefix(origin)
        found = [f"status {status}"] if status != 200 else objections_to(tab, service + shape_of(path))
        objections += [f"{path}: {one}" for one in found]
        visited += 1
    assert not objections, "\n".join(objections)
    assert not tab.wrong, tab.wrong
    assert visited >= 15


@pytest.mark.parametrize("service", SERVICES)
def test_the_sign_in_pages_are_accessible(whole, tab, service):
    tab.page.goto(whole.origins[service] + "/")
    tab.page.wait_for_selector("input[name=password]")
    assert not objections_to(tab, f"{service}-sign-in")


def shot(tab, name):
    """A picture for whoever wants to look: set HM_TEST_SHOTS to a folder."""
    if SHOTS:
        folder = Path(SHOTS)
        folder.mkdir(parents=True, exist_ok=True)
        tab.page.screenshot(path=folder / (re.sub(r"[^\w.-]+", "_", name).strip("_") + ".png"), full_page=True)
