"""Labour as technicians write it down, and as other programs put it in."""

import asyncio

import pytest
from markupsafe import escape

from hmlib.auth.permissions import CompanyScope
from hmlib.testing.hub import ACME, CAST, GLOBEX, Person
from treasury_srv.tests import seeds

pytestmark = pytest.mark.gen_test
NOBODY = "018f0000-0000-7000-8000-00000000ffff"
HOURS = {
    "company_id": ACME,
    "worked_at": "2026-10-15T08:00",
    "hours": "1.5",
    "description": "New firewall",
    "ticket": "T-7",
    "billable": "on",
}
READING = ["/labour", "/labour/rows", "/labour/export", f"/labour/{NOBODY}"]
WRITING = ["/labour", f"/labour/{NOBODY}"]
BULK = "/api/labour-entries:bulk"


def item(external_id="x1", **changed):
    return {"external_id": external_id, "company_id": ACME, "worked_at": "2026-10-15T08:00:00Z", "hours": "2", **changed}


def beside(answer, field):
    return answer.text.partition(f'id="{field}-error">')[2].partition("<")[0]


async def finalised(db):
    """An entry on a finalised invoice."""
    await seeds.plan(db)
    invoice = await seeds.invoice(db, await seeds.agreement(db), "2026-10")
    return await seeds.work(db, 2, "2026-10-15T08:00:00.000000Z", external_id="x1", invoice_id=invoice)


async def zone(alice, name):
    assert (await alice.api("/api/settings", "PATCH", {"settings": {"time_zone": name}})).code == 200


async def test_hours_are_written_down_changed_and_deleted(bob, db):
    made = (await bob.fetch("/labour", "POST", HOURS)).location
    page = (await bob.fetch("/labour")).text
    assert all(text in page for text in ("New firewall", "Acme Dental", "T-7", "1.5"))
    row = await db.one("SELECT id, worked_at, billable FROM labour_entry")
    assert made == f"/labour/{row['id']}" and "New firewall" in (await bob.fetch(made)).text
    assert row["worked_at"] == "2026-10-15T08:00:00.000000Z" and bool(row["billable"])
    form = {**HOURS, "hours": "2", "version": "1"}
    form.pop("billable")
    assert (await bob.fetch(f"/labour/{row['id']}", "POST", form)).code == 303
    assert not (await db.one("SELECT billable FROM labour_entry"))["billable"]
    assert (await bob.fetch(f"/labour/{row['id']}", "DELETE", {"confirmed": "yes", "version": "2"})).code == 303
    assert [row["action"] for row in await db.all("SELECT action FROM audit ORDER BY seq")] == [
        "labour_entry.created",
        "labour_entry.changed",
        "labour_entry.deleted",
    ]


async def test_times_are_the_msps(alice, bob, db):
    await zone(alice, "Australia/Sydney")
    await bob.fetch("/labour", "POST", {**HOURS, "worked_at": "2026-11-01T00:30"})
    row = await db.one("SELECT id, worked_at FROM labour_entry")
    assert row["worked_at"] == "2026-10-31T13:30:00.000000Z"
    assert 'value="2026-11-01T00:30"' in (await bob.fetch(f"/labour/{row['id']}/edit")).text
    assert "New firewall" in (await bob.fetch("/labour/rows?from=2026-11-01&to=2026-11-01")).text
    assert "New firewall" not in (await bob.fetch("/labour/rows?to=2026-10-31")).text


async def test_a_time_keeps_its_seconds_when_something_else_changes(bob, db):
    entry = await seeds.work(db, 1, "2026-10-15T08:00:42.000000Z")
    await bob.fetch(f"/labour/{entry.id}", "POST", {**HOURS, "hours": "3", "version": "1"})
    assert (await db.one("SELECT worked_at, hours_e6 FROM labour_entry")) == {
        "worked_at": "2026-10-15T08:00:42.000000Z",
        "hours_e6": 3_000_000,
    }


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("company_id", "", "This is needed."),
        ("company_id", NOBODY, "There is no such company."),
        ("worked_at", "yesterday", "Use a day and a time"),
        ("hours", "", "This is needed."),
        ("hours", "-1", "is less than 0"),
        ("hours", "0.0000001", "at most 6 decimals"),
        ("description", "x" * 2001, "at most 2000"),
        ("ticket", "a\x01b", "a character that cannot be seen (U+0001)"),
    ],
)
async def test_a_wrong_value_comes_back_beside_its_field(bob, field, value, message):
    answer = await bob.fetch("/labour", "POST", {**HOURS, field: value})
    assert answer.code == 422 and message in beside(answer, field)


