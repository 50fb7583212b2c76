"""Names of every kind refuse what nobody can see: on pages, by API and in imports."""

import pytest

from hmlib.testing.hub import ACME

pytestmark = pytest.mark.gen_test
HIDDEN = ["evil\u202egpj.exe", "Evil\u2028x", "a\u200bb", "a\u2066b", "a\u034fb"]
NAMED = {
    "companies": ("name", {}),
    "contacts": ("first_name", {"last_name": "Quinn"}),
    "locations": ("name", {"company_id": ACME}),
    "assets": ("name", {"company_id": ACME}),
    "users": ("display_name", {"username": "zoe"}),
}


@pytest.mark.parametrize("text", HIDDEN)
@pytest.mark.parametrize("plural", NAMED)
async def test_by_api(alice, plural, text):
    field, rest = NAMED[plural]
    level = {"permission_level": "technician"} if plural == "users" else {}
    answer = await alice.api(f"/api/{plural}", "POST", rest | level | {field: text})
    assert answer.code in (400, 422), answer.text  # users say 400 where the directory says 422
    assert field in answer.text and ("cannot be seen" in answer.text or "one line" in answer.text), answer.text


@pytest.mark.parametrize("text", HIDDEN)
@pytest.mark.parametrize("plural", NAMED)
async def test_by_page(alice, plural, text):
    field, rest = NAMED[plural]
    level = {"level": "technician"} if plural == "users" else {}
    answer = await alice.fetch(f"/{plural}", "POST", rest | level | {field: text})
    assert answer.code == 422, answer.text
    assert f'id="{field}-error"' in answer.text and ("cannot be seen" in answer.text or "one line" in answer.text)


@pytest.mark.parametrize("text", HIDDEN)
async def test_a_program(alice, text):
    answer = await alice.fetch("/clients", "POST", {"name": text, "redirect_uris": "https://app.example.com/cb", "scopes": "openid"})
    assert answer.code == 422 and ("cannot be seen" in answer.text or "one line" in answer.text)
