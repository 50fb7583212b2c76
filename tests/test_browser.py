"""The suite in real Chromium: the main journey, and every page that can be reached by links, looked at by axe in light and dark."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from hmlib.tests.chromium import ARGS, findings
from tests.whole import PASSWORD, SERVICES, within

pytestmark = [pytest.mark.journey, pytest.mark.browser]
SHOTS = os.environ.get("HM_TEST_SHOTS", "")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d{2}|(?<=/)\d{6}(?=/|$)")


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
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce", **options)
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
    expect(tab.page.locator("tbody tr")).to_have_count(9)
    assert not tab.wrong, tab.wrong


def shape_of(url):
    """An address with its ids and its query taken out: one of a kind is enough."""
    path = url.split("#")[0]
    path, _, query = path.partition("?")
    return ID.sub("*", path) + ("?" + "&".join(sorted(part.partition("=")[0] for part in query.split("&"))) if query else "")


def reachable(tab, origin):
    """Every page of a service that links lead to, one of each shape."""
    waiting, seen = [origin + "/"], {shape_of(origin + "/")}
    while waiting:
        url = waiting.pop(0)
        answer = tab.page.goto(url)
        yield url, answer
        for link in tab.page.eval_on_selector_all("a[href]:not([download])", "links => links.map(link => link.href)"):
            skip = re.search(r"/(export|file|login|logout|rows)\b|openapi\.json|[?&](cursor|sort)=", link)
            if link.startswith(origin + "/") and not skip and shape_of(link) not in seen:
                seen.add(shape_of(link))
                waiting.append(link.split("#")[0])


@pytest.mark.parametrize("service", SERVICES)
def test_every_page_is_accessible_in_light_and_dark(whole, browser, service):
    tab = Tab(browser)
    tab.sign_in(whole.origins[service], "alice")
    objections, visited = [], 0
    for url, answer in reachable(tab, whole.origins[service]):
        path = url.removeprefix(whole.origins[service])
        if answer.status != 200:
            objections.append(f"{path}: {answer.status}")
            continue
        visited += 1
        assert tab.page.locator("h1").count() == 1, path
        assert re.search(r" · \w+ · HiveMatrix$", tab.page.title()), path
        for scheme in ("light", "dark"):
            tab.page.emulate_media(color_scheme=scheme)
            objections += [f"{path} ({scheme}): {found}" for found in findings(tab.page)]
            shot(tab, f"{service}{shape_of(path)}-{scheme}")
        tab.page.set_viewport_size({"width": 360, "height": 800})
        wide = tab.page.evaluate("document.documentElement.scrollWidth")
        if wide > 360:
            objections.append(f"{path}: {wide} px wide at 360")
        shot(tab, f"{service}{shape_of(path)}-narrow")
        tab.page.set_viewport_size({"width": 1280, "height": 900})
    tab.context.close()
    assert not objections, "\n".join(objections)
    assert not tab.wrong, tab.wrong
    assert visited >= 8


@pytest.mark.parametrize("service", SERVICES)
def test_the_sign_in_pages_are_accessible(whole, tab, service):
    tab.page.goto(whole.origins[service] + "/")
    tab.page.wait_for_selector("input[name=password]")
    for scheme in ("light", "dark"):
        tab.page.emulate_media(color_scheme=scheme)
        assert not findings(tab.page)
        shot(tab, f"{service}-sign-in-{scheme}")


def shot(tab, name):
    """A picture for whoever wants to look: set HM_TEST_SHOTS to a folder."""
    if SHOTS:
        folder = Path(SHOTS)
        folder.mkdir(parents=True, exist_ok=True)
        tab.page.screenshot(path=folder / (re.sub(r"[^\w.-]+", "_", name).strip("_") + ".png"), full_page=True)
