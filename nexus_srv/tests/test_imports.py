"""Importing the directory: what is created, changed, left alone and refused."""

import datetime
import json
import time

import pytest

from hmlib.auth.permissions import CompanyScope
from hmlib.clock import utc_now
from hmlib.imports import work
from hmlib.imports.batches import Choices
from hmlib.imports.plan import planning
from hmlib.records.audit import Actor
from hmlib.testing.hub import ACME, GLOBEX
from hmlib.testing.imports import whole
from nexus_srv import demo
from nexus_srv.directory.imports import IMPORTS

pytestmark = [pytest.mark.gen_test, pytest.mark.usefixtures("people")]
ACTOR = Actor(id="a", name="Alice")


@pytest.fixture
def run(db):
    async def run(kind, text, **options):
        raw = text if isinstance(text, bytes) else text.encode()
        return await whole(db, IMPORTS, {}, kind, raw, f"{kind}.csv", actor=ACTOR, now=utc_now(), **options)

    return run


def counts(outcome):
    return (outcome.created, outcome.updated, outcome.unchanged, [(e.line, e.column, e.value) for e in outcome.errors])


async def test_companies_are_created_then_left_alone_then_updated(run, db):
    text = "account_number,name,domains,external_id\n300001,Initech,initech.example;init.example,x1\n,Hooli,,x2"
    assert counts(await run("companies", text)) == (2, 0, 0, [])
    assert counts(await run("companies", text)) == (0, 0, 2, [])
    outcome = await run("companies", text.replace("Initech", "Initech Ltd"))
    assert counts(outcome) == (0, 1, 1, [])
    assert [(c.line, c.what, c.label, c.fields) for c in outcome.changes if c.what == "update"] == [
        (2, "update", "Initech Ltd", {"name": ("Initech", "Initech Ltd")})
    ]
    rows = await db.all("SELECT account_number, name FROM company WHERE external_id IS NOT NULL ORDER BY account_number")
    assert [tuple(row.values()) for row in rows] == [("300001", "Initech Ltd"), ("300002", "Hooli")]


async def test_a_company_without_any_key_matches_by_name(run):
    assert counts(await run("companies", "name,city\nAcme Dental,Dayton")) == (0, 1, 0, [])
    assert counts(await run("companies", "name,city\nAcme Dental,Dayton")) == (0, 0, 1, [])


async def test_a_dry_run_tells_and_changes_nothing(run, db):
    before = await db.value("SELECT number FROM change_counter")
    outcome = await run("companies", "account_number,name,status\n100001,Acme,\n300001,New,\n300002,Bad,gold", dry_run=True)
    assert counts(outcome) == (1, 1, 0, [(4, "status", "gold")])
    assert not outcome.applied
    assert await db.value("SELECT number FROM change_counter") == before


async def test_with_an_error_nothing_is_applied_unless_valid_only(run, db):
    text = "account_number,name,status\n300001,New,\n300002,Bad,gold"
    outcome = await run("companies", text)
    assert (counts(outcome), outcome.applied) == ((0, 0, 0, [(3, "status", "gold")]), False)
    assert await db.value("SELECT count(*) FROM company") == 2
    outcome = await run("companies", text, valid_only=True)
    assert (counts(outcome), outcome.applied) == ((1, 0, 0, [(3, "status", "gold")]), True)
    assert await db.value("SELECT count(*) FROM company") == 3


async def test_an_empty_cell_empties_and_a_missing_column_leaves_alone(run, db):
    await run("companies", "account_number,city,main_phone,status\n100001,Dayton,555,prospect")
    await run("companies", "account_number,city,status\n100001,N/A,N/A")
    assert await db.one("SELECT city, main_phone, status FROM company WHERE id = :id", id=ACME) == {
        "city": "",
        "main_phone": "555",
        "status": "prospect",
    }


