"""What can be read of Treasury: by those who may only read, while Nexus is away, and by programs that no person stands behind."""

import time

import pytest

from hmlib.auth.permissions import effective_permissions
from hmlib.auth.sessions import Tokens
from hmlib.clock import utc_now
from hmlib.testing.hub import ACME, CAST, GLOBEX
from treasury_srv.tests import seeds

pytestmark = pytest.mark.gen_test
OCTOBER = "?period=2026-10"


@pytest.fixture
def book(hub):
    hub.facts = seeds.directory().companies
    return hub


async def lists(browser):
    """The code of every list that has nothing to do with writing, and of one of each kind."""
    pages = ["/agreements", "/agreements/rows", "/plans", "/plans/rows", "/companies"]
    return {path: (await browser.fetch(path)).code for path in pages}


async def run_out(app, hub, name="carol"):
    """The person's token ended a minute ago, and Nexus is away."""
    now = int(time.time())
    sessions = app.spine.sessions
    session = (await sessions.by_sid(f"sid-{name}", utc_now()))[0]
    access = hub.token(CAST[name], "treasury", iat=now - 360, exp=now - 60, auth_time=now - 360)
    await sessions.store_tokens(session, Tokens(access, now - 60, f"refresh-{name}"))
    hub.away = True


async def test_while_nexus_is_away_the_lists_are_readable_and_say_so(carol, book, app, db):
    await seeds.plan(db)
    agreement = await seeds.agreement(db)
    await lists(carol)
    await run_out(app, book)
    pages = [await carol.fetch(path) for path in ("/agreements", "/plans", f"/agreements/{agreement.id}", f"/plans/{seeds.PLAN}")]
    assert [page.code for page in pages] == [200] * 4
    assert all("you can read on" in page.text for page in pages)
    assert not any(word in page.text for page in pages for word in ("Add a plan", "Add an override", "Import prices", "data-edit"))


@pytest.mark.parametrize("path", ["/agreements/export", "/companies/export", "/labour/export", "/plans/new"])
async def test_while_nexus_is_away_nothing_is_exported_or_begun(carol, book, app, path):
    await lists(carol)
    await run_out(app, book)
    answer = await carol.fetch(path)
    assert answer.code == 403 and "neither change nor export" in answer.text


@pytest.mark.parametrize(
    "kind", ["plans", "prices", "agreements", "overrides", "manual-items", "line-items", "asset-overrides", "contact-overrides"]
)
async def test_billing_read_is_enough_to_read_and_not_to_write(stranger, book, db, kind):
    await seeds.plan(db)
    await seeds.agreement(db)
    stranger.token = book.service_bearer("treasury", "billing:read")
    assert (await stranger.api(f"/api/{kind}")).code == 200
    assert (await stranger.api(f"/api/{kind}:lookup", "POST", {"ids": [ACME]})).code == 200
    answer = await stranger.api(f"/api/{kind}", "POST", {})
    assert answer.code == 403 and answer.json["code"] == "insufficient_scope"


async def test_a_client_reads_its_bills_and_no_terms_or_prices(dave, carol, book, db):
    assert "billing:read" in effective_permissions("client", frozenset({"billing:read"}))
    await seeds.plan(db)
    agreement = await seeds.agreement(db)
    closed = ["/agreements", "/plans", f"/plans/{seeds.PLAN}", f"/agreements/{agreement.id}", "/agreements/export"]
    assert [(await dave.fetch(path)).code for path in closed] == [403] * 5
    assert [(await dave.api(f"/api/{kind}")).code for kind in ("plans", "prices", "agreements", "line-items")] == [403] * 4
    page = (await dave.fetch("/companies")).text
    assert "/agreements" not in page and "/plans" not in page and "/agreements" in (await carol.fetch("/companies")).text


async def test_a_service_reads_every_bill_that_its_scope_allows(stranger, book, db):
    await seeds.plan(db)
    await seeds.agreement(db)
    stranger.token = book.service_bearer("treasury", "billing:read")
    answer = await stranger.api("/api/billing_summary" + OCTOBER)
    assert answer.code == 200 and {company["company_id"] for company in answer.json["companies"]} == {company.id for company in book.facts}
    assert (await stranger.api("/api/agreements?q=acme")).total == 1
    assert "exchange" not in book.counted


async def test_a_service_without_the_scope_is_refused_in_words(stranger, book):
    stranger.token = book.service_bearer("treasury", "wiki:read")
    answer = await stranger.api("/api/billing_summary" + OCTOBER)
    assert answer.code == 403 and answer.json["code"] == "insufficient_scope"


async def test_a_service_writes_labour_for_a_company_that_nexus_knows(stranger, book):
    stranger.token = book.service_bearer("treasury", "labour:write labour:read")
    entry = {"company_id": GLOBEX, "worked_at": "2026-10-05T10:00:00Z", "hours": "1", "description": "Router"}
    assert (await stranger.api("/api/labour-entries", "POST", entry)).code == 201
    answer = await stranger.api("/api/labour-entries", "POST", {**entry, "company_id": CAST["bob"].id})
    assert answer.code == 422


async def test_a_zone_saved_in_another_process_dates_the_very_next_bill(carol, book, db):
    await seeds.plan(db)
    await seeds.agreement(db)
    await seeds.work(db, 2, "2026-04-01T03:59:59.000000Z")
    april, march = "/api/billing_summary?period=2026-04", "/api/billing_summary?period=2026-03"

    async def hours(address):
        return [company["hours"]["worked"] for company in (await carol.api(address)).json["companies"] if company["hours"]]

    assert (await hours(march), await hours(april)) == (["0"], ["2"])
    await db.run("INSERT INTO preference (key, value, updated_at) VALUES ('time_zone', 'America/New_York', '')")
    assert (await hours(march), await hours(april)) == (["2"], ["0"])
