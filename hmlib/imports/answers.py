"""What the APIs of imports answer, and how a program asks for a dry run or for the good rows alone."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hmlib.tables.files import Outcome
from hmlib.web.problems import Problem

QUERY = {
    "dry_run": "true: only say what would happen.",
    "valid_only": "true: apply the good rows although others have errors.",
    "name": "The file's name, for messages.",
}
FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


class Wrong(msgspec.Struct):
    """One cell that cannot be used; `line` counts from 1 in the file."""

    line: int
    column: str
    value: str
    message: str


class RowChange(msgspec.Struct):
    """What a row would do or did: create, update or unchanged; `fields` maps what changes to what was and what is."""

    line: int
    what: str
    label: str
    fields: dict[str, tuple[Any, Any]]


class Imported(msgspec.Struct):
    """The result of an import or of its dry run."""

    created: int
    updated: int
    unchanged: int
    errors: list[Wrong]
    notes: list[str]
    changes: list[RowChange]
    applied: bool


def flag(query: Mapping[str, str], name: str) -> bool:
    """A parameter that is true or false. Raises Problem 400."""
    given = query.get(name, "").lower()
    if given not in FLAGS:
        raise Problem(400, "invalid_filter", f"{name} is true or false.")
    return FLAGS[given]


def imported(outcome: Outcome, *, dry_run: bool) -> Imported:
    """The answer. Raises Problem 422 with everything it would say when errors kept everything out."""
    answer = msgspec.convert(outcome, Imported, from_attributes=True)
    if not dry_run and not outcome.applied:
        raise Problem(422, "invalid_rows", "Nothing was applied: some rows cannot be used.", **msgspec.structs.asdict(answer))
    return answer