async def test_a_deletion_names_the_hours_and_asks_first(bob, db):
    entry = await seeds.work(db, 2.5, "2026-10-15T08:00:00.000000Z", description="New firewall")
    asked = await bob.fetch(f"/labour/{entry.id}", "DELETE", {"version": "1"})
    assert asked.code == 200 and "Delete 2.5 hours of 2026-10-15: New firewall for good?" in asked.text
    assert 'name="version" value="1"' in asked.text and await db.value("SELECT count(*) FROM labour_entry") == 1


async def test_a_taken_external_id_comes_back(bob, db):
    codes = [(await bob.fetch("/labour", "POST", {**HOURS, "external_id": "x1"})).code for _ in range(2)]
    assert codes == [303, 422]


async def test_a_stale_version_is_a_conflict(bob, db):
    entry = await seeds.work(db, 1, "2026-10-15T08:00:00.000000Z")
    await bob.fetch(f"/labour/{entry.id}", "POST", {**HOURS, "version": "1"})
    answer = await bob.fetch(f"/labour/{entry.id}", "POST", {**HOURS, "hours": "7", "version": "1"})
    assert answer.code == 409 and ">7<" in answer.text
    assert (await bob.fetch(f"/labour/{entry.id}", "DELETE", {"confirmed": "yes", "version": "1"})).code == 409


async def test_what_is_invoiced_stays(bob, db):
    entry = await finalised(db)
    page = (await bob.fetch(f"/labour/{entry.id}")).text
    assert "cannot be changed" in page and "/edit" not in page and 'value="DELETE"' not in page
    assert (await bob.fetch(f"/labour/{entry.id}", "POST", {**HOURS, "version": "1"})).code == 422
    refused = await bob.fetch(f"/labour/{entry.id}", "DELETE", {"confirmed": "yes", "version": "1"})
    assert refused.code == 303 and "finalised bill" in (await bob.fetch(refused.location)).text
    assert (await bob.api(f"/api/labour-entries/{entry.id}", "DELETE", If_Match='"1"')).code == 409
    assert (await db.one("SELECT hours_e6 FROM labour_entry"))["hours_e6"] == 2_000_000


async def test_the_list_is_searched_filtered_and_paged(bob, db):
    seen = (ACME, GLOBEX)
    for number in range(30):
        job = {"description": f"Job n{number}n", "company_id": seen[number % 2]}
        await seeds.work(db, 1, f"2026-10-15T08:{number:02}:00.000000Z", **job)
    assert "1–25 of 30" in (await bob.fetch("/labour")).text
    assert "1–1 of 1" in (await bob.fetch("/labour/rows?q=n17n+JOB")).text
    assert "of 15" in (await bob.fetch(f"/labour/rows?company_id={ACME}&billable=yes&invoiced=no")).text
    first = await bob.fetch("/labour/rows?sort=hours&limit=10")
    assert "1–10 of 30" in first.text
    assert [(await bob.fetch(f"/labour?{query}")).code for query in ("sort=secret", "from=soon", "cursor=x")] == [400] * 3


@pytest.mark.parametrize("q", ["%25", "_", "%27%20OR%201%3D1%20--"])
async def test_n005_wildcards_and_sql_are_only_text(bob, db, q):
    await seeds.work(db, 1, "2026-10-15T08:00:00.000000Z", description="Job")
    assert "Nothing matches" in (await bob.fetch(f"/labour/rows?q={q}")).text


async def test_the_list_asks_for_names_in_bulk(bob, db, hub):
    for company in (ACME, GLOBEX, ACME):
        await seeds.work(db, 1, "2026-10-15T08:00:00.000000Z", company_id=company)
    await bob.fetch("/labour/rows")
    assert hub.counted["companies"] == 1


