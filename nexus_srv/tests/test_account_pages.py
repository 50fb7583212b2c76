"""One's own account."""

import pytest

from nexus_srv.queries import users
from nexus_srv.tests.conftest import PASSWORD

pytestmark = pytest.mark.gen_test
NEW = "five other words, longer"


def profile(user, **changes):
    return {name: getattr(user, name) for name in ("display_name", "email", "phone", "language", "time_zone")} | {"version": "1"} | changes


async def test_the_page_shows_oneself(dave, people):
    answer = await dave.fetch("/account")
    assert answer.code == 200 and "Only Acme Dental (100001)" in answer.text and "Firefox on Linux" in answer.text


async def test_changing_ones_profile(dave, people, db):
    assert (await dave.fetch("/account", "POST", profile(people.dave, phone="+1 555 0100"))).code == 303
    assert (await users.by_id(db, people.dave.id)).phone == "+1 555 0100"


async def test_n016_rights_are_no_part_of_a_profile(dave, people, db):
    await dave.fetch(
        "/account", "POST", profile(people.dave, level="admin", status="active", scope_rule="all", id="x", display_name="Dave D.")
    )
    user = await users.by_id(db, people.dave.id)
    assert (user.level, user.scope_rule, user.display_name) == ("client", "only", "Dave D.")


async def test_a_wrong_value_comes_back(dave, people):
    answer = await dave.fetch("/account", "POST", profile(people.dave, display_name=""))
    assert answer.code == 422 and 'id="display_name-error"' in answer.text


async def test_a_stale_profile_is_a_conflict(dave, people, db):
    await dave.fetch("/account", "POST", profile(people.dave, phone="1"))
    assert (await dave.fetch("/account", "POST", profile(people.dave, phone="2"))).code == 409
    assert (await users.by_id(db, people.dave.id)).phone == "1"


async def test_another_address_asks_for_a_fresh_password(signed_in, people, db):
    bob = await signed_in("bob", "sid-old", age=3600)
    answer = await bob.fetch("/account", "POST", profile(people.bob, email="bob@evil.test"))
    assert answer.location == "/confirm?next=%2Faccount"
    assert (await users.by_id(db, people.bob.id)).email == "bob@example.com"


async def test_strangers_and_forgeries(bob, stranger, people):
    for path in ("/account", "/account/password", "/account/sessions/end"):
        assert (await stranger.fetch(path, "POST", {})).location.startswith("/login")
        assert (await bob.fetch(path, "POST", {}, forged=True)).code == 403


async def test_n088_a_new_password_ends_every_other_session(signed_in, people, db, stranger):
    here, there = await signed_in("bob", "sid-here"), await signed_in("bob", "sid-there")
    old_id = here.cookies["__Host-hm_nexus"]
    answer = await here.fetch("/account/password", "POST", {"current": PASSWORD, "new": NEW})
    assert answer.code == 303
    assert (await here.fetch("/account")).code == 200 and here.cookies["__Host-hm_nexus"] != old_id
    assert (await there.fetch("/account")).code == 303
    assert (await stranger.fetch("/login", "POST", {"username": "bob", "password": NEW})).code == 303
    assert await db.value("SELECT count(*) FROM audit WHERE action = 'user.password_set'") == 1


@pytest.mark.parametrize("current", ["", "wrong password"])
async def test_n087_without_the_old_password_there_is_no_new_one(bob, people, db, current):
    before = await users.password_hash(db, people.bob.id)
    answer = await bob.fetch("/account/password", "POST", {"current": current, "new": NEW})
    assert answer.code in (400, 401) and await users.password_hash(db, people.bob.id) == before


@pytest.mark.parametrize("new", ["fourteen chars", "Password12345678", "bob.is.my.name.and.uncle", "hivematrix forever"])
async def test_n085_a_weak_password_is_refused_with_a_reason(bob, people, db, new):
    await db.run("UPDATE account SET display_name = 'Uncle Bob' WHERE username = 'bob'")
    answer = await bob.fetch("/account/password", "POST", {"current": PASSWORD, "new": new})
    assert answer.code == 422 and 'id="new-error"' in answer.text


async def test_n086_password_managers_are_told_what_is_what(bob, people, stranger):
    page, login = (await bob.fetch("/account/password")).text, (await stranger.fetch("/login")).text
    assert 'autocomplete="current-password"' in page and 'autocomplete="new-password"' in page
    assert 'autocomplete="username"' in login and 'autocomplete="current-password"' in login


async def test_ending_ones_other_sessions(signed_in, people):
    here, there, elsewhere = [await signed_in("bob", f"sid-{place}") for place in ("here", "there", "elsewhere")]
    assert (await here.fetch("/account/sessions/sid-there/end", "POST", {})).code == 303
    assert (await there.fetch("/account")).code == 303 and (await elsewhere.fetch("/account")).code == 200
    await here.fetch("/account/sessions/end", "POST", {})
    assert (await elsewhere.fetch("/account")).code == 303 and (await here.fetch("/account")).code == 200


async def test_n106_nobody_ends_anothers_session(bob, carol, people):
    assert (await bob.fetch("/account/sessions/sid-carol/end", "POST", {})).code == 404
    assert (await carol.fetch("/account")).code == 200
    assert "sid-carol" not in (await bob.fetch("/account")).text
