"""What is deactivated ends at the earlier of the planned end and today, whichever way it is done."""

from datetime import timedelta

import pytest

from hmlib.clock import parse, utc_now
from hmlib.records.audit import Actor
from hmlib.testing.hub import ACME
from hmlib.testing.imports import whole
from nexus_srv.directory.imports import IMPORTS

pytestmark = pytest.mark.gen_test


def day(shift=0):
    return (parse(utc_now()) + timedelta(days=shift)).date().isoformat()


PLANNED = {"none": None, "in two months": 60, "long ago": -30, "today": 0}


@pytest.fixture(params=PLANNED, ids=str)
def ends(request):
    """The end that is planned, and how to see that it is the right one, should a day end meanwhile too."""
    shift = PLANNED[request.param]
    expected = day(min(shift or 0, 0))
    return (None if shift is None else day(shift)), lambda end: end in (expected, day(min(shift or 0, 0)))


async def contact(alice, ended_on, **fields):
    body = {"first_name": "Zoë", "last_name": "Quinn", "emails": ["z@acme.example"], "companies": [{"company_id": ACME}], **fields}
    answer = await alice.api("/api/contacts", "POST", body | ({"ended_on": ended_on} if ended_on else {}))
    assert answer.code == 201, answer.text
    return answer.json["id"]


async def told(alice, id):
    found = (await alice.api(f"/api/contacts/{id}")).json
    return found["active"], found["ended_on"]


@pytest.fixture
def run(db):
    async def run(text):
        outcome = await whole(db, IMPORTS, None, "contacts", text.encode(), "c.csv", actor=Actor(id="a", name="Alice"), now=utc_now())
        assert not outcome.errors
        return outcome

    return run


async def by_page(alice, id, run):
    assert (await alice.fetch(f"/contacts/{id}/activity", "DELETE")).code == 303


async def by_api(alice, id, run):
    version = (await alice.api(f"/api/contacts/{id}")).headers["Etag"]
    assert (await alice.api(f"/api/contacts/{id}", "PATCH", {"active": False}, If_Match=version)).code == 200


async def by_import(alice, id, run):
    assert (await run("company_account_number,email,active\n100001,z@acme.example,no")).updated == 1


async def by_bulk(alice, id, run):
    answer = await alice.api("/api/contacts:bulk", "PUT", {"source": "rmm", "items": [{"external_id": "c1", "active": False}]})
    assert [item["result"] for item in answer.items] == ["updated"], answer.text


async def by_a_list_that_lacks_it(alice, id, run):
    other = {"external_id": "c2", "first_name": "Al", "companies": [{"company_id": ACME}]}
    answer = await alice.api("/api/contacts:bulk", "PUT", {"source": "rmm", "complete": True, "items": [other]})
    assert answer.code == 200, answer.text


@pytest.mark.parametrize("deactivated", [by_page, by_api, by_import, by_bulk, by_a_list_that_lacks_it])
async def test_a_contact_ends_at_the_earlier_of_the_planned_end_and_today(alice, run, ends, deactivated):
    planned, is_right = ends
    id = await contact(alice, planned, source="rmm", external_id="c1")
    await deactivated(alice, id, run)
    active, ended_on = await told(alice, id)
    assert not active and is_right(ended_on), ended_on


async def test_one_who_begins_later_never_counts(alice, run):
    first = day(30)
    id = await contact(alice, day(90), active_on=first)
    await by_api(alice, id, run)
    assert await told(alice, id) == (False, first)


async def test_told_again_it_does_not_end_anew(alice, run, db):
    id = await contact(alice, None)
    await by_page(alice, id, run)
    then = day(-10)
    await db.run("UPDATE contact SET ended_on = :then", then=then)
    row = f"company_account_number,email,active,ended_on\n100001,z@acme.example,no,{day(60)}"
    assert (await run(row)).unchanged == 1
    assert await told(alice, id) == (False, then)


async def test_the_day_of_one_who_has_ended_can_be_put_right(alice, run):
    id = await contact(alice, None)
    await by_page(alice, id, run)
    for ended_on in (day(-10), day(-3)):
        version = (await alice.api(f"/api/contacts/{id}")).headers["Etag"]
        assert (await alice.api(f"/api/contacts/{id}", "PATCH", {"ended_on": ended_on}, If_Match=version)).code == 200
        assert await told(alice, id) == (False, ended_on)


async def test_one_imported_as_inactive_was_never_there(alice, run):
    assert (await run("company_account_number,email,active\n100001,z@acme.example,no")).created == 1
    row = f"company_account_number,email,active,ended_on\n100001,y@acme.example,no,{day(60)}"
    today = day()
    assert (await run(row)).created == 1
    found = {item["email"]: (item["active"], item["ended_on"]) for item in await everybody(alice)}
    assert found["z@acme.example"] == (False, None) and found["y@acme.example"] in ((False, today), (False, day()))


async def everybody(alice):
    answer = (await alice.api("/api/contacts")).json
    return answer["items"] if isinstance(answer, dict) else answer


@pytest.mark.parametrize("back", ["page", "api", "import"])
async def test_one_who_comes_back_has_no_end_behind_them(alice, run, back):
    id = await contact(alice, None)
    await by_page(alice, id, run)
    if back == "page":
        await alice.fetch(f"/contacts/{id}/activity", "PUT")
    elif back == "api":
        version = (await alice.api(f"/api/contacts/{id}")).headers["Etag"]
        await alice.api(f"/api/contacts/{id}", "PATCH", {"active": True}, If_Match=version)
    else:
        await run("company_account_number,email,active\n100001,z@acme.example,yes")
    assert await told(alice, id) == (True, None)


@pytest.mark.parametrize("way", ["page", "list"])
async def test_an_asset_retires_at_the_earlier_too(alice, ends, way):
    planned, is_right = ends
    body = {"company_id": ACME, "name": "PC-1", "source": "rmm", "external_id": "d1"} | ({"retired_on": planned} if planned else {})
    made = (await alice.api("/api/assets", "POST", body)).json
    if way == "page":
        assert (await alice.fetch(f"/assets/{made['id']}/activity", "DELETE")).code == 303
    else:
        other = {"external_id": "d2", "company_id": ACME, "name": "PC-2"}
        await alice.api("/api/assets:bulk", "PUT", {"source": "rmm", "complete": True, "items": [other]})
    assert is_right((await alice.api(f"/api/assets/{made['id']}")).json["retired_on"])
