"""Processes come and go under load, and nobody who asks notices."""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import time

import pytest

from tests.running import Load, Tiny, until

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def tiny():
    tiny = Tiny()
    try:
        started = tiny.hm("up", "--detach")
        assert started.returncode == 0, started.stderr + tiny.log()
        yield tiny
    finally:
        tiny.close()


def under_load(tiny, deed):
    """Do something in a thread while sixteen clients ask; what the clients saw."""

    async def both():
        load = Load(tiny.port, tiny.tls())
        asking = asyncio.create_task(load.run())
        await asyncio.sleep(0.5)
        await asyncio.to_thread(deed)
        await asyncio.sleep(0.5)
        load.stopping = True
        await asyncio.wait_for(asking, 10)
        await asyncio.sleep(0.1)  # connections cut in their handshake are closed by callbacks
        return load

    return asyncio.run(both())


def test_a_rolling_restart_loses_no_request(tiny):
    before = {process.pid for process in tiny.processes().values()}
    load = under_load(tiny, lambda: tiny.suite.restart("nexus", print))
    after = {process.pid for process in tiny.processes().values()}
    assert load.failures == []
    assert load.good > 200
    answered = {int(pid) for pid in load.pids}
    assert not before & after and answered <= before | after
    assert answered & before and answered & after  # which of a socket's processes takes a connection is the kernel's choice


def test_a_restart_that_does_not_drain_would_be_noticed(tiny):
    def cut():
        for process in tiny.processes().values():
            os.kill(process.pid, signal.SIGKILL)
        assert until(lambda: fetch_or_none(tiny), 10)

    assert under_load(tiny, cut).failures != []


def fetch_or_none(tiny):
    try:
        return tiny.fetch("/readyz")[0] == 200
    except OSError:
        return None


def test_a_killed_process_is_back_within_three_seconds_and_its_sibling_goes_on(tiny):
    victim, sibling = sorted(tiny.processes().values(), key=lambda process: process.name)
    os.kill(victim.pid, signal.SIGKILL)
    killed_at = time.monotonic()
    assert tiny.fetch("/") == (200, str(sibling.pid))
    ready = tiny.home / "run" / f"{victim.name}.ready"
    assert until(lambda: ready.read_text() == str(tiny.processes()[victim.name].pid) != str(victim.pid), 3)
    assert time.monotonic() - killed_at < 3


def test_a_process_told_to_stop_finishes_what_it_has_begun(tiny):
    pids = {process.pid for process in tiny.processes().values()}

    async def asked():
        load = Load(tiny.port, tiny.tls(), path="/?s=1.5", clients=4)
        asking = asyncio.create_task(load.run())
        await asyncio.sleep(0.5)
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        load.stopping = True
        await asyncio.wait_for(asking, 10)
        return load

    load = asyncio.run(asked())
    assert (load.good, load.failures) == (4, [])
    assert until(lambda: all(process.state == "RUNNING" and process.pid not in pids for process in tiny.processes().values()))
    assert until(lambda: fetch_or_none(tiny))


def test_health_addresses_say_how_it_is(tiny):
    assert tiny.fetch("/healthz") == (200, '{"status": "ok"}')
    assert tiny.fetch("/readyz") == (200, '{"status": "ready", "failed": []}')


def test_figures_of_all_processes_add_up_on_a_loopback_port(tiny):
    def counted():
        connection = http.client.HTTPConnection("127.0.0.1", tiny.metrics_port, timeout=5)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        lines = [
            line for line in text.splitlines() if line.startswith('hm_requests_total{method="GET",route="__main__.Echo",status="200"}')
        ]
        return float(lines[0].split()[-1]) if lines else 0.0

    time.sleep(2)  # each process writes its figures down once a second: what was asked before is counted
    before = counted()
    pids = {tiny.fetch("/")[1] for _ in range(40)}
    assert len(pids) == 2
    assert until(lambda: {counted() - before for _ in range(6)} == {40.0})
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.2", tiny.metrics_port, timeout=5).connect()
    assert tiny.fetch("/metrics")[0] == 404


def test_n179_an_error_leaves_the_process_up_and_its_words_out_of_the_log(tiny):
    assert tiny.fetch("/?fail=1")[0] == 500
    failed = until(lambda: logged(tiny, "unhandled error"))[-1]
    assert failed["error"] == "ValueError" and any("tiny_service.py" in place for place in failed["where"])
    assert "a secret that no log may hold" not in tiny.log() and "fail=1" not in tiny.log()
    assert tiny.fetch("/")[0] == 200


def logged(tiny, event):
    lines = [json.loads(line) for line in tiny.log().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def test_every_request_has_its_line(tiny):
    tiny.fetch("/")
    seen = until(lambda: [line for line in logged(tiny, "request") if "Echo" in line["route"] and line["status"] == 200])[-1]
    assert {"time", "level", "service", "request_id", "trace_id", "method", "route", "status", "ms", "address"} <= seen.keys()
    assert (seen["level"], seen["service"], seen["method"], seen["route"], seen["status"]) == ("info", "nexus", "GET", "__main__.Echo", 200)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HM_NEXUS_PORT", "http"),
        ("HM_BIND", "::1"),
        ("HM_NEXUS_URL", "http://psa.example.com"),
        ("HM_NEXUS_DB", "mysql://x"),
        ("HM_HOME", "/nowhere/at/all"),
        ("HM_MASTER_KEY_FILE", "/nowhere/key"),
        ("HM_TRUSTED_PROXIES", "everyone"),
        ("HM_TLS", "maybe"),
    ],
)
def test_n173_a_wrong_setting_stops_the_start_with_one_sentence_that_names_it(tiny, variable, value):
    process = tiny.direct(**{variable: value})
    out, error = process.communicate(timeout=20)
    assert process.returncode == 78
    assert variable in error and error.count("\n") == 1
    assert "Traceback" not in out + error


def test_n173_files_open_to_others_stop_the_start(tiny):
    for name, mode, good in (("keys/master.key", 0o640, 0o600), ("tls/server.key", 0o644, 0o600), ("", 0o770, 0o700)):
        (tiny.home / name).chmod(mode)
        try:
            process = tiny.direct()
            assert process.wait(20) == 78
            assert "chmod" in process.communicate()[1]
        finally:
            (tiny.home / name).chmod(good)


def test_a_port_that_is_taken_stops_the_start(tiny):
    process = tiny.direct()
    assert "HM_NEXUS_PORT" in process.communicate(timeout=20)[1]
    assert process.returncode == 78


def test_n175_old_tls_is_refused(tiny):
    for version, code in (("-tls1_1", 1), ("-tls1_2", 0), ("-tls1_3", 0)):
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{tiny.port}", version, "-cipher", "ALL:@SECLEVEL=0"]
        seen = subprocess.run(command, input="", capture_output=True, text=True, timeout=20)
        assert bool(seen.returncode) == bool(code), seen.stderr
    weak = [
        "openssl",
        "s_client",
        "-connect",
        f"127.0.0.1:{tiny.port}",
        "-tls1_2",
        "-cipher",
        "AES128-SHA:AES256-SHA:ECDHE-ECDSA-AES128-SHA",
    ]
    assert subprocess.run(weak, input="", capture_output=True, timeout=20).returncode != 0
