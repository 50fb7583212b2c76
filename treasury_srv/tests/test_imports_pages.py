"""Files in: tried out, applied whole or in their good rows, by people and by programs."""

import asyncio
import io

import pytest
import xlsxwriter
from markupsafe import escape

from hmlib.clock import shifted, utc_now
from hmlib.imports.jobs import jobs_of
from hmlib.jobs.kind import start_scheduled
from hmlib.jobs.runner import Runner
from hmlib.records.audit import Actor
from hmlib.testing.hub import ACME
from hmlib.testing.imports import jobs_done
from treasury_srv.billing.facts import PRICE_RATES
from treasury_srv.imports.files import IMPORTS
from treasury_srv.tests import seeds

pytestmark = pytest.mark.gen_test
NOBODY = "018f0000-0000-7000-8000-00000000ffff"
HEADER = "external_id,company_account_number,worked_at,hours,description\n"
GOOD = HEADER + "t1,100001,2026-10-15 08:00,1.5,New firewall\nt2,100002,2026-10-16 09:00,2,\n"
BAD = GOOD + "t3,999999,2026-10-16 09:00,2,\nt4,100001,2026-10-16 09:00,many,\n"
PRICES = "plan,term,valid_from,currency," + ",".join(PRICE_RATES) + "\nGold,1_year,2026-01-01,USD" + ",10" * len(PRICE_RATES) + "\n"


@pytest.fixture(autouse=True)
def directory(hub):
    hub.facts = seeds.directory().companies


async def upload(who, text, kind="labour", name="hours.csv", **options):
    raw = text.encode() if isinstance(text, str) else text
    answer = await who.upload("/imports", {"file": (name, raw)}, {"kind": kind}, **options)
    await jobs_done(who.app)
    return answer


async def apply(who, where, rows="all"):
    answer = await who.fetch(f"{where}/application", "POST", {"rows": rows})
    await jobs_done(who.app)
    return answer


async def entries(db):
    return [row["external_id"] for row in await db.all("SELECT external_id FROM labour_entry ORDER BY external_id")]


async def test_everybody_is_offered_what_they_may_import(carol, bob):
    for_carol, for_bob = (await carol.fetch("/imports")).text, (await bob.fetch("/imports")).text
    assert "Line items" in for_carol and "Line items" not in for_bob and "Labour" in for_bob
    assert "company_account_number" in for_bob


async def test_a_file_is_tried_out_and_then_applied(bob, db):
    answer = await upload(bob, GOOD)
    page = (await bob.fetch(answer.location)).text
    assert answer.code == 303 and "It would create 2, update 0 and leave 0 as they are." in page and await entries(db) == []
    assert ((await apply(bob, answer.location)).code, await entries(db)) == (303, ["t1", "t2"])
    assert "Applied: 2 created, 0 updated, 0 unchanged." in (await bob.fetch(answer.location)).text
    told = [(row["action"], row["actor_name"]) for row in await db.all("SELECT action, actor_name FROM audit ORDER BY seq")]
    assert told == [("labour.imported", "bob")]
    assert await db.value("SELECT count(*) FROM import_content") == 0


async def test_the_same_file_again_changes_nothing(bob):
    await apply(bob, (await upload(bob, GOOD)).location)
    page = (await bob.fetch((await upload(bob, GOOD)).location)).text
    assert "leave 2 as they are" in page and ">Apply<" not in page


async def test_changed_fields_are_shown_before_and_after(bob):
    await apply(bob, (await upload(bob, GOOD)).location)
    page = (await bob.fetch((await upload(bob, GOOD.replace("1.5", "2.25"))).location)).text
    assert "<del>1.5</del>" in page and "<ins>2.25</ins>" in page and "Updates (1)" in page


