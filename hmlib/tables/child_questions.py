"""What a limited child is asked about tables: the questions and answers, and the child's own side."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from hmlib.tables import rows as tables
from hmlib.tables.cells import Column
from hmlib.tables.rows import Row, RowError, Sheet
from hmlib.tables.sheets import Unreadable


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is to be read; the file itself is the attachment."""

    name: str = ""
    columns: tuple[Column, ...]
    mapping: dict[str, str] = {}
    day_first: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet on its way between processes: values by the order of the columns; `unreadable` alone where the file is none."""

    unreadable: str = ""
    rows: Sequence[tuple[int, list[Any]]] = ()
    errors: Sequence[RowError] = ()
    notes: Sequence[str] = ()
    present: Sequence[str] = ()
    repeated: tuple[int, ...] = ()


class Top(msgspec.Struct, frozen=True, kw_only=True):
    """A file's headings on their way between processes."""

    unreadable: str = ""
    texts: list[str] = []
    columns: dict[str, str] = {}


_BACK: Mapping[str, Callable[[Any], Any]] = {
    "decimal": Decimal,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "list": tuple,
}


def sheet_of(answer: bytes, columns: Sequence[Column]) -> Sheet:
    """The sheet that the child read. Raises Unreadable."""
    found = msgspec.msgpack.decode(answer, type=Answer)
    if found.unreadable:
        raise Unreadable(found.unreadable)
    names = [column.name for column in columns]
    back = [(at, _BACK[column.kind]) for at, column in enumerate(columns) if column.kind in _BACK and column.name in found.present]
    rows = [Row(line, dict(zip(names, _restored(values, back), strict=True))) for line, values in found.rows]
    return Sheet(rows, list(found.errors), list(found.notes), frozenset(found.present), found.repeated)


def _restored(values: list[Any], back: Sequence[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    for at, restore in back:
        if values[at] is not None:
            values[at] = restore(values[at])
    return values


def headings_of(answer: bytes) -> tuple[list[str], dict[str, str]]:
    """The headings that the child found. Raises Unreadable."""
    found = msgspec.msgpack.decode(answer, type=Top)
    if found.unreadable:
        raise Unreadable(found.unreadable)
    return found.texts, found.columns


def _read(question: bytes, raw: bytes) -> bytes:
    asked = msgspec.msgpack.decode(question, type=Question)
    try:
        sheet = tables.read(raw, asked.name, asked.columns, asked.mapping, day_first=asked.day_first)
    except Unreadable as why:
        return msgspec.msgpack.encode(Answer(unreadable=str(why)))
    sheet.rows.reverse()
    rows = [(row.line, [_sent(value) for value in row.values.values()]) for row in _taken(sheet.rows)]
    said = Answer(rows=rows, errors=sheet.errors, notes=sheet.notes, present=sorted(sheet.present), repeated=sheet.repeated)
    return msgspec.msgpack.encode(said)


def _taken(rows: list[Row]) -> Iterator[Row]:
    """The rows from the last one, each gone from the list as it comes, so that they are not held twice."""
    while rows:
        yield rows.pop()


def _sent(value: Any) -> Any:
    """MessagePack would turn a time into one of UTC."""
    return value.isoformat() if isinstance(value, datetime) else value


def _headings(question: bytes, raw: bytes) -> bytes:
    try:
        texts, columns = tables.headings(raw, msgspec.msgpack.decode(question, type=Question).columns)
    except Unreadable as why:
        return msgspec.msgpack.encode(Top(unreadable=str(why)))
    return msgspec.msgpack.encode(Top(texts=texts, columns=columns))


ANSWERS = {"read": _read, "headings": _headings}
