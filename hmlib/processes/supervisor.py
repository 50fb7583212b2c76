"""Speaks to supervisord over its socket, within a time limit."""

import http.client
import xmlrpc.client
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport, UnixStreamHTTPConnection

from hmlib.config import BAD_CONFIGURATION

READ_AGAINST = "4.3.0"
"""supervisor's version, of whose transport we replace how it connects."""


class Silent(Exception):
    """supervisord does not run, or does not answer in time."""


@dataclass(frozen=True)
class Process:
    """A process as supervisord sees it: ``state`` is its word (RUNNING, STOPPED, FATAL …), ``pid`` 0 while it does not run."""

    group: str
    name: str
    state: str
    pid: int
    log: str
    exit_status: int

    @property
    def runs(self) -> bool:
        return self.state in ("RUNNING", "STARTING")

    @property
    def misconfigured(self) -> bool:
        """It refused to start: trying again does not help before something is mended."""
        return self.state == "EXITED" and self.exit_status == BAD_CONFIGURATION

    @property
    def gave_up(self) -> bool:
        return self.state in ("FATAL", "EXITED")


class _Bounded(UnixStreamHTTPConnection):  # type: ignore[misc]
    """A connection to supervisord that does not wait for ever for one that hangs."""

    def __init__(self, file: Path, seconds: float) -> None:
        super().__init__("localhost")
        self.socketfile, self._seconds = str(file), seconds

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(self._seconds)


def ask(socket: Path, method: str, *arguments: object, patience: float) -> Any:
    """Call one method of supervisord's XML-RPC interface. Raises Silent after ``patience`` seconds, and
    xmlrpc.client.Fault when it refuses."""
    transport = SupervisorTransport(None, None, f"unix://{socket}")
    transport._get_connection = partial(_Bounded, socket, patience)
    try:
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)
    except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
        raise Silent from error
