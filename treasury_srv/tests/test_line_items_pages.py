"""Line items, and how single devices and people are billed, edited from a company's bill."""

import dataclasses

import msgspec
import pytest
from markupsafe import escape

from hmlib.auth.permissions import CompanyScope
from hmlib.testing.hub import ACME, CAST, GLOBEX
from treasury_srv.catalogue import homes
from treasury_srv.catalogue.billing_types import AssetOverride
from treasury_srv.tests import seeds

pytestmark = pytest.mark.gen_test
NOBODY = "018f0000-0000-7000-8000-00000000ffff"
DEVICE, PERSON = "018f0000-0000-7000-8000-0000000000d1", "018f0000-0000-7000-8000-0000000000e1"
ITEM = {"company_id": ACME, "name": "Hosting", "kind": "recurring", "quantity": "1", "unit_price": "99.5", "tax_category": "standard"}
NEW, LIST = f"/line-items/new?company_id={ACME}", "/line-items"
BILLING = (f"/companies/{ACME}/devices/{DEVICE}/billing", f"/companies/{ACME}/people/{PERSON}/billing")
PATHS = [f"/line-items/{NOBODY}", *BILLING]
OCTOBER = f"/companies/{ACME}?period=2026-10"


@pytest.fixture
def month(io_loop, db, hub):
    async def filled():
        await seeds.plan(db)
        await seeds.agreement(db)

    io_loop.run_sync(filled)
    hub.facts = seeds.directory(assets=(seeds.asset(DEVICE, "server"),), contacts=(seeds.contact(PERSON),)).companies


def beside(answer, field):
    return answer.text.partition(f'id="{field}-error">')[2].partition("<")[0]


async def audited(db):
    return [row["action"] for row in await db.all("SELECT action FROM audit ORDER BY seq")]


async def test_an_item_is_added_changed_and_deleted_from_the_bill(carol, month, db):
    assert f'href="{NEW}"' in (await carol.fetch(OCTOBER)).text
    answer = await carol.fetch(LIST, "POST", ITEM)
    assert (answer.code, answer.location) == (303, f"/companies/{ACME}")
    id = (await db.one("SELECT id FROM line_item"))["id"]
    assert f'href="/line-items/{id}"' in (await carol.fetch(OCTOBER)).text
    assert (await carol.fetch(f"/line-items/{id}", "POST", {**ITEM, "unit_price": "-10", "version": "1"})).code == 303
    assert "-$10.00" in (await carol.fetch(OCTOBER)).text
    assert (await carol.fetch(f"/line-items/{id}", "DELETE", {"confirmed": "yes", "version": "2"})).code == 303
    assert await audited(db) == ["line_item.created", "line_item.changed", "line_item.deleted"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"kind": "yearly", "month": "3", "year": "2026"}, "kind"),
        ({"kind": "recurring", "month": "3"}, "kind"),
        ({"kind": "one_off", "month": "3"}, "kind"),
        ({"kind": "one_off", "month": "3", "year": "2026", "from_on": "2026-01-01"}, "kind"),
        ({"kind": "yearly", "month": "13"}, "month"),
        ({"kind": ""}, "kind"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "-1"}, "quantity"),
        ({"unit_price": "much"}, "unit_price"),
        ({"from_on": "2026-02-01", "to_on": "2026-02-01"}, "to_on"),
    ],
)
async def test_case_d_an_item_has_exactly_one_kind_of_fee(carol, month, changed, field):
    answer = await carol.fetch(LIST, "POST", {**ITEM, **changed})
    assert answer.code == 422 and beside(answer, field) and 'value="Hosting"' in answer.text


async def test_one_name_and_kind_stands_once(carol, month):
    assert [(await carol.fetch(LIST, "POST", ITEM)).code for _ in range(2)] == [303, 422]


async def test_a_stale_item_is_a_conflict(carol, month, db):
    await carol.fetch(LIST, "POST", ITEM)
    id = (await db.one("SELECT id FROM line_item"))["id"]
    await carol.fetch(f"/line-items/{id}", "POST", {**ITEM, "unit_price": "1", "version": "1"})
    assert (await carol.fetch(f"/line-items/{id}", "POST", {**ITEM, "unit_price": "2", "version": "1"})).code == 409
    assert (await carol.fetch(f"/line-items/{id}", "DELETE", {"confirmed": "yes", "version": "1"})).code == 409


