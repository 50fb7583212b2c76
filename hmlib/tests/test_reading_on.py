"""While Nexus is away browsers and programs read on alike: as long, as little, and told in the same way."""

import asyncio
import time

import pytest

from hmlib.auth.sessions import CLAIM_SECONDS, Tokens
from hmlib.clock import shifted, utc_now
from hmlib.nexus.transport import REQUEST_SECONDS, NexusDown, NexusRefused, NexusSilent
from hmlib.testing.hub import ACME, CAST, GLOBEX

pytestmark = pytest.mark.gen_test


async def session_of(app, name="alice"):
    found = await app.spine.sessions.by_sid(f"sid-{name}", utc_now())
    return found[0] if found else None


def token(hub, name, seconds_left, **changes):
    now = int(time.time())
    return hub.token(CAST[name], "wiki", iat=now + seconds_left - 300, exp=now + seconds_left, auth_time=now - 300, **changes)


async def age(app, hub, seconds_left, name="alice", refresh="refresh-alice"):
    """Put a token into somebody's session that ends in so many seconds."""
    ends = int(time.time()) + seconds_left
    await app.spine.sessions.store_tokens(await session_of(app, name), Tokens(token(hub, name, seconds_left), ends, refresh))


# Programs


@pytest.mark.parametrize(("ended", "read", "written"), [(-100, 200, 201), (60, 200, 403), (14 * 60, 200, 403), (16 * 60, 401, 401)])
async def test_a_program_reads_on_as_long_as_a_browser_and_writes_no_longer(bob, hub, ended, read, written):
    await bob.api("/api/notes")
    hub.away, bob.token = True, token(hub, "bob", -ended)
    assert (await bob.api("/api/notes")).code == read
    assert (await bob.api("/api/notes", "POST", {"text": "x"})).code == written


async def test_it_is_said_in_the_same_way(alice, bob, hub, app):
    await alice.fetch("/")
    await bob.api("/api/notes")
    await age(app, hub, -60)
    hub.away, bob.token = True, token(hub, "bob", -60)
    page, answer = await alice.fetch("/"), await bob.api("/api/notes")
    assert page.headers["X-HiveMatrix-Notice"] == answer.headers["X-HiveMatrix-Notice"] == "read-only"
    page, answer = await alice.fetch("/", "POST", {"x": "1"}), await bob.api("/api/notes", "POST", {"text": "x"})
    assert (page.code, answer.code, answer.json["code"]) == (403, 403, "read_only")
    assert answer.json["detail"] in page.text


async def test_a_token_that_ended_is_good_for_nothing_while_nexus_answers(bob, hub):
    await bob.api("/api/notes")
    bob.token = token(hub, "bob", -60)
    assert (await bob.api("/api/notes")).code == 401


async def test_a_revoked_token_does_not_read_on(bob, hub, app):
    await bob.api("/api/notes")
    await app.spine.callers.revocations.add("sid", "sid-bob", utc_now())
    hub.away, bob.token = True, token(hub, "bob", -60)
    assert (await bob.api("/api/notes")).code == 401


async def test_a_process_that_begins_knows_what_was_revoked_before(bob, hub, app, settings, db, service):
    await app.spine.callers.revocations.add("sid", "sid-bob", utc_now())
    second = service.make_app(settings, db, hub)
    with pytest.raises(Exception, match="revoked"):
        await second.spine.callers.by_bearer(bob.token, utc_now())


async def test_what_one_may_see_is_known_in_every_process_once_one_has_asked(bob, dave, hub, settings, db, service, app):
    await dave.api("/api/notes")
    second = service.make_app(settings, db, hub).spine.callers
    await second.verifier.verify(dave.token)
    hub.away = True
    caller = await second.by_bearer(dave.token, shifted(utc_now(), 5 * 60))
    assert caller.scope.sees(ACME) and not caller.scope.sees(GLOBEX)


async def test_an_old_scope_is_no_scope(dave, hub, app):
    await dave.api("/api/notes")
    hub.away = True
    app.spine.callers.scopes._held.drop(CAST["dave"].id)
    with pytest.raises(NexusDown):
        await app.spine.callers.scopes.of(CAST["dave"].id, "client", shifted(utc_now(), 16 * 60), 900)


async def test_a_scope_that_changed_is_not_what_is_shown_while_nexus_is_away(dave, hub, app):
    await dave.fetch("/")
    await dave.api("/api/notes")
    await app.spine.sessions.forget_scope(CAST["dave"].id)
    await app.spine.callers.revocations.add("scope", CAST["dave"].id, utc_now())
    assert hub.forgotten == [CAST["dave"].id]
    hub.away = True
    assert (await dave.fetch("/")).code == 503
    assert (await dave.api("/api/notes")).code == 503


