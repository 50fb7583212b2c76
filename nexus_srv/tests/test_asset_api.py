"""Assets and locations for programs."""

import pytest

from hmlib.testing.hub import ACME, GLOBEX

pytestmark = pytest.mark.gen_test


async def add(who, plural="assets", **fields):
    answer = await who.api(f"/api/{plural}", "POST", {"company_id": ACME, "name": "PC-1", **fields})
    assert answer.code == 201, answer.text
    return answer.json


async def listed(who, query="", plural="assets"):
    return [item["name"] for item in (await who.api(f"/api/{plural}{query}")).items]


async def test_an_asset_is_kept_as_it_was_given(alice):
    fields = {
        "type": "server",
        "serial": "S1",
        "backup_bytes": 2**41,
        "active_on": "2026-01-02",
        "last_seen_at": "2026-11-22T10:00:00+02:00",
    }
    body = await add(alice, **fields, external_id="rmm-1")
    assert (body["last_seen_at"], body["backup_bytes"], body["company_name"]) == ("2026-11-22T08:00:00.000000Z", 2**41, "Acme Dental")
    assert (await alice.api(f"/api/assets/{body['id']}")).json == body


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"company_id": "nobody"}, "company_id"),
        ({"backup_bytes": -1}, "backup_bytes"),
        ({"retired_on": "soon"}, "retired_on"),
        ({"contact_id": "nobody"}, "contact_id"),
        ({"measured_at": "x"}, "measured_at"),
    ],
)
async def test_a_wrong_value_is_422_and_names_its_field(alice, fields, field):
    answer = await alice.api("/api/assets", "POST", {"company_id": ACME, "name": "PC-1", **fields})
    assert (answer.code, list(answer.json["errors"])) == (422, [field])


async def test_the_same_host_name_at_two_companies_is_two_assets(alice):
    await add(alice)
    await add(alice, company_id=GLOBEX)
    assert await listed(alice) == ["PC-1", "PC-1"]
    assert await listed(alice, f"?company_id={GLOBEX}") == ["PC-1"]


async def test_an_external_id_is_taken_once_per_source(alice):
    await add(alice, external_id="1", source="rmm")
    await add(alice, external_id="1", source="psa")
    answer = await alice.api("/api/assets", "POST", {"company_id": ACME, "name": "PC-2", "external_id": "1", "source": "rmm"})
    assert (answer.code, list(answer.json["errors"])) == (409, ["external_id"])


async def test_the_contact_of_an_asset_works_at_its_company(alice):
    person = (await alice.api("/api/contacts", "POST", {"name": "Zoë", "companies": [{"company_id": ACME}]})).json
    asset = await add(alice, contact_id=person["id"])
    answer = await alice.api("/api/assets", "POST", {"company_id": GLOBEX, "name": "PC-2", "contact_id": person["id"]})
    assert list(answer.json["errors"]) == ["contact_id"]
    assert (await alice.api(f"/api/contacts/{person['id']}", "DELETE", If_Match='"1"')).code == 204
    assert (await alice.api(f"/api/assets/{asset['id']}")).json["contact_id"] is None


async def test_lists_sort_by_company_and_page_across_it(alice):
    for name, company in (("b", ACME), ("a", GLOBEX), ("c", ACME)):
        await add(alice, name=name, company_id=company)
    seen, cursor = [], ""
    while cursor is not None:
        answer = (await alice.api(f"/api/assets?sort=company&limit=1{cursor and '&cursor=' + cursor}")).json
        seen += [item["name"] for item in answer["items"]]
        cursor = answer["next_cursor"]
    assert seen == ["b", "c", "a"]


async def test_retired_assets_are_found_by_status(alice):
    await add(alice, name="old", retired_on="2026-01-01")
    await add(alice, name="new")
    assert (await listed(alice, "?status=retired"), await listed(alice, "?status=in_use")) == (["old"], ["new"])


@pytest.mark.parametrize("plural", ["assets", "locations"])
async def test_N113_dave_finds_only_what_is_his_companys(alice, dave, plural):
    await add(alice, plural, name="mine")
    other = await add(alice, plural, name="theirs", company_id=GLOBEX)
    assert await listed(dave, plural=plural) == ["mine"]
    assert await listed(dave, f"?company_id={GLOBEX}", plural) == []
    assert await listed(dave, f"?ids={other['id']}", plural) == []
    assert await listed(dave, "?q=theirs", plural) == []
    assert (await dave.api(f"/api/{plural}")).total == 1
    assert (await dave.api(f"/api/{plural}/{other['id']}")).code == 404


@pytest.mark.parametrize("plural", ["assets", "locations"])
async def test_the_litany_of_writing(alice, dave, stranger, plural):
    entry = await add(alice, plural)
    path = f"/api/{plural}/{entry['id']}"
    assert (await alice.api(path, "PATCH", {"name": "PC-9"}, If_Match='"1"')).json["name"] == "PC-9"
    assert (await alice.api(path, "PATCH", {"name": "PC-8"}, If_Match='"1"')).code == 412
    assert (await alice.api(path, "PATCH", {"name": "PC-8"})).code == 428
    assert (await alice.api(path, "PATCH", {"colour": "red"}, If_Match='"2"')).code == 400
    assert (await dave.api(path, "PATCH", {"name": "x"}, If_Match='"2"')).code == 403
    assert (await stranger.api(path, "PATCH", {"name": "x"}, If_Match='"2"')).code == 401
    assert (await alice.api(f"/api/{plural}/nobody", "PATCH", {"name": "x"}, If_Match='"2"')).code == 404
    assert (await alice.api(path, "DELETE", If_Match='"2"')).code == 204
    assert (await alice.api(path)).code == 404


async def test_a_location_name_is_taken_once_in_its_company(alice):
    await add(alice, "locations", name="Head office", country="Germany")
    answer = await alice.api("/api/locations", "POST", {"company_id": ACME, "name": "HEAD OFFICE"})
    assert (answer.code, list(answer.json["errors"])) == (409, ["name"])
    await add(alice, "locations", name="Head office", company_id=GLOBEX)
    assert await listed(alice, "?country=DE", "locations") == ["Head office"]


async def test_moving_an_asset_shows_in_the_delta_of_those_who_lose_it(alice, dave):
    asset = await add(alice)
    await alice.api(f"/api/assets/{asset['id']}", "PATCH", {"company_id": GLOBEX}, If_Match='"1"')
    assert (await dave.api(f"/api/assets?updated_since={asset['created_at']}")).json["deleted"] == [asset["id"]]
    assert (await alice.api(f"/api/assets?updated_since={asset['created_at']}")).json["deleted"] == []


@pytest.mark.parametrize("plural", ["companies", "contacts", "locations", "assets"])
async def test_an_entry_is_the_same_in_a_list_a_lookup_and_alone(alice, plural):
    place = {"companies": {}, "contacts": {"companies": [{"company_id": ACME}], "emails": ["a@b.example", "c@d.example"]}}
    body = {"name": "PC-1", "external_id": "x", **place.get(plural, {"company_id": ACME})}
    entry = (await alice.api(f"/api/{plural}", "POST", body)).json
    assert (await alice.api(f"/api/{plural}/{entry['id']}")).json == entry
    for query in ("?q=pc-1", f"?ids={entry['id']}", "?q=pc-1&fields=" + ",".join(entry)):
        assert (await alice.api(f"/api/{plural}{query}")).items == [entry]
    assert (await alice.api(f"/api/{plural}:lookup", "POST", {"ids": [entry["id"]]})).items == [entry]
