"""The pages of companies: finding, adding, changing, ending, exporting, and what each of the cast sees."""

import json

import pytest
from markupsafe import escape

from hmlib.tables import files
from hmlib.testing.hub import ACME, GLOBEX
from nexus_srv.directory.import_columns import COLUMNS

pytestmark = pytest.mark.gen_test
FORM = {"name": "Initech", "status": "active", "compliance_level": "standard"}
WRITES = [
    ("POST", "/companies"),
    ("POST", f"/companies/{ACME}"),
    ("PUT", f"/companies/{ACME}/activity"),
    ("DELETE", f"/companies/{ACME}/activity"),
    ("DELETE", f"/companies/{ACME}"),
]
READS = [
    "/companies",
    "/companies/rows",
    "/companies/export",
    f"/companies/{ACME}",
    f"/companies/{ACME}/contacts",
    f"/companies/{ACME}/assets/rows",
]


async def form_of(who, id=ACME, **changes):
    page = await who.fetch(f"/companies/{id}/edit")
    assert page.code == 200, page.text
    return {
        **FORM,
        "name": "Acme Dental",
        "account_number": "100001",
        "version": "1",
        "base": json.dumps({"name": "Acme Dental"}),
        **changes,
    }


async def test_the_list_shows_companies_with_counts(alice):
    page = await alice.fetch("/companies")
    assert page.code == 200
    assert f'<a href="/companies/{ACME}">Acme Dental</a>' in page.text
    assert "1–2 of 2" in page.text
    assert "<title>Companies · Nexus · HiveMatrix</title>" in page.text


async def test_the_rows_are_a_piece_of_the_page(alice):
    rows = await alice.htmx("/companies/rows?q=globex")
    assert "Globex Freight" in rows.text
    assert "Acme" not in rows.text
    assert "<html" not in rows.text


async def test_sorting_filtering_and_paging_live_in_the_address(alice):
    page = await alice.fetch("/companies?sort=-name&limit=1&status=active")
    assert "Globex Freight" in page.text
    assert "Acme Dental" not in page.text
    assert 'rel="next"' in page.text
    assert (await alice.fetch("/companies?sort=colour")).code == 400
    assert (await alice.fetch("/companies?cursor=x.y")).code == 400


async def test_an_empty_list_offers_the_first_action(alice, db):
    await db.run("DELETE FROM account_company")
    await db.run("DELETE FROM company")
    page = await alice.fetch("/companies")
    assert "No companies yet" in page.text
    assert 'href="/imports"' in page.text


async def test_one_company_has_its_parts(alice):
    asset = (await alice.api("/api/assets", "POST", {"company_id": ACME, "name": "PC-1"})).json
    page = await alice.fetch(f"/companies/{ACME}")
    assert "100001" in page.text
    assert "Assets (1)" in page.text
    assets = await alice.fetch(f"/companies/{ACME}/assets")
    assert f"/assets/{asset['id']}" in assets.text
    assert f"/assets/{asset['id']}" in (await alice.htmx(f"/companies/{ACME}/assets/rows?sort=-type")).text
    assert "PC-1" not in (await alice.fetch(f"/companies/{GLOBEX}/assets")).text
    for part in ("contacts", "locations"):
        assert (await alice.fetch(f"/companies/{ACME}/{part}")).code == 200


async def test_adding_leads_to_the_new_company(alice, db):
    answer = await alice.fetch(
        "/companies", "POST", {**FORM, "domains": "initech.example, init.example", "country": "US", "parent_id": ACME}
    )
    assert answer.code == 303
    page = await alice.fetch(answer.location)
    assert "Initech" in page.text
    assert "initech.example, init.example" in page.text
    assert "100003" in page.text
    assert "Initech is added." in page.text


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("account_number", "12"), ("website", "javascript:alert(1)"), ("domains", "no_domain"), ("account_number", "100002")],
)
async def test_a_wrong_value_comes_back_in_the_form(alice, field, value):
    answer = await alice.fetch("/companies", "POST", {**FORM, "main_phone": "555-0199", field: value})
    assert answer.code == 422
    assert f'id="{field}-error"' in answer.text
    assert "555-0199" in answer.text


