"""What the APIs of imports answer, and how a program asks for a dry run or for the good rows alone."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hmlib.db.database import Db
from hmlib.imports.batches import Batch
from hmlib.imports.companies import Question
from hmlib.imports.plan import rows as plan_rows
from hmlib.web.problems import Problem

MOST_LISTED = 5_000
QUERY = {
    "dry_run": "true: only say what would happen.",
    "valid_only": "true: apply the good rows although others have errors.",
    "name": "The file's name, for messages.",
    "preset": "The name of a preset; else the headings tell it. none: read the columns by their own names.",
    "company": "Account number of the company of all rows that name none.",
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
    """The result of an import or of its dry run: the counts of rows, the first 5,000 cells that cannot be used and the first 5,000 changes.
    `questions` are companies that are not found. `id` is that of the import, `state` how far it is."""

    created: int
    updated: int
    unchanged: int
    errors: list[Wrong]
    notes: list[str]
    changes: list[RowChange]
    applied: bool
    id: str = ""
    state: str = ""
    questions: list[Question] = []


class ImportSummary(msgspec.Struct):
    """An import in the history: what it is, who brought it and when (UTC), and what came of it. `state` goes mapping, planning, planned,
    applying, applied, undoing, undone, or failed, and then `problem` says why; `errors` counts cells; `job_id` is the job at work on it."""

    id: str
    kind: str
    kinds: list[str]
    file_name: str
    state: str
    preset: str
    created: int
    updated: int
    unchanged: int
    errors: int
    notes: list[str]
    questions: list[Question]
    headings: list[str]
    understood: dict[str, str]
    digest: str
    problem: str
    job_id: str
    started_by: str
    started_by_name: str
    created_at: str
    applied_at: str
    undone_at: str


def change_of(row: Mapping[str, Any]) -> RowChange:
    """A planned row (plan_rows.of_outcome) as it is answered."""
    fields = {name: (pair[0], pair[1]) for name, pair in row["changed"].items()}
    return RowChange(row["line"], row["outcome"], row["label"], fields)


def flag(query: Mapping[str, str], name: str) -> bool:
    """A parameter that is true or false. Raises Problem 400."""
    given = query.get(name, "").lower()
    if given not in FLAGS:
        raise Problem(400, "invalid_filter", f"{name} is true or false.")
    return FLAGS[given]


def summary(batch: Batch) -> ImportSummary:
    """An import as it is answered."""
    given = {name: getattr(batch, name) for name in ImportSummary.__struct_fields__ if name != "kinds"}
    return ImportSummary(kinds=batch.kinds.split(), **{**given, "digest": batch.digest if len(batch.digest) == 64 else ""})


async def imported(db: Db, batch: Batch) -> Imported:
    """What came of an import, or what would."""
    wrong = await plan_rows.of_outcome(db, batch.id, "error", MOST_LISTED)
    changes: list[RowChange] = []
    for outcome in ("create", "update", "unchanged"):
        rows = await plan_rows.of_outcome(db, batch.id, outcome, MOST_LISTED - len(changes))
        changes += [change_of(row) for row in rows]
    changes.sort(key=lambda change: change.line)
    errors = [Wrong(row["line"], row["what"], row["value"], row["message"]) for row in wrong]
    return Imported(
        batch.created, batch.updated, batch.unchanged, errors, list(batch.notes), changes, batch.state == "applied", batch.id, batch.state,
        list(batch.questions),
    )  # fmt: skip


def refusal(answer: Imported) -> Problem:
    """Problem 422 with everything that the answer would say: errors kept everything out."""
    nothing = msgspec.structs.replace(answer, created=0, updated=0, unchanged=0)
    return Problem(422, "invalid_rows", "Nothing was applied: some rows cannot be used.", **msgspec.structs.asdict(nothing))
