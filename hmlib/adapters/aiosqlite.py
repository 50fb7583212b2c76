"""A connection and the thread that alone uses it: aiosqlite's, asked for one piece of work at a time instead of a cursor's steps."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiosqlite

READ_AGAINST = "0.22.1"

T = TypeVar("T")
CACHED_STATEMENTS = 64


class ConnectionThread(aiosqlite.Connection):
    """One connection, which ``connect`` opens on its thread. ``async with`` and ``await`` start it, close() ends it, as in aiosqlite."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        super().__init__(connect, CACHED_STATEMENTS)
        self._thread.daemon = True  # a connection that nobody closed must not keep the process from ending

    async def work(self, function: Callable[..., T], *args: Any) -> T:
        """``function(connection, *args)`` on the thread, after what was asked before it, even if the caller is cancelled."""
        run: Callable[..., Awaitable[T]] = self._execute
        return await run(function, self._connection, *args)

    @property
    def ended(self) -> bool:
        """Whether it was closed, or never opened."""
        return self._connection is None or not self._running

    async def thread_ended(self) -> None:
        """Wait for the thread of a connection that did not open: its last word goes to this event loop."""
        await asyncio.to_thread(self._thread.join)
