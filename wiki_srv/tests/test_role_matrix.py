"""Who gets in where (N112): the table beside this file is the agreement, and a route without a line in it fails."""

from pathlib import Path

import pytest

from hmlib.testing.hub import GLOBEX
from hmlib.tests import role_matrix

pytestmark = pytest.mark.gen_test(timeout=60)


async def test_n112_everyone_gets_in_where_the_table_says_and_nowhere_else(app, hub, http_client, base_url):
    person_of = role_matrix.module_people(app, hub, http_client, base_url)
    await role_matrix.compare(app, person_of, Path(__file__).with_name("role_matrix.csv"))


@pytest.fixture
def outside(app, hub, http_client, base_url, freight):
    """Tries every address with Globex and its article, as those who may not see them."""

    async def tried():
        person_of = role_matrix.module_people(app, hub, http_client, base_url)
        others = [await person_of("dave"), await person_of("limited")]
        return await role_matrix.found_outside(app, await person_of("alice"), others, [GLOBEX, freight])

    return tried


async def test_n113_no_address_opens_what_belongs_to_another_company(outside):
    found, opened = await outside()
    assert found >= 6 and not opened


async def test_n113_control_without_the_scope_the_same_addresses_open(outside, monkeypatch):
    monkeypatch.setattr("wiki_srv.queries.articles.seen", lambda caller: ("TRUE", {}))
    _, opened = await outside()
    assert [place for place in opened if "/articles/" in place]
