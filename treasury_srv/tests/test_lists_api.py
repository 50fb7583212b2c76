"""Lists for programs that follow them: some by id, many by id, and what has changed or gone since a time."""

import re
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from hmlib.auth.permissions import CompanyScope
from hmlib.testing.hub import ACME, CAST, GLOBEX
from treasury_srv.tests import seeds
from treasury_srv.tests.test_agreements_api import DRAFTS as OF_AGREEMENTS

pytestmark = pytest.mark.gen_test
DEVICE, PERSON, NOBODY = (f"018f0000-0000-7000-8000-00000000{end}" for end in ("d001", "c001", "ffff"))
LONG_AGO = "2020-01-01T00:00:00Z"
DRAFTS = OF_AGREEMENTS | {
    "asset-overrides": {"asset_id": DEVICE, "company_id": ACME, "billing_type": "no_charge"},
    "contact-overrides": {"contact_id": PERSON, "company_id": ACME, "billing_type": "free"},
    "labour-entries": {"company_id": ACME, "worked_at": "2026-10-15T08:00:00Z", "hours": "1.5"},
}
OF_NOBODY = ("plans", "prices")
KEYS = {"asset-overrides": "asset_id", "contact-overrides": "contact_id"}


@pytest.fixture
def agreement(io_loop, db, hub):
    async def filled():
        await seeds.plan(db, "2020-01-01")
        return await seeds.agreement(db, end_on="2026-12-31")

    hub.facts = seeds.directory(assets=(seeds.asset(DEVICE),), contacts=(seeds.contact(PERSON),)).companies
    return io_loop.run_sync(filled)


@pytest.fixture
def add(carol, agreement):
    """Make one of a noun; its path and its key."""

    async def added(noun, who=carol):
        parts = {"agreement_id": agreement.id} if "agreement_id" in DRAFTS[noun] else {}
        made = await who.api(f"/api/{noun}", "POST", DRAFTS[noun] | parts)
        assert made.code == 201, made.text
        return made.location, made.json[KEYS.get(noun, "id")]

    return added


def keys(noun, answer):
    assert answer.code == 200, answer.text
    return [item[KEYS.get(noun, "id")] for item in answer.items]


async def gone(who, noun, since=LONG_AGO):
    """The ids that followers of a list are told to drop."""
    answer = await who.api(f"/api/{noun}:gone?since={since}")
    if answer.code == 404:
        return (await who.api(f"/api/{noun}?updated_since={since}")).json["deleted"]
    assert answer.code == 200, answer.text
    return answer.json["ids"]


@pytest.mark.parametrize("noun", DRAFTS)
async def test_some_by_id_in_the_address_and_many_by_post(carol, add, noun):
    path, key = await add(noun)
    one = (await carol.api(path)).json
    wanted = {"ids": [NOBODY, key, key, "no-id"]}
    for answer in (await carol.api(f"/api/{noun}?ids={NOBODY},{key}"), await carol.api(f"/api/{noun}:lookup", "POST", wanted)):
        assert (answer.code, answer.items, answer.total) == (200, [one], 1)
    assert (await carol.api(f"/api/{noun}?ids={NOBODY}")).items == []
    assert (await carol.api(f"/api/{noun}?ids=")).items == []


@pytest.mark.parametrize("noun", DRAFTS)
async def test_too_many_ids_are_refused(carol, noun):
    ids = [f"id-{number}" for number in range(5001)]
    full = await carol.api(f"/api/{noun}?ids={','.join(ids[:201])}")
    assert (full.code, full.json["code"]) == (400, "too_many_ids")
    assert (await carol.api(f"/api/{noun}?ids={','.join(ids[:200])}")).code == 200
    assert (await carol.api(f"/api/{noun}:lookup", "POST", {"ids": ids})).json["code"] == "invalid_value"
    assert (await carol.api(f"/api/{noun}:lookup", "POST", {"ids": ids[:5000]})).total == 0
    assert (await carol.api(f"/api/{noun}:lookup", "POST", {})).code == 400


@pytest.mark.parametrize("noun", DRAFTS)
async def test_chosen_fields_come_with_the_key(carol, add, noun):
    _, key = await add(noun)
    for query in (f"ids={key}&fields=version", "fields=version"):
        assert {KEYS.get(noun, "id"): key, "version": 1} in (await carol.api(f"/api/{noun}?{query}")).items
    for query in (f"ids={key}&fields=secret", "fields=secret"):
        refused = await carol.api(f"/api/{noun}?{query}")
        assert (refused.code, refused.json["code"]) == (400, "invalid_fields")


@pytest.mark.parametrize("noun", DRAFTS)
async def test_what_has_changed_and_what_is_gone(carol, add, noun):
    path, key = await add(noun)
    since = (await carol.api(path)).json["updated_at"]
    changes = await carol.api(f"/api/{noun}?updated_since={since}")
    assert (keys(noun, changes), await gone(carol, noun, since)) == ([key], [])
    assert (await carol.api(path, "DELETE", If_Match='"1"')).code == 204
    after = await carol.api(f"/api/{noun}?updated_since={since}")
    assert (key in keys(noun, after), await gone(carol, noun, since)) == (False, [key])
    later = await carol.api(f"/api/{noun}?updated_since=2100-01-01T00:00:00Z")
    assert (later.items, await gone(carol, noun, "2100-01-01T00:00:00Z")) == ([], [])
    wrong = await carol.api(f"/api/{noun}?updated_since=yesterday")
    assert (wrong.code, wrong.json["code"]) == (400, "invalid_updated_since")