async def test_an_answer_that_was_under_way_when_the_scope_changed_is_not_kept(dave, hub, app, db):
    scopes, asked = app.spine.callers.scopes, hub.scopes

    async def changed_meanwhile(ids):
        answer = await asked(ids)
        await app.spine.sessions.forget_scope(CAST["dave"].id)
        scopes.forget(CAST["dave"].id)
        return answer

    hub.scopes = changed_meanwhile
    await dave.api("/api/notes")
    assert await db.value("SELECT scope FROM user_scope WHERE user_id = :id", id=CAST["dave"].id) == ""
    assert len(scopes._held) == 0


async def test_a_scope_that_is_seen_to_have_changed_drops_the_directorys_answers(dave, hub, app, db):
    await dave.fetch("/")
    await db.run("UPDATE user_scope SET scope = :other, at = :old", other='{"rule":"all","ids":[]}', old=shifted(utc_now(), -70))
    await dave.fetch("/")
    assert hub.forgotten == [CAST["dave"].id]


async def test_how_long_is_a_setting(alice, hub, app, db):
    await db.run("INSERT INTO preference (key, value, updated_at) VALUES ('read_on_minutes', '2', '')")
    await alice.fetch("/")
    await age(app, hub, -60)
    hub.away = True
    assert (await alice.fetch("/")).code == 200
    await age(app, hub, -180)
    assert (await alice.fetch("/")).code == 303


# A service that calls for nobody


async def test_a_service_is_answered_with_what_the_module_itself_may_see(stranger, hub, app):
    stranger.token = hub.service_bearer("wiki", "directory:read")
    callers = app.spine.callers
    caller = await callers.by_bearer(stranger.token, utc_now())
    found = await callers.nexus_for(caller, None).companies.everything()
    assert {company.id for company in found} == {ACME, GLOBEX} and "exchange" not in hub.counted


# One refresh for all processes


class Late:
    """A refresh whose answer is held back until it is let go; counts how often the token was spent."""

    def __init__(self, hub):
        self.go, self.began, self.spent, self._refresh = asyncio.Event(), asyncio.Event(), 0, hub.refresh
        hub.refresh = self

    async def __call__(self, refresh_token):
        self.spent += 1
        self.began.set()
        await self.go.wait()
        return await self._refresh(refresh_token)


async def test_a_good_token_serves_while_the_next_is_late(alice, hub, app, monkeypatch):
    monkeypatch.setattr("hmlib.sso.callers.PATIENCE_SECONDS", 0.01)
    late = Late(hub)
    await age(app, hub, 20)
    assert (await alice.fetch("/")).code == 200
    await late.began.wait()
    late.go.set()
    assert (await alice.fetch("/")).code == 200 and late.spent == 1


async def test_a_token_that_runs_out_while_the_next_is_waited_for_signs_nobody_out(alice, hub, app):
    late = Late(hub)
    await age(app, hub, 1)
    page = asyncio.ensure_future(alice.fetch("/"))
    await late.began.wait()
    assert not (await asyncio.wait({page}, timeout=2.2))[0]  # the token is over, and so is the patience with a good one
    late.go.set()
    assert (await page).code == 200 and late.spent == 1


async def test_a_second_process_waits_for_the_first_and_reads_what_it_got(alice, hub, app, settings, db, service):
    late = Late(hub)
    await age(app, hub, -5)
    second = service.make_app(settings, db, hub)
    session, now = await session_of(app), utc_now()
    first = asyncio.ensure_future(app.spine.callers.by_session(session, now))
    await late.began.wait()
    other = asyncio.ensure_future(second.spine.callers.by_session(session, now))
    await asyncio.sleep(0.1)
    assert not other.done() and late.spent == 1
    late.go.set()
    assert [caller.name for caller in await asyncio.gather(first, other)] == ["alice", "alice"] and late.spent == 1


async def test_what_was_renewed_between_a_look_and_the_claim_is_not_spent_again(alice, hub, app, settings, db, service):
    await age(app, hub, -5)
    second, session = service.make_app(settings, db, hub), await session_of(app)
    sessions = second.spine.sessions
    claim = sessions.claim_refresh

    async def after_the_other(*args):
        assert await app.spine.callers.by_session(session, utc_now())
        return await claim(*args)

    sessions.claim_refresh = after_the_other
    assert (await second.spine.callers.by_session(session, utc_now())).name == "alice"
    assert hub.counted["refresh"] == 1


