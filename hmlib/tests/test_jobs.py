"""What the job runner promises, on both engines."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from hmlib import metrics
from hmlib.clock import parse, shifted, utc_now
from hmlib.db.engine import DatabaseDown
from hmlib.jobs import claims, job
from hmlib.jobs.job import Cancelled, JobFailed, LeaseLost
from hmlib.jobs.kind import JobKind, cancel, every, start_scheduled
from hmlib.jobs.liveness import LEASE_SECONDS, STUCK_SECONDS, Liveness, Owner
from hmlib.jobs.runner import AT_ONCE, BROKEN, GIVEN_UP, MOST_ATTEMPTS, Runner
from hmlib.records.audit import Actor
from hmlib.tests.engines import connect

pytestmark = pytest.mark.gen_test(timeout=60)

ALICE = Actor("a1", "alice")


class Clock:
    """A process's own clock, which a test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Work:
    """Work of a kind that tests step through: what it did, in order, and what it waits for."""

    def __init__(self):
        self.did, self.go, self.runs = [], asyncio.Event(), []

    async def __call__(self, run):
        self.runs.append(run)
        self.did.append("began")
        await self.go.wait()
        async with run.db.write() as tx:
            await tx.run("INSERT INTO page (word) VALUES ('one')")
            await run.finish(tx, {"pages": 1}, "One page.")
        self.did.append("finished")


@pytest.fixture
def db(ground, io_loop):
    io_loop.run_sync(lambda: ground.run("CREATE TABLE page (word TEXT NOT NULL)"))
    return ground


@pytest.fixture
def url(db, db_url, io_loop):
    """The database's address, for another process or connection."""
    if db.dialect == "sqlite":
        return db_url
    name = io_loop.run_sync(lambda: db.value("SELECT current_database()"))
    return urlsplit(db_url)._replace(path=f"/{name}").geturl()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run" / "jobs"


@pytest.fixture
def runner(db, folder, io_loop):
    """Makes runners, as many processes would; they end with the test."""
    made = []

    def make(*kinds, **options):
        made.append(Runner(options.pop("db", db), kinds, options.pop("spine", None), folder, **options))
        return made[-1]

    yield make
    for one in made:
        io_loop.run_sync(one.stop)


async def asked(db, kind="book", **data):
    async with db.write() as tx:
        return await job.start(tx, kind, "Read a book", data, ALICE, utc_now())


async def until(condition):
    while not condition():
        await asyncio.sleep(0.01)


async def pages(db):
    return await db.value("SELECT count(*) FROM page")


async def test_a_job_is_done_with_what_it_did(db, runner):
    seen = []

    async def read(run):
        seen.append((run.job.request, run.spine))
        await run.progress(3, 10, "Reading")
        async with run.db.write() as tx:
            await tx.run("INSERT INTO page (word) VALUES ('one')")
            await run.finish(tx, {"pages": 1}, "One page.")

    wanted = await asked(db, title="Emma")
    assert (wanted.state, wanted.created_by, wanted.created_by_name, wanted.outcome) == ("waiting", "a1", "alice", {})
    ended = await runner(JobKind("book", "Books", read), spine="spine").until_ended(wanted.id)
    assert seen == [({"title": "Emma"}, "spine")]
    assert (ended.state, ended.outcome, ended.note, ended.done, ended.total) == ("done", {"pages": 1}, "One page.", 10, 10)
    assert ended.owner == "" and ended.started_at and ended.ended_at >= ended.started_at and ended.version > wanted.version
    assert await pages(db) == 1


async def test_work_that_writes_no_end_is_ended_for_it(db, runner):
    async def nothing(run):
        pass

    ended = await runner(JobKind("book", "Books", nothing)).until_ended((await asked(db)).id)
    assert (ended.state, ended.outcome) == ("done", {})


async def test_a_start_is_kept_with_its_transaction_alone(db):
    with pytest.raises(KeyError):
        async with db.write() as tx:
            await job.start(tx, "book", "Read", {}, ALICE, utc_now())
            raise KeyError
    assert await db.value("SELECT count(*) FROM job") == 0


async def test_two_runners_work_on_a_job_once(db, runner):
    work = Work()
    work.go.set()
    wanted = [await asked(db) for _ in range(12)]
    kind = JobKind("book", "Books", work)
    one, other = runner(kind), runner(kind)
    while await db.value("SELECT count(*) FROM job WHERE state <> 'done'"):
        await asyncio.gather(one.round(), other.round())
    assert await pages(db) == len(wanted) == len(work.runs)


