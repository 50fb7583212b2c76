"""Importing by page and by API: choosing columns, trying out, applying, and who may."""

import asyncio
from pathlib import Path

import pytest

from hmlib.imports import batches, work
from hmlib.records.audit import Actor
from hmlib.testing.hub import ACME
from hmlib.testing.imports import jobs_done
from nexus_srv.directory.imports import IMPORTS

pytestmark = pytest.mark.gen_test
NOBODY = "01920000-0000-7000-8000-000000000000"
GOOD = b"account_number,name,city\n300001,Initech,Dayton\n100001,Acme Dental,Boise\n"
BAD = GOOD + b"300002,Bad,x\n12,Short,y\n"


async def upload(who, raw, kind="companies", name="book.csv", **options):
    answer = await who.upload("/imports", {"file": (name, raw)}, {"kind": kind}, **options)
    if answer.code == 303 and answer.location.startswith("/imports/"):
        await jobs_done(who.app)
    return answer


async def apply(who, path, rows="all"):
    answer = await who.fetch(f"{path}/application", "POST", {"rows": rows})
    await jobs_done(who.app)
    return answer


async def count(db):
    return await db.value("SELECT count(*) FROM company")


async def test_a_file_is_tried_out_then_applied_and_its_result_kept(alice, db):
    answer = await upload(alice, GOOD)
    page = await alice.fetch(answer.location)
    assert "It would create 1, update 1 and leave 0 as they are." in page.text
    assert "<ins>Boise</ins>" in page.text
    assert await count(db) == 2
    assert (await apply(alice, answer.location)).code == 303
    assert await count(db) == 3
    page = await alice.fetch(answer.location)
    assert "Applied: 1 created, 1 updated, 0 unchanged." in page.text
    assert "book.csv" in (await alice.fetch("/imports")).text
    assert (await apply(alice, answer.location)).code == 409


async def test_errors_are_listed_by_line_and_column_and_only_good_rows_can_be_applied(alice, db):
    path = (await upload(alice, BAD)).location
    page = await alice.fetch(path)
    assert "<td>5</td><td>account_number</td><td>12</td>" in page.text
    assert 'value="all"' not in page.text
    assert (await alice.fetch(f"{path}/errors?format=json")).json == [
        {"line": 5, "column": "account_number", "value": "12", "message": "An account number is six digits."}
    ]
    await apply(alice, path, "all")
    assert await count(db) == 2
    await apply(alice, path, "valid")
    assert await count(db) == 4


async def test_each_kind_of_change_has_its_list(alice):
    path = (await upload(alice, GOOD)).location
    assert "Initech" in (await alice.fetch(f"{path}?show=create")).text
    assert "Initech" not in (await alice.fetch(f"{path}?show=update")).text
    assert (await alice.fetch(f"{path}?show=unchanged&page=7")).code == 200
    assert (await alice.htmx(f"{path}/state")).text.count("<html") == 0


async def test_columns_are_chosen_and_remembered(alice, db):
    raw = b"Kunde,Firma,Ort\n300001,Initech,Dayton\n"
    path = (await upload(alice, raw)).location
    page = await alice.fetch(path)
    assert "What the columns mean" in page.text
    answer = await alice.fetch(f"{path}/mapping", "POST", {"column-0": "account_number", "column-1": "account_number", "column-2": ""})
    assert (answer.code, "Two columns cannot mean the same." in answer.text) == (422, True)
    answer = await alice.fetch(f"{path}/mapping", "POST", {"column-0": "account_number", "column-1": "name", "column-2": "city"})
    assert answer.code == 303
    await jobs_done(alice.app)
    assert "It would create 1" in (await alice.fetch(path)).text
    again = await alice.fetch((await upload(alice, raw)).location)
    assert "It would create 1" in again.text
    assert (await alice.fetch(f"{path}/mapping", "POST", {"column-0": "password"})).code == 400


async def test_needed_columns_are_asked_for(alice):
    path = (await upload(alice, b"Host,x\nPC-1,1\n", "assets")).location
    answer = await alice.fetch(f"{path}/mapping", "POST", {"column-0": "name", "column-1": ""})
    assert "Nothing is said to be company_account_number." in answer.text


