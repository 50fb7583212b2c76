"""Contacts for programs: addresses, companies with roles, and what a scope hides."""

import pytest

from hmlib.testing.hub import ACME, GLOBEX

pytestmark = pytest.mark.gen_test


async def add(who, *companies, **fields):
    links = [{"company_id": id} for id in companies]
    answer = await who.api("/api/contacts", "POST", {"first_name": "Zoë", "last_name": "Quinn", "companies": links, **fields})
    assert answer.code == 201, answer.text
    return answer.json


async def ids(who, query=""):
    answer = await who.api(f"/api/contacts{query}")
    assert answer.code == 200, answer.text
    assert answer.total == len(answer.items)
    return [item["id"] for item in answer.items]


async def test_a_contact_has_many_addresses_and_companies(alice):
    links = [{"company_id": ACME, "role": "billing"}, {"company_id": GLOBEX, "billed": False}]
    answer = await alice.api(
        "/api/contacts",
        "POST",
        {"first_name": "Zoë", "last_name": "Quinn", "emails": ["z@acme.example", "Z@acme.example", "zoe@b.example"], "companies": links},
    )
    body = answer.json
    assert (body["name"], body["email"], body["emails"]) == ("Zoë Quinn", "z@acme.example", ["z@acme.example", "zoe@b.example"])
    assert body["companies"] == [
        {"company_id": ACME, "role": "billing", "billed": True},
        {"company_id": GLOBEX, "role": "", "billed": False},
    ]
    assert (await alice.api(f"/api/contacts/{body['id']}")).json == body


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"emails": ["a@b\r\nBcc: c@d.example"]}, "emails"),
        ({"emails": ["nobody"]}, "emails"),
        ({"active_on": "2026-02-30"}, "active_on"),
        ({"active_on": "2026-02-02", "ended_on": "2026-02-01"}, "ended_on"),
        ({"first_name": "", "last_name": ""}, "first_name"),
        ({"companies": [{"company_id": "nobody"}]}, "companies"),
        ({"companies": [{"company_id": ACME}, {"company_id": ACME}]}, "companies"),
    ],
)
async def test_a_wrong_value_is_422_and_names_its_field(alice, fields, field):
    answer = await alice.api("/api/contacts", "POST", {"first_name": "Zoë", "last_name": "Quinn", **fields})
    assert (answer.code, list(answer.json["errors"])) == (422, [field])


async def test_an_unknown_role_is_400(alice):
    assert (await alice.api("/api/contacts", "POST", {"name": "Z", "companies": [{"company_id": ACME, "role": "boss"}]})).code == 400


async def test_filters_count_together(alice):
    a, b = await add(alice, ACME), await add(alice, GLOBEX, active=False, billable=False)
    assert await ids(alice, f"?company_id={ACME}") == [a["id"]]
    assert await ids(alice, "?active=no") == [b["id"]]
    assert await ids(alice, "?billable=yes") == [a["id"]]
    assert await ids(alice, f"?q=zoe+quinn&company_id={GLOBEX}") == [b["id"]]


async def test_N113_dave_finds_only_his_colleagues_and_only_their_place_at_his_company(alice, dave):
    mine, both, other = await add(alice, ACME), await add(alice, ACME, GLOBEX, first_name="Amy"), await add(alice, GLOBEX)
    alone = await add(alice)
    assert await ids(dave, "?sort=name") == [both["id"], mine["id"]]
    assert await ids(dave, f"?company_id={GLOBEX}") == []
    assert await ids(dave, f"?ids={other['id']},{alone['id']}") == []
    assert (await dave.api(f"/api/contacts/{other['id']}")).code == 404
    assert [link["company_id"] for link in (await dave.api(f"/api/contacts/{both['id']}")).json["companies"]] == [ACME]