async def test_a_device_is_billed_otherwise_and_again_as_itself(carol, month, db):
    path = BILLING[0]
    assert f'href="{path}"' in (await carol.fetch(OCTOBER)).text and "pc-" in (await carol.fetch(path)).text
    assert (await carol.fetch(path, "POST", {"billing_type": "custom", "price": "42", "version": "0"})).location == f"/companies/{ACME}"
    assert "$42.00" in (await carol.fetch(OCTOBER)).text
    assert (await carol.fetch(path, "POST", {"billing_type": "no_charge", "price": "", "version": "1"})).code == 303
    assert (await db.one("SELECT billing_type, price_e4 FROM asset_override")) == {"billing_type": "no_charge", "price_e4": 0}
    assert (await carol.fetch(path, "DELETE", {"confirmed": "yes", "version": "2"})).code == 303
    assert await audited(db) == ["asset_override.created", "asset_override.changed", "asset_override.deleted"]


async def test_a_person_is_billed_otherwise(carol, month, db):
    assert (await carol.fetch(BILLING[1], "POST", {"billing_type": "free", "version": "0"})).code == 303
    assert (await db.one("SELECT contact_id, company_id, billing_type FROM contact_override")) == {
        "contact_id": PERSON,
        "company_id": ACME,
        "billing_type": "free",
    }
    assert (await carol.fetch(BILLING[1], "DELETE", {"confirmed": "yes", "version": "1"})).code == 303


@pytest.mark.parametrize("path", BILLING)
@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"billing_type": "custom", "price": ""}, "price"),
        ({"billing_type": "gold"}, "billing_type"),
        ({"billing_type": ""}, "billing_type"),
    ],
)
async def test_a_wrong_billing_type_comes_back(carol, month, path, form, field):
    answer = await carol.fetch(path, "POST", {**form, "version": "0"})
    assert answer.code == 422 and beside(answer, field)


async def test_a_stale_billing_type_is_a_conflict(carol, month):
    await carol.fetch(BILLING[0], "POST", {"billing_type": "vm", "version": "0"})
    await carol.fetch(BILLING[0], "POST", {"billing_type": "server", "version": "1"})
    assert (await carol.fetch(BILLING[0], "POST", {"billing_type": "switch", "version": "1"})).code == 409
    assert (await carol.fetch(BILLING[0], "POST", {"billing_type": "switch", "version": "0"})).code == 409


async def test_things_of_the_directory_only(carol, month):
    for path in (
        f"/companies/{ACME}/devices/{NOBODY}/billing",
        f"/companies/{GLOBEX}/devices/{DEVICE}/billing",
    ):
        assert ((await carol.fetch(path)).code, (await carol.fetch(path, "POST", {"version": "0"})).code) == (404, 404)
    assert (await carol.fetch(BILLING[0], "DELETE", {"confirmed": "yes", "version": "0"})).code == 404


async def test_billing_types_by_program(carol, month):
    draft = {"asset_id": DEVICE, "company_id": ACME, "billing_type": "custom", "price": "7"}
    made = await carol.api("/api/asset-overrides", "POST", draft)
    path = made.headers["Location"]
    assert (made.code, path, made.json["price"]) == (201, f"/api/asset-overrides/{DEVICE}", "7.00")
    assert (await carol.api("/api/asset-overrides", "POST", draft)).code == 409
    assert (await carol.api(path, "PATCH", {"billing_type": "vm"}, If_Match='"1"')).json["price"] == "0.00"
    assert (await carol.api(f"/api/asset-overrides?company_id={ACME}")).total == 1
    assert (await carol.api(path, "DELETE", If_Match='"2"')).code == 204
    person = {"contact_id": NOBODY, "company_id": ACME, "billing_type": "free"}
    assert (await carol.api("/api/contact-overrides", "POST", person)).json["errors"] == {"contact_id": "The company has no such contact."}
    assert (await carol.api("/api/contact-overrides", "POST", {**person, "contact_id": PERSON})).code == 201
    assert (await carol.api("/api/contact-overrides")).items[0]["contact_id"] == PERSON