async def test_the_claim_outlasts_the_longest_call(app, alice):
    assert CLAIM_SECONDS > REQUEST_SECONDS + 2
    sessions, session, now = app.spine.sessions, await session_of(app), utc_now()
    assert await sessions.claim_refresh(session, now)
    assert await sessions.claim_refresh(session, shifted(now, 11)) is None
    assert await sessions.claim_refresh(session, shifted(now, CLAIM_SECONDS + 1))


@pytest.mark.parametrize(("trouble", "spends_again"), [(NexusSilent("no answer"), False), (NexusDown("refused"), True)])
async def test_only_when_nexus_heard_nothing_may_the_next_one_spend_the_token(alice, hub, app, trouble, spends_again):
    await age(app, hub, -5)

    async def refresh(token):
        raise trouble

    hub.refresh = refresh
    await alice.fetch("/")
    claim = await app.spine.sessions.claim_refresh(await session_of(app), utc_now())
    assert bool(claim) is spends_again


async def test_a_grant_that_is_spent_leads_to_one_silent_sign_on_and_to_no_form(alice, hub, app):
    await age(app, hub, 10, refresh="refresh-nobody")
    away = await alice.fetch("/?text=here")
    assert away.code == 303 and away.location == "/login?next=/%3Ftext%3Dhere"
    asked = await alice.fetch(away.location)
    assert asked.code == 303 and "prompt=none" in asked.location


@pytest.mark.parametrize("code", ["invalid_client", "slow_down"])
async def test_any_other_refusal_ends_no_session(alice, hub, app, code):
    await alice.fetch("/")
    await age(app, hub, 10)

    async def refresh(token):
        raise NexusRefused(400, code)

    hub.refresh = refresh
    assert (await alice.fetch("/")).code == 200 and await session_of(app) is not None


async def test_who_comes_late_with_a_refusal_does_not_end_what_another_has_renewed(alice, hub, app):
    sessions, session = app.spine.sessions, await session_of(app)
    old = await sessions.claim_refresh(session, shifted(utc_now(), -CLAIM_SECONDS - 1))
    assert await sessions.claim_refresh(session, utc_now())
    assert await sessions.end_claimed(session, old) is False and await session_of(app) is not None


async def test_the_gift_is_kept_though_the_database_is_busy(alice, hub, app, monkeypatch):
    from hmlib.db.engine import DatabaseBusy

    sessions = app.spine.sessions
    store, tries = sessions.store_tokens, []

    async def busy(*args):
        tries.append(args)
        if len(tries) < 3:
            raise DatabaseBusy("somebody writes")
        await store(*args)

    await age(app, hub, -5)
    monkeypatch.setattr(sessions, "store_tokens", busy)
    assert (await alice.fetch("/")).code == 200 and len(tries) == 3


async def test_exchanged_tokens_do_not_pile_up(app, hub):
    callers = app.spine.callers
    for number in range(2100):
        callers._exchanged.put((f"session {number}", "nexus"), ("token", time.time() + 300))
    assert len(callers._exchanged) == 2000


@pytest.mark.parametrize(("left", "notice"), [(-60, "read-only"), (20, None)])
async def test_for_a_nexus_that_is_known_to_be_away_no_page_waits(alice, hub, app, left, notice):
    """Its health is asked for all the time; a refresh that every page began anew would be waited for by every page."""
    await alice.fetch("/")
    await age(app, hub, left)
    hub.away = hub.known_away = True
    before = hub.counted.get("refresh", 0)
    for _ in range(3):
        page = await alice.fetch("/")
        assert (page.code, page.headers.get("X-HiveMatrix-Notice") == "read-only") == (200, notice == "read-only")
    assert hub.counted.get("refresh", 0) == before
    hub.away = hub.known_away = False
    assert (await alice.fetch("/")).code == 200
    assert hub.counted["refresh"] == before + 1, "its return is seen by the next page"


async def test_the_keys_are_there_before_the_first_token_comes(alice, hub, app, settings, db, service):
    """A process that begins while Nexus is well verifies tokens after Nexus has gone, whether or not it had one before."""
    fresh = service.make_app(settings, db, hub).spine.callers
    keeping = asyncio.create_task(fresh.keep_keys())
    await asyncio.sleep(0.05)
    hub.away = True
    assert (await fresh.verifier.verify(hub.token(CAST["alice"], "wiki"))).sub == CAST["alice"].id
    keeping.cancel()
