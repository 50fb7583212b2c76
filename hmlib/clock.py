"""Time as UTC text that sorts, and ids that sort by time."""

import secrets
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

_COUNTER_BITS = 74
_STEP_BITS = 32


def utc_now() -> str:
    """The time now, such as ``2026-11-22T12:34:56.123456Z``: 27 characters, UTC, sorts as text."""
    return _text(datetime.now(UTC))


def shifted(at: str, seconds: float) -> str:
    """``at`` and ``seconds`` more (or fewer, when negative), in the same form. Raises ValueError for what is not a time."""
    return _text(parse(at) + timedelta(seconds=seconds))


def parse(at: str) -> datetime:
    """``at``, ISO 8601 text, as an aware datetime in UTC; without a zone it is taken as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(at)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def new_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7) as 36 characters; within a process each sorts after the one before."""
    milliseconds, counter = _sequence.next()
    number = milliseconds << 80 | 0x7 << 76 | (counter >> 62) << 64 | 0b10 << 62 | counter & (1 << 62) - 1
    return str(uuid.UUID(int=number))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


class _Sequence:
    """Milliseconds and a random counter of 74 bits that grows by a random step while the clock stands or goes back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._milliseconds = 0
        self._counter = 0

    def next(self) -> tuple[int, int]:
        now = time.time_ns() // 1_000_000
        with self._lock:
            if now > self._milliseconds:
                self._milliseconds, self._counter = now, secrets.randbits(_COUNTER_BITS - 1)
            else:
                self._counter += 1 + secrets.randbits(_STEP_BITS)
            if self._counter >> _COUNTER_BITS:
                self._milliseconds, self._counter = self._milliseconds + 1, secrets.randbits(_COUNTER_BITS - 1)
            return self._milliseconds, self._counter


_sequence = _Sequence()