@pytest.mark.parametrize("path", PATHS)
async def test_this_is_billings_work(bob, dave, stranger, carol, month, path):
    assert [(await who.fetch(path)).code for who in (bob, dave)] == [403, 403]
    assert (await stranger.fetch(path)).location == f"/login?next={path}"
    assert [(await who.fetch(path, "POST", {"version": "0"})).code for who in (bob, dave, stranger)] == [403, 403, 303]
    assert (await carol.fetch(path, "POST", {"version": "0"}, forged=True, Origin="https://localhost:5002")).code == 403
    assert (await carol.fetch(path)).code == (404 if NOBODY in path else 200)


async def test_a_client_sees_no_way_to_change_a_finalised_bill(dave, month, db):
    agreement = (await db.one("SELECT id, company_id FROM agreement"))["id"]
    await seeds.invoice(db, type("Known", (), {"id": agreement, "company_id": ACME}), "2026-10")
    page = (await dave.fetch(OCTOBER)).text
    assert "pc-" in page and not any(part in page for part in ("/line-items", "/billing", "/agreements", "/labour"))


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", '"><button hx-get=/api/users hx-trigger=load>', "{{7*7}}"])
async def test_n001_n010_names_are_only_text(carol, month, db, text):
    await carol.fetch(LIST, "POST", {**ITEM, "name": text})
    for path in (OCTOBER, f"/line-items/{(await db.one('SELECT id FROM line_item'))['id']}"):
        page = (await carol.fetch(path)).text
        assert str(escape(text)) in page and "<img src=x" not in page and "<button hx-get" not in page


def moved(hub, *, assets=(), contacts=()):
    """The directory has these at Globex now, and the people at both companies."""
    acme, globex = seeds.directory(contacts=contacts).companies
    hub.facts = [acme, msgspec.structs.replace(globex, assets=list(assets), contacts=list(contacts))]


async def test_case_n_a_billing_type_goes_where_the_device_goes(carol, month, db, hub):
    await carol.fetch(BILLING[0], "POST", {"billing_type": "custom", "price": "7.77", "version": "0"})
    await seeds.agreement(db, company_id=GLOBEX)
    moved(hub, assets=[seeds.asset(DEVICE, "server")])
    summary = {one["name"]: one for one in (await carol.api("/api/billing_summary?period=2026-10")).json["companies"]}
    assert (summary["Globex Freight"]["amounts"]["total"], summary["Acme Dental"]["amounts"]["total"]) == ("7.77", "0.00")
    assert "$7.77" in (await carol.fetch(f"/companies/{GLOBEX}?period=2026-10")).text
    assert "7.77" in (await carol.fetch("/companies/export?format=csv&period=2026-10")).text
    listed = await carol.api(f"/api/asset-overrides?company_id={GLOBEX}")
    assert [(one["asset_id"], one["company_id"]) for one in listed.items] == [(DEVICE, GLOBEX)]
    assert (await carol.api(f"/api/asset-overrides?company_id={ACME}")).total == 0
    assert (await carol.api(f"/api/asset-overrides?company_id={GLOBEX}&limit=5")).json == listed.json, "a page says where it is now, too"
    assert (await carol.api(f"/api/asset-overrides/{DEVICE}")).json["company_id"] == GLOBEX
    path = f"/companies/{GLOBEX}/devices/{DEVICE}/billing"
    assert (await carol.fetch(BILLING[0])).code == 404 and "7.77" in (await carol.fetch(path)).text
    assert (await carol.fetch(path, "POST", {"billing_type": "custom", "price": "8", "version": "1"})).code == 303
    assert (await db.one("SELECT company_id, price_e4 FROM asset_override")) == {"company_id": GLOBEX, "price_e4": 80_000}
    assert (await carol.fetch(path, "DELETE", {"confirmed": "yes", "version": "2"})).code == 303


