"""Backups as administrators see them, and what waits after a restore."""

import pytest

from hmlib.backups import schedule
from hmlib.backups.schedule import Plan, Run
from hmlib.clock import shifted, utc_now
from hmlib.jobs import deliveries
from hmlib.server import ownership
from nexus_srv import after_restore
from nexus_srv.queries import clients, keys, outbox

pytestmark = pytest.mark.gen_test

RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


async def restored(db, settings):
    await ownership.claim(db, settings, (), utc_now())
    return await ownership.came_back(db, settings, after_restore, utc_now(), "2026-11-01T02:30:00.000000Z")


async def held(db, settings):
    await ownership.claim(db, settings, (), utc_now())
    await db.run("UPDATE suite SET held_at = :now", now=utc_now())


async def test_without_a_plan_the_page_says_how_to_make_one(alice):
    page = await alice.fetch("/backups")
    assert page.code == 200 and "hm backup --schedule" in page.text and "No backup was made yet" in page.text


async def test_the_plan_and_the_last_backups_are_shown(alice, db):
    old = shifted(utc_now(), -10 * 86_400)
    async with db.write() as tx:
        await schedule.store(tx, Plan("daily 02:30", "/srv/backups", 14, RECIPIENT, "", old))
        await schedule.note(tx, Run(old, old, 2300, 1_100_000, "/srv/backups/a.tar.gz.age", ""))
        await schedule.note(tx, Run(utc_now(), utc_now(), 10, 0, "", "no space for <it>"))
    page = await alice.fetch("/backups")
    for words in ("daily 02:30", "/srv/backups/a.tar.gz.age", "2.3", "1.1", "no space for &lt;it&gt;", "too old", RECIPIENT):
        assert words in page.text


async def test_only_administrators_see_and_release(bob, carol, stranger, db, settings):
    await held(db, settings)
    for person in (bob, carol):
        assert (await person.fetch("/backups")).code == 403
        assert (await person.fetch("/backups/release", "POST", "")).code == 403
    assert (await stranger.fetch("/backups")).code == 303
    assert await schedule.hold(db)


async def test_after_a_restore_only_the_suites_own_modules_are_told_until_somebody_releases(db, settings, app):
    async with db.write() as tx:
        await clients.register_module(tx, app.spine.keys, "wiki", "https://localhost:5003", utc_now())
        outside = clients.Client("grafana", "Grafana", logout_uri="https://grafana.example/out")
        await clients.register_client(tx, app.spine.keys, outside, utc_now())
    await restored(db, settings)
    async with db.write() as tx:
        await outbox.keys_changed(tx, utc_now())
        await deliveries.add(tx, outbox.KIND, "grafana", {"event": "x"}, utc_now())

    async def told():
        return [due.target for due in await deliveries.due(db, [outbox.KIND], utc_now())]

    assert await told() == ["wiki"] and not await deliveries.claim(db, outbox.KIND, "grafana", 4, utc_now())
    async with db.write() as tx:
        assert await schedule.let_go(tx)
    assert await told() == ["grafana", "wiki"]


async def test_a_person_releases_on_the_page_and_the_log_says_who(alice, db, settings):
    await held(db, settings)
    assert "Tell other apps again" in (await alice.fetch("/backups")).text
    assert (await alice.fetch("/backups/release", "POST", "", forged=True)).code == 403
    assert (await alice.fetch("/backups/release", "POST", "")).location == "/backups"
    assert not await schedule.hold(db)
    assert await db.value("SELECT actor_name FROM audit WHERE action = 'outbox.released'") == "Alice"
    assert "Tell other apps again" not in (await alice.fetch("/backups")).text


async def test_a_restore_ends_sessions_grants_links_and_signing_keys(alice, db, settings):
    signing = {key.kid for key in await keys.living(db)}
    before = await ownership.claim(db, settings, (), utc_now())
    after = await restored(db, settings)
    assert after.epoch != before.epoch and after.held_at
    assert not signing & {key.kid for key in await keys.living(db)} and len(await keys.living(db)) == 2
    assert not await db.value("SELECT count(*) FROM session")
    assert (await alice.fetch("/account")).code == 303
    assert await db.value("SELECT after_json FROM audit WHERE action = 'suite.restored'") == '{"backup":"2026-11-01T02:30:00.000000Z"}'
