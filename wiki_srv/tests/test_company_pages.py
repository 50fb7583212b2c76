"""The companies with what is written about each, and who sees which."""

import pytest

from hmlib.auth.permissions import CompanyScope
from hmlib.nexus.directory import Company
from hmlib.testing.hub import CAST
from wiki_srv.tests.conftest import ACME, GLOBEX

pytestmark = pytest.mark.gen_test


async def test_every_company_with_its_count_in_one_call(bob, hub, network, welcome, freight):
    hub.counted.clear()
    text = (await bob.fetch("/companies")).text
    assert hub.counted["companies"] == 1
    assert [part.partition("<")[0] for part in text.split('<td class="hm-num">')[1:]] == ["2", "1"]


async def test_a_company_without_articles_is_listed_too(bob, hub):
    hub.rows["companies"].append(Company("018f0000-0000-7000-8000-0000000000a3", "100003", "Initech", "active"))
    assert "Initech" in (await bob.fetch("/companies/rows")).text


async def test_companies_are_sorted_searched_and_paged(bob, hub):
    hub.rows["companies"] = [
        Company(f"018f0000-0000-7000-8000-00000000{n:04d}", f"{100000 + n}", f"Company {n:02d}", "active") for n in range(40)
    ]
    text = (await bob.fetch("/companies/rows?sort=-name&limit=25")).text
    assert text.index("Company 39") < text.index("Company 15") and "Company 14<" not in text
    cursor = text.partition("cursor=")[2].partition('"')[0].replace("&amp;", "&")
    after = (await bob.fetch(f"/companies/rows?sort=-name&limit=25&cursor={cursor}")).text
    assert "Company 14<" in after and "Company 15<" not in after
    assert "1–1 of 1" in (await bob.fetch("/companies/rows?q=company+07")).text


async def test_the_companys_page_lists_its_articles_only(bob, network, freight, runbook):
    text = (await bob.fetch(f"/companies/{ACME}")).text
    assert "Network overview" in text and "crane" not in text and "Printer" not in text
    assert "Network overview" in (await bob.fetch(f"/companies/{ACME}/rows?q=netw")).text
    assert "crane" not in (await bob.fetch(f"/companies/{ACME}/rows?company_id={GLOBEX}")).text


async def test_folders_narrow_the_list(bob, runbook, write):
    await write("Other", space="Runbooks")
    page = await bob.fetch("/spaces")
    address = page.text.partition('href="/spaces/')[2].partition('"')[0]
    assert "Printer jam" in (await bob.fetch(f"/spaces/{address}?folder=Hardware")).text
    assert "Other" not in (await bob.fetch(f"/spaces/{address}/rows?folder=Hardware%2FPrinters")).text


async def test_a_renamed_company_renames_its_space(bob, hub, network):
    hub.rows["companies"][0] = Company(ACME, "100001", "Acme Dental Group", "active")
    await bob.fetch("/companies")
    assert "Acme Dental Group" in (await bob.fetch("/articles")).text


async def test_n113_a_client_sees_only_its_own_company(dave, network, welcome, freight, runbook):
    text = (await dave.fetch("/companies")).text
    assert "Acme Dental" in text and "Globex" not in text and '<td class="hm-num">1</td>' in text
    listed = (await dave.fetch("/articles")).text
    assert "How to reach us" in listed and "1–1 of 1" in listed
    assert not any(word in listed for word in ("Network", "crane", "Printer", "Globex"))
    assert (await dave.fetch(f"/companies/{GLOBEX}")).code == 404
    for id in (network, freight, runbook):
        assert (await dave.fetch(f"/articles/{id}")).code == 404
        assert (await dave.fetch(f"/articles/{id}/revisions")).code == 404
    assert "No general articles" in (await dave.fetch("/spaces")).text


async def test_what_was_internal_stays_unseen_by_clients(bob, dave, network):
    change = {"title": "Network overview", "tags": "network", "audience": "client", "body": "For you.", "version": "1"}
    await bob.fetch(f"/articles/{network}/edit", "POST", change)
    assert "For you." in (await dave.fetch(f"/articles/{network}")).text
    assert (await dave.fetch(f"/articles/{network}/revisions/1")).code == 404
    assert (await dave.fetch(f"/articles/{network}/revisions/2/diff?from=1")).code == 404
    assert "FortiGate" not in (await dave.fetch(f"/articles/{network}/revisions/2/diff")).text
    assert "First version" not in (await dave.fetch(f"/articles/{network}/revisions")).text


async def test_a_limited_technician_sees_general_articles_but_not_the_other_company(bob, hub, network, freight, runbook):
    person = CAST["bob"]
    hub.people[person.id] = type(person)(person.id, person.name, person.level, CompanyScope("except", frozenset({GLOBEX})))
    text = (await bob.fetch("/articles")).text
    assert "Network overview" in text and "Printer jam" in text and "crane" not in text
    assert (await bob.fetch(f"/articles/{freight}")).code == 404
    assert "Nothing found" in (await bob.fetch("/search/results?q=zanzibar")).text
    new = {"title": "T", "company": GLOBEX, "space": "", "folder": "", "tags": "", "audience": "internal", "body": "x", "message": ""}
    assert (await bob.fetch("/articles/new", "POST", new)).code == 422


async def test_with_nexus_away_what_is_written_can_be_read(bob, hub, network):
    await bob.fetch("/articles")
    hub.away = True
    for path in ("/articles", "/companies", f"/companies/{ACME}", f"/articles/{network}", "/articles/new", "/search?q=fortigate"):
        answer = await bob.fetch(path)
        assert answer.code == 200, path
    assert "Acme Dental" in (await bob.fetch("/companies/rows")).text


async def test_a_stranger_is_sent_to_sign_in(stranger):
    assert (await stranger.fetch(f"/companies/{ACME}")).code == 303
    assert (await stranger.htmx("/companies/rows")).code == 401
