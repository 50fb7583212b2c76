"""Agreements, what they have otherwise, and how they begin and end, as billing enters them."""

import pytest
from markupsafe import escape

from hmlib.clock import shifted, utc_now
from hmlib.testing.hub import ACME, GLOBEX
from treasury_srv.tests import seeds

pytestmark = pytest.mark.gen_test
NOBODY = "018f0000-0000-7000-8000-00000000ffff"
TERMS = {
    "company_id": ACME,
    "plan_id": seeds.PLAN,
    "term": "1_year",
    "start_on": "2026-01-01",
    "currency": "USD",
    "proration": "none",
    "due_days": "30",
}
READING = [
    "/agreements",
    "/agreements/rows",
    "/agreements/export",
    f"/agreements/{NOBODY}",
    f"/agreements/{NOBODY}/edit",
    f"/agreements/{NOBODY}/end",
    "/agreements/new",
    "/overrides/new",
    f"/overrides/{NOBODY}",
    "/manual-items/new",
    f"/manual-items/{NOBODY}",
]
WRITING = [
    "/agreements",
    *(f"/agreements/{NOBODY}{end}" for end in ("", "/end")),
    *(f"/{part}{end}" for part in ("overrides", "manual-items") for end in ("", f"/{NOBODY}")),
]


@pytest.fixture
def plan(io_loop, db):
    io_loop.run_sync(lambda: seeds.plan(db, "2020-01-01"))


@pytest.fixture
def agreement(io_loop, db, plan):
    return io_loop.run_sync(lambda: seeds.agreement(db, end_on="2026-12-31"))


async def add(who, company=ACME, **changed):
    return await who.fetch("/agreements", "POST", {**TERMS, "company_id": company, **changed})


async def audited(db):
    return [row["action"] for row in await db.all("SELECT action FROM audit ORDER BY seq")]


def beside(answer, field):
    return answer.text.partition(f'id="{field}-error">')[2].partition("<")[0]


async def test_an_agreement_is_made_from_the_companys_page(carol, plan, db):
    form = (await carol.fetch(f"/agreements/new?company_id={ACME}")).text
    assert "Add an agreement" in form and 'value="Acme Dental (100001)"' in form and 'value="USD"' in form
    answer = await add(carol, prepaid_hours_yearly="20")
    page = (await carol.fetch(answer.location)).text
    assert answer.code == 303 and all(text in page for text in ("Acme Dental", "Complete", "Dec 31, 2026", "USD"))
    assert await audited(db) == ["agreement.created"]


@pytest.mark.parametrize(
    ("start", "term", "end"),
    [("2024-02-29", "1_year", "2025-02-27"), ("2025-02-01", "1_year", "2026-01-31"), ("2025-02-01", "month_to_month", None)],
)
async def test_the_last_day_follows_from_the_term(carol, plan, db, start, term, end):
    """Cases F and G."""
    await add(carol, start_on=start, term=term)
    assert (await db.one("SELECT end_on FROM agreement"))["end_on"] == end


async def test_the_last_day_follows_again_when_the_term_changes(carol, agreement, db):
    form = {**TERMS, "term": "2_year", "end_on": "2026-12-31", "version": "1"}
    assert (await carol.fetch(f"/agreements/{agreement.id}", "POST", form)).code == 303
    assert (await db.one("SELECT end_on FROM agreement"))["end_on"] == "2027-12-31"


async def test_a_last_day_by_choice_stays(carol, agreement, db):
    form = {**TERMS, "end_on": "2026-06-30", "version": "1"}
    await carol.fetch(f"/agreements/{agreement.id}", "POST", form)
    await carol.fetch(f"/agreements/{agreement.id}", "POST", {**form, "term": "3_year", "version": "2"})
    assert (await db.one("SELECT end_on, term FROM agreement")) == {"end_on": "2026-06-30", "term": "3_year"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("plan_id", "", "This is needed."),
        ("plan_id", NOBODY, "There is no such plan."),
        ("start_on", "soon", "Use a date"),
        ("end_on", "2025-12-31", "before the day it starts"),
        ("currency", "usb", "no currency code"),
        ("tax_percent", "101", "is more than 100"),
        ("due_days", "1.5", "Enter a whole number from 0 to 365"),
        ("prepaid_hours_monthly", "-1", "is less than 0"),
        ("proration", "weekly", "Choose one of none, daily."),
    ],
)
async def test_a_wrong_value_comes_back_beside_its_field(carol, plan, field, value, message):
    answer = await add(carol, **{field: value})
    typed = {**TERMS, field: value}["start_on"]
    assert answer.code == 422 and message in beside(answer, field) and f'value="{typed}"' in answer.text