@pytest.mark.parametrize(
    ("raw", "kind"), [(b"", "companies"), (b"\xd0\xcf\x11\xe0", "companies"), (GOOD, "users"), (b"PK\x03\x04x", "assets")]
)
async def test_what_cannot_be_imported_comes_back_in_the_form(alice, raw, kind):
    assert (await upload(alice, raw, kind)).code == 422


async def test_an_import_whose_process_died_is_taken_up_again(alice, db):
    """A runner that is gone has claimed the job; the next one goes on with it, and the page is never stuck."""
    path = (await upload(alice, GOOD)).location
    assert (await alice.fetch(f"{path}/application", "POST", {"rows": "all"})).code == 303
    await db.run("UPDATE job SET state = 'running', owner = 'gone' WHERE state = 'waiting'")
    await db.run("INSERT INTO job_runner (id, machine, seen_at) VALUES ('gone', '', '2026-01-01T00:00:00Z')")
    assert "Being applied" in (await alice.fetch(path)).text
    assert (await alice.fetch(f"{path}/application", "POST", {"rows": "all"})).code == 409
    await db.run("UPDATE job SET state = 'waiting', owner = '' WHERE state = 'running'")
    await jobs_done(alice.app)
    assert await count(db) == 3
    assert await db.value("SELECT state FROM job ORDER BY id DESC LIMIT 1") == "done"


async def test_a_process_taken_for_dead_applies_nothing_a_second_time(alice, db):
    path = (await upload(alice, b"name\nInitech\n")).location
    await apply(alice, path)
    id = path.rpartition("/")[2]
    batch = await batches.by_id(db, id)

    async def nothing(tx, applied):
        return

    with pytest.raises(work.Refused, match="applied already"):
        await work.apply(db, IMPORTS, None, batch, Actor("", "late"), valid_only=False, transaction=db.write, done=nothing)
    assert await count(db) == 3


async def test_a_form_sent_twice_takes_one_file_in(alice, db):
    for _ in range(2):
        answer = await alice.upload("/imports", {"file": ("book.csv", GOOD)}, {"kind": "companies", "idempotency_key": "f" * 22})
        await jobs_done(alice.app)
        assert answer.code == 303
    assert await db.value("SELECT count(*) FROM import_batch") == 1


async def test_only_one_applies_it(alice, db):
    path = (await upload(alice, GOOD)).location
    answers = await asyncio.gather(*(alice.fetch(f"{path}/application", "POST", {"rows": "all"}) for _ in range(3)))
    assert sorted(answer.code for answer in answers) == [303, 409, 409]


@pytest.mark.parametrize("path", ["", f"/{NOBODY}", f"/{NOBODY}/state", f"/{NOBODY}/errors"])
async def test_a_stranger_is_sent_to_sign_in_and_a_client_refused(stranger, dave, path):
    assert (await stranger.fetch(f"/imports{path}")).code == 303
    assert (await dave.fetch(f"/imports{path}")).code == 403


async def test_the_litany_of_writing(alice, dave, stranger, db):
    path = (await upload(alice, GOOD)).location
    for who, code, options in ((stranger, 303, {}), (dave, 403, {}), (alice, 403, {"forged": True})):
        assert (await who.upload("/imports", {"file": ("f", GOOD)}, {"kind": "companies"}, **options)).code == code
        for part in ("mapping", "application"):
            assert (await who.fetch(f"{path}/{part}", "POST", {"rows": "all"}, **options)).code == code
    for part in ("", "/state", "/errors"):
        assert (await alice.fetch(f"/imports/nobody{part}")).code == 404
    for part in ("mapping", "application"):
        assert (await alice.fetch(f"/imports/nobody/{part}", "POST", {})).code == 404
    assert (await alice.fetch(f"{path}/application", "POST", {"rows": "some"})).code == 400
    assert await count(db) == 2