@pytest.mark.parametrize(
    ("kind", "text", "error"),
    [
        ("companies", "account_number,name\n12345,Short", (2, "account_number", "12345")),
        ("companies", "account_number,name\n300001,", (2, "name", "")),
        ("companies", "account_number,website\n100001,javascript:x", (2, "website", "javascript:x")),
        ("companies", "account_number,name,external_id\n300001,A,x\n300001,B,y", (3, "external_id", "y")),
        ("companies", "account_number,country\n100001,Atlantis", (2, "country", "Atlantis")),
        ("contacts", "company_account_number,email\n999999,a@b.example", (2, "company_account_number", "999999")),
        ("contacts", "company_account_number,email\n100001,", (2, "email", "")),
        (
            "contacts",
            "company_account_number,email,active_on,ended_on\n100001,a@b.example,2026-02-02,2026-02-01",
            (2, "ended_on", "2026-02-01"),
        ),
        ("assets", "company_account_number,name,contact_email\n100001,PC,a@b.example", (2, "contact_email", "a@b.example")),
        ("assets", "company_account_number,name,type\n100001,PC,toaster", (2, "type", "toaster")),
        ("assets", "company_account_number,name\n100001,", (2, "name", "")),
        ("locations", "company_account_number,name\n100001", (2, "name", "")),
        ("locations", "name\nHead office", (1, "company_account_number", "")),
    ],
)
async def test_a_bad_cell_is_named_by_line_and_column(run, kind, text, error):
    outcome = await run(kind, text)
    assert counts(outcome) == (0, 0, 0, [error])
    assert outcome.errors[0].message.endswith(".")


async def test_what_is_no_table_is_one_error(run):
    assert [e.message for e in (await run("assets", b"\xd0\xcf\x11\xe0")).errors] == [
        "This is a workbook of the old .xls kind or one with a password. Save it as .xlsx or CSV."
    ]


async def test_a_contact_matches_by_external_id_then_by_company_and_address(run, db):
    head = "company_account_number,email,first_name,last_name,role,billable,exclusion_reason,external_id\n"
    assert counts(await run("contacts", head + "100001,Zoe@a.example,Zoë,Quinn,billing,,,")) == (1, 0, 0, [])
    assert counts(await run("contacts", head + "100001,zoe@A.example,Zoë,Quinn,billing,,,c1")) == (0, 1, 0, [])
    assert counts(await run("contacts", head + "100001,new@a.example,Zoë,Quinn,billing,,kiosk,c1")) == (0, 1, 0, [])
    row = await db.one("SELECT name, email, more_emails, billable, exclusion_reason, external_id FROM contact")
    assert tuple(row.values()) == ("Zoë Quinn", "new@a.example", "", False, "kiosk", "c1")
    assert await db.value("SELECT role FROM contact_company") == "billing"


async def test_the_same_address_at_two_companies_is_two_contacts(run):
    assert counts(await run("contacts", "company_account_number,email\n100001,a@b.example\n100002,a@b.example")) == (2, 0, 0, [])


async def test_a_contact_of_two_companies_keeps_both_and_one_of_a_single_company_moves(run, db):
    await run("contacts", "company_account_number,email,external_id\n100001,a@b.example,c1")
    await run("contacts", "company_account_number,email,external_id\n100002,a@b.example,c1")
    assert [row["company_id"] for row in await db.all("SELECT company_id FROM contact_company")] == [GLOBEX]
    assert await db.value("SELECT company_id FROM tombstone WHERE noun = 'contact'") == ACME
    await db.run("INSERT INTO contact_company (contact_id, company_id) SELECT contact_id, :acme FROM contact_company", acme=ACME)
    assert counts(await run("contacts", "company_account_number,email,external_id\n100002,a@b.example,c1")) == (0, 0, 1, [])


