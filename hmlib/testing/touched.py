"""Counts the files of a service that a request reads: what somebody opens who wants to understand it."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[2]


@contextmanager
def touched(service: str) -> Iterator[set[str]]:
    """The service's own modules and templates in which a function ran until the block ends, in whichever thread, by their paths."""
    found: set[str] = set()
    folder = f"{ROOT / service}/"

    def note(frame: FrameType, event: str, arg: Any) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(folder) and "/tests/" not in name and frame.f_code.co_name != "<module>":
            found.add(name.removeprefix(f"{ROOT}/"))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