async def test_bad_rows_are_named_by_line_and_column_and_keep_everything_out(bob, db):
    where = (await upload(bob, BAD)).location
    page = (await bob.fetch(where)).text
    told = ("999999", "There is no company with this account number.", "hours", "many", "Apply the rows without errors")
    assert all(text in page for text in told)
    await apply(bob, where)
    assert await entries(db) == []
    assert (await apply(bob, where, "valid")).code == 303
    assert await entries(db) == ["t1", "t2"] and "Errors (2)" in (await bob.fetch(where)).text


async def test_a_file_applied_by_eight_at_once_is_applied_once(bob, db):
    where = (await upload(bob, GOOD)).location
    answers = await asyncio.gather(*(bob.fetch(f"{where}/application", "POST", {"rows": "all"}) for _ in range(8)))
    await jobs_done(bob.app)
    assert sorted(answer.code for answer in answers) == [303, *[409] * 7]
    assert (await apply(bob, where)).code == 409
    assert await db.value("SELECT count(*) FROM labour_entry") == 2
    assert await db.value("SELECT count(*) FROM audit WHERE action = 'labour.imported'") == 1


async def test_columns_are_chosen_and_remembered(bob, db):
    text = GOOD.replace("external_id", "Key").replace("hours,", "How long,")
    where = (await upload(bob, text)).location
    assert "Columns to choose" in (await bob.fetch(where)).text
    chosen = {"column-0": "external_id", "column-1": "company_account_number", "column-2": "worked_at", "column-3": "hours", "column-4": ""}
    assert (await bob.fetch(f"{where}/mapping", "POST", chosen)).location == where
    await jobs_done(bob.app)
    assert "It would create 2" in (await bob.fetch(where)).text
    assert "It would create 2" in (await bob.fetch((await upload(bob, text)).location)).text
    assert (await bob.fetch(f"{where}/mapping", "POST", {**chosen, "column-4": "password"})).code == 400


async def test_a_workbook_works_too(bob, db):
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        for line, row in enumerate(GOOD.splitlines()):
            sheet.write_row(line, 0, row.split(","))
    where = (await upload(bob, out.getvalue(), name="hours.xlsx")).location
    assert (await apply(bob, where)).code == 303 and await entries(db) == ["t1", "t2"]


async def test_prices_are_billings(carol, bob, db):
    where = (await upload(carol, PRICES, "prices", "prices.csv")).location
    assert (await apply(carol, where)).code == 303
    assert "Gold" in (await carol.fetch("/plans")).text
    assert (await upload(bob, PRICES, "prices")).code == 403


@pytest.mark.parametrize("raw", [b"", b"\x00\x01\x02\x03"])
async def test_what_is_no_table_comes_back(bob, raw):
    answer = await upload(bob, raw)
    assert answer.code == 422 and 'id="file-error"' in answer.text


async def test_a_file_of_other_columns_asks_what_they_mean(bob, db):
    where = (await upload(bob, b"a,b\n1,2\n")).location
    assert "What the columns mean" in (await bob.fetch(where)).text
    answer = await bob.fetch(f"{where}/mapping", "POST", {"column-0": "hours", "column-1": ""})
    assert (answer.code, "Nothing is said to be" in answer.text) == (422, True)


async def test_a_file_that_cannot_be_read_later_says_so_and_is_kept(bob, db):
    """Its child ran out of time, or this version reads less than the one before."""
    where = (await upload(bob, GOOD.replace("external_id", "Key").replace("hours,", "How long,"))).location
    await db.run("UPDATE import_content SET raw = :raw", raw=b"\x00\x01\x02\x03")
    chosen = {"column-0": "external_id", "column-3": "hours"}
    assert (await bob.fetch(f"{where}/mapping", "POST", chosen)).location == where
    await jobs_done(bob.app)
    assert "The file is neither CSV nor XLSX." in (await bob.fetch(where)).text
    assert await db.value("SELECT count(*) FROM import_content") == 1 and await entries(db) == []


async def test_a_file_has_a_name_that_can_be_seen(bob, db):
    page = (await bob.fetch((await upload(bob, GOOD, name="in\u202evsc.\u200bsruoh")).location)).text
    assert await db.value("SELECT file_name FROM import_batch") == "invsc.sruoh" and "invsc.sruoh" in page and "\u202e" not in page


