"""A kind of record that is one file has its list, form, API, bulk, history and file, and each does what it should."""

import csv
import io
import re

import pytest

from hmlib.records import audit
from hmlib.testing.fixtures import ServiceUnderTest
from hmlib.testing.hub import ACME, GLOBEX
from hmlib.tests import printers

DRAFT = {
    "company_id": ACME,
    "name": "Front desk",
    "kind": "ink",
    "phone": "(203) 555-1001",
    "pages": 1200,
    "price": "0.0125",
    "tags": ["Lobby"],
}


@pytest.fixture
def service():
    return ServiceUnderTest("wiki", printers.make_app, printers.MIGRATIONS)


async def add(who, **said):
    answer = await who.api("/api/printers", "POST", {**DRAFT, **said})
    assert answer.code == 201, answer.text
    return answer.json


@pytest.mark.gen_test
async def test_what_is_said_is_what_is_told(alice):
    made = await add(alice, memory=2**40, hours="1:30", bought_on="2026-11-02", trays=[{"size": "A4", "sheets": 250}])
    assert {name: made[name] for name in DRAFT if name != "tags"} == {name: DRAFT[name] for name in DRAFT if name != "tags"}
    assert (made["tags"], made["hours"], made["memory"], made["trays"]) == (["lobby"], "1.5", 2**40, [{"size": "A4", "sheets": 250}])
    assert (await alice.api(f"/api/printers/{made['id']}")).json == made
    assert (await alice.api("/api/printers")).json == [made]


@pytest.mark.gen_test
async def test_a_list_is_whole_without_a_limit_and_paged_with_one(alice):
    names = [f"Printer {number:04}" for number in range(1205)]
    items = [{**DRAFT, "name": name, "external_id": name} for name in names]
    for start in range(0, len(items), 1000):
        assert (await alice.api("/api/printers:bulk", "PUT", {"items": items[start : start + 1000], "source": "rmm"})).code == 200
    whole = await alice.api("/api/printers")
    assert sorted(row["name"] for row in whole.json) == names
    pages, address = [], "/api/printers?limit=500&sort=name"
    while address:
        page = await alice.api(address)
        assert page.headers["X-Total-Count"] == "1205"
        pages += [row["name"] for row in page.json]
        link = re.fullmatch(r"<https?://[^/]+(/[^>]*)>; rel=\"next\"", page.headers.get("Link", ""))
        address = link[1] if link else ""
    assert pages == names


@pytest.mark.gen_test
async def test_search_finds_words_numbers_by_digits_and_external_ids_as_a_whole(alice):
    made = await add(alice, external_id="rmm-4711")
    for q, found in (("desk front", 1), ("2035551001", 1), ("(203) 555 1001", 1), ("lobby", 1), ("rmm-4711", 1), ("4711", 0), ("back", 0)):
        answer = await alice.api("/api/printers?q=" + q.replace(" ", "%20"))
        assert len(answer.json) == found, q
    await add(alice, name="A front desk of another kind")
    page = await alice.fetch("/printers/rows?q=front+desk")
    assert page.text.index(made["id"]) < page.text.index("of another kind")


@pytest.mark.gen_test
async def test_filters_and_sorting_are_the_same_for_people_and_programs(alice):
    await add(alice, name="One", kind="laser", pages=5)
    await add(alice, name="Two", kind="ink", pages=None, company_id=GLOBEX)
    assert [row["name"] for row in (await alice.api("/api/printers?kind=laser")).json] == ["One"]
    assert [row["name"] for row in (await alice.api(f"/api/printers?company_id={GLOBEX}&sort=-pages")).json] == ["Two"]
    assert [row["name"] for row in (await alice.api("/api/printers?sort=-pages&limit=10")).json] == ["One", "Two"]
    rows = (await alice.fetch("/printers/rows?company_id=Globex+Freight+(100002)")).text
    assert "Two" in rows and "One" not in rows
    assert "Nothing matches" in (await alice.fetch("/printers/rows?company_id=Nobody+Inc")).text


@pytest.mark.gen_test
async def test_a_slip_in_a_parameter_is_refused(alice):
    answer = await alice.api("/api/printers?limt=1")
    assert (answer.code, answer.json["code"]) == (400, "unknown_parameter")


