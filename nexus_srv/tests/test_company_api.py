"""Companies for programs: lists, reading, writing, and what the wrong caller gets."""

import asyncio

import pytest

from hmlib.clock import utc_now
from hmlib.testing.hub import ACME, GLOBEX

pytestmark = pytest.mark.gen_test
WRITING = [("POST", "/api/companies"), ("PATCH", f"/api/companies/{ACME}"), ("DELETE", f"/api/companies/{ACME}")]


async def add(who, **fields):
    answer = await who.api("/api/companies", "POST", {"name": "Initech", **fields})
    assert answer.code == 201, answer.text
    return answer.json


async def gone(who, since):
    answer = await who.api(f"/api/companies:gone?since={since}")
    assert answer.code == 200, answer.text
    return answer.json["ids"]


async def names(who, query=""):
    answer = await who.api(f"/api/companies{query}")
    assert answer.code == 200, answer.text
    return [item["name"] for item in answer.items]


async def test_the_list_has_items_total_and_cursor(alice):
    answer = await alice.api("/api/companies?limit=1")
    assert [item["account_number"] for item in answer.items] == ["100001"]
    assert answer.total == 2
    following = await alice.api(f"/api/companies?limit=1&cursor={answer.next_cursor}")
    assert [item["name"] for item in following.items] == ["Globex Freight"]
    assert following.next_cursor is None


async def test_search_filter_and_sort(alice):
    await add(alice, name="Ärzte-Zentrum", status="prospect")
    assert await names(alice, "?q=arzte") == ["Ärzte-Zentrum"]
    assert await names(alice, "?status=prospect") == ["Ärzte-Zentrum"]
    assert await names(alice, "?sort=-account_number") == ["Ärzte-Zentrum", "Globex Freight", "Acme Dental"]


@pytest.mark.parametrize("q", ["%25", "_", "%27%20OR%201%3D1%20--", "%25%27%20UNION%20SELECT", "%5C"])
async def test_N005_wildcards_and_sql_are_only_text(alice, q):
    assert await names(alice, f"?q={q}") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("sort=name;drop%20table%20users", "invalid_sort"),
        ("cursor=abc.def", "invalid_cursor"),
        ("limit=1001", "invalid_limit"),
        ("updated_since=yesterday", "invalid_updated_since"),
        ("fields=password", "invalid_fields"),
        ("q=a&q=b", "invalid_request"),
        ("ids=" + ",".join(str(n) for n in range(201)), "too_many_ids"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_400(alice, query, code):
    answer = await alice.api(f"/api/companies?{query}")
    assert (answer.code, answer.json["code"]) == (400, code)


async def test_N006_a_cursor_of_another_list_or_an_edited_one_is_refused(alice):
    cursor = (await alice.api("/api/companies?limit=1")).next_cursor
    for query in (
        f"/api/companies?limit=1&sort=-name&cursor={cursor}",
        f"/api/companies?limit=1&cursor=A{cursor[1:]}",
        f"/api/assets?cursor={cursor}",
    ):
        assert (await alice.api(query)).json["code"] == "invalid_cursor"


async def test_ids_and_fields_narrow_the_answer(alice):
    answer = await alice.api(f"/api/companies?ids={GLOBEX},{ACME},nobody&fields=name,status")
    assert answer.items == [
        {"id": ACME, "name": "Acme Dental", "status": "active"},
        {"id": GLOBEX, "name": "Globex Freight", "status": "active"},
    ]


async def test_lookup_takes_many_ids(alice):
    answer = await alice.api("/api/companies:lookup", "POST", {"ids": [ACME, *(str(n) for n in range(4999))]})
    assert [item["id"] for item in answer.items] == [ACME]
    assert (await alice.api("/api/companies:lookup", "POST", {"ids": [str(n) for n in range(5001)]})).code == 400


async def test_an_unchanged_list_is_304_and_a_changed_one_is_not(alice):
    etag = (await alice.api("/api/companies")).headers["Etag"]
    assert (await alice.api("/api/companies", If_None_Match=etag)).code == 304
    await add(alice)
    assert (await alice.api("/api/companies", If_None_Match=etag)).code == 200


async def test_a_delta_has_what_changed_and_what_is_gone(alice, people):
    company = await add(alice)
    since = utc_now()
    fresh = await add(alice, name="Hooli")
    await alice.api(f"/api/companies/{company['id']}", "DELETE", If_Match='"1"')
    changed = (await alice.api(f"/api/companies?updated_since={since}")).items
    assert ([item["id"] for item in changed], await gone(alice, since)) == ([fresh["id"]], [company["id"]])


async def test_creating_gives_a_number_a_location_and_a_version(alice):
    answer = await alice.api(
        "/api/companies", "POST", {"name": "  Initech  ", "domains": ["Initech.example"], "country": "usa", "website": "initech.example"}
    )
    body = answer.json
    assert (answer.code, answer.headers["Etag"], answer.headers["Location"]) == (201, '"1"', f"/api/companies/{body['id']}")
    assert (body["name"], body["account_number"], body["domains"], body["country"]) == ("Initech", "100003", ["initech.example"], "US")
    assert body["website"] == "https://initech.example"
    assert (await alice.api(f"/api/companies/{body['id']}")).json == body


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"account_number": "12345"}, "account_number"),
        ({"website": "javascript:alert(1)"}, "website"),
        ({"domains": ["a b"]}, "domains"),
        ({"country": "Atlantis"}, "country"),
        ({"name": "x" * 201}, "name"),
        ({"main_phone": "1\n2"}, "main_phone"),
        ({"parent_id": "nobody"}, "parent_id"),
    ],
)
async def test_a_wrong_value_is_422_and_names_its_field(alice, fields, field):
    answer = await alice.api("/api/companies", "POST", {"name": "Initech", **fields})
    assert (answer.code, list(answer.json["errors"])) == (422, [field])


