"""The pages about the people who sign in: who may do what to whom, and what follows."""

from urllib.parse import urlencode

import pytest

from hmlib.testing.hub import ACME, GLOBEX
from nexus_srv.queries import users
from nexus_srv.tests.conftest import PASSWORD

pytestmark = pytest.mark.gen_test

ERIN = {
    "username": "erin", "display_name": "Erin Example", "email": "erin@example.com", "phone": "", "language": "en",
    "time_zone": "Europe/Berlin", "level": "technician", "scope_rule": "all", "version": "0",
}  # fmt: skip


def form_of(user, **changes):
    fields = ["username", "display_name", "email", "phone", "language", "time_zone", "level", "scope_rule", "version"]
    return (
        {name: str(getattr(user, name)) for name in fields} | {"company_ids[]": user.company_ids[0] if user.company_ids else ""} | changes
    )


async def fresh(db, user):
    return await users.by_id(db, user.id)


async def test_the_list_shows_everyone_and_searches(alice, people):
    answer = await alice.fetch("/users")
    assert answer.code == 200 and all(name in answer.text for name in ("Alice", "Bob", "Carol", "Dave"))
    assert "Bob" not in (await alice.fetch("/users?q=caro")).text


async def test_rows_are_a_piece_of_the_page(alice, people):
    answer = await alice.htmx("/users/rows?sort=-username&level=client")
    assert answer.code == 200 and "<html" not in answer.text and "Dave" in answer.text and "Alice" not in answer.text


@pytest.mark.parametrize("query", ["sort=name;drop table account", "limit=0", "cursor=forged"])
async def test_n005_n006_a_list_is_asked_for_in_known_ways_only(alice, people, query):
    assert (await alice.fetch("/users?" + query.replace(" ", "%20"))).code == 400


async def test_adding_a_user(alice, people, db):
    answer = await alice.fetch("/users", "POST", ERIN)
    assert answer.code == 303
    page = await alice.fetch(answer.location)
    assert "Erin Example" in page.text and "erin@example.com" in page.text
    assert await db.value("SELECT count(*) FROM audit WHERE action = 'user.created'") == 1


@pytest.mark.parametrize("name", ["Bob", "ＢＯＢ", " bob "])
async def test_n013_a_taken_user_name_comes_back_in_the_form(alice, people, name):
    answer = await alice.fetch("/users", "POST", ERIN | {"username": name})
    assert answer.code == 422 and "This username is taken." in answer.text and "Erin Example" in answer.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "er\u200din"),
        ("email", "erin"),
        ("display_name", ""),
        ("time_zone", "Mars/Base"),
        ("level", "king"),
        ("phone", "1" * 51),
    ],
)
async def test_a_wrong_value_comes_back_beside_its_field(alice, people, field, value):
    answer = await alice.fetch("/users", "POST", ERIN | {field: value})
    assert answer.code == 422 and f'id="{field}-error"' in answer.text


async def test_a_client_needs_a_company(alice, people):
    client = ERIN | {"level": "client", "scope_rule": "only"}
    assert (await alice.fetch("/users", "POST", client)).code == 422
    assert (await alice.fetch("/users", "POST", client | {"company_ids[]": "no-such-company"})).code == 422
    assert (await alice.fetch("/users", "POST", client | {"company_ids[]": GLOBEX})).code == 303


async def test_changing_a_user(alice, people, db):
    answer = await alice.fetch(f"/users/{people.bob.id}", "POST", form_of(people.bob, display_name="Bob the Builder"))
    assert answer.code == 303
    assert (await fresh(db, people.bob)).display_name == "Bob the Builder"
    row = await db.one("SELECT action, before_json, after_json FROM audit WHERE action = 'user.changed'")
    assert (row["before_json"], row["after_json"]) == ('{"display_name":"Bob"}', '{"display_name":"Bob the Builder"}')


