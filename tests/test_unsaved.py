"""Nothing typed is lost, in real Chromium over the real suite: the session ends while a long form is open, with JavaScript and without."""

import re

import pytest
import requests
from playwright.sync_api import expect

from tests.test_browser import DESK, Tab, browser  # noqa: F401  the fixture
from tests.whole import PASSWORD, within

pytestmark = [pytest.mark.journey, pytest.mark.browser]
LONG = "\n".join(f'{n}. Ärger & <b>Größe</b> "{n}"' for n in range(400))


class Person(Tab):
    """Somebody at a browser, who may have switched JavaScript off."""

    def __init__(self, browser, scripts):  # noqa: F811
        super().__init__(browser, java_script_enabled=scripts)
        self.scripts = scripts

    def sign_in_here(self, page, name):
        """On the page that asks for it, wherever it came from."""
        if page.locator("input[name=password]").count():
            page.fill("input[name=username]", name)
            page.fill("input[name=password]", PASSWORD)
            page.click("form button:has-text('Sign in')")
        if not self.scripts and page.locator("form[action$='/sso/adopt']").count():
            page.click("form[action$='/sso/adopt'] button")

    def enter(self, origin, name):
        self.page.goto(origin + "/")
        self.sign_in_here(self.page, name)
        self.page.wait_for_selector(".hm-me")

    def save(self):
        self.page.locator("form.hm-form .hm-submit button").first.click()

    def sign_in_again(self, name):
        """In the second tab that the page offers."""
        with self.context.expect_page() as opened:
            self.page.click("a[target=_blank]:has-text('Sign in')")
        second = opened.value
        second.wait_for_load_state()
        self.sign_in_here(second, name)
        second.wait_for_selector("[data-signed-in]", state="attached")
        second.close()


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def person(request, browser):  # noqa: F811
    made = Person(browser, request.param)
    yield made
    made.context.close()


@pytest.fixture
def ended(whole):
    """Ends every session of somebody from another browser, and waits until a service has heard of it."""

    def end(name, service, path):
        visitor = whole.visitor()
        visitor.sign_in("nexus", name)
        account = visitor.get(whole.origins["nexus"] + "/account")
        visitor.send(account, contains="/account/sessions/end")

    return end


def over(whole, person, origin):
    """Whether the service has heard that the session is over, asked without touching the open page."""
    sent = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in person.context.cookies(origin))
    return (
        requests.get(origin + "/session", headers={"Cookie": sent}, verify=whole.ca, allow_redirects=False, timeout=30).status_code == 303
    )


def drafts(person):
    return person.page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('hm_draft '))")


def field_of(page, name):
    return page.locator(f".hm-kept input[name='{name}']").input_value()


def test_a_long_article_is_saved_after_signing_in_again(whole, person, ended):
    wiki = whole.origins["wiki"]
    person.enter(wiki, "alice")
    person.page.goto(wiki + "/articles/new")
    title = f"A long night {person.scripts}"
    person.page.fill("#title", title)
    person.page.fill("#body", LONG)
    ended("alice", "wiki", "/articles/new")
    within(5, lambda: over(whole, person, wiki))
    person.save()
    expect(person.page.locator("h1")).to_have_text("Not saved yet")
    assert field_of(person.page, "body").replace("\r\n", "\n") == LONG
    person.sign_in_again("alice")
    if person.scripts:
        expect(person.page.locator("#signed-in-again")).to_be_visible()
    person.page.click("button:has-text('Save now')")
    expect(person.page.locator("h1")).to_have_text(title)
    assert '"399"' in person.page.locator("article").inner_text()


@pytest.mark.parametrize(
    ("service", "path", "fields"),
    [
        ("nexus", "/companies/new", {"name": "Night Shift", "notes": "one\ntwo", "city": "Århus", "domains": "night.example"}),
        ("treasury", "/plans/new", {"name": "Night plan"}),
    ],
)
def test_a_long_form_is_saved_after_signing_in_again(whole, person, ended, service, path, fields):
    origin = whole.origins[service]
    person.enter(origin, "alice")
    person.page.goto(origin + path)
    named = {**fields, "name": f"{fields['name']} {person.scripts}"}
    for name, value in named.items():
        person.page.fill(f"[name='{name}']", value)
    ended("alice", service, path)
    within(5, lambda: over(whole, person, origin))
    person.save()
    expect(person.page.locator("h1")).to_have_text("Not saved yet")
    person.sign_in_again("alice")
    person.page.click("button:has-text('Save now')")
    expect(person.page.locator("main")).to_contain_text(named["name"])
    person.page.wait_for_selector(".hm-me")


def test_another_person_is_asked(whole, person, ended):
    wiki = whole.origins["wiki"]
    person.enter(wiki, "alice")
    person.page.goto(wiki + "/articles/new")
    person.page.fill("#title", f"Alice's own {person.scripts}")
    person.page.fill("#body", "Only she may say so.")
    ended("alice", "wiki", "/articles/new")
    within(5, lambda: over(whole, person, wiki))
    person.save()
    person.sign_in_again("bob")
    person.page.click("button:has-text('Save now')")
    expect(person.page.locator(".alert-warning")).to_contain_text("Nothing has been saved")
    person.page.click("button:has-text('Save it as')")
    expect(person.page.locator("h1")).to_have_text(f"Alice's own {person.scripts}")
    assert re.search("bob", person.page.locator("main").inner_text(), re.IGNORECASE)


# What only scripts can do


@pytest.fixture
def alice(whole, browser):  # noqa: F811
    made = Person(browser, True)
    made.enter(whole.origins["wiki"], "alice")
    yield made
    made.context.close()