async def test_a_kind_is_for_those_who_may_import_it_and_a_file_can_be_discarded(bob, carol, db):
    where = (await upload(carol, PRICES, "prices")).location
    assert [(await bob.fetch(where)).code, (await apply(bob, where)).code] == [403, 403]
    assert "hours.csv" not in (await bob.fetch("/imports")).text
    assert (await carol.fetch(f"{where}/removal", "POST", {})).code == 200
    assert (await carol.fetch(f"{where}/removal", "POST", {"confirmed": "yes"})).code == 303
    assert (await carol.fetch(where)).code == 404


async def test_rows_go_after_thirty_days_and_imports_after_ninety(bob, db):
    where = (await upload(bob, GOOD)).location
    sweep = next(kind for kind in jobs_of(IMPORTS) if kind.scheduled)
    for days, there in ((0, (2, 1)), (40, (0, 1)), (100, (0, 0))):
        await db.run("UPDATE import_batch SET created_at = :at", at=shifted(utc_now(), -86_400 * days))
        async with db.write() as tx:
            begun = await start_scheduled(tx, sweep, str(days), Actor("", ""), utc_now())
        runner = Runner(db, [sweep], None, bob.app.spine.settings.home / "run" / "jobs")
        await runner.until_ended(begun.id)
        await runner.stop()
        assert (await db.value("SELECT count(*) FROM import_row"), await db.value("SELECT count(*) FROM import_batch")) == there
    assert (await bob.fetch(where)).code == 404


async def test_not_there_is_404(carol):
    assert [(await carol.fetch(path)).code for path in ("/imports/gold", f"/imports/{NOBODY}")] == [404, 404]
    assert (await carol.api("/api/imports/gold", "POST", raw=b"x", Content_Type="text/csv")).code == 404


@pytest.mark.parametrize("path", ["/imports", f"/imports/{NOBODY}/mapping"])
async def test_importing_is_for_staff(dave, stranger, bob, path):
    assert [(await who.fetch(path, "POST", {})).code for who in (dave, stranger)] == [403, 303]
    assert (await bob.fetch(path, "POST", {}, forged=True, Origin="https://localhost:5002")).code == 403


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "{{7*7}}"])
async def test_n001_n010_what_a_file_says_is_only_text(bob, text):
    bad = HEADER + f"{text},{text},2026-10-15,1,{text}\n" + f"ok,100001,2026-10-15,1,{text}\n" + f"{text},100001,2026-10-15,1,x\n"
    page = (await bob.fetch((await upload(bob, bad)).location)).text
    assert str(escape(text)) in page and "<img src=x" not in page


async def test_an_import_is_undone(bob, db):
    await apply(bob, (await upload(bob, GOOD)).location)
    before = (await bob.fetch("/labour/export?format=csv")).text
    where = (await upload(bob, GOOD.replace("1.5", "2.25") + "t3,100001,2026-10-17 09:00,1,\n")).location
    await apply(bob, where)
    assert (await bob.fetch("/labour/export?format=csv")).text != before
    assert (await bob.fetch(f"{where}/undo", "POST", {"confirmed": "yes"})).code == 303
    await jobs_done(bob.app)
    assert (await bob.fetch("/labour/export?format=csv")).text == before


# For programs


async def send(who, text, query="", kind="labour", **headers):
    return await who.api(f"/api/imports/{kind}{query}", "POST", raw=text.encode(), **{"Content_Type": "text/csv", **headers})


async def test_n020_a_repeated_import_is_done_once(bob, db):
    answers = [await send(bob, GOOD, Idempotency_Key="i1") for _ in range(2)]
    assert answers[0].code == 200 and answers[0].body == answers[1].body
    assert (await send(bob, GOOD, "?valid_only=true", Idempotency_Key="i1")).code == 422
    assert await db.value("SELECT count(*) FROM labour_entry") == 2


