"""The pages of contacts, locations and assets: what is particular to each, and the litany for all three."""

import json
import re

import pytest

from hmlib.tables import files
from hmlib.testing.hub import ACME, GLOBEX
from nexus_srv.directory.import_columns import COLUMNS

pytestmark = pytest.mark.gen_test
PLURALS = ["contacts", "locations", "assets"]


async def add(who, plural, name="PC-1", company=ACME, **fields):
    place = {"companies": [{"company_id": company}]} if plural == "contacts" else {"company_id": company}
    answer = await who.api(f"/api/{plural}", "POST", {"name": name, **place, **fields})
    assert answer.code == 201, answer.text
    return answer.json


def form(plural, name="PC-2", **fields):
    if plural == "contacts":
        return {"first_name": name, "last_name": "", "emails": "", "active": "on", "billable": "on", "company_id": ACME, **fields}
    return {"company_id": ACME, "name": name, **({"active": "on"} if plural == "locations" else {"type": "server"}), **fields}


def edit(plural, name="PC-2", **fields):
    values = form(plural, name, **fields)
    return {**({k: v for k, v in values.items() if k != "company_id"} if plural == "contacts" else values), "version": "1"} | fields


@pytest.mark.parametrize("plural", PLURALS)
async def test_the_list_the_rows_and_one_entry(alice, plural):
    entry = await add(alice, plural)
    for path in (f"/{plural}", f"/{plural}/rows", f"/{plural}/rows?q=pc-1&sort=-name", f"/{plural}/{entry['id']}"):
        answer = await alice.fetch(path)
        assert answer.code == 200, answer.text
        assert "PC-1" in answer.text
    assert "PC-1" not in (await alice.fetch(f"/{plural}/rows?q=other")).text
    assert (await alice.fetch(f"/{plural}/{entry['id']}/edit")).code == 200


@pytest.mark.parametrize("plural", PLURALS)
async def test_adding_from_a_company_leads_to_the_new_entry(alice, plural):
    empty = await alice.fetch(f"/{plural}/new?company_id={ACME}")
    assert (f'value="{ACME}" selected' in empty.text) or ('value="Acme Dental (100001)"' in empty.text)
    answer = await alice.fetch(f"/{plural}", "POST", form(plural))
    assert answer.code == 303
    page = await alice.fetch(answer.location)
    assert "PC-2" in page.text
    assert "Acme Dental" in page.text


@pytest.mark.parametrize("plural", PLURALS)
async def test_a_wrong_value_comes_back_in_the_form(alice, plural):
    answer = await alice.fetch(f"/{plural}", "POST", form(plural, "", external_id="kept-9"))
    assert answer.code == 422
    assert "kept-9" in answer.text
    field, said = ("first_name", "Give a first or last name.") if plural == "contacts" else ("name", "This is needed.")
    assert said in answer.text.partition(f'id="{field}-error"')[2][:40]


@pytest.mark.parametrize("plural", PLURALS)
async def test_changing_saves_and_a_stale_form_is_a_conflict(alice, plural):
    entry = await add(alice, plural)
    path = f"/{plural}/{entry['id']}"
    assert (await alice.fetch(path, "POST", edit(plural, "Mine"))).code == 303
    assert (await alice.api(f"/api{path}")).json["name"] == "Mine"
    answer = await alice.fetch(path, "POST", edit(plural, "Yours", base=json.dumps({"name": "PC-1"})))
    assert answer.code == 409
    assert "Mine" in answer.text
    assert "Yours" in answer.text
    assert (await alice.api(f"/api{path}")).json["name"] == "Mine"


def differing(page):
    """The rows of a conflict page in which theirs and yours differ: the field with the value that is proposed."""
    return dict(re.findall(r'type="radio" name="(\w+)" value="([^"]*)" checked', page))


async def test_a_box_that_both_leave_ticked_is_no_conflict_and_stays_so(alice):
    entry = await add(alice, "contacts", first_name="PC-1")
    path, base = f"/contacts/{entry['id']}", json.dumps({"first_name": "PC-1", "active": "on", "billable": "on", "title": ""})
    assert (await alice.api(f"/api{path}", "PATCH", {"title": "Theirs"}, If_Match="*")).code == 200
    mine = edit("contacts", "PC-1", base=base, title="Mine")
    answer = await alice.fetch(path, "POST", mine)
    assert (answer.code, differing(answer.text)) == (409, {"title": "Mine"})
    answer = await alice.fetch(path, "POST", {name: said for name, said in mine.items() if name != "billable"})
    assert differing(answer.text) == {"title": "Mine", "billable": ""}, "and one that I took out is mine"
    assert ">Yes</span>" in answer.text and ">No</span>" in answer.text
    chosen = edit("contacts", "PC-1", version="2", active="on", billable="", title="Mine")
    assert (await alice.fetch(path, "POST", chosen)).code == 303
    saved = (await alice.api(f"/api{path}")).json
    assert (saved["active"], saved["billable"], saved["title"]) == (True, False, "Mine")


