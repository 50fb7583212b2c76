"""What an import did is brought back: the export is as before, byte for byte, while nobody has written to its rows since."""

import pytest

from hmlib.testing.hub import ACME, GLOBEX
from hmlib.testing.imports import jobs_done

pytestmark = pytest.mark.gen_test
FILES = {
    "companies": b"account_number,name,city\n300001,Initech,Dayton\n100001,Acme Dental Group,Boise\n100002,Globex Freight,\n",
    "contacts": b"company_account_number,email,first_name,title\n100002,ann@x.example,Ann,CEO\n100001,new@x.example,New,\n",
    "locations": b"company_account_number,name,city,external_id\n100001,North,Reno,l-1\n100002,South,Elko,l-2\n",
    "assets": b"company_account_number,name,type,external_id\n100002,PC-1,server,a-1\n100001,PC-2,vm,a-2\n",
}


@pytest.fixture
def stocked(db, people, io_loop, alice):
    """A person at Acme, a location and a device, which the files move to Globex."""

    async def made():
        await alice.api("/api/contacts", "POST", {"name": "Ann One", "emails": ["ann@x.example"], "companies": [{"company_id": ACME}]})
        await alice.api("/api/contacts", "POST", {"name": "Ann Two", "emails": ["ann@x.example"], "companies": [{"company_id": GLOBEX}]})
        await alice.api("/api/locations", "POST", {"company_id": ACME, "name": "South", "external_id": "l-2", "source": "import"})
        await alice.api("/api/assets", "POST", {"company_id": ACME, "name": "PC-1", "external_id": "a-1", "source": "import"})

    io_loop.run_sync(made)


async def exports(alice):
    return {kind: (await alice.fetch(f"/{kind}/export?format=csv")).text for kind in FILES}


async def applied(alice, kind):
    answer = await alice.send(
        f"/api/imports/{kind}", "POST", FILES[kind], {"Content-Type": "text/csv", "Authorization": f"Bearer {alice.token}"}
    )
    assert (answer.code, answer.json["applied"]) == (200, True)
    return answer.json["id"]


async def undo(alice, id):
    answer = await alice.api(f"/api/imports/{id}/undo", "PUT", {})
    await jobs_done(alice.app)
    return answer


@pytest.mark.parametrize("kind", FILES)
async def test_after_undo_the_export_is_byte_identical(alice, db, stocked, kind):
    before, table = await exports(alice), {"companies": "company"}.get(kind, kind[:-1])
    versions = {row["id"]: (row["version"], row["updated_at"]) for row in await db.all(f"SELECT id, version, updated_at FROM {table}")}
    id = await applied(alice, kind)
    changed = await exports(alice)
    assert changed[kind] != before[kind]
    made = await db.all("SELECT record_id FROM import_row WHERE outcome = 'create'")
    assert (await undo(alice, id)).code == 202
    assert await exports(alice) == before
    later = {row["id"]: (row["version"], row["updated_at"]) for row in await db.all(f"SELECT id, version, updated_at FROM {table}")}
    touched = [id for id in versions if later[id] != versions[id]]
    assert touched and all(later[id][0] == versions[id][0] + 2 and later[id][1] > versions[id][1] for id in touched)
    graves = {row["id"] for row in await db.all("SELECT id FROM tombstone")}
    assert made and {row["record_id"] for row in made} <= graves
    answer = (await alice.api(f"/api/imports/{id}")).json
    assert (answer["state"], answer["undone_at"] > answer["applied_at"]) == ("undone", True)
    assert (await undo(alice, id)).code == 409
    actions = [row["action"] for row in await db.all("SELECT action FROM audit WHERE action LIKE '%import%' ORDER BY seq DESC LIMIT 2")]
    assert actions == [f"{kind}.import_undone", f"{kind}.imported"]


