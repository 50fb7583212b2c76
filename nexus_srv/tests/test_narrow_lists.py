"""What belongs to one company is found from the company's side, however many others there are."""

import pytest

from hmlib.auth.permissions import CompanyScope
from hmlib.clock import new_id, utc_now
from hmlib.kinds import statements
from hmlib.resources import records
from hmlib.testing.hub import ACME
from nexus_srv.directory.assets import ASSETS, Asset
from nexus_srv.directory.contact_record import Contact, Link
from nexus_srv.directory.contacts import CONTACTS
from nexus_srv.directory.locations import LOCATIONS
from nexus_srv.first_run import keys_of

pytestmark = pytest.mark.gen_test


class Planned:
    """A database that notes which whole tables its statements walk, as SQLite's own plan says."""

    def __init__(self, db):
        self._db, self.walks, self.dialect = db, [], db.dialect

    async def all(self, sql, **params):
        self.walks += await self._walked(sql, params)
        return await self._db.all(sql, **params)

    async def value(self, sql, **params):
        self.walks += await self._walked(sql, params)
        return await self._db.value(sql, **params)

    async def _walked(self, sql, params):
        plan = await self._db.all(f"EXPLAIN QUERY PLAN {sql}", **params)
        return [step["detail"] for step in plan if step["detail"].startswith(("SCAN contact", "SCAN asset", "SCAN location"))]

    def read(self):
        return self

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        return None


@pytest.fixture
def keys(settings):
    return keys_of(settings)


@pytest.fixture
def filled(people, db, io_loop):
    async def fill():
        now = utc_now()
        async with db.write() as tx:
            people = [Contact(id=new_id(), name=f"Person {number}", companies=(Link(company_id=ACME),)) for number in range(10)]
            await records.insert(tx, CONTACTS, people, now)
            await records.insert(tx, ASSETS, [Asset(id=new_id(), name=f"PC{number}", company_id=ACME) for number in range(10)], now)

    io_loop.run_sync(fill)
    return db


@pytest.mark.parametrize("of", [CONTACTS, ASSETS, LOCATIONS], ids=lambda of: of.plural)
@pytest.mark.parametrize("scope", [CompanyScope(), CompanyScope("only", frozenset([ACME])), CompanyScope("except", frozenset(["other"]))])
@pytest.mark.parametrize("more", [{}, {"q": "1"}, {"sort": "-updated_at"}, {"cursor": True}])
async def test_no_list_of_a_company_walks_a_whole_table(filled, keys, of, scope, more):
    if filled.dialect != "sqlite":
        pytest.skip("PostgreSQL plans by what the tables hold, and walks small ones whole")
    args = {"company_id": ACME, "limit": "4", **{name: value for name, value in more.items() if value is not True}}
    list_query = statements.definition(of).read(args, keys)
    if "cursor" in more:
        first = await records.page_of(filled, of, scope, list_query)
        list_query = list_query.at(first.next_cursor) if first.next_cursor else list_query
    planned = Planned(filled)
    await records.page_of(planned, of, scope, list_query)
    assert planned.walks == []


async def test_the_people_of_somebody_who_sees_few_companies_are_found_from_their_side(filled, keys):
    if filled.dialect != "sqlite":
        pytest.skip("as above")
    planned = Planned(filled)
    page = await records.page_of(planned, CONTACTS, CompanyScope("only", frozenset([ACME])), statements.definition(CONTACTS).read({}, keys))
    assert (page.total, planned.walks) == (10, [])


async def test_a_walk_would_be_seen(filled, keys):
    """The control."""
    if filled.dialect != "sqlite":
        pytest.skip("as above")
    planned = Planned(filled)
    await records.page_of(planned, CONTACTS, CompanyScope(), statements.definition(CONTACTS).read({}, keys))
    assert planned.walks
