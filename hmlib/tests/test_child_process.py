"""Work in a child process: its time and memory have an end, and the next question finds a child again."""

import asyncio
import contextlib
import gc
import os
from pathlib import Path

import pytest

from hmlib.jobs import child_process
from hmlib.jobs.child_process import Child, ChildFailed, Limits, TooMuch, Worker

ANSWERS = "hmlib.tests.limited_answers"
LIMITS = Limits(seconds=1, patience=20.0, memory=200 * 2**20)


@pytest.fixture
def child():
    with Child(ANSWERS, LIMITS) as child:
        yield child


def lives(pid):
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


def test_one_child_answers_question_after_question(child):
    assert child.ask("echo", b"a", b"b" * 2_000_000) == b"a" + b"b" * 2_000_000
    assert child.ask("pid", b"") == child.ask("pid", b"") != str(os.getpid()).encode()


@pytest.mark.parametrize(("function", "question"), [("work", b"ab"), ("memory", b"400000000"), ("deep", b"")])
def test_n190_what_has_no_end_is_ended_and_the_next_question_is_answered(child, function, question):
    first = child.ask("pid", b"")
    with pytest.raises(TooMuch):
        child.ask(function, question)
    assert not lives(int(first))
    assert child.ask("echo", b"again") == b"again"


def test_memory_below_the_limit_is_given(child):
    assert child.ask("memory", b"100000000") == b"x"


def test_one_that_only_waits_is_ended_too():
    with Child(ANSWERS, Limits(seconds=1, patience=0.5)) as child, pytest.raises(TooMuch):
        child.ask("sleep", b"60")


def test_the_time_is_counted_anew_for_each_question(child):
    for _ in range(3):
        with contextlib.suppress(TooMuch):
            assert child.ask("sleep", b"0.5") == b""


def test_an_error_of_ours_is_named_without_the_text(child):
    with pytest.raises(ChildFailed, match=r"^ValueError at limited_answers.py:\d+") as failed:
        child.ask("wrong", b"")
    assert "somebody" not in str(failed.value)
    assert child.ask("echo", b"again") == b"again"


def test_the_child_knows_nothing_of_our_environment(child, monkeypatch):
    monkeypatch.setenv("HM_SECRET_OF_OURS", "x")
    with Path(__file__).open():
        known = child.ask("environment", b"").decode()
    assert "HM_SECRET" not in known and known.count("'") < 30


def test_a_child_that_nobody_holds_any_more_ends():
    child = Child(ANSWERS, LIMITS)
    pid = int(child.ask("pid", b""))
    del child
    gc.collect()
    assert not lives(pid)


def test_a_child_is_changed_for_a_new_one_after_many_questions(child, monkeypatch):
    monkeypatch.setattr(child_process, "_QUESTIONS_A_CHILD", 2)
    pids = [child.ask("pid", b"") for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


@pytest.mark.gen_test
async def test_questions_wait_in_line_and_a_full_line_refuses():
    worker = Worker(ANSWERS, LIMITS, queue=2)
    waiting = [asyncio.ensure_future(worker.ask("sleep", b"0.2")) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(TooMuch):
        await worker.ask("echo", b"x")
    assert await asyncio.gather(*waiting) == [b""] * 3
    assert await worker.ask("echo", b"x") == b"x"


@pytest.mark.gen_test
async def test_one_who_goes_away_does_not_mix_up_the_answers():
    worker = Worker(ANSWERS, LIMITS)
    await worker.ask("echo", b"")
    gone = asyncio.ensure_future(worker.ask("sleep", b"0.3"))
    await asyncio.sleep(0.1)
    gone.cancel()
    assert await worker.ask("echo", b"mine") == b"mine"
    assert gone.cancelled()


@pytest.mark.gen_test
async def test_an_idle_child_ends(monkeypatch):
    monkeypatch.setattr(child_process, "IDLE_SECONDS", 0.05)
    worker = Worker(ANSWERS, LIMITS)
    pid = int(await worker.ask("pid", b""))
    for _ in range(100):
        await asyncio.sleep(0.02)
        if not lives(pid):
            break
    assert not lives(pid)