async def test_changing_saves_and_counts_the_version(alice, db):
    answer = await alice.fetch(f"/companies/{ACME}", "POST", await form_of(alice, name="Acme Dental Care"))
    assert (answer.code, answer.location) == (303, f"/companies/{ACME}")
    row = await db.one("SELECT name, version FROM company WHERE id = :id", id=ACME)
    assert tuple(row.values()) == ("Acme Dental Care", 2)


async def test_a_wrong_change_comes_back_in_the_form(alice):
    answer = await alice.fetch(f"/companies/{ACME}", "POST", await form_of(alice, name="", main_phone="555-0199"))
    assert answer.code == 422
    assert 'id="name-error"' in answer.text
    assert 'name="version" value="1"' in answer.text


async def test_a_stale_form_shows_both_sides_and_can_be_saved_then(alice, bob, db):
    mine = await form_of(alice, name="Mine", main_phone="555")
    await bob.fetch(f"/companies/{ACME}", "POST", await form_of(bob, name="Theirs"))
    answer = await alice.fetch(f"/companies/{ACME}", "POST", mine)
    assert answer.code == 409
    for text in ("Acme Dental", "Theirs", "Mine", 'name="version" value="2"'):
        assert text in answer.text
    assert await db.value("SELECT name FROM company WHERE id = :id", id=ACME) == "Theirs"
    answer = await alice.fetch(f"/companies/{ACME}", "POST", {**mine, "version": "2"})
    assert answer.code == 303


async def test_deactivating_and_reactivating(alice, db):
    assert (await alice.fetch(f"/companies/{ACME}/activity", "POST", {"_method": "delete"})).location == f"/companies/{ACME}"
    page = (await alice.fetch(f"/companies/{ACME}")).text
    assert "Inactive" in page and "Reactivate" in page and "Acme Dental is inactive now." in page
    assert await db.value("SELECT status FROM company WHERE id = :id", id=ACME) == "inactive"
    await alice.fetch(f"/companies/{ACME}/activity", "POST", {"_method": "put"})
    assert await db.value("SELECT status FROM company WHERE id = :id", id=ACME) == "active"


async def test_deleting_is_not_offered_while_something_belongs_to_it_and_says_what(alice):
    await alice.api("/api/locations", "POST", {"company_id": ACME, "name": "Head office"})
    for n in (1, 2):
        await alice.api("/api/assets", "POST", {"company_id": ACME, "name": f"PC-{n}", "type": "workstation"})
    page = (await alice.fetch(f"/companies/{ACME}/contacts")).text
    why = "Acme Dental cannot be deleted: 1 location and 2 assets belong to it. Deactivate it instead."
    assert why in page and "Delete Acme Dental" not in page
    refused = await alice.fetch(f"/companies/{ACME}", "POST", {"_method": "delete", "confirmed": "yes"})
    assert refused.location == f"/companies/{ACME}" and why in (await alice.fetch(f"/companies/{ACME}/assets")).text
    answer = await alice.fetch(f"/companies/{GLOBEX}", "POST", {"_method": "delete", "confirmed": "yes"})
    assert (answer.code, answer.location) == (303, "/companies")
    assert (await alice.fetch(f"/companies/{GLOBEX}")).code == 404


@pytest.mark.parametrize("path", [*READS, "/companies/new", f"/companies/{ACME}/edit"])
async def test_a_stranger_is_sent_to_sign_in(stranger, people, path):
    answer = await stranger.fetch(path)
    assert (answer.code, answer.location.startswith("/login?next=/companies")) == (303, True)


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_stranger_writes_nothing(stranger, people, method, path):
    assert (await stranger.fetch(path, method, FORM if method == "POST" else None)).code == 303


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_the_wrong_role_is_refused(dave, db, method, path):
    assert (await dave.fetch(path, method, {**FORM, "version": "1"} if method == "POST" else None)).code == 403
    assert await db.value("SELECT max(version) FROM company") == 1


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_N025_without_the_token_it_is_refused(alice, db, method, path):
    assert (await alice.fetch(path, method, {**FORM, "version": "1"} if method == "POST" else None, forged=True)).code == 403
    assert await db.value("SELECT max(version) FROM company") == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "/edit"), ("GET", "/contacts"), ("POST", ""), ("PUT", "/activity"), ("DELETE", "/activity"), ("DELETE", "")],
)
async def test_what_is_not_there_is_404(alice, method, path):
    body = {**FORM, "version": "1"} if method == "POST" else None
    assert (await alice.fetch(f"/companies/nobody{path}", method, body)).code == 404