@pytest.mark.parametrize("plural", PLURALS)
async def test_deactivating_and_reactivating(alice, plural):
    entry = await add(alice, plural)
    path = f"/{plural}/{entry['id']}"
    ended = await alice.fetch(f"{path}/activity", "POST", {"_method": "delete"})
    assert (ended.code, ended.location) == (303, path)
    assert ("Retired on" if plural == "assets" else "Inactive") in (await alice.fetch(path)).text
    await alice.fetch(f"{path}/activity", "POST", {"_method": "put"})
    assert ("In use" if plural == "assets" else "Active") in (await alice.fetch(path)).text
    assert (await alice.api(f"/api{path}")).json["version"] == 3


@pytest.mark.parametrize("plural", PLURALS)
async def test_deleting_asks_and_leads_to_the_list(alice, plural):
    entry = await add(alice, plural, "Old & gone")
    asked = await alice.fetch(f"/{plural}/{entry['id']}", "POST", {"_method": "delete"})
    assert asked.code == 200 and "Delete Old &amp; gone for good?" in asked.text and 'name="confirmed" value="yes"' in asked.text
    assert (await alice.fetch(f"/{plural}/{entry['id']}")).code == 200
    answer = await alice.fetch(f"/{plural}/{entry['id']}", "POST", {"_method": "delete", "confirmed": "yes"})
    assert (answer.code, answer.location) == (303, f"/{plural}")
    assert (await alice.fetch(f"/{plural}/{entry['id']}")).code == 404


@pytest.mark.parametrize("plural", PLURALS)
async def test_N113_dave_sees_what_is_his_companys_and_nothing_else(alice, dave, plural):
    mine, theirs = await add(alice, plural, "mine-1"), await add(alice, plural, "theirs-1", GLOBEX)
    for path in (
        f"/{plural}",
        f"/{plural}/rows",
        f"/{plural}/export?format=json",
        f"/{plural}/rows?company_id={GLOBEX}",
        f"/{plural}?q=theirs",
    ):
        assert "theirs-1" not in (await dave.fetch(path)).text
    assert "1–1 of 1" in (await dave.fetch(f"/{plural}")).text
    assert (await dave.fetch(f"/{plural}/{mine['id']}")).code == 200
    assert (await dave.fetch(f"/{plural}/{theirs['id']}")).code == 404


@pytest.mark.parametrize("plural", PLURALS)
async def test_a_technician_with_a_list_writes_within_it(alice, bob, db, people, plural):
    theirs = await add(alice, plural, "theirs-1", GLOBEX)
    await db.run("UPDATE account SET scope_rule = 'only' WHERE id = :id", id=people.bob.id)
    await db.run("INSERT INTO account_company (account_id, company_id) VALUES (:account, :id)", account=people.bob.id, id=ACME)
    assert (await bob.fetch(f"/{plural}", "POST", form(plural))).code == 303
    assert (await bob.fetch(f"/{plural}", "POST", form(plural, company_id=GLOBEX))).code == 422
    for method, path in (("POST", ""), ("DELETE", ""), ("DELETE", "/activity")):
        assert (await bob.fetch(f"/{plural}/{theirs['id']}{path}", method, edit(plural) if method == "POST" else None)).code == 404


@pytest.mark.parametrize("plural", PLURALS)
@pytest.mark.parametrize("who", ["stranger", "dave", "forger"])
async def test_who_may_not_write_does_not(alice, dave, stranger, plural, who):
    entry = await add(alice, plural)
    browser = {"forger": alice, "dave": dave, "stranger": stranger}[who]
    for method, path in (
        ("POST", ""),
        ("POST", f"/{entry['id']}"),
        ("PUT", f"/{entry['id']}/activity"),
        ("DELETE", f"/{entry['id']}/activity"),
        ("DELETE", f"/{entry['id']}"),
    ):
        answer = await browser.fetch(f"/{plural}{path}", method, edit(plural) if method == "POST" else None, forged=who == "forger")
        assert answer.code == (303 if who == "stranger" else 403)
    assert (await alice.api(f"/api/{plural}")).total == 1
    assert (await alice.api(f"/api/{plural}/{entry['id']}")).json["version"] == 1


@pytest.mark.parametrize("plural", PLURALS)
async def test_what_is_not_there_is_404(alice, plural):
    for method, path in (("GET", ""), ("GET", "/edit"), ("POST", ""), ("PUT", "/activity"), ("DELETE", "/activity"), ("DELETE", "")):
        assert (await alice.fetch(f"/{plural}/nobody{path}", method, edit(plural) if method == "POST" else None)).code == 404
    assert (await alice.fetch(f"/{plural}/nobody", "POST", {"version": "x"})).code == 404


