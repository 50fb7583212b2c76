"""What every test of the suite shares."""

import asyncio
import os
import re
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("HM_LOG", "text")

# No test is timed by the wall clock: another process may have the machine.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# Without this asyncio makes a loop for whoever asks first, pytest-tornado keeps it, and a later asyncio.run() leaves it unclosed.
asyncio.set_event_loop(None)


@pytest.fixture
def rounds():
    """How often a fault is tried: ``rounds(short, full)`` is ``short``, and ``full`` under `make test-faults`."""
    return lambda short, full: full if os.environ.get("HM_TEST_FAULTS") == "full" else short


@pytest.fixture
def small_disk():
    """``small_disk(megabytes)`` is a folder on a disk of that size, with a short path. Skips where nothing can be mounted."""
    with ExitStack() as stack:

        def mounted(megabytes):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hmd")))
            command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603  our own words
            if done.returncode:
                pytest.skip(f"NO SMALL DISK: mounting one needs root and CAP_SYS_ADMIN ({done.stderr.strip()})")
            stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
            return folder

        yield mounted


NAMED_FAULTS = re.compile(r"test_n(18[5-9]|190|195|196)_")
"""Rows of docs/security-tests.csv that speak of work without bound, kills and losses: what is named after one of them is a fault too."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if NAMED_FAULTS.match(item.name):
            item.add_marker(pytest.mark.fault)
