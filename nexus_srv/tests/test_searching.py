"""What companies, contacts and locations are found by, on pages and by API, and what becomes of what was stored before."""

import re
from pathlib import Path

import pytest

from hmlib.auth.permissions import CompanyScope
from hmlib.clock import utc_now
from hmlib.db.list_query import folded
from hmlib.kinds import statements
from hmlib.resources import records
from hmlib.testing.hub import ACME
from nexus_srv.directory.companies import COMPANIES, Company
from nexus_srv.directory.contact_record import Contact, Link
from nexus_srv.directory.contacts import CONTACTS
from nexus_srv.directory.locations import LOCATIONS, Location

pytestmark = pytest.mark.gen_test
MIGRATION = Path(__file__).parents[1] / "migrations" / "0040_search.sql"
EVERYBODY = CompanyScope()


async def names(who, plural, q, **more):
    asked = "&".join(f"{name}={value}" for name, value in more.items())
    answer = await who.api(f"/api/{plural}?limit=100&q={q.replace('+', '%2B').replace(' ', '+')}&{asked}")
    assert answer.code == 200, answer.text
    return [item["name"] for item in answer.items]


async def filled(alice):
    for plural, body in {
        "companies": {"name": "Delta Ridge", "main_phone": "(203) 555-0777", "source": "psa", "external_id": "AT-2035"},
        "contacts": {"first_name": "Zoë", "last_name": "Quinn", "phone": "(203) 555-1001", "mobile_phone": "+1 203.555.2002",
                     "emails": ["Zoe@acme.example", "zq@b.example"], "companies": [{"company_id": ACME}], "external_id": "C-777"},
        "locations": {"name": "Head office", "company_id": ACME, "phone": "203/555 3003", "city": "Dayton"},
    }.items():  # fmt: skip
        assert (await alice.api(f"/api/{plural}", "POST", body)).code == 201


@pytest.mark.parametrize(
    ("plural", "q", "found"),
    [
        ("contacts", "2035551001", ["Zoë Quinn"]),
        ("contacts", "203 555 1001", ["Zoë Quinn"]),
        ("contacts", "+1 (203) 555-2002", ["Zoë Quinn"]),
        ("contacts", "555-1001", ["Zoë Quinn"]),
        ("contacts", "2035551002", []),
        ("contacts", "zoe acme.example", ["Zoë Quinn"]),
        ("contacts", "777", []),
        ("contacts", "C-777", ["Zoë Quinn"]),
        ("companies", "(203) 555-0777", ["Delta Ridge"]),
        ("companies", "2035550777", ["Delta Ridge"]),
        ("companies", "AT-203", []),
        ("companies", "AT-2035", ["Delta Ridge"]),
        ("locations", "2035553003", ["Head office"]),
        ("locations", "acme dayton", ["Head office"]),
    ],
)
async def test_telephone_numbers_are_found_by_their_digits_and_external_ids_as_a_whole(alice, plural, q, found):
    await filled(alice)
    assert await names(alice, plural, q) == found
    page = (await alice.htmx(f"/{plural}/rows?q={q.replace('+', '%2B').replace(' ', '+')}")).text
    assert all(name in page for name in found) and ("Nothing matches" in page) is not bool(found)


async def test_an_exact_identifier_stands_first_and_within_the_filters(alice):
    await filled(alice)
    for number in range(3):
        await alice.api("/api/contacts", "POST", {"name": f"Aa zq@b.example {number}", "companies": [{"company_id": ACME}]})
    await alice.api("/api/contacts", "POST", {"name": "Zz", "emails": ["zq@b.example"]})
    assert (await names(alice, "contacts", "zq@b.example"))[0] == "Zz", "whose primary address it is"
    assert (await names(alice, "contacts", "ZOE@acme.example")) == ["Zoë Quinn"]
    assert (await names(alice, "contacts", "zoe quinn", company_id=ACME)) == ["Zoë Quinn"]
    assert (await names(alice, "contacts", "zz", company_id=ACME)) == [], "an exact name elsewhere is not shown"
    assert (await names(alice, "companies", "100001"))[0] == "Acme Dental"


