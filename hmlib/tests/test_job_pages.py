"""The pages and the API of jobs, alike in every service: who sees, starts and cancels what."""

import pytest

from hmlib.clock import utc_now
from hmlib.jobs import claims, job
from hmlib.jobs.kind import JobKind, JobKinds
from hmlib.jobs.run import JobRun
from hmlib.records.audit import Actor
from hmlib.server.jobs.pages import duration, every
from hmlib.testing.hub import CAST

pytestmark = pytest.mark.gen_test
NOT_THERE = "018f0000-0000-7000-8000-00000000ffff"


@pytest.fixture
def ask(db):
    """A job of one of the cast."""

    async def asked(name="bob", title="Import assets.csv", kind="import"):
        async with db.write() as tx:
            return await job.start(tx, kind, title, {"file": "assets.csv"}, Actor(CAST[name].id, name), utc_now())

    return asked


@pytest.fixture
def run(db):
    """A job as it is when a process works on it."""

    async def begun(one):
        return JobRun(await claims.claim(db, claims.Active(one.id, one.kind, False, 0, None), "runner", "", utc_now()), db, None)

    return begun


async def state(db, id):
    return (await job.by_id(db, id)).state


async def actions(db):
    return [(row["action"], row["actor_name"]) for row in await db.all("SELECT action, actor_name FROM audit WHERE action LIKE 'job.%'")]


async def test_n113_one_sees_ones_own_jobs_and_settings_people_all(alice, bob, carol, stranger, ask):
    own, others = await ask("bob", "Import <b>bobs.csv"), await ask("carol", "Import carols.csv")
    page = (await bob.fetch("/jobs")).text
    assert "Import &lt;b&gt;bobs.csv" in page and "carols.csv" not in page and "Run now" not in page
    assert "carols.csv" not in (await bob.fetch("/jobs/rows")).text
    assert (await bob.fetch(f"/jobs/{others.id}")).code == (await bob.fetch(f"/jobs/{others.id}/state")).code == 404
    assert [one["id"] for one in (await bob.api("/api/jobs")).items] == [own.id]
    assert (await bob.api(f"/api/jobs/{others.id}")).code == (await bob.api(f"/api/jobs/{NOT_THERE}")).code == 404
    everything = (await alice.fetch("/jobs")).text
    assert "bobs.csv" in everything and "carols.csv" in everything and "Forget old jobs" in everything
    assert {one["id"] for one in (await alice.api("/api/jobs")).items} == {own.id, others.id}
    assert (await stranger.fetch("/jobs")).location.startswith("/login") and (await stranger.api("/api/jobs")).code == 401


async def test_progress_is_on_the_page_while_it_runs_and_the_outcome_afterwards(bob, db, ask, run):
    one = await ask()
    running = await run(one)
    await running.progress(250, 1000, "Reading rows")
    await db.run("UPDATE job SET started_at = :at", at="2020-01-01T00:00:00.000000Z")
    page = (await bob.fetch(f"/jobs/{one.id}")).text
    assert '<progress class="progress"' in page and 'value="250" max="1000"' in page and "250 of 1,000" in page and "left" in page
    assert "every 1s" in page and "Reading rows" in page and "Stop it" in page
    rows = (await bob.fetch("/jobs/rows?state=active")).text
    assert "every 2s" in rows and "/jobs/rows?state=active" in rows.replace("&amp;", "&") and 'value="250"' in rows
    async with db.write() as tx:
        await running.finish(tx, {"created": 1000, "all_rows": True}, "All read.")
    page = (await bob.fetch(f"/jobs/{one.id}")).text
    assert "every 1s" not in page and "Done" in page and "All read." in page and "All rows" in page and "1,000" in page
    assert "every 2s" not in (await bob.fetch("/jobs/rows")).text
    found = (await bob.api(f"/api/jobs/{one.id}")).json
    assert (found["state"], found["done"], found["scheduled"]) == ("done", 1000, False)
    assert found["result"] == {"created": 1000, "all_rows": True}


async def test_a_failure_is_shown_with_its_words(bob, db, ask, run):
    one = await ask()
    running = await run(one)
    await claims.end(db, claims.Ending(running.job, "failed", "Row 7 has no name. Add one."), "runner", utc_now())
    assert "Row 7 has no name." in (await bob.fetch(f"/jobs/{one.id}")).text
    assert (await bob.api(f"/api/jobs/{one.id}")).json["error"] == "Row 7 has no name. Add one."


async def test_cancelling_ones_own(bob, db, ask):
    one = await ask()
    asked = await bob.fetch(f"/jobs/{one.id}/cancellation", "PUT", {})
    assert asked.code == 200 and "Stop “Import assets.csv”?" in asked.text and await state(db, one.id) == "waiting"
    done = await bob.fetch(f"/jobs/{one.id}/cancellation", "PUT", {"confirmed": "yes"})
    assert (done.code, done.location, await state(db, one.id)) == (303, f"/jobs/{one.id}", "cancelled")
    assert await actions(db) == [("job.cancelled", "bob")]
    assert (await bob.fetch(f"/jobs/{one.id}/cancellation", "PUT", {"confirmed": "yes"})).code == 303, "it had ended already"
    assert await actions(db) == [("job.cancelled", "bob")]


