"""From the bytes of a CSV or XLSX file to rows of cells, whatever program wrote it: one after the other, and no more than anybody needs."""

import codecs
import csv
import io
import re
import zipfile
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice

from hmlib.tables.cells import heading

MAX_BYTES = 50 * 2**20
MAX_ROWS = 100_000
MAX_COLUMNS = 200
MAX_LINES = 1_000_000
_LONGEST_LINE = 200_000
_MAX_INFLATED = 256 * 2**20
_MAX_LINES_IN_A_CELL = 50
_MOST_READ_AGAIN = 100_000
_PIECE = 2**20
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_DELIMITERS = (",", ";", "\t", "|")

Cells = list[object]


class Unreadable(Exception):
    """Raised with one sentence when a file as a whole cannot be read as a table."""

    hostile = False
    """Whether no honest program makes such a file."""


@dataclass(frozen=True)
class Grid:
    """The rows that hold anything, each with the number of its line in the file; `delimiter` is empty for a workbook. Raises Unreadable
    while it is read, above 100,000 rows, 200 columns or a million lines."""

    rows: Iterator[tuple[int, Cells]]
    delimiter: str = ""
    notes: list[str] = field(default_factory=list)


def grid(raw: bytes, known: Collection[str] = ()) -> Grid:
    """The table in a CSV or XLSX file (the first sheet), told apart by content; `known` are headings (see cells.heading) that help to
    find the delimiter. Raises Unreadable, also above 50 MB. Blocking, and for a workbook without bounds: call it in a limited child."""
    if len(raw) > MAX_BYTES:
        raise Unreadable("The file is larger than 50 MB.")
    if is_workbook(raw):
        return Grid(_bounded(_workbook(raw)))
    if raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("This is a workbook of the old .xls kind or one with a password. Save it as .xlsx or CSV.")
    return _csv(raw, known)


def is_workbook(raw: bytes) -> bool:
    """Whether the file is a ZIP, as XLSX is."""
    return raw.startswith(b"PK\x03\x04")


def _bounded(rows: Iterator[tuple[int, Cells]]) -> Iterator[tuple[int, Cells]]:
    """The rows that hold anything, until there are too many or one is too wide."""
    count = 0
    for line, cells in rows:
        if not any(cell not in ("", None) and not (isinstance(cell, str) and cell.isspace()) for cell in cells):
            continue
        count += 1
        if count > MAX_ROWS + 1:
            raise Unreadable("The file has more than 100,000 rows.")
        if len(cells) > MAX_COLUMNS:
            if any(cell not in ("", None) for cell in cells[MAX_COLUMNS:]):
                raise Unreadable(f"Line {line} has more than {MAX_COLUMNS} columns.")
            cells = cells[:MAX_COLUMNS]
        yield line, cells


def _csv(raw: bytes, known: Collection[str]) -> Grid:
    encoding, notes = _encoding(raw)
    text = _opened(raw, encoding)
    start = text.read(10_000)
    if len(_CONTROL.findall(start)) * 20 > len(start) or start.lstrip()[:200].lower().startswith(("<html", "<table", "<!doctype", "<?xml")):
        raise Unreadable("The file is neither CSV nor XLSX.")
    text = _opened(raw, encoding)
    first = text.readline(_LONGEST_LINE)
    told = re.fullmatch(r"sep=(.)", first[:20].strip(), re.IGNORECASE)
    lines = (line.rstrip("\n") for line in islice(iter(lambda: text.readline(_LONGEST_LINE), ""), 1000))
    sample = list(islice((line for line in (first.rstrip("\n"), *lines) if line.strip()), 10))
    delimiter = told[1] if told else _delimiter(sample, known)
    if delimiter in '"\n' or delimiter.isalnum():
        raise Unreadable("The file names no usable delimiter in its first line.")
    source = _Lines(_opened(raw, encoding))
    if told:
        next(source)
    return Grid(_bounded(_rows(source, delimiter)), delimiter, notes)


def _opened(raw: bytes, encoding: str) -> io.TextIOWrapper:
    """The text from its beginning, with \\n for every kind of line end."""
    return io.TextIOWrapper(io.BytesIO(raw), encoding, errors="replace" if encoding == "cp1252" else "strict", newline=None)


def _encoding(raw: bytes) -> tuple[str, list[str]]:
    """UTF-8, UTF-16 or Windows-1252, with a note where that had to be found out. Raises Unreadable."""
    if sixteen := _sixteen(raw):
        if not _holds(raw, sixteen):
            raise Unreadable("The file begins as UTF-16 but is damaged.")
        return sixteen, []
    return ("utf-8-sig", []) if _holds(raw, "utf-8-sig") else ("cp1252", ["The file was read as Windows-1252."])


