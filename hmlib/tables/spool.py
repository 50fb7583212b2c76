"""A long answer on its way out: written to a file without a name first, then sent at the reader's pace.

So a slow reader holds neither memory nor a snapshot of the database, and what fails in the middle is an error, not half an answer.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType

from tornado.web import RequestHandler

from hmlib import json

IN_MEMORY = 512 * 1024
PIECE = 256 * 1024


class Spool:
    """Bytes in the order in which they were written; up to IN_MEMORY of them in memory, more in a file in ``folder`` that has no name and
    goes with the process."""

    def __init__(self, folder: Path) -> None:
        self.file = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(folder))  # noqa: SIM115  closed with the spool

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.file.close()

    async def write(self, piece: bytes) -> None:
        """Add a piece; the disk is waited for beside the event loop."""
        await asyncio.to_thread(self.file.write, piece)

    async def write_items(self, slices: AsyncIterator[Sequence[object]]) -> None:
        """The items of a JSON array without its brackets, some a line, so that they can be read so; others have their turns in between."""
        mark = b"\n"
        async for items in slices:
            await self.write(mark + json.encode(items)[1:-1])
            mark = b",\n"
        await self.write(b"\n")

    async def send(self, handler: RequestHandler) -> None:
        """Answer all of it, each piece sent before the next is read."""
        handler.set_header("Content-Length", str(self.file.seek(0, 2)))
        self.file.seek(0)
        while piece := await asyncio.to_thread(self.file.read, PIECE):
            handler.write(piece)
            await handler.flush()
        await handler.finish()