async def test_at_most_one_agreement_is_in_force_on_any_day(carol, agreement):
    inside, same = await add(carol, start_on="2026-06-01"), await add(carol)
    assert "runs until 2026-12-31" in beside(inside, "start_on")
    assert "another agreement from 2026-01-01" in beside(same, "start_on")
    assert (await add(carol, GLOBEX)).code == 303


async def test_renewing_begins_after_the_last_day_and_ends_the_old_one(carol, agreement, db):
    form = (await carol.fetch(f"/agreements/new?company_id={ACME}&renews={agreement.id}")).text
    assert 'value="2027-01-01"' in form
    answer = await add(carol, start_on="2027-01-01")
    assert answer.code == 303
    assert (await db.one("SELECT ended_on FROM agreement WHERE id = :id", id=agreement.id))["ended_on"] == "2027-01-01"
    assert await audited(db) == ["agreement.ended", "agreement.created"]


async def test_ending_and_going_on(carol, agreement, db):
    answer = await carol.fetch(f"/agreements/{agreement.id}/end", "POST", {"ended_on": "2026-06-01", "version": "1"})
    assert answer.code == 303 and "Jun 1, 2026" in (await carol.fetch(answer.location)).text
    assert (await carol.fetch(f"/agreements/{agreement.id}/end", "POST", {"ended_on": "", "version": "2"})).code == 303
    assert (await db.one("SELECT ended_on FROM agreement"))["ended_on"] is None


async def test_an_end_before_the_start_comes_back(carol, agreement):
    answer = await carol.fetch(f"/agreements/{agreement.id}/end", "POST", {"ended_on": "2025-06-01", "version": "1"})
    assert answer.code == 422 and "before the day it starts" in beside(answer, "ended_on")
    assert (await carol.fetch(f"/agreements/{agreement.id}/end", "POST", {"ended_on": "2026-06-01", "version": "7"})).code == 409


async def test_an_agreement_with_bills_is_not_deleted(carol, agreement, db):
    await seeds.invoice(db, agreement, "2026-01")
    page = (await carol.fetch(f"/agreements/{agreement.id}")).text
    assert "1 bill belongs to it. End it instead." in page and 'value="DELETE"' not in page
    answer = await carol.fetch(f"/agreements/{agreement.id}", "DELETE", {"confirmed": "yes", "version": "1"})
    assert answer.code == 303 and "End it instead." in (await carol.fetch(answer.location)).text
    assert (await carol.api(f"/api/agreements/{agreement.id}", "DELETE", If_Match='"1"')).code == 409
    moved = await carol.fetch(f"/agreements/{agreement.id}", "POST", {**TERMS, "start_on": "2026-02-01", "version": "1"})
    assert moved.code == 422 and "finalised bills" in beside(moved, "start_on")


async def test_an_agreement_that_should_never_have_been_is_deleted(carol, agreement):
    answer = await carol.fetch(f"/agreements/{agreement.id}", "DELETE", {"confirmed": "yes", "version": "1"})
    assert (answer.code, answer.location) == (303, "/agreements")
    assert (await carol.fetch(f"/agreements/{agreement.id}")).code == 404


async def test_a_stale_version_is_a_conflict_side_by_side(carol, agreement):
    await carol.fetch(f"/agreements/{agreement.id}", "POST", {**TERMS, "due_days": "14", "version": "1"})
    answer = await carol.fetch(
        f"/agreements/{agreement.id}", "POST", {**TERMS, "due_days": "60", "version": "1", "base": '{"due_days": "30"}'}
    )
    assert answer.code == 409 and all(f">{days}<" in answer.text for days in ("14", "60", "30"))


