"""Jobs under real processes that are killed and restarted: each step is done once, and every job comes to its end."""

import asyncio
import contextlib
import os
import signal

import pytest

from hmlib.clock import utc_now
from hmlib.db.database import connect
from hmlib.jobs import job
from hmlib.records.audit import Actor
from tests.running import Tiny, until

pytestmark = pytest.mark.journey
JOBS, STEPS = 6, 150


@pytest.fixture
def tiny():
    tiny = Tiny()
    try:
        assert tiny.hm("up", "--detach").returncode == 0
        yield tiny
    finally:
        tiny.close()


async def with_db(tiny, work):
    db = await connect(tiny.suite.services["nexus"].db_url)
    try:
        return await work(db)
    finally:
        await db.close()


async def begin(db):
    await db.run("CREATE TABLE step (job_id TEXT NOT NULL, number BIGINT NOT NULL, pid BIGINT NOT NULL)")
    for number in range(JOBS):
        async with db.write() as tx:
            await job.start(tx, "steps", f"Steps {number}", {"count": STEPS}, Actor("", ""), utc_now())


async def active(db):
    return await db.value("SELECT count(*) FROM job WHERE state IN ('waiting', 'running')")


async def done(db):
    return await db.value("SELECT count(*) FROM step")


def kill(tiny):
    for process in tiny.processes().values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def look(tiny, question):
    return asyncio.run(with_db(tiny, question))


def test_a_job_whose_processes_are_killed_goes_on_and_does_nothing_twice(tiny):
    look(tiny, begin)
    for _ in range(3):
        before = look(tiny, done)
        assert until(lambda before=before: look(tiny, done) >= before + 20, 30), "it goes on"
        kill(tiny)
    before = look(tiny, done)
    assert until(lambda: look(tiny, done) >= before + 20, 30)
    assert tiny.hm("restart").returncode == 0
    assert until(lambda: look(tiny, active) == 0, 60)

    async def outcome(db):
        rows = await db.all("SELECT job_id, number, pid FROM step ORDER BY job_id, number")
        return rows, await db.all("SELECT id, state, result, done, error FROM job ORDER BY id")

    rows, jobs = look(tiny, outcome)
    assert [(one["state"], one["result"], one["done"], one["error"]) for one in jobs] == [
        ("done", f'{{"steps":{STEPS}}}', STEPS, "")
    ] * JOBS
    for one in jobs:
        assert [row["number"] for row in rows if row["job_id"] == one["id"]] == list(range(1, STEPS + 1))
    assert len({row["pid"] for row in rows}) > 4, "several lives of both processes worked on them"
