"""Nothing typed is lost: a form whose session ended answers a page with every field; the same person saves it, another only knowingly."""

import asyncio
import json
import re
import time
from html import unescape

import pytest

from hmlib.auth.sessions import NewSession, Tokens
from hmlib.clock import shifted, utc_now
from hmlib.testing.hub import CAST
from hmlib.web import kept_forms
from hmlib.web.kept_forms import Author
from hmlib.web.requests import Form

pytestmark = pytest.mark.gen_test
ORIGIN = {"Origin": "https://localhost:5003"}
COOKIE = "__Host-hm_wiki"
TYPED = {"title": "Ärger <b>&\"'", "body": "line\r\n\r\n  spaced\t", "rows": "all", "version": "7", "idempotency_key": "unchanged"}


async def page_token(person):
    """What a form on a page of theirs proves itself with."""
    return unescape(re.search(r'name="_xsrf" value="([^"]+)"', (await person.fetch("/")).text)[1])


async def submit(person, fields, token="", path="/noted", **headers):
    """As a browser without JavaScript sends a form."""
    return await person.fetch(path, "POST", {**fields, "_xsrf": token}, forged=True, **{**ORIGIN, **headers})


def buttons(answer):
    return [unescape(value) for value in re.findall(r'<button [^>]*name="_xsrf" value="([^"]*)"', answer.text)]


def hidden(answer):
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text)
    return {unescape(name): unescape(value) for name, value in found if name != "_xsrf"}


async def sign_in(person, name, app, hub):
    """The browser of ``person`` with a new session for somebody of the cast."""
    who, now = CAST[name], utc_now()
    tokens = Tokens(hub.token(who, "wiki"), int(time.time()) + 300, f"refresh-{name}")
    new_session = NewSession(who.id, name, who.level, f"sid2-{name}", 0, ("pwd",), "", "", shifted(now, 3600), tokens)
    person.cookies[COOKIE], _ = await app.spine.sessions.open(new_session, now)


@pytest.fixture
def ended(app):
    async def end(name):
        await app.spine.sessions.end_user(CAST[name].id)

    return end


@pytest.mark.parametrize("cookie", ["kept", "dropped"])
async def test_what_was_typed_is_saved_after_signing_in(alice, app, hub, ended, cookie):
    token = await page_token(alice)
    await ended("alice")
    if cookie == "dropped":  # signed out in another tab
        alice.cookies.clear()
    answer = await submit(alice, TYPED, token)
    assert answer.code == 401 and hidden(answer) == TYPED and answer.headers["Cache-Control"] == "no-store"
    assert 'href="/login?next=/signed-in"' in answer.text and not answer.location
    await sign_in(alice, "alice", app, hub)
    saved = await submit(alice, hidden(answer), *buttons(answer))
    assert saved.json == {"by": "alice", "fields": TYPED, "lists": {}, "files": {}}


async def test_an_idle_session_keeps_what_was_typed(alice, db):
    token = await page_token(alice)
    await db.run("UPDATE session SET last_seen_at = :long_ago", long_ago="2020-01-01T00:00:00.000000Z")
    assert hidden(await submit(alice, TYPED, token)) == TYPED


async def test_a_session_that_nexus_ended_keeps_what_was_typed(alice, app, db):
    """The module's own row lives; Nexus refuses to refresh its token."""
    token = await page_token(alice)
    session = (await app.spine.sessions.of_user(CAST["alice"].id, utc_now()))[0]
    await app.spine.sessions.store_tokens(session, Tokens(session.tokens.access, int(time.time()) - 1, "refresh-nobody"))
    answer = await submit(alice, TYPED, token)
    assert (answer.code, hidden(answer)) == (401, TYPED)


async def test_many_values_and_long_texts_are_kept(alice, app, hub, ended):
    token = await page_token(alice)
    await ended("alice")
    body = "&".join([f"ids[]={n}" for n in range(900)] + ["body=" + "%C3%BC" * 150_000, f"_xsrf={token}"])
    answer = await alice.fetch("/noted", "POST", body, forged=True, **ORIGIN)
    assert answer.text.count('name="ids[]"') == 900 and hidden(answer)["body"] == "ü" * 150_000
    await sign_in(alice, "alice", app, hub)
    again = body.replace(f"_xsrf={token}", f"_xsrf={buttons(answer)[0]}")
    saved = await alice.fetch("/noted", "POST", again, forged=True, **ORIGIN)
    assert saved.json["lists"] == {"ids[]": [str(n) for n in range(900)]}


