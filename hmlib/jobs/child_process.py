"""Work on other people's texts in a child process whose time and memory have an end.

A thread cannot be stopped and shares the interpreter's lock with the event loop; a process can be killed and shares nothing.
"""

import asyncio
import contextlib
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from hmlib import metrics

LENGTH = struct.Struct(">Q")
FAILED, DONE, MORE = b"\x00", b"\x01", b"\x02"
IDLE_SECONDS = 30.0
_QUESTIONS_A_CHILD = 200


class TooMuch(Exception):
    """Raised when the work needs more time or memory than it may have."""


class Busy(TooMuch):
    """Raised where so much other work waits that this has to be asked again later."""


class ChildFailed(Exception):
    """Raised for an error of ours in the child; says which and where, never what the text was."""


@dataclass(frozen=True)
class Limits:
    """What one question may cost: `seconds` of CPU time, `patience` seconds until the answer, and in `memory` bytes of address space
    the whole child."""

    seconds: int = 10
    patience: float = 30.0
    memory: int = 300 * 2**20


class Child:
    """A process that answers with the functions in a module's `ANSWERS`, in one piece or in parts; started at the first question.
    Blocking, for one thread."""

    def __init__(self, module: str, limits: Limits) -> None:
        self._module, self._limits = module, limits
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self._end: weakref.finalize[..., Child] | None = None

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, function: str, question: bytes, attachment: bytes = b"") -> bytes:
        """What the function makes of the question and its attachment. Raises TooMuch, after which the next question finds a new
        child, and ChildFailed."""
        return b"".join(self.stream(function, question, attachment))

    def stream(self, function: str, question: bytes, attachment: bytes = b"") -> Iterator[bytes]:
        """The same for a function that answers in parts, as they come; `patience` is the time until each. Who stops before the last one
        ends the child."""
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        kind = FAILED
        try:
            with self._patience(process):
                _send(process.stdin, function.encode(), question, attachment)
                kind, answer = _part(process.stdout)
            while kind == MORE:
                yield answer
                with self._patience(process):
                    kind, answer = _part(process.stdout)
        except (BrokenPipeError, EOFError):
            raise TooMuch from None
        finally:
            if kind != DONE or self._asked >= _QUESTIONS_A_CHILD:
                self.close()
        if kind == FAILED:
            raise ChildFailed(answer.decode())
        if answer:
            yield answer

    @contextlib.contextmanager
    def _patience(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        deadline = threading.Timer(self._limits.patience, process.kill)
        deadline.daemon = True
        deadline.start()
        try:
            yield
        finally:
            deadline.cancel()

    def close(self) -> None:
        """End the process, if there is one."""
        if self._end is not None:
            self._end()
        self._process, self._end = None, None

    def _running(self) -> subprocess.Popen[bytes]:
        self._asked += 1
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._process, self._asked = start(self._module, self._limits), 1
        self._end = weakref.finalize(self, _ended, self._process)
        return self._process


def start(module: str, limits: Limits) -> subprocess.Popen[bytes]:
    """A new child. It knows nothing of our environment and holds none of our descriptors but its two pipes."""
    command = [sys.executable, "-I", "-m", "hmlib.jobs.child_main", module, str(limits.seconds), str(limits.memory)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={})  # noqa: S603


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe:
                pipe.close()
        except BrokenPipeError:  # what a dead child has not read
            continue
    process.wait()


def _send(pipe: IO[bytes], *parts: bytes) -> None:
    for part in parts:
        pipe.write(LENGTH.pack(len(part)))
        pipe.write(part)
    pipe.flush()


def _part(pipe: IO[bytes]) -> tuple[bytes, bytes]:
    answer = receive(pipe)
    return answer[:1], answer[1:]


def receive(pipe: IO[bytes]) -> bytes:
    """The next part from the other side. Raises EOFError when that side has gone."""
    head = pipe.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    (length,) = LENGTH.unpack(head)
    part = pipe.read(length)
    if len(part) < length:
        raise EOFError
    return part


class Worker:
    """One child for the questions of an event loop: they wait in line, at most `queue` of them, and it ends when none came for a while."""

    def __init__(self, module: str, limits: Limits, *, queue: int = 16) -> None:
        self._child, self._room = Child(module, limits), 1 + queue
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    async def ask(self, function: str, question: bytes, attachment: bytes = b"") -> bytes:
        """See Child.ask. Raises Busy at once where the line is full."""
        if not self._room:
            raise Busy
        self._room -= 1
        metrics.POOL_WAITING.labels("limited").inc()
        try:
            async with self._turn:
                return await self._answer(function, question, attachment)
        finally:
            self._room += 1
            metrics.POOL_WAITING.labels("limited").dec()

    async def _answer(self, function: str, question: bytes, attachment: bytes) -> bytes:
        """The line moves on only when the child is free again, also when nobody waits for this answer any more."""
        if self._idle is not None:
            self._idle.cancel()
        work = asyncio.ensure_future(asyncio.to_thread(self._child.ask, function, question, attachment))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.gather(work, return_exceptions=True)
            raise
        finally:
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._child.close)
