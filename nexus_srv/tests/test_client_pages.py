"""The programs that sign people in: administrators add, change, switch off; people take back what they allowed (N009, N092, N114)."""

import re

import pytest

from nexus_srv.queries import clients, consents
from nexus_srv.tests.oauth_client import refusal

pytestmark = pytest.mark.gen_test
URI = "https://app.example.com/callback"
FORM = {
    "name": "App",
    "redirect_uris": URI,
    "post_logout_uris": "",
    "logout_uri": "",
    "scopes": "openid profile",
    "service": "",
    "exchange": "",
}


async def made(alice, **changes):
    return await alice.fetch("/clients", "POST", FORM | changes)


def shown(page, id):
    return re.search(rf'id="{id}" value="([^"]+)"', page.text)[1]


async def test_a_program_is_added_and_its_secret_shown_once(alice, db, app):
    page = await made(alice)
    assert page.code == 200
    client = await clients.by_id(db, shown(page, "client-id"))
    assert client.redirect_uris == (URI,) and client.scopes == ("openid", "profile") and not client.module
    assert client.knows(app.spine.keys, shown(page, "client-secret"))
    again = await alice.fetch(f"/clients/{client.id}")
    assert again.code == 200 and shown(page, "client-secret") not in again.text
    assert await db.value("SELECT count(*) FROM audit WHERE action = 'client.registered'") == 1


async def test_a_public_program_has_no_secret(alice, db):
    page = await made(alice, public="on")
    assert "client-secret" not in page.text and (await clients.by_id(db, shown(page, "client-id"))).public


@pytest.mark.parametrize("path", ["/clients", "/clients/new", "/clients/wiki", "/clients/wiki/edit"])
async def test_the_wrong_level_and_strangers_see_nothing(bob, stranger, wiki, path):
    assert (await bob.fetch(path)).code == 403
    assert (await stranger.fetch(path)).location.startswith("/login")


@pytest.mark.parametrize("path", ["/clients", "/clients/wiki", "/clients/wiki/secret", "/clients/wiki/status"])
async def test_only_an_administrator_with_our_own_form_changes_anything(alice, bob, stranger, wiki, path):
    assert (await bob.fetch(path, "POST", FORM)).code == 403
    assert (await stranger.fetch(path, "POST", FORM)).location.startswith("/login")
    assert (await alice.fetch(path, "POST", FORM, forged=True)).code == 403


async def test_what_is_not_there_is_404(alice):
    assert (await alice.fetch("/clients/nothing")).code == 404
    assert (await alice.fetch("/clients/nothing", "POST", FORM)).code == 404


async def test_an_old_sign_in_is_asked_again(signed_in, people):
    alice = await signed_in("alice", age=700)
    for path, method, form in (("/clients/new", "GET", None), ("/clients", "POST", FORM)):
        assert (await alice.fetch(path, method, form)).location.startswith("/confirm?")


BAD_ADDRESSES = [
    "http://app.example.com/", "https://app.example.com/#x", "https://user@app.example.com/", "https://app.*.com/", "https://APP.example.com/",
    "https://app.example.com/../x", "https://app.example.com\\x", "javascript:alert(1)", "app.example.com", "https:///x", "https://app.example.com:x/",
    "https://app.example.com/%2e%2e/", "https://äpp.example.com/", "https://[::1", "x" * 501,
]  # fmt: skip


@pytest.mark.parametrize("address", BAD_ADDRESSES)
@pytest.mark.parametrize("field", ["redirect_uris", "post_logout_uris", "logout_uri"])
async def test_an_address_must_mean_one_place(alice, db, field, address):
    page = await made(alice, **{field: address})
    assert page.code == 422 and f'id="{field}-error"' in page.text
    assert not await db.all("SELECT id FROM client")


@pytest.mark.parametrize(
    "address", ["https://app.example.com/cb?x=1", "http://localhost:8080/cb", "http://127.0.0.1/", "https://app.example.com:8443/"]
)
async def test_control_good_addresses_are_taken(alice, address):
    assert (await made(alice, redirect_uris=address)).code == 200


INSIDE = [
    "http://169.254.169.254/",
    "https://169.254.169.254/",
    "https://[::1]:5000/",
    "https://127.1/",
    "https://0x7f.1/",
    "https://localhost/x",
]


@pytest.mark.parametrize("address", INSIDE)
async def test_n009_the_logout_address_leads_out_of_this_machine(alice, db, address):
    page = await made(alice, logout_uri=address)
    assert page.code == 422 and 'id="logout_uri-error"' in page.text


