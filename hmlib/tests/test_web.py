"""Pages and API: who gets in, what is refused, and what every answer carries."""

import time

import pytest

from hmlib.clock import shifted, utc_now
from hmlib.records.audit import Actor
from hmlib.testing.hub import ACME, GLOBEX
from hmlib.web.headers import EVERY_ANSWER
from hmlib.web.requests import next_path

pytestmark = pytest.mark.gen_test
HTMX = {"HX_Request": "true"}


async def test_a_signed_in_person_gets_the_page(alice):
    answer = await alice.fetch("/")
    assert answer.code == 200 and "<h1" in answer.text


async def test_a_stranger_is_sent_to_sign_in_and_back(stranger):
    answer = await stranger.fetch("/?text=a%20b")
    assert (answer.code, answer.location) == (303, "/login?next=/%3Ftext%3Da%2520b")


async def test_a_signed_out_swap_is_told_to_load_the_sign_in_page(stranger):
    answer = await stranger.htmx("/names?ids=x", HX_Current_URL="https://localhost:5003/companies?q=a")
    assert (answer.code, answer.headers["HX-Redirect"]) == (401, "/login?next=/companies%3Fq%3Da")


async def test_the_wrong_role_is_refused(dave):
    assert (await dave.fetch("/", "POST", {})).code == 403


async def test_a_method_without_a_mark_lets_nobody_in(alice):
    assert (await alice.fetch("/unmarked")).code == 403


async def test_unknown_addresses_are_404_for_everyone(alice, stranger):
    assert [(await person.fetch("/nothing")).code for person in (alice, stranger)] == [404, 404]


async def test_unknown_addresses_below_api_are_problems(alice):
    answer = await alice.api("/api/nothing:lookup", "POST", {})
    assert (answer.code, answer.json["code"], answer.headers["Content-Type"]) == (404, "not_found", "application/problem+json")


async def test_a_form_works_and_says_so_on_the_next_page(bob):
    answer = await bob.fetch("/", "POST", {"x": "1"})
    assert (answer.code, answer.location) == (303, "/")
    assert "Noted." in (await bob.fetch("/")).text
    assert "Noted." not in (await bob.fetch("/")).text


async def test_n025_without_a_token_a_form_is_refused(bob):
    answer = await bob.fetch("/", "POST", {"x": "1"}, forged=True, Origin="https://localhost:5003")
    assert answer.code == 403


async def test_n026_an_equal_pair_made_elsewhere_is_refused(bob):
    bob.cookies["_xsrf"] = "zz"
    answer = await bob.fetch("/", "POST", {"_xsrf": "zz"}, forged=True, Origin="https://localhost:5003")
    assert answer.code == 403


async def test_n027_anothers_token_is_refused(bob, alice):
    bob.binding = alice.binding
    assert (await bob.fetch("/", "POST", {"x": "1"})).code == 403


async def test_n027_a_token_in_the_address_does_not_count(bob, app):
    from hmlib.web import xsrf

    token = xsrf.token(app.spine.keys, bob.binding)
    answer = await bob.fetch(f"/?_xsrf={token}", "POST", {"x": "1"}, forged=True, Origin="https://localhost:5003")
    assert answer.code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
async def test_n028_a_request_from_elsewhere_is_refused(bob, site):
    assert (await bob.fetch("/", "POST", {"x": "1"}, Sec_Fetch_Site=site)).code == 403


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "https://localhost:5000"])
async def test_n030_a_foreign_origin_is_refused(bob, origin):
    assert (await bob.fetch("/", "POST", {"x": "1"}, Origin=origin)).code == 403


async def test_n033_changing_methods_only_where_offered(alice):
    answer = await alice.fetch("/names", "DELETE")
    assert answer.code == 405 and "GET" in answer.headers["Allow"]


async def test_n034_an_attackers_cookie_beside_ours_changes_nothing(alice):
    ours = alice.cookies["__Host-hm_wiki"]
    for pair in (f"__Host-hm_wiki={'x' * 43}; __Host-hm_wiki={ours}", f"hm_wiki={ours}"):
        alice.cookies = {}
        answer = await alice.fetch("/", Cookie=pair)
        assert answer.code == (200 if ours in pair and "__Host" in pair else 303)


async def test_n035_a_cookie_is_bound_to_the_host(alice, bob):
    answer = await bob.fetch("/", "POST", {"x": "1"})
    for line in answer.headers.get_list("Set-Cookie"):
        assert line.startswith("__Host-") and len(line) < 4096
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= {part.strip().lower() for part in line.split(";")}
        assert "domain=" not in line.lower()


