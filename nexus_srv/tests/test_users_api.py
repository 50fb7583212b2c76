"""People for programs: lists in bulk, one, new ones, changes, oneself, and scopes for modules."""

import asyncio
import os
import time

import pytest

from hmlib.testing.hub import ACME, GLOBEX
from nexus_srv.queries import users
from nexus_srv.tests.conftest import token_for

pytestmark = pytest.mark.gen_test
ERIN = {"username": "erin", "display_name": "Erin Example", "permission_level": "technician"}


async def names(browser, query=""):
    answer = await browser.api(f"/api/users{query}")
    assert answer.code == 200, answer.text
    return [item["username"] for item in answer.items]


async def service(app, stranger, scope):
    """The stranger, now a program with a token of its own."""
    claims = {
        "aud": "nexus",
        "sub": "treasury",
        "client_id": "treasury",
        "scope": scope,
        "permission_level": None,
        "auth_time": None,
        "amr": None,
    }
    any_user = users.User(id="treasury", username="", display_name="", level="admin")
    stranger.token = await token_for(app, any_user, **claims)
    return stranger


async def test_the_list_is_sorted_searched_and_filtered(bob, people):
    assert await names(bob) == ["alice", "bob", "carol", "dave"]
    assert await names(bob, "?sort=-username&limit=2") == ["dave", "carol"]
    assert await names(bob, "?q=CARO") == ["carol"]
    assert await names(bob, "?level=client") == ["dave"]
    assert await names(bob, f"?ids={people.dave.id},{people.alice.id},unknown") == ["alice", "dave"]


async def test_pages_neither_skip_nor_repeat(bob, people):
    seen, cursor = [], ""
    while cursor is not None:
        answer = await bob.api(f"/api/users?limit=3&cursor={cursor}")
        seen, cursor = seen + [item["username"] for item in answer.items], answer.next_cursor
        assert answer.total == 4
    assert seen == ["alice", "bob", "carol", "dave"]


@pytest.mark.parametrize(
    "query", ["?sort=password_hash", "?limit=1001", "?cursor=x.y", "?updated_since=yesterday", "?fields=password_hash", "?a=1&a=2"]
)
async def test_n005_n006_n017_n114_what_is_not_offered_is_400(bob, people, query):
    assert (await bob.api(f"/api/users{query}")).code == 400


async def test_n005_wildcards_are_letters(bob, people):
    assert await names(bob, "?q=%25") == [] and await names(bob, "?q=_") == [] and await names(bob, "?q='%20OR%201=1%20--") == []


async def test_at_most_200_ids_in_an_address_and_5000_in_a_lookup(bob, people):
    assert (await bob.api("/api/users?ids=" + ",".join(map(str, range(201))))).code == 400
    answer = await bob.api("/api/users:lookup", "POST", {"ids": [people.bob.id, *map(str, range(4000))]})
    assert [item["username"] for item in answer.items] == ["bob"]
    assert (await bob.api("/api/users:lookup", "POST", {"ids": ["x"] * 5001})).code == 400


async def test_chosen_fields_and_changes_since(alice, bob, people):
    answer = (await bob.api("/api/users?fields=username,permission_level&ids=" + people.bob.id)).json
    assert answer == [{"id": people.bob.id, "username": "bob", "permission_level": "technician"}]
    etag = (await alice.api(f"/api/users/{people.bob.id}")).headers["Etag"]
    changed = await alice.api(f"/api/users/{people.bob.id}", "PATCH", {"phone": "1"}, If_Match=etag)
    assert await names(bob, "?updated_since=" + changed.json["updated_at"]) == ["bob"]


async def test_an_unchanged_list_is_304(bob, people):
    etag = (await bob.api("/api/users")).headers["Etag"]
    answer = await bob.api("/api/users", If_None_Match=etag)
    assert (answer.code, answer.body) == (304, b"")


async def test_n114_no_secret_is_ever_in_an_answer(alice, people):
    text = (await alice.api("/api/users")).text
    assert "argon2" not in text and "password" not in text and "secret" not in text


async def test_who_may_read(stranger, bob, dave, people):
    answer = await stranger.api("/api/users")
    assert answer.code == 401 and answer.headers["WWW-Authenticate"] == 'Bearer realm="hivematrix"'
    answer = await dave.api("/api/users")
    assert answer.code == 403 and 'error="insufficient_scope", scope="users:read"' in answer.headers["WWW-Authenticate"]
    bob.token += "x"
    assert (await bob.api("/api/users")).code == 401


async def test_n113_a_limited_technician_sees_no_clients_of_other_companies(bob, people, db):
    await db.run("UPDATE account SET scope_rule = 'except' WHERE username = 'bob'")
    await db.run("INSERT INTO account_company (account_id, company_id) VALUES (:id, :company)", id=people.bob.id, company=ACME)
    assert await names(bob) == ["alice", "bob", "carol"]
    assert (await bob.api("/api/users")).total == 3
    assert await names(bob, f"?ids={people.dave.id}") == [] and await names(bob, "?q=dave") == []
    assert (await bob.api(f"/api/users/{people.dave.id}")).code == 404


