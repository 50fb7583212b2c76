"""How many of Treasury's own files a bill reads stands in docs/decisions.md, and is held there."""

import pytest

from hmlib.testing.hub import ACME
from hmlib.testing.touched import touched
from hmlib.tests.flows import check
from treasury_srv.tests import seeds


@pytest.mark.gen_test
async def test_a_bill(carol, db, hub):
    await seeds.plan(db)
    await seeds.agreement(db)
    hub.facts = seeds.directory(assets=(seeds.asset("a1", "workstation", "0.5"),), contacts=(seeds.contact("u1"),)).companies
    with touched("treasury_srv") as files:
        answer = await carol.fetch(f"/companies/{ACME}?period=2026-10")
        assert answer.code == 200 and "pc-a1" in answer.text
    check("a bill", files)