def test_writing_on_while_signed_out_is_told_and_loses_nothing(whole, alice, ended):
    wiki = whole.origins["wiki"]
    alice.page.goto(wiki + "/articles/new")
    ended("alice", "wiki", "/articles/new")
    within(5, lambda: over(whole, alice, wiki))
    alice.page.locator("#body").press_sequentially("A thought")
    expect(alice.page.locator("#hm-session")).to_be_visible()
    alice.sign_in_again("alice")
    expect(alice.page.locator("#hm-session")).not_to_be_visible()
    assert alice.page.input_value("#body") == "A thought"
    with alice.page.expect_response("**/articles/preview") as refused:
        alice.page.locator("#body").press_sequentially(" goes")
    assert refused.value.status == 403  # the token of the session before; the answer brings the new one
    alice.page.locator("#body").press_sequentially(" on")
    expect(alice.page.locator("#preview")).to_contain_text("A thought goes on")
    alice.page.fill("#title", "Thoughts")
    alice.save()
    expect(alice.page.locator("h1")).to_have_text("Thoughts")


def test_a_warning_comes_before_the_end_and_one_can_stay(whole, alice):
    alice.page.clock.install()
    alice.page.goto(whole.origins["wiki"] + "/articles/new")
    asked = []
    alice.page.on("request", lambda request: "/static/" in request.url or asked.append(request.url))
    alice.page.clock.fast_forward("57:30")
    expect(alice.page.locator("#hm-session")).not_to_be_visible()
    alice.page.clock.fast_forward("00:45")
    expect(alice.page.locator("#hm-session")).to_be_visible()
    assert not asked  # looking at the clock asks nobody, so it keeps no session alive
    alice.page.click("button:has-text('Stay signed in')")
    expect(alice.page.locator("#hm-session")).not_to_be_visible()
    assert [url.rpartition("/")[2] for url in asked] == ["session"]


def test_staying_in_one_tab_is_staying_in_all(whole, alice):
    alice.page.clock.install()
    alice.page.goto(whole.origins["wiki"] + "/articles/new")
    alice.page.clock.fast_forward("58:30")
    expect(alice.page.locator("#hm-session")).to_be_visible()
    ends = alice.page.evaluate("JSON.parse(localStorage.hm_session_ends).at")
    alice.page.evaluate(
        f"localStorage.hm_session_ends = JSON.stringify({{ at: {ends} + 3600000, last: 0, warn: 120 }})"
    )  # as another tab does
    alice.page.clock.fast_forward("00:10")
    expect(alice.page.locator("#hm-session")).not_to_be_visible()


def test_a_draft_comes_back_after_a_crash_and_goes_when_it_is_saved(whole, alice):
    wiki = whole.origins["wiki"]
    alice.page.goto(wiki + "/articles/new")
    alice.page.fill("#title", "Half written")
    alice.page.fill("#body", "The first half")
    within(10, lambda: drafts(alice))
    alice.page.close()  # without a word, as a crash does
    alice.page = alice.context.new_page()
    alice.page.goto(wiki + "/articles/new")
    alice.page.click("button:has-text('Bring it back')")
    assert (alice.page.input_value("#title"), alice.page.input_value("#body")) == ("Half written", "The first half")
    alice.save()
    expect(alice.page.locator("h1")).to_have_text("Half written")
    assert drafts(alice) == []
    alice.page.goto(wiki + "/articles/new")
    assert alice.page.locator(".hm-draft").count() == 0


def test_a_draft_is_not_acknowledged_by_a_form_with_mistakes(whole, alice):
    wiki = whole.origins["wiki"]
    alice.page.goto(wiki + "/articles/new")
    alice.page.fill("#body", "No title")
    alice.page.evaluate("document.querySelector('#title').required = false")
    alice.save()
    expect(alice.page.locator("[aria-invalid=true]")).to_have_count(1)
    assert len(drafts(alice)) == 1


def test_signing_out_takes_the_drafts_away(whole, alice):
    wiki = whole.origins["wiki"]
    alice.page.goto(wiki + "/articles/new")
    alice.page.fill("#title", "A secret draft")
    within(10, lambda: drafts(alice))
    alice.page.on("dialog", lambda dialog: dialog.accept())
    alice.page.click("button.hm-me")
    alice.page.click("button:has-text('Sign out')")
    alice.page.wait_for_selector("input[name=password]")
    assert drafts(alice) == []


def test_anothers_drafts_are_not_offered_and_not_kept(whole, alice):
    wiki = whole.origins["wiki"]
    alice.page.goto(wiki + "/")
    alice.page.evaluate(
        """localStorage.setItem("hm_draft somebody /articles/new", JSON.stringify({ at: Date.now(), fields: [["title", "x"]] }))"""
    )
    alice.page.goto(wiki + "/articles/new")
    assert alice.page.locator(".hm-draft").count() == 0
    assert drafts(alice) == []


@pytest.mark.parametrize("look", ["light", "dark", "narrow"])
def test_the_page_that_keeps_it_is_accessible(whole, browser, ended, look):  # noqa: F811
    from hmlib.tests.chromium import findings
    from tests.test_browser import shot

    person = Person(browser, True)
    wiki = whole.origins["wiki"]
    person.enter(wiki, "alice")
    person.page.goto(wiki + "/articles/new")
    person.page.fill("#title", "To be looked at")
    ended("alice", "wiki", "/articles/new")
    within(5, lambda: over(whole, person, wiki))
    person.page.emulate_media(color_scheme="dark" if look == "dark" else "light")
    person.page.set_viewport_size({"width": 360, "height": 800} if look == "narrow" else DESK)
    person.save()
    expect(person.page.locator("h1")).to_have_text("Not saved yet")
    shot(person, f"kept-{look}")
    assert findings(person.page) == [] and person.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    person.context.close()