async def test_the_same_host_name_in_two_companies_and_two_ids_in_one(run):
    text = "company_account_number,name,external_id\n100001,PC-1,\n100002,PC-1,\n100001,SRV,a\n100001,SRV,b"
    assert counts(await run("assets", text)) == (4, 0, 0, [])
    assert counts(await run("assets", text)) == (0, 0, 4, [])
    outcome = await run("assets", "company_account_number,name\n100001,SRV")
    assert [(e.line, e.column) for e in outcome.errors] == [(2, "external_id")]


async def test_an_asset_finds_its_contact_and_notes_when_its_backup_was_measured(run, db):
    await run("contacts", "company_account_number,email\n100001,a@b.example")
    head = "company_account_number,name,contact_email,backup_bytes,last_seen_at\n"
    await run("assets", head + "100001,PC-1,A@b.example,5,2026-01-02 03:04")
    first = await db.one("SELECT contact_id, measured_at, last_seen_at FROM asset")
    assert first["contact_id"] == await db.value("SELECT id FROM contact")
    assert first["last_seen_at"] == "2026-01-02T03:04:00.000000Z"
    assert counts(await run("assets", head + "100001,PC-1,A@b.example,5,2026-01-02 03:04")) == (0, 0, 1, [])
    await run("assets", head + "100001,PC-1,A@b.example,6,2026-01-02 03:04")
    assert await db.value("SELECT measured_at FROM asset") > first["measured_at"]


async def test_changes_are_told_in_the_words_of_the_file(run):
    head = "company_account_number,email,last_name,role,billable,external_id\n"
    await run("contacts", head + "100001,a@b.example,Quinn,billing,yes,c1")
    outcome = await run("contacts", head + "100002,new@b.example,Quinn,,no,c1", dry_run=True)
    assert outcome.changes[0].fields == {
        "email": ("a@b.example", "new@b.example"),
        "billable": ("yes", "no"),
        "company_account_number": ("100001 (billing)", "100002"),
    }


async def test_a_scope_keeps_an_import_within_its_companies(run, db):
    scope = CompanyScope("only", frozenset({ACME}))
    text = "company_account_number,name,external_id\n100001,PC-1,\n100002,PC-2,"
    assert counts(await run("assets", text, scope=scope)) == (0, 0, 0, [(3, "company_account_number", "100002")])
    await run("assets", "company_account_number,name,external_id\n100002,PC-2,x")
    outcome = await run("assets", "company_account_number,name,external_id\n100001,Mine,x", scope=scope)
    assert counts(outcome) == (0, 0, 0, [(2, "external_id", "x")])
    assert len((await run("companies", "account_number,name\n300001,New", scope=scope)).errors) == 1
    assert len((await run("companies", "account_number,name\n100002,Mine", scope=scope)).errors) == 1


NUMBER_UNKNOWN = "There is no company with this account number."


@pytest.mark.parametrize(
    ("kind", "head", "rest"),
    [
        ("companies", "account_number,name,external_id", "Any,"),
        ("companies", "account_number,name,external_id", "Any,g1"),
        ("contacts", "company_account_number,email,external_id", "a@b.example,"),
        ("assets", "company_account_number,name,external_id", "PC-9,"),
        ("assets", "company_account_number,name,external_id", "PC-9,x"),
        ("locations", "company_account_number,name,external_id", "Depot,l1"),
    ],
)
async def test_another_companys_number_is_answered_as_one_that_does_not_exist(run, kind, head, rest):
    await run("companies", "account_number,external_id\n100002,g1")
    await run("assets", "company_account_number,name,external_id\n100002,PC-2,x")
    await run("locations", "company_account_number,name,external_id\n100002,Depot,l1")
    scope = CompanyScope("only", frozenset({ACME}))
    told = [(await run(kind, f"{head}\n{number},{rest}", scope=scope)).errors for number in ("100002", "999999")]
    assert [[(error.column, error.message) for error in errors] for errors in told] == [[(head.partition(",")[0], NUMBER_UNKNOWN)]] * 2


