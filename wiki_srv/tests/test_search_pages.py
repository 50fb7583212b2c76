"""Finding articles: what is found, in which order, how it is shown, and what is never found."""

import threading

import pytest

from wiki_srv.queries import search
from wiki_srv.tests.conftest import ACME, ACME_COMPANY, GLOBEX_COMPANY

pytestmark = pytest.mark.gen_test


@pytest.fixture
def shelf(network, welcome, freight, runbook):
    return {"network": network, "welcome": welcome, "freight": freight, "runbook": runbook}


async def hits(person, q):
    """The ids of the results, in order."""
    text = (await person.fetch("/search/results?" + q)).text
    return [part.partition('"')[0] for part in text.split('id="hit-')[1:]]


async def test_a_word_of_the_text_is_found_and_marked(bob, shelf):
    answer = await bob.fetch("/search?q=fortigate")
    assert "<mark>FortiGate</mark>" in answer.text
    assert "1 article" in answer.text and 'value="fortigate"' in answer.text


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("q=Zanzi", ["freight"]),
        ("q=%22access+points%22", ["network"]),
        ("q=%22points+access%22", []),
        ("q=reboot+-crane", []),
        ("q=tag:printer", ["runbook"]),
        ("q=tag:print", []),
        ("q=company:globex", ["freight"]),
        ("q=company:100002+reboot", ["freight"]),
        ("q=company:nobody+reboot", []),
        ("q=in:runbooks+printer", ["runbook"]),
        ("q=in:title+fortigate", []),
        ("q=in:body+fortigate", ["network"]),
        ("q=pr%C3%AFnter", ["runbook"]),
        ("q=", []),
        ("q=-x", []),
        ("q=%27+OR+1=1+--", []),
        ("q=%22", []),
        ("q=%25_", []),
    ],
)
async def test_what_a_search_finds(bob, shelf, q, found):
    assert await hits(bob, q) == [shelf[name] for name in found]


async def test_the_title_weighs_more_than_the_text(bob, write):
    body = await write("Something else", "mailbox " * 3 + "text " * 30)
    title = await write("Mailbox move", "text " * 30)
    assert await hits(bob, "q=mailbox") == [title, body]


async def test_all_the_words_first_then_any_under_a_label(bob, write):
    both = await write("One", "alpha beta gamma")
    some = await write("Two", "alpha delta")
    assert await hits(bob, "q=alpha+beta") == [both, some]
    assert "With some of the words" in (await bob.fetch("/search/results?q=alpha+beta")).text


async def test_results_come_in_pages(bob, write):
    for number in range(25):
        await write(f"Switch {number}", "A switch.")
    first, second = await hits(bob, "q=switch"), await hits(bob, "q=switch&page=2")
    assert (len(first), len(second)) == (20, 5)
    assert not set(first) & set(second)
    assert (await bob.fetch("/search?q=switch&page=0")).code == 400


async def test_n113_a_client_finds_only_its_own_client_articles(dave, shelf):
    assert await hits(dave, "q=help") == [shelf["welcome"]]
    for q in ("q=fortigate", "q=zanzibar", "q=printer", "q=company:globex", "q=tag:crane", "q=in:runbooks+printer", "q=in:globex+crane"):
        answer = await dave.fetch(f"/search?{q}")
        assert await hits(dave, q) == []
        assert "Globex" not in answer.text and "Printer" not in answer.text


async def test_an_edited_article_is_found_by_its_new_words_only(bob, shelf):
    change = {"title": "Network overview", "tags": "", "audience": "internal", "body": "A Sophos.", "version": "1"}
    await bob.fetch(f"/articles/{shelf['network']}/edit", "POST", change)
    assert await hits(bob, "q=sophos") == [shelf["network"]]
    assert await hits(bob, "q=fortigate") == []


async def test_n001_a_snippet_is_escaped(bob, write):
    await write("x", "needle <img src=x onerror=alert(1)> needle")
    text = (await bob.fetch("/search/results?q=needle+onerror")).text
    assert "<img" not in text and "<mark>needle</mark> &lt;img" in text


async def test_another_audience_changes_who_finds_it(bob, dave, write):
    id = await write("Holiday hours", "Closed on Monday.", company=ACME_COMPANY)
    assert await hits(dave, "q=monday") == []
    await bob.fetch(
        f"/articles/{id}/edit",
        "POST",
        {"title": "Holiday hours", "tags": "", "audience": "client", "body": "Closed on Monday.", "version": "1"},
    )
    assert await hits(dave, "q=monday") == [id]
    await write("Holiday hours", "Closed on Monday.", company=GLOBEX_COMPANY, audience="client")
    assert await hits(dave, "q=monday") == [id]


async def test_the_search_field_of_every_page_leads_here(bob):
    text = (await bob.fetch(f"/companies/{ACME}")).text
    assert 'action="/search"' in text


async def test_the_words_of_a_long_text_are_found_off_the_event_loop(bob, write, monkeypatch):
    where = {}

    def watched(name):
        found = getattr(search, name)

        def work(*args):
            where["long" if any(len(arg) > search.SHORT for arg in args if isinstance(arg, str)) else "short"] = threading.current_thread()
            return found(*args)

        monkeypatch.setattr(search, name, work)

    watched("words")
    watched("vector")
    id = await write("Long", "copper " * 4_000)
    assert where.pop("long") is not threading.main_thread() and await hits(bob, "q=copper") == [id]
    await write("Brief", "copper")
    assert where == {"short": threading.main_thread()}