@pytest.mark.gen_test
async def test_everything_that_is_wrong_is_said_at_once(alice):
    await add(alice)
    form = {"company_id": "Nobody Inc", "name": "FRONT DESK", "pages": "many", "bought_on": "yesterday", "price": "0.01"}
    answer = await alice.fetch("/printers", "POST", form)
    assert answer.code == 422
    wrong = set(re.findall(r'id="(\w+)-error"', answer.text))
    assert wrong == {"company_id", "pages", "bought_on"}
    answer = await alice.fetch("/printers", "POST", {**form, "company_id": "100001"})
    assert set(re.findall(r'id="(\w+)-error"', answer.text)) == {"name", "pages", "bought_on"}
    problem = await alice.api("/api/printers", "POST", {**DRAFT, "name": "", "bought_on": "never"})
    assert (problem.code, set(problem.json["errors"])) == (422, {"name", "bought_on"})


@pytest.mark.gen_test
async def test_a_form_takes_a_company_by_name_number_or_id(alice, db):
    for number, said in enumerate(("Acme Dental", "100001", "Acme Dental (100001)", ACME)):
        answer = await alice.fetch("/printers", "POST", {"company_id": said, "name": f"Printer {number}"})
        assert answer.code == 303, answer.text
    assert await db.value("SELECT count(*) FROM printer WHERE company_id = :id", id=ACME) == 4


@pytest.mark.gen_test
async def test_a_change_needs_the_version_and_one_that_came_between_is_shown_side_by_side(alice, bob):
    made = await add(alice)
    path = f"/api/printers/{made['id']}"
    assert (await alice.api(path, "PATCH", {"pages": 7})).code == 428
    first = await alice.api(path, "PATCH", {"pages": 7}, If_Match="*")
    assert (first.code, first.json["version"]) == (200, 2)
    assert (await bob.api(path, "PATCH", {"pages": 8}, If_Match='"1"')).code == 412
    form = {"company_id": ACME, "name": "Renamed", "version": "1", "base": '{"pages": "1200"}'}
    answer = await bob.fetch(f"/printers/{made['id']}", "POST", form)
    assert answer.code == 409 and "Theirs" in answer.text and "Renamed" in answer.text
    assert (await bob.fetch(f"/printers/{made['id']}", "POST", {**form, "version": "2"})).code == 303


@pytest.mark.gen_test
async def test_one_key_makes_one(alice):
    answers = [await alice.api("/api/printers", "POST", DRAFT, Idempotency_Key="k-1") for _ in range(3)]
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len((await alice.api("/api/printers")).json) == 1


@pytest.mark.gen_test
async def test_history_is_told_in_words(alice, bob, db):
    made = await add(alice)
    form = {"company_id": GLOBEX, "kind": "laser", "pages": "", "colour": "on", "active": "on", "version": "1"}
    assert (await bob.fetch(f"/printers/{made['id']}", "POST", form)).code == 303
    page = (await alice.fetch(f"/printers/{made['id']}")).text
    for sentence in (
        "bob changed Company of Front desk from Acme Dental to Globex Freight",
        "bob changed Kind of Front desk from Ink jet to Laser",
        "bob changed Pages a month of Front desk from 1200 to nothing",
        "bob changed Colour of Front desk from No to Yes",
    ):
        assert sentence in page, page
    rows = (await audit.of_subject(db, f"printer/{made['id']}", 5))[0]
    assert rows.before == {"company_id": ACME, "kind": "ink", "pages": 1200, "colour": False}


@pytest.mark.gen_test
async def test_a_record_ends_comes_back_and_goes(alice):
    made = await add(alice)
    path = f"/printers/{made['id']}"
    assert (await alice.fetch(f"{path}/activity", "DELETE")).code == 303
    assert (await alice.api(f"/api{path}")).json["active"] is False
    assert (await alice.fetch(f"{path}/activity", "PUT")).code == 303
    assert "Delete Front desk for good?" in (await alice.fetch(path, "POST", {"_method": "DELETE"})).text
    assert (await alice.fetch(path, "POST", {"_method": "DELETE", "confirmed": "yes"})).code == 303
    assert (await alice.fetch(path)).code == 404
    gone = (await alice.api("/api/printers:gone")).json
    assert (gone["ids"], gone["number"]) == ([made["id"]], None)
    assert (await alice.api("/api/printers?since=1")).json["code"] == "unknown_parameter", "nobody numbers the changes of printers"
    assert (await alice.api("/api/printers:gone?since=123456789")).code == 400


