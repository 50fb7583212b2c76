"""Which processes of a suite run, by what each notes of itself in HM_HOME/run: the truth when supervisord is gone."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hmlib.processes.probes import until

SUFFIX = ".pid"
DAEMON = "supervisord"


@dataclass(frozen=True)
class Noted:
    """A process that lives. ``started`` is its start in clock ticks since the machine's, so that a later process of the same pid is no
    other's."""

    name: str
    pid: int
    started: int

    @property
    def lives(self) -> bool:
        return started_at(self.pid) == self.started

    @property
    def uptime_seconds(self) -> float:
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - self.started / os.sysconf("SC_CLK_TCK"))


def ready_file(home: Path, process: str) -> Path:
    """Where a process says that it is ready; ``process`` is its name at supervisord, or the service's."""
    return home / "run" / f"{process}.ready"


def note(home: Path, name: str) -> Path | None:
    """Write down that this process is ``name`` of the suite in ``home``; the file, None where the system does not
    tell when a process began."""
    started = started_at(os.getpid())
    if started is None:
        return None
    file = home / "run" / f"{name}{SUFFIX}"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.write_text(f"{os.getpid()} {started}\n")
    fresh.replace(file)
    return file


def noted(home: Path) -> list[Noted]:
    """Every process that noted itself and still lives, by name. What a crash left, or a stranger with an old pid, is not among them."""
    files = sorted((home / "run").glob(f"*{SUFFIX}"))
    return [one for file in files if file.stem != DAEMON and (one := _read(file)) and one.lives and _runs(one, home)]


def daemon(home: Path) -> Noted | None:
    """The supervisord of ``home``, whether it answers or not; None when it does not live."""
    one = _read(home / "run" / f"{DAEMON}{SUFFIX}")
    return one if one and one.lives and _runs(one, home) else None


def _read(file: Path) -> Noted | None:
    """What a file says. supervisord's own holds a pid only."""
    try:
        pid, *rest = map(int, file.read_text().split())
    except (OSError, ValueError):
        return None
    started = rest[0] if rest else started_at(pid)
    return None if started is None else Noted(file.stem, pid, started)


def _runs(process: Noted, home: Path) -> bool:
    """Whether it was started for this home and under this name, by what the kernel keeps of its start."""
    folder = Path(f"/proc/{process.pid}")
    try:
        command, environ = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    named = b"supervisord" in command if process.name == DAEMON else f"SUPERVISOR_PROCESS_NAME={process.name}".encode() in environ
    return named and os.fsencode(f"HM_HOME={home}") in environ


def started_at(pid: int) -> int | None:
    """When the process began, in clock ticks since the machine did (proc(5), stat field 22); None when there is none, or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[19]) if fields[0] not in "ZX" else None


def end(processes: Sequence[Noted], seconds: float) -> list[str]:
    """Ask each to finish, and kill those that still live after ``seconds``; the names of those killed. Never touches another process."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    until(lambda: not any(process.lives for process in processes), seconds)
    stubborn = [process for process in processes if process.lives]
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    until(lambda: not any(process.lives for process in stubborn), seconds)
    return [process.name for process in stubborn]


def _signal(process: Noted, signum: signal.Signals) -> None:
    """Send it to the process that is meant, not to a later one of the same pid: a descriptor keeps its process."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if process.lives:
                signal.pidfd_send_signal(descriptor, signum)
        finally:
            os.close(descriptor)


def names(processes: Sequence[Noted]) -> str:
    """Processes in a sentence: ``nexus_00 (pid 12) and wiki_00 (pid 15)``."""
    *most, last = (f"{one.name} (pid {one.pid})" for one in processes)
    return f"{', '.join(most)} and {last}" if most else last


@contextmanager
def locked(home: Path, patience: float) -> Iterator[bool]:
    """Hold the lock of ``home`` meanwhile; false when somebody else still holds it after ``patience`` seconds. It ends with its process."""
    if not home.is_dir():
        yield True  # there is nothing to start, and who tries is told
        return
    descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield until(lambda: _taken(descriptor), patience)
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