async def test_n008_an_export_can_be_imported_and_runs_nothing(bob, db):
    await seeds.work(db, 1.5, "2026-10-15T08:00:00.000000Z", external_id="x9", description="=HYPERLINK(1)")
    lines = (await bob.fetch("/labour/export?format=csv")).text.splitlines()
    assert lines[1] == "2026-10-15T08:00:00.000000Z,100001,'=HYPERLINK(1),,1.5,x9,yes,"
    assert (await bob.fetch("/labour/export?format=pdf")).code == 400


async def test_n113_labour_out_of_scope_is_not_there(bob, db, hub):
    entry = await seeds.work(db, 1, "2026-10-15T08:00:00.000000Z", description="Secret")
    hub.people[CAST["bob"].id] = Person(CAST["bob"].id, "bob", "technician", CompanyScope("only", frozenset({GLOBEX})))
    assert "Secret" not in (await bob.fetch("/labour")).text and "Secret" not in (await bob.fetch("/labour/export")).text
    assert (await bob.fetch(f"/labour/{entry.id}")).code == 404
    assert (await bob.fetch("/labour", "POST", HOURS)).code == 422
    assert (await bob.api("/api/labour-entries")).total == 0
    assert (await bob.api(f"/api/labour-entries/{entry.id}")).code == 404
    answers = (await bob.api(BULK, "PUT", {"items": [item(), item(entry.external_id, company_id=GLOBEX)]})).items
    assert [(answer["status"], answer["id"]) for answer in answers] == [(422, None), (409, None)]


@pytest.mark.parametrize("path", READING)
async def test_labour_is_not_for_clients_or_strangers(dave, stranger, bob, path):
    assert (await dave.fetch(path)).code == 403
    assert (await stranger.fetch(path)).location == f"/login?next={path}"
    assert (await bob.fetch(path)).code == (404 if NOBODY in path else 200)


@pytest.mark.parametrize("path", WRITING)
async def test_labour_is_written_by_staff_from_our_own_pages(dave, stranger, bob, path):
    assert [(await who.fetch(path, "POST", {"version": "1"})).code for who in (dave, stranger)] == [403, 303]
    assert (await bob.fetch(path, "POST", {"version": "1"}, forged=True, Origin="https://localhost:5002")).code == 403
    if NOBODY in path:
        assert (await bob.fetch(path, "POST", {"version": "1"})).code == 404


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", '"><button hx-get=/api/users hx-trigger=load>', "{{7*7}}"])
async def test_n001_n010_descriptions_are_only_text(bob, db, text):
    await bob.fetch("/labour", "POST", {**HOURS, "description": text, "ticket": text})
    for path in ("/labour", f"/labour/{(await db.one('SELECT id FROM labour_entry'))['id']}"):
        page = (await bob.fetch(path)).text
        assert str(escape(text)) in page and "<img src=x" not in page and "<button hx-get" not in page


# For programs


async def test_one_entry_by_program(bob):
    made = await bob.api("/api/labour-entries", "POST", item())
    assert (made.code, made.json["hours"], made.json["invoice_id"]) == (201, "2", None)
    path = made.headers["Location"]
    changed = await bob.api(path, "PATCH", {"hours": "2.25", "billable": False}, If_Match='"1"')
    assert (changed.json["hours"], changed.json["billable"], changed.json["worked_at"]) == ("2.25", False, made.json["worked_at"])
    assert (await bob.api(path, "DELETE")).code == 428
    assert (await bob.api(path, "DELETE", If_Match='"1"')).code == 412
    assert (await bob.api(path, "DELETE", If_Match='"2"')).code == 204
    assert (await bob.api("/api/labour-entries", "POST", item(company_id=NOBODY))).json["errors"] == {
        "company_id": "There is no such company."
    }


async def test_a_timesheet_is_put_in_as_often_as_one_likes(bob, db):
    sheet = {"items": [item("x1"), item("x2", hours="0.25", billable=False)]}
    first, again = [(await bob.api(BULK, "PUT", sheet)).items for _ in range(2)]
    told = [{(one["result"], one["status"], one["version"], len(one["errors"])) for one in answers} for answers in (first, again)]
    assert told == [{("created", 201, 1, 0)}, {("unchanged", 200, 1, 0)}]
    assert [answer["id"] for answer in first] == [answer["id"] for answer in again]
    changed = (await bob.api(BULK, "PUT", {"items": [item("x1", hours="9")]})).items
    assert (changed[0]["result"], changed[0]["status"], changed[0]["version"]) == ("updated", 200, 2)
    assert (await db.one("SELECT hours_e6 FROM labour_entry WHERE external_id = 'x1'"))["hours_e6"] == 9_000_000
    assert (await db.value("SELECT count(*) FROM audit")) == 3


