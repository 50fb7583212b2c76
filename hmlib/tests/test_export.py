"""Exports reach the last row, hold few rows in memory, let others have their turn, and fail as a whole or not at all."""

import asyncio
import csv
import datetime
import gc
import io
import weakref
from decimal import Decimal

import pytest
from python_calamine import CalamineWorkbook

from hmlib.clock import utc_now
from hmlib.db.engine import DatabaseBusy
from hmlib.records import audit
from hmlib.tables import export
from hmlib.tables.formats import FORMATS

pytestmark = pytest.mark.gen_test

ENTRIES = 3_000
HEADER = ["name", "count", "price", "day", "sure", "tags"]


@pytest.fixture
def entries(db, io_loop):
    """An audit log that is longer than any page."""
    deeds = [audit.AuditEvent("thing.changed", f"thing/{number}", after={"number": number}) for number in range(ENTRIES)]

    async def fill():
        async with db.write() as tx:
            await audit.record_all(tx, audit.Actor("1", "alice"), deeds, now=utc_now())

    io_loop.run_sync(fill)


@pytest.mark.parametrize("format", FORMATS)
async def test_c15_the_audit_log_comes_to_its_last_entry(alice, db, entries, format):
    answer = await alice.fetch(f"/audit/export?format={format}&limit=10&action=thing.")
    assert answer.code == 200
    assert [int(seq) for seq in _column(answer, format)] == list(range(ENTRIES, 0, -1))
    assert await db.value("SELECT after_json FROM audit WHERE action = 'audit.exported'") == f'{{"entries":{ENTRIES}}}'


def _column(answer, format):
    if format == "json":
        return [row["seq"] for row in answer.json]
    if format == "csv":
        return [row["seq"] for row in csv.DictReader(io.StringIO(answer.text, newline=""))]
    return [row[0] for row in CalamineWorkbook.from_filelike(io.BytesIO(answer.body)).get_sheet_by_index(0).to_python()[1:]]


async def test_an_export_is_of_one_moment(alice, db, entries, monkeypatch):
    """What is written while it is read is not in it, though its place would come."""
    read = audit.everything

    async def beside(snapshot, list_query):
        async for row in read(snapshot, list_query):
            if row.seq == 1:
                async with db.write() as tx:
                    await audit.record(tx, audit.Actor("1", "alice"), "thing.later", "thing/0", now=utc_now())
            yield row

    monkeypatch.setattr(audit, "everything", beside)
    answer = await alice.fetch("/audit/export?sort=seq&format=json&action=thing.")
    assert len(answer.json) == ENTRIES
    assert await db.value("SELECT COUNT(*) FROM audit WHERE action = 'thing.later'") == 1


class Row(list):
    """A row whose end can be seen."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


class Sink:
    """What an export needs of its handler, and what it said."""

    def __init__(self, home):
        self.headers, self.pieces, self.finished = {}, [], False
        self.hm = type("Settings", (), {"home": home})
        self.flushes = 0

    def set_header(self, name, value):
        self.headers[name] = value

    def write(self, piece):
        self.pieces.append(piece)

    async def flush(self):
        self.flushes += 1

    async def finish(self):
        self.finished = True

    @property
    def body(self):
        return b"".join(self.pieces)


@pytest.mark.parametrize("format", FORMATS)
async def test_c17_few_rows_are_in_memory_and_others_have_their_turns(tmp_path, format):
    alive, most, turns = weakref.WeakSet(), 0, 0

    async def rows():
        nonlocal most
        for number in range(20_000):
            row = Row([f"name {number}", number, Decimal("1.50"), datetime.date(2026, 1, 31), True, ["a", "b"]])
            alive.add(row)
            most = max(most, len(alive))
            yield row

    async def others():
        nonlocal turns
        while not sink.finished:
            turns += 1
            await asyncio.sleep(0)

    sink = Sink(tmp_path)
    beside = asyncio.create_task(others())
    gc.collect()
    await export.stream(sink, "things", HEADER, rows(), format)
    await beside
    assert most <= 4 * export._BATCH
    assert turns >= 20_000 / export._BATCH
    assert sink.headers["Content-Length"] == str(len(sink.body))
    assert not list(tmp_path.iterdir()), "nothing is left behind"
    assert _last(sink.body, format) == ["name 19999", "19999", "1.50"]


def _last(body, format):
    if format == "csv":
        return list(csv.reader(io.StringIO(body.decode(), newline="")))[-1][:3]
    if format == "json":
        import json

        row = json.loads(body)[-1]
        return [row["name"], str(row["count"]), row["price"]]
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()
    assert sheet[-1][3:] == [datetime.date(2026, 1, 31), "yes", "a;b"]
    return [sheet[-1][0], str(int(sheet[-1][1])), f"{sheet[-1][2]:.2f}"]


async def test_what_fails_in_the_middle_is_no_half_file(tmp_path):
    async def rows():
        for number in range(5_000):
            yield [number]
        raise LookupError

    sink = Sink(tmp_path)
    with pytest.raises(LookupError):
        await export.stream(sink, "things", ["number"], rows(), "csv")
    assert not sink.pieces and not sink.headers


async def test_a_workbook_with_too_many_rows_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "SHEET_ROWS", 600)
    rows = [[number] for number in range(1_000)]
    with pytest.raises(export.Problem, match="600 rows") as refused:
        await export.stream(Sink(tmp_path), "things", ["number"], export._each(rows), "xlsx")
    assert refused.value.status == 422


async def test_nothing_is_an_empty_table(tmp_path):
    for format, body in {"csv": b"a\r\n", "json": b"[]"}.items():
        sink = Sink(tmp_path)
        await export.stream(sink, "things", ["a"], export._each([]), format)
        assert sink.body == body


async def test_a_text_that_no_cell_holds_says_that_it_is_cut(tmp_path):
    sink = Sink(tmp_path)
    await export.stream(sink, "things", ["a"], export._each([["x" * 40_000]]), "xlsx")
    [cell] = CalamineWorkbook.from_filelike(io.BytesIO(sink.body)).get_sheet_by_index(0).to_python()[1]
    assert len(cell) == 32_767 and cell.endswith("CSV and JSON have all of it")


async def test_an_export_leaves_the_short_snapshots_to_others(db, monkeypatch):
    async with db.read(long=True):
        async with db.read() as one, db.read() as two:
            assert await one.value("SELECT 1") == await two.value("SELECT 1") == 1
        engine = "hmlib.db.sqlite" if db.dialect == "sqlite" else "hmlib.db.postgres"
        monkeypatch.setattr(f"{engine}.LONG_PATIENCE_SECONDS", 0.05)
        with pytest.raises(DatabaseBusy):
            async with db.read(long=True):
                pass
