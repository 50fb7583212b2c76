"""The face in a real browser, under the real policy: swaps, keys, focus, forms, no JavaScript, weight, and what axe says."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from hmlib.tests import chromium
from hmlib.tests.gallery import PLACES, Running
from hmlib.web.static_files import FOLDER

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def gallery() -> Iterator[Running]:
    with Running() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.chromium() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser, gallery: Running) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=gallery.origin)
    context.set_default_timeout(5000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def complaints(page: Page) -> list[str]:
    """What the console complains of from now on."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.id || document.activeElement.tagName")


LOOKS = [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 640)]  # 640: what 1280 pixels are at 200 %


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_axe_finds_nothing_and_nothing_sticks_out(browser, gallery, scheme, width):
    context = browser.new_context(base_url=gallery.origin, color_scheme=scheme, viewport={"width": width, "height": 800})
    page, found = context.new_page(), {}
    for place in PLACES:
        page.goto(place)
        outside = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found[place] = chromium.findings(page) + ([f"{outside} px too wide"] if outside > 0 else [])
    context.close()
    assert {place: words for place, words in found.items() if words} == {}


def test_no_page_breaks_the_policy(page, gallery):
    said = complaints(page)
    gallery.reports.clear()
    for place in PLACES:
        page.goto(place)
        page.wait_for_timeout(50)
    assert gallery.reports == []
    assert [text for text in said if "404" not in text and "forged" not in text] == []


def test_injected_script_and_style_are_blocked_and_reported(page, gallery):
    gallery.reports.clear()
    page.goto("/injected")
    page.wait_for_timeout(300)
    assert page.evaluate("[window.evil, getComputedStyle(document.querySelector('#styled')).position]") == [None, "static"]
    assert {word for word in ("script-src-elem", "script-src-attr", "style-src-attr") for report in gallery.reports if word in report} == {
        "script-src-elem", "script-src-attr", "style-src-attr",
    }  # fmt: skip


def test_text_cannot_become_markup_by_script(page):
    page.goto("/companies")
    assert "TrustedHTML" in page.evaluate(
        "(() => { try { document.body.innerHTML = '<b>x</b>' } catch (error) { return error.message } })()"
    )


def test_a_swap_carries_the_xsrf_token_asks_first_and_says_what_it_did(page):
    page.goto("/companies/7")
    page.click("#rename")
    expect(page.locator("#hm-confirm-text")).to_have_text("Rename it?")
    page.click("[data-yes]")
    expect(page.locator("#token")).to_have_text("token-of-this-session")
    expect(page.locator(".hm-toast")).to_have_text("Renamed.")
    assert focused(page) == "rename"


def test_cancelling_the_question_changes_nothing(page):
    page.goto("/companies/7")
    page.click("#rename")
    page.keyboard.press("Escape")
    page.wait_for_timeout(200)
    expect(page.locator("#token")).to_have_text("")


def test_what_came_by_a_swap_works_again(page):
    page.goto("/companies/7")
    for _ in range(2):
        page.click("#rename")
        page.click("[data-yes]")
        expect(page.locator("#token")).to_have_text("token-of-this-session")
        page.evaluate("document.querySelector('#token').textContent = ''")


def test_an_element_without_the_nonce_does_nothing(page):
    said = complaints(page)
    page.goto("/companies/7")
    page.click("#forged")
    page.wait_for_timeout(200)
    expect(page.locator("#name")).to_contain_text("Acme")
    assert page.locator("#forged").get_attribute("hx-get") is None
    assert any("no hx-nonce" in text for text in said)


def test_a_late_guard_still_comes_before_the_first_element(page):
    page.route("**/hx-csp.min.js", lambda route: (page.wait_for_timeout(400), route.continue_()))
    page.goto("/companies/7")
    assert page.locator("#forged").get_attribute("hx-get") is None
    assert page.locator("#rename").get_attribute("hx-put") is not None


def test_without_its_guard_htmx_does_nothing(page):
    page.route("**/hx-csp.min.js", lambda route: route.abort())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/companies/7")
    asked.clear()
    page.click("#forged")
    page.click("#fails")
    page.wait_for_timeout(200)
    assert [url for url in asked if "/static/" not in url] == []


@pytest.mark.parametrize(("button", "words"), [("#fails", "Not now. (0193b5f2)"), ("#proxy", "The server answered 502.")])
def test_a_failed_swap_is_told_and_replaces_nothing(page, button, words):
    page.goto("/companies/7")
    page.click(button)
    expect(page.locator(".hm-toast-danger")).to_contain_text(words)
    expect(page.locator("#name")).to_contain_text("Acme")
    page.click("[data-dismiss]")
    expect(page.locator(".hm-toast-danger")).to_have_count(0)


def test_no_answer_at_all_is_told(page, context):
    page.goto("/companies/7")
    context.set_offline(True)
    page.click("#fails")
    expect(page.locator(".hm-toast-danger")).to_contain_text("cannot be reached")


