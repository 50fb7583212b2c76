"""The unit for systemd: its text holds, and the suite works within what it allows."""

import re
import shutil
import socket
import subprocess
import sys

import pytest

from tests.running import ROOT, Home, until

pytestmark = pytest.mark.journey
UNIT = ROOT / "deploy" / "hivematrix.service"
PASSWORD = "orange tractor windows seven"
PR_SET_MDWE = 65  # what MemoryDenyWriteExecute= means, by prctl(2) of Linux 6.3
PR_SET_NO_NEW_PRIVS = 38
LAUNCHER = f"""
import ctypes, os, sys
libc = ctypes.CDLL(None)
assert libc.prctl({PR_SET_NO_NEW_PRIVS}, 1, 0, 0, 0) == 0
libc.prctl({PR_SET_MDWE}, 1, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.fixture
def home():
    home = Home()
    try:
        made = home.hm("init", HM_ADMIN_PASSWORD=PASSWORD)
        assert made.returncode == 0, made.stderr
        yield home
    finally:
        home.close()


def needed(program):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    return program


def test_systemd_understands_the_unit_and_finds_it_closed_enough(tmp_path):
    analyze = needed("systemd-analyze")
    unit = tmp_path / UNIT.name
    hm = tmp_path / "hm"
    hm.write_text("#!/bin/sh\n")
    hm.chmod(0o755)
    unit.write_text(UNIT.read_text().replace("/opt/hivematrix/.venv/bin/hm", str(hm)).replace("/opt/hivematrix", str(tmp_path)))
    verified = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert (verified.returncode, verified.stderr) == (0, "")
    rated = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", "--threshold=20", str(unit)], capture_output=True, text=True, timeout=60
    )
    assert rated.returncode == 0, rated.stdout


def allowed_calls(name="@system-service"):
    """The system calls of a set, as systemd's own tool lists them."""
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, timeout=60, check=True).stdout
    words = {line.strip() for line in listed.splitlines()[1:]} - {""}
    sets = {word for word in words if word.startswith("@")}
    return {word for word in words - sets if not word.startswith("#")}.union(*(allowed_calls(word) for word in sets))


def test_the_suite_makes_only_the_system_calls_that_the_unit_allows(home):
    """Start, pages, a rolling restart and the end; with no new privileges, and no memory that is writable and executable."""
    needed("systemd-analyze")
    strace = needed("strace")
    seen = home.folder / "calls"
    forbidden = "!" + ",".join(f"?{name}" for name in sorted(allowed_calls()))
    command = [strace, "--seccomp-bpf", "-f", "-qq", "-e", "signal=none", "-e", f"trace={forbidden}", "-o", str(seen), sys.executable]
    arguments = ["-c", LAUNCHER, "-c", "from hmlib.cli.main import main; main()", "up"]
    process = subprocess.Popen([*command, *arguments], cwd=ROOT, env=home.environ, stdout=subprocess.PIPE, text=True)
    try:
        said = [process.stdout.readline() for _ in range(4)]
        assert said[-1] == "Press Ctrl-C to stop.\n", said
        assert home.fetch("/login")[0] == 200 and home.fetch("/login", "wiki")[0] in (200, 303)
        assert home.hm("restart").returncode == 0
        assert home.hm("down").returncode == 0
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    calls = [line for line in seen.read_text().splitlines() if re.match(r"\d+ \w+\(", line)]
    assert not calls


def test_a_call_that_the_unit_forbids_would_be_seen(tmp_path):
    strace = needed("strace")
    seen = tmp_path / "calls"
    script = "import ctypes; ctypes.CDLL(None).sethostname(b'', 0)"
    subprocess.run([strace, "--seccomp-bpf", "-f", "-qq", "-e", "trace=!read", "-o", str(seen), sys.executable, "-c", script], timeout=60)
    assert "sethostname" in seen.read_text() and "sethostname" not in allowed_calls()


def test_up_tells_systemd_when_it_is_ready_and_when_it_stops(home):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(home.folder / "notify"))
        systemd.settimeout(60)
        environ = {**home.environ, "NOTIFY_SOCKET": str(home.folder / "notify")}
        command = [sys.executable, "-c", "from hmlib.cli.main import main; main()", "up"]
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            assert systemd.recv(100) == b"READY=1"
            assert home.fetch("/readyz")[0] == 200
            process.terminate()
            assert systemd.recv(100) == b"STOPPING=1"
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
    assert until(lambda: not home.suite.is_up())