async def test_adding_a_user(alice, people, db):
    scope = {"rule": "only", "company_ids": [GLOBEX]}
    answer = await alice.api("/api/users", "POST", ERIN | {"permission_level": "client", "scope": scope})
    assert answer.code == 201 and answer.json["scope"] == scope
    assert answer.headers["Location"] == f"/api/users/{answer.json['id']}" and answer.headers["Etag"] == '"1"'


@pytest.mark.parametrize("name", ["BOB", "bob ", "ｂｏｂ"])
async def test_n013_a_taken_name_is_409(alice, people, name):
    answer = await alice.api("/api/users", "POST", ERIN | {"username": name})
    assert answer.code == 409 and answer.json["errors"] == {"username": "This username is taken."}


@pytest.mark.parametrize("change", [
    {"username": "bob\u200d"}, {"username": "bоb"}, {"email": "a@b\r\nBcc:"}, {"display_name": ""},
    {"scope": {"rule": "only", "company_ids": ["nowhere"]}}, {"permission_level": "client"},
    {"permission_level": "admin", "scope": {"rule": "only"}},
])  # fmt: skip
async def test_n011_n013_a_wrong_value_is_422(alice, people, change):
    answer = await alice.api("/api/users", "POST", ERIN | change)
    assert answer.code == 422 and answer.json["code"] == "invalid" and set(answer.json["errors"]) <= set(change) | {"scope"}


async def test_a_value_of_another_shape_is_400(alice, people):
    answer = await alice.api("/api/users", "POST", ERIN | {"permission_level": "king"})
    assert answer.code == 400 and answer.json["code"] == "invalid_value"


@pytest.mark.parametrize("field", ["id", "password_hash", "is_admin", "roles", "version", "created_at"])
async def test_n016_unknown_fields_are_400(alice, people, field):
    assert (await alice.api("/api/users", "POST", ERIN | {field: "x"})).json["code"] == "unknown_field"


async def test_n019_of_many_at_once_one_is_created(alice, people):
    answers = await asyncio.gather(*(alice.api("/api/users", "POST", ERIN) for _ in range(16)))
    assert sorted(answer.code for answer in answers) == [201] + [409] * 15


async def test_n020_an_idempotency_key_creates_once(alice, people):
    key = os.urandom(8).hex()
    first = await alice.api("/api/users", "POST", ERIN, Idempotency_Key=key)
    again = await alice.api("/api/users", "POST", ERIN, Idempotency_Key=key)
    assert (first.code, again.code, again.body) == (201, 201, first.body)
    assert (await alice.api("/api/users", "POST", ERIN | {"username": "other"}, Idempotency_Key=key)).code == 422


async def test_n021_changing_needs_the_version_one_has_read(alice, people):
    path, change = f"/api/users/{people.bob.id}", {"phone": "1"}
    assert (await alice.api(path, "PATCH", change)).code == 428
    assert (await alice.api(path, "PATCH", change, If_Match='"9"')).code == 412
    answer = await alice.api(path, "PATCH", change, If_Match='"1"')
    assert (answer.code, answer.json["phone"], answer.headers["Etag"]) == (200, "1", '"2"')
    assert (await alice.api(path, "PATCH", change, If_Match='"1"')).code == 412


async def test_who_may_write(bob, dave, stranger, people):
    for browser in (bob, dave):
        assert (await browser.api("/api/users", "POST", ERIN)).code == 403
        assert (await browser.api(f"/api/users/{people.bob.id}", "PATCH", {"permission_level": "admin"}, If_Match='"1"')).code == 403
    assert (await stranger.api("/api/users", "POST", ERIN)).code == 401


async def test_a_cookie_opens_nothing_here(alice, people):
    alice.token = ""
    answer = await alice.fetch("/api/users")
    assert answer.code == 401


async def test_not_there_is_404(alice, people):
    assert (await alice.api("/api/users/nobody")).code == 404
    assert (await alice.api("/api/users/nobody", "PATCH", {}, If_Match='"1"')).code == 404


async def test_n023_the_last_admin_stays(alice, people, db):
    for change in ({"permission_level": "billing"}, {"status": "disabled"}):
        answer = await alice.api(f"/api/users/{people.alice.id}", "PATCH", change, If_Match='"1"')
        assert (answer.code, answer.json["code"]) == (409, "last_admin")


async def test_n023_two_admins_cannot_demote_each_other_at_once(alice, people, db, app, http_client, base_url):
    await db.run("UPDATE account SET level = 'admin' WHERE username = 'bob'")
    changes = [
        alice.api(f"/api/users/{user.id}", "PATCH", {"permission_level": "billing"}, If_Match='"1"') for user in (people.alice, people.bob)
    ]
    assert sorted(answer.code for answer in await asyncio.gather(*changes)) in ([200, 409], [200, 401], [200, 403])
    assert await users.count_admins(db) == 1


