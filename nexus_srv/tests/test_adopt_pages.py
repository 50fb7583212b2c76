"""The hand-over from a module's own form to the browser's session here."""

import pytest

from nexus_srv.tests.conftest import PASSWORD
from nexus_srv.tests.oauth_client import onward

pytestmark = pytest.mark.gen_test
WIKI = "https://localhost:5003"
NEXT = f"{WIKI}/articles?q=a%20b"


async def signed_in_at(client, username="bob"):
    """What a module gets for a password typed into its own form."""
    body = {"username": username, "password": PASSWORD, "address": "203.0.113.7", "browser": "Firefox"}
    answer = await client.browser.api("/api/token", "POST", body, **client.basic)
    assert answer.code == 200, answer.text
    return answer.json


async def adopt(browser, ticket, next=NEXT, origin=WIKI):
    """The browser posts the ticket from the module's page and goes where it is sent."""
    headers = {"Origin": origin, "Sec_Fetch_Site": "same-site"} if origin else {}
    answer = await browser.fetch("/sso/adopt", "POST", {"ticket": ticket, "next": next}, forged=True, **headers)
    if answer.code != 303:
        return answer
    assert answer.location == "/sso/finish"
    return await browser.fetch(answer.location)


async def test_the_browser_gets_the_very_session_of_the_module(stranger, wiki, db):
    given = await signed_in_at(wiki)
    answer = await adopt(stranger, given["ticket"])
    assert answer.code == 303 and answer.location == NEXT
    assert (await stranger.fetch("/account")).code == 200
    assert [row["sid"] for row in await db.all("SELECT sid FROM session")] == [given["sid"]]
    assert "code=" in (await stranger.fetch(wiki.authorize_url(prompt="none"))).location
    assert (await wiki.refresh(given["refresh_token"])).code == 200


async def test_a_ticket_is_good_once(stranger, wiki, db):
    given = await signed_in_at(wiki)
    await adopt(stranger, given["ticket"])
    stranger.cookies.clear()
    assert (await adopt(stranger, given["ticket"])).code == 400
    assert (await stranger.fetch("/account")).location.startswith("/login")


async def test_a_ticket_is_good_for_half_a_minute(stranger, wiki, db):
    given = await signed_in_at(wiki)
    await db.run("UPDATE adoption_ticket SET expires_at = '2020-01-01T00:00:00.000000Z'")
    assert (await adopt(stranger, given["ticket"])).code == 400


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "null", "", "https://localhost:5003.evil.example.com", "http://localhost:5003"]
)
async def test_n028_only_a_page_of_the_suite_may_bring_one(stranger, wiki, origin):
    given = await signed_in_at(wiki)
    assert (await adopt(stranger, given["ticket"], origin=origin)).code == 403
    assert (await adopt(stranger, given["ticket"])).code == 303


async def test_another_modules_page_may_not_bring_it(stranger, wiki, treasury):
    given = await signed_in_at(wiki)
    assert (await adopt(stranger, given["ticket"], origin="https://localhost:5002")).code == 400


AWAY = [
    "https://evil.example.com/",
    "//evil.example.com",
    f"{WIKI}.evil.example.com/",
    f"{WIKI}@evil.example.com/",
    f"{WIKI}//evil",
    "",
    "x",
]


@pytest.mark.parametrize("next", AWAY)
async def test_n041_the_way_leads_to_the_module_alone(stranger, wiki, next):
    given = await signed_in_at(wiki)
    assert (await adopt(stranger, given["ticket"], next=next)).location == f"{WIKI}/"


async def test_the_same_person_goes_on_with_one_session(bob, wiki, db):
    given = await signed_in_at(wiki)
    assert (await adopt(bob, given["ticket"])).location == NEXT
    assert [row["sid"] for row in await db.all("SELECT sid FROM session")] == [given["sid"]]
    assert (await bob.fetch("/account")).code == 200


async def test_n102_a_different_persons_session_is_not_replaced_without_asking(bob, wiki, people):
    given = await signed_in_at(wiki, "carol")
    page = await adopt(bob, given["ticket"])
    assert (
        page.code == 200
        and "Carol" in page.text
        and "Bob" in page.text
        and "form-action 'self';" in page.headers["Content-Security-Policy"]
    )
    assert 'value="bob"' in (await bob.fetch("/account")).text or "Bob" in (await bob.fetch("/account")).text
    assert (await bob.fetch("/sso/switch", "POST", "", forged=True)).code == 403
    answer = await bob.fetch("/sso/switch", "POST", "")
    assert onward(answer) == NEXT
    assert "Carol" in (await bob.fetch("/account")).text


async def test_a_stranger_cannot_finish_what_was_not_begun(stranger, wiki):
    given = await signed_in_at(wiki)
    assert (await stranger.fetch("/sso/finish")).location == "/"
    stranger.cookies["__Host-hm_nexus_sso"] = given["ticket"]
    assert (await stranger.fetch("/sso/finish")).location == "/"
    assert (await stranger.fetch("/account")).location.startswith("/login")


async def test_n033_the_ticket_is_not_taken_by_get(stranger):
    assert (await stranger.fetch("/sso/adopt")).code == 405
