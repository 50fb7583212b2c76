"""What the child of test_child_process.py can be asked."""

import os
import time


def _memory(question: bytes, attachment: bytes) -> bytes:
    return bytes(b"x" * int(question))[:1]


def _work(question: bytes, attachment: bytes) -> bytes:
    while question:
        question = question[::-1]
    return b""


def _sleep(question: bytes, attachment: bytes) -> bytes:
    time.sleep(float(question))
    return b""


def _wrong(question: bytes, attachment: bytes) -> bytes:
    raise ValueError("a text of somebody")


def _deep(question: bytes, attachment: bytes) -> bytes:
    return _deep(question, attachment)


ANSWERS = {
    "echo": lambda question, attachment: question + attachment,
    "memory": _memory,
    "work": _work,
    "sleep": _sleep,
    "wrong": _wrong,
    "deep": _deep,
    "pid": lambda question, attachment: str(os.getpid()).encode(),
    "environment": lambda question, attachment: repr((dict(os.environ), os.listdir("/proc/self/fd"))).encode(),
}