async def test_n038_no_nonce_comes_twice(alice):
    policies = {(await alice.fetch("/")).headers["Content-Security-Policy"] for _ in range(20)}
    assert len(policies) == 20


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/broken", "/api/notes", "/api/missing", "/unmarked", "/login?form=1", "/static/0000000000000000/hive.css"]
)
async def test_n039_every_answer_carries_every_header(alice, path):
    answer = await alice.fetch(path)
    wanted = {name: value for name, value in EVERY_ANSWER.items() if name != "Strict-Transport-Security"}
    assert {name: answer.headers.get(name) for name in wanted} == wanted
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in answer.headers  # the test speaks to a loopback name


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        *(
            (evil, "/")
            for evil in ("https://evil", "//evil", "///evil", "/\\evil", "/%5cevil", "/%09/evil", "HTTPS:evil", "http:///evil", "/..//evil")
        ),
        *(
            (evil, "/")
            for evil in ("https://localhost:5003//evil", "https://localhost:5003@evil", "javascript:alert(1)", "", "/a\nb", "/a b")
        ),
        ("/ok?u=https://evil", "/ok?u=https://evil"),
        ("https://localhost:5003/ok", "/ok"),
        ("/companies?q=a%20b&sort=-name", "/companies?q=a%20b&sort=-name"),
    ],
)
def test_n041_next_stays_on_this_host(asked, answered):
    assert next_path(asked, "https://localhost:5003") == answered


async def test_n001_text_is_escaped(alice):
    answer = await alice.fetch("/?text=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    assert "<img src=x" not in answer.text and "&lt;img src=x" in answer.text


async def test_n010_template_syntax_is_shown_as_it_is(alice):
    assert "{{7*7}}" in (await alice.fetch("/?text=%7B%7B7*7%7D%7D")).text


@pytest.mark.parametrize("query", ["a=1&a=2", "text=%ff"])
async def test_n017_ambiguous_parameters_are_refused(alice, query):
    assert (await alice.fetch("/?" + query)).code == 400


async def test_n017_a_field_twice_is_refused(bob):
    assert (await bob.fetch("/", "POST", "x=1&x=2")).code == 400
    assert (await bob.fetch("/?x=1", "POST", "x=2")).code == 400


async def test_a_file_arrives_as_sent(alice):
    answer = await alice.upload("/upload", {"file": ("a b.csv", b"\x00\r\nx")}, {"note": "  spaced "})
    assert answer.text.strip() == "<ul><li>a b.csv</li><li>4</li><li>  spaced </li></ul>"


async def test_n053_a_foreign_host_is_misdirected(alice):
    assert (await alice.fetch("/", Host="evil.test")).code == 421
    assert (await alice.api("/api/notes", Host="evil.test")).code == 421
    assert (await alice.fetch("/nothing", Host="evil.test")).code == 421


async def test_n057_a_large_body_is_a_413_problem(alice):
    answer = await alice.api("/api/notes", "POST", raw=b'{"text":"' + b"x" * 1024 * 1024 + b'"}')
    assert (answer.code, answer.json["code"]) == (413, "too_large")


async def test_n063_compressed_bodies_are_refused(alice):
    assert (await alice.api("/api/notes", "POST", raw=b"x", Content_Encoding="gzip")).code == 415


async def test_n179_what_nobody_foresaw_says_nothing(alice):
    answer = await alice.fetch("/broken")
    assert answer.code == 500 and "hunter2" not in answer.text and answer.headers["X-Request-ID"] in answer.text


# The API


async def test_the_api_answers_a_token(alice):
    answer = await alice.api("/api/notes")
    assert (answer.code, answer.json) == (200, {"text": "hello", "number": 0})


async def test_the_api_does_not_know_cookies(alice):
    alice.token = ""
    answer = await alice.fetch("/api/notes")
    assert (answer.code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="hivematrix"')


async def test_a_bad_token_is_401(stranger, hub):
    stranger.token = hub.token(hub.people["018f0000-0000-7000-8000-000000000001"], "treasury")
    answer = await stranger.api("/api/notes")
    assert answer.code == 401 and 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert answer.headers["Content-Type"] == "application/problem+json" and answer.json["request_id"] == answer.headers["X-Request-ID"]


GENERAL = "The token is not valid here."


async def test_n128_a_good_token_for_another_service_says_so_and_how_to_get_the_right_one(stranger, hub):
    person = hub.people["018f0000-0000-7000-8000-000000000001"]
    now = int(time.time())
    stranger.token = hub.token(person, "nexus")
    answer = await stranger.api("/api/notes")
    assert answer.code == 401 and answer.headers["WWW-Authenticate"] == 'Bearer realm="hivematrix", error="invalid_token"'
    said = answer.json["detail"]
    assert said.startswith("This token is for another service, nexus. Ask https://") and said.endswith(
        '/api/token for one with "audience": "wiki".'
    )
    head, _, tail = stranger.token.rpartition(".")
    forged = f"{head}.{tail[:-2]}{'AA' if tail[-2:] != 'AA' else 'gA'}"
    other_time = {"iat": now - 900, "exp": now - 600}
    for token in (
        forged,
        hub.token(person, "nexus", **other_time),
        hub.token(person, "nexus", iss="https://evil.test"),
        hub.token(person, "nexus", jti=None),
        hub.token(person, ["nexus"]),
        hub.token(person, "<b>x"),
        hub.signed({"aud": "nexus", "exp": now + 300}, "at+jwt"),
        hub.token(person, "wiki", **other_time),
    ):
        stranger.token = token
        answer = await stranger.api("/api/notes")
        assert (answer.code, answer.json["detail"]) == (401, GENERAL), token


async def test_a_missing_right_is_403(dave):
    answer = await dave.api("/api/notes", "POST", {"text": "x"})
    assert answer.code == 403 and 'error="insufficient_scope", scope="wiki:write"' in answer.headers["WWW-Authenticate"]


async def test_a_narrow_token_is_narrow(alice, hub):
    alice.token = hub.token(hub.people["018f0000-0000-7000-8000-000000000001"], "wiki", scope="wiki:read")
    assert [(await alice.api("/api/notes")).code, (await alice.api("/api/notes", "POST", {"text": "x"})).code] == [200, 403]


async def test_n138_a_token_in_the_address_or_twice_is_400(alice):
    assert (await alice.api(f"/api/notes?access_token={alice.token}")).code == 400
    assert (await alice.api("/api/notes", Authorization=f"Bearer {alice.token} {alice.token}")).code == 400


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b'"x"',
        b"null",
        b'{"text":"a"}{"text":"b"}',
        b"\xef\xbb\xbf{}",
        b"\xff",
        b'{"text":NaN}',
        b"[" * 20000,
        b'{"text":"a","text":"b"}',
        b"",
    ],
)
async def test_n014_json_that_cannot_be_taken_is_400(alice, raw):
    answer = await alice.api("/api/notes", "POST", raw=raw)
    assert answer.code == 400 and answer.json["code"] in ("malformed_json", "invalid_value")


