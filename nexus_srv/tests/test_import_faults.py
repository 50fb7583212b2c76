"""Nothing of an import is ever half done: not by kill -9 at any of its statements, not by another import, not by a held database."""

import asyncio
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from hmlib.auth.permissions import CompanyScope
from hmlib.clock import utc_now
from hmlib.db.database import connect
from hmlib.imports import batches, jobs, work
from hmlib.imports.batches import Choices
from hmlib.imports.jobs import jobs_of
from hmlib.jobs import job
from hmlib.jobs.kind import cancel
from hmlib.jobs.runner import Runner
from hmlib.records.audit import Actor
from hmlib.testing import postgres_fixture
from hmlib.testing.hub import ACME
from nexus_srv.directory.imports import IMPORTS
from nexus_srv.tests.import_process import Spine

pytestmark = [pytest.mark.gen_test, pytest.mark.usefixtures("people")]
ACTOR = Actor("a", "Alice")
ASSETS = b"company_account_number,name,type\n" + b"".join(b"100001,PC-%d,server\n" % number for number in range(700))
LOCATIONS = b"company_account_number,name,city\n100001,North,Reno\n100001,South,Elko\n"


@pytest.fixture
def url(db, home, io_loop):
    """The database's address, for another process or connection."""
    if db.dialect == "sqlite":
        return f"sqlite:///{next(home.glob('nexus-*.db'))}"
    name = io_loop.run_sync(lambda: db.value("SELECT current_database()"))
    return urlsplit(postgres_fixture.fresh_url())._replace(path=f"/{name}").geturl()


async def brought(db, kind, raw):
    add = await work.bring(db, IMPORTS, kind, f"{kind}.csv", raw, Choices(), CompanyScope(), ACTOR, utc_now())
    async with db.write() as tx:
        return await add(tx)


async def started(db, batch, state="applying"):
    async with db.write() as tx:
        return await jobs.start(tx, batch, state, ACTOR, utc_now())


async def ended(db, settings, begun):
    runner = Runner(db, jobs_of(IMPORTS)[:1], Spine(), settings.home / "run" / "jobs")
    try:
        return await runner.until_ended(begun.id)
    finally:
        await runner.stop()


STATEMENTS = (
    *("INSERT INTO import_row", "UPDATE import_batch SET kinds", "UPDATE import_turn", "INSERT INTO location"),
    *("INSERT INTO audit", "UPDATE job"),
)


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_kill_9_in_the_middle_leaves_nothing_half_done_and_it_is_taken_up_again(db, url, settings, statement):
    batch = await brought(db, "locations", LOCATIONS)
    begun = await started(db, batch)
    command = [sys.executable, "-m", "nexus_srv.tests.import_process", url, str(settings.home / "run" / "jobs"), statement]
    killed = await asyncio.to_thread(subprocess.run, command, check=False)
    assert killed.returncode == -9
    assert await db.value("SELECT count(*) FROM location") == 0
    assert (await job.by_id(db, begun.id)).state == "running" and (await batches.by_id(db, batch.id)).state == "applying"
    done = await ended(db, settings, begun)
    assert (done.state, done.outcome) == ("done", {"created": 2, "updated": 0, "unchanged": 0, "errors": 0, "applied": True})
    assert (await batches.by_id(db, batch.id)).state == "applied"
    assert await db.value("SELECT count(*) FROM location") == 2
    assert await db.value("SELECT count(*) FROM audit WHERE action = 'locations.imported'") == 1


async def test_two_imports_of_one_file_at_once_make_everything_once(db):
    """Devices without an id of their own: nothing in the database keeps the second from making them again, but the plan does."""
    plans = [await work.plan(db, IMPORTS, None, await brought(db, "assets", ASSETS), ACTOR, utc_now()) for _ in range(2)]
    assert [plan.created for plan in plans] == [700, 700]

    async def nothing(tx, applied):
        return

    done = [await work.apply(db, IMPORTS, None, plan, ACTOR, valid_only=False, transaction=db.write, done=nothing) for plan in plans]
    assert [(one.state, one.created, one.unchanged) for one in done] == [("applied", 700, 0), ("applied", 0, 700)]
    assert await db.value("SELECT count(*) FROM asset") == 700


async def test_a_device_that_somebody_makes_meanwhile_is_updated(db, alice):
    plan = await work.plan(db, IMPORTS, None, await brought(db, "assets", ASSETS), ACTOR, utc_now())
    assert (await alice.api("/api/assets", "POST", {"company_id": ACME, "name": "pc-7"})).code == 201

    async def nothing(tx, applied):
        return

    done = await work.apply(db, IMPORTS, None, plan, ACTOR, valid_only=False, transaction=db.write, done=nothing)
    assert (done.state, done.created, done.updated) == ("applied", 699, 1)


async def test_others_that_write_to_its_rows_again_and_again_end_it(db, monkeypatch):
    await db.run("UPDATE company SET external_id = 'x', source = 'import' WHERE id = :id", id=ACME)
    batch = await brought(db, "companies", b"name,city,external_id\nAcme Dental,Ely,x\n")
    plan = await work.plan(db, IMPORTS, None, batch, ACTOR, utc_now())
    assert plan.updated == 1
    plans = []
    make = work.planning.plan

    async def counted(*args):
        found = await make(*args)
        plans.append(found)
        await db.run("UPDATE company SET version = version + 1 WHERE id = :id", id=ACME)
        return found

    async def nothing(tx, applied):
        return

    await db.run("UPDATE company SET version = version + 1 WHERE id = :id", id=ACME)
    monkeypatch.setattr(work.planning, "plan", counted)
    with pytest.raises(work.Refused, match="Others wrote to the same rows 5 times"):
        await work.apply(db, IMPORTS, None, plan, ACTOR, valid_only=False, transaction=db.write, done=nothing)
    assert len(plans) == work.MOST_PLANS - 1
    assert await db.value("SELECT city FROM company WHERE id = :id", id=ACME) == ""


async def test_another_writer_holds_the_database_for_eleven_seconds(db, url, settings):
    batch = await brought(db, "locations", LOCATIONS)
    begun = await started(db, batch)
    other = await connect(url)
    async with other.write() as tx:
        await tx.run("UPDATE company SET notes = 'held' WHERE id = :id", id=ACME)
        runner = Runner(db, jobs_of(IMPORTS)[:1], Spine(), settings.home / "run" / "jobs")
        working = asyncio.create_task(runner.run())
        await asyncio.sleep(11)
    while (done := await job.by_id(db, begun.id)).active:
        await asyncio.sleep(0.05)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await other.close()
    assert (done.state, await db.value("SELECT count(*) FROM location")) == ("done", 2)


async def test_a_cancelled_import_can_be_tried_out_again(db, settings):
    batch = await brought(db, "locations", LOCATIONS)
    begun = await started(db, batch, "planning")
    async with db.write() as tx:
        assert (await cancel(tx, {kind.name: kind for kind in jobs_of(IMPORTS)}, begun.id, utc_now())).state == "cancelled"
    assert (await batches.by_id(db, batch.id)).state == "mapping"
    again = await started(db, await batches.by_id(db, batch.id), "planning")
    assert (await ended(db, settings, again)).state == "done"
