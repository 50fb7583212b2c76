"""A PostgreSQL server of one's own that lasts as long as a test run: on a private socket, without a password, without fsync."""

import atexit
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

START_SECONDS = 30
MEMORY_BYTES = 2**31
OWNER = "hm"
_INITDB = ("--no-locale", "--no-sync", "--no-instructions")
_UNPRIVILEGED = ("postgres", "nobody")
_QUICK = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=200", "listen_addresses=")  # later options win


class NoPostgres(Exception):
    """No PostgreSQL server is installed here, or it does not start."""


def binaries() -> Path | None:
    """The folder of the newest installed server's programs, None when there is none."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda file: int(re.sub(r"\D", "", file.parts[-3]) or 0))
    found = versions[-1] if versions else shutil.which("postgres")
    return Path(found).resolve().parent if found else None


@contextmanager
def cluster(*settings: str) -> Iterator["Cluster"]:
    """A running server with nothing in it, with settings such as "max_connections=20"; stopped, and its files removed, at the end.
    Raises NoPostgres."""
    programs = binaries()
    if programs is None:
        raise NoPostgres("no PostgreSQL server is installed")
    folder = Path(tempfile.mkdtemp(prefix="hm-pg-", dir=_fast_folder()))
    server = Cluster(programs, folder, settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Cluster:
    """One server under ``folder``. As root its programs run as an unprivileged user, because PostgreSQL refuses root."""

    def __init__(self, programs: Path, folder: Path, settings: Sequence[str] = ()) -> None:
        self._settings = (*_QUICK, *settings)
        self._programs = programs
        self._folder = folder
        self._user = _unprivileged() if os.geteuid() == 0 else None
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the data folder unless it is there, start the server, and wait until it answers. Raises NoPostgres."""
        if self._user:
            shutil.chown(self._folder, self._user, pwd.getpwnam(self._user).pw_gid)
        if not (self._folder / "data").exists():
            self._run("initdb", f"--pgdata={self._folder / 'data'}", f"--username={OWNER}", "--auth=trust", "--encoding=UTF8", *_INITDB)
        options = [part for setting in (*self._settings, f"unix_socket_directories={self._folder}") for part in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", *options], stdout=log, stderr=log, cwd="/", **self._as_user()
            )
        self._await_answer()

    def stop(self) -> None:
        """Stop the server at once, as a crash would; start() brings it back."""
        if self._server:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(START_SECONDS)
            self._server = None

    def database(self, template: str | None = None) -> str:
        """Make a database, a copy of the one called ``template`` when given; its name."""
        name = f"hm_{secrets.token_hex(6)}"
        self.sql(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""))
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def url(self, name: str) -> str:
        """The address of a database for db.connect()."""
        return f"postgresql://{OWNER}@/{name}?host={quote(str(self._folder), safe='')}"

    def sql(self, statement: str) -> str:
        """Run a statement as the server's owner; what it answers, one line per row. Raises NoPostgres when it fails."""
        return self._run(
            "psql",
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            f"--host={self._folder}",
            f"--username={OWNER}",
            "--dbname=postgres",
            f"--command={statement}",
        )

    def _run(self, program: str, *options: str) -> str:
        done = subprocess.run([self._programs / program, *options], capture_output=True, text=True, check=False, cwd="/", **self._as_user())
        if done.returncode:
            raise NoPostgres(f"{program} failed: {done.stderr.strip()}")
        answer: str = done.stdout.strip()
        return answer

    def _as_user(self) -> dict[str, Any]:
        return {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []} if self._user else {}

    def _await_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.sql("SELECT 1")
            except NoPostgres as error:
                if time.monotonic() > deadline or (self._server and self._server.poll() is not None):
                    raise NoPostgres(f"PostgreSQL does not start: {(self._folder / 'log').read_text()[-2000:]}") from error
                time.sleep(0.05)
            else:
                return


def fresh_url(template: str | None = None) -> str:
    """The address of a new database on the one server of this process, which starts when first asked for and ends with the process.

    ``template`` is the address of a database to copy, to which nobody is connected. Raises NoPostgres.
    """
    server = _shared()
    return server.url(server.database(_name(template) if template else None))


def drop(url: str) -> None:
    """Remove a database that fresh_url() made, before thousands of them fill the disk."""
    _shared().drop(_name(url))


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


@cache
def _shared() -> Cluster:
    stack = ExitStack()
    server = stack.enter_context(cluster())
    atexit.register(stack.close)
    return server


def _fast_folder() -> Path | None:
    """Memory rather than disk where there is plenty: databases are made and removed by the thousand. None is the usual place."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= MEMORY_BYTES else None


def _unprivileged() -> str:
    for name in _UNPRIVILEGED:
        try:
            pwd.getpwnam(name)
            return name
        except KeyError:
            continue
    raise NoPostgres("PostgreSQL does not run as root, and there is no user postgres or nobody")