async def test_another_companys_name_and_external_id_are_answered_as_those_that_do_not_exist(run):
    await run("companies", "account_number,external_id\n100002,g1")
    scope = CompanyScope("only", frozenset({ACME}))
    for text in ("name\nGlobex Freight", "name\nNobody", "name,external_id\nX,g1", "name,external_id\nX,g2"):
        column = text.partition("\n")[0].rpartition(",")[2]
        errors = (await run("companies", text, scope=scope)).errors
        message = f"There is no company with this {column.replace('_', ' ')}."
        assert [(error.column, error.message) for error in errors] == [(column, message)]


async def test_an_import_changes_no_bill_of_a_company_out_of_scope(run, db):
    head = "company_account_number,first_name,last_name,email,external_id,billable,exclusion_reason"
    await run("contacts", f"{head}\n100001,Ann,Both,ann@x.test,c-1,yes,\n")
    await run("contacts", f"{head}\n100002,Ann,Both,ann@x.test,c-1,yes,\n")
    await db.run(
        "INSERT INTO contact_company (contact_id, company_id) SELECT id, :acme FROM contact WHERE TRUE ON CONFLICT DO NOTHING", acme=ACME
    )
    scope = CompanyScope("only", frozenset({ACME}))
    refused = await run("contacts", f"{head}\n100001,Ann,Both,ann@x.test,c-1,no,kiosk\n", scope=scope)
    assert [error.column for error in refused.errors] == ["billable"]
    assert counts(await run("contacts", f"{head},title\n100001,Ann,Both,ann@x.test,c-1,yes,,CEO\n", scope=scope)) == (0, 1, 0, [])


async def test_an_import_is_one_entry_of_the_audit_log_that_names_its_plan(run, db):
    made = await run("companies", "account_number,name\n300001,A\n300002,B")
    await run("companies", "account_number,name\n300001,Ant\n300002,B")
    rows = await db.all("SELECT actor_name, action, subject, after_json FROM audit ORDER BY seq")
    assert [(row["actor_name"], row["action"]) for row in rows] == [("Alice", "companies.imported")] * 2
    told = json.loads(rows[0]["after_json"])
    assert rows[0]["subject"] == f"import/{made.id}" and len(told.pop("digest")) == 64
    assert told == {"created": 2, "errors": 0, "file": "companies.csv", "unchanged": 0, "updated": 0}


async def test_progress_counts_rows(db):
    steps = []
    raw = ("account_number,name\n" + "".join(f"{300_000 + n},C{n}\n" for n in range(1200))).encode()
    add = await work.bring(db, IMPORTS, "companies", "f", raw, Choices(), CompanyScope(), ACTOR, utc_now())
    async with db.write() as tx:
        batch = await add(tx)

    async def heard(done, total):
        steps.append(done)

    await work.plan(db, IMPORTS, None, batch, ACTOR, utc_now(), heard)
    assert steps == [500, 1000, 1200, 1200]


@pytest.fixture
def four(run):
    """Four companies that other systems know."""

    async def made():
        text = "account_number,name,external_id\n" + "".join(f"30000{n},C{n},s-{n}\n" for n in range(1, 5))
        assert counts(await run("companies", text)) == (4, 0, 0, [])

    return made


async def numbers(db):
    rows = await db.all("SELECT external_id, account_number FROM company WHERE external_id IS NOT NULL ORDER BY external_id")
    return {row["external_id"]: row["account_number"] for row in rows}


async def test_account_numbers_are_exchanged_and_handed_on(run, db, four):
    await four()
    text = "external_id,account_number\ns-1,300002\ns-2,300001\ns-3,300004\ns-4,300009\n"
    assert counts(await run("companies", text)) == (0, 4, 0, [])
    assert await numbers(db) == {"s-1": "300002", "s-2": "300001", "s-3": "300004", "s-4": "300009"}
    assert counts(await run("companies", text)) == (0, 0, 4, [])


