"""A whole list from another system in one call."""

import pytest

from hmlib.testing.hub import ACME, GLOBEX

pytestmark = pytest.mark.gen_test


def device(n, **fields):
    return {"external_id": f"d{n}", "company_id": ACME, "name": f"PC-{n}", **fields}


async def put(who, items, plural="assets", **more):
    answer = await who.api(f"/api/{plural}:bulk", "PUT", {"source": "rmm", "items": items, **more})
    assert answer.code == 200, answer.text
    return answer.json


def results(answer):
    return [item["result"] for item in answer["items"]]


async def test_items_are_made_changed_and_left_alone(alice):
    assert results(await put(alice, [device(1), device(2)])) == ["created", "created"]
    answer = await put(alice, [device(1), {"external_id": "d2", "serial": "S2"}, device(3)])
    assert results(answer) == ["unchanged", "updated", "created"]
    assert [(item["status"], item["version"], item["errors"]) for item in answer["items"]] == [(200, 1, {}), (200, 2, {}), (201, 1, {})]
    assert answer["deactivated"] == []
    assets = (await alice.api("/api/assets")).items
    assert [(asset["name"], asset["serial"], asset["source"], asset["version"]) for asset in assets] == [
        ("PC-1", "", "rmm", 1),
        ("PC-2", "S2", "rmm", 2),
        ("PC-3", "", "rmm", 1),
    ]


async def test_a_bad_item_does_not_keep_the_others_out(alice):
    answer = await put(alice, [device(1), device(2, company_id="nobody"), device(3, backup_bytes=-1), {"external_id": "d4"}, device(5)])
    assert results(answer) == ["created", "error", "error", "error", "created"]
    assert [list(item["errors"]) for item in answer["items"] if item["result"] == "error"] == [
        ["company_id"],
        ["backup_bytes"],
        ["company_id", "name"],
    ]
    assert [(item["status"], item["id"], item["version"]) for item in answer["items"][1:4]] == [(422, None, None)] * 3
    assert (await alice.api("/api/assets")).total == 2


async def test_what_a_complete_list_does_not_hold_is_retired_never_deleted(alice):
    await put(alice, [device(1), device(2), device(3, company_id=GLOBEX)])
    await alice.api("/api/assets", "POST", {"company_id": ACME, "name": "By hand"})
    answer = await put(alice, [device(1)], complete=True, company_id=ACME)
    assert len(answer["deactivated"]) == 1
    assets = {asset["name"]: asset["retired_on"] for asset in (await alice.api("/api/assets")).items}
    assert [name for name, day in assets.items() if day] == ["PC-2"]
    assert (await put(alice, [device(1)], complete=True, company_id=ACME))["deactivated"] == []
    assert len((await put(alice, [device(1)], complete=True))["deactivated"]) == 1


async def test_contacts_companies_and_locations_too(alice):
    assert results(await put(alice, [{"external_id": "c1", "name": "Hooli"}], "companies")) == ["created"]
    person = {"external_id": "p1", "first_name": "Zoë", "companies": [{"company_id": ACME, "role": "billing"}]}
    assert results(await put(alice, [person, {"external_id": "p2"}], "contacts")) == ["created", "error"]
    assert results(await put(alice, [person], "contacts")) == ["unchanged"]
    assert results(await put(alice, [{"external_id": "l1", "company_id": ACME, "name": "HQ"}] * 1, "locations")) == ["created"]
    assert results(await put(alice, [{"external_id": "l2", "company_id": ACME, "name": "hq"}], "locations")) == ["error"]
    taken = await put(alice, [{"external_id": "l2", "company_id": ACME, "name": "hq"}], "locations")
    assert [(item["status"], list(item["errors"])) for item in taken["items"]] == [(409, ["name"])]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"source": "rmm", "items": [{"name": "x"}]}, 400),
        ({"source": "rmm", "items": [device(1, source="psa")]}, 422),
        ({"source": "rmm", "items": [], "complete": True}, 422),
        ({"source": "", "items": []}, 400),
        ({"items": []}, 400),
        ({"source": "rmm", "items": [device(1, colour="red")]}, 400),
        ({"source": "rmm", "items": [device(n) for n in range(1001)]}, 400),
    ],
)
async def test_what_is_no_list_is_refused(alice, body, code):
    assert (await alice.api("/api/assets:bulk", "PUT", body)).code == code
    assert (await alice.api("/api/assets")).total == 0


async def test_an_item_that_stands_there_twice_counts_once(alice):
    answer = await put(alice, [device(1), device(1, serial="S2")])
    assert [(item["result"], list(item["errors"])) for item in answer["items"]] == [("created", []), ("error", ["external_id"])]
    assert [asset["serial"] for asset in (await alice.api("/api/assets")).items] == [""]


async def test_N113_a_limited_technician_neither_changes_nor_retires_what_he_does_not_see(alice, bob, db, people):
    await put(alice, [device(1), device(2, company_id=GLOBEX)])
    await db.run("UPDATE account SET scope_rule = 'only' WHERE id = :id", id=people.bob.id)
    await db.run("INSERT INTO account_company (account_id, company_id) VALUES (:account, :id)", account=people.bob.id, id=ACME)
    answer = await put(bob, [device(2), device(3, company_id=GLOBEX), device(4)], complete=True)
    assert results(answer) == ["error", "error", "created"]
    made = (await put(bob, [{"external_id": "c9", "name": "Hooli"}], "companies"))["items"]
    assert [(item["status"], list(item["errors"])) for item in made] == [(403, [""])]
    assets = {asset["external_id"]: asset for asset in (await alice.api("/api/assets")).items}
    assert assets["d2"]["retired_on"] is None
    assert assets["d1"]["retired_on"] is not None


async def test_whoever_another_company_is_billed_for_is_named_and_stays_and_the_rest_of_a_complete_list_holds(alice, bob, db, people):
    first, shared = [{"company_id": ACME}], [{"company_id": ACME}, {"company_id": GLOBEX}]
    people_of = [{"external_id": f"p{n}", "first_name": f"P{n}", "companies": at} for n, at in enumerate((first, first, shared))]
    both = (await put(alice, people_of, "contacts"))["items"][2]["id"]
    await db.run("UPDATE account SET scope_rule = 'only' WHERE id = :id", id=people.bob.id)
    await db.run("INSERT INTO account_company (account_id, company_id) VALUES (:account, :id)", account=people.bob.id, id=ACME)
    answer = await put(bob, [{**people_of[0], "first_name": "Zero"}], "contacts", complete=True)
    assert results(answer) == ["updated", "error"] and len(answer["deactivated"]) == 1
    refused = answer["items"][1]
    assert (refused["external_id"], refused["id"], refused["status"]) == ("p2", both, 422) and "active" in refused["errors"]
    active = {contact["external_id"]: contact["active"] for contact in (await alice.api("/api/contacts")).items}
    assert (active["p0"], active["p1"], active["p2"]) == (True, False, True)


async def test_who_may_not_write_does_not(dave, stranger, people):
    for who, code in ((dave, 403), (stranger, 401)):
        assert (await who.api("/api/assets:bulk", "PUT", {"source": "rmm", "items": [device(1)]})).code == code