async def test_a_change_made_inside_a_scope_leaves_the_rest_alone(alice, bob, db, people):
    both = await add(alice, ACME, GLOBEX)
    await db.run("UPDATE account SET scope_rule = 'only' WHERE id = :id", id=people.bob.id)
    await db.run("INSERT INTO account_company (account_id, company_id) VALUES (:id, :company)", id=people.bob.id, company=ACME)
    links = [{"company_id": ACME, "role": "technical"}]
    assert (await bob.api(f"/api/contacts/{both['id']}", "PATCH", {"companies": links}, If_Match='"1"')).code == 200
    seen = (await alice.api(f"/api/contacts/{both['id']}")).json["companies"]
    assert [(link["company_id"], link["role"]) for link in seen] == [(ACME, "technical"), (GLOBEX, "")]
    assert (await bob.api(f"/api/contacts/{both['id']}", "PATCH", {"companies": [{"company_id": GLOBEX}]}, If_Match='"2"')).code == 422
    assert (await bob.api(f"/api/contacts/{both['id']}", "PATCH", {"companies": []}, If_Match='"2"')).code == 403
    assert (await bob.api(f"/api/contacts/{both['id']}", "DELETE", If_Match='"2"')).code == 409


@pytest.mark.parametrize(
    "change",
    [{"billable": False, "exclusion_reason": "kiosk"}, {"active": False}, {"active_on": "2026-01-01"}, {"ended_on": "2026-01-01"}],
)
async def test_what_another_companys_bill_needs_is_changed_by_who_sees_all_of_the_persons_companies(alice, bob, db, people, change):
    both, mine = await add(alice, ACME, GLOBEX), await add(alice, ACME, first_name="Amy")
    await db.run("UPDATE account SET scope_rule = 'only' WHERE id = :id", id=people.bob.id)
    await db.run("INSERT INTO account_company (account_id, company_id) VALUES (:id, :company)", id=people.bob.id, company=ACME)
    refused = await bob.api(f"/api/contacts/{both['id']}", "PATCH", change, If_Match='"1"')
    assert refused.code == 422 and refused.json["errors"].keys() <= set(change) | {"active", "ended_on"}
    assert all("a company that you do not see" in said for said in refused.json["errors"].values())
    assert (await alice.api(f"/api/contacts/{both['id']}")).json["version"] == 1
    assert (await bob.api(f"/api/contacts/{mine['id']}", "PATCH", change, If_Match='"1"')).code == 200
    unbilled = {"companies": [{"company_id": ACME, "billed": False}], "phone": "555"}
    assert (await bob.api(f"/api/contacts/{both['id']}", "PATCH", unbilled, If_Match='"1"')).code == 200, "his own company's bill is his"
    assert (await alice.api(f"/api/contacts/{both['id']}", "PATCH", change, If_Match='"2"')).code == 200


async def test_a_limited_technician_ends_nobody_at_a_company_that_he_does_not_see(alice, bob, db, people):
    both = await add(alice, ACME, GLOBEX)
    await db.run("UPDATE account SET scope_rule = 'only' WHERE id = :id", id=people.bob.id)
    await db.run("INSERT INTO account_company (account_id, company_id) VALUES (:id, :company)", id=people.bob.id, company=ACME)
    assert (await bob.fetch(f"/contacts/{both['id']}/activity", "DELETE")).code == 422
    assert (await alice.api(f"/api/contacts/{both['id']}")).json["active"] is True


async def test_leaving_a_company_shows_in_its_delta(alice, dave):
    contact = await add(alice, ACME, GLOBEX)
    since = (await alice.api(f"/api/contacts/{contact['id']}")).json["updated_at"]
    await alice.api(f"/api/contacts/{contact['id']}", "PATCH", {"companies": [{"company_id": GLOBEX}]}, If_Match='"1"')
    assert (await dave.api(f"/api/contacts:gone?since={since}")).json["ids"] == [contact["id"]]
    assert (await alice.api(f"/api/contacts:gone?since={since}")).json["ids"] == []


async def test_changing_nothing_changes_no_version(alice):
    contact = await add(alice, GLOBEX, ACME)
    links = [{"company_id": GLOBEX}, {"company_id": ACME}]
    answer = await alice.api(f"/api/contacts/{contact['id']}", "PATCH", {"companies": links}, If_Match='"1"')
    assert (answer.code, answer.headers["Etag"]) == (200, '"1"')
