"""Rows of a workbook. Call it only in a limited child: a few bytes of a crafted one can ask for any amount of memory."""

import io
from collections.abc import Iterator
from datetime import timedelta

from python_calamine import CalamineError, CalamineWorkbook

_PLAIN = (str, float, int, bool)


class Damaged(Exception):
    """Raised for a workbook that cannot be read, or spans more rows or columns than are taken."""


def rows(raw: bytes, max_rows: int, max_columns: int) -> Iterator[tuple[int, list[object]]]:
    """The rows of the first sheet with their line numbers; days and times as ISO text, durations as 1:15:00. Raises Damaged."""
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(raw)).get_sheet_by_index(0)
        if sheet.total_height > max_rows or sheet.total_width > max_columns:
            raise Damaged
        for line, cells in enumerate(sheet.iter_rows(), 1):
            yield line, [cell if isinstance(cell, _PLAIN) else _clock(cell) if isinstance(cell, timedelta) else str(cell) for cell in cells]
    except (CalamineError, OSError, IndexError) as error:
        raise Damaged from error


def _clock(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    minutes, rest = divmod(abs(seconds), 60)
    return f"{'-' if seconds < 0 else ''}{minutes // 60}:{minutes % 60:02}:{rest:02}"
