"""The billing summary: shape, scope, and what it costs."""

import pytest

from hmlib.clock import utc_now
from hmlib.resources import records
from hmlib.testing.hub import ACME, GLOBEX
from nexus_srv.directory.assets import ASSETS, Asset
from nexus_srv.directory.contact_record import Contact, Link
from nexus_srv.directory.contacts import CONTACTS
from nexus_srv.queries import billing_summary, companies
from nexus_srv.queries.companies import Company

pytestmark = pytest.mark.gen_test


async def fill(db):
    now = utc_now()
    async with db.write() as tx:
        await records.insert(
            tx,
            CONTACTS,
            [
                Contact(
                    id="c1",
                    name="Zoë",
                    email="z@a.example",
                    emails=("z@a.example",),
                    companies=(Link(company_id=ACME), Link(company_id=GLOBEX, billed=False)),
                ),
                Contact(id="c2", name="Kiosk", billable=False, exclusion_reason="kiosk", active=False, companies=(Link(company_id=ACME),)),
            ],
            now,
        )
        await records.insert(
            tx,
            ASSETS,
            [Asset(id="a1", company_id=ACME, name="SRV", type="server", backup_bytes=5, retired_on="2026-02-03", external_id="x")],
            now,
        )


async def test_every_company_with_what_can_be_counted(alice, db):
    await fill(db)
    before = utc_now()
    answer = await alice.api("/api/billing_summary")
    acme, globex = answer.json["companies"]
    assert before <= answer.json["as_of"] <= utc_now()
    assert acme == {
        "id": ACME,
        "account_number": "100001",
        "name": "Acme Dental",
        "status": "active",
        "number": acme["number"],
        "assets": [
            {
                "id": "a1", "external_id": "x", "name": "SRV", "type": "server", "active_on": None, "retired_on": "2026-02-03",
                "backup_bytes": 5, "measured_at": None,
            }
        ],
        "contacts": [
            {
                "id": "c2", "external_id": None, "name": "Kiosk", "email": "", "active": False, "billable": False,
                "exclusion_reason": "kiosk", "active_on": None, "ended_on": None,
            },
            {
                "id": "c1", "external_id": None, "name": "Zoë", "email": "z@a.example", "active": True, "billable": True,
                "exclusion_reason": "", "active_on": None, "ended_on": None,
            },
        ],
    }  # fmt: skip
    assert globex["assets"] == []
    assert [(row["id"], row["billable"], row["exclusion_reason"]) for row in globex["contacts"]] == [
        ("c1", False, "billed at another company")
    ]


async def test_ids_narrow_it(alice, db):
    await fill(db)
    assert [company["id"] for company in (await alice.api(f"/api/billing_summary?ids={GLOBEX},nobody")).json["companies"]] == [GLOBEX]
    assert (await alice.api("/api/billing_summary?ids=")).json["companies"] == []


async def test_unchanged_facts_are_304_with_the_time_they_were_asked_at(alice, db):
    first = await alice.api("/api/billing_summary")
    again = await alice.api("/api/billing_summary", If_None_Match=first.headers["Etag"])
    assert (again.code, again.body) == (304, b"")
    assert again.headers["X-As-Of"] > first.json["as_of"]
    await alice.api(f"/api/companies/{ACME}", "PATCH", {"name": "Acme"}, If_Match='"1"')
    assert (await alice.api("/api/billing_summary", If_None_Match=first.headers["Etag"])).code == 200


async def test_N113_dave_gets_his_company_only(alice, dave, db):
    await fill(db)
    etag = (await alice.api("/api/billing_summary")).headers["Etag"]
    answer = await dave.api("/api/billing_summary", If_None_Match=etag)
    assert [company["id"] for company in answer.json["companies"]] == [ACME]
    assert (await dave.api(f"/api/billing_summary?ids={GLOBEX}")).json["companies"] == []


async def test_a_stranger_gets_nothing(stranger, people):
    assert (await stranger.api("/api/billing_summary")).code == 401


async def test_a_whole_book_is_one_answer_of_few_statements(alice, db):
    now = utc_now()
    async with db.write() as tx:
        book = [Company(id=f"co{n}", account_number=str(300_000 + n), name=f"Company {n}") for n in range(300)]
        await companies.insert(tx, book, now)
        await records.insert(tx, ASSETS, [Asset(id=f"as{n}", company_id=f"co{n % 300}", name=f"PC-{n}") for n in range(6000)], now)
    before = db.statements
    answer = await alice.api("/api/billing_summary")
    assert db.statements - before < 16 + 3 * 300 / billing_summary.SLICE
    assert sum(len(company["assets"]) for company in answer.json["companies"]) == 6000
