"""POST /api/context: the company's first, inside the budget, the same twice, and never a word of another company."""

import pytest

from hmlib.nexus.directory import Asset
from wiki_srv.tests.conftest import ACME, ACME_COMPANY, EARLIER, GLOBEX, GLOBEX_COMPANY

pytestmark = pytest.mark.gen_test


async def ask(person, **request):
    return await person.api("/api/context", "POST", {"company_id": ACME, **request})


def articles_of(answer):
    return list(dict.fromkeys(chunk["article_id"] for chunk in answer.json["chunks"]))


async def test_the_companys_articles_come_first_then_matching_general_ones(bob, network, runbook, freight):
    answer = await ask(bob, text="The printer jams and the Wi-Fi is down")
    assert answer.code == 200
    assert articles_of(answer) == [network, runbook]
    assert [chunk["scope"] for chunk in answer.json["chunks"]] == ["company", "company", "general"]
    first = answer.json["chunks"][0]
    assert first["heading_path"] == ["Wi-Fi"] and first["url"].endswith(f"/articles/{network}#doc-wi-fi")
    assert first["text"] == "Network overview › Wi-Fi\n\nThree access points."
    assert answer.json["tokens"] == sum(chunk["tokens"] for chunk in answer.json["chunks"]) <= 4000


async def test_the_answer_has_exactly_the_fields_agreed(bob, network, welcome, runbook):
    answer = (await ask(bob, text="printer", exclude=[welcome])).json
    assert set(answer) == {"chunks", "left_out", "tokens", "as_of", "etag"}
    fields = {
        "id": str, "article_id": str, "revision": int, "title": str, "heading_path": list, "text": str, "tokens": int, "status": str,
        "scope": str, "reason": str, "score": float, "url": str,
    }  # fmt: skip
    assert [{name: type(value) for name, value in chunk.items()} for chunk in answer["chunks"]] == [fields] * 3
    assert [list(left) for left in answer["left_out"]] == [["article_id", "reason"]]
    assert answer["as_of"] == EARLIER


async def test_a_wrong_value_is_named(bob):
    answer = await ask(bob, token_budget=0)
    assert (answer.json["code"], answer.json["pointer"]) == ("invalid_value", "/token_budget")
    assert (await bob.api("/api/context", "POST", {"text": "x"})).json["code"] == "invalid_value"
    assert (await ask(bob, extra=1)).json["code"] == "unknown_field"


async def test_without_a_text_only_the_companys_own(bob, network, runbook):
    assert articles_of(await ask(bob)) == [network]


@pytest.mark.parametrize("budget", [1, 5, 12, 40, 32000])
async def test_the_budget_is_never_exceeded_and_what_is_missing_is_named(bob, network, welcome, budget):
    answer = (await ask(bob, token_budget=budget)).json
    assert answer["tokens"] <= budget
    named = {left["article_id"] for left in answer["left_out"]} | {chunk["article_id"] for chunk in answer["chunks"]}
    assert named == {network, welcome}


@pytest.mark.parametrize(
    "request_body",
    [
        {"token_budget": 0},
        {"token_budget": 32001},
        {"token_budget": "10"},
        {"company": "x"},
        {"as_of": "soon"},
        {"audience": "x"},
        {"text": 5},
    ],
)
async def test_wrong_requests_are_refused(bob, request_body):
    assert (await ask(bob, **request_body)).code == 400


async def test_the_same_question_has_the_same_answer_and_is_not_sent_twice(bob, network, runbook):
    first, second = await ask(bob, text="printer"), await ask(bob, text="printer")
    assert first.body == second.body
    again = await bob.api("/api/context", "POST", {"company_id": ACME, "text": "printer"}, If_None_Match=first.headers["Etag"])
    assert (again.code, again.body) == (304, b"")
    assert first.headers["Etag"] == f'"{first.json["etag"]}"'


async def test_the_text_is_never_echoed(bob, network):
    answer = await ask(bob, text="Xylophon7 fortigate")
    assert b"ylophon" not in answer.body


async def test_n113_another_companys_words_never_appear(bob, network, freight):
    for text in ("crane controller Zanzibar", "Globex", f"company:globex {GLOBEX} in:title crane", '") OR facets : ("general"', freight):
        answer = await ask(bob, text=text, asset_ids=[freight])
        assert articles_of(answer) == [network]
        assert not any(word in answer.text for word in ("Zanzibar", "crane", "Globex", freight))


async def test_n113_a_client_gets_its_own_client_articles_only(dave, network, welcome, freight, runbook):
    answer = await ask(dave, text="printer firewall help")
    assert articles_of(answer) == [welcome]
    assert answer.json["left_out"] == []
    assert (await dave.api("/api/context", "POST", {"company_id": GLOBEX})).code == 404


