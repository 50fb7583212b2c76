"""The system's Chromium for tests, and what axe finds on a page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

AXE = Path(__file__).parent.parent.parent / "tests" / "assets" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium; FileNotFoundError where none is installed."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise FileNotFoundError("no Chromium on this machine: install the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield browser
        browser.close()


def findings(page: Page) -> list[str]:
    """What axe objects to, one line for each rule that is broken."""
    return _broken(page, {"type": "tag", "values": RULES})


def colour_findings(page: Page) -> list[str]:
    """What axe objects to in the colours alone: all that differs between light and dark."""
    return _broken(page, {"type": "rule", "values": ["color-contrast", "link-in-text-block"]})


def _broken(page: Page, only: dict[str, object]) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    result = page.evaluate("only => axe.run(document, {runOnly: only, resultTypes: ['violations'], preload: false})", only)
    return [f"{found['id']}: {[node['target'] for node in found['nodes']]}" for found in result["violations"]]
