"""Small questions to this machine: does a service answer, is a port free, what did a log say last."""

import http.client
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from hmlib.config import Settings

PROBE_SECONDS = 3.0
MOST_BYTES = 1000


def is_ready(settings: Settings) -> bool:
    """Whether the service's own /readyz on this machine answers 200 now, over verified TLS."""
    return readiness(settings)[0]


def readiness(settings: Settings) -> tuple[bool, str]:
    """Whether /readyz answers 200 now, and what it says; "" where nobody answers over TLS that tls/ca.pem vouches for."""
    address = "127.0.0.1" if settings.bind == "0.0.0.0" else settings.bind  # noqa: S104  comparing, not binding
    connection = http.client.HTTPConnection(address, settings.port, timeout=PROBE_SECONDS)
    try:
        connection.connect()
        if settings.tls:
            context = ssl.create_default_context(cafile=settings.ca_file)
            connection.sock = context.wrap_socket(connection.sock, server_hostname=urlsplit(settings.origin).hostname)
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status == 200, answer.read(MOST_BYTES).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return False, ""
    finally:
        connection.close()


def port_is_free(address: str, port: int) -> bool:
    """Whether a service could listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def tail(file: Path, lines: int = 8) -> str:
    """The last lines of a log file."""
    try:
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


def pid_in(file: Path) -> int:
    """The process id a file holds; 0 when it holds none, or is not there."""
    try:
        return int(file.read_text() or 0)
    except (OSError, ValueError):
        return 0


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask until it holds; false when it did not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds
