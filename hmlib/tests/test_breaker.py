"""The breaker: one call tries whether the peer is back, everybody else is spared the wait."""

import pytest

from hmlib.cache import Bounded
from hmlib.nexus.transport import Breaker


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker(clock=clock)


def fail(breaker, clock, times, **how):
    for _ in range(times):
        breaker.failed(clock.now, **how)


def test_two_failures_are_borne(breaker, clock):
    fail(breaker, clock, 2)
    assert breaker.enter() is False and not breaker.open and breaker.silent


def test_three_failures_open_it_and_so_does_one_silence(clock):
    for times, how in ((3, {}), (1, {"silence": True})):
        breaker = Breaker(clock=clock)
        fail(breaker, clock, times, **how)
        assert breaker.open and breaker.enter() is None


def test_after_the_pause_one_call_of_a_hundred_goes(breaker, clock):
    fail(breaker, clock, 3)
    clock.now += 1.5
    assert [breaker.enter() for _ in range(100)] == [True] + [None] * 99


def test_who_tried_and_learnt_nothing_makes_room_for_the_next(breaker, clock):
    fail(breaker, clock, 3)
    clock.now += 1.5
    assert breaker.enter() is True
    breaker.left()
    assert breaker.enter() is True


def test_a_try_that_fails_opens_it_again(breaker, clock):
    fail(breaker, clock, 3)
    clock.now += 1.5
    breaker.enter()
    breaker.failed(clock.now)
    breaker.left()
    assert breaker.enter() is None


def test_an_answer_closes_it(breaker, clock):
    fail(breaker, clock, 3)
    breaker.worked()
    assert [breaker.enter() for _ in range(3)] == [False] * 3 and not breaker.silent


def test_a_call_that_ends_late_says_nothing_about_now(breaker, clock):
    began = clock.now
    clock.now += 10
    breaker.worked()
    breaker.failed(began, silence=True)
    assert not breaker.silent


def test_a_word_of_health_ends_a_silence_but_not_the_failures_of_calls(clock):
    silent, failing = Breaker(clock=clock), Breaker(clock=clock)
    fail(silent, clock, 1, silence=True)
    fail(failing, clock, 3)
    silent.heard()
    failing.heard()
    assert (silent.open, failing.open) == (False, True)


def test_one_call_that_failed_is_forgotten_at_the_next_word_of_health(breaker, clock):
    breaker.failed(clock.now)
    assert breaker.silent
    breaker.heard()
    assert not breaker.silent


def test_pauses_differ(clock):
    ends = set()
    for _ in range(20):
        breaker = Breaker(clock=clock)
        fail(breaker, clock, 3)
        ends.add(breaker._shut_until)
    assert len(ends) > 10 and all(100.8 <= end <= 101.4 for end in ends)


def test_a_memory_holds_so_many_and_so_much_and_the_newest_always():
    memory = Bounded(3, 100)
    for number in range(10):
        memory.put(number, str(number), 30)
    assert len(memory) == 3 and memory.get(6) is None and memory.get(7) == "7"
    memory.put("large", "x", 1000)
    assert (len(memory), memory.size, memory.get("large")) == (1, 1000, "x")
    memory.put("large", "y", 10)
    assert memory.size == 10
    memory.drop_where(lambda key: key == "large")
    assert (len(memory), memory.size) == (0, 0)


def test_what_is_used_stays_longest():
    memory = Bounded(2)
    memory.put("a", 1)
    memory.put("b", 2)
    memory.get("a")
    memory.put("c", 3)
    assert (memory.get("a"), memory.get("b")) == (1, None)
