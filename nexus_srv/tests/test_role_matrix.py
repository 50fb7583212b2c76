"""Who gets in where (N112): the table beside this file is the agreement, and a route without a line in it fails."""

import itertools
from pathlib import Path

import pytest

from hmlib.clock import utc_now
from hmlib.testing.browser import Browser
from hmlib.testing.hub import ACME, GLOBEX
from hmlib.tests import role_matrix
from nexus_srv.queries import users
from nexus_srv.queries.users import User
from nexus_srv.tests.conftest import token_for

pytestmark = pytest.mark.gen_test(timeout=120)
PROGRAM = User(id="program", username="", display_name="", level="admin")
OF_A_PROGRAM = {"client_id": "program", "permission_level": None, "auth_time": None, "amr": None, "scope": role_matrix.EVERY_SCOPE}


@pytest.fixture
def person_of(app, db, people, signed_in, http_client, base_url):
    """Everyone anew for each request, as some of them end what they came with."""
    count = itertools.count()

    async def person(role):
        if role == "stranger":
            return Browser(http_client, base_url, app)
        if role == "service":
            return Browser(http_client, base_url, app, await token_for(app, PROGRAM, **OF_A_PROGRAM))
        if role not in people.by_name:
            made = User(id="", username=role, display_name=role, level="technician", scope_rule="only", company_ids=(ACME,))
            made = made.__class__(**{**vars(made), "id": role_matrix.LIMITED.id})
            async with db.write() as tx:
                people.by_name[role] = await users.create(tx, made, utc_now())
        return await signed_in(role, f"sid-{role}-{next(count)}")

    return person


async def test_n112_everyone_gets_in_where_the_table_says_and_nowhere_else(app, person_of):
    await role_matrix.compare(app, person_of, Path(__file__).with_name("role_matrix.csv"))


@pytest.fixture
def globex(io_loop, signed_in):
    """Ids of things that belong to Globex, which neither dave nor the limited technician may see."""

    async def made():
        alice, found = await signed_in("alice", "sid-maker"), [GLOBEX]
        things = {
            "contacts": {"name": "Gerda Globex", "companies": [{"company_id": GLOBEX}]},
            "locations": {"name": "Globex Harbour", "company_id": GLOBEX},
            "assets": {"name": "GLOBEX-CRANE", "company_id": GLOBEX},
        }
        for plural, body in things.items():
            answer = await alice.api(f"/api/{plural}", "POST", body)
            assert answer.code == 201, answer.text
            found.append(answer.json["id"])
        return found

    return io_loop.run_sync(made)


async def test_n113_no_address_opens_what_belongs_to_another_company(app, person_of, globex):
    others = [await person_of("dave"), await person_of("limited")]
    found, opened = await role_matrix.found_outside(app, await person_of("alice"), others, globex)
    assert found >= 15 and not opened


@pytest.mark.parametrize("plural", ["companies", "contacts", "locations", "assets"])
async def test_n113_no_list_count_search_export_or_etag_tells_of_it(person_of, globex, plural):
    alice, dave = await person_of("alice"), await person_of("dave")
    whole = await alice.api(f"/api/{plural}?q=globex")
    assert whole.total == 1
    for query in ("", "?q=globex", f"?ids={','.join(globex)}", "?updated_since=2020-01-01T00:00:00Z"):
        answer = await dave.api(f"/api/{plural}{query}", If_None_Match=whole.headers["Etag"])
        assert answer.code == 200 and "lobex" not in answer.text.casefold().replace("q=globex", "")
        assert answer.total == len(answer.items)
    assert (await dave.api(f"/api/{plural}:lookup", "POST", {"ids": globex})).total == 0
    assert "globex" not in (await dave.fetch(f"/{plural}/export?format=csv")).text.casefold()
    assert "globex" not in (await dave.api("/api/billing_summary")).text.casefold()


async def test_n113_control_without_the_scope_the_same_addresses_open(app, person_of, globex, monkeypatch):
    monkeypatch.setattr("hmlib.auth.permissions.CompanyScope.clause", lambda scope, column: "TRUE")
    _, opened = await role_matrix.found_outside(app, await person_of("alice"), [await person_of("dave")], globex)
    assert len(opened) >= 10
