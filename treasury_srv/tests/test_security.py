"""Attacks on what Treasury lists and shows, whichever the list."""

from urllib.parse import quote

import pytest

from hmlib.testing.hub import ACME
from treasury_srv.tests import seeds

pytestmark = pytest.mark.gen_test
PAGES = ("/companies", "/companies/rows", "/agreements", "/agreements/rows", "/plans", "/plans/rows", "/audit", "/audit/rows")
APIS = ("/api/agreements", "/api/overrides", "/api/manual-items", "/api/plans", "/api/prices", "/api/audit")
WRONG = ("sort=name;drop table plan", "sort=name,(SELECT 1)", "cursor=WyJhZnRlciIsIiIsIiIsMV0=.x", "limit=-1", "limit=5&limit=6")


@pytest.mark.parametrize("address", [*PAGES, *APIS])
async def test_n005_n006_n017_lists_are_asked_for_in_known_ways_only(alice, address):
    ask = alice.api if address.startswith("/api") else alice.fetch
    assert {query: (await ask(f"{address}?{quote(query, safe='=&')}")).code for query in WRONG} == dict.fromkeys(WRONG, 400)


async def test_n001_n010_what_a_plan_is_called_is_shown_and_not_done(alice, db, hub):
    await seeds.plan(db, name="{{7*7}}<img src=x onerror=alert(1)></script>")
    await seeds.agreement(db)
    hub.facts = seeds.directory().companies
    for address in ("/plans", "/plans/rows", "/agreements", f"/companies/{ACME}?period=2026-10"):
        text = (await alice.fetch(address)).text
        assert "{{7*7}}" in text and "<img src=x" not in text and "&lt;img src=x" in text