@pytest.mark.parametrize("field", ["id", "version", "created_at", "search", "is_admin"])
async def test_N016_an_unknown_field_is_400(alice, field):
    answer = await alice.api("/api/companies", "POST", {"name": "Initech", field: "1"})
    assert (answer.code, answer.json["code"]) == (400, "unknown_field")


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b'"x"',
        b"null",
        b'{"name":"a"}{"b":2}',
        b'\xef\xbb\xbf{"name":"a"}',
        b'{"name":"\xff"}',
        b'{"name":NaN}',
        b'{"name":"a","name":"b"}',
    ],
)
async def test_N014_what_is_no_clean_json_is_400(alice, raw):
    assert (await alice.api("/api/companies", "POST", raw=raw)).code == 400


async def test_N019_one_account_number_is_given_once(alice):
    answers = await asyncio.gather(*(alice.api("/api/companies", "POST", {"name": f"C{n}", "account_number": "200000"}) for n in range(16)))
    assert sorted(answer.code for answer in answers) == [201] + [409] * 15


async def test_numbers_made_at_the_same_time_differ(alice):
    answers = await asyncio.gather(*(alice.api("/api/companies", "POST", {"name": f"C{n}"}) for n in range(8)))
    assert len({answer.json["account_number"] for answer in answers}) == 8


async def test_N020_a_repeated_request_is_done_once(alice):
    first = await alice.api("/api/companies", "POST", {"name": "Initech"}, Idempotency_Key="k1")
    again = await alice.api("/api/companies", "POST", {"name": "Initech"}, Idempotency_Key="k1")
    assert (again.code, again.body, again.headers["Etag"]) == (201, first.body, first.headers["Etag"])
    assert again.location == first.location == f"/api/companies/{first.json['id']}"
    other = await alice.api("/api/companies", "POST", {"name": "Hooli"}, Idempotency_Key="k1")
    assert (other.code, other.json["code"]) == (422, "idempotency_key_reused")
    assert await names(alice, "?q=initech") == ["Initech"]


async def test_a_refused_request_may_be_sent_again_with_its_key(alice):
    assert (await alice.api("/api/companies", "POST", {"name": ""}, Idempotency_Key="k2")).code == 422
    assert (await alice.api("/api/companies", "POST", {"name": "Initech"}, Idempotency_Key="k2")).code == 201


async def test_keys_of_two_callers_do_not_meet(alice, bob):
    await alice.api("/api/companies", "POST", {"name": "Initech"}, Idempotency_Key="k3")
    assert (await bob.api("/api/companies", "POST", {"name": "Hooli"}, Idempotency_Key="k3")).code == 201


async def test_a_change_needs_the_version_it_is_based_on(alice):
    changed = await alice.api(f"/api/companies/{ACME}", "PATCH", {"name": "Acme"}, If_Match='"1"')
    assert (changed.code, changed.json["name"], changed.headers["Etag"], changed.json["account_number"]) == (200, "Acme", '"2"', "100001")


async def test_N021_a_stale_version_is_412_and_none_is_428(alice):
    await alice.api(f"/api/companies/{ACME}", "PATCH", {"name": "Acme"}, If_Match='"1"')
    assert (await alice.api(f"/api/companies/{ACME}", "PATCH", {"name": "A"}, If_Match='"1"')).code == 412
    assert (await alice.api(f"/api/companies/{ACME}", "PATCH", {"name": "A"}, If_Match='"x"')).code == 412
    assert (await alice.api(f"/api/companies/{ACME}", "PATCH", {"name": "A"})).code == 428
    assert await names(alice) == ["Acme", "Globex Freight"]


async def test_two_changes_of_one_version_are_one_change(alice):
    answers = await asyncio.gather(*(alice.api(f"/api/companies/{ACME}", "PATCH", {"name": f"Acme {n}"}, If_Match='"1"') for n in range(6)))
    assert sorted(answer.code for answer in answers) == [200] + [412] * 5