def before(record):
    """What was searched in before: no digits of telephone numbers, the external id at the end."""
    fields = {
        Company: lambda one: [one.name, one.account_number, *one.domains, one.city],
        Contact: lambda one: [one.name, *one.emails, one.phone, one.mobile_phone, one.title],
        Location: lambda one: [one.name, one.address, one.city, one.postal_code],
    }[type(record)]
    return folded(" ".join([*fields(record), record.external_id or ""]))


STORED = [
    (COMPANIES, Company(id="c1", name="Ärzte-Haus", account_number="300001", main_phone="+1 (203) 555-0777 x9", external_id="AT_2%35")),
    (COMPANIES, Company(id="c2", name="Initech", account_number="300002", domains=("a.example", "b.example"), city="Zürich")),
    (CONTACTS, Contact(id="p1", name="Zoë Quinn", emails=("Z@a.example", "y@a.example"), phone="(203) 555-1001", mobile_phone="0171/22 33",
                       external_id="C-7", companies=(Link(company_id=ACME),))),
    (CONTACTS, Contact(id="p2", name="Al", mobile_phone="0171", title="Boss", companies=(Link(company_id=ACME),))),
    (CONTACTS, Contact(id="p3", name="Bo", phone="0172", companies=(Link(company_id=ACME),))),
    (CONTACTS, Contact(id="p4", name="Cy", external_id="Cy", companies=(Link(company_id=ACME),))),
    (LOCATIONS, Location(id="l1", name="Office", company_id=ACME, phone="203.555.3003", address="1 Main St\nSuite 2", external_id="L-1")),
]  # fmt: skip


async def test_what_was_stored_before_is_found_as_what_is_stored_now(alice, db):
    now = utc_now()
    async with db.write() as tx:
        for of, record in STORED:
            await records.insert(tx, of, [record], now)
            await tx.run(f"UPDATE {of.table_name} SET search = :search WHERE id = :id", search=before(record), id=record.id)
    updates = [part for part in re.sub("--[^\n]*", "", MIGRATION.read_text()).split(";") if part.strip().startswith("UPDATE")]
    assert len(updates) == 6
    async with db.write() as tx:
        for update in updates:
            await tx.run(update)
    for of, record in STORED:
        found = await db.value(f"SELECT search FROM {of.table_name} WHERE id = :id", id=record.id)
        assert sorted(found.split()) == sorted(statements.search_text(of, record).split()), record.id


async def test_control_the_words_of_before_are_others():
    assert all(before(record).split() != statements.search_text(of, record).split() for of, record in STORED if record.external_id)


PEOPLE = (
    b"company_account_number,email,first_name,last_name,phone,external_id\n100001,zoe@acme.example,Zo\xc3\xab,Quinn,(203) 555-1001,C-777\n"
)
DEVICES = b"company_account_number,name,type,operating_system\n100001,ACM-PC77,workstation,Windows 11 Pro\n"


async def imported(alice, kind, raw):
    answer = await alice.api(f"/api/imports/{kind}", "POST", raw=raw, **{"Content-Type": "text/csv"})
    assert answer.code == 200, answer.text
    return answer.json


async def test_what_was_imported_is_found_as_what_was_written_by_hand(alice, people):
    await imported(alice, "contacts", PEOPLE)
    for q, found in {"2035551001": ["Zoë Quinn"], "zoe acme.example": ["Zoë Quinn"], "777": [], "C-777": ["Zoë Quinn"]}.items():
        assert await names(alice, "contacts", q) == found, q


async def test_an_import_leaves_what_a_device_is_found_by_besides(alice, people):
    said = {"company_id": ACME, "name": "ACM-PC77", "model": "Latitude", "tags": ["front-desk"]}
    assert (await alice.api("/api/assets", "POST", said)).code == 201
    assert (await imported(alice, "assets", DEVICES))["updated"] == 1
    for q in ("latitude", "front-desk", "windows 11 acm-pc77"):
        assert await names(alice, "assets", q) == ["ACM-PC77"], q
