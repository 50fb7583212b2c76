"""What a list costs the database does not grow with what its rows refer to."""

import re

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


async def test_the_head_and_foot_of_a_list_are_made_once(alice, app):
    pieces = app.spine.pages._pieces
    first = (await alice.fetch("/companies/rows?sort=city&n=1")).text
    made = list(pieces)
    second = (await alice.fetch("/companies/rows?sort=city&n=2")).text
    assert made and list(pieces) == made
    nonces = [re.search('hx-nonce="([^"]+)"', text)[1] for text in (first, second)]
    assert nonces[0] != nonces[1] and app.spine.pages.nonce not in first + second
    assert first.replace(nonces[0], "") == second.replace(nonces[1], "")
    other = (await alice.fetch("/companies/rows?sort=name&n=2")).text
    assert len(pieces) > len(made) and 'aria-sort="ascending"' in other