@pytest.mark.parametrize("noun", ["asset-overrides", "contact-overrides"])
async def test_what_is_there_again_is_not_gone(carol, add, noun):
    path, key = await add(noun)
    assert (await carol.api(path, "DELETE", If_Match='"1"')).code == 204
    await add(noun)
    changes = await carol.api(f"/api/{noun}?updated_since={LONG_AGO}")
    assert (keys(noun, changes), await gone(carol, noun)) == ([key], [])


async def test_what_belongs_to_an_agreement_goes_with_it(carol, agreement, add):
    parts = {noun: (await add(noun))[1] for noun in ("overrides", "manual-items")}
    assert (await carol.api(f"/api/agreements/{agreement.id}", "DELETE", If_Match='"1"')).code == 204
    for noun, key in (parts | {"agreements": agreement.id}).items():
        assert await gone(carol, noun) == [key]


@pytest.mark.parametrize("noun", DRAFTS)
async def test_n113_ids_and_deletions_of_companies_out_of_scope_are_not_told(carol, alice, hub, add, noun):
    hub.people[CAST["carol"].id] = replace(CAST["carol"], scope=CompanyScope("only", frozenset({GLOBEX if noun != "agreements" else ACME})))
    path, key = await add(noun, alice)
    told = [key] if noun in OF_NOBODY else []
    assert keys(noun, await carol.api(f"/api/{noun}?ids={key}")) == told
    assert keys(noun, await carol.api(f"/api/{noun}:lookup", "POST", {"ids": [key]})) == told
    assert (await alice.api(path, "DELETE", If_Match='"1"')).code == 204
    assert (await gone(carol, noun), await gone(alice, noun)) == (told, [key])


async def test_what_moves_to_another_company_is_gone_for_those_who_follow_the_first(carol, alice, hub, add):
    hub.people[CAST["carol"].id] = replace(CAST["carol"], scope=CompanyScope("only", frozenset({ACME})))
    path, key = await add("labour-entries", alice)
    assert keys("labour-entries", await carol.api("/api/labour-entries")) == [key]
    assert (await alice.api(path, "PATCH", {"company_id": GLOBEX}, If_Match='"1"')).code == 200
    assert (await gone(carol, "labour-entries"), await gone(alice, "labour-entries")) == ([key], [])


async def test_a_file_that_moves_labour_tells_it_too(carol, alice, hub, add):
    hub.people[CAST["carol"].id] = replace(CAST["carol"], scope=CompanyScope("only", frozenset({ACME})))
    text = "external_id,company_account_number,worked_at,hours\nt1,{},2026-10-15T08:00:00Z,2\n"
    for number in ("100001", "100002"):
        sent = await alice.api("/api/imports/labour", "POST", raw=text.format(number).encode(), Content_Type="text/csv")
        assert sent.code == 200, sent.text
    assert (await carol.api(f"/api/labour-entries?updated_since={LONG_AGO}")).items == []
    assert len(await gone(carol, "labour-entries")) == 1


async def test_n192_what_is_asked_for_is_in_no_header(carol, agreement):
    refused = await carol.api("/api/billing_summary?period=2026-10&fields=name%0d%0aX:1")
    assert (refused.code, refused.json["code"]) == (400, "invalid_fields")
    answers = [
        await carol.api(f"/api/billing_summary?period=2026-10&fields={fields}")
        for fields in ("name", "name,account_number", "account_number,name")
    ]
    tags = [answer.headers["Etag"] for answer in answers]
    assert all(re.fullmatch('"[0-9a-f]{32}"', tag) for tag in tags) and len(set(tags)) == 3


@pytest.mark.parametrize(
    "period", ["2\u066026-10", "2026-1\u0660", "1899-12", "2200-01", "9999-12", "2026-10\n", " 2026-10", "+026-10", "2_26-10"]
)
async def test_a_month_is_written_in_plain_digits_within_the_calendar(carol, agreement, period):
    answer = await carol.api(f"/api/billing_summary?{urlencode({'period': period})}")
    assert (answer.code, answer.json["code"]) == (400, "invalid_period")


@pytest.mark.parametrize("worked_at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1899-12-31T10:00:00Z", "2200-01-01T00:00:00Z"])
async def test_no_hour_is_worked_beyond_the_calendar(alice, agreement, worked_at):
    answer = await alice.api("/api/labour-entries", "POST", DRAFTS["labour-entries"] | {"worked_at": worked_at})
    assert (answer.code, list(answer.json["errors"])) == (422, ["worked_at"])


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
async def test_what_was_stored_beyond_the_calendar_is_shown(db, alice, agreement, zone):
    """Such as an earlier version took."""
    for worked_at in ("9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000000Z"):
        await seeds.work(db, 1, worked_at)
    await db.run("INSERT INTO preference (key, value, updated_at) VALUES ('time_zone', :zone, '')", zone=zone)
    ids = [row["id"] for row in await db.all("SELECT id FROM labour_entry")]
    pages = ["/labour", "/labour/export?format=csv", "/labour/export?format=xlsx", f"/companies/{ACME}", *(f"/labour/{id}" for id in ids)]
    assert [(await alice.fetch(page)).code for page in pages] == [200] * len(pages)
    assert (await alice.api("/api/billing_summary")).code == 200
