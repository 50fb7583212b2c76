"""Starts, watches, restarts and stops the suite, by supervisord and by what a process says of itself."""

import configparser
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from supervisor.xmlrpc import Faults

from hmlib.config import DEFAULT_PORTS, HUB, BadSetting, Settings, load
from hmlib.processes import pids, supervisor
from hmlib.processes.pids import ready_file
from hmlib.processes.probes import is_ready, pid_in, tail, until
from hmlib.processes.supervisor import Process

CONFIGURATION = "supervisord.conf"
START_SECONDS = 60.0
STOP_SECONDS = 60.0
ANSWER_SECONDS = 5.0
FINISH_SECONDS = 35.0  # as stopwaitsecs in supervisord.conf
MOST_TRIES = 4
LONGEST_SOCKET_PATH = 95  # of the 107 bytes a Unix socket's name may have, supervisord adds a suffix while it starts
Say = Callable[[str], None]


class Failed(Exception):
    """What was asked for could not be done; the text says why in plain words."""


class Suite:
    """The services of one HM_HOME on this machine."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Raises BadSetting."""
        hub = load(HUB, environ)
        self.home = hub.home
        self.services: dict[str, Settings] = {HUB: hub, **{module.name: load(module.name, environ) for module in hub.modules}}
        self._environ = environ
        self._socket = self.home / "run" / "supervisor.sock"
        if len(os.fsencode(self._socket)) > LONGEST_SOCKET_PATH:
            raise BadSetting(f"HM_HOME names {self.home}, whose path is too long for the socket in it.")
        if "%" in str(self.configuration.parent):
            raise BadSetting(f"HiveMatrix is in {self.configuration.parent}, and supervisord cannot read a path with %: move it elsewhere.")
        _refuse_shared_ports(self.here())

    @property
    def demo_logins(self) -> Path:
        """Where `hm init --demo` keeps a sentence with the demo's logins."""
        return self.home / "demo" / "logins.txt"

    @property
    def configuration(self) -> Path:
        """./supervisord.conf, or the one beside hmlib."""
        here = Path(CONFIGURATION).resolve()
        return here if here.exists() else Path(__file__).parent.parent.parent / CONFIGURATION

    def here(self) -> dict[str, Settings]:
        """The services that supervisord.conf runs on this machine."""
        return {name: self.services[name] for name in self.process_counts()}

    def process_counts(self) -> dict[str, int]:
        """How many processes supervisord.conf runs of each service here."""
        parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
        parser.read(self.configuration)
        groups = {name: f"fcgi-program:{name}" for name in self.services}
        return {name: parser.getint(group, "numprocs", fallback=1) for name, group in groups.items() if parser.has_section(group)}

    def hosts(self) -> set[str]:
        """Every host name and address that a certificate must be good for."""
        settings = self.services.values()
        named = {urlsplit(origin).hostname or "" for one in settings for origin in (one.origin, one.nexus_url)}
        return named | {one.bind for one in settings if one.bind != "0.0.0.0"}  # noqa: S104  comparing, not binding

    def environment(self) -> dict[str, str]:
        """What supervisord and its processes are started with: every variable that supervisord.conf may name."""
        ports = {f"HM_{name.upper()}_PORT": str(settings.port) for name, settings in self.services.items()}
        known = {f"HM_{name.upper()}_PORT": port for name, port in DEFAULT_PORTS.items()}
        own = {"HM_HOME": str(self.home), "HM_BIND": self.services[HUB].bind, **known, **ports}
        path = f"{Path(sys.executable).parent}{os.pathsep}{self._environ.get('PATH', os.defpath)}"
        return {**self._environ, **own, "PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}

    @contextmanager
    def alone(self, patience: float = 0.0) -> Iterator[None]:
        """Nobody else starts, restarts, stops, makes or restores this suite meanwhile. Raises Failed when somebody
        still does after ``patience`` seconds."""
        with pids.locked(self.home, patience) as alone:
            if not alone:
                raise Failed("Another hm command is changing this suite: wait until it is done.")
            yield

    # supervisord

    def left(self) -> list[pids.Noted]:
        """What lives though supervisord does not answer: itself when it hangs, and the processes that go on without it."""
        if self.is_up():
            return []
        itself = pids.daemon(self.home)
        return [*([itself] if itself else []), *pids.noted(self.home)]

    def ask(self, method: str, *arguments: object, patience: float = STOP_SECONDS) -> Any:
        """Call one method of its XML-RPC interface. Raises Failed while it does not run or does not answer within ``patience`` seconds,
        xmlrpc.client.Fault when it refuses."""
        try:
            return supervisor.ask(self._socket, method, *arguments, patience=patience)
        except supervisor.Silent as error:
            raise Failed(self.why_silent()) from error

    def why_silent(self) -> str:
        """Why supervisord does not answer, and what to do, in words."""
        if pids.daemon(self.home):
            return "supervisord lives but does not answer. End it and its processes with: hm down"
        if left := pids.noted(self.home):
            return (
                f"supervisord is gone, and {pids.names(left)} {'goes' if len(left) == 1 else 'go'} on without it. "
                "hm up --detach lets them finish and starts anew; hm down ends them."
            )
        return "The suite is not running. Start it with: hm up --detach"

    def is_up(self) -> bool:
        """Whether supervisord answers, be it that it is about to stop."""
        try:
            self.ask("getState", patience=ANSWER_SECONDS)
        except Failed:
            return False
        except xmlrpc.client.Fault:
            return True
        return True

    def processes(self) -> list[Process]:
        """Every process, in the order of starting. Raises Failed when supervisord does not run, or is about to end."""
        try:
            rows = self.ask("getAllProcessInfo")
        except xmlrpc.client.Fault as fault:
            raise Failed("The suite is stopping.") from fault
        processes = [
            Process(row["group"], row["name"], row["statename"], row["pid"], row["stdout_logfile"], row["exitstatus"]) for row in rows
        ]
        return sorted(processes, key=lambda process: (process.group != HUB, process.group, process.name))

    def supervisorctl(self, arguments: Sequence[str]) -> int:
        """Pass everything on to supervisorctl; its exit code."""
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(self.configuration), "-s", f"unix://{self._socket}"]
        return subprocess.run([*command, *arguments], env=self.environment(), check=False).returncode  # noqa: S603  our own program

    def start_detached(self) -> None:
        """Start supervisord as a daemon that holds nothing of the caller's open. Raises Failed with its own words."""
        words = self.home / "logs" / "supervisord.start"
        with words.open("w") as out:
            started = subprocess.run(  # noqa: S603  our own program
                self._command(),
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                check=False,
                start_new_session=True,
            )
        if started.returncode:
            raise Failed(words.read_text().strip())

    def start_here(self) -> "subprocess.Popen[bytes]":
        """Start supervisord as a child in the foreground."""
        return subprocess.Popen([*self._command(), "--nodaemon", "--silent"], env=self.environment(), stdin=subprocess.DEVNULL)  # noqa: S603  our own program

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.configuration)]

    def stop(self) -> None:
        """Stop every process in good order, then supervisord. Raises Failed when it is still there after a minute."""
        self.ask("shutdown")
        pid_file = self.home / "run" / "supervisord.pid"
        if not until(lambda: not self.is_up() and not pid_file.exists(), STOP_SECONDS):
            raise Failed("The suite has not stopped within a minute; see hm status.")

    def end_left(self, left: Sequence[pids.Noted], say: Say) -> None:
        """Let them finish what they have begun, and end them. Raises Failed when one cannot be ended."""
        killed = pids.end(left, FINISH_SECONDS)
        say(f"Ended what supervisord had left behind: {pids.names(left)}." + (f" Killed: {', '.join(killed)}." if killed else ""))
        if alive := [one for one in left if one.lives]:
            raise Failed(f"{pids.names(alive)} cannot be ended. See: ps {' '.join(str(one.pid) for one in alive)}")

    # readiness

    def wait_until_ready(self, say: Say) -> None:
        """Wait for every process, then for every service's /readyz. Raises Failed with the log of one that gave up."""
        deadline = time.monotonic() + START_SECONDS
        until(self.is_up, START_SECONDS)
        for process in self.processes():
            self.wait_for(process.name, deadline)
        for name, settings in self.here().items():
            if not until(partial(is_ready, settings), deadline - time.monotonic()):
                raise Failed(f"{name} does not answer at {settings.origin}/readyz. See {self.home / 'logs'}.")
            say(f"{name} is ready at {settings.origin}")

    def wait_for(self, name: str, deadline: float) -> None:
        """Wait until the process ``name`` says that it is ready. Raises Failed when it gives up or takes too long."""
        pids = set()
        while True:
            process = next(process for process in self.processes() if process.name == name)
            pids.add(process.pid)
            if process.state == "RUNNING" and pid_in(ready_file(self.home, name)) == process.pid:
                return
            if process.gave_up or process.state == "STOPPED" or len(pids) > MOST_TRIES or time.monotonic() > deadline:
                raise Failed(f"{name} has not started ({process.state}). The end of {process.log}:\n{tail(Path(process.log))}")
            time.sleep(0.05)

    def last_words(self, process: Process) -> str:
        """What a process that is not tried again said last, and what to do."""
        why = "refused its configuration (78)" if process.misconfigured else f"is {process.state}"
        words = tail(Path(process.log), 1)
        return f"{process.name} {why}: {words} Mend it, then: hm up --detach"

    def restart(self, group: str | None, say: Say) -> None:
        """Restart one process after the other, each only when the one before is ready; dead ones first. Raises Failed."""
        chosen = [process for process in self.processes() if group in (None, process.group)]
        if not chosen:
            raise Failed(f"There is no service {group!r} here.")
        for process in sorted(chosen, key=lambda process: (process.group != HUB, process.group, process.runs)):
            self._restart_one(process)
            say(f"{process.name} restarted")

    def _restart_one(self, process: Process) -> None:
        self._change("stopProcess", process, Faults.NOT_RUNNING)
        self._change("startProcess", process, Faults.ALREADY_STARTED)
        self.wait_for(process.name, time.monotonic() + START_SECONDS)

    def start_stopped(self) -> list[str]:
        """Start what supervisord knows and does not run; the names."""
        dead = [process for process in self.processes() if not process.runs]
        for process in dead:
            self._change("startProcess", process, Faults.ALREADY_STARTED)
        return [process.name for process in dead]

    def _change(self, method: str, process: Process, harmless: int) -> None:
        """One call to supervisord about a process; a fault that says it is so already is none."""
        try:
            self.ask(method, f"{process.group}:{process.name}")
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != harmless:
                raise Failed(f"supervisord refused for {process.name}: {fault.faultString}") from fault


def _refuse_shared_ports(services: Mapping[str, Settings]) -> None:
    """Each service of a machine, and its figures, has a port of its own. Raises BadSetting."""
    taken: dict[int, str] = {}
    for name, settings in services.items():
        for variable, port in ((f"HM_{name.upper()}_PORT", settings.port), (f"HM_{name.upper()}_METRICS_PORT", settings.metrics_port)):
            if port in taken:
                raise BadSetting(f"{variable} is {port}, and so is {taken[port]}: give each a port of its own.")
            taken[port] = variable
