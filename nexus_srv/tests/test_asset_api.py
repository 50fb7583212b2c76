"""Assets and locations for programs."""

from urllib.parse import quote

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
        answer = await alice.api(f"/api/assets?sort=company&limit=1{cursor and '&cursor=' + cursor}")
        seen += [item["name"] for item in answer.items]
        cursor = answer.next_cursor
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
    assert (await dave.api(f"/api/assets:gone?since={asset['created_at']}")).json["ids"] == [asset["id"]]
    assert (await alice.api(f"/api/assets:gone?since={asset['created_at']}")).json["ids"] == []


@pytest.mark.parametrize("plural", ["companies", "contacts", "locations", "assets"])
async def test_an_entry_is_the_same_in_a_list_a_lookup_and_alone(alice, plural):
    place = {"companies": {}, "contacts": {"companies": [{"company_id": ACME}], "emails": ["a@b.example", "c@d.example"]}}
    body = {"name": "PC-1", "external_id": "x", **place.get(plural, {"company_id": ACME})}
    entry = (await alice.api(f"/api/{plural}", "POST", body)).json
    assert (await alice.api(f"/api/{plural}/{entry['id']}")).json == entry
    for query in ("?q=pc-1", f"?ids={entry['id']}", "?q=pc-1&fields=" + ",".join(entry)):
        assert (await alice.api(f"/api/{plural}{query}")).items == [entry]
    assert (await alice.api(f"/api/{plural}:lookup", "POST", {"ids": [entry["id"]]})).items == [entry]


async def found(who, q):
    return await listed(who, "?q=" + quote(q))


async def test_a_number_of_a_search_is_one_of_its_own_and_never_a_part_of_an_external_id(alice):
    await add(alice, name="AW-WS01", operating_system="Windows 10 Pro", external_id="a-7-1")
    for number, (serial, system) in enumerate([("2F1010AA", "Windows 11 Pro"), ("S-1", "Windows 11 Pro"), ("S-2", "Windows Server 2022")]):
        await add(
            alice, name=f"AW-WS1{number}", operating_system=system, serial=serial, external_id=f"a-10-{number}", ip_addresses=["10.1.10.4"]
        )
    assert await found(alice, "Windows 10") == ["AW-WS01"]
    assert len(await found(alice, "Windows 11")) == 2
    assert await found(alice, "Windows 2022") == ["AW-WS12"]
    rows = (await alice.fetch("/assets/rows?q=Windows+10")).text
    assert "AW-WS01" in rows and "AW-WS10" not in rows


async def test_a_companys_name_finds_its_assets(alice):
    await add(alice, name="PC-1")
    await add(alice, name="PC-2", operating_system="Windows 11", company_id=GLOBEX)
    assert (await found(alice, "globex freight"), await found(alice, "Globex Windows")) == (["PC-2"], ["PC-2"])


async def test_what_is_named_exactly_stands_first_wherever_it_is_sorted(alice):
    await add(alice, name="A of PC-9", serial="Z-PC-9", ip_addresses=["192.0.2.17"])
    await add(alice, name="B", serial="pc-9", mac_addresses=["00-00-5E-00-53-01"])
    await add(alice, name="PC-9", ip_addresses=["192.0.2.1", "2001:DB8::1"])
    assert sorted((await found(alice, "PC-9"))[:2]) == ["B", "PC-9"]
    assert (await found(alice, "PC-9"))[2] == "A of PC-9"
    for q, name in (("192.0.2.1", "PC-9"), ("2001:db8:0::1", "PC-9"), ("0000.5e00.5301", "B"), ("192.0.2.17", "A of PC-9")):
        assert await found(alice, q) == [name]
        assert await listed(alice, f"?sort=-name&q={quote(q)}") == [name]
    assert await found(alice, "192.0.2") == []


