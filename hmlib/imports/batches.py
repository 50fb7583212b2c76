"""One file on its way in: what it is, what has been said of it, how far it is, and what came of it. Kept 90 days, its rows 30."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.clock import new_id, shifted
from hmlib.db.database import Db
from hmlib.imports.companies import Question
from hmlib.imports.presets import mapping_key
from hmlib.imports.reading import Said
from hmlib.records.audit import Actor

KEPT_DAYS = 90
UNDO_DAYS = 30
CREATE, LEAVE = "create", "leave"
"""What a person may choose for a company that is not found, instead of the id of one."""
State = Literal["mapping", "planning", "planned", "applying", "applied", "undoing", "undone", "failed"]
WORKING: tuple[State, ...] = ("planning", "applying", "undoing")


class Choices(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person or program has said of a file: `mapping` from headings to columns ("" leaves one out), `words` by column from theirs to
    ours, `company` for rows that name none, the `source` of its ids, the mark before decimals, the name of a `preset` ("none" for none),
    `companies` from what the file calls one to an id, "create" or "leave", and `options` of its kind."""

    mapping: dict[str, str] = {}
    words: dict[str, dict[str, str]] = {}
    company: str = ""
    source: str = ""
    decimal: Literal["point", "comma", "either"] = "either"
    preset: str = ""
    companies: dict[str, str] = {}
    options: dict[str, str] = {}

    @property
    def said(self) -> Said:
        """As the reading of files takes it."""
        return Said(self.mapping, self.words, self.company, self.source, self.decimal)

    @property
    def lasting(self) -> "Choices":
        """What holds for the next file with the same headings too."""
        return Choices(mapping=self.mapping, words=self.words, source=self.source, decimal=self.decimal, companies=self.chosen)

    @property
    def chosen(self) -> dict[str, str]:
        """The companies that were mapped to one that is there, or left out."""
        return {text: id for text, id in self.companies.items() if id != CREATE}


NOTHING = Choices()


class Batch(msgspec.Struct, frozen=True):
    """An import. `state` goes mapping, planning, planned, applying, applied, undoing, undone, or failed (`problem` says why); `understood`
    leads from a heading to the column that it is taken for; `number` is the change number that the plan stands on; the counts are of rows,
    `errors` of cells. `job_id` is the job that works on it."""

    id: str
    kind: str
    kinds: str
    file_name: str
    state: State
    headings: Sequence[str]
    understood: Mapping[str, str]
    preset: str
    said: Choices
    scope: CompanyScope
    number: int
    created: int
    updated: int
    unchanged: int
    errors: int
    notes: Sequence[str]
    questions: Sequence[Question]
    digest: str
    problem: str
    job_id: str
    started_by: str
    started_by_name: str
    created_at: str
    applied_at: str
    undone_at: str
    version: int

    @property
    def working(self) -> bool:
        """Whether a job is at it."""
        return self.state in WORKING

    def may_be_undone(self, now: str) -> bool:
        """Whether it is young enough; whether its rows are untouched shows when it is tried."""
        return self.state == "applied" and self.applied_at > shifted(now, -UNDO_DAYS * 86_400)


_COLUMNS = ", ".join(Batch.__struct_fields__)
_JSON: Mapping[str, Any] = {
    "headings": list[str],
    "understood": dict[str, str],
    "said": Choices,
    "notes": list[str],
    "questions": list[Question],
    "scope": CompanyScope,
}


async def add(
    tx: Db, kind: str, file_name: str, raw: bytes, headings: Sequence[str], understood: Mapping[str, str], preset: str, said: Choices,
    scope: CompanyScope, actor: Actor, now: str,
) -> Batch:  # fmt: skip
    """A new import, which waits for what its columns mean."""
    id = new_id()
    row = await tx.one(
        f"""
        INSERT INTO import_batch
            (id, kind, file_name, state, headings, understood, preset, said, scope, started_by, started_by_name, created_at)
        VALUES (:id, :kind, :file_name, 'mapping', :headings, :understood, :preset, :said, :scope, :by, :by_name, :now) RETURNING {_COLUMNS}
        """,
        id=id, kind=kind, file_name=file_name, headings=_text(headings), understood=_text(understood), preset=preset, said=_text(said),
        scope=_text({"rule": scope.rule, "ids": sorted(scope.ids)}), by=actor.id, by_name=actor.name, now=now,
    )  # fmt: skip
    await tx.run("INSERT INTO import_content (batch_id, raw) VALUES (:id, :raw)", id=id, raw=raw)
    assert row is not None
    return _batch(row)


async def by_id(db: Db, id: str) -> Batch | None:
    """The import of that id."""
    row = await db.one(f"SELECT {_COLUMNS} FROM import_batch WHERE id = :id", id=id)
    return _batch(row) if row else None


async def recent(db: Db, started_by: str | None, most: int = 50) -> list[Batch]:
    """The latest ones, of everybody or of one person."""
    mine = "TRUE" if started_by is None else "started_by = :started_by"
    params = {} if started_by is None else {"started_by": started_by}
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM import_batch WHERE {mine} ORDER BY created_at DESC, id DESC LIMIT :most", most=most, **params
    )
    return [_batch(row) for row in rows]