@pytest.mark.parametrize("plural", PLURALS)
@pytest.mark.parametrize("format", ["csv", "xlsx", "json"])
async def test_an_export_can_be_read_again(alice, plural, format):
    fields = {"emails": ["a@b.example"]} if plural == "contacts" else {}
    await add(alice, plural, "=1+1", **fields)
    answer = await alice.fetch(f"/{plural}/export?format={format}")
    if format == "json":
        assert [row["company_account_number"] for row in answer.json] == ["100001"]
        return
    sheet = files.read(answer.body, "x", COLUMNS[plural])
    assert sheet.errors == []
    assert [row.values["company_account_number"] for row in sheet.rows] == ["100001"]


async def test_companies_of_a_contact_are_added_changed_and_taken_off(alice, db):
    contact = await add(alice, "contacts", "Zoë")
    path = f"/contacts/{contact['id']}/companies"
    await alice.fetch(path, "POST", {"company_id": GLOBEX, "role": "billing"})
    assert "Globex Freight" in (await alice.fetch(f"/contacts/{contact['id']}")).text
    links = (await alice.api(f"/api/contacts/{contact['id']}")).json["companies"]
    assert [(link["company_id"], link["role"], link["billed"]) for link in links] == [(ACME, "", True), (GLOBEX, "billing", False)]
    assert (await alice.fetch(f"{path}/{ACME}", "POST", {"_method": "delete"})).code == 303
    assert (await alice.fetch(f"{path}/{ACME}", "POST", {"_method": "delete"})).code == 404
    assert (await alice.htmx(path, "POST", {"company_id": "nobody"})).code == 422
    assert (await alice.htmx(path, "POST", {"company_id": GLOBEX, "role": "boss"})).code == 422


async def test_taking_a_contact_off_a_company_can_be_undone(alice):
    contact = await add(alice, "contacts", "Zoë")
    path = f"/contacts/{contact['id']}"
    before = (await alice.api(f"/api{path}")).json["companies"]
    await alice.fetch(f"{path}/companies/{ACME}", "POST", {"_method": "delete"})
    page = (await alice.fetch(path)).text
    assert "Zoë is taken off Acme Dental." in page
    form = re.search(r'<form method="post" action="([^"]+)">(?:(?!</form>).)*Undo', page, re.DOTALL)
    fields = dict(re.findall(r'name="(company_id|role|billed)" value="([^"]*)"', form[0]))
    assert (await alice.fetch(form[1], "POST", fields)).code == 303
    assert (await alice.api(f"/api{path}")).json["companies"] == before


async def test_a_contact_with_devices_says_what_becomes_of_them(alice):
    contact = await add(alice, "contacts", "Zoë")
    await add(alice, "assets", "her-laptop", contact_id=contact["id"])
    asked = await alice.fetch(f"/contacts/{contact['id']}", "POST", {"_method": "delete"})
    assert "1 asset will belong to nobody." in asked.text


async def test_dave_changes_no_companies_of_a_contact(alice, dave):
    contact = await add(alice, "contacts", "Zoë")
    assert (await dave.htmx(f"/contacts/{contact['id']}/companies", "POST", {"company_id": ACME, "role": "billing"})).code == 403
    assert (await dave.htmx(f"/contacts/{contact['id']}/companies/{ACME}", "DELETE")).code == 403


async def test_the_page_of_a_contact_shows_only_companies_and_devices_in_scope(alice, dave):
    contact = await add(alice, "contacts", "Zoë")
    await alice.htmx(f"/contacts/{contact['id']}/companies", "POST", {"company_id": GLOBEX})
    await add(alice, "assets", "mine-1", contact_id=contact["id"])
    await add(alice, "assets", "theirs-1", GLOBEX, contact_id=contact["id"])
    page = await dave.fetch(f"/contacts/{contact['id']}")
    assert "mine-1" in page.text
    assert "theirs-1" not in page.text
    assert "Globex" not in page.text


async def test_a_backup_told_by_hand_was_measured_now(alice):
    entry = await add(alice, "assets")
    answer = await alice.fetch(f"/assets/{entry['id']}", "POST", edit("assets", backup_bytes="1,099,511,627,776"))
    assert answer.code == 303
    asset = (await alice.api(f"/api/assets/{entry['id']}")).json
    assert (asset["backup_bytes"], asset["measured_at"]) == (2**40, asset["updated_at"])
    assert (await alice.fetch(f"/assets/{entry['id']}", "POST", edit("assets", backup_bytes="much", version="2"))).code == 422


async def test_the_page_of_a_contact_says_each_thing_once(alice):
    contact = await add(alice, "contacts", "Zoë", emails=["z@acme.example"], phone="(203) 555-1001")
    page = (await alice.fetch(f"/contacts/{contact['id']}")).text
    assert page.count("<dt>E-mail</dt>") == 1 and 'href="mailto:z@acme.example"' in page and 'href="tel:(203)555-1001"' in page