@pytest.mark.parametrize("options", [{"dry_run": True}, {}])
async def test_what_only_one_may_have_is_named_by_its_line(run, db, four, options):
    await four()
    text = "external_id,account_number,name\ns-1,300002,C1\ns-3,300009,C3\nnew,300009,New\n"
    outcome = await run("companies", text, **options)
    assert counts(outcome)[3] == [(2, "account_number", "300002"), (4, "account_number", "300009")]
    assert {error.message for error in outcome.errors} == {"This account number is taken."}
    assert (await numbers(db))["s-3"] == "300003"


async def test_a_row_that_keeps_its_number_keeps_it_from_the_next(run, db, four):
    await four()
    text = "external_id,account_number\ns-1,300004\ns-2,300001\ns-3,300005\n"
    outcome = await run("companies", text, valid_only=True)
    assert counts(outcome) == (0, 1, 0, [(2, "account_number", "300004"), (3, "account_number", "300001")])
    assert await numbers(db) == {"s-1": "300001", "s-2": "300002", "s-3": "300005", "s-4": "300004"}
    assert [change.line for change in outcome.changes] == [4]


async def test_a_number_that_is_handed_out_is_not_one_that_the_file_gives(run, db, four):
    await four()
    assert counts(await run("companies", "external_id,account_number,name\ns-1,300005,C1\nnew,,New\n")) == (1, 1, 0, [])
    assert (await numbers(db)) == {"new": "300006", "s-1": "300005", "s-2": "300002", "s-3": "300003", "s-4": "300004"}


async def test_names_of_locations_are_exchanged_and_named_when_taken(run, db):
    head = "company_account_number,name,external_id\n"
    await run("locations", f"{head}100001,North,l-1\n100001,South,l-2\n100001,West,l-3\n")
    assert counts(await run("locations", f"{head}100001,South,l-1\n100001,North,l-2\n")) == (0, 2, 0, [])
    assert counts(await run("locations", f"{head}100001,WEST,l-1\n"))[3] == [(2, "name", "WEST")]


async def test_what_changed_between_the_plan_and_the_writing_is_planned_again(run, db, monkeypatch):
    plan = planning.plan

    async def interrupted(*args):
        monkeypatch.undo()
        found = await plan(*args)
        await db.run("UPDATE company SET external_id = 'x', source = 'import', version = version + 1 WHERE id = :id", id=GLOBEX)
        return found

    monkeypatch.setattr(planning, "plan", interrupted)
    assert counts(await run("companies", "account_number,name,external_id\n100002,Globex,x")) == (0, 1, 0, [])
    rows = await db.all("SELECT name, external_id, version FROM company WHERE id = :id", id=GLOBEX)
    assert [tuple(row.values()) for row in rows] == [("Globex", "x", 3)]


async def test_messy_files_are_read_whole(run, db, tmp_path):
    demo.write_messy(tmp_path)
    companies, assets = [await run(kind, (tmp_path / f"messy-{kind}.csv").read_bytes()) for kind in ("companies", "assets")]
    assert (counts(companies), counts(assets)) == ((3, 0, 1, []), (4, 0, 1, []))
    assert companies.notes == ["The column Comment is not known and was left out.", "Line 5 repeats line 2 and was left out."]
    rows = await db.all("SELECT name, active_on, retired_on, backup_bytes FROM asset ORDER BY external_id")
    assert [tuple(row.values()) for row in rows] == [
        ("SRV-KÖLN", "2025-03-31", None, 2**40),
        ('LAPTOP-"7"', "2025-03-31", None, 0),
        ("SRV-KÖLN", "2025-04-01", "2025-12-31", 0),
        ("PC-1", "2025-04-15", None, 0),
    ]