async def test_n016_unknown_fields_are_refused(alice):
    answer = await alice.api("/api/notes", "POST", {"text": "x", "is_admin": True})
    assert (answer.code, answer.json["code"]) == (400, "unknown_field")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"])
async def test_n015_other_media_types_are_415(alice, kind):
    assert (await alice.api("/api/notes", "POST", raw=b'{"text":"x"}', Content_Type=kind)).code == 415


async def test_n021_a_write_needs_the_version_it_is_based_on(alice):
    assert (await alice.api("/api/notes", "PUT", {})).code == 428
    assert (await alice.api("/api/notes", "PUT", {}, If_Match='"abc"')).code == 412
    assert (await alice.api("/api/notes", "PUT", {}, If_Match='"7"')).code == 200


@pytest.mark.parametrize(("given", "code"), [
    ("*", 200), (' "6", "7" ', 200), ('"a,b","7"', 200), (',"7",,', 200),
    ('"6"', 412), ('"6", "8"', 412), ('W/"7"', 412), ('""', 412),
    ("7", 400), ('"7', 400), ("", 400), ('*, "7"', 400), ('"7" "8"', 400), ("w/\"7\"", 400),
])  # fmt: skip
async def test_if_match_is_read_as_rfc_9110_has_it(alice, given, code):
    assert (await alice.api("/api/notes", "PUT", {}, If_Match=given)).code == code


async def test_an_unchanged_answer_costs_nothing(alice):
    first = await alice.api("/api/notes")
    again = await alice.api("/api/notes", If_None_Match=first.headers["Etag"])
    assert (again.code, again.body) == (304, b"")


async def test_n065_ranges_are_not_offered(alice):
    assert (await alice.api("/api/notes", Range="bytes=0-1")).code == 200


