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