def _sixteen(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if raw[1:200:2].count(0) > 2 * len(raw[1:200:2]) // 3 > 0:
        return "utf-16-le"
    return "utf-16-be" if raw[0:200:2].count(0) > 2 * len(raw[0:200:2]) // 3 > 0 else ""


def _holds(raw: bytes, encoding: str) -> bool:
    """Whether all of it is text in this encoding, a piece at a time."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for at in range(0, len(raw), _PIECE):
            decoder.decode(raw[at : at + _PIECE], final=at + _PIECE >= len(raw))
    except UnicodeDecodeError:
        return False
    return True


def decoded(raw: bytes) -> tuple[str, list[str]]:
    """The text of bytes in UTF-8, UTF-16 or Windows-1252, with a note where that had to be found out. Raises Unreadable."""
    encoding, notes = _encoding(raw)
    if encoding == "cp1252":
        return raw.removeprefix(b"\xef\xbb\xbf").decode(encoding, "replace"), notes
    return raw.decode(encoding), notes


def _delimiter(lines: list[str], known: Collection[str]) -> str:
    def fit(delimiter: str) -> tuple[int, int]:
        found = [_split(line, delimiter) for line in lines if len(line) < 20_000]
        return max((sum(heading(cell) in known for cell in cells) for cells in found), default=0), max(map(len, found), default=0)

    return max(_DELIMITERS, key=fit)


def _rows(source: "_Lines", delimiter: str) -> Iterator[tuple[int, Cells]]:
    """Rows with the number of their first line. A quote that breaks the rules spoils only its own line: that line is read
    again by itself and the reading goes on after it."""
    width = 0
    while True:
        rows = csv.reader(source, delimiter=delimiter, strict=True)
        while True:
            at = source.begin()
            try:
                cells = next(rows, None)
            except csv.Error:
                break
            if cells is None:
                return
            if source.at - at > 1 and width and len(cells) != width:
                break
            width = width or len(cells)
            yield at + 1, list(cells)
        yield at + 1, list(_split(source.first_alone(), delimiter))


class _Lines:
    """Feeds lines to the reader, and no more than fifty for one row, so that a quote never closed cannot swallow the file."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._row: list[str] = []
        self._again: deque[str] = deque()
        self._read_again = 0
        self.at = 0

    def begin(self) -> int:
        """A new row begins: how many lines came before it."""
        self._row.clear()
        return self.at

    def first_alone(self) -> str:
        """The first line of the row that went wrong; those after it come again."""
        first, *others = self._row
        self._again.extendleft(reversed(others))
        self.at -= len(others)
        self._read_again += len(others)
        if self._read_again > _MOST_READ_AGAIN:
            raise Unreadable(f"Too many quotes are opened and never closed, the last one on line {self.at:,}.")
        return first.removesuffix("\n")

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self._row) > _MAX_LINES_IN_A_CELL:
            raise StopIteration
        line = self._again.popleft() if self._again else self._text.readline(_LONGEST_LINE + 1)
        if not line:
            raise StopIteration
        self.at += 1
        if len(line) > _LONGEST_LINE:
            raise Unreadable(f"Line {self.at} is too long to be a row of a table.")
        if self.at > MAX_LINES:
            raise Unreadable(f"The file has more than {MAX_LINES:,} lines.")
        self._row.append(line)
        return line


def _split(line: str, delimiter: str) -> list[str]:
    """The cells of one line where quotes count only at the edges of a cell."""
    cells = []
    at, close = 0, '"' + delimiter
    last = line.rfind(close)
    while at <= len(line):
        if line.startswith('"', at):
            end = line.find(close, at + 1) if last > at else len(line) - 1 if line.endswith('"') else at
            if end > at:
                cells.append(line[at + 1 : end].replace('""', '"'))
                at = end + 2
                continue
            at += 1
        end = line.find(delimiter, at)
        end = len(line) if end < 0 else end
        cells.append(line[at:end])
        at = end + 1
    return cells


def _workbook(raw: bytes) -> Iterator[tuple[int, Cells]]:
    from hmlib.tables import workbook  # here, so that only the child loads the library that unpacks workbooks

    _refuse_other_zips(raw)
    try:
        yield from workbook.rows(raw, MAX_ROWS + 100, MAX_COLUMNS)
    except workbook.Damaged:
        raise Unreadable("The workbook is damaged, has a password, or grows too large when it is unpacked.") from None


def _refuse_other_zips(raw: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise Unreadable("The workbook is damaged.") from None
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names or "content.xml" in names:
        raise Unreadable("The file is neither CSV nor XLSX.")
    if sum(part.file_size for part in parts) > _MAX_INFLATED:
        raise Unreadable("The workbook grows too large when it is unpacked.")
