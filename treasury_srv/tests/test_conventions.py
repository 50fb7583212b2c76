"""Treasury refuses as every service does, and does once what is sent twice."""

from dataclasses import replace

import pytest

from hmlib.testing.hub import ACME
from hmlib.tests.conventions import Endpoint, check, check_form
from treasury_srv.tests import seeds
from treasury_srv.tests.test_agreements_api import DRAFTS
from treasury_srv.tests.test_labour_pages import HOURS

pytestmark = pytest.mark.gen_test
WORK = {"company_id": ACME, "worked_at": "2026-10-15T08:00:00Z", "hours": "1.5"}
ENDPOINTS = [
    Endpoint("/api/plans", {"name": "Basic"}, {"name": "Gold"}, {"name": "BASIC"}, {"name": ""}, {"features": {"soc": "Yes"}}),
    Endpoint(
        "/api/prices", DRAFTS["prices"], {**DRAFTS["prices"], "valid_from": "2026-02-01"},
        {"valid_from": "2026-01-01"}, {"currency": "gold"}, {"per_user": "2"}, fixed=("plan_id",),
    ),
    Endpoint(
        "/api/agreements", {**DRAFTS["agreements"], "start_on": "2027-01-01"}, DRAFTS["agreements"],
        {"start_on": "2027-01-01"}, {"currency": "gold"}, {"due_days": 14}, fixed=("company_id",),
    ),
    Endpoint(
        "/api/overrides", DRAFTS["overrides"], {**DRAFTS["overrides"], "what": "per_server"},
        {"what": "per_user"}, {"value": "much"}, {"value": "1.00"}, fixed=("agreement_id",),
    ),
    Endpoint(
        "/api/manual-items", DRAFTS["manual-items"], {**DRAFTS["manual-items"], "name": "Intern"},
        {}, {"billing_type": "switch"}, {"note": "Until spring"}, fixed=("agreement_id",),
    ),
    Endpoint(
        "/api/line-items", DRAFTS["line-items"], {**DRAFTS["line-items"], "name": "Backup"},
        {"name": "Hosting"}, {"quantity": "0"}, {"unit_price": "1.00"}, fixed=("company_id",),
    ),
    Endpoint("/api/labour-entries", WORK, {**WORK, "hours": "2"}, {"external_id": "x1"}, {"hours": "many"}, {"ticket": "T-1"}),
]  # fmt: skip


@pytest.fixture
def agreement(io_loop, db):
    async def filled():
        await seeds.plan(db, "2020-01-01")
        return await seeds.agreement(db, end_on="2026-12-31")

    return io_loop.run_sync(filled)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
async def test_n020_n021_the_api_answers_as_everywhere(alice, agreement, endpoint):
    here = {"agreement_id": agreement.id} if "agreement_id" in endpoint.one else {}
    await check(alice, replace(endpoint, one={**endpoint.one, **here}, other={**endpoint.other, **here}))


async def test_n021_the_end_of_an_agreement_goes_by_version_too(alice, agreement):
    path = f"/api/agreements/{agreement.id}/end"
    given = [{}, {"If_Match": '"2"'}, {"If_Match": "*"}]
    assert [(await alice.api(path, "PUT", {"ended_on": "2026-06-01"}, **headers)).code for headers in given] == [428, 412, 200]
    assert (await alice.api(path, "DELETE", If_Match='"9", "2"')).code == 200


@pytest.mark.parametrize(
    ("page", "action", "fields", "table"),
    [
        ("/labour/new", "/labour", HOURS, "labour_entry"),
        ("/plans/new", "/plans", {"name": "Basic", "features": ""}, "plan"),
        (
            "/line-items/new?company_id={company}",
            "/line-items",
            {"company_id": ACME, "name": "Hosting", "kind": "recurring", "unit_price": "9"},
            "line_item",
        ),
        (
            "/overrides/new?agreement_id={agreement}",
            "/overrides",
            {"agreement_id": "{agreement}", "what": "per_user", "value": "45"},
            "agreement_override",
        ),
        (
            "/manual-items/new?agreement_id={agreement}",
            "/manual-items",
            {"agreement_id": "{agreement}", "kind": "user", "name": "Temp", "billing_type": "paid"},
            "manual_item",
        ),
    ],
)
async def test_a_form_sent_eight_times_makes_one(alice, agreement, db, page, action, fields, table):
    before = await db.value(f"SELECT COUNT(*) FROM {table}")
    fields = {name: value.format(agreement=agreement.id) for name, value in fields.items()}
    answer = await check_form(alice, page.format(company=ACME, agreement=agreement.id), fields, action)
    assert answer.code == 303 and await db.value(f"SELECT COUNT(*) FROM {table}") == before + 1
