"""What a person or program says of a file: companies that are not found, other tools' files of two kinds, the command's options."""

import pytest

from hmlib.clock import utc_now
from hmlib.imports.batches import Choices
from hmlib.records.audit import Actor
from hmlib.testing.hub import GLOBEX
from hmlib.testing.imports import jobs_done, whole
from nexus_srv.directory.imports import IMPORTS

pytestmark = [pytest.mark.gen_test, pytest.mark.usefixtures("people")]
DEVICES = b"Client,Hostname\nWayne Ent,PC-1\nWayne Ent,PC-2\nGlobex,PC-3\nStark,PC-4\n"
SYNCRO = (
    b"id,firstname,lastname,email,business_name,get_sms,disabled\n"
    b"77,Gav,Reed,ap@acme.example,Acme Dental Ltd,False,False\n78,Jo,Lee,jo@new.example,New Parts,False,False\n"
)
VEEAM = b"Company,Computer,Backup Size,Last Backup\nAcme Dental,PC-1,1.5 TB,2026-11-26 01:00\nAcme Dental,NAS,2 TB,2026-11-26 01:00\n"


@pytest.fixture
def run(db):
    async def run(kind, raw, **options):
        return await whole(db, IMPORTS, None, kind, raw, "f.csv", actor=Actor("a", "Alice"), now=utc_now(), **options)

    return run


async def test_a_company_that_is_not_found_is_asked_about_once(run):
    found = await run("assets", DEVICES, dry_run=True)
    assert [(one.text, one.rows, one.line) for one in found.questions] == [("Wayne Ent", 2, 2), ("Globex", 1, 4), ("Stark", 1, 5)]
    assert [(error.line, error.column, error.value) for error in found.errors] == [
        (2, "company_account_number", "Wayne Ent"),
        (4, "company_account_number", "Globex"),
        (5, "company_account_number", "Stark"),
    ]
    assert found.errors[0].message == "There is no such company. One more row says the same."


async def test_it_is_taken_for_another_added_or_left_out_and_that_is_remembered(alice, run, db):
    answer = await alice.upload("/imports", {"file": ("d.csv", DEVICES)}, {"kind": "assets"})
    await jobs_done(alice.app)
    page = (await alice.fetch(answer.location)).text
    assert "Wayne Ent: there is no such company." in page and "2 rows, the first on line 2." in page
    said = {"question-0": "create", "question-1": "map", "company-1": "100002", "question-2": "leave"}
    assert (await alice.fetch(f"{answer.location}/mapping", "POST", said)).code == 303
    await jobs_done(alice.app)
    assert "It would create 3, update 0 and leave 0 as they are." in (await alice.fetch(answer.location)).text
    await alice.fetch(f"{answer.location}/application", "POST", {"rows": "all"})
    await jobs_done(alice.app)
    rows = await db.all(
        "SELECT asset.name, company.name AS company FROM asset JOIN company ON company.id = asset.company_id ORDER BY asset.name"
    )
    assert [tuple(row.values()) for row in rows] == [("PC-1", "Wayne Ent"), ("PC-2", "Wayne Ent"), ("PC-3", "Globex Freight")]
    again = await run("assets", DEVICES.replace(b"PC-3", b"PC-9"))
    assert (again.created, again.unchanged, again.errors) == (1, 2, [])
    assert await db.value("SELECT company_id FROM asset WHERE name = 'PC-9'") == GLOBEX