async def test_the_list_is_filtered_and_searched(carol, plan, db):
    await seeds.agreement(db, start_on="2020-01-01", end_on="2020-12-31")
    await seeds.agreement(db, GLOBEX, start_on="2021-01-01", ended_on="2022-01-01")
    found = {
        state: (await carol.fetch(f"/agreements/rows?state={state}")).text for state in ("in_force", "expired", "ended", "ending", "future")
    }
    assert {state: ("Acme" in text, "Globex" in text) for state, text in found.items()} == {
        "in_force": (True, False), "expired": (True, False), "ended": (False, True), "ending": (False, False), "future": (False, False),
    }  # fmt: skip
    assert "Globex" not in (await carol.fetch("/agreements/rows?q=acme")).text
    assert (await carol.fetch("/agreements?state=great")).code == 400


async def test_an_agreement_that_ends_soon_is_ending(carol, plan, db):
    await seeds.agreement(db, start_on="2020-01-01", end_on=shifted(utc_now(), 86_400)[:10])
    assert "Acme" in (await carol.fetch("/agreements/rows?state=ending")).text


async def test_the_list_asks_for_all_names_at_once(carol, plan, db, hub):
    for company in (ACME, GLOBEX):
        await seeds.agreement(db, company)
    await carol.fetch("/agreements")
    assert hub.counted["companies"] == 1


async def test_the_list_works_while_nexus_is_away(carol, agreement, hub):
    await carol.fetch("/agreements")
    hub.away = True
    assert (await carol.fetch("/agreements")).code == 200


async def test_an_export_is_audited_and_has_the_rows(carol, agreement, db):
    answer = await carol.fetch("/agreements/export?format=csv")
    assert answer.text.splitlines()[1].startswith("100001,Complete,1_year,2026-01-01,2026-12-31,")
    assert await audited(db) == ["agreements.exported"]


async def test_a_plan_without_prices_is_said(carol, plan, db):
    other = await seeds.agreement(db, term="3_year")
    assert "no prices for this term" in (await carol.fetch(f"/agreements/{other.id}")).text


# What an agreement has otherwise


async def test_an_override_is_added_changed_and_deleted(carol, agreement, db):
    answer = await carol.fetch(
        "/overrides", "POST", {"agreement_id": agreement.id, "what": "per_user", "value": "45.5", "valid_from": "2026-03-01"}
    )
    page = (await carol.fetch(answer.location)).text
    assert answer.code == 303 and "$45.50" in page and "Mar 1, 2026" in page
    id = (await db.one("SELECT id FROM agreement_override"))["id"]
    assert 'value="45.50"' in (await carol.fetch(f"/overrides/{id}/edit")).text
    assert (await carol.fetch(f"/overrides/{id}", "POST", {"what": "per_user", "value": "0", "version": "1"})).code == 303
    assert (await db.one("SELECT number, valid_from FROM agreement_override")) == {"number": 0, "valid_from": "2026-03-01"}
    assert (await carol.fetch(f"/overrides/{id}", "DELETE", {"confirmed": "yes", "version": "2"})).code == 303
    assert await audited(db) == ["override.created", "override.changed", "override.deleted"]


@pytest.mark.parametrize(
    ("form", "stored"),
    [
        ({"what": "prepaid_hours_yearly", "value": "2.5"}, (2_500_000, "")),
        ({"what": "backup_included_tb", "value": "0"}, (0, "")),
        ({"what": "plan", "plan_id": seeds.PLAN}, (0, seeds.PLAN)),
        ({"what": "feature:soc", "value": "Around the clock"}, (0, "Around the clock")),
    ],
)
async def test_an_override_is_stored_as_what_it_replaces(carol, agreement, db, form, stored):
    assert (await carol.fetch("/overrides", "POST", {"agreement_id": agreement.id, **form})).code == 303
    row = await db.one("SELECT number, text FROM agreement_override")
    assert (row["number"], row["text"]) == stored


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"what": "per_user", "value": ""}, "value"),
        ({"what": "per_user", "value": "x"}, "value"),
        ({"what": "plan", "plan_id": ""}, "plan_id"),
        ({"what": "plan", "plan_id": NOBODY}, "plan_id"),
        ({"what": "everything", "value": "1"}, "what"),
        ({"what": "per_user", "value": "1", "valid_from": "2026-03-01", "valid_to": "2026-03-01"}, "valid_to"),
    ],
)
async def test_a_wrong_override_comes_back_beside_its_field(carol, agreement, form, field):
    answer = await carol.fetch("/overrides", "POST", {"agreement_id": agreement.id, **form})
    assert answer.code == 422 and beside(answer, field)


