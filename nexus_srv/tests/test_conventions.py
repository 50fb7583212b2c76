"""Nexus refuses as every service does, and does once what is sent twice."""

import re

import pytest

from hmlib.testing.hub import ACME
from hmlib.tests.conventions import Endpoint, check, check_form
from nexus_srv.tests.test_client_pages import FORM as CLIENT
from nexus_srv.tests.test_user_pages import ERIN

pytestmark = pytest.mark.gen_test
KNOWN = {"source": "rmm", "external_id": "7"}
AT_ACME = [{"company_id": ACME}]
PERSON = {"permission_level": "technician"}
ENDPOINTS = [
    Endpoint(
        "/api/users", {"username": "erin", "display_name": "Erin", **PERSON}, {"username": "frank", "display_name": "Frank", **PERSON},
        {"username": "ERIN"}, {"display_name": ""}, {"phone": "1"}, removed=False, tells_gone=False,
    ),
    Endpoint("/api/companies", {"name": "Initech"}, {"name": "Hooli"}, {"account_number": "300001"}, {"website": "no"}, {"city": "Dayton"}),
    Endpoint(
        "/api/contacts", {"first_name": "Zoë", "companies": AT_ACME}, {"first_name": "Yan", "companies": AT_ACME},
        KNOWN, {"emails": ["nobody"]}, {"title": "Manager"},
    ),
    Endpoint(
        "/api/locations", {"name": "Office", "company_id": ACME}, {"name": "Plant", "company_id": ACME},
        {"name": "Head office"}, {"country": "ZZ"}, {"city": "Dayton"},
    ),
    Endpoint(
        "/api/assets", {"name": "PC-1", "type": "workstation", "company_id": ACME}, {"name": "PC-2", "type": "server", "company_id": ACME},
        KNOWN, {"active_on": "soon"}, {"serial": "X1"},
    ),
]  # fmt: skip


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
async def test_n020_n021_the_api_answers_as_everywhere(alice, people, endpoint):
    await check(alice, endpoint)


@pytest.mark.parametrize(
    ("page", "action", "fields", "table"),
    [
        ("/companies/new", "/companies", {"name": "Initech", "status": "active", "compliance_level": "standard"}, "company"),
        ("/contacts/new", "/contacts", {"first_name": "Zoë", "company_id": ACME, "active": "on", "billable": "on"}, "contact"),
        ("/locations/new", "/locations", {"name": "Office", "company_id": ACME}, "location"),
        ("/assets/new", "/assets", {"name": "PC-1", "type": "workstation", "company_id": ACME}, "asset"),
        ("/users/new", "/users", ERIN, "account"),
    ],
)
async def test_a_form_sent_eight_times_makes_one(alice, people, db, page, action, fields, table):
    before = await db.value(f"SELECT COUNT(*) FROM {table}")
    answer = await check_form(alice, page, fields, action)
    assert answer.code == 303 and await db.value(f"SELECT COUNT(*) FROM {table}") == before + 1


async def test_a_secret_is_told_to_the_same_form_again_and_kept_sealed(alice, db):
    answer = await check_form(alice, "/clients/new", CLIENT, "/clients")
    secret = re.search(r'id="client-secret" value="([^"]+)"', answer.text)[1]
    assert len(await db.all("SELECT id FROM client WHERE name = :name", name=CLIENT["name"])) == 1
    row = await db.one("SELECT body, body_form FROM replay")
    assert row["body_form"] == "sealed" and secret not in row["body"]


async def test_a_form_sent_eight_times_makes_one_link(alice, people, db):
    path = f"/users/{people.bob.id}"
    assert "/setup#" in (await check_form(alice, path, {}, f"{path}/invite")).text
    assert await db.value("SELECT COUNT(*) FROM invite") == 1


async def test_a_form_sent_eight_times_rotates_once(alice, people, db):
    assert (await check_form(alice, "/keys", {}, "/keys/rotation")).code == 303
    assert await db.value("SELECT COUNT(*) FROM audit WHERE action = 'key.rotated'") == 1
