"""Time as UTC text that sorts, and ids that sort by time."""

import re
import secrets
import threading
import time
import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 1900, 2199
"""The years of every day and moment that anybody may enter: beyond is a slip, and within no time zone leads out of the calendar."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}(:[0-9]{2}){0,2}([.,][0-9]{1,9})?)?(Z|[+-][0-9]{2}:?([0-9]{2})?)?")
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


def moment_of(text: str, zone: str = "UTC") -> str:
    """The moment that a person or a program writes (ISO 8601), in our own form; without an offset it is one of ``zone``.

    Raises ValueError for anything else, for digits of other scripts, and outside the years FIRST_YEAR to LAST_YEAR.
    """
    if not _MOMENT.fullmatch(text) or not FIRST_YEAR <= int(text[:4]) <= LAST_YEAR:
        raise ValueError("not a moment that can be entered")
    moment = datetime.fromisoformat(text.replace(",", "."))
    return _text((moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC))


def day_of(text: str) -> str:
    """The day that a person or a program writes as YYYY-MM-DD. Raises ValueError as moment_of() does."""
    if not _DAY.fullmatch(text) or not FIRST_YEAR <= int(text[:4]) <= LAST_YEAR:
        raise ValueError("not a day that can be entered")
    return date.fromisoformat(text).isoformat()


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