async def content(db: Db, id: str) -> bytes | None:
    """The file, as long as it is kept."""
    found = await db.value("SELECT raw FROM import_content WHERE batch_id = :id", id=id)
    return None if found is None else bytes(found)


async def enter(tx: Db, id: str, before: Sequence[State], state: State, job_id: str = "") -> bool:
    """Go on to a state from one of those before it; false when somebody else was faster."""
    touched = await tx.run(
        """
        UPDATE import_batch SET state = :state, job_id = :job_id, problem = '', version = version + 1 WHERE id = :id AND state IN :before
        """,
        id=id,
        before=list(before),
        state=state,
        job_id=job_id,
    )
    return bool(touched)


async def choose(tx: Db, batch: Batch, said: Choices, understood: Mapping[str, str], preset: str, now: str) -> None:
    """Keep what has been said of a file, for it and for the next ones with its headings."""
    await tx.run(
        "UPDATE import_batch SET said = :said, understood = :understood, preset = :preset, version = version + 1 WHERE id = :id",
        id=batch.id,
        said=_text(said),
        understood=_text(understood),
        preset=preset,
    )
    await tx.run(
        """
        INSERT INTO import_memory (id, kind, said, updated_at) VALUES (:id, :kind, :said, :now)
        ON CONFLICT (id) DO UPDATE SET said = excluded.said, updated_at = excluded.updated_at
        """,
        id=mapping_key(batch.kind, batch.headings),
        kind=batch.kind,
        said=_text(said.lasting),
        now=now,
    )


async def remembered(db: Db, kind: str, headings: Sequence[str]) -> Choices:
    """What has been said of files of the kind with these headings before."""
    found = await db.value("SELECT said FROM import_memory WHERE id = :id", id=mapping_key(kind, headings))
    return msgspec.json.decode(found, type=Choices) if found else NOTHING


async def planned(
    tx: Db, id: str, kinds: Sequence[str], counts: Mapping[str, int], notes: Sequence[str], questions: Sequence[Question], number: int,
    digest: str,
) -> None:  # fmt: skip
    """The plan is whole: what it would do."""
    await tx.run(
        """
        UPDATE import_batch SET kinds = :kinds, created = :created, updated = :updated, unchanged = :unchanged, errors = :errors,
            notes = :notes, questions = :questions, number = :number, digest = :digest, version = version + 1
        WHERE id = :id
        """,
        id=id, kinds=" ".join(kinds), created=counts["create"], updated=counts["update"], unchanged=counts["unchanged"],
        errors=counts["error"], notes=_text(notes), questions=_text(questions), number=number, digest=digest,
    )  # fmt: skip


async def settled(tx: Db, id: str, state: State, problem: str = "") -> None:
    """Where the work has led."""
    await tx.run(
        "UPDATE import_batch SET state = :state, problem = :problem, version = version + 1 WHERE id = :id",
        id=id,
        state=state,
        problem=problem,
    )


async def applied(tx: Db, id: str, now: str) -> bool:
    """It is applied in this transaction, and its file is not needed any more; false when it has been before."""
    touched = await tx.run(
        """
        UPDATE import_batch SET state = 'applied', applied_at = :now, problem = '', version = version + 1
        WHERE id = :id AND state IN ('mapping', 'planned', 'applying')
        """,
        id=id,
        now=now,
    )
    await tx.run("DELETE FROM import_content WHERE batch_id = :id", id=id)
    return bool(touched)


async def undone(tx: Db, id: str, now: str) -> bool:
    """It is undone in this transaction; false when somebody else was faster."""
    touched = await tx.run(
        """
        UPDATE import_batch SET state = 'undone', undone_at = :now, version = version + 1
        WHERE id = :id AND state IN ('applied', 'undoing')
        """,
        id=id,
        now=now,
    )
    return bool(touched)


async def discard(tx: Db, id: str) -> None:
    """Forget an import that was not applied, with all that belongs to it."""
    await tx.run("DELETE FROM import_batch WHERE id = :id", id=id)


async def stale(db: Db, now: str) -> list[str]:
    """Imports whose rows go: those applied over 30 days ago, and those never applied for as long."""
    rows = await db.all(
        """
        SELECT id FROM import_batch WHERE created_at < :before
            AND EXISTS (SELECT 1 FROM import_row WHERE import_row.batch_id = import_batch.id) ORDER BY id LIMIT 20
        """,
        before=shifted(now, -(UNDO_DAYS + 1) * 86_400),
    )
    return [row["id"] for row in rows]


async def forget(db: Db, now: str) -> int:
    """Imports over 90 days old go; how many."""
    return await db.run("DELETE FROM import_batch WHERE created_at < :before", before=shifted(now, -KEPT_DAYS * 86_400))


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _batch(row: Mapping[str, Any]) -> Batch:
    return Batch(**{**row, **{name: msgspec.json.decode(row[name], type=kind) for name, kind in _JSON.items()}})
