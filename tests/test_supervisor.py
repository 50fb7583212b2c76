"""`hm` and supervisord together: up, status, restart, down, and what they say when it cannot be."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time

import pytest

from hmlib.testing import postgres_fixture
from tests.running import ROOT, Home, Tiny, until

pytestmark = pytest.mark.journey

RUN_TINY = "runpy.run_module('tests.tiny_service', run_name='__main__')"


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def connected(tiny):
    """A client that has asked once already and keeps its connection."""
    connection = http.client.HTTPSConnection("localhost", tiny.port, context=tiny.tls(), timeout=10)
    connection.request("GET", "/")
    connection.getresponse().read()
    return connection


@pytest.fixture
def tiny():
    tiny = Tiny()
    try:
        yield tiny
    finally:
        tiny.close()


def test_a_day_in_the_life(tiny):
    assert tiny.hm("status").returncode == 1
    started = tiny.hm("up", "--detach")
    assert (started.returncode, started.stdout) == (0, f"nexus is ready at https://localhost:{tiny.port}\n")

    status = tiny.hm("status")
    assert status.returncode == 0
    assert [line.split()[:2] for line in status.stdout.splitlines()] == [["nexus:nexus_00", "RUNNING"], ["nexus:nexus_01", "RUNNING"]]
    assert all("pid" in line and "uptime" in line for line in status.stdout.splitlines())

    assert tiny.hm("supervisorctl", "pid", "nexus:nexus_00").stdout.strip() == str(tiny.processes()["nexus_00"].pid)
    assert tiny.hm("supervisorctl", "stop", "nexus:nexus_01").returncode == 0
    assert tiny.hm("status").returncode == 1
    again = tiny.hm("up", "--detach")
    assert again.returncode == 0 and "Started nexus_01." in again.stdout
    assert "running already" in tiny.hm("up", "--detach").stdout

    before = {process.pid for process in tiny.processes().values()}
    restarted = tiny.hm("restart", "nexus")
    assert restarted.stdout == "nexus_00 restarted\nnexus_01 restarted\n"
    assert not before & {process.pid for process in tiny.processes().values()}
    assert tiny.hm("restart", "nothing").returncode == 1

    assert tiny.hm("down").stdout == "The suite has stopped.\n"
    assert tiny.hm("down").stdout == "The suite is not running.\n"
    assert until(lambda: not any(alive(pid) for pid in before))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().split()[2] != "Z"
    except OSError:
        return False


def test_detached_it_holds_nothing_of_the_caller_open(tiny):
    reader, writer = os.pipe()
    command = [sys.executable, "-c", "from hmlib.cli.main import main; main()", "up", "--detach"]
    done = subprocess.run(
        command, cwd=tiny.folder, env=tiny.environ, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, pass_fds=[writer], timeout=60
    )
    os.close(writer)
    assert done.returncode == 0
    with os.fdopen(reader) as pipe:
        assert "nexus is ready" in pipe.read()  # ends only when nobody holds the other end


def test_a_service_that_cannot_start_is_named_with_its_own_words(tiny):
    program = tiny.folder / "supervisord.conf"
    program.write_text(program.read_text().replace("-m tests.tiny_service", "-c 'import sys; sys.exit(\"no luck today\")'"))
    began = time.monotonic()
    started = tiny.hm("up", "--detach")
    assert started.returncode == 1
    assert "nexus_00" in started.stderr and "no luck today" in started.stderr
    assert time.monotonic() - began < 30


def test_bad_configuration_is_not_tried_again_and_again(tiny):
    assert tiny.hm("up", "--detach").returncode == 0
    (tiny.home / "tls" / "server.key").chmod(0o644)
    seen = tiny.hm("restart", "nexus")
    assert seen.returncode == 1 and "chmod 600" in seen.stderr
    time.sleep(2)
    assert [process.state for process in tiny.processes().values()] == ["EXITED", "RUNNING"]
    (tiny.home / "tls" / "server.key").chmod(0o600)
    assert tiny.hm("restart").returncode == 0


@pytest.mark.parametrize(
    ("environ", "code", "words"),
    [
        ({"HM_BIND": "localhost"}, 78, "HM_BIND"),
        ({"HM_NEXUS_PORT": "0"}, 78, "HM_NEXUS_PORT"),
        ({"HM_MASTER_KEY_FILE": "/nowhere"}, 78, "HM_MASTER_KEY_FILE"),
        ({"HM_MODULES": "Wiki"}, 78, "HM_MODULES"),
        ({"HM_HOME": "/" + "x" * 120}, 78, "HM_HOME"),
    ],
)
def test_up_refuses_bad_configuration(tiny, environ, code, words):
    refused = tiny.hm("up", "--detach", **environ)
    assert refused.returncode == code
    assert words in refused.stderr and "Traceback" not in refused.stderr


def test_up_says_whose_port_is_taken(tiny):
    process = tiny.direct()
    try:
        assert until(lambda: (tiny.home / "run" / "nexus.ready").exists())
        refused = tiny.hm("up", "--detach")
        assert refused.returncode == 1 and f"HM_NEXUS_PORT is {tiny.port}" in refused.stderr
    finally:
        process.terminate()
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert [json.loads(line)["event"] for line in out.splitlines()][-2:] == ["draining", "stopped"]


def test_in_the_foreground_it_runs_until_it_is_told_to_stop(tiny):
    command = [sys.executable, "-c", "from hmlib.cli.main import main; main()", "up"]
    process = subprocess.Popen(command, cwd=tiny.folder, env=tiny.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == f"nexus is ready at https://localhost:{tiny.port}\n"
        assert process.stdout.readline() == "Press Ctrl-C to stop.\n"
    finally:
        process.terminate()
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "Stopping.\n")
    assert not tiny.suite.is_up()


def test_wrong_usage_is_2(tiny):
    assert tiny.hm("up", "--sideways").returncode == 2
    assert tiny.hm("dance").returncode == 2


def test_plain_supervisorctl_knows_the_default_home():
    text = (ROOT / "supervisord.conf").read_text()
    assert "serverurl=unix://%(here)s/var/run/supervisor.sock" in text


def test_idle_connections_that_take_every_descriptor_flood_no_log_and_stop_nobody(tiny):
    """A process that may open 64 files, and 200 connections that say nothing."""
    limited = f"import os, resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); {RUN_TINY}"
    process = tiny.direct_command("-c", limited)
    try:
        assert until(lambda: answers(tiny.port))
        with contextlib.ExitStack() as idle:
            kept = idle.enter_context(contextlib.closing(connected(tiny)))
            for _ in range(200):
                idle.enter_context(socket.create_connection(("127.0.0.1", tiny.port)))
            time.sleep(3)
            kept.request("GET", "/")
            assert kept.getresponse().status == 200, "who is connected goes on working"
        assert until(lambda: tiny.fetch("/")[0] == 200), "and it heals by itself"
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=40)
    pauses = [line for line in said.splitlines() if "accepting pauses" in line]
    assert 1 <= len(pauses) <= 15 and len(said.splitlines()) < 60, said


def test_up_refuses_a_postgresql_with_too_few_connections():
    try:
        with postgres_fixture.cluster("max_connections=20") as server:
            home = Home()
            try:
                home.environ |= {f"HM_{name}_DB": server.url(server.database()) for name in ("NEXUS", "WIKI", "TREASURY")}
                assert home.hm("init", HM_ADMIN_PASSWORD="orange tractor windows seven").returncode == 0
                refused = home.hm("up", "--detach")
                assert refused.returncode == 78 and "PostgreSQL gives this user 20 connections" in refused.stderr, refused
                doctor = home.hm("doctor")
                assert doctor.returncode == 1 and "BAD   HM_NEXUS_DB and HM_WIKI_DB and HM_TREASURY_DB: PostgreSQL gives" in doctor.stdout
            finally:
                home.close()
    except postgres_fixture.NoPostgres as missing:
        pytest.skip(str(missing))
