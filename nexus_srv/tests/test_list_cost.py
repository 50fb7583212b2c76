"""What a list costs the database does not grow with what its rows refer to."""

import pytest

from hmlib.testing.hub import ACME

pytestmark = pytest.mark.gen_test


async def statements_of(who, db, path):
    await who.fetch(path)
    before = db.statements
    assert (await who.fetch(path)).code == 200
    return db.statements - before


async def test_names_that_rows_are_read_with_are_not_looked_up_again(alice, db):
    for number in range(3):
        made = await alice.api("/api/locations", "POST", {"company_id": ACME, "name": f"Office {number}"})
        assert made.code == 201, made.text
    nobody = await statements_of(alice, db, "/locations?q=nothing+is+called+so&sort=name")
    found = await statements_of(alice, db, "/locations?q=office&sort=name")
    assert "Acme Dental" in (await alice.fetch("/locations?q=office&sort=name")).text
    assert found == nobody