async def test_n020_an_import_that_was_refused_may_be_sent_again(bob, db):
    assert (await send(bob, BAD, Idempotency_Key="i1")).code == 422
    assert (await send(bob, GOOD, Idempotency_Key="i1")).code == 200


async def test_a_program_tries_out_and_applies(bob, db):
    tried = await send(bob, GOOD, "?dry_run=true")
    assert (tried.code, tried.json["created"], tried.json["applied"], await entries(db)) == (200, 2, False, [])
    done = await send(bob, GOOD)
    assert (done.json["created"], done.json["errors"], done.json["applied"], await entries(db)) == (2, [], True, ["t1", "t2"])
    again = await send(bob, GOOD.replace("1.5", "1.25"))
    assert again.json["updated"] == 1 and again.json["changes"][0]["fields"] == {"hours": ["1.5", "1.25"]}


async def test_bad_rows_are_422_unless_the_good_ones_are_wanted(bob, db):
    refused = await send(bob, BAD)
    assert (refused.code, refused.json["code"], refused.json["applied"]) == (422, "invalid_rows", False)
    assert [(error["line"], error["column"]) for error in refused.json["errors"]] == [(4, "company_account_number"), (5, "hours")]
    taken = await send(bob, BAD, "?valid_only=true")
    assert (taken.code, taken.json["created"], len(taken.json["errors"]), await entries(db)) == (200, 2, 2, ["t1", "t2"])


async def test_what_cannot_be_taken(bob, dave, stranger):
    assert (await send(bob, "", "")).code == 422
    assert (await send(bob, GOOD, Content_Type="application/json")).code == 415
    assert (await send(bob, GOOD, "?dry_run=perhaps")).code == 400
    assert (await send(bob, PRICES, kind="prices")).code == 403
    assert [(await send(who, GOOD)).code for who in (dave, stranger)] == [403, 401]


async def test_agreements_come_in_for_companies_one_sees(carol, db):
    await seeds.plan(db)
    answer = await send(carol, "company_account_number,start_on,plan,term\n100001,2026-01-01,Complete,1_year\n", kind="agreements")
    assert answer.json["created"] == 1 and (await db.one("SELECT company_id FROM agreement"))["company_id"] == ACME


async def test_a_file_does_not_rewrite_prices_that_were_billed(carol, db):
    await send(carol, PRICES, kind="prices")
    await seeds.agreement(db, plan_id=await db.value("SELECT id FROM plan"))
    changed = PRICES.replace("USD,10,10", "USD,10,11")
    refused = await send(carol, changed, kind="prices")
    error = refused.json["errors"][0]
    assert (refused.code, error["line"], error["column"], error["value"]) == (422, 2, "per_workstation", "11")
    assert "Agreements were billed by these prices" in error["message"]
    where = (await upload(carol, changed, "prices", "prices.csv")).location
    assert "Agreements were billed by these prices" in (await carol.fetch(where)).text
    await apply(carol, where)
    assert await db.value("SELECT per_workstation_e4 FROM price_version") == 100_000


async def test_a_file_and_a_program_at_once_make_no_two_agreements_for_a_day(carol, db):
    await seeds.plan(db)
    text = "company_account_number,start_on,plan,term\n100001,2026-0{}-01,Complete,1_year\n"
    files = (send(carol, text.format(month), kind="agreements") for month in range(1, 5))
    body = {"company_id": ACME, "plan_id": seeds.PLAN, "term": "1_year", "currency": "USD"}
    posts = (carol.api("/api/agreements", "POST", {**body, "start_on": f"2026-0{month}-01"}) for month in range(5, 9))
    answers = await asyncio.gather(*files, *posts)
    assert sorted(answer.code for answer in answers) in ([200, *[409] * 4, *[422] * 3], [201, *[409] * 3, *[422] * 4])
    assert await db.value("SELECT count(*) FROM agreement") == 1