async def test_one_thing_is_overridden_once_from_a_day_on(carol, agreement):
    form = {"what": "per_user", "value": "1"}
    codes = [(await carol.fetch("/overrides", "POST", {"agreement_id": agreement.id, **form})).code for _ in range(2)]
    assert codes == [303, 422]


async def test_a_device_by_hand(carol, agreement, db):
    form = {"kind": "device", "name": "Old printer", "billing_type": "custom", "price": "7", "note": "In the cellar"}
    answer = await carol.fetch("/manual-items", "POST", {"agreement_id": agreement.id, **form})
    assert answer.code == 303 and "Old printer" in (await carol.fetch(answer.location)).text
    id = (await db.one("SELECT id FROM manual_item"))["id"]
    assert (await carol.fetch(f"/manual-items/{id}", "POST", {**form, "billing_type": "switch", "version": "1"})).code == 303
    assert (await db.one("SELECT billing_type, price_e4 FROM manual_item")) == {"billing_type": "switch", "price_e4": 0}
    assert (await carol.fetch(f"/manual-items/{id}", "DELETE", {"confirmed": "yes", "version": "2"})).code == 303


@pytest.mark.parametrize(
    ("changed", "field"), [({"billing_type": "paid"}, "billing_type"), ({"billing_type": "custom"}, "price"), ({"name": ""}, "name")]
)
async def test_a_wrong_device_comes_back_beside_its_field(carol, agreement, changed, field):
    form = {"kind": "device", "name": "x", "billing_type": "switch", "price": "", **changed}
    answer = await carol.fetch("/manual-items", "POST", {"agreement_id": agreement.id, **form})
    assert answer.code == 422 and beside(answer, field)


# Who may


@pytest.mark.parametrize("path", READING)
async def test_agreements_are_billings_to_see(bob, dave, stranger, carol, path):
    assert [(await person.fetch(path)).code for person in (bob, dave)] == [403, 403]
    assert (await stranger.fetch(path)).location == f"/login?next={path}"
    assert (await carol.fetch(path)).code == (404 if NOBODY in path else 200)


@pytest.mark.parametrize("path", WRITING)
async def test_agreements_are_billings_to_write(bob, dave, stranger, carol, path):
    codes = [(await person.fetch(path, "POST", {"version": "1"})).code for person in (bob, dave)]
    assert [*codes, (await stranger.fetch(path, "POST", {})).code] == [403, 403, 303]
    assert (await carol.fetch(path, "POST", {"version": "1"}, forged=True, Origin="https://localhost:5002")).code == 403
    if NOBODY in path:
        assert (await carol.fetch(path, "POST", {"version": "1"})).code == 404


async def test_a_company_that_is_not_there_is_told_beside_its_field(carol, plan):
    answer = await carol.fetch("/agreements", "POST", {**TERMS, "company_id": NOBODY})
    assert answer.code == 422 and "There is no such company." in beside(answer, "company_id")


async def test_n113_what_is_out_of_scope_is_not_there(carol, hub, agreement, db):
    from hmlib.auth.permissions import CompanyScope
    from hmlib.testing.hub import CAST, Person

    limited = Person(CAST["carol"].id, "carol", "billing", CompanyScope("only", frozenset({GLOBEX})))
    hub.people[limited.id] = limited
    assert (await carol.fetch(f"/agreements/{agreement.id}")).code == 404
    assert "Acme" not in (await carol.fetch(f"/agreements/new?company_id={ACME}")).text
    assert (await carol.fetch("/agreements", "POST", TERMS)).code == 422
    assert "No agreements yet" in (await carol.fetch("/agreements")).text


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", '"><button hx-get=/api/users hx-trigger=load>', "{{7*7}}"])
async def test_n001_n010_names_are_only_text(carol, agreement, text):
    form = {"kind": "device", "name": text, "billing_type": "switch", "note": text}
    page = (await carol.fetch((await carol.fetch("/manual-items", "POST", {"agreement_id": agreement.id, **form})).location)).text
    assert page.count(str(escape(text))) >= 2 and "<img src=x" not in page and "<button hx-get" not in page