async def test_a_stale_form_shows_both_sides(alice, people, db):
    await alice.fetch(f"/users/{people.bob.id}", "POST", form_of(people.bob, phone="111"))
    answer = await alice.fetch(f"/users/{people.bob.id}", "POST", form_of(people.bob, phone="222"))
    assert answer.code == 409 and "theirs “111”, yours “222”" in answer.text
    assert (await fresh(db, people.bob)).phone == "111"


WRITES = [
    "/users",
    "/users/{id}",
    "/users/{id}/status",
    "/users/{id}/invite",
    "/users/{id}/sessions/end",
    "/users/{id}/sessions/sid-bob/end",
]


@pytest.mark.parametrize("path", WRITES)
async def test_only_an_administrator_may_write(alice, bob, dave, stranger, people, path):
    path, body = path.format(id=people.carol.id), {"status": "disabled"}
    assert (await bob.fetch(path, "POST", body)).code == 403
    assert (await dave.fetch(path, "POST", body)).code == 403
    assert (await stranger.fetch(path, "POST", body)).location.startswith("/login")
    assert (await alice.fetch(path, "POST", body, forged=True)).code == 403


@pytest.mark.parametrize("path", WRITES[1:])
async def test_not_there_is_404(alice, people, path):
    assert (await alice.fetch(path.format(id="nobody"), "POST", {"status": "active"})).code == 404


async def test_a_client_sees_no_users(dave, people):
    assert (await dave.fetch("/users")).code == 403
    assert (await dave.fetch(f"/users/{people.dave.id}")).code == 403


async def test_n113_a_limited_technician_sees_no_clients_of_other_companies(alice, bob, people, db):
    limited = form_of(people.bob, scope_rule="only") | {"company_ids[]": GLOBEX}
    assert (await alice.fetch(f"/users/{people.bob.id}", "POST", limited)).code == 303
    assert (await bob.fetch(f"/users/{people.dave.id}")).code == 404
    assert "Dave" not in (await bob.fetch("/users")).text
    assert "1–3 of 3" in (await bob.fetch("/users")).text


async def test_disabling_signs_out_at_once(alice, bob, people, db):
    answer = await alice.fetch(f"/users/{people.bob.id}/status", "POST", {"status": "disabled"})
    assert answer.code == 303
    assert (await bob.fetch("/account")).code == 303
    assert await db.value("SELECT count(*) FROM session WHERE sid = 'sid-bob'") == 0
    assert await db.value("SELECT count(*) FROM audit WHERE action = 'user.disabled'") == 1


async def test_letting_in_again_forgets_wrong_attempts(alice, stranger, people, db):
    for _ in range(6):
        await stranger.fetch("/login", "POST", {"username": "bob", "password": "wrong"})
    await alice.fetch(f"/users/{people.bob.id}/status", "POST", {"status": "active"})
    assert (await stranger.fetch("/login", "POST", {"username": "bob", "password": "wrong"})).code == 401


async def test_n098_another_level_ends_the_sessions(alice, bob, people):
    await alice.fetch(f"/users/{people.bob.id}", "POST", form_of(people.bob, level="billing"))
    assert (await bob.fetch("/account")).code == 303


@pytest.mark.parametrize("change", [{"level": "technician"}, {"level": "client", "scope_rule": "only", "company_ids[]": ACME}])
async def test_n023_the_last_admin_cannot_be_demoted(alice, people, db, change):
    answer = await alice.fetch(f"/users/{people.alice.id}", "POST", form_of(people.alice) | change)
    assert answer.code == 409 and "last administrator" in answer.text
    assert (await fresh(db, people.alice)).level == "admin"


async def test_n023_the_last_admin_cannot_be_disabled(alice, people, db):
    assert (await alice.fetch(f"/users/{people.alice.id}/status", "POST", {"status": "disabled"})).code == 409
    assert (await fresh(db, people.alice)).active


async def test_with_another_admin_one_may_step_back_but_not_lock_oneself(alice, people, db):
    await alice.fetch(f"/users/{people.bob.id}", "POST", form_of(people.bob, level="admin"))
    assert (await alice.fetch(f"/users/{people.alice.id}/status", "POST", {"status": "locked"})).code == 403
    assert (await alice.fetch(f"/users/{people.alice.id}", "POST", form_of(people.alice, level="billing"))).code == 303


