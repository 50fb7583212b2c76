"""A place to measure in: an HM_HOME of its own, services and other programs started in it on chosen cores, and wrk to ask them."""

import os
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from hmlib.keys import new_master
from hmlib.server import certificates

ROOT = Path(__file__).parent.parent
CORES = sorted(os.sched_getaffinity(0))


class Stage:
    """A folder, and the processes that were started in it; both are gone when the block ends."""

    def __init__(self, **environ: str) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="hmbench"))
        (self.home / "keys").mkdir(mode=0o700)
        new_master(self.home / "keys" / "master.key")
        certificates.ensure(self.home / "tls", [], datetime.now(UTC))
        self.environ = {"HM_HOME": str(self.home), "HM_LOG": "json", **environ}
        self.authority = self.home / "tls" / "ca.pem"
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self.processes:
            self.stop(process)
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self, listening: socket.socket, *command: str, cores: Sequence[int] = CORES, **environ: str) -> subprocess.Popen[bytes]:
        """Start a Python program whose descriptor 0 is the listening socket."""
        given = {**os.environ, "PYTHONPATH": str(ROOT), **self.environ, **environ}
        log = (self.home / f"{len(self.processes)}.log").open("wb")
        process = subprocess.Popen([sys.executable, *command], stdin=listening, stdout=log, stderr=log, env=given, cwd=self.home)
        log.close()
        os.sched_setaffinity(process.pid, cores)
        self.processes.append(process)
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority)


def listening() -> socket.socket:
    """A socket on a free loopback port."""
    return socket.create_server(("127.0.0.1", 0), backlog=256)


def port_of(socket: socket.socket) -> int:
    return int(socket.getsockname()[1])


def free_port() -> int:
    with listening() as free:
        return port_of(free)


def wrk(url: str, *, headers: Mapping[str, str], seconds: int, script: str = "", connections: int = 8, core: int | None = CORES[-1]) -> int:
    """How many answers came, all of them good. `script` is Lua; `core` None lets the system choose where it runs."""
    options = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        options += ["-s", file.name] if script else []
        pinned = [] if core is None else ["taskset", "-c", str(core)]
        command = [*pinned, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *options, url]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    found = re.search(r"(\d+) requests in", said)
    assert found, said
    return int(found[1])


def cpu_seconds(pid: int) -> float:
    """The time that cores have spent on a process, to the nanosecond."""
    return sum(int(Path(task, "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def own_mb(pid: int) -> float:
    """A process's own share of memory (Pss: what it shares with others in equal parts), in MB of 10^6 bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) * 1024 / 1e6


def in_turns(rounds: int, **ways: Callable[[], float]) -> dict[str, list[float]]:
    """Each way once a round, in changing order, so that other work on the machine hits all of them alike."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for round in range(rounds):
        for name in names[round % len(names) :] + names[: round % len(names)]:
            found[name].append(ways[name]())
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def until(condition: Callable[[], bool], seconds: float = 20.0, pause: float = 0.005) -> float:
    """Wait for a condition; how many seconds it took. Raises AssertionError."""
    began = time.perf_counter()
    while not condition():
        assert time.perf_counter() - began < seconds, "it did not come true in time"
        time.sleep(pause)
    return time.perf_counter() - began


def resident_mb(pid: int) -> float:
    """A process's memory that is in use now, in MB of 10^6 bytes, shared libraries included."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024 / 1e6
