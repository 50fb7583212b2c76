"""When backups are due, late, and made by exactly one process."""

import asyncio
import json
import os
import sys

import pytest

from hmlib.backups import schedule
from hmlib.backups.runner import NO_PLAN, planned_backups
from hmlib.backups.schedule import Plan, Run
from hmlib.clock import shifted, utc_now
from hmlib.jobs.job import add
from hmlib.jobs.runner import Runner
from hmlib.processes.operations import Failed
from hmlib.records.audit import Actor
from hmlib.tests.engines import *  # noqa: F403

pytestmark = pytest.mark.gen_test

OLD = "2026-01-01T00:00:00.000000Z"


def planned(at="daily 02:30", changed_at=OLD):
    return Plan(at, "/srv/backups", 14, "age1x", "", changed_at)


def made(started_at, error="", folder="/srv/backups"):
    return Run(started_at, started_at, 10, 0 if error else 5, "" if error else f"{folder}/a.tar.gz.age", error)


@pytest.mark.parametrize(
    ("at", "now", "zone", "slot"),
    [
        ("daily 02:30", "2026-11-27T02:30:00.000000Z", "UTC", "2026-11-27T02:30"),
        ("daily 02:30", "2026-11-27T02:29:59.999999Z", "UTC", "2026-11-26T02:30"),
        ("daily 02:30", "2026-11-27T08:00:00.000000Z", "America/New_York", "2026-11-27T07:30"),
        ("daily 02:30", "2026-11-27T07:00:00.000000Z", "America/New_York", "2026-11-26T07:30"),
        ("daily 02:30", "2026-07-01T08:00:00.000000Z", "America/New_York", "2026-07-01T06:30"),
        ("sunday 02:30", "2026-11-27T08:00:00.000000Z", "UTC", "2026-11-22T02:30"),
        ("friday 02:30", "2026-11-27T02:00:00.000000Z", "UTC", "2026-11-20T02:30"),
    ],
)
def test_the_slot_is_the_last_one_in_the_plans_time_zone(at, now, zone, slot):
    assert planned(at).slot(now, zone) == f"{slot}:00.000000Z"


@pytest.mark.parametrize("at", ["", "daily", "daily 24:00", "daily 2:30", "someday 02:30", "daily 02:30 03:30"])
def test_what_is_no_schedule_is_refused(at):
    with pytest.raises(Failed, match="no schedule"):
        schedule.check_at(at)
    assert schedule.check_at(" Daily 02:30 ") == "daily 02:30"


async def noted(db, *runs):
    async with db.write() as tx:
        for run in runs:
            await schedule.note(tx, run)


async def test_a_slot_is_due_until_it_has_a_whole_backup_and_a_missed_one_still_is(ground):
    now = "2026-11-27T09:00:00.000000Z"
    assert await schedule.is_due(ground, planned(), now, "UTC")
    await noted(ground, made("2026-11-26T02:30:10.000000Z"))
    assert await schedule.is_due(ground, planned(), now, "UTC")
    await noted(ground, made("2026-11-27T08:55:00.000000Z", "no space"))
    assert not await schedule.is_due(ground, planned(), now, "UTC"), "a failure is tried again after a while, not at once"
    assert await schedule.is_due(ground, planned(), shifted(now, 900), "UTC")
    await noted(ground, made("2026-11-27T09:20:00.000000Z", folder="/root"))
    assert await schedule.is_due(ground, planned(), shifted(now, 1800), "UTC"), "one made by hand elsewhere does not stand for it"
    await noted(ground, made("2026-11-27T09:40:00.000000Z"))
    assert not await schedule.is_due(ground, planned(), "2026-11-27T23:00:00.000000Z", "UTC")
    assert not await schedule.is_due(ground, planned(changed_at=now), now, "UTC"), "a new plan begins with its next slot"


async def test_a_backup_that_is_not_there_hours_after_its_slot_is_late(ground):
    await noted(ground, made("2026-11-26T02:30:10.000000Z"), made("2026-11-27T02:30:10.000000Z", "no space"))
    assert not await schedule.is_late(ground, planned(), "2026-11-27T08:00:00.000000Z", "UTC")
    assert await schedule.is_late(ground, planned(), "2026-11-27T09:00:00.000000Z", "UTC")
    assert (await schedule.last_good(ground)).started_at == "2026-11-26T02:30:10.000000Z"


COUNT = (sys.executable, "-c", "import sys, time; open(sys.argv[1], 'a').write('x'); time.sleep(0.5); sys.exit('no luck')")


def running(db, tmp_path, *command):
    return Runner(db, [planned_backups(utc, command or (*COUNT, str(tmp_path / "count")))], None, tmp_path / "jobs")


async def test_of_several_processes_one_makes_it_and_a_failure_is_noted(ground, tmp_path):
    async with ground.write() as tx:
        await schedule.store(tx, planned())
    runners = [running(ground, tmp_path) for _ in range(3)]
    while not (ended := await ground.all("SELECT state, error FROM job WHERE state = 'failed'")):
        await asyncio.gather(*(runner.round() for runner in runners))
    assert ended == [{"state": "failed", "error": "no luck"}]
    assert (tmp_path / "count").read_text() == "x"
    assert [run.error for run in await schedule.runs(ground, 9)] == ["no luck"]
    for runner in runners:
        await runner.stop()
    await running(ground, tmp_path).round()
    assert await ground.value("SELECT count(*) FROM job") == 1, "a failure is tried again after a while, not at once"


async def by_hand(db, kind="backup"):
    async with db.write() as tx:
        return await add(tx, kind, "Make the planned backup", {}, Actor("a1", "alice"), utc_now(), slot=utc_now())


async def test_one_is_made_by_hand_between_two_slots_but_not_without_a_plan(ground, tmp_path):
    runner = running(ground, tmp_path)
    ended = await runner.until_ended((await by_hand(ground)).id)
    assert (ended.state, ended.error) == ("failed", NO_PLAN)
    async with ground.write() as tx:
        await schedule.store(tx, planned(changed_at=utc_now()))
    assert (await runner.until_ended((await by_hand(ground)).id)).error == "no luck"
    await runner.stop()


async def test_a_backup_whose_process_was_killed_is_made_once(ground, tmp_path):
    """Its child goes on by itself: whoever takes the job over waits for it, and makes none if that one was good."""
    async with ground.write() as tx:
        await schedule.store(tx, planned())
    first = running(ground, tmp_path, sys.executable, "-c", "import time; time.sleep(60)")
    while not (job := await ground.one("SELECT id, owner, kept FROM job WHERE kept <> '{}'")):
        await first.round()
    child = json.loads(job["kept"])["child"][0]
    await ground.run("UPDATE job SET owner = 'gone', attempts = 1")
    first._alive.close()
    clock = [0.0]
    second = Runner(ground, [planned_backups(utc, (*COUNT, str(tmp_path / "count")))], None, tmp_path / "jobs", clock=lambda: clock[0])
    await second.round()
    clock[0] = 100.0
    await second.round()
    await asyncio.sleep(0.1)
    assert not (tmp_path / "count").exists()
    await noted(ground, made(utc_now()))
    os.kill(child, 9)
    assert (await second.until_ended(job["id"])).state == "done"
    assert not (tmp_path / "count").exists()
    for runner in (first, second):
        await runner.stop()


async def utc():
    return "UTC"