async def test_n092_a_one_time_link_and_no_password_field(alice, people, db):
    assert 'type="password"' not in (await alice.fetch(f"/users/{people.bob.id}/edit")).text
    answer = await alice.fetch(f"/users/{people.bob.id}/invite", "POST", {})
    assert "https://localhost:5000/setup#" in answer.text
    code = answer.text.split("/setup#")[1].split('"')[0]
    assert code not in str(await db.all("SELECT * FROM invite")) + str(await db.all("SELECT * FROM audit"))


async def test_no_link_for_a_disabled_account(alice, people):
    await alice.fetch(f"/users/{people.bob.id}/status", "POST", {"status": "disabled"})
    assert (await alice.fetch(f"/users/{people.bob.id}/invite", "POST", {})).code == 409


async def test_n105_an_administrator_ends_sessions(alice, bob, people):
    assert (await alice.fetch(f"/users/{people.bob.id}/sessions/sid-bob/end", "POST", {})).code == 303
    assert (await bob.fetch("/account")).code == 303
    assert (await alice.fetch(f"/users/{people.bob.id}/sessions/sid-alice/end", "POST", {})).code == 404


async def test_why_somebody_may_see_what_they_see(alice, people):
    answer = await alice.fetch(f"/users/{people.dave.id}/access")
    assert "Only Acme Dental (100001)" in answer.text and "a client sees the companies they belong to" in answer.text


async def test_export_holds_the_rows_on_screen(alice, people, db):
    answer = await alice.fetch("/users/export?format=csv&level=billing")
    assert answer.text.splitlines()[0].startswith("username,display_name") and len(answer.text.splitlines()) == 2
    assert (await alice.fetch("/users/export?format=json&q=dave")).json[0]["username"] == "dave"
    assert (await alice.fetch("/users/export?format=exe")).code == 400
    assert await db.value("SELECT count(*) FROM audit WHERE action = 'users.exported'") == 2


async def test_n002_names_are_shown_and_not_run(alice, people):
    evil = '"><button hx-get=/api/users hx-trigger=load>'
    await alice.fetch(f"/users/{people.bob.id}", "POST", form_of(people.bob, display_name=evil))
    for path in ("/users", f"/users/{people.bob.id}", f"/users/{people.bob.id}/edit", f"/users/{people.bob.id}/access"):
        assert "<button hx-get=/api/users" not in (await alice.fetch(path)).text


@pytest.mark.parametrize("path", ["/users/new", "/users/{id}/edit", "/audit", "/settings"])
async def test_pages_for_administrators_only(alice, bob, people, path):
    assert (await alice.fetch(path.format(id=people.bob.id))).code == 200
    assert (await bob.fetch(path.format(id=people.bob.id))).code == 403


@pytest.mark.parametrize("path", ["/users/new", "/users/{id}/edit"])
async def test_n095_an_old_sign_in_is_asked_to_confirm_first(signed_in, people, path):
    alice = await signed_in("alice", "sid-old", age=700)
    path = path.format(id=people.bob.id)
    assert (await alice.fetch(path)).location == "/confirm?" + urlencode({"next": path})
    assert (await alice.fetch("/confirm", "POST", {"password": PASSWORD, "next": path})).location == path


@pytest.mark.parametrize("path", ["/users", "/users/{id}", "/users/{id}/status", "/users/{id}/invite"])
async def test_n095_an_old_sign_in_changes_nothing(signed_in, people, db, path):
    alice = await signed_in("alice", "sid-old", age=700)
    answer = await alice.fetch(path.format(id=people.bob.id), "POST", ERIN | {"status": "disabled"})
    assert answer.location.startswith("/confirm?")
    assert await db.value("SELECT count(*) FROM account WHERE status = 'active'") == 4
    assert await db.value("SELECT count(*) FROM invite") == 0
