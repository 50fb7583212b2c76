"""Files on their way in: each for the person who uploaded it, kept until it is applied or discarded, and a day at most."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import msgspec

from hmlib.clock import shifted
from hmlib.db.database import Db, Transaction
from hmlib.imports.answers import Imported, refusal
from hmlib.tables.files import Outcome

KEPT_SECONDS = 86_400


@dataclass(frozen=True)
class Applying:
    """How a file is applied: ``transaction`` opens the transaction in which it is, and ``done`` does there what belongs to it once the
    outcome is known, such as answering."""

    transaction: Callable[[], AbstractAsyncContextManager[Transaction]]
    done: Callable[[Transaction, Outcome], Awaitable[None]]

    @classmethod
    def alone(cls, db: Db) -> "Applying":
        """Nothing else belongs to it."""

        async def nothing(tx: Transaction, outcome: Outcome) -> None:
            return

        return cls(db.write, nothing)


class AppliedAlready(Exception):
    """Somebody else has applied this very file meanwhile."""


class ImportFile(msgspec.Struct, frozen=True, kw_only=True):
    """An uploaded file. `mapping` is what has been said about it, such as which heading stands for which column; `outcome` is JSON once
    it is applied, and `raw` is gone then."""

    id: str
    kind: str
    name: str
    raw: bytes | None
    mapping: dict[str, str]
    outcome: str = ""
    owner_id: str


async def insert(tx: Transaction, file: ImportFile, now: str) -> None:
    """Keep a file; those older than a day go."""
    await tx.run("DELETE FROM import_file WHERE created_at < :before", before=shifted(now, -KEPT_SECONDS))
    await tx.run(
        """
        INSERT INTO import_file (id, kind, name, raw, mapping, owner_id, created_at)
        VALUES (:id, :kind, :name, :raw, :mapping, :owner_id, :now)
        """,
        id=file.id,
        kind=file.kind,
        name=file.name,
        raw=file.raw,
        mapping=msgspec.json.encode(file.mapping).decode(),
        owner_id=file.owner_id,
        now=now,
    )


async def of_owner(db: Db, owner_id: str, kind: str, id: str) -> ImportFile | None:
    """A file of a kind, if this person uploaded it."""
    row = await db.one(
        "SELECT id, kind, name, raw, mapping, outcome, owner_id FROM import_file WHERE id = :id AND kind = :kind AND owner_id = :owner_id",
        id=id,
        kind=kind,
        owner_id=owner_id,
    )
    if row is None:
        return None
    raw = None if row["raw"] is None else bytes(row["raw"])
    return ImportFile(**row | {"raw": raw, "mapping": msgspec.json.decode(row["mapping"], type=dict[str, str])})


async def finish(tx: Transaction, id: str, outcome: str) -> None:
    """The file is applied in this transaction: what came of it stays, the file itself does not. Raises AppliedAlready."""
    taken = await tx.run("UPDATE import_file SET outcome = :outcome, raw = NULL WHERE id = :id AND raw IS NOT NULL", id=id, outcome=outcome)
    if not taken:
        raise AppliedAlready


async def delete(db: Db, id: str) -> None:
    await db.run("DELETE FROM import_file WHERE id = :id", id=id)


def told(outcome: Outcome, *, dry_run: bool) -> Imported:
    """The answer of an API. Raises Problem 422 with everything it would say when errors kept everything out."""
    answer = msgspec.convert(outcome, Imported, from_attributes=True)
    if not dry_run and not outcome.applied:
        raise refusal(answer)
    return answer