def test_searching_swaps_the_rows_and_the_address_and_keeps_the_focus(page):
    page.goto("/companies")
    page.keyboard.press("/")
    page.keyboard.type("fjord", delay=20)
    expect(page.locator("tbody tr").first).to_contain_text("Fjord")
    expect(page).to_have_url(re.compile(r"/companies\?q=fjord&sort=name&limit=25$"))
    expect(page.locator("#live")).to_have_text("1–25 of 143")
    assert focused(page) == "companies-q"


def test_back_shows_the_list_as_it_was(page):
    page.goto("/companies")
    page.fill("#companies-q", "fjord")
    expect(page.locator("tbody tr").first).to_contain_text("Fjord")
    page.click("#companies-sort-name")
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")
    page.go_back()
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "ascending")
    page.go_back()
    expect(page.locator("tbody tr").first).to_contain_text("Acme")
    expect(page.locator("#companies-q")).to_have_value("")
    page.fill("#companies-q", "birch")
    expect(page.locator("tbody tr").first).to_contain_text("Birch")


def test_a_filter_keeps_the_search_and_the_sort(page):
    page.goto("/companies?q=fjord&sort=-name")
    page.select_option("[name=status]", "left")
    expect(page).to_have_url(re.compile(r"\?q=fjord&status=left&sort=-name&limit=25$"))


def test_paging_never_leaves_the_focus_on_nothing(page):
    page.goto("/companies?q=fjord&limit=100")
    page.focus("#companies-next")
    page.keyboard.press("Enter")
    expect(page.locator(".hm-count")).to_have_text("101–143 of 143")
    assert focused(page) == "companies-rows"
    expect(page).to_have_url(re.compile("cursor=100"))


@pytest.fixture
def held(context):
    """Answers to these addresses wait until they are let go."""
    waiting = []

    def hold(address):
        context.route(address, lambda route: waiting.append(route))

    yield hold, waiting
    for route in waiting:
        route.continue_()


@pytest.mark.parametrize("deed", ["#companies-sort-name", "#companies-next"])
def test_a_list_dims_and_a_bar_runs_until_the_answer_is_there(page, held, deed):
    hold, waiting = held
    page.goto("/companies")
    hold("**/companies/rows*")
    page.click(deed)
    rows, root = page.locator("#companies-rows"), page.locator("html")
    expect(rows).to_have_attribute("aria-busy", "true")
    expect(rows).to_have_css("opacity", "0.55")
    assert rows.evaluate("list => getComputedStyle(list).transitionDuration") == "0.08s"
    expect(root).to_have_class(re.compile("hm-loading"))
    assert page.evaluate("getComputedStyle(document.documentElement, '::before').height") == "3px"
    waiting.pop().continue_()
    expect(rows).not_to_have_attribute("aria-busy", "true")
    expect(rows).to_have_css("opacity", "1")
    expect(root).not_to_have_class(re.compile("hm-loading"))


def test_a_failed_swap_leaves_nothing_dimmed(page, held):
    hold, waiting = held
    page.goto("/companies")
    hold("**/companies/rows*")
    page.click("#companies-next")
    expect(page.locator("#companies-rows")).to_have_attribute("aria-busy", "true")
    waiting.pop().abort()
    expect(page.locator("#companies-rows")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("html")).not_to_have_class(re.compile("hm-loading"))


def test_a_bar_runs_while_a_whole_page_is_on_its_way(page):
    page.goto("/companies/new")
    page.evaluate("""() => new MutationObserver(() => (sessionStorage.bar ??= document.documentElement.className))
        .observe(document.documentElement, { attributes: true, attributeFilter: ["class"] })""")
    page.click("a[href='/companies']")
    expect(page).to_have_url(re.compile("/companies$"))
    assert "hm-leaving" in page.evaluate("sessionStorage.bar")
    assert "hm-leaving" not in page.evaluate("document.documentElement.className")


def test_less_motion_is_no_less_of_a_sign(browser, gallery):
    context = browser.new_context(base_url=gallery.origin, reduced_motion="reduce")
    page, waiting = context.new_page(), []
    page.goto("/companies")
    context.route("**/companies/rows*", lambda route: waiting.append(route))
    page.click("#companies-next")
    expect(page.locator("#companies-rows")).to_have_css("opacity", "0.55")
    assert page.evaluate("getComputedStyle(document.documentElement, '::before').animationName") == "none"
    context.close()


def test_the_list_by_keys(page):
    page.goto("/companies")
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.locator("tbody tr").nth(1).locator("a").first
    expect(second).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/companies/\d+$"))
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("/companies$"))


