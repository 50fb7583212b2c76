"""Times sort as text, ids sort by time."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmlib import clock


def test_now_has_a_fixed_width_and_reads_back():
    now = clock.utc_now()
    assert len(now) == 27 and now.endswith("Z")
    assert clock.shifted(now, 0) == now


@given(st.datetimes(min_value=clock.datetime(1000, 1, 1), max_value=clock.datetime(9000, 1, 1)), st.integers(1, 10**9))
def test_a_later_time_is_the_greater_text(moment, microseconds):
    at = clock.shifted(moment.isoformat(), 0)
    assert clock.shifted(at, microseconds / 1e6) > at


def test_a_time_in_another_zone_becomes_utc():
    assert clock.shifted("2026-11-22T13:00:00+02:00", 60) == "2026-11-22T11:01:00.000000Z"
    assert clock.shifted("2026-11-22", -1) == "2026-11-21T23:59:59.000000Z"


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError):
        clock.parse(text)


def test_ids_are_uuid7_and_each_sorts_after_the_one_before():
    ids = [clock.new_id() for _ in range(20_000)]
    assert ids == sorted(set(ids))
    assert {(uuid.UUID(id).version, uuid.UUID(id).variant) for id in ids} == {(7, uuid.RFC_4122)}


def test_ids_go_on_when_the_clock_goes_back(monkeypatch):
    before = clock.new_id()
    monkeypatch.setattr(clock.time, "time_ns", lambda: 0)
    after = [clock.new_id() for _ in range(1000)]
    assert [before, *after] == sorted({before, *after})


def test_a_full_counter_moves_to_the_next_millisecond(monkeypatch):
    sequence = clock._Sequence()
    monkeypatch.setattr(clock.time, "time_ns", lambda: 5_000_000)
    first = sequence.next()
    sequence._counter = (1 << 74) - 1
    assert sequence.next()[0] == first[0] + 1


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-11-22T10:00:00Z", "UTC", "2026-11-22T10:00:00.000000Z"),
        ("2026-11-22 10:00", "Europe/Berlin", "2026-11-22T09:00:00.000000Z"),
        ("2026-11-22T10:00:00.123456789+05:30", "UTC", "2026-11-22T04:30:00.123456Z"),
        ("2026-11-22", "UTC", "2026-11-22T00:00:00.000000Z"),
        ("1900-01-01T00:00:00+14:00", "UTC", "1899-12-31T10:00:00.000000Z"),
        ("2199-12-31T23:59:59-12:00", "UTC", "2200-01-01T11:59:59.000000Z"),
    ],
)
def test_a_moment_is_read_as_it_is_written(text, zone, moment):
    assert clock.moment_of(text, zone) == moment


NO_MOMENTS = [
    "", "x", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1899-12-31", "2200-01-01", "2\u066026-10-01", "2026-1\u0660-01T00:00Z",
    "2026-11-22\u200910:00", "2026-11-22T10:00:00\u0660Z", "2026-11-22T25:00", "2026-02-30", " 2026-11-22", "2026-11-22\n", "2026-W47-1",
    "20261122", "2026-11-22T10:00:00+99:00", "2026_11_22", "1e400", "9" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", NO_MOMENTS)
def test_what_is_no_moment_in_the_calendar_is_refused(text):
    with pytest.raises(ValueError):
        clock.moment_of(text, "Pacific/Auckland")
    with pytest.raises(ValueError):
        clock.day_of(text)
