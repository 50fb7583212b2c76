"""Articles for programs: in bulk, by id, since a time, written with If-Match, and never another company's."""

import pytest

from hmlib.nexus.directory import User
from hmlib.testing.hub import CAST
from wiki_srv.api import articles as articles_api
from wiki_srv.tests.conftest import ACME, EARLIER, GLOBEX

pytestmark = pytest.mark.gen_test
NEW = {"title": "Backup plan", "body": "# Jobs\n\nNightly.", "company_id": ACME, "folder": "Servers", "tags": ["veeam"], "message": "First"}


async def titles(person, query=""):
    return [item["title"] for item in (await person.api(f"/api/articles?{query}")).items]


async def test_the_list_answers_texts(bob, network, runbook):
    answer = await bob.api("/api/articles?sort=title")
    assert (len(answer.json), answer.next_cursor) == (2, None)
    first = answer.json[0]
    assert first["title"] == "Network overview" and first["body"].startswith("# Firewall")
    assert (first["company_id"], first["account_number"], first["version"], first["tags"]) == (ACME, "100001", 1, ["network"])
    assert first["url"].endswith(f"/articles/{network}")


async def test_bulk_by_ids_keeps_their_order_and_drops_what_is_not_there(bob, network, runbook):
    answer = await bob.api(f"/api/articles?ids={runbook},{network},{ACME}")
    assert [item["id"] for item in answer.items] == [runbook, network]
    assert (await bob.api("/api/articles:lookup", "POST", {"ids": [network]})).total == 1
    many = [f"x{number}" for number in range(5001)]
    assert (await bob.api("/api/articles?ids=" + ",".join(many[:201]))).json["code"] == "too_many_ids"
    assert [(await bob.api("/api/articles:lookup", "POST", {"ids": many[:most]})).code for most in (5000, 5001)] == [200, 400]


async def test_pages_follow_each_other(bob, write):
    for number in range(5):
        await write(f"T{number}")
    first = await bob.api("/api/articles?sort=title&limit=3")
    second = await bob.api(f"/api/articles?sort=title&limit=3&cursor={first.next_cursor}")
    assert [item["title"] for item in first.json + second.json] == ["T0", "T1", "T2", "T3", "T4"]
    assert (first.total, second.total, second.next_cursor) == (5, 5, None)
    assert (await bob.api("/api/articles?sort=title&limit=3&cursor=abc")).json["code"] == "invalid_cursor"


async def test_a_list_without_a_limit_is_whole_by_id_and_streamed(bob, write, monkeypatch):
    monkeypatch.setattr(articles_api, "MOST_TEXTS", 2)
    ids = sorted([await write(f"T{number}", "x" * number) for number in range(5)])
    whole = await bob.api("/api/articles")
    assert [item["id"] for item in whole.json] == ids and "Link" not in whole.headers
    assert (await bob.api("/api/articles", If_None_Match=whole.headers["Etag"])).code == 304
    assert await titles(bob, "sort=-title") == ["T4", "T3", "T2", "T1", "T0"]


@pytest.mark.parametrize("query", ["", "limit=1", "sort=title"])
async def test_an_unchanged_list_is_not_sent_again_and_a_changed_one_is(bob, alice, dave, write, network, welcome, query):
    first = await bob.api(f"/api/articles?{query}")
    tag = first.headers["Etag"]
    again = await bob.api(f"/api/articles?{query}", If_None_Match=tag)
    assert again.code == 304 and again.headers.get("X-Total-Count") == first.headers.get("X-Total-Count")
    assert again.headers.get("Link") == first.headers.get("Link")
    assert (await dave.api(f"/api/articles?{query}", If_None_Match=tag)).code == 200, "a client's list is another one"
    await write("A third one")
    assert (await bob.api(f"/api/articles?{query}", If_None_Match=tag)).code == 200


async def since(person, query=f"since={EARLIER}"):
    asked, _, status = query.removeprefix("since=").partition("&")
    found = (await person.api(f"/api/articles?updated_since={asked}&{status}".rstrip("&"))).json
    gone = (await person.api(f"/api/articles:gone?{query}")).json
    return sorted(item["title"] for item in found), gone["ids"]


async def test_changes_since_a_time_tell_of_archived_articles(bob, network, runbook):
    await bob.api(f"/api/articles/{network}/archive", "PUT", If_Match='"1"')
    assert await since(bob, "since=2026-11-02") == ([], [network])
    assert await since(bob) == (["Printer jam runbook"], [network])
    assert await since(bob, f"since={EARLIER}&status=archived") == (["Network overview"], [runbook])
    assert await titles(bob) == ["Printer jam runbook"]
    await bob.api(f"/api/articles/{network}/archive", "DELETE", If_Match='"2"')
    assert await since(bob, "since=2026-11-02") == (["Network overview"], [])
    for address in ("/api/articles?updated_since=yesterday", "/api/articles:gone?since=yesterday"):
        assert (await bob.api(address)).json["code"] == "invalid_updated_since"


