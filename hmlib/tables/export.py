"""Tables out: rows as CSV, XLSX or JSON in which no cell is one that a spreadsheet would run."""

import asyncio
import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from tornado.web import HTTPError, RequestHandler

_RUNNABLE = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_LONGEST = 32_767


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """UTF-8, commas, CRLF. Text that a spreadsheet would run gets an apostrophe in front; numbers stay numbers; None is empty."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_inert(cell) for cell in header])
    writer.writerows([_inert(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


def day(text: str | None) -> date | None:
    """A stored day (ISO text, "" or None for none) as a cell that a spreadsheet knows as a day."""
    return date.fromisoformat(text) if text else None


def number(text: str | None) -> Decimal | None:
    """A number kept as decimal text ("" or None for none) as a cell to calculate with; it keeps its decimals."""
    return Decimal(text) if text else None


def _inert(cell: Any) -> Any:
    if isinstance(cell, str):
        return "'" + cell if cell.startswith(_RUNNABLE) else cell
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return ";".join(map(str, cell)) if isinstance(cell, (list, tuple)) else cell


def write_xlsx(header: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "Sheet1") -> bytes:
    """A workbook of one sheet; every text is written as text, so that nothing in it runs; numbers are numbers and days are days.
    Blocking."""
    import xlsxwriter  # on first use: most processes never write a workbook, and it holds 3 MB

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "remove_timezone": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet(title[:31])
    bold, guarded = book.add_format({"bold": True}), book.add_format({"quote_prefix": True})
    for place, text in enumerate(header):
        sheet.write_string(0, place, text, bold)
    decimals = [book.add_format({"num_format": f"0.{'0' * places}" if places else "0"}) for places in range(7)]
    for line, row in enumerate(rows, 1):
        for place, value in enumerate(row):
            cell = _inert(value)
            if isinstance(cell, str):
                guard = isinstance(value, str) and value.startswith(_RUNNABLE)
                sheet.write_string(line, place, (value if guard else cell)[:_LONGEST], guarded if guard else None)
            elif isinstance(cell, Decimal):
                sheet.write_number(line, place, float(cell), decimals[min(6, max(0, -int(cell.as_tuple().exponent)))])
            elif cell is not None:
                sheet.write(line, place, cell)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, 0, max(0, len(header) - 1))
    book.close()
    return out.getvalue()


def write_json(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A list of objects, one a row, with the header's texts as keys and the values as they are."""
    return msgspec.json.encode([dict(zip(header, row, strict=True)) for row in rows])


FORMATS = {
    "csv": ("text/csv; charset=UTF-8", write_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_xlsx),
    "json": ("application/json; charset=UTF-8", write_json),
}


async def answer(handler: RequestHandler, name: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Answer a table as a download named after ``name``, in the format of the query's ``format`` (csv unless given; else 400).

    The file is made in a thread.
    """
    format = handler.get_query_argument("format", "csv")
    if format not in FORMATS:
        raise HTTPError(400, reason="format must be csv, xlsx or json")
    media, write = FORMATS[format]
    raw = await asyncio.to_thread(write, header, rows)
    handler.set_header("Content-Type", media)
    handler.set_header("Content-Disposition", f'attachment; filename="{name}.{format}"')
    handler.finish(raw)