async def test_N113_dave_sees_his_company_and_no_other(dave):
    page = await dave.fetch("/companies")
    assert "Acme Dental" in page.text
    assert "Globex" not in page.text
    assert "1–1 of 1" in page.text
    assert "Globex" not in (await dave.fetch("/companies/rows?q=globex")).text
    assert "Globex" not in (await dave.fetch("/companies/export?format=csv")).text
    for part in ("", "/edit", "/contacts", "/assets", "/locations", "/assets/rows"):
        assert (await dave.fetch(f"/companies/{GLOBEX}{part}")).code == (403 if part == "/edit" else 404)
    assert "Add a company" not in page.text


@pytest.mark.parametrize(("rule", "seen", "hidden"), [("only", "Globex", "Acme"), ("except", "Acme", "Globex")])
async def test_a_technician_with_a_list_sees_by_the_list(bob, db, people, rule, seen, hidden):
    await db.run("UPDATE account SET scope_rule = :rule WHERE id = :id", rule=rule, id=people.bob.id)
    await db.run("INSERT INTO account_company (account_id, company_id) VALUES (:account, :id)", account=people.bob.id, id=GLOBEX)
    for path in ("/companies", "/companies/export?format=json"):
        text = (await bob.fetch(path)).text
        assert seen in text
        assert hidden not in text
    assert (await bob.fetch(f"/companies/{ACME}")).code == (404 if rule == "only" else 200)


@pytest.mark.parametrize("format", ["csv", "xlsx"])
async def test_an_export_can_be_imported_again(alice, format):
    await alice.fetch("/companies", "POST", {**FORM, "name": "=HYPERLINK(1)"})
    answer = await alice.fetch(f"/companies/export?format={format}&sort=-name&limit=1")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="companies.{format}"'
    sheet = files.read(answer.body, "x", COLUMNS["companies"])
    assert [row.values["name"] for row in sheet.rows] == ["Globex Freight", "Acme Dental", "=HYPERLINK(1)"]
    assert sheet.errors == []


async def test_N008_cells_that_would_run_are_neutralised(alice):
    await alice.fetch("/companies", "POST", {**FORM, "name": "=HYPERLINK(1)", "main_phone": "+1 555"})
    text = (await alice.fetch("/companies/export")).text
    assert "'=HYPERLINK(1)" in text
    assert "'+1 555" in text


async def test_an_export_has_the_filter_of_the_screen_and_is_audited(alice, db):
    answer = await alice.fetch("/companies/export?format=json&q=acme")
    assert [row["name"] for row in answer.json] == ["Acme Dental"]
    row = await db.one("SELECT action, after_json FROM audit ORDER BY seq DESC LIMIT 1")
    assert tuple(row.values()) == ("companies.exported", '{"q":"acme","rows":1}')
    assert (await alice.fetch("/companies/export?format=exe")).code == 400


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", '"><button hx-get=/api/users hx-trigger=load>', "{{7*7}}", "</script><b>"]
)
async def test_N001_N002_N004_N010_stored_text_is_only_text(alice, name):
    company = (await alice.api("/api/companies", "POST", {"name": name})).json
    for path in (
        "/companies",
        "/companies/rows",
        f"/companies/{company['id']}",
        f"/companies/{company['id']}/edit",
        f"/assets/new?company_id={company['id']}",
    ):
        text = (await alice.fetch(path)).text
        assert str(escape(name)) in text
        assert "<img src=x" not in text
        assert "<button hx-get=/api" not in text


async def test_n004_text_that_would_end_a_script_or_a_line_is_only_text(alice):
    """A name takes no line separator; notes do."""
    notes = "</script>\u2028<b>"
    company = (await alice.api("/api/companies", "POST", {"name": "Acme", "notes": notes})).json
    for path in (f"/companies/{company['id']}", f"/companies/{company['id']}/edit"):
        text = (await alice.fetch(path)).text
        assert str(escape(notes)) in text and "</script>\u2028" not in text


async def test_a_get_changes_nothing_and_other_methods_are_405(alice):
    answer = await alice.fetch(f"/companies/{ACME}/activity")
    assert (answer.code, sorted(answer.headers["Allow"].split(", "))) == (405, ["DELETE", "PUT"])