async def test_a_file_cannot_be_kept_and_that_is_said(alice, app, hub, ended):
    token = await page_token(alice)
    await ended("alice")
    answer = await alice.upload("/noted", {"file": ("hours.csv", b"x")}, {"note": "n", "_xsrf": token}, forged=True, **ORIGIN)
    assert "hours.csv" in answer.text and 'enctype="multipart/form-data"' in answer.text and hidden(answer) == {"note": "n"}
    await sign_in(alice, "alice", app, hub)
    fields = {"note": "n", "_xsrf": buttons(answer)[0]}
    saved = await alice.upload("/noted", {"file": ("hours.csv", b"x")}, fields, forged=True, **ORIGIN)
    assert saved.json["files"] == {"file": "hours.csv"}


async def test_pressing_too_early_loses_nothing(alice, app, hub, ended):
    token = await page_token(alice)
    await ended("alice")
    first = await submit(alice, TYPED, token)
    second = await submit(alice, hidden(first), *buttons(first))
    assert second.code == 401 and hidden(second) == TYPED and "not signed in yet" in second.text
    await sign_in(alice, "alice", app, hub)
    assert (await submit(alice, hidden(second), *buttons(second))).json["fields"] == TYPED


async def test_a_new_session_in_the_meantime_asks_for_one_click(alice, app, hub):
    token = await page_token(alice)
    await sign_in(alice, "alice", app, hub)
    answer = await submit(alice, TYPED, token)
    assert answer.code == 403 and hidden(answer) == TYPED
    assert (await submit(alice, hidden(answer), *buttons(answer))).json["fields"] == TYPED


async def test_another_person_saves_nothing_without_saying_so(alice, app, hub):
    token = await page_token(alice)
    await sign_in(alice, "bob", app, hub)
    answer = await submit(alice, TYPED, token)
    assert answer.code == 403 and "signed in as bob" in answer.text
    authors, others = buttons(answer)
    refused = await submit(alice, hidden(answer), authors)
    assert refused.code == 403 and "signed in as bob" in refused.text
    assert (await submit(alice, hidden(answer), others)).json["by"] == "bob"


async def test_the_author_may_come_back_to_anothers_page(alice, app, hub):
    token = await page_token(alice)
    await sign_in(alice, "bob", app, hub)
    answer = await submit(alice, TYPED, token)
    await sign_in(alice, "alice", app, hub)
    assert (await submit(alice, hidden(answer), buttons(answer)[0])).json["by"] == "alice"


# What must not work


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.test"}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Origin": "null"}]
)
async def test_a_page_from_elsewhere_gets_nothing_kept(alice, ended, headers):
    token = await page_token(alice)
    await ended("alice")
    answer = await submit(alice, TYPED, token, **headers)
    assert answer.code == 403 and "spaced" not in answer.text and not buttons(answer)


@pytest.mark.parametrize("token", ["", "x", "x~y", "again~x", "~", "again~again~x"])
async def test_what_we_never_made_is_refused(alice, ended, token):
    await ended("alice")
    answer = await submit(alice, TYPED, token)
    assert answer.code == 403 and not buttons(answer)


async def test_the_old_token_alone_saves_nothing_in_the_new_session(alice, app, hub):
    token = await page_token(alice)
    await sign_in(alice, "alice", app, hub)
    assert (await alice.fetch("/noted", "POST", TYPED, forged=True, X_XSRF_Token=token, **ORIGIN)).code == 403


@pytest.mark.parametrize("change", [{"title": "other"}, {"more": "x"}, {"ids[]": "1"}])
async def test_a_proof_is_good_for_what_was_typed_only(alice, app, hub, ended, change):
    token = await page_token(alice)
    await ended("alice")
    answer = await submit(alice, TYPED, token)
    await sign_in(alice, "alice", app, hub)
    assert (await submit(alice, {**TYPED, **change}, *buttons(answer))).code == 403


async def test_a_proof_is_good_for_one_address_only(alice, app, hub, ended):
    token = await page_token(alice)
    await ended("alice")
    answer = await submit(alice, TYPED, token)
    await sign_in(alice, "alice", app, hub)
    assert (await submit(alice, TYPED, *buttons(answer), path="/noted?x=1")).code == 403
    assert (await submit(alice, TYPED, *buttons(answer), path="/")).code == 403


async def test_a_proof_does_not_replace_the_origin(alice, app, hub, ended):
    token = await page_token(alice)
    await ended("alice")
    answer = await submit(alice, TYPED, token)
    await sign_in(alice, "alice", app, hub)
    assert (await submit(alice, TYPED, *buttons(answer), Origin="https://evil.test")).code == 403


