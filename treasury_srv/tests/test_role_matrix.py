"""Who gets in where (N112): the table beside this file is the agreement, and a route without a line in it fails."""

from dataclasses import replace
from pathlib import Path

import pytest

from hmlib.auth.permissions import CompanyScope
from hmlib.testing.hub import ACME, CAST, GLOBEX
from hmlib.tests import role_matrix
from treasury_srv.tests import seeds

pytestmark = pytest.mark.gen_test(timeout=60)


async def test_n112_everyone_gets_in_where_the_table_says_and_nowhere_else(app, hub, http_client, base_url):
    person_of = role_matrix.module_people(app, hub, http_client, base_url)
    await role_matrix.compare(app, person_of, Path(__file__).with_name("role_matrix.csv"))


@pytest.fixture
def outside(app, db, hub, http_client, base_url):
    """Tries every address with Globex and what Treasury knows of it, as those who may not see it."""

    async def tried():
        await seeds.plan(db)
        agreement = await seeds.agreement(db, company_id=GLOBEX)
        hub.facts = seeds.directory().companies
        hub.people[CAST["carol"].id] = replace(CAST["carol"], scope=CompanyScope("only", frozenset({ACME})))
        person_of = role_matrix.module_people(app, hub, http_client, base_url)
        others = [await person_of("dave"), await person_of("carol")]
        return await role_matrix.found_outside(app, await person_of("alice"), others, [GLOBEX, agreement.id])

    return tried


async def test_n113_no_address_opens_what_belongs_to_another_company(outside):
    found, opened = await outside()
    assert found >= 1 and not opened


async def test_n113_control_without_the_scope_the_same_addresses_open(outside, monkeypatch):
    monkeypatch.setattr("hmlib.auth.permissions.CompanyScope.sees", lambda scope, company_id: True)
    _, opened = await outside()
    assert opened
