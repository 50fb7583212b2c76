"""Signing out at a client's wish (N033, N042, N166)."""

from urllib.parse import urlencode

import pytest

from nexus_srv.tests.oauth_client import onward

pytestmark = pytest.mark.gen_test
BYE = "https://localhost:5003/login"


async def page_of(browser, **asked):
    return await browser.fetch("/oauth/logout?" + urlencode(asked))


async def still_signed_in(browser):
    return (await browser.fetch("/account")).code == 200


async def test_the_person_is_asked_then_signed_out_and_sent_back(bob, wiki, db):
    hint = (await wiki.signed_in(bob))["id_token"]
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": BYE, "state": "s 1"}
    page = await page_of(bob, **asked)
    assert page.code == 200 and "form-action 'self';" in page.headers["Content-Security-Policy"] and await still_signed_in(bob)
    answer = await bob.fetch("/oauth/logout", "POST", asked | {"_xsrf": xsrf_of(page)})
    assert onward(answer) == f"{BYE}?state=s+1" and "Taking you to Wiki" in answer.text
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert await db.value("SELECT count(*) FROM session") == 0
    assert await db.value("SELECT count(*) FROM outbox_message WHERE body LIKE '%\"sid-bob\"%'") == 1


def xsrf_of(page):
    return page.text.split('name="_xsrf" value="')[1].split('"')[0]


async def test_n166_no_parameters_still_ask(bob, stranger):
    page = await page_of(bob)
    assert page.code == 200 and await still_signed_in(bob)
    answer = await bob.fetch("/oauth/logout", "POST", {"_xsrf": xsrf_of(page)})
    assert answer.location == "/login?signed_out=1" and not await still_signed_in(bob)
    assert (await page_of(stranger)).code == 200


async def test_n166_a_program_that_does_not_say_who_it_is(bob, wiki, treasury):
    hint = (await wiki.signed_in(bob))["id_token"]
    for asked in (
        {"id_token_hint": hint[:-4] + "AAAA", "post_logout_redirect_uri": BYE},
        {"id_token_hint": "x"},
        {"id_token_hint": hint, "client_id": "treasury", "post_logout_redirect_uri": BYE},
        {"id_token_hint": hint, "post_logout_redirect_uri": "https://localhost:5002/login"},
        {"post_logout_redirect_uri": BYE},
        {"client_id": "nobody", "post_logout_redirect_uri": BYE},
    ):
        answer = await page_of(bob, **asked)
        assert answer.code == 400 and "Location" not in answer.headers
    assert await still_signed_in(bob)


ADDRESSES = [
    "https://evil.example.com/",
    f"{BYE}/",
    f"{BYE}?x=1",
    "https://localhost:5003@evil.example.com/login",
    "javascript:alert(1)",
    "//evil",
]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_n042_n166_nobody_is_sent_to_an_unregistered_address(bob, wiki, address):
    hint = (await wiki.signed_in(bob))["id_token"]
    assert (await page_of(bob, id_token_hint=hint, post_logout_redirect_uri=address)).code == 400
    answer = await bob.fetch("/oauth/logout", "POST", {"id_token_hint": hint, "post_logout_redirect_uri": address, "_xsrf": "x"})
    assert answer.code in (400, 403) and await still_signed_in(bob)


async def test_n166_a_post_from_elsewhere_only_asks(bob, wiki):
    answer = await bob.fetch("/oauth/logout", "POST", {"client_id": "wiki", "post_logout_redirect_uri": BYE}, forged=True)
    assert answer.code == 303 and answer.location.startswith("/oauth/logout?client_id=wiki")
    forged = await bob.fetch("/oauth/logout", "POST", {"_xsrf": "x" * 43}, forged=True)
    assert forged.code == 403 and await still_signed_in(bob)