async def test_what_was_written_to_since_stays(alice, db, stocked):
    id = await applied(alice, "locations")
    await db.run("UPDATE location SET city = 'Ely', version = version + 1 WHERE external_id = 'l-1'")
    changed = await exports(alice)
    assert (await undo(alice, id)).code == 202
    assert await exports(alice) == changed
    answer = (await alice.api(f"/api/imports/{id}")).json
    assert (answer["state"], answer["problem"][:34]) == ("applied", "Something has been written to thes")


async def test_a_company_that_has_people_by_now_is_not_taken_away(alice, db, stocked):
    id = await applied(alice, "companies")
    company = await db.value("SELECT id FROM company WHERE account_number = '300001'")
    await alice.api("/api/locations", "POST", {"company_id": company, "name": "Here"})
    assert (await undo(alice, id)).code == 202
    assert (await alice.api(f"/api/imports/{id}")).json["state"] == "applied"
    assert await db.value("SELECT count(*) FROM company WHERE account_number = '300001'") == 1


async def test_undo_is_offered_for_thirty_days_and_asks_first(alice, db, stocked):
    id = await applied(alice, "locations")
    assert "Undo this import" in (await alice.fetch(f"/imports/{id}")).text
    asked = await alice.fetch(f"/imports/{id}/undo", "POST", {})
    assert (asked.code, "What it made is deleted" in asked.text) == (200, True)
    await db.run("UPDATE import_batch SET applied_at = '2020-01-01T00:00:00.000000Z'")
    assert "Undo this import" not in (await alice.fetch(f"/imports/{id}")).text
    assert (await undo(alice, id)).code == 409


async def test_undo_by_page(alice, db, stocked):
    before, id = await exports(alice), await applied(alice, "locations")
    assert (await alice.fetch(f"/imports/{id}/undo", "POST", {"confirmed": "yes"})).code == 303
    await jobs_done(alice.app)
    assert await exports(alice) == before
    assert "Undone: everything is as it was before this import." in (await alice.fetch(f"/imports/{id}")).text


async def test_a_records_history_names_the_file_that_changed_it(alice, db, stocked):
    await applied(alice, "locations")
    id = await db.value("SELECT id FROM location WHERE external_id = 'l-2'")
    page = (await alice.fetch(f"/locations/{id}")).text
    assert "(import of locations) changed City of South from nothing to Elko" in " ".join(page.split())


CITIES = [f"account_number,name,city\n300001,Initech,{city}\n100001,Acme Dental,{city}\n".encode() for city in ("Ely", "Reno", "Elko")]


async def sent(alice, raw):
    answer = await alice.api("/api/imports/companies", "POST", raw=raw, **{"Content-Type": "text/csv"})
    assert (answer.code, answer.json["applied"]) == (200, True)
    return answer.json["id"]


async def test_imports_of_the_same_rows_are_undone_one_after_another(alice, stocked):
    before, ids = [], []
    for raw in CITIES:
        before.append(await exports(alice))
        ids.append(await sent(alice, raw))
    last = await exports(alice)
    assert (await undo(alice, ids[0])).code == 202
    assert await exports(alice) == last, "a later import has written to its rows"
    for id, then in reversed(list(zip(ids, before, strict=True))):
        assert (await undo(alice, id)).code == 202
        assert await exports(alice) == then
        assert (await alice.api(f"/api/imports/{id}")).json["state"] == "undone"


async def test_what_somebody_wrote_between_two_imports_stays(alice, db, stocked):
    ids = [await sent(alice, CITIES[0])]
    await db.run("UPDATE company SET notes = 'theirs', version = version + 1 WHERE account_number = '300001'")
    between = await exports(alice)
    ids.append(await sent(alice, CITIES[1]))
    for id in reversed(ids):
        assert (await undo(alice, id)).code == 202
        assert await exports(alice) == between
    assert [(await alice.api(f"/api/imports/{id}")).json["state"] for id in ids] == ["applied", "undone"]
