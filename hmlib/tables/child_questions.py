"""What a limited child is asked about tables: the questions and answers, and the child's own side."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from hmlib.tables import rows
from hmlib.tables.columns import Column
from hmlib.tables.reading.report import RowError
from hmlib.tables.reading.survey import Instructions
from hmlib.tables.rows import Row, Slice, Tail
from hmlib.tables.sheets import Unreadable


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a file on its way between processes: values by the place of their column; `unreadable` alone where the file is none;
    with `present` it is the tail."""

    unreadable: str = ""
    rows: Sequence[tuple[int, dict[int, Any], dict[str, str]]] = ()
    total: int = 0
    errors: Sequence[RowError] = ()
    notes: Sequence[str] = ()
    present: Sequence[str] | None = None
    repeated: tuple[int, ...] = ()


class Top(msgspec.Struct, frozen=True, kw_only=True):
    """A file's headings on their way between processes."""

    unreadable: str = ""
    texts: list[str] = []
    columns: dict[str, str] = {}


_BACK: Mapping[str, Callable[[Any], Any]] = {
    "decimal": Decimal,
    "duration": Decimal,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "list": tuple,
}


def slices_of(answer: Iterable[bytes], columns: Sequence[Column]) -> Iterator[Slice | Tail]:
    """The slices that the child reads, and the tail. Raises Unreadable."""
    decoder = msgspec.msgpack.Decoder(Part)
    back = {at: _BACK[column.kind] for at, column in enumerate(columns) if column.kind in _BACK}
    names = [column.name for column in columns]
    for part in answer:
        found = decoder.decode(part)
        if found.unreadable:
            raise Unreadable(found.unreadable)
        if found.present is not None:
            yield Tail(list(found.errors), list(found.notes), frozenset(found.present), found.repeated)
        else:
            yield Slice(
                [Row(line, _restored(values, names, back), beside) for line, values, beside in found.rows], list(found.errors), found.total
            )


def _restored(values: dict[int, Any], names: Sequence[str], back: Mapping[int, Callable[[Any], Any]]) -> dict[str, Any]:
    return {names[at]: value if value is None or at not in back else back[at](value) for at, value in values.items()}


def headings_of(answer: bytes) -> tuple[list[str], dict[str, str]]:
    """The headings that the child found. Raises Unreadable."""
    found = msgspec.msgpack.decode(answer, type=Top)
    if found.unreadable:
        raise Unreadable(found.unreadable)
    return found.texts, found.columns


def _slices(question: bytes, raw: bytes) -> Iterator[bytes]:
    asked = msgspec.msgpack.decode(question, type=Instructions)
    places = {column.name: at for at, column in enumerate(asked.columns)}
    try:
        for part in rows.slices(raw, asked):
            yield msgspec.msgpack.encode(_part(part, places))
    except Unreadable as why:
        yield msgspec.msgpack.encode(Part(unreadable=str(why)))


def _part(part: Slice | Tail, places: Mapping[str, int]) -> Part:
    if isinstance(part, Tail):
        return Part(errors=part.errors, notes=part.notes, present=sorted(part.present), repeated=part.repeated)
    return Part(errors=part.errors, total=part.total, rows=[(row.line, _sent(row.values, places), dict(row.beside)) for row in part.rows])


def _sent(values: Mapping[str, Any], places: Mapping[str, int]) -> dict[int, Any]:
    """MessagePack would turn a time into one of UTC."""
    return {places[name]: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _headings(question: bytes, raw: bytes) -> bytes:
    try:
        texts, columns = rows.headings(raw, msgspec.msgpack.decode(question, type=Instructions))
    except Unreadable as why:
        return msgspec.msgpack.encode(Top(unreadable=str(why)))
    return msgspec.msgpack.encode(Top(texts=texts, columns=columns))


ANSWERS = {"slices": _slices, "headings": _headings}
