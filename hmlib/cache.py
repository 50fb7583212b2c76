"""A memory with an end: the least recently used goes first, by number and by size."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """At most ``most`` entries and, where sizes are given, at most ``size`` of them in sum; the newest entry stays whatever its size."""

    def __init__(self, most: int, size: int = 0) -> None:
        self._most, self._size, self._held_size = most, size, 0
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def size(self) -> int:
        """The sum of what was given as sizes."""
        return self._held_size

    def get(self, key: K) -> V | None:
        """The value, which is now the most recently used; None when it is not there."""
        found = self._held.get(key)
        if found is None:
            return None
        self._held.move_to_end(key)
        return found[0]

    def items(self) -> list[tuple[K, V]]:
        """All entries, the least recently used first; it counts as no use."""
        return [(key, value) for key, (value, _) in self._held.items()]

    def first(self, condition: Callable[[K, V], bool]) -> V | None:
        """A value for whose key and itself the condition holds; it counts as no use."""
        return next((value for key, (value, _) in self._held.items() if condition(key, value)), None)

    def put(self, key: K, value: V, size: int = 0) -> None:
        self.drop(key)
        self._held[key] = (value, size)
        self._held_size += size
        while len(self._held) > 1 and (len(self._held) > self._most or (self._size and self._held_size > self._size)):
            _, (_, gone) = self._held.popitem(last=False)
            self._held_size -= gone

    def drop(self, key: K) -> None:
        found = self._held.pop(key, None)
        if found is not None:
            self._held_size -= found[1]

    def drop_where(self, condition: Callable[[K], bool]) -> None:
        """Forget the keys for which the condition holds."""
        for key in [key for key in self._held if condition(key)]:
            self.drop(key)
