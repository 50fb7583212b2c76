"""What every test of the suite shares."""

import asyncio
import os

import pytest

os.environ.setdefault("HM_LOG", "text")

# Without this asyncio makes a loop for whoever asks first, pytest-tornado keeps it, and a later asyncio.run() leaves it unclosed.
asyncio.set_event_loop(None)


@pytest.fixture
def rounds():
    """How often a fault is tried: ``rounds(short, full)`` is ``short``, and ``full`` under `make test-faults`."""
    return lambda short, full: full if os.environ.get("HM_TEST_FAULTS") == "full" else short
