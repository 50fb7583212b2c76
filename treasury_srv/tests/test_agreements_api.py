"""Plans, prices, agreements, overrides and manual items for programs."""

import asyncio

import pytest

from hmlib.clock import utc_now
from hmlib.testing.hub import ACME, CAST, GLOBEX
from treasury_srv.billing.facts import PRICE_RATES
from treasury_srv.tests import seeds

pytestmark = pytest.mark.gen_test
NOBODY = "018f0000-0000-7000-8000-00000000ffff"
LISTS = ["plans", "prices", "agreements", "overrides", "manual-items", "line-items", "asset-overrides", "contact-overrides"]
DRAFTS = {
    "plans": {"name": "Basic", "features": {"soc": "Included"}},
    "prices": {"plan_id": seeds.PLAN, "term": "2_year", "valid_from": "2026-01-01", "currency": "USD", **dict.fromkeys(PRICE_RATES, "1.5")},
    "agreements": {"company_id": GLOBEX, "plan_id": seeds.PLAN, "term": "1_year", "start_on": "2026-01-01", "currency": "USD"},
    "overrides": {"agreement_id": "", "what": "per_user", "value": "45.5"},
    "manual-items": {"agreement_id": "", "kind": "user", "name": "Temp", "billing_type": "paid"},
    "line-items": {"company_id": ACME, "name": "Hosting", "kind": "recurring", "unit_price": "99.5"},
}
CHANGES = {
    "plans": ("name", "Basic 2"),
    "prices": ("per_user", "2.00"),
    "agreements": ("due_days", 14),
    "overrides": ("value", "0.00"),
    "manual-items": ("note", "Until spring"),
    "line-items": ("unit_price", "-5.00"),
}


@pytest.fixture
def agreement(io_loop, db):
    async def filled():
        await seeds.plan(db, "2020-01-01")
        return await seeds.agreement(db, end_on="2026-12-31")

    return io_loop.run_sync(filled)


def draft(noun, agreement):
    found = dict(DRAFTS[noun])
    return found | ({"agreement_id": agreement.id} if "agreement_id" in found else {})


@pytest.mark.parametrize("noun", DRAFTS)
async def test_adding_reading_changing_and_deleting(carol, agreement, noun):
    made = await carol.api(f"/api/{noun}", "POST", draft(noun, agreement))
    path = made.headers["Location"]
    assert (made.code, made.headers["Etag"]) == (201, '"1"'), made.text
    assert (await carol.api(path)).json == made.json
    field, value = CHANGES[noun]
    changed = await carol.api(path, "PATCH", {field: value}, If_Match='"1"')
    assert (changed.code, changed.headers["Etag"], changed.json) == (
        200,
        '"2"',
        {**made.json, field: value, "version": 2, "updated_at": changed.json["updated_at"]},
    )
    assert made.json["id"] in [item["id"] for item in (await carol.api(f"/api/{noun}")).items]
    assert (await carol.api(path, "DELETE", If_Match='"2"')).code == 204
    assert (await carol.api(path)).code == 404


@pytest.mark.parametrize("noun", DRAFTS)
async def test_n021_writes_go_by_version(carol, agreement, noun):
    path = (await carol.api(f"/api/{noun}", "POST", draft(noun, agreement))).headers["Location"]
    field, value = CHANGES[noun]
    assert [(await carol.api(path, verb, {field: value})).code for verb in ("PATCH", "DELETE")] == [428, 428]
    assert [(await carol.api(path, verb, {field: value}, If_Match='"7"')).code for verb in ("PATCH", "DELETE")] == [412, 412]
    both = await asyncio.gather(*(carol.api(path, "PATCH", {field: value}, If_Match='"1"') for _ in range(2)))
    assert sorted(answer.code for answer in both) == [200, 412]


@pytest.mark.parametrize("noun", DRAFTS)
async def test_n020_a_repeated_request_is_done_once(carol, agreement, noun):
    body = draft(noun, agreement)
    first, again = [await carol.api(f"/api/{noun}", "POST", body, Idempotency_Key="k1") for _ in range(2)]
    assert (again.code, again.body, again.headers["Etag"]) == (201, first.body, first.headers["Etag"])
    assert again.location == first.location and first.location.startswith(f"/api/{noun}/")


@pytest.mark.parametrize("noun", DRAFTS)
async def test_n016_an_unknown_field_is_400(carol, agreement, noun):
    answer = await carol.api(f"/api/{noun}", "POST", {**draft(noun, agreement), "version": 7})
    assert (answer.code, answer.json["code"]) == (400, "unknown_field")


@pytest.mark.parametrize("noun", [*LISTS, "labour-entries"])
async def test_clients_and_strangers_see_nothing(dave, stranger, noun):
    for path in (f"/api/{noun}", f"/api/{noun}/{NOBODY}"):
        assert ((await dave.api(path)).code, (await stranger.api(path)).code) == (403, 401)


@pytest.mark.parametrize("noun", LISTS)
async def test_a_program_that_holds_billing_read_reads_every_list(stranger, hub, noun):
    stranger.token = hub.service_bearer("treasury", "billing:read")
    assert [(await stranger.api(f"/api/{noun}{query}")).code for query in ("", "?limit=1")] == [200, 200]
    stranger.token = hub.service_bearer("treasury", "labour:read")
    assert (await stranger.api(f"/api/{noun}")).code == 403


@pytest.mark.parametrize("noun", LISTS)
async def test_technicians_neither_see_nor_write(bob, noun):
    assert ((await bob.api(f"/api/{noun}")).code, (await bob.api(f"/api/{noun}", "POST", {})).code) == (403, 403)
    assert [(await bob.api(f"/api/{noun}/{NOBODY}", verb, {}, If_Match='"1"')).code for verb in ("PATCH", "DELETE")] == [403, 403]


