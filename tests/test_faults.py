"""Processes are killed under writers, all at once and with what looks after them; nothing acknowledged is lost."""

import asyncio
import os
import random
import signal
import time

import pytest

from hmlib.db.database import connect
from hmlib.processes.pids import daemon
from hmlib.processes.probes import is_ready
from tests.journal import Journal, Repeating
from tests.running import until
from tests.whole import SERVICES, Whole

pytestmark = [pytest.mark.journey, pytest.mark.fault]


@pytest.fixture(scope="module")
def suite():
    suite = Whole(os.environ.get("HM_TEST_DB", "sqlite"), demo=False)
    yield suite
    suite.close()


def all_ready(suite):
    return all(is_ready(settings) for settings in suite.suite.services.values())


def pids(suite):
    return {process.pid for service in SERVICES for process in suite.processes(service)}


def kill(pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def test_all_processes_killed_at_once_again_and_again(suite, rounds):
    """Every process comes back and takes writes, and supervisord with its sockets outlives them."""
    with Journal(suite) as journal:
        for number in range(rounds(4, 40)):
            before = pids(suite)
            kill(before)
            killed_at = time.monotonic()
            assert until(lambda before=before: not before & pids(suite) and all_ready(suite), 60), f"not back in round {number}"
            print(f"round {number}: back after {time.monotonic() - killed_at:.1f} s")
            journal.until_each_has(number + 1)
            time.sleep(max(0.0, killed_at + 4 - time.monotonic()))
    journal.compare()


def sql(suite, service, *statements):
    """Change a service's database behind its back."""

    async def run():
        settings = suite.suite.services[service]
        db = await connect(settings.db_url)
        try:
            for statement in statements:
                await db.run(statement)
        finally:
            await db.close()

    asyncio.run(run())


def migrated(name):
    return f"INSERT INTO migration (folder, name, applied_at) VALUES ('wiki', '{name}', '2026-01-01T00:00:00Z')"


def test_an_older_process_comes_back_on_a_schema_that_a_newer_version_expanded(suite):
    sql(suite, "wiki", "ALTER TABLE article ADD COLUMN of_the_next_version TEXT", migrated("0998_of_the_next_version"))
    try:
        before = pids(suite)
        kill({process.pid for process in suite.processes("wiki")})
        assert until(lambda: len(pids(suite) - before) == 2 and all_ready(suite), 60)
        assert "newer version, which this one can work with" in suite.hm("doctor", check=False)
        with Journal(suite, ["wiki"]) as journal:
            journal.until_each_has(3)
        journal.compare()
    finally:
        sql(suite, "wiki", "DELETE FROM migration WHERE name = '0998_of_the_next_version'")


def test_one_that_cannot_go_on_says_why_and_starts_again_when_that_is_mended(suite):
    sql(suite, "wiki", migrated("0999_drop_titles_breaks"))
    try:
        assert until(lambda: not is_ready(suite.suite.services["wiki"]), 30)  # a running one takes no more
        kill({process.pid for process in suite.processes("wiki")})
        assert until(lambda: all(process.misconfigured for process in suite.processes("wiki")), 60)
        said = suite.hm("status", check=False)
        assert "BAD   wiki_00 refused its configuration (78)" in suite.hm("doctor", check=False)
        assert "wiki_00 refused its configuration (78)" in said and "start the newer version" in said and "hm up --detach" in said
    finally:
        sql(suite, "wiki", "DELETE FROM migration WHERE name = '0999_drop_titles_breaks'")
    assert "Started wiki_00, wiki_01." in suite.hm("up", "--detach")
    assert all_ready(suite)


def kill_one(suite):
    kill([random.choice(sorted(pids(suite)))])


def kill_all(suite):
    kill(pids(suite))


def kill_supervisord(suite):
    """What it looked after goes on without it, until `hm up` begins anew."""
    kill([int((suite.home / "run" / "supervisord.pid").read_text())])
    time.sleep(random.uniform(0, 1))
    suite.hm("up", "--detach")


@pytest.mark.parametrize("hurt", [kill_one, kill_all, kill_supervisord])
def test_a_request_with_a_key_is_done_once_whatever_is_killed(suite, rounds, hurt):
    """Six writers repeat what was not answered; at the end each has its answer, and everything is there once."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    random.seed(seed)
    with Journal(suite, writer=Repeating, each=2) as journal:
        for _ in range(rounds(2, 20)):
            before = [len(writer.answers) for writer in journal.writers]
            assert until(lambda before=before: all(len(w.answers) > n for w, n in zip(journal.writers, before, strict=True)), 60)
            time.sleep(random.uniform(0, 1))
            hurt(suite)
            assert until(lambda: all_ready(suite), 60)
    for writer in journal.writers:
        writer.compare_answers()
    print(hurt.__name__, {writer.kind.service: (len(writer.answers), writer.unanswered) for writer in journal.writers})


def test_supervisord_killed_under_writers_and_started_anew(suite, rounds):
    """Its processes go on taking writes; `hm up` lets them finish, and nothing that was acknowledged is missing."""
    with Journal(suite) as journal:
        for number in range(rounds(1, 10)):
            journal.until_each_has(2 * number + 1)
            before = pids(suite)
            kill({daemon(suite.home).pid})
            assert until(lambda: not suite.suite.is_up(), 30)
            journal.until_each_has(2 * number + 2)
            assert "left behind: nexus_00" in suite.hm("up", "--detach")
            assert not before & pids(suite) and all_ready(suite)
    journal.compare()