def test_a_proof_grows_old_and_still_tells_the_author(app):
    keys, form, now = app.spine.keys, Form({"a": "1"}, {}, {}), utc_now()
    given = kept_forms.proof(keys, Author("u", "Alice"), "/noted", form, now)
    assert kept_forms.proves(keys, given, "u", "/noted", form, shifted(now, kept_forms.PROOF_SECONDS - 1))
    assert not kept_forms.proves(keys, given, "u", "/noted", form, shifted(now, kept_forms.PROOF_SECONDS + 1))
    assert kept_forms.author_of(keys, given) == Author("u", "Alice")


async def test_passwords_are_not_kept(alice, ended):
    token = await page_token(alice)
    await ended("alice")
    answer = await submit(alice, {"pin": "hunter2", "note": "n"}, token)
    assert "hunter2" not in answer.text and hidden(answer) == {"note": "n"} and 'type="password"' in answer.text
    answer = await submit(alice, {"word": "hunter2"}, token, path="/secret")
    assert (answer.code, answer.location, answer.body) == (303, "/login?next=/", b"")


async def test_what_was_typed_goes_into_no_log_and_no_table(alice, ended, db, caplog):
    token = await page_token(alice)
    await ended("alice")
    answer = await submit(alice, {"note": "tell-nobody"}, token)
    assert answer.code == 401 and "tell-nobody" not in caplog.text
    assert await db.all("SELECT id_hash FROM session") == [] and "tell-nobody" not in str(await db.all("SELECT * FROM audit"))


# Swaps: the page stays as it is


async def test_a_swap_of_an_ended_session_leaves_the_page_alone(alice, ended):
    token = await page_token(alice)
    await ended("alice")
    answer = await alice.fetch("/noted", "POST", TYPED, forged=True, X_XSRF_Token=token, HX_Request="true", **ORIGIN)
    assert (answer.code, answer.headers["HX-Reswap"], answer.body) == (401, "none", b"") and "HX-Redirect" not in answer.headers
    assert json.loads(answer.headers["HX-Trigger"]) == {"hm:signed-out": {"url": "/login?next=/signed-in"}}


async def test_a_swap_is_sent_again_with_the_new_token(alice, app, hub):
    token = await page_token(alice)
    await sign_in(alice, "alice", app, hub)
    answer = await alice.fetch("/noted", "POST", TYPED, forged=True, X_XSRF_Token=token, HX_Request="true", **ORIGIN)
    fresh = json.loads(answer.headers["HX-Trigger"])["hm:token"]["token"]
    saved = await alice.fetch("/noted", "POST", TYPED, forged=True, X_XSRF_Token=fresh, HX_Request="true", **ORIGIN)
    assert (answer.code, saved.json["fields"]) == (403, TYPED)


async def test_a_swap_in_anothers_session_gets_no_token(alice, app, hub):
    token = await page_token(alice)
    await sign_in(alice, "bob", app, hub)
    answer = await alice.fetch("/noted", "POST", TYPED, forged=True, X_XSRF_Token=token, HX_Request="true", **ORIGIN)
    assert answer.code == 403 and list(json.loads(answer.headers["HX-Trigger"])) == ["hm:toast"]


# How much time is left


async def test_the_page_knows_how_long_the_session_lives(alice, db):
    meta = r'<meta name="hm-session" content="(\d+)" data-most="(\d+)"'
    assert re.search(meta, (await alice.fetch("/")).text)[1] in ("3600", "3599", "3598", "3597")
    await db.run("UPDATE session SET expires_at = :soon, last_seen_at = :then", soon=shifted(utc_now(), 100), then=shifted(utc_now(), -50))
    idle, most = map(int, re.search(meta, (await alice.fetch("/")).text).groups())
    assert idle <= 3550 and most <= 100  # a visit within the minute is not noted


async def test_staying_is_a_request_like_any_other(alice, stranger, db):
    await db.run("UPDATE session SET last_seen_at = :then", then=shifted(utc_now(), -3500))
    answer = await alice.fetch("/session")
    assert (answer.code, answer.headers["X-Session-Idle"]) == (204, "3600") and int(answer.headers["X-Session-Most"]) > 3500
    for _ in range(200):  # the visit is noted beside the answer
        if await db.value("SELECT last_seen_at FROM session") > shifted(utc_now(), -1000):
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("the visit is not noted")
    assert (await stranger.fetch("/session")).code == 303
