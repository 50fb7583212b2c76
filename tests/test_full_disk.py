"""A disk that is full: what can be read is read, what cannot be written says so, nobody dies, and all is well when there is room."""

import os
import signal
import time

import pyrage
import pytest
import requests

from tests.whole import SERVICES, Visitor, Whole, within

pytestmark = [pytest.mark.journey, pytest.mark.fault]
PAGES = {"nexus": "/companies", "wiki": "/articles", "treasury": "/labour"}


@pytest.fixture
def suite(small_disk):
    """A suite whose home has 48 MB."""
    whole = Whole(demo=False, folder=small_disk(48))
    yield whole
    whole.close()


def fill(suite):
    """Take every last byte, as a log or a backup of somebody else's would."""
    file = os.open(suite.home / "filler", os.O_WRONLY | os.O_CREAT)
    for size in (1 << 20, 4096, 512, 1):
        while True:
            try:
                os.write(file, b"x" * size)
            except OSError:
                break
    os.close(file)


def ready(suite):
    answers = {name: requests.get(f"{suite.origins[name]}/readyz", verify=suite.ca, timeout=10) for name in SERVICES}
    return {name: (answer.status_code, answer.json()["failed"]) for name, answer in answers.items()}


def test_n196_a_full_disk_stops_writing_and_nothing_else(suite, tmp_path):
    visitor = Visitor(suite)
    visitor.sign_in("wiki", "admin")
    for name, path in PAGES.items():
        assert visitor.get(suite.origins[name] + path).status_code == 200
    token = suite.token("admin")
    pids = running(suite)
    kept = made(suite, token, "before")
    fill(suite)
    victim = suite.processes("wiki")[0].pid
    os.kill(victim, signal.SIGKILL)
    within(30, lambda: victim not in running(suite) and len(running(suite)) == len(pids))
    pids = running(suite)
    refused, until, number = [], time.monotonic() + 75, 0  # over a minute, after which a visit would be noted again
    while time.monotonic() < until:
        number += 1
        answer = create(suite, token, f"meanwhile {number}")
        kept += [answer.json()["id"]] if answer.status_code == 201 else []
        refused += [answer] if answer.status_code == 503 else []
        assert answer.status_code in (201, 503), answer.text
        for name, path in PAGES.items():
            page = visitor.get(suite.origins[name] + path)
            assert page.status_code == 200, f"{name}: {page.status_code} {page.text[:300]}"
        time.sleep(1)
    assert refused and all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert ready(suite) == dict.fromkeys(SERVICES, (503, ["disk"]))
    for name in SERVICES:
        figures = requests.get(f"http://127.0.0.1:{suite.environ[f'HM_{name.upper()}_METRICS_PORT']}/metrics", timeout=10)
        assert "hm_requests_total" in figures.text
    assert pids == running(suite)
    assert said_by_the_commands(suite, tmp_path) == (True, True)
    (suite.home / "filler").unlink()
    within(10, lambda: ready(suite) == dict.fromkeys(SERVICES, (200, [])))
    kept += made(suite, token, "afterwards")
    assert all(suite.api("nexus", f"/api/companies/{id}", token=token).status_code == 200 for id in kept)


def said_by_the_commands(suite, folder):
    """Whether the doctor names the disk, and a backup says that it lacks room, though that cannot be noted."""
    doctor = suite.hm("doctor", check=False)
    with pytest.raises(AssertionError) as refused:
        suite.hm("backup", str(folder / "backups"), "--recipient", str(pyrage.x25519.Identity.generate().to_public()))
    return "is not ready, for its disk" in doctor, "No backup was made: A backup needs about" in str(refused.value)


def running(suite):
    return {process.pid for name in SERVICES for process in suite.processes(name) if process.state == "RUNNING"}


def create(suite, token, name):
    return suite.api("nexus", "/api/companies", "POST", token, json={"name": name, "notes": "x" * 5000})


def made(suite, token, name):
    answer = create(suite, token, name)
    assert answer.status_code == 201, answer.text
    return [answer.json()["id"]]
