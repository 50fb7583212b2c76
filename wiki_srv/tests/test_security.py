"""Attacks on what Wiki lists and shows, whichever the list."""

from urllib.parse import quote

import pytest

pytestmark = pytest.mark.gen_test
LISTS = ("/articles", "/articles/rows", "/companies", "/companies/rows", "/audit", "/audit/rows", "/api/articles", "/api/audit")
WRONG = ("sort=name;drop table article", "sort=title,(SELECT 1)", "cursor=WyJhZnRlciIsIiIsIiIsMV0=.x", "limit=-1", "limit=5&limit=6")


@pytest.mark.parametrize("address", LISTS)
async def test_n005_n006_n017_lists_are_asked_for_in_known_ways_only(alice, network, address):
    ask = alice.api if address.startswith("/api") else alice.fetch
    assert {query: (await ask(f"{address}?{quote(query, safe='=&')}")).code for query in WRONG} == dict.fromkeys(WRONG, 400)


@pytest.mark.parametrize("q", ["%", "_", "' OR 1=1 --", "\\", '"', "*", "NEAR(", "title:x"])
async def test_n005_what_is_searched_for_is_only_text(bob, network, q):
    assert (await bob.api(f"/api/articles?q={quote(q)}")).total == 0
    assert (await bob.fetch(f"/search?q={quote(q)}")).code == 200


async def test_n010_n001_what_a_title_says_is_shown_and_not_done(bob, write):
    id = await write("{{7*7}}<img src=x onerror=alert(1)></script>", "{{7*7}} {% raw %} <img src=x onerror=alert(1)>")
    for address in ("/articles", "/articles/rows", f"/articles/{id}", f"/articles/{id}/edit", f"/articles/{id}/revisions"):
        text = (await bob.fetch(address)).text
        assert "{{7*7}}" in text and "<img src=x" not in text and "&lt;img src=x" in text
