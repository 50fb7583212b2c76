"""What each company owes, as a person sees it."""

import html
import io
import re
from types import SimpleNamespace

import pytest
from python_calamine import CalamineWorkbook

from hmlib.clock import shifted, utc_now
from hmlib.testing.hub import ACME, GLOBEX
from treasury_srv.invoices import company_rows
from treasury_srv.invoices.company_rows import totals
from treasury_srv.tests import msp, seeds

pytestmark = pytest.mark.gen_test
OCTOBER = "?period=2026-10"


@pytest.fixture
def month(io_loop, db, hub):
    """Case B, and nine hours of which four are covered and five come from the pool."""

    async def filled():
        await seeds.plan(db)
        await seeds.agreement(db, prepaid_hours_monthly_e6=msp.e6(4), prepaid_hours_yearly_e6=msp.e6(20))
        await seeds.work(db, 9, "2026-10-15T08:00:00.000000Z", description="New firewall", ticket="T-7")

    io_loop.run_sync(filled)
    assets = (seeds.asset("a1", "workstation", "0.5"), seeds.asset("a2", "server", "2"), seeds.asset("a3", "switch"))
    hub.facts = seeds.directory(assets=assets, contacts=(seeds.contact("u1"), seeds.contact("u2"))).companies


async def test_the_list_has_every_company_and_its_total(carol, month):
    page = (await carol.fetch("/companies" + OCTOBER)).text
    assert "$317.50" in page and "Globex Freight" in page and "The company has no agreement." in page


async def test_the_list_makes_one_directory_call(carol, month, hub):
    await carol.fetch("/companies" + OCTOBER)
    assert hub.counted == {"jwks": 1, "scopes": 1, "billing_summary": 1}


async def test_the_search_box_is_only_for_those_who_may_have_its_answer(carol, bob, month):
    assert 'action="/companies" method="get"' in (await carol.fetch("/companies")).text
    assert (await bob.fetch("/companies?q=acme")).code == 403
    page = await bob.fetch("/labour")
    assert page.code == 200 and 'action="/companies"' not in page.text


async def test_the_list_is_searched_sorted_and_filtered(carol, month):
    found, unbilled, rows = [
        (await carol.fetch(f"/companies/rows{OCTOBER}&{query}")).text for query in ("q=acme", "state=not_billable", "sort=-name")
    ]
    assert "Acme" in found and "Globex" not in found
    assert "Globex" in unbilled and "Acme" not in unbilled
    assert rows.index("Globex") < rows.index("Acme")


async def test_a_bill_explains_every_number(carol, month):
    page = (await carol.fetch(f"/companies/{ACME}{OCTOBER}")).text
    assert all(text in page for text in ("$135.00", "$100.00", "$82.50", "$317.50", "pc-a2", "User u1", "New firewall", "T-7"))


async def test_a_company_without_a_bill_says_why(carol, month):
    assert "The company has no agreement." in (await carol.fetch(f"/companies/{GLOBEX}{OCTOBER}")).text


async def test_a_company_that_is_not_there_is_404(carol, month):
    assert (await carol.fetch("/companies/018f0000-0000-7000-8000-00000000ffff" + OCTOBER)).code == 404


@pytest.mark.parametrize("query", ["?period=2026-13", "?period=x", "?sort=password", "?cursor=forged", "?limit=0"])
async def test_a_wrong_question_is_400(carol, month, query):
    assert (await carol.fetch("/companies" + query)).code == 400


async def test_the_dashboard_adds_up(carol, month):
    assert (await carol.fetch("/")).code == 200


def owing(number, *amounts):
    """A company's figures, as far as totals are concerned, of agreements in these currencies."""
    agreements = tuple(SimpleNamespace(currency=currency, total_cents=cents) for currency, cents in amounts)
    return SimpleNamespace(company_id=f"c{number}", agreements=agreements)


def test_the_currency_of_most_companies_is_first_then_the_code_decides():
    owed = [owing(1, ("USD", 9), ("USD", 1)), owing(2, ("CHF", 5)), owing(3, ("EUR", 2)), owing(4, ("EUR", 3), ("USD", 4)), owing(5)]
    told = [(total.currency, total.companies, total.cents) for total in totals(owed)]
    assert told == [("EUR", 2, 5), ("USD", 2, 14), ("CHF", 1, 5)]
    assert [total.currency for total in totals([*owed, owing(6, ("USD", 1))])] == ["USD", "EUR", "CHF"]


async def test_large_numbers_have_separators(carol, month, monkeypatch):
    monkeypatch.setattr(company_rows, "totals", lambda figures: [company_rows.Total("USD", 1004, 5)])
    assert "1,004 companies" in (await carol.fetch("/companies" + OCTOBER)).text
    monkeypatch.setattr(company_rows, "totals", lambda figures: [company_rows.Total("USD", 1, 5)])
    assert ">1 company<" in (await carol.fetch("/companies" + OCTOBER)).text


