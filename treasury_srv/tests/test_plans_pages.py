"""Plans and their prices as billing enters them."""

import pytest
from markupsafe import escape

from treasury_srv.billing.facts import PRICE_RATES
from treasury_srv.tests import seeds

pytestmark = pytest.mark.gen_test
NOBODY = "018f0000-0000-7000-8000-00000000ffff"
RATES = {name: "10.00" for name in PRICE_RATES}
PRICES = {"plan_id": seeds.PLAN, "term": "2_year", "valid_from": "2030-01-01", "currency": "USD", **RATES}
WRITING = [
    "/plans",
    f"/plans/{seeds.PLAN}",
    "/prices",
    f"/prices/{NOBODY}",
]
READING = ["/plans", "/plans/rows", "/plans/new", f"/plans/{seeds.PLAN}", f"/plans/{seeds.PLAN}/edit", "/prices", "/prices/new"]


@pytest.fixture
def plan(io_loop, db):
    io_loop.run_sync(lambda: seeds.plan(db, "2020-01-01"))


async def version_of(db, valid_from="2020-01-01"):
    return await db.one("SELECT id, version FROM price_version WHERE valid_from = :day", day=valid_from)


async def audited(db):
    return [row["action"] for row in await db.all("SELECT action FROM audit ORDER BY seq")]


async def test_the_list_counts_agreements_in_force(carol, plan, db):
    await seeds.agreement(db)
    page = (await carol.fetch("/plans")).text
    assert "Complete" in page and '<td class="hm-num">1</td>' in page
    assert "Complete" not in (await carol.fetch("/plans/rows?q=basic")).text


async def test_an_empty_list_offers_the_first_step(carol):
    page = (await carol.fetch("/plans")).text
    assert "No plans yet" in page and 'href="/plans/new"' in page and 'href="/imports?kind=prices"' in page


async def test_a_plan_is_added_renamed_and_deleted(carol, db):
    answer = await carol.fetch("/plans", "POST", {"name": "Basic", "features": "antivirus: Included\nSOC"})
    page = (await carol.fetch(answer.location)).text
    assert answer.code == 303 and "Basic" in page and "antivirus" in page and "SOC" in page
    renamed = await carol.fetch(answer.location, "POST", {"name": "Basic 2", "features": "", "version": "1"})
    assert renamed.code == 303 and "Basic 2" in (await carol.fetch(answer.location)).text
    gone = await carol.fetch(answer.location, "DELETE", {"confirmed": "yes", "version": "2"})
    assert (gone.code, gone.location) == (303, "/plans")
    assert (await carol.fetch(answer.location)).code == 404
    assert await audited(db) == ["plan.created", "plan.changed", "plan.deleted"]


async def test_a_plan_in_use_is_not_deleted(carol, plan):
    answer = await carol.fetch(f"/plans/{seeds.PLAN}", "DELETE", {"confirmed": "yes", "version": "1"})
    assert answer.code == 303 and "1 price version belongs to it." in (await carol.fetch(answer.location)).text
    refused = await carol.api(f"/api/plans/{seeds.PLAN}", "DELETE", If_Match='"1"')
    assert (refused.code, refused.json["code"]) == (409, "in_use")


async def test_a_taken_name_comes_back_beside_its_field(carol, plan):
    answer = await carol.fetch("/plans", "POST", {"name": "COMPLETE", "features": "a: b"})
    assert (
        answer.code == 422 and 'id="name-error"' in answer.text and 'value="COMPLETE"' in answer.text and "a: b</textarea>" in answer.text
    )


async def test_a_stale_version_is_a_conflict_side_by_side(carol, plan):
    await carol.fetch(f"/plans/{seeds.PLAN}", "POST", {"name": "Theirs", "version": "1"})
    mine = {"name": "Mine", "version": "1", "base": '{"name": "Complete", "features": ""}'}
    answer = await carol.fetch(f"/plans/{seeds.PLAN}", "POST", mine)
    assert answer.code == 409 and all(text in answer.text for text in ("Complete", "Theirs", "Mine", 'name="version" value="2"'))
    assert (await carol.fetch(f"/plans/{seeds.PLAN}", "DELETE", {"confirmed": "yes", "version": "1"})).code == 409
    page = (await carol.fetch(f"/plans/{seeds.PLAN}")).text
    assert "belongs to it." in page and 'value="DELETE"' not in page


async def test_a_plan_shows_its_prices_by_term(carol, plan):
    page = (await carol.fetch(f"/plans/{seeds.PLAN}")).text
    assert all(text in page for text in ("One year", "Per workstation", "$50.00", "$150.00", ">now<", "two years"))


async def test_new_prices_begin_like_the_newest_of_the_term(carol, plan):
    assert 'value="50.00"' in (await carol.fetch(f"/prices/new?plan_id={seeds.PLAN}&term=1_year")).text
    assert 'value="50.00"' not in (await carol.fetch(f"/prices/new?plan_id={seeds.PLAN}&term=3_year")).text


