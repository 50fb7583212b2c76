"""The child of limited.py: takes limits on itself, then answers questions from its input until that ends."""

import errno
import importlib
import math
import os
import resource
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from hmlib.jobs.child_process import DONE, FAILED, LENGTH, MORE, receive

MEMORY_EXIT = 3
WANTING = (MemoryError, SystemError)
"""What want of memory looks like: the interpreter's own C code may fail without an exception set, which is a SystemError."""


def main() -> None:
    """Serve the functions of `ANSWERS` in the module that the command line names, each within seconds of CPU time and bytes of memory."""
    module, seconds, memory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = importlib.import_module(module).ANSWERS  # before the limit: want of memory in an import shows as any error there is
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    while True:
        try:
            function, question, attachment = (receive(sys.stdin.buffer) for _ in range(3))
        except EOFError:
            return
        _allow(seconds)
        _answer(answers[function.decode()], question, attachment)


def _allow(seconds: int) -> None:
    """From now on so many seconds of CPU time; past them the kernel ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + seconds, resource.RLIM_INFINITY))


def _answer(function: Callable[[bytes, bytes], bytes | Iterator[bytes]], question: bytes, attachment: bytes) -> None:
    try:
        answer = function(question, attachment)
        if isinstance(answer, bytes):
            _send(DONE + answer)
            return
        for part in answer:
            _send(MORE + part)
        _send(DONE)
    except (*WANTING, RecursionError):
        os._exit(MEMORY_EXIT)


def _send(answer: bytes) -> None:
    sys.stdout.buffer.write(LENGTH.pack(len(answer)))
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The last answer before an end by an error of ours: its name and place, nothing of the text. Want of memory is none."""
    if issubclass(kind, WANTING) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        os._exit(MEMORY_EXIT)
    where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(traceback.extract_tb(trace)[-5:]))
    _send(FAILED + f"{kind.__name__} at {where}".encode())


if __name__ == "__main__":
    sys.excepthook = _tell
    main()
