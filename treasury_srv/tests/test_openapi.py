"""The description of Treasury's API."""

import pytest

pytestmark = pytest.mark.gen_test


async def test_every_address_for_programs_is_described(stranger):
    document = (await stranger.fetch("/api/openapi.json")).json
    assert {"/api/plans", "/api/agreements/{id}/end", "/api/labour-entries:bulk", "/api/imports/{kind}", "/api/prices:lookup"} <= set(
        document["paths"]
    )
    assert {"PlanDraft", "AgreementPatch", "LabourEntryBulk", "LineItem"} <= set(document["components"]["schemas"])
    assert document["paths"]["/api/labour-entries:bulk"]["put"]["description"] == "Needs the permission labour:write."