async def test_prices_to_come_are_added_changed_and_deleted(carol, plan, db):
    answer = await carol.fetch("/prices", "POST", {**PRICES, "per_user": "12.3456"})
    assert (answer.code, answer.location) == (303, f"/plans/{seeds.PLAN}")
    assert "$12.3456" in (await carol.fetch(answer.location)).text
    row = await version_of(db, "2030-01-01")
    changed = await carol.fetch(f"/prices/{row['id']}", "POST", {**PRICES, "per_user": "0", "version": "1"})
    assert changed.code == 303
    assert (await db.one("SELECT per_user_e4 FROM price_version WHERE id = :id", id=row["id"]))["per_user_e4"] == 0
    assert (await carol.fetch(f"/prices/{row['id']}", "DELETE", {"confirmed": "yes", "version": "2"})).code == 303
    assert await audited(db) == ["price.created", "price.changed", "price.deleted"]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("per_user", "", "This is needed."),
        ("per_user", "ten", "is not a number"),
        ("per_user", "-1", "is less than 0"),
        ("per_user", "0.00001", "at most 4 decimals"),
        ("per_user", "9999999999999999", "too large"),
        ("currency", "XXQ", "no currency code"),
        ("valid_from", "2030-02-30", "Use a date"),
        ("term", "5_year", "Choose one of"),
    ],
)
async def test_a_wrong_price_comes_back_beside_its_field(carol, plan, field, value, message):
    answer = await carol.fetch("/prices", "POST", {**PRICES, field: value})
    beside = answer.text.partition(f'id="{field}-error">')[2].partition("<")[0]
    assert answer.code == 422 and message in beside


async def test_prices_of_a_day_stand_once(carol, plan):
    answer = await carol.fetch("/prices", "POST", {**PRICES, "term": "1_year", "valid_from": "2020-01-01"})
    assert answer.code == 422 and "has prices for this term from this day" in answer.text


async def test_prices_that_were_billed_by_stay_as_they_are(carol, plan, db):
    await seeds.agreement(db, start_on="2021-01-01")
    row = await version_of(db)
    changed = await carol.fetch(f"/prices/{row['id']}", "POST", {**PRICES, "term": "1_year", "valid_from": "2020-01-01", "version": "1"})
    deleted = await carol.fetch(f"/prices/{row['id']}", "DELETE", {"confirmed": "yes", "version": "1"})
    between = await carol.fetch("/prices", "POST", {**PRICES, "term": "1_year", "valid_from": "2022-01-01"})
    assert [(answer.code, "Prices change from a later day on" in answer.text) for answer in (changed, deleted, between)] == [
        (422, True),
        (303, False),
        (422, True),
    ]


async def test_prices_nobody_was_billed_by_may_change(carol, plan, db):
    row = await version_of(db)
    answer = await carol.fetch(f"/prices/{row['id']}", "POST", {**PRICES, "term": "1_year", "valid_from": "2020-01-01", "version": "1"})
    assert answer.code == 303


async def test_prices_for_a_term_that_had_none_fill_the_gap(carol, plan, db):
    await seeds.agreement(db, start_on="2021-01-01", term="2_year")
    answer = await carol.fetch("/prices", "POST", {**PRICES, "valid_from": "2020-01-01"})
    assert answer.code == 303


async def test_not_there_is_404(carol, plan):
    paths = [f"/plans/{NOBODY}", f"/plans/{NOBODY}/edit", f"/prices/{NOBODY}/edit", f"/prices/{NOBODY}"]
    assert [(await carol.fetch(path)).code for path in paths] == [404] * 4


@pytest.mark.parametrize("path", READING)
async def test_plans_are_billings_to_see(bob, dave, stranger, plan, path):
    assert [(await person.fetch(path)).code for person in (bob, dave)] == [403, 403]
    assert (await stranger.fetch(path)).location == f"/login?next={path}"


@pytest.mark.parametrize("path", WRITING)
async def test_plans_are_billings_to_write(bob, dave, stranger, carol, plan, path):
    codes = [(await person.fetch(path, "POST", {"name": "x"})).code for person in (bob, dave)]
    assert [*codes, (await stranger.fetch(path, "POST", {})).code] == [403, 403, 303]
    assert (await carol.fetch(path, "POST", {"name": "x"}, forged=True, Origin="https://localhost:5002")).code == 403


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", '"><button hx-get=/api/users hx-trigger=load>', "{{7*7}}"])
async def test_n001_n010_names_are_only_text(carol, plan, text):
    answer = await carol.fetch(f"/plans/{seeds.PLAN}", "POST", {"name": text, "features": f"x: {text}", "version": "1"})
    for path in (answer.location, "/plans", f"{answer.location}/edit"):
        page = (await carol.fetch(path)).text
        assert str(escape(text)) in page and "<img src=x" not in page and "<button hx-get" not in page


@pytest.mark.parametrize("text", ["evil\u202egpj.exe", "Evil\u2028x", "a\u200bb"])
async def test_names_refuse_what_nobody_can_see(carol, text):
    for field in ("name", "features"):
        answer = await carol.fetch("/plans", "POST", {"name": "Basic", "features": "SOC", field: text})
        assert answer.code == 422 and ("cannot be seen" in answer.text or "one line" in answer.text), (field, text)
