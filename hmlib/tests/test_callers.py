"""Tokens in a module: verified here, refreshed once, read on while Nexus is away."""

import asyncio
import time

import pytest

from hmlib.auth.sessions import Tokens
from hmlib.clock import shifted, utc_now
from hmlib.testing.hub import CAST

pytestmark = pytest.mark.gen_test


async def age(app, hub, seconds_left):
    """Put a token into alice's session that ends in so many seconds."""
    now = int(time.time())
    session = (await app.spine.sessions.by_sid("sid-alice", utc_now()))[0]
    token = hub.token(CAST["alice"], "wiki", iat=now + seconds_left - 300, exp=now + seconds_left, auth_time=now - 300)
    await app.spine.sessions.store_tokens(session, Tokens(token, now + seconds_left, "refresh-alice"))


async def test_page_views_ask_nexus_nothing(alice, hub):
    for _ in range(20):
        assert (await alice.fetch("/")).code == 200
    assert hub.counted == {"jwks": 1}


async def test_an_ending_token_is_refreshed_once_for_many_requests(alice, hub, app):
    await age(app, hub, 10)
    answers = await asyncio.gather(*(alice.fetch("/") for _ in range(12)))
    assert {answer.code for answer in answers} == {200}
    assert hub.counted["refresh"] == 1


async def test_two_processes_refresh_once(alice, hub, app, settings, db, service):
    await age(app, hub, 10)
    second = service.make_app(settings, db, hub)
    now = utc_now()
    session = (await app.spine.sessions.by_sid("sid-alice", now))[0]
    callers = [process.spine.callers.by_session(session, now) for process in (app, second)]
    assert [caller.name for caller in await asyncio.gather(*callers)] == ["alice", "alice"]
    assert hub.counted["refresh"] == 1


async def test_n110_when_nexus_says_the_session_ended_it_ends_here(alice, hub, app):
    now = int(time.time())
    session = (await app.spine.sessions.by_sid("sid-alice", utc_now()))[0]
    await app.spine.sessions.store_tokens(session, Tokens(hub.token(CAST["alice"], "wiki"), now + 5, "refresh-nobody"))
    assert (await alice.fetch("/")).code == 303
    assert await app.spine.sessions.by_sid("sid-alice", utc_now()) == []


async def test_while_nexus_is_away_work_goes_on_with_a_banner(alice, hub):
    await alice.fetch("/")
    hub.away = True
    page = await alice.fetch("/")
    assert page.code == 200 and "Nexus is not answering" in page.text
    assert (await alice.fetch("/", "POST", {"x": "1"})).code == 303


async def test_a_process_that_never_saw_nexuss_keys_says_so_and_keeps_the_session(alice, hub):
    hub.away = True
    answer = await alice.fetch("/")
    assert answer.code == 503 and answer.headers["Retry-After"] == "5"
    assert (await alice.api("/api/notes")).code == 503
    assert "__Host-hm_wiki" in alice.cookies


async def test_after_the_token_ends_one_may_read_on_but_not_write(alice, hub, app):
    await alice.fetch("/")
    await age(app, hub, -60)
    hub.away = True
    assert "you can read on" in (await alice.fetch("/")).text
    assert (await alice.fetch("/", "POST", {"x": "1"})).code == 403


async def test_reading_on_ends_after_a_quarter_of_an_hour(alice, hub, app):
    await alice.fetch("/")
    await age(app, hub, -16 * 60)
    hub.away = True
    assert (await alice.fetch("/")).code == 303


async def test_n103_an_idle_session_ends(alice, db):
    await db.run("UPDATE session SET last_seen_at = :then", then=shifted(utc_now(), -61 * 60))
    assert (await alice.fetch("/")).code == 303


async def test_n103_a_session_ends_however_busy(alice, db):
    await db.run("UPDATE session SET expires_at = :then", then=shifted(utc_now(), -1))
    assert (await alice.fetch("/")).code == 303


async def test_n174_tokens_moved_to_another_session_do_not_open(alice, bob, db):
    stolen = await db.value("SELECT tokens FROM session WHERE sid = 'sid-alice'")
    await db.run("UPDATE session SET tokens = :tokens WHERE sid = 'sid-bob'", tokens=stolen)
    assert (await bob.fetch("/")).code == 303


async def test_another_process_learns_of_a_revocation_within_a_second(bob, hub, app, settings, db, service):
    second = service.make_app(settings, db, hub).spine.callers
    await app.spine.callers.revocations.add("sid", "sid-bob", utc_now())
    await second.revocations.load(utc_now())
    claims = await second.verifier.verify(bob.token)
    assert second.revocations.hits(claims)
