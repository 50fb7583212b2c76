"""Tells a process that has died from one that is slow, without writing: a lock that ends with its process, or a beat that stands still."""

import fcntl
import os
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LEASE_SECONDS = 60.0
"""How long the beat of a process elsewhere may stand still. Several times what a write waits for others on a busy database."""

STUCK_SECONDS = 600.0
"""How long the beat of a process may stand still that is seen to live: it is stopped, or hangs."""


LEFT_SECONDS = 3600.0
"""How old a file is that nobody holds any more before it is removed."""


@dataclass(frozen=True)
class Owner:
    """A process that has jobs, as the database knows it; ``beat`` is None when it does not."""

    id: str
    machine: str
    beat: int | None


class Liveness:
    """Shows that this process lives, and judges others.

    The lock of a file in ``folder`` lasts as long as the process, however it ends, and can be tried by any other on this machine. Of
    processes on other machines only the beat is seen. Its change is timed by this process's own clock, so that no two clocks need agree.
    """

    def __init__(self, folder: Path, id: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.id, self._folder, self._clock = id, folder, clock
        self._beats: dict[str, tuple[int | None, float]] = {}
        self._descriptor = self._lock()
        self._tidy()
        self.machine = _machine() if self._descriptor is not None else ""

    def dead(self, owners: Collection[Owner]) -> set[str]:
        """The ids of those whose work may be taken over. Ask regularly, with all that have work: a beat is judged by when it changed."""
        now = self._clock()
        known, self._beats = self._beats, {}
        for owner in owners:
            beat, since = known.get(owner.id, (owner.beat, now))
            self._beats[owner.id] = (owner.beat, since if beat == owner.beat else now)
        return {owner.id for owner in owners if self._is_dead(owner, now - self._beats[owner.id][1])}

    def close(self) -> None:
        """Show it no longer."""
        if self._descriptor is not None:
            self._file(self.id).unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def forget(self, id: str) -> None:
        """Remove what a dead process left."""
        with suppress(OSError):  # a file that stays harms nobody
            self._file(id).unlink(missing_ok=True)

    def _is_dead(self, owner: Owner, still_seconds: float) -> bool:
        locked = self._is_locked(owner.id) if owner.machine and owner.machine == self.machine else None
        if locked is None:
            return still_seconds > LEASE_SECONDS
        return not locked or still_seconds > STUCK_SECONDS

    def _is_locked(self, id: str) -> bool | None:
        """Whether the process holds its lock; None when there is no file to tell by."""
        try:
            descriptor = os.open(self._file(id), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _lock(self) -> int | None:
        """Our own lock; None where no file can be made, as on a full disk: then others judge by the beat alone."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._file(self.id), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor

    def _tidy(self) -> None:
        """Remove what processes left that died long ago; a young file may be of one that is just about to lock it."""
        with suppress(OSError):  # a file that stays harms nobody
            for file in self._folder.glob("*.lock"):
                if file.stat().st_mtime < time.time() - LEFT_SECONDS and self._is_locked(file.stem) is False:
                    file.unlink(missing_ok=True)

    def _file(self, id: str) -> Path:
        return self._folder / f"{id}.lock"


def _machine() -> str:
    """This start of this machine, by which locks can be compared; "" where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