async def test_case_n_a_person_of_two_companies_has_one_price_at_both(carol, month, db, hub):
    await carol.fetch(BILLING[1], "POST", {"billing_type": "custom", "price": "7.77", "version": "0"})
    await seeds.agreement(db, company_id=GLOBEX)
    moved(hub, contacts=[seeds.contact(PERSON)])
    summary = (await carol.api("/api/billing_summary?period=2026-10")).json["companies"]
    assert [one["amounts"]["total"] for one in summary] == ["7.77", "7.77"]
    for company in (ACME, GLOBEX):
        assert "$7.77" in (await carol.fetch(f"/companies/{company}?period=2026-10")).text
        assert "7.77" in (await carol.fetch(f"/companies/{company}/people/{PERSON}/billing")).text
    path = f"/companies/{GLOBEX}/people/{PERSON}/billing"
    assert (await carol.fetch(path, "POST", {"billing_type": "free", "version": "1"})).code == 303
    assert [one["amounts"]["total"] for one in (await carol.api("/api/billing_summary?period=2026-10")).json["companies"]] == [
        "0.00",
        "0.00",
    ]


def test_a_billing_type_is_seen_where_its_device_is():
    rows = [
        AssetOverride(asset_id="a1", company_id=ACME, billing_type="vm"),
        AssetOverride(asset_id="gone", company_id=ACME, billing_type="vm"),
    ]
    known = homes.homes(seeds.directory(assets=[seeds.asset("other")]), "assets") | {"a1": [GLOBEX]}
    for scope, seen in (("all", ["a1", "gone"]), ("only acme", ["gone"]), ("only globex", ["a1"])):
        rule, _, name = scope.partition(" ")
        ids = frozenset({"acme": [ACME], "globex": [GLOBEX]}.get(name, []))
        found = homes.at_home(rows, known, CompanyScope(rule, ids), "asset_id")
        assert [(row.asset_id, row.company_id) for row in found] == [(id, GLOBEX if id == "a1" else ACME) for id in seen]


async def test_a_person_with_a_price_of_their_own_is_a_user_and_no_device(carol, month):
    await carol.fetch(BILLING[1], "POST", {"billing_type": "custom", "price": "7.77", "version": "0"})
    counts = (await carol.api("/api/billing_summary?period=2026-10")).json["companies"][0]["counts"]
    assert (counts["custom"], counts["custom_users"], counts["users"], counts["server"]) == (0, 1, 0, 1)
    row = (await carol.fetch("/companies/export?format=json&period=2026-10")).json[0]
    assert (row["devices"], row["users"]) == (1, 1)


async def test_what_another_companys_bill_needs_is_not_a_limited_persons_to_change(alice, carol, month, hub, db):
    """Carol sees Acme only; the person is at Globex too. The form, the API and a file say so, and nothing is changed."""
    hub.facts = [msgspec.structs.replace(one, contacts=[seeds.contact(PERSON)]) for one in seeds.directory().companies]
    await alice.fetch(BILLING[1], "POST", {"billing_type": "custom", "price": "7.77", "version": "0"})
    hub.people[CAST["carol"].id] = dataclasses.replace(CAST["carol"], scope=CompanyScope("only", frozenset({ACME})))
    answer = await carol.fetch(BILLING[1], "POST", {"billing_type": "free", "version": "1"})
    assert answer.code == 422 and "a company that you do not see" in answer.text
    assert (await carol.fetch(BILLING[1], "DELETE", {"version": "1"})).code == 422
    path = f"/api/contact-overrides/{PERSON}"
    etag = (await carol.api(path)).headers["Etag"]
    assert (await carol.api(path, "PATCH", {"billing_type": "free"}, If_Match=etag)).code == 422
    assert (await carol.api(path, "DELETE", If_Match=etag)).code == 422
    text = f"contact_external_id,billing_type,price\next-{PERSON},free,\n"
    refused = await carol.api("/api/imports/contact-overrides?name=c.csv", "POST", raw=text.encode(), Content_Type="text/csv")
    assert "a company that you do not see" in refused.text, refused.text
    assert (await db.one("SELECT billing_type, version FROM contact_override")) == {"billing_type": "custom", "version": 1}
    assert (await alice.api(path, "PATCH", {"billing_type": "free"}, If_Match=etag)).code == 200
