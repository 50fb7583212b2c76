"""Spares a peer in trouble, and spares everybody else the wait for it."""

import random
import time
from collections.abc import Callable


class Breaker:
    """Open after three failures in a row, or after one call that was met by silence; then half-open: one call tries again.

    A pause is about ``pause`` seconds, with jitter, so that many processes do not come back at the same moment. ``clock`` counts seconds.
    """

    def __init__(self, failures: int = 3, pause: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._pause, self._clock = failures, pause, clock
        self._failures, self._shut_until, self._worked_at = 0, 0.0, float("-inf")
        self._by_silence = self._trying = False

    @property
    def open(self) -> bool:
        """Whether a call would be turned away now."""
        return self._failures >= self._limit and (self._trying or self._clock() < self._shut_until)

    @property
    def silent(self) -> bool:
        """Whether the last call failed."""
        return self._failures > 0

    def enter(self) -> bool | None:
        """None when the call must not go; True when it is the one that tries whether the peer is back, and has to say left() in the end."""
        if self.open:
            return None
        if self._failures < self._limit:
            return False
        self._trying = True
        return True

    def left(self) -> None:
        """The call that tried has ended, be it that nobody learnt anything by it."""
        self._trying = False

    def failed(self, began: float, *, silence: bool = False) -> None:
        """A call begun at ``began`` failed; it says nothing when a later call was answered meanwhile."""
        if began < self._worked_at:
            return
        self._failures = max(self._failures + 1, self._limit if silence else 0)
        self._by_silence = self._by_silence or silence
        self._shut_until = self._clock() + self._pause * random.uniform(0.8, 1.4)  # noqa: S311  jitter, not a secret

    def worked(self) -> None:
        """A call was answered."""
        self._failures, self._by_silence, self._trying = 0, False, False
        self._worked_at = self._clock()

    def heard(self) -> None:
        """The peer says that it is well, which ends a silence and a doubt; what kept three of its calls from working may still be so."""
        if self._by_silence or self._failures < self._limit:
            self.worked()