async def test_the_dashboard_makes_one_directory_call(carol, month, hub, db):
    await seeds.agreement(db, GLOBEX, "2026-01-01", end_on=shifted(utc_now(), 86_400)[:10])
    page = (await carol.fetch("/")).text
    assert "Globex Freight" in page.partition('id="ending"')[2] and hub.counted == {"jwks": 1, "scopes": 1, "billing_summary": 1}


async def test_technicians_do_not_see_bills(bob, month):
    assert [(await bob.fetch(path)).code for path in ("/companies", "/companies/export")] == [403] * 2
    assert (await bob.fetch(f"/companies/{ACME}")).location == f"/labour?company_id={ACME}"
    assert (await bob.fetch("/")).location == "/labour"


async def test_a_stranger_is_sent_to_sign_in(stranger):
    assert (await stranger.fetch("/companies")).location == "/login?next=/companies"


async def test_a_client_begins_with_their_bills_and_is_told_when_there_is_none(dave, month):
    assert (await dave.fetch("/")).location == "/companies"
    page = (await dave.fetch("/companies" + OCTOBER)).text
    assert "once it has been finalised" in page and "Not billable" not in page


async def test_n113_a_client_sees_neither_others_nor_what_is_not_final(dave, month, db):
    page = (await dave.fetch("/companies" + OCTOBER)).text
    assert "Globex" not in page and "$317.50" not in page
    assert (await dave.fetch(f"/companies/{GLOBEX}{OCTOBER}")).code == 404
    assert "$317.50" not in (await dave.fetch(f"/companies/{ACME}{OCTOBER}")).text


async def test_an_export_has_the_rows_on_screen(carol, month):
    answer = await carol.fetch("/companies/export" + OCTOBER + "&q=acme")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.text.splitlines()[1] == "100001,Acme Dental,preview,,Complete,3,2,9,USD,317.50,0.00,317.50"


@pytest.mark.parametrize("asked", ["", OCTOBER, OCTOBER + "&q=acme&sort=-total&limit=10"])
async def test_the_page_offers_exports_that_come(carol, month, asked):
    page = (await carol.fetch("/companies" + asked)).text
    offered = [html.unescape(found) for found in re.findall(r'href="(/companies/export[^"]*)"', page)]
    assert len(offered) == 3 and {(await carol.fetch(address)).code for address in offered} == {200}
    assert not asked or all("period=2026-10" in address and "limit" not in address for address in offered)


async def test_a_negative_total_is_a_number_in_every_format(carol, month, db):
    credit = {"name": "Credit", "kind": "one_off", "year": "2026", "month": "10", "quantity": "1", "unit_price": "-717.50"}
    form = {**credit, "from_on": "", "to_on": "", "tax_category": "standard"}
    assert (await carol.fetch("/line-items", "POST", {**form, "company_id": ACME})).code == 303
    address = "/companies/export" + OCTOBER + "&q=acme"
    assert (await carol.fetch(address)).text.splitlines()[1].endswith(",9,USD,-400.00,0.00,-400.00")
    assert (await carol.fetch(address + "&format=json")).json[0]["total"] == "-400.00"
    workbook = CalamineWorkbook.from_filelike(io.BytesIO((await carol.fetch(address + "&format=xlsx")).body))
    row = dict(zip(*workbook.get_sheet_by_index(0).to_python(), strict=True))
    assert (row["total"], row["hours"], row["devices"], row["account_number"]) == (-400.0, 9.0, 3.0, "100001")


# For programs


async def test_the_summary_answers_the_whole_book_in_one_call(carol, month, hub):
    answer = await carol.api("/api/billing_summary" + OCTOBER)
    assert [company["status"] for company in answer.json["companies"]] == ["preview", "not_billable"]
    assert answer.json["companies"][0]["amounts"]["total"] == "317.50"
    assert hub.counted["billing_summary"] == 1


async def test_an_unchanged_summary_is_304(carol, month):
    first = await carol.api("/api/billing_summary" + OCTOBER)
    assert (await carol.api("/api/billing_summary" + OCTOBER, If_None_Match=first.headers["Etag"])).code == 304


async def test_the_summary_is_narrowed(carol, month):
    answer = await carol.api(f"/api/billing_summary{OCTOBER}&ids={ACME}&fields=status")
    assert answer.json["companies"] == [{"company_id": ACME, "account_number": "100001", "status": "preview"}]


@pytest.mark.parametrize("query", ["?period=2026-1", "?fields=password", "?ids=" + ",".join(map(str, range(201)))])
async def test_a_wrong_question_is_a_problem(carol, month, query):
    answer = await carol.api("/api/billing_summary" + query)
    assert answer.code == 400 and answer.json["request_id"]


async def test_the_summary_is_for_those_who_may(bob, stranger, dave, month):
    assert (await bob.api("/api/billing_summary")).code == 403
    assert (await stranger.api("/api/billing_summary")).code == 401
    assert (await dave.api("/api/billing_summary" + OCTOBER)).json["companies"] == []