async def test_a_process_has_so_many_at_once_and_scheduled_work_never_waits_for_them(db, runner):
    work = Work()
    for _ in range(AT_ONCE + 2):
        await asked(db)
    swept = []

    async def sweep(run):
        swept.append(run.job.slot)

    one = runner(JobKind("book", "Books", work), JobKind("sweep", "Sweep", sweep, every_seconds=300))
    await one.round()
    await until(lambda: swept and len(work.runs) == AT_ONCE)
    await one.round()
    assert len(work.runs) == AT_ONCE
    work.go.set()
    await until(lambda: work.did.count("finished") == AT_ONCE)
    await one.round()
    await until(lambda: work.did.count("finished") == AT_ONCE + 2)


@asynccontextmanager
async def owner(url, folder):
    """A real process that works on the jobs of a database."""
    arguments = (sys.executable, "-m", "hmlib.tests.job_owner", url, str(folder))
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_killed_process_is_taken_over_where_it_stood(db, db_url, url, folder, runner):
    work, wanted = Work(), await asked(db)
    work.go.set()
    mine = runner(JobKind("book", "Books", work))
    async with owner(url, folder) as process:
        assert (await process.stdout.readline()).decode().strip() == wanted.id
        for _ in range(5):
            await mine.round()
        assert not work.runs, "the owner lives"
        process.kill()
        await process.wait()
        ended = await mine.until_ended(wanted.id)
    assert (ended.state, work.runs[0].kept, await pages(db)) == ("done", {"line": 7}, 1)
    assert await db.value("SELECT count(*) FROM job_runner") == 1, "what the dead one left is gone"


async def test_a_stopped_process_is_no_dead_one(db, url, folder, runner):
    work, wanted, clock = Work(), await asked(db), Clock()
    work.go.set()
    mine = runner(JobKind("book", "Books", work), clock=clock)
    async with owner(url, folder) as process:
        await process.stdout.readline()
        os.kill(process.pid, 19)  # SIGSTOP
        await mine.round()
        clock.now += LEASE_SECONDS * 2
        await mine.round()
        assert not work.runs
        clock.now += STUCK_SECONDS
        assert (await mine.until_ended(wanted.id)).state == "done", "it hangs for ten minutes: somebody else goes on"


async def test_a_process_elsewhere_is_judged_by_its_beat(db, folder, runner):
    """On another machine no lock can be tried: a beat that changes is life, one that stands still is not, whatever clocks say."""
    work, wanted, clock = Work(), await asked(db), Clock()
    work.go.set()
    await claims.claim(db, claims.Active(wanted.id, "book", False, 0, None), "far", "other machine", shifted(utc_now(), 86_400 * 365))
    mine = runner(JobKind("book", "Books", work), clock=clock)
    for _ in range(4):
        await mine.round()
        clock.now += LEASE_SECONDS - 1
        await claims.beat(db, "far", "other machine", shifted(utc_now(), -86_400 * 365))
    await mine.round()
    assert not work.runs
    clock.now += LEASE_SECONDS + 1
    assert (await mine.until_ended(wanted.id)).state == "done"


async def test_a_writer_that_holds_the_database_for_11_seconds_kills_no_job(db, url, runner):
    """Nobody is taken over, nothing is done twice, progress and end wait for it."""
    work = Work()
    other_db, third_db = await connect(url), await connect(url)
    kind = JobKind("book", "Books", work)
    one, other = runner(kind), runner(kind, db=other_db)
    tasks = [asyncio.create_task(each.run()) for each in (one, other)]
    wanted = await asked(db)
    await until(lambda: work.runs)
    async with third_db.write() as tx:
        await tx.run("INSERT INTO page (word) VALUES ('held')")
        said = asyncio.create_task(work.runs[0].progress(1, 2))
        await asyncio.sleep(11)
    await said
    await asyncio.sleep(2)
    assert len(work.runs) == 1, "both have looked since, and nobody took it over"
    work.go.set()
    while (ended := await job.by_id(db, wanted.id)).active:
        await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await other_db.close()
    await third_db.close()
    assert (ended.state, work.did.count("finished"), await pages(db)) == ("done", 1, 2)


async def test_cancel_while_it_waits(db, runner):
    work, wanted = Work(), await asked(db)
    async with db.write() as tx:
        assert (await cancel(tx, {}, wanted.id, utc_now())).state == "cancelled"
        assert await cancel(tx, {}, wanted.id, utc_now()) is None
    await runner(JobKind("book", "Books", work)).round()
    assert not work.runs


