"""docs/security-tests.csv leads from every attack we know of to the tests that stand against it, or says why there is none."""

import ast
import csv
import re
from collections import Counter
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOT_GIVEN = {7, 12, 22, 50, 59, 61, 64, 101, 117, 125, 134, 139, 159, 177}
NUMBERS = [f"N{number:03}" for number in range(1, 185) if number not in NOT_GIVEN]


@cache
def rows():
    with (ROOT / "docs" / "security-tests.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@cache
def names_in(path):
    """The tests of a file by name; none of a file that is not there."""
    tree = ast.parse((ROOT / path).read_text()) if (ROOT / path).is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")}


def test_every_number_has_one_row_that_says_what_it_is():
    assert [row["number"] for row in rows()] == sorted({*NUMBERS, *(row["number"] for row in rows())})
    assert all(row["attack"] for row in rows())
    assert not [text for text, count in Counter(row["attack"] for row in rows()).items() if count > 1]


def test_a_number_without_a_test_says_why():
    assert not [row["number"] for row in rows() if not row["test"] and not row["note"]]


def test_every_test_that_is_named_exists():
    named = [(row["number"], *node.split("::")) for row in rows() for node in row["test"].split()]
    assert len(named) > 200
    assert not [f"{number}: {path}::{name}" for number, path, name in named if name not in names_in(path)]


def test_a_number_in_a_tests_name_is_one_of_them():
    found = {
        number.upper()
        for path in ROOT.glob("*/tests/**/test_*.py")
        for number in re.findall(r"(?<=_)n\d{3}(?=_)", path.read_text(), re.IGNORECASE)
    }
    assert not sorted(found - {row["number"] for row in rows()})
