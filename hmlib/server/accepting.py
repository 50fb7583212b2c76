"""Accepts connections in turns, so that sibling processes on one socket share them, and pauses while the system has no more to give."""

import errno
import logging
import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tornado.ioloop import IOLoop

from hmlib import logs, metrics

REST_SECONDS, MORE_REST_SECONDS, LONGEST_REST_SECONDS = 0.001, 0.000125, 0.004
"""After each connection; more for each that the process has already, so that the one with fewer takes the next."""
PAUSE_SECONDS = 1.0
DESCRIPTORS_KEPT = 24
"""Of a process's open files, those that connections leave to the database, calls and files."""
FEWEST_CONNECTIONS = 8
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

Accepted = Callable[[socket.socket, Any], None]


class Turns:
    """One listening socket's connections: one, then a rest of 1 to 4 ms, longer with more connections, in which a sibling takes the next.

    Without the rest, the process that wakes first takes a whole burst, and keeps it as long as the connections live. While
    it holds as many as it has ``room`` for, or the system has no descriptor or memory for another connection, nothing is accepted for a
    second and one line says so; new ones wait in the socket's backlog meanwhile.
    """

    def __init__(self, listening: socket.socket, accepted: Accepted, held: Callable[[], int], room: int) -> None:
        self._listening, self._accepted, self._held, self._room = listening, accepted, held, room
        self._loop = IOLoop.current()
        self._resting: object = None
        self._over = False
        self._listen()

    def stop(self) -> None:
        """Accept nothing more."""
        self._over = True
        if self._resting is None:
            self._loop.remove_handler(self._listening)
        else:
            self._loop.remove_timeout(self._resting)

    def _listen(self) -> None:
        self._resting = None
        self._loop.add_handler(self._listening, self._take, IOLoop.READ)

    def _take(self, _socket: object, _events: int) -> None:
        held = self._held()
        if held >= self._room:
            self._pause("descriptors are kept for other work")
            return
        try:
            connection, address = self._listening.accept()
        except (BlockingIOError, ConnectionAbortedError):  # a sibling was faster, or the client has gone
            return
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self._pause(logs.named(error))
            return
        self._rest(min(LONGEST_REST_SECONDS, REST_SECONDS + held * MORE_REST_SECONDS))
        self._accepted(connection, address)

    def _pause(self, why: str) -> None:
        metrics.REFUSED.labels("descriptors").inc()
        logs.event("accepting pauses", logging.WARNING, why=why, seconds=PAUSE_SECONDS)
        self._rest(PAUSE_SECONDS)

    def _rest(self, seconds: float) -> None:
        self._loop.remove_handler(self._listening)
        self._resting = self._loop.call_later(seconds, self._listen)


def room(wanted: int) -> int:
    """How many connections this process can hold, ``wanted`` at most, so that descriptors are left for all else it opens."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    opened = sum(1 for _ in Path("/proc/self/fd").iterdir()) if Path("/proc/self/fd").is_dir() else DESCRIPTORS_KEPT
    return max(FEWEST_CONNECTIONS, min(wanted, soft - opened - DESCRIPTORS_KEPT))