async def test_cancel_while_it_runs_is_heard_with_the_next_word_of_progress(db, runner):
    tidied, turns, clock = [], asyncio.Event(), Clock()

    async def read(run):
        try:
            for page in range(1000):
                clock.now += 1
                await run.progress(page, 1000)
                turns.set()
                await asyncio.sleep(0.001)
        except Cancelled:
            tidied.append(run.job.id)
            raise

    wanted, mine = await asked(db), runner(JobKind("book", "Books", read), clock=clock)
    await mine.round()
    await turns.wait()
    async with db.write() as tx:
        assert (await cancel(tx, {}, wanted.id, utc_now())).state == "running"
    ended = await mine.until_ended(wanted.id)
    assert (ended.state, tidied, ended.owner) == ("cancelled", [wanted.id], "")
    assert 0 < ended.done < 999


async def test_progress_is_written_once_a_second(db, runner):
    clock = Clock()

    async def read(run):
        for page in range(500):
            await run.progress(page, 500)

    ended = await runner(JobKind("book", "Books", read), clock=clock).until_ended((await asked(db)).id)
    assert ended.version == 4, "started, claimed, one word of progress, finished"


async def test_a_failure_says_what_to_do(db, runner):
    async def fail(run):
        raise JobFailed("Row 7 has no name. Add one.")

    async def break_off(run):
        raise KeyError("secret of a person")

    failed = await runner(JobKind("book", "Books", fail)).until_ended((await asked(db)).id)
    assert (failed.state, failed.error) == ("failed", "Row 7 has no name. Add one.")
    broken = await runner(JobKind("book", "Books", break_off)).until_ended((await asked(db)).id)
    assert (broken.state, broken.error) == ("failed", BROKEN)


async def test_a_database_that_is_away_for_a_moment_fails_nothing(db, runner):
    work = []

    async def read(run):
        work.append(run.job.attempts)
        if len(work) < 3:
            raise DatabaseDown("away")

    one = runner(JobKind("book", "Books", read))
    wanted = await asked(db)
    for attempt in range(1, 4):
        await one.round()
        await db.run("UPDATE job SET due_at = created_at")
        await one.round()
        await until(lambda so_far=attempt: len(work) == so_far and not one._running)
    assert (await one.until_ended(wanted.id)).state == "done"


async def test_a_job_that_ends_its_process_each_time_is_given_up(db, runner):
    work, wanted = Work(), await asked(db)
    for attempt in range(MOST_ATTEMPTS):
        seen = claims.Active(wanted.id, "book", False, attempt, Owner(f"p{attempt - 1}", "", 0) if attempt else None)
        assert await claims.claim(db, seen, f"p{attempt}", "", utc_now())
    clock = Clock()
    mine = runner(JobKind("book", "Books", work), clock=clock)
    await mine.round()
    clock.now += LEASE_SECONDS + 1
    ended = await mine.until_ended(wanted.id)
    assert (ended.state, ended.error, work.runs) == ("failed", GIVEN_UP, [])


async def test_who_was_taken_over_writes_nothing_any_more(db, runner):
    work, wanted = Work(), await asked(db)
    mine = runner(JobKind("book", "Books", work))
    await mine.round()
    await until(lambda: work.runs)
    (run,) = work.runs
    assert await claims.claim(db, claims.Active(wanted.id, "book", False, 1, Owner(mine.id, "", 0)), "another", "", utc_now())
    with pytest.raises(LeaseLost):
        await run.progress(1, 2)
    with pytest.raises(LeaseLost):
        async with db.write() as tx:
            await tx.run("INSERT INTO page (word) VALUES ('late')")
            await run.keep(tx, {"line": 1})
    work.go.set()
    await until(lambda: not mine._running)
    await mine.round()
    still = await job.by_id(db, wanted.id)
    assert (still.state, still.owner, await pages(db)) == ("running", "another", 0)


async def test_what_is_under_way_at_a_restart_goes_on_elsewhere_at_once(db, runner):
    work, wanted = Work(), await asked(db)
    kind = JobKind("book", "Books", work)
    first = runner(kind)
    await first.round()
    await until(lambda: work.runs)
    await first.stop()
    given_back = await job.by_id(db, wanted.id)
    assert (given_back.state, given_back.attempts, given_back.owner) == ("waiting", 0, "")
    work.go.set()
    assert (await runner(kind).until_ended(wanted.id)).state == "done"
    assert await pages(db) == 1


