"""Processes are killed under writers, all at once and with what looks after them; nothing acknowledged is lost."""

import os
import signal
import time

import pytest

from hmlib.probes import is_ready
from tests.journal import Journal
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
    """Every process comes back within three seconds, and supervisord with its sockets outlives them."""
    with Journal(suite) as journal:
        for number in range(rounds(4, 40)):
            before = pids(suite)
            kill(before)
            killed_at = time.monotonic()
            assert until(lambda before=before: not before & pids(suite) and all_ready(suite), 60), f"not back in round {number}"
            print(f"round {number}: back after {time.monotonic() - killed_at:.1f} s")
            time.sleep(max(0.0, killed_at + 4 - time.monotonic()))
    assert min(journal.compare().values()) > 5