async def test_a_cancellation_needs_the_token_of_our_page_and_a_job_that_one_sees(bob, carol, stranger, db, ask):
    one = await ask()
    assert (await bob.fetch(f"/jobs/{one.id}/cancellation", "PUT", {"confirmed": "yes"}, forged=True)).code == 403
    assert (await carol.fetch(f"/jobs/{one.id}/cancellation", "PUT", {"confirmed": "yes"})).code == 404
    assert (await stranger.fetch(f"/jobs/{one.id}/cancellation", "PUT", {"confirmed": "yes"})).code == 303
    assert (await carol.api(f"/api/jobs/{one.id}/cancellation", "PUT")).code == 404
    assert await state(db, one.id) == "waiting"


async def test_a_program_cancels(alice, bob, db, ask, run):
    waiting, running = await ask(), await ask()
    work = await run(running)
    answer = await bob.api(f"/api/jobs/{waiting.id}/cancellation", "PUT")
    assert (answer.code, answer.json["state"]) == (200, "cancelled")
    answer = await alice.api(f"/api/jobs/{running.id}/cancellation", "PUT")
    assert (answer.code, answer.json["state"]) == (200, "running") and answer.json["cancel_asked_at"]
    with pytest.raises(job.Cancelled):
        await work.progress(1, 2)
    assert (await bob.api(f"/api/jobs/{waiting.id}/cancellation", "PUT")).json["code"] == "ended"


async def test_scheduled_work_is_started_by_hand(alice, bob, stranger, db):
    answer = await alice.fetch("/jobs", "POST", {"kind": "session-sweep"})
    assert answer.code == 303 and answer.location.startswith("/jobs/")
    begun = await job.by_id(db, answer.location.removeprefix("/jobs/"))
    assert (begun.state, begun.created_by_name, begun.scheduled) == ("waiting", "alice", True)
    assert (await alice.fetch("/jobs", "POST", {"kind": "session-sweep"})).location == "/jobs", "it is under way"
    assert "under way" in (await alice.fetch("/jobs")).text
    assert (await bob.fetch("/jobs", "POST", {"kind": "job-sweep"})).code == 403
    assert (await alice.fetch("/jobs", "POST", {"kind": "job-sweep"}, forged=True)).code == 403
    assert (await stranger.fetch("/jobs", "POST", {"kind": "job-sweep"})).code == 303
    assert (await alice.fetch("/jobs", "POST", {"kind": "nothing"})).code == 404
    assert await actions(db) == [("job.started", "alice")]


async def test_a_program_starts_scheduled_work_once(alice, bob, db):
    first = await alice.api("/api/jobs", "POST", {"kind": "job-sweep"}, Idempotency_Key="k1")
    assert first.code == 201 and first.location == f"/api/jobs/{first.json['id']}"
    assert (await alice.api("/api/jobs", "POST", {"kind": "job-sweep"}, Idempotency_Key="k1")).json == first.json
    refused = await alice.api("/api/jobs", "POST", {"kind": "job-sweep"})
    assert (refused.code, refused.json["code"]) == (409, "under_way")
    wrong = await alice.api("/api/jobs", "POST", {"kind": "import"})
    assert wrong.code == 422 and "job-sweep" in wrong.json["errors"]["kind"]
    assert (await bob.api("/api/jobs", "POST", {"kind": "job-sweep"})).code == 403
    assert await db.value("SELECT count(*) FROM job") == 1


async def test_lists_are_filtered_and_paged(bob, db, ask):
    ids = [(await ask(title=f"Import {number}")).id for number in range(3)]
    await db.run("UPDATE job SET state = 'failed' WHERE id = :id", id=ids[0])
    first = await bob.api("/api/jobs?limit=2")
    assert [one["id"] for one in first.items] == [ids[2], ids[1]] and first.total == 3
    assert [one["id"] for one in (await bob.api(f"/api/jobs?limit=2&cursor={first.next_cursor}")).items] == [ids[0]]
    assert [one["id"] for one in (await bob.api("/api/jobs?state=failed")).items] == [ids[0]]
    assert len((await bob.api("/api/jobs?state=active&kind=import")).items) == 2
    assert (await bob.api("/api/jobs?state=dreaming")).json["code"] == "invalid_filter"


async def test_the_applications_own_jobs_do_their_work(app, db, io_loop):
    """Sessions that have ended and old jobs go; what the runner hands over is the application's own."""
    from hmlib.jobs.runner import Runner

    old = "2020-01-01T00:00:00.000000Z"
    async with db.write() as tx:
        await job.start(tx, "import", "Old", {}, Actor("", ""), old)
        await tx.run("UPDATE job SET state = 'done', ended_at = :old", old=old)
    kinds = list(app.spine.own(JobKinds).by_name.values())
    runner = Runner(db, kinds, app.spine, app.spine.settings.home / "run" / "jobs")
    await runner.round()
    while {row["state"] for row in await db.all("SELECT state FROM job WHERE slot <> ''")} != {"done"}:
        await runner.round()
    await runner.stop()
    assert {row["kind"] for row in await db.all("SELECT kind FROM job")} == {"session-sweep", "job-sweep", "database-statistics"}


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "under 0.1 s"), (0.21, "0.2 s"), (42.4, "42 s"), (192, "3 min 12 s"), (3900, "1 h 5 min")]
)
def test_how_long_in_words(seconds, words):
    assert duration(seconds) == words


OFTEN = [(86_400, "every day"), (300, "every 5 minutes"), (60, "every minute"), (15, "every 15 seconds")]


@pytest.mark.parametrize(("seconds", "words"), OFTEN)
def test_how_often_in_words(seconds, words):
    assert every(JobKind("x", "X", None, every_seconds=seconds)) == words