async def test_a_claim_whose_answer_was_lost_is_taken_up_again(db, runner):
    work, wanted = Work(), await asked(db)
    work.go.set()
    mine = runner(JobKind("book", "Books", work))
    assert await claims.claim(db, claims.Active(wanted.id, "book", False, 0, None), mine.id, "", utc_now())
    assert (await mine.until_ended(wanted.id)).state == "done"


async def test_a_slot_has_one_run_and_a_missed_one_runs_at_the_next_chance(db, runner):
    slots = []

    async def sweep(run):
        slots.append(run.job.slot)

    now = ["2026-11-27T10:00:00.000000Z"]

    async def due(db, at):
        return now[0]

    kind = JobKind("sweep", "Sweep", sweep, due=due)
    one, other = runner(kind), runner(kind)

    async def look():
        one._next_schedule = other._next_schedule = 0.0
        await asyncio.gather(one.round(), other.round())
        await until(lambda: not one._running and not other._running)

    for now[0] in ("t1", "t1", "t5", "t5", "", "t5"):
        await look()
    assert slots == ["t1", "t5"], "one each, and the missed ones between once"


async def test_scheduled_work_never_runs_beside_itself(db, runner):
    work = Work()
    kind = JobKind("sweep", "Sweep", work, every_seconds=300)
    async with db.write() as tx:
        assert await start_scheduled(tx, kind, "t1", ALICE, utc_now())
        assert await start_scheduled(tx, kind, "t2", ALICE, utc_now()) is None


async def test_a_schedule_that_cannot_be_read_stops_no_other(db, runner):
    ran = asyncio.Event()

    async def broken(db, now):
        raise KeyError(now)

    async def sweep(run):
        ran.set()

    await runner(JobKind("bad", "Bad", sweep, due=broken), JobKind("good", "Good", sweep, every_seconds=60)).round()
    await ran.wait()
    assert await db.value("SELECT count(*) FROM job") == 1


def test_slots_are_whole_multiples():
    assert every(300, "2026-11-27T10:04:59.999999Z") == "2026-11-27T10:00:00.000000Z"
    assert every(300, "2026-11-27T10:05:00.000000Z") == "2026-11-27T10:05:00.000000Z"


async def test_old_jobs_are_forgotten(db):
    now = utc_now()

    async def ended(kind, state, at, slot=""):
        async with db.write() as tx:
            one = await job.start(tx, kind, "Read", {}, ALICE, at)
            await tx.run(
                "UPDATE job SET state = :state, ended_at = :at, slot = :slot WHERE id = :id", state=state, at=at, slot=slot, id=one.id
            )
        return one.id

    old, young = await ended("book", "failed", shifted(now, -91 * 86_400)), await ended("book", "done", shifted(now, -89 * 86_400))
    runs = [await ended("sweep", "done", now, f"t{number:03}") for number in range(25)]
    waiting = await asked(db)
    await claims.beat(db, "gone", "", shifted(now, -2 * 86_400))
    await claims.beat(db, "here", "", now)
    assert await claims.sweep(db, now) == 6
    assert [row["id"] for row in await db.all("SELECT id FROM job_runner")] == ["here"]
    left = {row["id"] for row in await db.all("SELECT id FROM job")}
    assert old not in left and {young, waiting.id, *runs[5:]} == left


def test_a_lock_ends_with_its_holder_and_no_one_elses(tmp_path):
    clock = Clock()
    one, other = Liveness(tmp_path, "one", clock), Liveness(tmp_path, "other", clock)
    owner = Owner("one", one.machine, 1)
    assert one.machine and other.dead([owner]) == set()
    os.close(one._descriptor)
    assert other.dead([owner]) == {"one"}
    other.forget("one")
    assert other.dead([owner]) == set(), "nothing to tell by: its beat decides"
    clock.now += LEASE_SECONDS + 1
    assert other.dead([owner]) == {"one"}


async def test_figures_tell_how_many_wait_and_when_work_last_ended_well(db, runner):
    clock = Clock()

    async def read(run):
        clock.now += 7

    await asked(db, "figured")
    before = metrics.JOB_SECONDS.labels("figured")._value.get()
    one = runner(JobKind("figured", "Figured", read), JobKind("idle", "Idle", read), clock=clock)
    await one._show_figures()
    assert metrics.JOBS_NOW.labels("figured", "waiting")._value.get() == 1
    await one.until_ended(await db.value("SELECT id FROM job"))
    clock.now += 60
    await one._show_figures()
    assert metrics.JOBS_NOW.labels("figured", "waiting")._value.get() == metrics.JOBS_NOW.labels("idle", "running")._value.get() == 0
    ended = parse(await db.value("SELECT ended_at FROM job")).timestamp()
    assert metrics.JOB_SUCCESS.labels("figured")._value.get() == ended
    assert metrics.JOB_SECONDS.labels("figured")._value.get() == before + 7