@pytest.mark.parametrize("noun", LISTS)
async def test_not_there_is_404_and_a_wrong_question_400(carol, noun):
    assert (await carol.api(f"/api/{noun}/{NOBODY}")).code == 404
    assert (await carol.api(f"/api/{noun}/{NOBODY}", "PATCH", {}, If_Match='"1"')).code == 404
    assert [(await carol.api(f"/api/{noun}?{query}")).code for query in ("sort=secret", "cursor=forged", "limit=0")] == [400] * 3


@pytest.mark.parametrize(
    ("noun", "changed", "field"),
    [
        ("agreements", {"company_id": NOBODY}, "company_id"),
        ("agreements", {"plan_id": NOBODY}, "plan_id"),
        ("agreements", {"currency": "gold"}, "currency"),
        ("agreements", {"end_on": "2025-01-01"}, "end_on"),
        ("prices", {"per_user": ""}, "per_user"),
        ("prices", {"plan_id": NOBODY}, "plan_id"),
        ("overrides", {"agreement_id": NOBODY}, "agreement_id"),
        ("overrides", {"value": "1e999999999"}, "value"),
        ("manual-items", {"billing_type": "switch"}, "billing_type"),
        ("line-items", {"kind": "yearly", "month": 3, "year": 2026}, "kind"),
        ("line-items", {"kind": "one_off"}, "kind"),
        ("line-items", {"company_id": NOBODY}, "company_id"),
        ("line-items", {"quantity": "0"}, "quantity"),
    ],
)
async def test_a_wrong_value_is_422_and_names_its_field(carol, agreement, noun, changed, field):
    answer = await carol.api(f"/api/{noun}", "POST", {**draft(noun, agreement), **changed})
    assert (answer.code, list(answer.json["errors"])) == (422, [field]), answer.text


async def test_an_overlap_is_409_also_when_it_comes_at_once(carol, agreement):
    bodies = [{**DRAFTS["agreements"], "start_on": f"2026-0{month}-01"} for month in range(1, 9)]
    answers = await asyncio.gather(*(carol.api("/api/agreements", "POST", body) for body in bodies))
    assert sorted(answer.code for answer in answers) == [201] + [409] * 7
    assert {tuple(answer.json["errors"]) for answer in answers if answer.code == 409} == {("start_on",)}


async def test_a_taken_name_is_409(carol, agreement):
    answer = await carol.api("/api/plans", "POST", {"name": "cOmplete"})
    assert (answer.code, list(answer.json["errors"])) == (409, ["name"])


async def test_prices_that_were_billed_by_are_409(carol, agreement):
    price = (await carol.api(f"/api/prices?plan_id={seeds.PLAN}")).items[0]
    for verb, body in (("PATCH", {"per_user": "1"}), ("DELETE", None)):
        answer = await carol.api(f"/api/prices/{price['id']}", verb, body, If_Match='"1"')
        assert (answer.code, answer.json["code"]) == (409, "in_use")


async def test_prices_of_finalised_months_stay_even_this_month(carol, agreement, db):
    month = utc_now()[:7]
    body = {**DRAFTS["prices"], "term": "1_year", "valid_from": f"{month}-01"}
    path = (await carol.api("/api/prices", "POST", body)).headers["Location"]
    assert (await carol.api(path, "PATCH", {"per_user": "3"}, If_Match='"1"')).code == 200
    await seeds.invoice(db, agreement, month)
    assert (await carol.api(path, "PATCH", {"per_user": "4"}, If_Match='"2"')).code == 409


async def test_the_end_of_an_agreement_is_a_resource(carol, agreement):
    path = f"/api/agreements/{agreement.id}/end"
    ended = await carol.api(path, "PUT", {"ended_on": "2026-06-01"}, If_Match='"1"')
    assert (ended.code, ended.json["ended_on"]) == (200, "2026-06-01")
    assert (await carol.api(path, "PUT", {"ended_on": "2025-06-01"}, If_Match='"2"')).code == 422
    assert (await carol.api(path, "DELETE")).code == 428
    assert (await carol.api(path, "DELETE", If_Match='"2"')).json["ended_on"] is None


async def test_lists_are_narrowed_paged_and_picked(carol, agreement, db):
    await seeds.agreement(db, GLOBEX)
    first = await carol.api("/api/agreements?limit=1&fields=company_id")
    assert first.total == 2 and list(first.items[0]) == ["id", "company_id"]
    rest = await carol.api(f"/api/agreements?limit=1&cursor={first.next_cursor}")
    assert len(rest.items) == 1 and rest.next_cursor is None
    assert (await carol.api(f"/api/agreements?company_id={ACME}")).total == 1
    assert (await carol.api("/api/agreements?q=globex")).items[0]["company_id"] == GLOBEX
    assert (await carol.api("/api/agreements?updated_since=2026-11-16T00:00:00Z")).total == 0
    assert (await carol.api("/api/agreements?fields=password")).code == 400


async def test_every_change_is_audited_with_what_was_and_is(carol, agreement, db):
    await carol.api(f"/api/agreements/{agreement.id}", "PATCH", {"tax_percent": "19"}, If_Match='"1"')
    row = await db.one("SELECT actor_id, action, subject, before_json, after_json FROM audit ORDER BY seq DESC LIMIT 1")
    assert row == {
        "actor_id": CAST["carol"].id,
        "action": "agreement.changed",
        "subject": f"agreement/{agreement.id}",
        "before_json": '{"tax_percent":"0"}',
        "after_json": '{"tax_percent":"19"}',
    }
