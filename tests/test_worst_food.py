"""What users' texts may cost: every parser and regular expression that meets them, with the worst food its door lets in.

Work is CPU time against the same parser's own time for less of the same food, so a slow or busy machine changes nothing.
"""

import re
import time
from collections.abc import Callable

import pytest

from wiki_srv import secrets_guard

MOST = 500_000
FEW = MOST // 16
Food = Callable[[int], str]


def repeated(piece: str, before: str = "", after: str = "") -> Food:
    return lambda size: before + (piece * (size // len(piece) + 1))[: size - len(before) - len(after)] + after


def cost(eat: Callable[[str], object], food: str) -> float:
    started = time.process_time()
    eat(food)
    return time.process_time() - started


def assert_linear(eat: Callable[[str], object], food: Food) -> None:
    """Twice the food takes at most 2.6 times the CPU time, and sixteen times the food at most 2.6 times sixteen."""
    eat(food(100))  # whatever is made at the first call
    few = min(cost(eat, food(FEW)) for _ in range(3))
    twice = min(cost(eat, food(2 * FEW)) for _ in range(3))
    assert twice < 2.6 * few + 0.01, (few, twice)
    assert cost(eat, food(MOST)) < 16 * 2.6 * few + 0.05


TABLE = {
    "secrets dots": (secrets_guard.find, repeated("a.")),
    "secrets tokens": (secrets_guard.find, repeated("eyJaaaaaaaa.")),
    "secrets tokens in one": (secrets_guard.find, repeated("eyJaaaaaaaa-")),
    "secrets names": (secrets_guard.find, repeated("pw:*")),
    "secrets name and stars": (secrets_guard.find, repeated("*", "pw:", "\nabc")),
    "secrets cell": (secrets_guard.find, repeated(" /-", "|", "x|\n|-|\n")),
    "secrets rule": (secrets_guard.find, repeated("-", "|", "x")),
    "secrets columns": (secrets_guard.find, lambda size: "|pin" * (size // 12) + "\n" + "|-" * (size // 12) + "\n" + "|\n" * (size // 4)),
    "secrets keys": (secrets_guard.find, repeated("-----BEGIN PRIVATE KEY-----\n-----END A ")),
    "secrets addresses": (secrets_guard.find, repeated("a://b:c")),
}


@pytest.mark.parametrize("name", TABLE)
def test_n188_the_worst_food_costs_no_more_than_its_length(name: str) -> None:
    assert_linear(*TABLE[name])


def test_the_measure_itself_fails_for_a_quadratic_parser() -> None:
    with pytest.raises(AssertionError):
        assert_linear(lambda text: [re.match("a*b", text[at:]) for at in range(0, len(text), 64)], repeated("a"))
