"""One sign-in for the whole suite, and one sign-out."""

import re

import pytest
import requests

from tests.whole import PASSWORD, SERVICES, within

pytestmark = pytest.mark.journey


def test_signing_in_at_one_module_is_enough(whole, visitor):
    page = visitor.sign_in("wiki", "alice")
    assert page.status_code == 200 and page.url.startswith(whole.origins["wiki"])
    for service in ("treasury", "nexus", "wiki"):
        for _ in range(6):  # both processes of each service
            page = visitor.get(whole.origins[service] + "/")
            assert page.status_code == 200 and 'name="password"' not in page.text, service


def test_signing_out_at_one_module_signs_out_everywhere(whole, visitor):
    visitor.sign_in("wiki", "bob")
    treasury = visitor.get(whole.origins["treasury"] + "/")
    assert 'name="password"' not in treasury.text
    visitor.send(treasury, contains='action="/logout"')
    assert within(2, lambda: visitor.needs_form("wiki")) < 2
    assert visitor.needs_form("nexus") and visitor.needs_form("treasury")


def test_the_page_one_wanted_is_the_page_one_gets(whole, visitor):
    page = visitor.sign_in("treasury", "carol", path="/companies?q=a&sort=-name")
    assert page.url == whole.origins["treasury"] + "/companies?q=a&sort=-name"


def test_a_wrong_password_says_so_and_nothing_more(whole, visitor):
    answers = [visitor.sign_in("wiki", name, "not the password at all") for name in ("alice", "nobody-of-this-name")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert "__Host-hm_wiki" not in visitor.session.cookies


def test_n035_n036_the_cookie_is_opaque_and_no_token_is_anywhere(whole, visitor):
    visitor.sign_in("wiki", "alice")
    seen = [*visitor.shown]
    visitor.get(whole.origins["treasury"] + "/")
    seen += visitor.shown
    for answer in seen:
        assert not re.search(r"eyJ[\w-]{10,}\.", answer.url + answer.text + str(answer.headers))
    cookie = next(cookie for cookie in visitor.session.cookies if cookie.name == "__Host-hm_wiki")
    assert len(cookie.value) == 43 and cookie.secure and cookie.path == "/" and cookie.has_nonstandard_attr("HttpOnly")


def test_a_program_gets_a_token_and_uses_it_where_it_is_for(whole):
    answer = requests.post(
        whole.origins["nexus"] + "/api/token", json={"username": "alice", "password": PASSWORD}, verify=whole.ca, timeout=30
    )
    assert answer.status_code == 200 and answer.json()["token_type"] == "Bearer" and answer.json()["expires_in"] == 300
    assert "refresh_token" not in answer.json()
    token = answer.json()["token"]
    assert whole.api("nexus", "/api/companies", token=token).status_code == 200
    assert whole.api("nexus", "/api/companies").status_code == 401
    assert whole.api("treasury", "/api/billing_summary?period=2026-10", token=token).status_code == 401
    assert whole.api("treasury", "/api/billing_summary?period=2026-10", token=whole.token("alice", "treasury")).status_code == 200


def test_rotating_the_keys_disturbs_nobody(whole, visitor):
    visitor.sign_in("wiki", "alice")
    token = whole.token("alice")
    for _ in range(2):
        whole.hm("keys", "rotate")
        for service in SERVICES:
            assert visitor.get(whole.origins[service] + "/").status_code == 200
        assert whole.api("nexus", "/api/companies?limit=1", token=token).status_code == 200
        assert whole.api("nexus", "/api/companies?limit=1", token=whole.token("alice")).status_code == 200
    other = whole.visitor()
    assert other.sign_in("treasury", "carol").status_code == 200


def test_n104_a_disabled_person_is_out_of_every_module_within_two_seconds(whole, visitor):
    whole.person("erin")
    visitor.sign_in("wiki", "erin")
    visitor.get(whole.origins["treasury"] + "/")
    token = whole.token("erin", "wiki")
    assert whole.api("wiki", "/api/articles?limit=1", token=token).status_code == 200
    whole.hm("user", "disable", "erin")
    for service in ("nexus", "wiki", "treasury"):
        within(2.5, lambda service=service: visitor.needs_form(service))
    within(2.5, lambda: whole.api("wiki", "/api/articles?limit=1", token=token).status_code == 401)


def test_n170_n178_no_secret_reaches_a_log(whole, visitor):
    visitor.sign_in("wiki", "alice")
    visitor.get(whole.origins["treasury"] + "/")
    token = whole.token("alice")
    text = whole.logs()
    secrets = [PASSWORD, token, *(cookie.value for cookie in visitor.session.cookies if len(cookie.value) > 20)]
    assert not [secret[:6] for secret in secrets if secret in text]
    assert not re.search(r"eyJ[\w-]{10,}\.[\w-]{10,}|[?&](code|state|ticket|token)=", text)


def test_a_program_that_no_person_stands_behind_reads_every_bill(whole, visitor):
    """Its token names no person, so nothing can be exchanged for Nexus: Treasury asks for itself, and no more than the scope allows."""
    visitor.sign_in("nexus", "alice")
    fields = {"name": "Data warehouse", "service": "treasury: billing:read\nwiki: wiki:read", "public": None}
    made = visitor.send(visitor.get(whole.origins["nexus"] + "/clients/new"), fields, contains='name="service"')
    id, secret = (re.search(rf'id="{name}" value="([^"]+)"', made.text)[1] for name in ("client-id", "client-secret"))

    def token(audience):
        form = {"grant_type": "client_credentials", "audience": audience}
        answer = requests.post(whole.origins["nexus"] + "/oauth/token", data=form, auth=(id, secret), verify=whole.ca, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    bills = whole.api("treasury", "/api/billing_summary", token=token("treasury"))
    known = whole.api("nexus", "/api/companies?limit=1000", token=whole.token("alice")).json()
    assert bills.status_code == 200
    assert len(bills.json()["companies"]) == len(known["items"] if isinstance(known, dict) else known)
    assert whole.api("treasury", "/api/plans", token=token("treasury")).status_code == 200
    refused = whole.api("treasury", "/api/labour-entries", token=token("treasury"))
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    company = bills.json()["companies"][0]["company_id"]
    context = whole.api("wiki", "/api/context", "POST", token("wiki"), json={"company_id": company, "text": "printer"})
    assert context.status_code == 200
