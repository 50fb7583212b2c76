"""Reads one workbook in a process of its own, whose memory and time have an end: bytes in, rows as MessagePack out."""

import io
import resource
import sys

import msgspec
from python_calamine import CalamineError, CalamineWorkbook

_MEMORY = 768 << 20
_SECONDS = 30
_PLAIN = (str, float, int, bool)


def main() -> int:
    """Exit codes: 0 for rows on the standard output, 3 for a workbook that cannot be read."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    max_rows, max_columns = int(sys.argv[1]), int(sys.argv[2])
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read())).get_sheet_by_index(0)
        if sheet.total_height > max_rows or sheet.total_width > max_columns:
            return 3
        rows = [
            (line, [cell if isinstance(cell, _PLAIN) else str(cell) for cell in cells])
            for line, cells in enumerate(sheet.to_python(skip_empty_area=False), 1)
            if any(cell != "" for cell in cells)
        ]
        sys.stdout.buffer.write(msgspec.msgpack.encode(rows))
    except (CalamineError, OSError, IndexError, MemoryError):
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
