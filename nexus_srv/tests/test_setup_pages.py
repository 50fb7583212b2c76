"""One-time links: a person sets their own password."""

import asyncio

import pytest

from nexus_srv.tests.conftest import PASSWORD

pytestmark = pytest.mark.gen_test
NEW = "five other words, longer"


async def invited(alice, user):
    answer = await alice.fetch(f"/users/{user.id}/invite", "POST", {})
    return answer.text.split("/setup#")[1].split('"')[0]


async def test_a_link_sets_the_password_once(alice, stranger, people):
    code = await invited(alice, people.bob)
    assert 'value="bob"' in (await stranger.fetch("/setup", "POST", {"code": code})).text
    answer = await stranger.fetch("/setup/password", "POST", {"code": code, "new": NEW})
    assert (answer.code, answer.location) == (303, "/login")
    assert (await stranger.fetch("/setup/password", "POST", {"code": code, "new": NEW + NEW})).code == 400
    assert (await stranger.fetch("/login", "POST", {"username": "bob", "password": NEW})).code == 303


async def test_the_code_is_in_no_address(stranger, people):
    page = (await stranger.fetch("/setup")).text
    assert 'method="post"' in page and "location.hash" in page
    assert (await stranger.fetch("/setup?code=x")).code == 200


async def test_setting_a_password_ends_what_was_open(alice, bob, stranger, people):
    code = await invited(alice, people.bob)
    await stranger.fetch("/setup/password", "POST", {"code": code, "new": NEW})
    assert (await bob.fetch("/account")).code == 303
    assert (await stranger.fetch("/login", "POST", {"username": "bob", "password": PASSWORD})).code == 401


async def test_n089_only_the_newest_living_link_of_an_active_account_works(alice, stranger, people, db):
    first = await invited(alice, people.bob)
    second = await invited(alice, people.bob)
    carols = await invited(alice, people.carol)
    await db.run("UPDATE account SET status = 'locked' WHERE username = 'carol'")
    for code in (first, carols, "made-up", ""):
        assert (await stranger.fetch("/setup", "POST", {"code": code})).code == 400
        assert (await stranger.fetch("/setup/password", "POST", {"code": code, "new": NEW})).code == 400
    await db.run("UPDATE invite SET expires_at = '2020-01-01T00:00:00.000000Z'")
    assert (await stranger.fetch("/setup/password", "POST", {"code": second, "new": NEW})).code == 400


async def test_n089_another_address_or_password_ends_the_link(alice, bob, stranger, people, db):
    code = await invited(alice, people.bob)
    await bob.fetch("/account/password", "POST", {"current": PASSWORD, "new": NEW})
    assert (await stranger.fetch("/setup", "POST", {"code": code})).code == 400


async def test_n089_two_at_once_set_one_password(alice, stranger, people):
    code = await invited(alice, people.bob)
    answers = await asyncio.gather(*(stranger.fetch("/setup/password", "POST", {"code": code, "new": f"{NEW} {n}"}) for n in range(4)))
    assert sorted(answer.code for answer in answers) == [303, 400, 400, 400]


async def test_a_weak_password_leaves_the_link_alive(alice, stranger, people):
    code = await invited(alice, people.bob)
    assert (await stranger.fetch("/setup/password", "POST", {"code": code, "new": "short"})).code == 422
    assert (await stranger.fetch("/setup/password", "POST", {"code": code, "new": NEW})).code == 303


async def test_n090_the_link_names_the_configured_origin(alice, people):
    answer = await alice.fetch(f"/users/{people.bob.id}/invite", "POST", {}, X_Forwarded_Host="evil.test", Forwarded="host=evil.test")
    assert "https://localhost:5000/setup#" in answer.text and "evil.test" not in answer.text


async def test_n091_the_second_factor_stays(alice, stranger, people, db):
    await db.run(
        "INSERT INTO factor (id, account_id, kind, secret, created_at, confirmed_at) VALUES ('f1', :id, 'totp', 'sealed', 'now', 'now')",
        id=people.bob.id,
    )
    code = await invited(alice, people.bob)
    await stranger.fetch("/setup/password", "POST", {"code": code, "new": NEW})
    assert (await stranger.fetch("/login", "POST", {"username": "bob", "password": NEW})).code == 403


async def test_a_forged_form_is_refused(stranger, people):
    for path in ("/setup", "/setup/password"):
        assert (await stranger.fetch(path, "POST", {"code": "x", "new": NEW}, forged=True)).code == 403