async def test_the_description_lists_the_api(stranger):
    document = (await stranger.api("/api/openapi.json")).json
    assert document["openapi"] == "3.1.0" and set(document["paths"]["/api/notes"]) == {"get", "post", "put"}
    assert (await stranger.fetch("/api/docs")).code == 200


async def test_a_policy_report_is_taken(stranger):
    assert (await stranger.send("/csp-report", "POST", b"{}", {"Content-Type": "application/csp-report"})).code == 204


# The directory on the caller's behalf


async def test_a_page_asks_the_directory_once(alice, hub):
    answer = await alice.fetch(f"/names?ids={ACME},{GLOBEX},{ACME},unknown")
    assert "Acme Dental" in answer.text and "Globex Freight" in answer.text
    assert hub.counted == {"jwks": 1, "companies": 1}


async def test_a_client_sees_only_its_company(dave):
    answer = await dave.fetch(f"/names?ids={ACME},{GLOBEX}")
    assert "Acme Dental" in answer.text and "Globex" not in answer.text


# Settings


async def test_settings_are_kept_and_audited(alice):
    answer = await alice.fetch(
        "/settings", "POST", {"time_zone": "Europe/Copenhagen", "session_idle_minutes": "30", "session_absolute_hours": "8"}
    )
    assert answer.code == 303
    assert "Europe/Copenhagen" in (await alice.fetch("/settings")).text
    assert "30" in (await alice.fetch("/audit")).text


async def test_a_wrong_setting_comes_back_with_its_reason(alice):
    answer = await alice.fetch(
        "/settings", "POST", {"time_zone": "Mars/Olympus", "session_idle_minutes": "0", "session_absolute_hours": "8"}
    )
    assert answer.code == 422 and "Mars/Olympus" in answer.text


async def test_settings_are_for_administrators(bob):
    assert [(await bob.fetch(path)).code for path in ("/settings", "/audit", "/settings/file")] == [403, 403, 403]


async def test_settings_travel_as_a_file(alice):
    file = (await alice.fetch("/settings/file")).body.replace(b"UTC", b"Asia/Tokyo")
    assert (await alice.upload("/settings/file", {"file": ("s.json", file)}, {"confirmed": "yes"})).code == 303
    assert (await alice.api("/api/settings")).json["settings"]["time_zone"] == "Asia/Tokyo"


@pytest.mark.gen_test
async def test_the_mark_of_the_suite_is_fetched_once_a_page(alice, stranger):
    """As the tab's icon; where the page itself shows it, it stands in the page."""
    for answer in (await alice.fetch("/settings"), await stranger.fetch("/nosuch")):
        assert (answer.text.count("favicon.svg"), answer.text.count('<i class="hm-mark"')) == (1, 1)


# Secrets among the settings

OTHERS = {"time_zone": "UTC", "session_idle_minutes": "30", "session_absolute_hours": "8"}
YES = {"confirmed": "yes"}
WORD = "correct horse battery"


async def kept(app):
    return await app.spine.preferences.secret(app.spine.db, "smtp_password", app.spine.keys)


async def test_a_secret_is_saved_shown_as_set_and_told_to_nobody(alice, app, db):
    assert "It is not set." in (await alice.fetch("/settings")).text
    assert (await alice.fetch("/settings", "POST", {**OTHERS, "smtp_password": WORD})).code == 303
    assert await kept(app) == WORD
    assert (await alice.api("/api/settings")).json["secrets"] == {"smtp_password": "set"}
    page = (await alice.fetch("/settings")).text
    assert "It is set and never shown." in page and 'placeholder="set"' in page
    everywhere = [
        page,
        str((await alice.api("/api/settings")).json),
        (await alice.fetch("/settings/file")).text,
        (await alice.fetch("/audit")).text,
    ]
    everywhere += [(await alice.api("/api/audit")).body.decode(), str(await db.all("SELECT * FROM preference"))]
    assert not any(WORD in text for text in everywhere)


async def test_a_secret_is_kept_by_an_empty_field_replaced_and_removed(alice, app):
    for fields, value in (
        ({"smtp_password": WORD}, WORD), ({"smtp_password": ""}, WORD), ({"smtp_password": "another"}, "another"),
        ({"smtp_password": "new", "smtp_password_remove": "on"}, "new"), ({"smtp_password": "", "smtp_password_remove": "on"}, ""),
    ):  # fmt: skip
        assert (await alice.fetch("/settings", "POST", {**OTHERS, **fields})).code == 303
        assert await kept(app) == value