async def test_a_program_says_what_companies_mean(alice, db):
    headers = {"Content-Type": "text/csv", "Authorization": f"Bearer {alice.token}"}
    tried = (await alice.send("/api/imports/assets?dry_run=true", "POST", DEVICES, headers)).json
    assert [one["text"] for one in tried["questions"]] == ["Wayne Ent", "Globex", "Stark"]
    companies = {"Wayne Ent": "100001", "Globex": GLOBEX, "Stark": "leave"}
    answer = await alice.api(f"/api/imports/{tried['id']}/plan", "PUT", {"companies": companies})
    assert (answer.code, answer.json["state"]) == (202, "planning")
    await jobs_done(alice.app)
    rows = (await alice.api(f"/api/imports/{tried['id']}/rows?outcome=create")).json["changes"]
    assert [row["label"] for row in rows] == ["PC-1", "PC-2", "PC-3"]
    assert (await alice.api(f"/api/imports/{tried['id']}/application", "PUT", {})).code == 202
    await jobs_done(alice.app)
    told = (await alice.api(f"/api/imports/{tried['id']}")).json
    assert (told["state"], told["created"], len(told["digest"])) == ("applied", 3, 64)
    assert [one["id"] for one in (await alice.api("/api/imports")).json] == [told["id"]]
    assert (await alice.api(f"/api/imports/{told['id']}", "DELETE")).code == 409


async def test_a_file_of_companies_and_people_makes_both_and_undo_takes_both_away(alice, run, db):
    before = [(await alice.fetch(f"/{kind}/export?format=csv")).text for kind in ("companies", "contacts")]
    done = await run("", SYNCRO)
    assert (done.created, done.updated, done.errors) == (3, 1, [])
    rows = await db.all("SELECT name, source, external_id FROM company ORDER BY account_number")
    assert [tuple(row.values()) for row in rows][::2] == [("Acme Dental", "syncro", "77"), ("New Parts", "syncro", "78")]
    people = "SELECT contact.name, company.name AS at FROM contact JOIN contact_company ON contact_id = contact.id JOIN company"
    rows = await db.all(f"{people} ON company.id = company_id ORDER BY contact.name")
    assert [tuple(row.values()) for row in rows] == [("Gav Reed", "Acme Dental"), ("Jo Lee", "New Parts")]
    assert (await alice.api(f"/api/imports/{done.id}/undo", "PUT", {})).code == 202
    await jobs_done(alice.app)
    assert [(await alice.fetch(f"/{kind}/export?format=csv")).text for kind in ("companies", "contacts")] == before


async def test_a_backup_report_measures_devices_and_makes_none(run, db):
    await run("assets", b"company_account_number,name\n100001,PC-1\n")
    done = await run("", VEEAM)
    assert (done.created, done.updated, done.errors) == (0, 1, [])
    assert "1 of the assets are not there and none was made: NAS." in done.notes
    row = await db.one("SELECT backup_bytes, measured_at FROM asset")
    assert tuple(row.values()) == (1_649_267_441_664, "2026-11-26T01:00:00.000000Z")


async def test_one_company_for_the_whole_file(run):
    done = await run("assets", b"Hostname\nPC-1\n", said=Choices(company="Acme Dental"))
    assert (done.created, done.errors) == (1, [])


async def test_three_systems_number_one_company(alice, run, db):
    """The id of each is kept beside the others, finds the company under another name later, and goes with an undo."""
    await run("", SYNCRO)
    xero = (
        b"*ContactName,AccountNumber,EmailAddress,FirstName,LastName,POAddressLine1\nAcme Dental,MAR1,a@acme.example,Gav,Reed,1 High St\n"
    )
    done = await run("", xero)
    update = next(change for change in done.changes if change.what == "update" and change.label == "Acme Dental")
    assert (done.errors, tuple(update.fields["external_id"])) == ([], ("", "MAR1 (xero)"))
    row = await db.one("SELECT source, external_id FROM company WHERE account_number = '100001'")
    assert tuple(row.values()) == ("syncro", "77")
    assert [tuple(row.values()) for row in await db.all("SELECT source, external_id FROM company_known_as")] == [("xero", "MAR1")]
    renamed = await run("", xero.replace(b"Acme Dental", b"Acme Group"), dry_run=True)
    assert (renamed.created, renamed.errors) == (0, [])
    assert (await alice.api(f"/api/imports/{done.id}/undo", "PUT", {})).code == 202
    await jobs_done(alice.app)
    assert await db.value("SELECT count(*) FROM company_known_as") == 0