async def test_the_gone_are_named_beside_the_list_however_many_pages_it_has(bob, write, network):
    await bob.api(f"/api/articles/{network}/archive", "PUT", If_Match='"1"')
    gone = (await bob.api(f"/api/articles:gone?since={EARLIER}")).json
    for number in range(3):
        await write(f"T{number}")
    query = f"/api/articles?updated_since={EARLIER}&limit=2"
    first = await bob.api(query)
    second = await bob.api(f"{query}&cursor={first.next_cursor}")
    assert ([len(page.json) for page in (first, second)], gone["ids"]) == ([2, 1], [network])
    assert (await bob.api(f"/api/articles:gone?since={gone['until']}")).json["ids"] == []


async def test_n113_a_client_hears_of_what_it_could_see_and_of_nothing_else(bob, dave, network, welcome, freight, runbook):
    assert await since(dave) == (["How to reach us"], [])
    for id in (network, welcome, freight, runbook):
        change = {"body": "Changed."} | ({"audience": "internal"} if id == welcome else {})
        assert (await bob.api(f"/api/articles/{id}", "PATCH", change, If_Match='"1"')).code == 200
    assert await since(dave) == ([], [welcome])
    await bob.api(f"/api/articles/{welcome}", "PATCH", {"audience": "client"}, If_Match='"2"')
    assert await since(dave) == (["How to reach us"], [])
    for id, version in ((welcome, 3), (network, 2), (freight, 2)):
        assert (await bob.api(f"/api/articles/{id}/archive", "PUT", If_Match=f'"{version}"')).code == 200
    assert await since(dave) == ([], [welcome])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("company_id=general", 1),
        (f"company_id={ACME}", 1),
        ("tag=PRINTER", 1),
        ("folder=hardware", 1),
        ("audience=client", 0),
        ("q=printer%20jam", 1),
    ],
)
async def test_filters(bob, network, runbook, query, found):
    assert len(await titles(bob, query)) == found


async def test_fields_are_picked(bob, network):
    assert (await bob.api("/api/articles?fields=title,version")).items == [{"id": network, "title": "Network overview", "version": 1}]
    assert (await bob.api("/api/articles?fields=body")).items[0]["body"].startswith("# Firewall")
    assert (await bob.api("/api/articles?fields=secret")).json["code"] == "invalid_fields"


@pytest.mark.parametrize(("limit", "code"), [("1000", 200), ("1001", 400), ("0", 400)])
async def test_a_page_has_at_most_1000(bob, network, limit, code):
    assert (await bob.api(f"/api/articles?limit={limit}")).code == code


async def test_writing_and_changing_an_article(bob, hub):
    hub.rows["users"] = [User(CAST["bob"].id, "bob", "Bob Builder", "technician")]
    made = await bob.api("/api/articles", "POST", NEW)
    assert (made.code, made.headers["Etag"]) == (201, '"1"')
    assert (made.json["space"], made.json["folder"], made.json["updated_by_name"]) == ("Acme Dental", "Servers", "Bob Builder")
    path = made.headers["Location"]
    changed = await bob.api(path, "PATCH", {"body": "Hourly.", "message": "More often"}, If_Match='"1"')
    assert (changed.code, changed.json["version"], changed.json["body"], changed.json["tags"]) == (200, 2, "Hourly.\n", ["veeam"])
    history = (await bob.api(f"{path}/revisions")).json
    assert [(item["number"], item["message"]) for item in history] == [(2, "More often"), (1, "First")]
    newest = await bob.api(f"{path}/revisions?limit=1")
    assert ([item["number"] for item in newest.json], newest.total) == ([2], 2)
    assert [item["number"] for item in (await bob.api(f"{path}/revisions?limit=1&cursor={newest.next_cursor}")).json] == [1]
    assert (await bob.api(f"{path}/revisions/1")).json["body"] == "# Jobs\n\nNightly.\n"


async def test_the_same_change_again_is_no_new_revision(bob, network):
    answer = await bob.api(f"/api/articles/{network}", "PATCH", {"title": "Network overview"}, If_Match='"1"')
    assert (answer.code, answer.json["version"]) == (200, 1)


async def test_n021_a_stale_version_is_412_and_a_missing_one_428(bob, network):
    path = f"/api/articles/{network}"
    assert (await bob.api(path, "PATCH", {"body": "x"})).code == 428
    assert (await bob.api(path, "PATCH", {"body": "x"}, If_Match='"1"')).code == 200
    assert (await bob.api(path, "PATCH", {"body": "y"}, If_Match='"1"')).json["code"] == "stale"
    assert (await bob.api(path, "PATCH", {"body": "y"}, If_Match='"x"')).code == 412
    assert [(await bob.api(f"{path}/archive", verb)).code for verb in ("PUT", "DELETE")] == [428, 428]
    assert [(await bob.api(f"{path}/archive", verb, If_Match='"1"')).json["code"] for verb in ("PUT", "DELETE")] == ["stale", "stale"]
    assert (await bob.api(f"{path}/archive", "PUT", If_Match='"2"')).json["status"] == "archived"