async def test_a_typed_secret_is_not_in_the_form_that_comes_back(alice, app):
    answer = await alice.fetch("/settings", "POST", {**OTHERS, "time_zone": "Mars/Olympus", "smtp_password": WORD})
    assert answer.code == 422 and WORD not in answer.text and await kept(app) == ""


async def test_a_program_sets_a_secret_and_reads_the_settings_back_without_harm(alice, app):
    answer = await alice.api("/api/settings", "PATCH", {"settings": {"smtp_password": WORD}})
    assert answer.code == 200 and answer.json["secrets"] == {"smtp_password": "set"} and WORD not in str(answer.json)
    assert (await alice.api("/api/settings", "PATCH", {"settings": answer.json["settings"]})).code == 200
    assert await kept(app) == WORD
    await alice.api("/api/settings", "PATCH", {"settings": {"smtp_password": "-"}})
    assert await kept(app) == ""


async def test_a_file_of_settings_names_its_missing_secrets_and_brings_none(alice, app):
    await alice.fetch("/settings", "POST", {**OTHERS, "smtp_password": WORD})
    file = (await alice.fetch("/settings/file")).json
    assert file["secrets"] == ["smtp_password"] and "smtp_password" not in file["settings"]
    assert (await alice.upload("/settings/file", {"file": ("s.json", (await alice.fetch("/settings/file")).body)}, YES)).code == 303
    assert await kept(app) == WORD
    with_one = b'{"format":"hivematrix-settings/1","settings":{"smtp_password":"planted"}}'
    answer = await alice.upload("/settings/file", {"file": ("s.json", with_one)}, YES)
    assert answer.code == 422 and "A secret is not taken from a file" in answer.text and await kept(app) == WORD


async def test_a_setting_saved_by_one_process_holds_for_the_next_request_of_another(alice, hub, app, settings, db, service):
    """Idle sessions end by the setting as it stands, and the state comes with the session's row: no statement more."""
    second = service.make_app(settings, db, hub)
    await alice.fetch("/settings", "POST", {**OTHERS, "session_idle_minutes": "60"})
    await db.run("UPDATE session SET last_seen_at = :then", then=shifted(utc_now(), -40 * 60))
    async with db.write() as tx:
        actor = Actor("u", "somebody")
        await second.spine.preferences.save(tx, {"session_idle_minutes": "30"}, actor=actor, now=utc_now())
    assert (await alice.fetch("/")).code == 303


async def test_a_page_costs_one_statement_for_session_scope_and_settings_together(bob, db):
    await bob.fetch("/")
    before = db.statements
    await bob.fetch("/")
    assert db.statements == before + 1


# Forms that ask for more than a POST


async def test_a_form_names_put_and_delete_in_a_field(alice, app):
    answers = [(await alice.fetch("/state", "POST", {"_method": method})) for method in ("put", "DELETE", "patch", "")]
    assert [(answer.code, answer.text if answer.code == 200 else "") for answer in answers] == [
        (200, "PUT"),
        (200, "DELETE"),
        (405, ""),
        (405, ""),
    ]


async def test_the_method_a_form_names_is_checked_as_that(dave, alice):
    assert (await dave.fetch("/state", "POST", {"_method": "put"})).code == 200
    assert (await dave.fetch("/state", "POST", {"_method": "delete"})).code == 403
    assert (await alice.fetch("/state", "POST", {"_method": "delete"}, forged=True)).code == 403
    assert (await alice.fetch("/state?_method=delete")).code == 405


async def test_a_question_comes_back_with_everything_that_was_sent(alice):
    asked = await alice.fetch("/question", "POST", {"a": "1", "_method": "DELETE"})
    assert asked.code == 200 and "Delete it?" in asked.text
    for field in ('name="a" value="1"', 'name="_method" value="DELETE"', 'name="confirmed" value="yes"'):
        assert field in asked.text
    assert (await alice.fetch("/question", "POST", {"a": "1", "_method": "DELETE", "confirmed": "yes"})).text == "gone"


async def test_what_a_toast_tells_can_be_undone_by_a_form(alice):
    await alice.fetch("/state", "POST", {"_method": "put"})
    page = (await alice.fetch("/")).text
    assert 'action="/state"' in page and 'name="_method" value="DELETE"' in page and "Undo" in page
    assert "Undo" not in (await alice.fetch("/")).text