async def test_the_demo_is_the_first_real_input(run, db, tmp_path):
    await db.run("DELETE FROM account_company")
    await db.run("DELETE FROM company")
    demo.write(tmp_path)
    found = {kind: await run(kind, (tmp_path / f"{kind}.csv").read_bytes()) for kind in ("companies", "locations", "contacts", "assets")}
    assert {kind: counts(outcome) for kind, outcome in found.items()} == {
        "companies": (40, 0, 0, []),
        "locations": (79, 0, 0, []),
        "contacts": (300, 0, 0, []),
        "assets": (600, 0, 0, []),
    }
    assert await db.value("SELECT min(account_number) FROM company") == "100001"
    assert await db.value("SELECT max(account_number) FROM company") == "100040"
    assert await db.value("SELECT count(*) FROM asset WHERE external_id IN :ids", ids=["a-100001-01", "a-100040-15"]) == 2
    assert await db.value("SELECT count(*) FROM asset WHERE contact_id IS NOT NULL") == 300
    assert await db.value("SELECT count(*) FROM contact WHERE NOT billable AND exclusion_reason <> ''") > 10


def test_the_demo_is_the_same_every_time(tmp_path):
    for name in ("one", "two"):
        demo.write(tmp_path / name, datetime.date(2026, 11, 22))
    assert [(tmp_path / "one" / f"{k}.csv").read_bytes() == (tmp_path / "two" / f"{k}.csv").read_bytes() for k in IMPORTS.names] == [
        True
    ] * 4


async def test_a_book_is_imported_within_seconds(run, db, tmp_path):
    demo.write_book(tmp_path, 200, 1600, 4000)
    start = time.process_time()
    outcomes = [await run(kind, (tmp_path / f"{kind}.csv").read_bytes()) for kind in ("companies", "contacts", "assets")]
    assert [(o.created + o.updated, o.errors) for o in outcomes] == [(200, []), (1600, []), (4000, [])]
    assert time.process_time() - start < 6


async def test_who_uses_a_device_is_told_by_address_before_and_after(run):
    await run("contacts", "company_account_number,email\n100001,a@b.example\n100001,ü@b.example")
    head = "company_account_number,name,contact_email\n"
    await run("assets", head + "100001,PC-1,a@b.example")
    outcome = await run("assets", head + "100001,PC-1,Ü@b.example", dry_run=True)
    assert outcome.changes[0].fields == {"contact_email": ("a@b.example", "ü@b.example")}
    outcome = await run("assets", head + "100001,PC-1,", dry_run=True)
    assert outcome.changes[0].fields == {"contact_email": ("a@b.example", "")}


async def test_a_person_whom_a_row_has_made_is_meant_by_further_rows(run):
    text = "company_account_number,email,first_name\n100001,a@b.example,Ann\n100001,,Ann"
    assert counts(await run("contacts", text))[3] == [(3, "", "")]


async def test_every_field_of_a_device_and_a_person_can_be_said_in_a_file(run, db):
    head = "company_account_number,name,manufacturer,ip_addresses,mac_addresses,warranty_until,tags,notes\n"
    text = head + "100001,PC-1,Dell,10.0.0.7; fe80::1,AA-BB-CC-00-11-22,2027-01-31,VIP;loan,Mind the dog\n"
    assert counts(await run("assets", text)) == (1, 0, 0, [])
    row = await db.one("SELECT manufacturer, ip_addresses, mac_addresses, warranty_until, tags, notes FROM asset")
    assert tuple(row.values()) == ("Dell", "10.0.0.7 fe80::1", "aa:bb:cc:00:11:22", "2027-01-31", "vip loan", "Mind the dog")
    assert counts(await run("assets", head + "100001,PC-1,,999.1.1.1,,,,"))[3] == [(2, "ip_addresses", "999.1.1.1")]
    await run("contacts", "company_account_number,email,phone,mobile_phone\n100001,a@b.example,555 1,555 2")
    assert tuple((await db.one("SELECT phone, mobile_phone FROM contact")).values()) == ("555 1", "555 2")