async def test_n020_a_repeated_request_is_done_once(bob):
    first, again = [await bob.api("/api/articles", "POST", NEW, Idempotency_Key="k1") for _ in range(2)]
    assert (first.code, again.code, again.body, again.headers["Etag"]) == (201, 201, first.body, '"1"')
    assert again.location == first.location == f"/api/articles/{first.json['id']}"
    other = await bob.api("/api/articles", "POST", {**NEW, "title": "Another"}, Idempotency_Key="k1")
    assert (other.code, other.json["code"]) == (422, "idempotency_key_reused")
    assert await titles(bob) == ["Backup plan"]


async def test_an_article_is_not_sent_twice(bob, network):
    etag = (await bob.api(f"/api/articles/{network}")).headers["Etag"]
    assert (await bob.api(f"/api/articles/{network}", If_None_Match=etag)).code == 304


async def test_a_title_is_taken_once(bob):
    assert (await bob.api("/api/articles", "POST", NEW)).code == 201
    answer = await bob.api("/api/articles", "POST", {**NEW, "title": "backup PLAN"})
    assert (answer.code, answer.json["code"], list(answer.json["errors"])) == (409, "conflict", ["title"])
    other = (await bob.api("/api/articles", "POST", {**NEW, "title": "Other"})).location
    assert (await bob.api(other, "PATCH", {"title": NEW["title"]}, If_Match='"1"')).json["code"] == "conflict"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"title": ""}, 422),
        ({"title": "x" * 300}, 422),
        ({"audience": "all"}, 400),
        ({"status": "archived"}, 400),
        ({"company_id": GLOBEX[:-1] + "9"}, 422),
        ({"tags": "x"}, 400),
        ({"folder": ".."}, 422),
        ({"body": "x" * 500_001}, 400),
    ],
)
async def test_wrong_values_are_refused(bob, change, code):
    assert (await bob.api("/api/articles", "POST", {**NEW, **change})).code == code


async def test_everything_that_is_wrong_is_said_at_once(bob):
    answer = await bob.api("/api/articles", "POST", {"title": "", "body": "x", "folder": "..", "company_id": GLOBEX[:-1] + "9"})
    assert (answer.json["code"], sorted(answer.json["errors"])) == ("invalid", ["company_id", "folder", "title"])


@pytest.mark.parametrize("raw", [b"[]", b"null", b'{"title":1,"title":2}', b"\xff", b'{"title":NaN}', b"[" * 20000])
async def test_n014_malformed_json_is_refused(bob, raw):
    answer = await bob.api("/api/articles", "POST", raw=raw)
    assert answer.code == 400 and answer.headers["Content-Type"] == "application/problem+json"


async def test_who_may_not(stranger, carol, dave, network):
    assert (await stranger.api("/api/articles")).code == 401
    for person in (carol, dave):
        assert (await person.api("/api/articles", "POST", NEW)).json["code"] == "insufficient_scope"
        assert (await person.api(f"/api/articles/{network}", "PATCH", {"body": "x"}, If_Match='"1"')).code == 403
        assert (await person.api(f"/api/articles/{network}/archive", "DELETE")).code == 403


async def test_n113_another_companys_article_does_not_exist(dave, network, welcome, freight, runbook):
    assert await titles(dave) == ["How to reach us"]
    assert (await dave.api("/api/articles")).total == 1
    for id in (network, freight, runbook):
        for path in (f"/api/articles/{id}", f"/api/articles/{id}/revisions", f"/api/articles/{id}/revisions/1"):
            assert (await dave.api(path)).code == 404
            assert (await dave.api(path, If_None_Match='"1"')).code == 404
    assert await titles(dave, f"ids={network},{freight},{runbook}") == []
    assert await titles(dave, f"company_id={GLOBEX}") == []
    assert await titles(dave, "updated_since=2026-01-01") == ["How to reach us"]


async def test_a_service_reads_with_its_own_scope(stranger, hub, network):
    stranger.token = hub.service_bearer("wiki", "wiki:read")
    assert await titles(stranger) == ["Network overview"]
    assert (await stranger.api("/api/articles", "POST", NEW)).code == 403
    stranger.token = hub.service_bearer("wiki", "directory:read")
    assert (await stranger.api("/api/articles")).code == 403


async def test_a_service_writes_for_a_company_that_has_no_space_yet(stranger, hub):
    stranger.token = hub.service_bearer("wiki", "wiki:read wiki:write")
    made = await stranger.api("/api/articles", "POST", NEW)
    assert (made.code, made.json["space"]) == (201, "Acme Dental") and "exchange" not in hub.counted
    unknown = await stranger.api("/api/articles", "POST", NEW | {"company_id": CAST["bob"].id})
    assert unknown.code in (404, 422)


async def test_the_description_names_every_address(stranger):
    paths = (await stranger.api("/api/openapi.json")).json["paths"]
    assert {"/api/articles", "/api/articles/{id}", "/api/articles:lookup", "/api/context"} <= set(paths)
