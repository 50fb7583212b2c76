"""How many of Nexus's own files a request reads stands in docs/decisions.md, and is held there."""

import pytest

from hmlib.testing.touched import touched
from hmlib.tests.flows import check
from nexus_srv.tests.conftest import PASSWORD

HEADERS = {"Content-Type": "text/csv"}
pytestmark = pytest.mark.gen_test


async def test_a_lists_rows(alice):
    await alice.fetch("/companies/rows?q=acme")
    with touched("nexus_srv") as files:
        assert (await alice.fetch("/companies/rows?q=globex")).code == 200
    check("a list's rows", files)


async def test_a_sign_in(people, http_client, base_url, app, stranger):
    with touched("nexus_srv") as files:
        assert (await stranger.fetch("/login", "POST", {"username": "bob", "password": PASSWORD})).code == 303
    check("a sign-in", files)


async def test_an_import(alice):
    with touched("nexus_srv") as files:
        answer = await alice.send(
            "/api/imports/companies", "POST", b"name\nNew Company\n", HEADERS | {"Authorization": f"Bearer {alice.token}"}
        )
        assert answer.code in (200, 202), answer.text
    check("an import", files)
