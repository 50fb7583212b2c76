"""How soon a person sees a module they come to from another: redirects for single sign-on, the page, and its first paint in Chromium."""

import re
import shutil
import statistics
import time

from playwright.sync_api import Page, sync_playwright

from bench.table import Figure
from hmlib.tests.chromium import ARGS
from tests.whole import PASSWORD, Whole

ROUNDS = 15
MOST_MS = 150.0
PAINTED = """() => new Promise(done => {
    const first = () => performance.getEntriesByType('paint').find(entry => entry.name === 'first-paint')
    const look = () => first() ? done(performance.timeOrigin + first().startTime) : requestAnimationFrame(look)
    look()
})"""


def figures() -> list[Figure]:
    whole = Whole(demo=True)
    try:
        with sync_playwright() as playwright:
            pinned = [*ARGS, f"--ignore-certificate-errors-spki-list={whole.pin}"]
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=pinned)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            signed_in(page, whole)
            found = [arrived(page, whole) for _ in range(ROUNDS + 2)][2:]
            again = [shown(page, whole) for _ in range(ROUNDS)]
            least = [shown(page, whole, "/healthz") for _ in range(ROUNDS)]
            browser.close()
    finally:
        whole.close()
    beside = f"{statistics.median(again):.0f} signed in, {statistics.median(least):.0f} a bare line of text"
    return [Figure("first paint of Treasury, over the sign-on redirects", statistics.median(found), MOST_MS, "ms", True, beside=beside)]


def signed_in(page: Page, whole: Whole) -> None:
    page.goto(whole.origins["wiki"] + "/")
    page.fill("input[name=username]", "alice")
    page.fill("input[name=password]", PASSWORD)
    page.click("form button:has-text('Sign in')")
    page.wait_for_selector(".hm-me")


def arrived(page: Page, whole: Whole) -> float:
    """Milliseconds from setting out to the first paint, for one whom Treasury does not know yet but whose browser has been there."""
    page.context.clear_cookies(name=re.compile("^__Host-hm_treasury"))
    milliseconds = shown(page, whole)
    page.wait_for_selector(".hm-me")
    assert page.url.startswith(whole.origins["treasury"])
    return milliseconds


def shown(page: Page, whole: Whole, path: str = "/") -> float:
    page.goto("about:blank")
    began = time.time()
    page.goto(whole.origins["treasury"] + path, wait_until="commit")
    return page.evaluate(PAINTED) - began * 1000