WRONG = [
    ("name", ""), ("name", "x" * 61), ("name", "App\u202e"), ("scopes", "openid wonder"), ("redirect_uris", ""),
    ("service", "nexus directory:read"), ("service", "mars: directory:read"), ("exchange", "nexus: wonder"),
    ("exchange", "nexus: x\nnexus: y"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG)
async def test_a_wrong_value_comes_back_in_the_form(alice, db, field, value):
    page = await made(alice, **{field: value})
    assert page.code == 422 and f'id="{field}-error"' in page.text and not await db.all("SELECT id FROM client")


async def test_a_public_program_has_nothing_in_its_own_name(alice):
    assert 'id="service-error"' in (await made(alice, public="on", service="nexus: directory:read")).text


async def test_a_program_in_its_own_name_needs_no_address(alice, db):
    page = await made(alice, redirect_uris="", service="nexus: directory:read")
    assert (await clients.by_id(db, shown(page, "client-id"))).service == {"nexus": ("directory:read",)}


async def changed(alice, id, version, **changes):
    return await alice.fetch(f"/clients/{id}", "POST", FORM | {"version": version} | changes)


async def test_a_change_is_kept_and_noted(alice, grafana, db):
    assert (await changed(alice, "grafana", 1, name="Charts")).location == "/clients/grafana"
    client = await clients.by_id(db, "grafana")
    assert (client.name, client.redirect_uris, client.version) == ("Charts", (URI,), 2)
    assert await db.value("SELECT count(*) FROM audit WHERE action = 'client.changed'") == 1


async def test_a_stale_form_is_a_conflict(alice, grafana, db):
    await changed(alice, "grafana", 1, name="Charts")
    assert (await changed(alice, "grafana", 1, name="Graphs")).code == 409
    assert (await clients.by_id(db, "grafana")).name == "Charts"


async def test_of_a_module_only_the_policies_are_changed_here(alice, wiki, treasury, db):
    before = await clients.by_id(db, "wiki")
    answer = await changed(alice, "wiki", before.version, redirect_uris="https://evil.example.com/", exchange="nexus: directory:read")
    after = await clients.by_id(db, "wiki")
    assert answer.code == 303 and after.redirect_uris == before.redirect_uris and after.exchange == {"nexus": ("directory:read",)}


async def test_switched_off_everything_it_was_given_ends(alice, bob, wiki):
    tokens = await wiki.signed_in(bob)
    assert (await alice.fetch("/clients/wiki/status", "POST", {"status": "disabled", "confirmed": "yes"})).code == 303
    assert refusal(await wiki.refresh(tokens["refresh_token"])) == (401, "invalid_client")
    assert (await bob.fetch(wiki.authorize_url())).code == 400
    await alice.fetch("/clients/wiki/status", "POST", {"status": "enabled"})
    assert refusal(await wiki.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert (await wiki.signed_in(bob))["access_token"]


async def test_a_new_secret_replaces_the_old_one(alice, grafana, db, app):
    page = await alice.fetch("/clients/grafana/secret", "POST", {"confirmed": "yes"})
    client, keys = await clients.by_id(db, "grafana"), app.spine.keys
    assert client.knows(keys, shown(page, "client-secret")) and not client.knows(keys, grafana.secret)


async def test_a_modules_or_missing_secret_is_not_renewed_here(alice, wiki, phone):
    assert (await alice.fetch("/clients/wiki/secret", "POST", "")).code == 409
    assert (await alice.fetch("/clients/phone/secret", "POST", {"confirmed": "yes"})).code == 404


async def test_a_consent_is_listed_and_taken_back(bob, carol, grafana, people, db):
    async with db.write() as tx:
        await consents.give(tx, people.bob.id, "grafana", {"openid", "profile", "email", "offline_access"}, "2026-01-01T00:00:00.000000Z")
    tokens = await grafana.signed_in(bob)
    assert "Grafana" in (await bob.fetch("/account/programs")).text and "Grafana" not in (await carol.fetch("/account/programs")).text
    assert (await carol.fetch("/account/programs/grafana/end", "POST", {"confirmed": "yes"})).code == 404
    assert (await bob.fetch("/account/programs/grafana/end", "POST", "", forged=True)).code == 403
    assert (await bob.fetch("/account/programs/grafana/end", "POST", {"confirmed": "yes"})).location == "/account/programs"
    assert refusal(await grafana.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert (await bob.fetch(grafana.authorize_url())).code == 200


async def test_a_new_module_may_read_at_the_others_and_they_at_it(wiki, treasury, db, app):
    wiki_row, treasury_row = await clients.by_id(db, "wiki"), await clients.by_id(db, "treasury")
    assert set(wiki_row.exchange) == {"nexus", "treasury"} and set(treasury_row.exchange) == {"nexus", "wiki"}
    assert await clients.register_module(db, app.spine.keys, "wiki", "https://wiki.example.com", "now") is None
    moved = await clients.by_id(db, "wiki")
    assert moved.origin == "https://wiki.example.com" and moved.exchange == wiki_row.exchange and moved.secret_mac == wiki_row.secret_mac
