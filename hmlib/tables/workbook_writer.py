"""A child process: makes a workbook of the lines in its input, into its output. See SheetWriter."""

import os
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from hmlib.tables.formats import fill_workbook, unmarked


def main() -> None:
    """The argument is a folder for rows on their way; memory holds one row at a time."""
    os.nice(5)
    lines = _lines()
    header = next(lines)
    with open(sys.stdout.fileno(), "wb", closefd=False) as out:
        fill_workbook(out, {"constant_memory": True, "tmpdir": sys.argv[1]}, header, lines, title="Sheet1")


def _lines() -> Iterator[list[Any]]:
    decoder = msgspec.json.Decoder(list[Any])
    for line in sys.stdin.buffer:
        yield [unmarked(cell) for cell in decoder.decode(line)]


if __name__ == "__main__":
    main()