def test_going_places_and_asking_for_help_by_keys(page):
    page.goto("/companies/7")
    page.keyboard.press("?")
    expect(page.locator("#hm-keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#hm-keys")).to_be_hidden()
    page.keyboard.press("e")
    expect(page).to_have_url(re.compile("/companies/new$"))
    page.keyboard.press("g")
    page.keyboard.press("u")
    expect(page).to_have_url(re.compile("/users$"))


def test_letters_typed_into_a_field_are_only_letters(page):
    page.goto("/companies/new")
    page.fill("#name", "")
    page.type("#name", "g c ? / j e")
    expect(page.locator("#name")).to_have_value("g c ? / j e")
    expect(page).to_have_url(re.compile("/companies/new$"))


def test_the_theme_is_kept_and_follows_the_system_again(page):
    page.emulate_media(color_scheme="light")
    page.goto("/companies")
    dark, light = "rgb(23, 23, 23)", page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click(".hm-me")
    page.check("[data-look=theme][value=dark]")
    page.goto("/companies/7")
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light, dark
    page.click(".hm-me")
    expect(page.locator("[data-look=theme][value=dark]")).to_be_checked()
    page.check("[data-look=theme][value=system]")
    page.reload()
    assert page.locator("html").get_attribute("data-bs-theme") is None
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light


def test_leaving_changed_fields_is_asked_about_once(page):
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto("/companies/new")
    page.goto("/companies/new")
    assert asked == []
    page.type("#name", "x")
    page.click(".hm-submit a")
    expect(page).to_have_url(re.compile("/companies$"))
    assert asked == ["beforeunload"]


def test_a_form_is_sent_once_and_comes_back_with_its_words_beside_the_fields(page, gallery):
    gallery.posts.clear()
    page.goto("/companies/new")
    page.fill("#name", "Typed")
    page.evaluate("for (let i = 0; i < 3; i++) document.querySelector('.hm-submit button').click()")
    expect(page.locator("#name-error")).to_have_text("That name is taken.")
    assert len(gallery.posts) == 1
    expect(page.locator("#name")).to_have_value("Typed")
    expect(page.locator("#name")).to_be_focused()
    assert page.locator("#email").get_attribute("aria-describedby") == "email-error email-help"


def test_a_destructive_form_asks_first(page, gallery):
    gallery.posts.clear()
    page.goto("/companies/7")
    page.click("#delete")
    page.keyboard.press("Escape")
    assert gallery.posts == []
    page.click("#delete")
    page.click("[data-yes]")
    expect(page).to_have_url(re.compile("/companies/new$"))
    assert len(gallery.posts) == 1


def test_the_drawer_and_the_menu_open_on_a_phone(browser, gallery):
    context = browser.new_context(base_url=gallery.origin, viewport={"width": 360, "height": 700})
    page = context.new_page()
    page.goto("/companies")
    expect(page.locator("#hm-side")).to_be_hidden()
    page.click(".hm-burger")
    expect(page.locator("#hm-side a", has_text="Treasury")).to_be_visible()
    assert chromium.findings(page) == []
    page.keyboard.press("Escape")
    page.click(".hm-me")
    box = page.locator("#hm-user").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360
    assert chromium.findings(page) == []
    context.close()


def test_the_handover_goes_on_by_itself(page):
    page.goto("/bare/handover")
    expect(page).to_have_url(re.compile("/bare/unavailable$"))


def test_everything_main_works_without_javascript(browser, gallery):
    context = browser.new_context(base_url=gallery.origin, java_script_enabled=False, color_scheme="dark")
    page = context.new_page()
    page.goto("/companies")
    page.fill("#companies-q", "fjord")
    page.click(".hm-nojs")
    expect(page.locator("tbody tr").first).to_contain_text("Fjord")
    page.click("#companies-sort-name")
    page.click("#companies-next")
    expect(page).to_have_url(re.compile("sort=-name&limit=25&cursor=25$"))
    page.goto("/companies/new")
    page.click(".hm-submit button")
    expect(page.locator("#name-error")).to_be_visible()
    expect(page.locator("body")).not_to_have_css("background-color", "rgb(250, 250, 250)")
    context.close()


def test_what_is_sent_compressed_is_the_file_itself(page):
    page.goto("/companies")
    sent = page.evaluate("fetch(document.querySelector('link[href*=tabler]').href).then(answer => answer.text())")
    assert sent == (FOLDER / "vendor/tabler/tabler.min.css").read_text()


def test_a_first_visit_is_light_and_a_second_fetches_only_the_page(page):
    sizes: list[tuple[str, int]] = []
    page.on("requestfinished", lambda request: sizes.append((request.url, request.sizes()["responseBodySize"])))
    page.goto("/companies", wait_until="networkidle")
    assert 5 < len(sizes) <= 10
    assert sum(size for _, size in sizes) <= 140_000
    page.goto("/companies/7", wait_until="networkidle")
    again = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.transferSize)")
    assert len(again) > 5
    assert sum(again) == 0