@pytest.mark.gen_test
async def test_whose_it_is_decides_who_sees_it(alice, dave):
    theirs, other = await add(alice), await add(alice, company_id=GLOBEX, name="Elsewhere")
    assert [row["id"] for row in (await dave.api("/api/printers")).json] == [theirs["id"]]
    assert (await dave.api(f"/api/printers/{other['id']}")).code == 404
    assert (await dave.fetch(f"/printers/{other['id']}")).code == 404
    assert "Elsewhere" not in (await dave.fetch("/printers?q=Elsewhere")).text.partition("<main")[2].replace('value="Elsewhere"', "")
    assert (await dave.api("/api/printers:lookup", "POST", {"ids": [theirs["id"], other["id"]]})).code == 200
    assert (await dave.fetch("/printers", "POST", {"company_id": ACME, "name": "Mine"})).code == 403
    assert len((await dave.api(f"/api/printers?ids={theirs['id']},{other['id']}")).json) == 1


@pytest.mark.gen_test
async def test_a_whole_list_of_another_system_is_told_item_by_item(alice):
    items = [{**DRAFT, "external_id": "1"}, {**DRAFT, "external_id": "2"}, {**DRAFT, "external_id": "3", "name": "Back", "pages": -1}]
    told = (await alice.api("/api/printers:bulk", "PUT", {"source": "rmm", "items": items})).json["items"]
    assert [(item["result"], item["status"]) for item in told] == [("created", 201), ("error", 409), ("error", 422)]
    items = [{**DRAFT, "external_id": "9", "name": "New"}]
    again = (await alice.api("/api/printers:bulk", "PUT", {"source": "rmm", "items": items, "complete": True})).json
    assert again["deactivated"] == [told[0]["id"]]


@pytest.mark.gen_test
async def test_the_file_of_a_list_has_its_rows_in_its_order(alice):
    await add(alice, name="B", memory=5)
    await add(alice, name="Attic", price="0.5")
    answer = await alice.fetch("/printers/export?sort=-name")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert [(row["name"], row["company_account_number"], row["price"]) for row in rows] == [
        ("B", "100001", "0.0125"),
        ("Attic", "100001", "0.50"),
    ]
    assert [row["name"] for row in (await alice.fetch("/printers/export?format=json&q=attic&kind=ink")).json] == ["Attic"]


@pytest.mark.gen_test
async def test_the_description_types_every_field_and_parameter(alice):
    document = (await alice.api("/api/openapi.json")).json
    listed = document["paths"]["/api/printers"]["get"]
    types = {one["name"]: one["schema"]["type"] for one in listed["parameters"] if one["in"] == "query"}
    assert types["limit"] == "integer" and {"q", "sort", "cursor", "ids", "kind", "company_id", "updated_since"} <= set(types)
    assert listed["responses"]["200"]["content"]["application/json"]["schema"]["type"] == "array"
    draft = document["components"]["schemas"]["PrinterDraft"]
    assert draft["required"] == ["company_id", "name"] and draft["properties"]["pages"]["anyOf"][0]["type"] == "integer"


@pytest.mark.gen_test
async def test_a_picker_offers_a_few_of_many(alice):
    assert 'value="Acme Dental (100001)"' in (await alice.fetch("/companies/picker?field=company_id&company_id=acme")).text
    await add(alice)
    assert 'value="Front desk"' in (await alice.fetch("/printers/picker?q=fro")).text


@pytest.mark.gen_test
async def test_while_nexus_is_away_lists_still_read(alice, hub):
    await add(alice)
    hub.away = True
    assert "Front desk" in (await alice.fetch("/printers")).text
    assert (await alice.api("/api/printers")).code == 200


@pytest.mark.gen_test
async def test_a_search_finds_the_company_by_what_the_directory_calls_it(alice):
    await add(alice)
    await add(alice, company_id=GLOBEX, name="Elsewhere")
    assert [row["name"] for row in (await alice.api("/api/printers?q=globex")).json] == ["Elsewhere"]
    assert "Elsewhere" in (await alice.fetch("/printers/rows?q=globex")).text


@pytest.mark.gen_test
async def test_a_form_changes_only_what_was_typed_anew(alice):
    made = await add(alice, seen_at="2026-11-02T08:00:42Z")
    form = {"company_id": ACME, "name": "Back", "seen_at": "2026-11-02T08:00", "version": "1"}
    assert (await alice.fetch(f"/printers/{made['id']}", "POST", form)).code == 303
    after = (await alice.api(f"/api/printers/{made['id']}")).json
    assert (after["name"], after["seen_at"]) == ("Back", made["seen_at"])


