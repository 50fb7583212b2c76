"""supervisord is killed, hangs, or loses its socket, and its processes go on: every command knows, and ends only what is the suite's."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from hmlib.processes import pids
from tests.running import Load, Tiny, until

pytestmark = [pytest.mark.journey, pytest.mark.fault]
ANOTHER = "Another hm command is changing this suite: wait until it is done."


@pytest.fixture
def tiny():
    tiny = Tiny()
    try:
        started = tiny.hm("up", "--detach")
        assert started.returncode == 0, started.stderr + tiny.log()
        yield tiny
    finally:
        tiny.close()


def kill_supervisord(tiny):
    """Its processes' pids by name."""
    running = {name: process.pid for name, process in tiny.processes().items()}
    supervisord = pids.daemon(tiny.home)
    os.kill(supervisord.pid, signal.SIGKILL)
    assert until(lambda: not supervisord.lives)
    return running


def alive(running):
    return {name for name, pid in running.items() if pids.started_at(pid) is not None}


def test_status_shows_who_goes_on_and_the_others_say_what_to_do(tiny):
    running = kill_supervisord(tiny)
    assert tiny.fetch("/readyz")[0] == 200
    status = tiny.hm("status")
    shown = [line.split()[:4] for line in status.stdout.splitlines()]
    assert shown == [[name, "ALONE", "pid", f"{pid},"] for name, pid in sorted(running.items())]
    for done in (status, tiny.hm("restart")):
        assert done.returncode == 1
        assert "supervisord is gone" in done.stderr and "hm up --detach" in done.stderr
    doctor = tiny.hm("doctor")
    assert doctor.returncode == 1 and "supervisord is gone" in doctor.stdout and "another program" not in doctor.stdout
    assert alive(running) == set(running)


def test_down_ends_them(tiny):
    running = kill_supervisord(tiny)
    down = tiny.hm("down")
    assert (down.returncode, down.stderr) == (0, "")
    assert "left behind: nexus_00" in down.stdout and "Killed" not in down.stdout
    assert down.stdout.endswith("The suite has stopped.\n")
    assert not alive(running)
    assert tiny.hm("down").stdout == "The suite is not running.\n"


def test_up_lets_them_finish_what_they_have_begun_and_starts_anew(tiny):
    running = kill_supervisord(tiny)

    async def asked():
        load = Load(tiny.port, tiny.tls(), path="/?s=3", clients=4)
        asking = asyncio.create_task(load.run())
        await asyncio.sleep(0.5)
        load.stopping = True
        up = await asyncio.to_thread(tiny.hm, "up", "--detach")
        await asyncio.wait_for(asking, 20)
        return load, up

    load, up = asyncio.run(asked())
    assert (load.good, load.failures) == (4, [])
    assert up.returncode == 0, up.stderr
    assert "left behind: nexus_00" in up.stdout and "nexus is ready" in up.stdout
    assert not alive(running) and {int(pid) for pid in load.pids} <= set(running.values())
    assert {process.state for process in tiny.processes().values()} == {"RUNNING"}
    assert tiny.hm("status").returncode == 0


def test_supervisord_that_hangs_is_named_and_ended(tiny):
    running = {name: process.pid for name, process in tiny.processes().items()}
    supervisord = pids.daemon(tiny.home)
    os.kill(supervisord.pid, signal.SIGSTOP)
    assert "lives but does not answer" in tiny.hm("status").stderr
    os.kill(supervisord.pid, signal.SIGCONT)
    (tiny.home / "run" / "supervisor.sock").unlink()  # the same seen from outside, and it can finish
    assert "lives but does not answer" in tiny.hm("status").stderr
    assert tiny.hm("down").returncode == 0
    assert not supervisord.lives and not alive(running)


def test_a_stranger_with_an_old_pid_is_let_alone(tiny):
    assert tiny.hm("down").returncode == 0
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    try:
        started = pids.started_at(stranger.pid)
        for name, text in (
            ("nexus_00", f"{stranger.pid} {started}\n"),  # another program, even if it began in the same moment
            ("nexus_01", f"{stranger.pid} {started - 5}\n"),
            ("supervisord", f"{stranger.pid}\n"),
            ("nexus_02", "not a number"),
            ("nexus_03", ""),
        ):
            (tiny.home / "run").mkdir(exist_ok=True)
            (tiny.home / "run" / f"{name}.pid").write_text(text)
        assert tiny.hm("status").stderr == "hm: The suite is not running. Start it with: hm up --detach\n"
        assert tiny.hm("down").stdout == "The suite is not running.\n"
        assert tiny.hm("up", "--detach").returncode == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_what_a_crash_of_everything_leaves_hinders_nobody(tiny):
    running = kill_supervisord(tiny)
    for pid in running.values():
        os.kill(pid, signal.SIGKILL)
    assert until(lambda: not alive(running))
    assert (tiny.home / "run" / "supervisor.sock").exists() and (tiny.home / "run" / "supervisord.pid").exists()
    assert "The suite is not running" in tiny.hm("status").stderr
    up = tiny.hm("up", "--detach")
    assert up.returncode == 0 and "left behind" not in up.stdout


def test_of_two_that_start_at_once_one_wins_and_the_other_says_so(tiny):
    assert tiny.hm("down").returncode == 0
    command = [sys.executable, "-c", "from hmlib.cli.main import main; main()", "up", "--detach"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, cwd=tiny.folder, env=tiny.environ, **pipes) for _ in range(2)]
    ended = [(process, *process.communicate(timeout=120)) for process in both]
    won = [out for process, out, _ in ended if process.returncode == 0 and "running already" not in out]
    lost = [out + err for process, out, err in ended if process.returncode == 1 or "running already" in out]
    assert len(won) == len(lost) == 1
    assert "Another hm command" in lost[0] or "running already" in lost[0]
    assert len({process.pid for process in tiny.processes().values()}) == 2


def test_in_the_foreground_up_says_that_supervisord_was_killed(tiny):
    assert tiny.hm("down").returncode == 0
    command = [sys.executable, "-c", "from hmlib.cli.main import main; main()", "up"]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=tiny.folder, env=tiny.environ, **pipes)
    try:
        assert "ready" in process.stdout.readline() and "Ctrl-C" in process.stdout.readline()
        kill_supervisord(tiny)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 1 and "supervisord ended unexpectedly" in err and "hm up" in err


def test_nothing_else_begins_while_another_command_changes_the_suite(tiny):
    with pids.locked(tiny.home, 0) as alone:
        assert alone
        for command in (("up", "--detach"), ("restart",), ("init",), ("restore", str(tiny.folder))):
            refused = tiny.hm(*command)
            assert (refused.returncode, refused.stderr) == (1, f"hm: {ANOTHER}\n"), refused
    assert tiny.hm("restart").returncode == 0
