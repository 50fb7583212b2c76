"""How a table is written: rows as CSV, XLSX or JSON in which no cell is one that a spreadsheet would run. Blocking; no web."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import msgspec

_RUNNABLE = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_LONGEST, _CUT = 32_767, " … cut: a cell of a workbook holds no more; CSV and JSON have all of it"


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
    out = io.BytesIO()
    fill_workbook(out, {"in_memory": True}, header, rows, title=title)
    return out.getvalue()


def fill_workbook(out: Any, options: dict[str, Any], header: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str) -> None:
    """Write a workbook into a file; ``options`` are xlsxwriter's. Blocking."""
    import xlsxwriter  # on first use: most processes never write a workbook, and it holds 3 MB

    book = xlsxwriter.Workbook(out, {**options, "remove_timezone": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet(title[:31])
    bold, guarded = book.add_format({"bold": True}), book.add_format({"quote_prefix": True})
    decimals = [book.add_format({"num_format": f"0.{'0' * places}" if places else "0"}) for places in range(7)]
    for place, text in enumerate(header):
        sheet.write_string(0, place, text, bold)
    for line, row in enumerate(rows, 1):
        for place, value in enumerate(row):
            cell = _inert(value)
            if isinstance(cell, str):
                guard = isinstance(value, str) and value.startswith(_RUNNABLE)
                sheet.write_string(line, place, _fitting(value if guard else cell), guarded if guard else None)
            elif isinstance(cell, Decimal):
                sheet.write_number(line, place, float(cell), decimals[min(6, max(0, -int(cell.as_tuple().exponent)))])
            elif cell is not None:
                sheet.write(line, place, cell)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, 0, max(0, len(header) - 1))
    book.close()


def _fitting(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - len(_CUT)] + _CUT


def write_json(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A list of objects, one a row, with the header's texts as keys and the values as they are."""
    return msgspec.json.encode([dict(zip(header, row, strict=True)) for row in rows])


class Writer(Protocol):
    """One format, in pieces: what stands before the rows, some rows, what stands after them. Blocking."""

    def start(self, header: Sequence[str]) -> bytes: ...
    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes: ...
    def end(self) -> bytes: ...


class CsvWriter:
    """See write_csv."""

    def start(self, header: Sequence[str]) -> bytes:
        return write_csv(header, [])

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        return write_csv(rows[0], rows[1:])

    def end(self) -> bytes:
        return b""


class JsonWriter:
    """See write_json."""

    def start(self, header: Sequence[str]) -> bytes:
        self._header, self._mark = header, b""
        return b"["

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        piece, self._mark = self._mark + write_json(self._header, rows)[1:-1], b","
        return piece

    def end(self) -> bytes:
        return b"]"


class SheetWriter:
    """What workbook_writer.py makes a workbook of: an array of JSON a line, the header first; days and decimals carry their kind."""

    def start(self, header: Sequence[str]) -> bytes:
        return self.rows([header])

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        return msgspec.json.Encoder().encode_lines([[_marked(cell) for cell in row] for row in rows])

    def end(self) -> bytes:
        return b""


def _marked(cell: Any) -> Any:
    if isinstance(cell, Decimal):
        return {"number": str(cell)}
    if isinstance(cell, date):
        return {"day": cell.isoformat()[:10]}
    return _inert(cell) if isinstance(cell, (list, tuple)) else cell


def unmarked(cell: Any) -> Any:
    """The cell that a line of SheetWriter stands for."""
    if isinstance(cell, dict):
        return Decimal(cell["number"]) if "number" in cell else date.fromisoformat(cell["day"])
    return cell


FORMATS: dict[str, tuple[str, Callable[[], Writer]]] = {
    "csv": ("text/csv; charset=UTF-8", CsvWriter),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", SheetWriter),
    "json": ("application/json; charset=UTF-8", JsonWriter),
}