async def test_a_company_that_is_not_there_is_404(bob):
    assert (await bob.api("/api/context", "POST", {"company_id": GLOBEX[:-1] + "9"})).code == 404


async def test_secrets_are_masked(bob, write):
    await write("Router", "Password: hunter2x\n\n| User | Password |\n|---|---|\n| admin | Summer2025! |", company=ACME_COMPANY)
    answer = await ask(bob)
    assert "hunter2x" not in answer.text and "Summer2025!" not in answer.text and "[hidden]" in answer.text


async def test_articles_that_name_an_asset_come_first(bob, hub, write):
    hub.rows["assets"] = [
        Asset("018f0000-0000-7000-8000-0000000000b1", ACME, "SRV-DC-01", "server"),
        Asset("018f0000-0000-7000-8000-0000000000b2", GLOBEX, "CRANE-9", "server"),
    ]
    named = await write("Domain controller", "srv-dc-01 holds all roles.", company=ACME_COMPANY)
    await write("Newer", "Something.", company=ACME_COMPANY, at="2026-11-20T00:00:00.000000Z")
    await write("Foreign", "CRANE-9 is theirs.", company=GLOBEX_COMPANY)
    answer = await ask(bob, asset_ids=[asset.id for asset in hub.rows["assets"]])
    assert answer.json["chunks"][0]["article_id"] == named
    assert "names SRV-DC-01" in answer.json["chunks"][0]["reason"]
    assert "CRANE-9" not in answer.text


async def test_archived_and_excluded_articles_stay_out(bob, network, welcome):
    await bob.api(f"/api/articles/{network}/archive", "PUT", If_Match='"1"')
    assert articles_of(await ask(bob)) == [welcome]
    answer = await ask(bob, exclude=[welcome])
    assert answer.json["chunks"] == [] and answer.json["left_out"] == [{"article_id": welcome, "reason": "excluded"}]


async def test_a_known_chunk_is_not_sent_again(bob, network):
    first = (await ask(bob)).json["chunks"]
    rest = (await ask(bob, exclude=[first[0]["id"]])).json["chunks"]
    assert [chunk["id"] for chunk in rest] == [chunk["id"] for chunk in first[1:]]


async def test_as_of_answers_the_text_of_then(bob, network):
    await bob.api(f"/api/articles/{network}", "PATCH", {"body": "All new."}, If_Match='"1"')
    then = await ask(bob, as_of="2026-11-02T00:00:00Z")
    assert "FortiGate" in then.text and "All new." not in then.text and then.json["as_of"] == "2026-11-02T00:00:00.000000Z"
    before = await ask(bob, as_of="2020-01-01")
    assert before.json["chunks"] == [] and before.json["left_out"] == [{"article_id": network, "reason": "too_new"}]


async def test_the_audience_narrows(bob, network, welcome):
    assert articles_of(await ask(bob, audience="client")) == [welcome]


async def test_old_articles_are_ageing_then_stale(bob, write):
    for title, at in (("New", "2026-11-01"), ("Old", "2026-03-01"), ("Ancient", "2020-03-01")):
        await write(title, company=ACME_COMPANY, at=f"{at}T00:00:00.000000Z")
    answer = await ask(bob, as_of="2026-11-22")
    assert [(chunk["title"], chunk["status"]) for chunk in answer.json["chunks"]] == [
        ("New", "verified"),
        ("Old", "ageing"),
        ("Ancient", "stale"),
    ]


async def test_with_nexus_away_it_still_answers(bob, hub, network):
    await ask(bob)
    hub.away = True
    assert articles_of(await ask(bob, asset_ids=[GLOBEX])) == [network]


async def test_who_may_not(stranger, hub, network):
    assert (await ask(stranger)).code == 401
    stranger.token = hub.service_bearer("wiki", "directory:read")
    assert (await ask(stranger)).code == 403
    stranger.token = hub.service_bearer("wiki", "wiki:read")
    assert articles_of(await ask(stranger)) == [network]


async def test_a_service_names_devices_as_the_wiki_itself_knows_them(stranger, hub, write):
    """No person stands behind it whose token could be exchanged: the Wiki asks for itself."""
    hub.rows["assets"] = [Asset("018f0000-0000-7000-8000-0000000000b1", ACME, "SRV-DC-01", "server")]
    named = await write("Domain controller", "srv-dc-01 holds all roles.", company=ACME_COMPANY)
    stranger.token = hub.service_bearer("wiki", "wiki:read")
    answer = await ask(stranger, asset_ids=["018f0000-0000-7000-8000-0000000000b1"])
    assert answer.code == 200 and articles_of(answer) == [named] and hub.counted["assets"] == 1