async def test_what_stands_of_a_device_is_read_strictly_and_written_in_one_way(alice):
    given = {"ip_addresses": ["192.0.2.1", "2001:DB8::1"], "mac_addresses": ["0000.5E00.5301"], "tags": ["Lobby", "lobby"]}
    bought = {"purchased_on": "2026-02-01", "warranty_until": "2029-02-01", "manufacturer": "Dell", "model": "Latitude 7450"}
    made = await add(alice, **given, **bought)
    assert (made["ip_addresses"], made["mac_addresses"], made["tags"]) == (["192.0.2.1", "2001:db8::1"], ["00:00:5e:00:53:01"], ["lobby"])
    assert (made["warranty_until"], await listed(alice, "?tag=lobby"), await listed(alice, "?tag=lob")) == ("2029-02-01", ["PC-1"], [])
    assert await found(alice, "latitude dell") == ["PC-1"]
    wrong = {"ip_addresses": ["300.1.1.1"], "mac_addresses": ["xx"], "tags": ["two words"], "purchased_on": "soon"}
    answer = await alice.api("/api/assets", "POST", {"company_id": ACME, "name": "PC-2", **wrong})
    assert (answer.code, set(answer.json["errors"])) == (422, set(wrong))


async def test_an_asset_stands_at_a_location_of_its_company_and_leaves_it_behind_with_the_company(alice):
    place = await add(alice, "locations", name="Head office")
    person = (await alice.api("/api/contacts", "POST", {"name": "Zoë", "companies": [{"company_id": ACME}]})).json
    asset = await add(alice, location_id=place["id"], contact_id=person["id"])
    assert (asset["location_name"], asset["contact_name"]) == ("Head office", "Zoë")
    answer = await alice.api("/api/assets", "POST", {"company_id": GLOBEX, "name": "PC-2", "location_id": place["id"]})
    assert list(answer.json["errors"]) == ["location_id"]
    page = (await alice.fetch(f"/assets/{asset['id']}")).text
    assert f'href="/locations/{place["id"]}"' in page and f'href="/contacts/{person["id"]}"' in page
    moved = await alice.api(f"/api/assets/{asset['id']}", "PATCH", {"company_id": GLOBEX}, If_Match='"1"')
    assert (moved.json["location_id"], moved.json["contact_id"]) == (None, None)


async def test_a_backup_told_without_its_time_was_measured_now(alice):
    made = await add(alice, backup_bytes=10)
    assert made["measured_at"] == made["created_at"]
    path, at = f"/api/assets/{made['id']}", "2026-01-02T03:04:05.000000Z"
    assert (await alice.api(path, "PATCH", {"backup_bytes": 20, "measured_at": at}, If_Match="*")).json["measured_at"] == at
    assert (await alice.api(path, "PATCH", {"name": "PC-2"}, If_Match="*")).json["measured_at"] == at
    later = (await alice.api(path, "PATCH", {"backup_bytes": 30}, If_Match="*")).json
    assert later["measured_at"] == later["updated_at"]


async def test_a_list_that_was_answered_is_answered_anew_after_a_change(alice):
    """Machine-made changes count, too: a list is kept by the number of the last change."""
    made = await add(alice)
    first = await alice.api("/api/assets?limit=10")
    assert (await alice.api("/api/assets?limit=10", If_None_Match=first.headers["Etag"])).code == 304
    await alice.api(f"/api/assets/{made['id']}", "PATCH", {"name": "PC-2"}, If_Match="*")
    assert await listed(alice, "?limit=10") == ["PC-2"]
    assert (await alice.api("/api/assets?limit=10", If_None_Match=first.headers["Etag"])).code == 200


async def test_a_form_takes_size_words_and_who_uses_it(alice):
    person = (
        await alice.api("/api/contacts", "POST", {"name": "Zoë", "emails": ["z@acme.example"], "companies": [{"company_id": ACME}]})
    ).json
    place = await add(alice, "locations", name="Head office")
    await add(alice, "locations", name="Head office", company_id=GLOBEX)
    offered = (await alice.fetch("/locations/picker?field=location_id&location_id=head")).text
    assert "Head office (Acme Dental)" in offered and "Zoë (z@acme.example)" in (await alice.fetch("/contacts/picker?q=zoe")).text
    form = {
        "company_id": "Acme Dental",
        "name": "PC-1",
        "backup_bytes": "1.5 TB",
        "contact_id": "Zoë (z@acme.example)",
        "tags": "lobby, old",
    }
    answer = await alice.fetch("/assets", "POST", {**form, "location_id": "Head office (Acme Dental)"})
    assert answer.code == 303, answer.text
    made = (await alice.api("/api/assets")).items[0]
    assert (made["contact_id"], made["location_id"], made["backup_bytes"]) == (person["id"], place["id"], 3 * 2**39)
    assert made["tags"] == ["lobby", "old"]