async def test_n024_a_program_makes_nobody_an_administrator(app, stranger, people, db):
    program = await service(app, stranger, "users:admin users:read")
    assert (await program.api("/api/users", "POST", ERIN | {"permission_level": "admin"})).code == 403
    assert (await program.api(f"/api/users/{people.bob.id}", "PATCH", {"permission_level": "admin"}, If_Match='"1"')).code == 403
    assert (await program.api("/api/users", "POST", ERIN)).code == 201


@pytest.mark.parametrize("change", [{"status": "disabled"}, {"permission_level": "client"}, {"email": "evil@example.com"}])
async def test_n024_a_program_changes_no_administrator(app, stranger, people, db, change):
    await db.run("UPDATE account SET level = 'admin' WHERE username = 'bob'")
    program = await service(app, stranger, "users:admin users:read")
    scope = {"scope": {"rule": "only", "company_ids": [ACME]}} if "permission_level" in change else {}
    assert (await program.api(f"/api/users/{people.bob.id}", "PATCH", change | scope, If_Match='"1"')).code == 403
    assert (await users.by_id(db, people.bob.id)).version == 1


async def test_disabling_ends_tokens_and_sessions(alice, bob, people):
    answer = await alice.api(f"/api/users/{people.bob.id}", "PATCH", {"status": "disabled"}, If_Match='"1"')
    assert answer.code == 200
    assert (await bob.api("/api/me")).code == 401 and (await bob.fetch("/account")).code == 303


async def test_n115_rights_are_those_of_now_not_of_the_token(alice, people, db):
    await db.run("UPDATE account SET level = 'billing' WHERE username = 'alice'")
    assert (await alice.api("/api/users", "POST", ERIN)).code == 403


async def test_a_token_of_few_scopes_does_little(app, alice, people):
    alice.token = await token_for(app, people.alice, sid="sid-alice", scope="directory:read")
    assert (await alice.api("/api/users")).code == 403


async def test_oneself(dave, people):
    answer = await dave.api("/api/me")
    assert (answer.json["username"], answer.json["scope"]) == ("dave", {"rule": "only", "company_ids": [ACME]})
    answer = await dave.api("/api/me", "PATCH", {"display_name": "Dave D."}, If_Match=answer.headers["Etag"])
    assert answer.json["display_name"] == "Dave D."


@pytest.mark.parametrize(
    "field", ["permission_level", "status", "scope", "email", "is_admin", "roles", "password_hash", "id", "company_id"]
)
async def test_n016_nobody_changes_their_own_rights(dave, people, db, field):
    answer = await dave.api("/api/me", "PATCH", {field: "admin"}, If_Match='"1"')
    assert (answer.code, answer.json["code"]) == (400, "unknown_field")
    assert (await users.by_id(db, people.dave.id)).version == 1


async def test_a_program_has_no_account(app, stranger, people):
    assert (await (await service(app, stranger, "users:read")).api("/api/me")).code == 404


async def test_scopes_for_modules(app, stranger, people, db):
    module = await service(app, stranger, "scopes:read")
    await db.run("UPDATE account SET status = 'disabled' WHERE username = 'carol'")
    ids = ",".join([people.bob.id, people.carol.id, people.dave.id, "unknown"])
    assert (await module.api(f"/api/scopes?ids={ids}")).items == [
        {"user_id": people.bob.id, "rule": "all", "company_ids": []},
        {"user_id": people.dave.id, "rule": "only", "company_ids": [ACME]},
    ]
    assert (await module.api("/api/scopes")).code == 400


async def test_n116_people_do_not_read_scopes(alice, people):
    assert (await alice.api(f"/api/scopes?ids={people.bob.id}")).code == 403


async def test_the_api_describes_itself(stranger, people):
    document = (await stranger.api("/api/openapi.json")).json
    assert {"/api/token", "/api/users", "/api/users/{id}", "/api/me"} <= set(document["paths"])


async def test_n095_an_old_sign_in_gives_no_rights(app, alice, people, db):
    alice.token = await token_for(app, people.alice, sid="sid-alice", auth_time=int(time.time()) - 700)
    for method, path, body in (("POST", "/api/users", ERIN), ("PATCH", f"/api/users/{people.bob.id}", {"permission_level": "admin"})):
        answer = await alice.api(path, method, body, If_Match='"1"')
        assert answer.code == 401
        assert 'error="insufficient_user_authentication", max_age="600"' in answer.headers["WWW-Authenticate"]
    assert (await users.by_id(db, people.bob.id)).level == "technician"


async def test_n095_control_a_fresh_one_does(app, alice, people):
    alice.token = await token_for(app, people.alice, sid="sid-alice", auth_time=int(time.time()) - 500)
    assert (await alice.api("/api/users", "POST", ERIN)).code == 201
