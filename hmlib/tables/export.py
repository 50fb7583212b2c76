"""Tables out: a list of any length as a download, streamed to its last row."""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from tornado.web import HTTPError

from hmlib.db.list_query import ListQuery, Page
from hmlib.tables.formats import FORMATS, Writer, day, number
from hmlib.tables.spool import Spool
from hmlib.web.handler import Handler
from hmlib.web.problems import Problem

__all__ = ["FORMATS", "answer", "day", "number", "stream", "walked"]

T = TypeVar("T")

SHEET_ROWS = 1_048_575
"""What a workbook's sheet holds below its header."""

SHEET_SECONDS = 600
_BATCH, _TURN = 500, 100


async def stream(
    handler: Handler,
    name: str,
    header: Sequence[str],
    rows: AsyncIterator[Sequence[object]],
    format: str,
    *,
    counted: Callable[[int], Awaitable[None]] | None = None,
) -> None:
    """Answer a table of any length as a download named after ``name``: every row that ``rows`` gives, in its order, few of them in memory.

    Read ``rows`` out of one long snapshot (``db.read(long=True)``, ``slices()``) that the iterator opens and closes itself: all of them are
    written to a file before the first byte goes out, so what fails is an error and never half a file. ``counted`` is told how many rows
    there are before they go out: an audit entry. Raises HTTPError 400 for an unknown format and Problem 422 for more rows than a workbook
    holds. A workbook is made in a child process that ends.
    """
    if format not in FORMATS:
        raise HTTPError(400, reason="format must be csv, xlsx or json")
    media, writer = FORMATS[format]
    with Spool(handler.hm.home) as spool:
        count = await _spooled(spool, writer(), header, rows, SHEET_ROWS if format == "xlsx" else sys.maxsize)
        if counted is not None:
            await counted(count)
        handler.set_header("Content-Type", media)
        handler.set_header("Content-Disposition", f'attachment; filename="{name}.{format}"')
        if format != "xlsx":
            return await spool.send(handler)
        with Spool(handler.hm.home) as book:
            await _workbook(spool, book, handler)
            await book.send(handler)


async def _spooled(spool: Spool, writer: Writer, header: Sequence[str], rows: AsyncIterator[Sequence[object]], most: int) -> int:
    """Write all rows, a batch at a time; how many there were."""
    count = 0
    await spool.write(writer.start(header))
    async with aclosing(_batches(rows)) as batches:
        async for batch in batches:
            await asyncio.to_thread(lambda rows: spool.file.write(writer.rows(rows)), batch)
            count += len(batch)
            if count > most:
                raise Problem(422, "too_many_rows", f"A workbook holds {most:,} rows, and these are more. Take CSV or JSON.")
    await spool.write(writer.end())
    return count


async def _batches(rows: AsyncIterator[T]) -> AsyncGenerator[list[T], None]:
    """The rows, some at a time; a generator of rows is ended with this, and its snapshot with it."""
    batch: list[T] = []
    try:
        async for row in rows:
            batch.append(row)
            if len(batch) % _TURN == 0:
                await asyncio.sleep(0)  # rows that are at hand come without a pause; others want their turn
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch
    finally:
        if isinstance(rows, AsyncGenerator):
            await rows.aclose()


async def _workbook(lines: Spool, book: Spool, handler: Handler) -> None:
    """Let a child process make the workbook: it is nice, and its memory goes with it."""
    lines.file.seek(0)
    command = [sys.executable, "-I", "-m", "hmlib.tables.workbook_writer", str(handler.hm.home)]
    child = await asyncio.create_subprocess_exec(*command, stdin=lines.file.fileno(), stdout=book.file.fileno(), env={})
    try:
        async with asyncio.timeout(SHEET_SECONDS):
            if await child.wait():
                raise RuntimeError("the child that writes workbooks has failed")
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def walked(list_query: ListQuery, page_of: Callable[[ListQuery], Awaitable[Page[T]]]) -> AsyncIterator[T]:
    """The rows of a list to the last one, page after page by its cursors. In a snapshot these are of one moment."""
    at: ListQuery | None = list_query
    while at is not None:
        page = await page_of(at)
        for row in page.rows:
            yield row
        at = list_query.at(page.next_cursor) if page.next_cursor else None


async def answer(
    handler: Handler,
    name: str,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    counted: Callable[[int], Awaitable[None]] | None = None,
) -> None:
    """As stream(), for rows that are at hand, in the format of the query's ``format`` (csv unless given)."""
    await stream(handler, name, header, _each(rows), handler.get_query_argument("format", "csv"), counted=counted)


async def _each(rows: Iterable[Sequence[Any]]) -> AsyncIterator[Sequence[Any]]:
    for row in rows:
        yield row