@pytest.mark.gen_test
async def test_nothing_is_deleted_that_has_changed_since_it_was_looked_at(alice):
    made = await add(alice)
    await alice.api(f"/api/printers/{made['id']}", "PATCH", {"name": "Back"}, If_Match='"1"')
    assert (await alice.fetch(f"/printers/{made['id']}", "DELETE", {"confirmed": "yes", "version": "1"})).code == 409
    assert (await alice.fetch(f"/printers/{made['id']}", "DELETE", {"confirmed": "yes", "version": "2"})).code == 303


@pytest.mark.gen_test
async def test_a_whole_list_asks_the_directory_once(alice, hub):
    items = [{**DRAFT, "external_id": str(number), "name": str(number)} for number in range(50)]
    assert (await alice.api("/api/printers:bulk", "PUT", {"items": items, "source": "rmm"})).code == 200
    assert hub.counted["companies"] == 1


@pytest.mark.gen_test
async def test_a_form_says_that_the_directory_is_away_and_keeps_what_was_typed(alice, hub):
    assert (await alice.fetch("/printers/new")).code == 200
    hub.away = True
    answer = await alice.fetch("/printers", "POST", {"company_id": "Acme Dental (100001)", "name": "Front desk"})
    assert answer.code == 422 and "The directory does not answer" in answer.text and 'value="Front desk"' in answer.text
    assert (await alice.fetch("/companies/picker?field=company_id&company_id=acme")).code == 200


@pytest.mark.gen_test
async def test_a_field_that_an_administrator_adds_is_a_field_like_any_other(alice, bob):
    field = {"kind": "printers", "label": "Rack unit", "name": "rack_unit", "type": "number"}
    assert (await bob.api("/api/custom-fields", "POST", field)).code == 403
    assert (await alice.api("/api/custom-fields", "POST", field)).code == 201
    choices = {"kind": "printers", "label": "Floor", "name": "floor", "type": "choice", "choices": "Ground\nUpper"}
    assert (await alice.fetch("/custom-fields", "POST", choices)).code == 303
    made = await add(alice, custom={"rack_unit": "12.5", "floor": "Upper"})
    assert made["custom"] == {"rack_unit": "12.5", "floor": "Upper"}
    form = (await alice.fetch(f"/printers/{made['id']}/edit")).text
    assert "Rack unit" in form and 'value="12.5"' in form and "Ground" in form
    assert [row["id"] for row in (await alice.api("/api/printers?custom.floor=Upper")).json] == [made["id"]]
    assert (await alice.api("/api/printers?custom.floor=Ground")).json == []
    assert [row["id"] for row in (await alice.api("/api/printers?q=upper")).json] == [made["id"]]
    said = {"company_id": ACME, "name": "Front desk", "version": "1", "custom.floor": "Ground", "custom.rack_unit": "", "active": "on"}
    assert (await alice.fetch(f"/printers/{made['id']}", "POST", said)).code == 303
    assert (await alice.api(f"/api/printers/{made['id']}")).json["custom"] == {"floor": "Ground"}
    assert "alice changed Floor of Front desk from Upper to Ground" in (await alice.fetch(f"/printers/{made['id']}")).text
    assert "custom.floor" in (await alice.fetch("/printers/export")).text
    wrong = await alice.api("/api/printers", "POST", {**DRAFT, "name": "X", "custom": {"floor": "Cellar", "lift": "no"}})
    assert (wrong.code, set(wrong.json["errors"])) == (422, {"custom.floor", "custom.lift"})


@pytest.mark.gen_test
async def test_an_added_field_stays_what_it_is_and_goes_with_its_values(alice, db):
    field = {"kind": "printers", "label": "Floor", "name": "floor", "type": "choice", "choices": "Ground\nUpper"}
    made = (await alice.api("/api/custom-fields", "POST", field)).json
    printer = await add(alice, custom={"floor": "Upper"})
    path = f"/api/custom-fields/{made['id']}"
    kept = await alice.api(path, "PATCH", {"choices": "Ground"}, If_Match="*")
    assert (kept.code, kept.json["errors"]) == (422, {"choices": "Upper is chosen somewhere: it stays."})
    assert (await alice.api(path, "PATCH", {"kind": "printers"}, If_Match="*")).code == 400
    question = (await alice.fetch(f"/custom-fields/{made['id']}", "POST", {"_method": "DELETE"})).text
    assert "With it goes what 1 record says there." in question
    assert (await alice.api(path, "DELETE", If_Match="*")).code == 204
    assert (await alice.api(f"/api/printers/{printer['id']}")).json.get("custom", {}) == {}
    assert await db.value("SELECT count(*) FROM custom_value") == 0
