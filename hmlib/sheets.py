"""From the bytes of a CSV or XLSX file to rows of cells, whatever program wrote it."""

import csv
import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from hmlib.cells import heading

MAX_BYTES = 50 * 2**20
MAX_ROWS = 100_000
MAX_COLUMNS = 200
_MAX_INFLATED = 256 * 2**20
_MAX_LINES_IN_A_CELL = 50
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_DELIMITERS = (",", ";", "\t", "|")

Cells = list[object]


class Unreadable(Exception):
    """Raised with one sentence when a file as a whole cannot be read as a table."""


@dataclass(frozen=True)
class Grid:
    """All rows that hold anything, each with the number of its line in the file; `delimiter` is empty for a workbook."""

    rows: list[tuple[int, Cells]]
    delimiter: str = ""
    notes: list[str] = field(default_factory=list)


def grid(raw: bytes, known: Collection[str] = ()) -> Grid:
    """The table in a CSV or XLSX file (the first sheet), told apart by content; `known` are headings (see cells.heading) that help to
    find the delimiter. Raises Unreadable, also above 50 MB, 100,000 rows or 200 columns. Blocking."""
    if len(raw) > MAX_BYTES:
        raise Unreadable("The file is larger than 50 MB.")
    if raw.startswith(b"PK\x03\x04"):
        found = Grid(_workbook(raw))
    elif raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("This is a workbook of the old .xls kind or one with a password. Save it as .xlsx or CSV.")
    else:
        found = _csv(raw, known)
    if len(found.rows) > MAX_ROWS + 1:
        raise Unreadable("The file has more than 100,000 rows.")
    return found


def _csv(raw: bytes, known: Collection[str]) -> Grid:
    text, notes = decoded(raw)
    start = text[:10_000]
    if len(_CONTROL.findall(start)) * 20 > len(start) or text.lstrip()[:200].lower().startswith(("<html", "<table", "<!doctype", "<?xml")):
        raise Unreadable("The file is neither CSV nor XLSX.")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    told = re.fullmatch(r"sep=(.)", lines[0].strip(), re.IGNORECASE)
    first = 1 if told else 0
    delimiter = told[1] if told else _delimiter([line for line in lines if line.strip()][:10], known)
    if delimiter in '"\n' or delimiter.isalnum():
        raise Unreadable("The file names no usable delimiter in its first line.")
    rows = [(at, cells) for at, cells in _rows(lines, first, delimiter) if any(cell and not cell.isspace() for cell in cells)]
    return Grid([(at, list(cells)) for at, cells in rows], delimiter, notes)


def decoded(raw: bytes) -> tuple[str, list[str]]:
    """The text of bytes in UTF-8, UTF-16 or Windows-1252, with a note where that had to be found out."""
    try:
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            return raw.decode("utf-16"), []
        if raw[1:200:2].count(0) > 2 * len(raw[1:200:2]) // 3 > 0:
            return raw.decode("utf-16-le"), []
        if raw[0:200:2].count(0) > 2 * len(raw[0:200:2]) // 3 > 0:
            return raw.decode("utf-16-be"), []
    except UnicodeDecodeError:
        raise Unreadable("The file begins as UTF-16 but is damaged.") from None
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return raw.removeprefix(b"\xef\xbb\xbf").decode("cp1252", "replace"), ["The file was read as Windows-1252."]


def _delimiter(lines: list[str], known: Collection[str]) -> str:
    def fit(delimiter: str) -> tuple[int, int]:
        found = [_split(line, delimiter) for line in lines if len(line) < 20_000]
        return max((sum(heading(cell) in known for cell in cells) for cells in found), default=0), max(map(len, found), default=0)

    return max(_DELIMITERS, key=fit)


def _rows(lines: list[str], first: int, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of their first line. A quote that breaks the rules spoils only its own line: that line is read
    again by itself and the reading goes on after it."""
    width = 0
    at = first
    while at < len(lines):
        source = _Lines(lines, at)
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
            yield at + 1, cells
        if len(lines[at]) > 200_000:
            raise Unreadable(f"Line {at + 1} is too long to be a row of a table.")
        yield at + 1, _split(lines[at], delimiter)
        at += 1


class _Lines:
    """Feeds lines to the reader, and no more than fifty for one row, so that a quote never closed cannot swallow the file."""

    def __init__(self, lines: list[str], at: int) -> None:
        self._lines = lines
        self.at = self._row = at

    def begin(self) -> int:
        self._row = self.at
        return self.at

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self.at >= len(self._lines) or self.at - self._row > _MAX_LINES_IN_A_CELL:
            raise StopIteration
        self.at += 1
        return self._lines[self.at - 1] + "\n"


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


def _workbook(raw: bytes) -> list[tuple[int, Cells]]:
    """The rows as a child process reads them, because a few bytes of a crafted workbook can ask for any amount of memory."""
    _refuse_other_zips(raw)
    command = [sys.executable, "-I", str(Path(__file__).with_name("workbook.py")), str(MAX_ROWS + 100), str(MAX_COLUMNS)]
    try:
        done = subprocess.run(command, input=raw, capture_output=True, timeout=60, check=False, env={})  # noqa: S603
    except subprocess.TimeoutExpired:
        raise Unreadable("The workbook takes too long to read.") from None
    if done.returncode:
        raise Unreadable("The workbook is damaged, has a password, or grows too large when it is unpacked.")
    return msgspec.msgpack.decode(done.stdout, type=list[tuple[int, Cells]])


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