async def test_a_limited_technician_imports_within_his_companies_and_sees_his_own_imports_only(alice, bob, db, people):
    hers = (await upload(alice, GOOD)).location
    await db.run("UPDATE account SET scope_rule = 'only' WHERE id = :id", id=people.bob.id)
    await db.run("INSERT INTO account_company (account_id, company_id) VALUES (:account, :id)", account=people.bob.id, id=ACME)
    assert (await bob.fetch(hers)).code == 404
    assert "book.csv" not in (await bob.fetch("/imports")).text
    path = (await upload(bob, b"company_account_number,name\n100001,PC-1\n100002,PC-2\n", "assets")).location
    await apply(bob, path, "valid")
    assert [item["name"] for item in (await alice.api("/api/assets")).items] == ["PC-1"]


async def test_a_program_imports_with_one_call(alice, dave, stranger, db):
    async def post(who, query="", raw=GOOD, media="text/csv", kind="companies"):
        headers = {"Authorization": f"Bearer {who.token}"} if who.token else {}
        return await who.send(f"/api/imports/{kind}{query}", "POST", raw, {"Content-Type": media, **headers})

    tried = (await post(alice, "?dry_run=yes")).json
    assert [tried[name] for name in ("created", "updated", "unchanged", "errors", "applied")] == [1, 1, 0, [], False]
    assert [change["what"] for change in tried["changes"]] == ["create", "update"]
    assert await count(db) == 2
    answer = await post(alice, raw=BAD)
    assert (answer.code, answer.json["created"], [error["line"] for error in answer.json["errors"]]) == (422, 0, [5])
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert (answer.json["code"], answer.json["status"], answer.json["applied"]) == ("invalid_rows", 422, False)
    taken = await post(alice, "?valid_only=yes", raw=BAD)
    assert (taken.code, len(taken.json["errors"]), taken.json["applied"]) == (200, 1, True)
    assert await count(db) == 4
    assert (await post(alice, media="text/html")).code == 415
    assert (await post(alice, kind="users")).code == 404
    assert (await post(alice, "?dry_run=perhaps")).code == 400
    assert (await post(dave)).code == 403
    assert (await post(stranger)).code == 401


async def test_text_from_a_file_is_only_text(alice):
    path = (
        await upload(alice, b"account_number,name\n300001,<script>alert(1)</script>\n<b>,x\n", name='"><script>x</script>.csv')
    ).location
    for query in ("?show=create", "?show=errors"):
        text = (await alice.fetch(path + query)).text
        assert "<script>alert" not in text
        assert "<script>x" not in text
        assert "<td><b>" not in text


async def test_a_job_that_was_stopped_before_it_began_leaves_no_import_being_worked_on(alice, db):
    path = (await upload(alice, GOOD)).location
    assert (await alice.fetch(f"{path}/application", "POST", {"rows": "all"})).code == 303
    waiting = await db.value("SELECT id FROM job WHERE state = 'waiting' AND kind = 'import'")
    assert (await alice.fetch(f"/jobs/{waiting}/cancellation", "PUT", {"confirmed": "yes"})).code == 303
    assert "Being applied" not in (await alice.fetch(path)).text
    assert (await apply(alice, path)).code == 303
    assert await count(db) == 3


async def test_a_job_that_broke_off_by_a_fault_of_ours_leaves_no_import_being_worked_on(alice, db, monkeypatch):
    path = (await upload(alice, GOOD)).location

    async def broken(*_, **__):
        raise KeyError("of ours")

    with monkeypatch.context() as patched:
        patched.setattr(work, "apply", broken)
        await apply(alice, path)
    page = await alice.fetch(path)
    assert "Being applied" not in page.text and "broke off" in page.text
    assert (await apply(alice, path)).code == 303
    assert await count(db) == 3


@pytest.mark.parametrize(("company", "asked"), [("", True), ("100001", False)])
async def test_what_is_asked_of_a_whole_file_is_not_folded_away(alice, company, asked):
    raw = (Path(__file__).parent / "layouts" / "microsoft-365-users.csv").read_bytes()
    answer = await alice.upload("/imports", {"file": ("users.csv", raw)}, {"kind": "contacts", "company": company})
    await jobs_done(alice.app)
    page = (await alice.fetch(answer.location)).text
    assert ("does not say which company its rows belong to" in page) == asked
    assert ('<details open><summary><h2 id="import-columns"' in page) == asked