async def test_a_taken_number_is_409(alice):
    answer = await alice.api(f"/api/companies/{GLOBEX}", "PATCH", {"account_number": "100001"}, If_Match='"1"')
    assert (answer.code, list(answer.json["errors"])) == (409, ["account_number"])


async def test_a_company_stands_neither_above_itself_nor_below(alice):
    await alice.api(f"/api/companies/{ACME}", "PATCH", {"parent_id": GLOBEX}, If_Match='"1"')
    answer = await alice.api(f"/api/companies/{GLOBEX}", "PATCH", {"parent_id": ACME}, If_Match='"1"')
    assert list(answer.json["errors"]) == ["parent_id"]


async def test_deleting_is_refused_while_something_belongs_to_it(alice):
    await alice.api("/api/assets", "POST", {"company_id": ACME, "name": "PC-1"})
    answer = await alice.api(f"/api/companies/{ACME}", "DELETE", If_Match='"1"')
    assert (answer.code, answer.json["code"]) == (409, "in_use")
    assert (await alice.api(f"/api/companies/{GLOBEX}", "DELETE", If_Match='"1"')).code == 204
    assert (await alice.api(f"/api/companies/{GLOBEX}")).code == 404


async def test_every_change_is_audited_with_what_was_and_is(alice, db):
    await alice.api(f"/api/companies/{ACME}", "PATCH", {"status": "inactive"}, If_Match='"1"')
    row = await db.one("SELECT actor_name, action, subject, before_json, after_json FROM audit ORDER BY seq DESC LIMIT 1")
    assert row == {
        "actor_name": "Alice",
        "action": "company.deactivated",
        "subject": f"company/{ACME}",
        "before_json": '{"status":"active"}',
        "after_json": '{"status":"inactive"}',
    }


async def test_N113_dave_finds_only_his_company_by_any_way(dave, alice):
    company = await add(alice)
    assert await names(dave) == ["Acme Dental"]
    assert (await dave.api("/api/companies")).total == 1
    assert await names(dave, "?q=globex") == []
    assert await names(dave, f"?ids={GLOBEX},{ACME}") == ["Acme Dental"]
    assert (await dave.api("/api/companies:lookup", "POST", {"ids": [GLOBEX]})).items == []
    assert (await dave.api(f"/api/companies/{GLOBEX}")).code == 404
    assert (await dave.api(f"/api/companies/{GLOBEX}", If_None_Match='"1"')).code == 404
    since = utc_now()
    await alice.api(f"/api/companies/{company['id']}", "DELETE", If_Match='"1"')
    assert await gone(dave, since) == []


async def test_dave_gets_nothing_from_an_answer_made_for_alice(alice, dave):
    etag = (await alice.api("/api/companies")).headers["Etag"]
    answer = await dave.api("/api/companies", If_None_Match=etag)
    assert [item["id"] for item in answer.items] == [ACME]


@pytest.mark.parametrize(("method", "path"), WRITING)
async def test_a_client_may_not_write(dave, method, path):
    answer = await dave.api(path, method, {"name": "x"}, If_Match='"1"')
    assert answer.code == 403
    assert 'error="insufficient_scope", scope="directory:write"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(("method", "path"), [*WRITING, ("GET", "/api/companies"), ("POST", "/api/companies:lookup")])
async def test_a_stranger_is_asked_for_a_token(stranger, people, method, path):
    answer = await stranger.api(path, method, {"name": "x"} if method != "GET" else None)
    assert (answer.code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="hivematrix"')


async def limited(db, people, rule, ids):
    await db.run("UPDATE account SET scope_rule = :rule WHERE id = :id", rule=rule, id=people.bob.id)
    for id in ids:
        await db.run("INSERT INTO account_company (account_id, company_id) VALUES (:account, :id)", account=people.bob.id, id=id)


@pytest.mark.parametrize(
    ("rule", "ids", "seen"), [("only", [GLOBEX], ["Globex Freight"]), ("except", [GLOBEX], ["Acme Dental"]), ("only", [], [])]
)
async def test_a_technician_with_a_list_sees_by_the_list(bob, db, people, rule, ids, seen):
    await limited(db, people, rule, ids)
    assert await names(bob) == seen
    assert (await bob.api("/api/companies")).total == len(seen)


async def test_N118_who_sees_certain_companies_adds_none(bob, db, people):
    await limited(db, people, "only", [ACME])
    assert (await bob.api("/api/companies", "POST", {"name": "Initech"})).code == 403
    assert (await bob.api(f"/api/companies/{GLOBEX}", "PATCH", {"name": "x"}, If_Match='"1"')).code == 404
    assert (await bob.api(f"/api/companies/{ACME}", "PATCH", {"parent_id": GLOBEX}, If_Match='"1"')).code == 422