async def test_each_entry_of_a_timesheet_has_its_own_answer(bob, db):
    entry = await finalised(db)
    sheet = [item("x1", hours="5"), item("x2", hours="many"), item("x3", company_id=NOBODY), item("x4"), item("x4"), {"external_id": "x5"}]
    answers = (await bob.api(BULK, "PUT", {"items": sheet})).items
    assert [answer["status"] for answer in answers] == [409, 422, 422, 201, 422, 422]
    assert [answer["result"] for answer in answers] == ["error", "error", "error", "created", "error", "error"]
    assert set(answers[5]["errors"]) == {"company_id", "worked_at", "hours"}
    assert [list(answers[place]["errors"]) for place in (0, 4)] == [[""], ["external_id"]]
    assert (answers[0]["id"], list(answers[1]["errors"]), list(answers[2]["errors"])) == (entry.id, ["hours"], ["company_id"])
    unchanged = item("x1", worked_at="2026-10-15T08:00:00Z", hours="2")
    assert (await bob.api(BULK, "PUT", {"items": [unchanged]})).items[0]["status"] == 200


async def test_timesheets_at_the_same_moment_make_each_entry_once(bob, db):
    sheet = {"items": [item(f"x{number}") for number in range(20)]}
    answers = await asyncio.gather(*(bob.api(BULK, "PUT", sheet) for _ in range(5)))
    assert [answer.code for answer in answers] == [200] * 5
    assert {one["status"] for answer in answers for one in answer.items} == {200, 201}
    assert (await db.value("SELECT count(*) FROM labour_entry")) == 20


TOO_MANY = [item(str(number)) for number in range(1001)]


@pytest.mark.parametrize("items", [[item("")], [item(note="x")], TOO_MANY, "x"])
async def test_n014_what_is_no_timesheet_is_400(bob, items):
    assert (await bob.api(BULK, "PUT", {"items": items})).code == 400


async def test_a_timesheet_is_for_staff(dave, stranger):
    assert [(await who.api(BULK, "PUT", {"items": []})).code for who in (dave, stranger)] == [403, 401]


async def test_more_hours_than_a_day_has_are_taken_when_they_are_meant(bob, db):
    answer = await bob.fetch("/labour", "POST", {**HOURS, "hours": "1000000"})
    assert answer.code == 422 and "at most 24 hours" in answer.text and 'value="1000000"' in answer.text
    assert (await bob.fetch("/labour", "POST", {**HOURS, "hours": "24"})).code == 303
    assert (await bob.fetch("/labour", "POST", {**HOURS, "hours": "30", "hours_confirmed": "on"})).code == 303
    long = await db.one("SELECT id, hours_e6 FROM labour_entry WHERE hours_e6 > 24000000")
    same = {**HOURS, "hours": "30", "description": "Moved the office", "version": "1"}
    assert (await bob.fetch(f"/labour/{long['id']}", "POST", same)).code == 303, "hours that stay need no new word"
    assert (await bob.fetch(f"/labour/{long['id']}", "POST", {**same, "hours": "300", "version": "2"})).code == 422


async def test_a_program_confirms_many_hours_too(bob, db):
    given = item(None, hours="36")
    refused = await bob.api("/api/labour-entries", "POST", given)
    assert (refused.code, refused.json["errors"]) == (422, {"hours": "One entry has at most 24 hours. Confirm it if so many are meant."})
    made = await bob.api("/api/labour-entries", "POST", {**given, "hours_confirmed": True})
    assert (made.code, made.json["hours"]) == (201, "36")
    path = made.headers["Location"]
    assert (await bob.api(path, "PATCH", {"description": "x"}, If_Match='"1"')).code == 200
    assert (await bob.api(path, "PATCH", {"hours": "360"}, If_Match='"2"')).code == 422
    sheet = [item("long", hours="36"), item("meant", hours="36", hours_confirmed=True)]
    assert [one["status"] for one in (await bob.api(BULK, "PUT", {"items": sheet})).items] == [422, 201]