async def test_what_is_asked_all_the_time_reads_no_long_table(db, runner, monkeypatch):
    """A service that ran for months looks as fast for work as on its first day."""
    if db.dialect != "sqlite":
        pytest.skip("SQLite's planner is asked; PostgreSQL has the same indexes")
    asked_for = []
    all_rows = type(db).all

    async def noted(self, sql, /, **params):
        if " job" in sql and not sql.startswith("EXPLAIN"):
            asked_for.append((sql, params))
        return await all_rows(self, sql, **params)

    monkeypatch.setattr(type(db), "all", noted)
    monkeypatch.setattr(type(db), "peek", type(db).one)
    await claims.anything(db)
    await claims.had_slot(db, "sweep", "t1")
    await claims.waiting(db, ["book"], utc_now())
    await claims.running(db, ["book"])
    assert len(asked_for) == 4
    for sql, params in asked_for:
        plan = [row["detail"] for row in await all_rows(db, f"EXPLAIN QUERY PLAN {sql}", **params)]
        assert not [step for step in plan if step.startswith("SCAN job")], (sql, plan)


def test_what_processes_left_that_died_long_ago_is_removed(tmp_path):
    living = Liveness(tmp_path, "living")
    for name in ("dead", "young"):
        (tmp_path / f"{name}.lock").touch()
    for name in ("dead", "living"):
        os.utime(tmp_path / f"{name}.lock", (1, 1))
    another = Liveness(tmp_path, "another")
    assert {file.stem for file in tmp_path.glob("*.lock")} == {"living", "young", "another"}
    another.close()
    living.close()
    assert {file.stem for file in tmp_path.glob("*.lock")} == {"young"}


async def marks(db):
    return [row["word"] for row in await db.all("SELECT word FROM page")]


@pytest.mark.parametrize("end", ["cancelled while it waits", "cancelled while it runs", "fails", "breaks off", "is given up"])
async def test_what_a_start_set_is_put_back_however_a_job_ends_without_being_done(db, runner, end):
    """Nothing is "being worked on" for ever: not even when the work never began, or died of a fault of ours."""
    clock = Clock()

    async def run(one):
        if end == "fails":
            raise JobFailed("No.")
        if end == "breaks off":
            raise KeyError
        while True:
            clock.now += 1
            await one.progress(0, 0)
            await asyncio.sleep(0.001)

    async def put_back(tx, ended):
        await tx.run("DELETE FROM page WHERE word = :id", id=ended.id)

    kind = JobKind("book", "Books", run, put_back=put_back)
    mine, wanted = runner(kind, clock=clock), await asked(db)
    await db.run("INSERT INTO page (word) VALUES (:id)", id=wanted.id)
    if end == "is given up":
        for attempt in range(MOST_ATTEMPTS):
            seen = claims.Active(wanted.id, "book", False, attempt, Owner(f"p{attempt - 1}", "", 0) if attempt else None)
            await claims.claim(db, seen, f"p{attempt}", "", utc_now())
        await mine.round()
        clock.now += LEASE_SECONDS + 1
    elif end == "cancelled while it runs":
        await mine.round()
    if end.startswith("cancelled"):
        async with db.write() as tx:
            await cancel(tx, {"book": kind}, wanted.id, utc_now())
    ended = await mine.until_ended(wanted.id)
    assert ended.state == ("cancelled" if end.startswith("cancelled") else "failed")
    assert await marks(db) == []


async def test_a_mistake_in_what_is_put_back_keeps_no_job_from_ending(db, runner):
    async def run(one):
        raise JobFailed("No.")

    async def put_back(tx, ended):
        await tx.run("INSERT INTO page (word) VALUES ('half')")
        raise KeyError

    mine = runner(JobKind("book", "Books", run, put_back=put_back))
    assert (await mine.until_ended((await asked(db)).id)).error == "No."
    assert await marks(db) == [], "and of the mistake nothing stays"


async def test_what_is_done_puts_nothing_back(db, runner):
    async def run(one):
        pass

    async def put_back(tx, ended):
        raise AssertionError

    assert (await runner(JobKind("book", "Books", run, put_back=put_back)).until_ended((await asked(db)).id)).state == "done"
