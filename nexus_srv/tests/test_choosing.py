"""Forms let people choose one of many companies by a search box: however many there are, with scripts and without."""

import re

import pytest

from hmlib.clock import new_id, utc_now
from hmlib.resources import records
from hmlib.testing.hub import ACME, GLOBEX
from nexus_srv.directory.companies import COMPANIES, Company
from nexus_srv.tests.test_user_pages import ERIN

pytestmark = pytest.mark.gen_test
MANY = 3000


@pytest.fixture
def many(people, db, io_loop):
    async def fill():
        rows = [Company(id=new_id(), name=f"Company {number}", account_number=str(200_000 + number)) for number in range(MANY)]
        async with db.write() as tx:
            await records.insert(tx, COMPANIES, rows, utc_now())

    io_loop.run_sync(fill)


@pytest.mark.parametrize("path", ["/contacts/new", "/users/new", "/companies/new", "/locations/new", "/assets/new"])
async def test_a_form_offers_a_picker_and_no_list_of_all_companies(alice, many, path):
    page = await alice.fetch(path)
    assert page.code == 200 and "/companies/picker" in page.text and "Company 77" not in page.text
    assert len(page.body) < 60_000, len(page.body)  # most of it is the frame, and the time zones of a user


async def test_the_picker_offers_few_by_name_and_number(alice, dave, many):
    assert (await alice.htmx("/companies/picker?field=company_id&company_id=Company+7")).text.count("<option") == 21, (
        "one is called so exactly"
    )
    assert "Company 77 (200077)" in (await alice.htmx("/companies/picker?field=company_id&company_id=Company+77")).text
    assert "Company 2999 (202999)" in (await alice.htmx("/companies/picker?field=company&company=202999")).text
    assert (await dave.htmx("/companies/picker?field=q&q=Company")).text.count("<option") == 0


@pytest.mark.parametrize("typed", ["Company 77 (200077)", "200077", "Company 77"])
async def test_what_is_typed_is_looked_up_when_it_is_sent(alice, many, typed):
    made = await alice.fetch("/contacts", "POST", {"first_name": "Zoë", "company_id": typed, "active": "on", "billable": "on"})
    assert made.code == 303, made.text
    assert "Company 77" in (await alice.fetch(made.location)).text


async def test_what_is_no_company_comes_back_beside_its_box(alice, many):
    for typed, said in (("Nobody Ltd", "There is no such company."), ("Company", "More than one is called this.")):
        refused = await alice.fetch("/contacts", "POST", {"first_name": "Zoë", "company_id": typed, "phone": "555-0199"})
        assert refused.code == 422 and said in refused.text.partition('id="company_id-error"')[2][:80]
        assert f'value="{typed}"' in refused.text and "555-0199" in refused.text


async def test_a_user_gets_companies_one_after_another_and_nothing_typed_is_lost(alice, many, db):
    form = {**ERIN, "scope_rule": "only"}
    again = await alice.fetch("/users", "POST", {**form, "company": "Acme Dental (100001)", "choose": "yes"})
    assert again.code == 200 and ERIN["username"] in again.text and await db.value("SELECT count(*) FROM account") == 4
    assert re.findall(r'name="company_ids\[\]" value="([^"]+)" checked', again.text) == [ACME]
    wrong = await alice.fetch("/users", "POST", {**form, "company_ids[]": ACME, "company": "Nobody Ltd"})
    assert wrong.code == 422 and "There is no such company." in wrong.text.partition('id="company-error"')[2][:80]
    assert f'value="{ACME}" checked' in wrong.text and 'value="Nobody Ltd"' in wrong.text
    saved = await alice.fetch("/users", "POST", {**form, "company_ids[]": ACME, "company": "100002"})
    assert saved.code == 303, saved.text
    rows = await db.all(
        "SELECT company_id FROM account_company JOIN account ON account.id = account_id WHERE username = :name", name=ERIN["username"]
    )
    assert {row["company_id"] for row in rows} == {ACME, GLOBEX}


async def test_a_contact_says_all_that_is_wrong_and_where(alice):
    """An empty contact has no name, and hears it beside First name."""
    empty = await alice.fetch("/contacts", "POST", {"active": "on", "billable": "on"})
    assert empty.code == 422 and "Give a first or last name." in empty.text.partition('id="first_name-error"')[2][:60]
    refused = await alice.fetch("/companies", "POST", {"name": "Initech", "status": "active", "compliance_level": "standard",
                                                       "website": "no website", "account_number": "100001"})  # fmt: skip
    assert refused.code == 422
    assert "This is not the address of a website." in refused.text.partition('id="website-error"')[2][:80]
    assert "This account number is taken." in refused.text.partition('id="account_number-error"')[2][:80]


async def test_a_strangers_first_program_works(alice):
    """A list is an array, a parameter that is misspelt is told, and `If-Match: *` is true for what exists."""
    assert {company["name"] for company in (await alice.api("/api/companies")).json} == {"Acme Dental", "Globex Freight"}
    misspelt = await alice.api("/api/companies?limt=1")
    assert misspelt.code == 400 and "limt" in misspelt.text
    assert (await alice.api(f"/api/companies/{ACME}", "PATCH", {"city": "Dayton"}, If_Match="*")).code == 200
    contact = (await alice.api("/api/contacts", "POST", {"name": "Zoë", "company_id": ACME})).json
    assert [link["company_id"] for link in contact["companies"]] == [ACME] and "company_id" not in contact
    assert (await alice.api(f"/api/contacts/{contact['id']}", "PATCH", {"title": "Boss"}, If_Match="*")).code == 200
    assert (await alice.api("/api/contacts/nobody", "PATCH", {"title": "Boss"}, If_Match="*")).code == 404
