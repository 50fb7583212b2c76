"""Imports for programs: one file in, one answer out; a long one as a job. Its history, plan, application and undo by address."""

from typing import Any

import msgspec
from tornado.routing import URLSpec
from tornado.web import HTTPError, url

from hmlib.auth.permissions import allowed_of
from hmlib.db.database import Transaction
from hmlib.imports import batches, jobs, work
from hmlib.imports.answers import QUERY, Imported, ImportSummary, RowChange, Wrong, change_of, flag, imported, refusal, summary
from hmlib.imports.batches import Batch, Choices
from hmlib.imports.kind import ImportKind, Imports
from hmlib.imports.plan import rows as plan_rows
from hmlib.tables import files
from hmlib.tables.sheets import Unreadable
from hmlib.web.api_handler import ApiHandler, documented
from hmlib.web.problems import Problem

ID = r"([0-9a-f]{8}-[0-9a-f-]{27})"
ANSWERED_AT_ONCE = 1024 * 1024
"""Bytes of a file that is answered when it is done; a longer one is a job, answered with 202."""
MEDIA = (
    *("text/csv", "text/plain", "application/octet-stream", "application/vnd.ms-excel"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)
AUTO = "auto"
"""Instead of a kind: the headings tell what a file holds."""
ROWS = {"outcome": "create, update, unchanged or error.", "offset": "How many rows to pass over."}
MOST_ROWS = 1000


class Application(msgspec.Struct, forbid_unknown_fields=True):
    """How an import is applied: with `valid_only` the good rows although others have errors."""

    valid_only: bool = False


class PlanRows(msgspec.Struct):
    """Rows of a plan: changes, or cells that cannot be used, by their line; at most 1,000 from `offset` on."""

    changes: list[RowChange]
    errors: list[Wrong]


class ImportApi(ApiHandler):
    """What the addresses of imports share."""

    @property
    def directory(self) -> Any:
        """The suite's directory; None in Nexus. What the caller does not see of it is left out by their scope."""
        return None if self.spine.nexus is None else self.spine.hub.as_service()

    def kind(self, name: str) -> ImportKind:
        """A kind that the caller may import. Raises Problem 404, 403."""
        imports: Imports = self.of
        found = imports.kind(name)
        if found is None:
            raise Problem(404, "not_found", f"There are imports of {', '.join(imports.names)}.")
        if not self.known.may(found.permission):
            raise Problem(403, "insufficient_scope", "The token does not allow this.")
        return found

    async def batch(self, id: str) -> Batch:
        """An import of the caller's own, or anybody's for who sees every company; else 404."""
        found = await batches.by_id(self.db, id)
        if found is None or (found.started_by != self.known.id and self.known.scope.rule != "all"):
            raise HTTPError(404)
        self.kind(found.kind)
        return found

    async def begin(self, batch: Batch, state: Any, *, valid_only: bool = False) -> None:
        """Start a job and answer it with 202. Raises Problem 409."""
        async with self.transaction() as tx:
            if await jobs.start(tx, batch, state, self.actor, self.now, valid_only=valid_only) is None:
                raise Problem(409, "busy", "This import is being worked on, or is past that already.")
            found = await batches.by_id(tx, batch.id)
            assert found is not None
            self._accepted(found)

    def _accepted(self, batch: Batch) -> None:
        self.set_header("Location", f"/api/imports/{batch.id}")
        self.answer(summary(batch), 202)


class ImportList(ImportApi):
    """The latest imports."""

    @allowed_of("read")
    @documented(answers=list[ImportSummary])
    async def get(self) -> None:
        """The latest fifty imports, the newest first: one's own, or everybody's for who sees every company."""
        found = await batches.recent(self.db, None if self.known.scope.rule == "all" else self.known.id)
        shown = [batch for batch in found if (kind := self.of.kind(batch.kind)) and self.known.may(kind.permission)]
        self.answer([summary(batch) for batch in shown])


class Import(ImportApi):
    """A file of one kind."""

    body_limit = files.MAX_BYTES

    @allowed_of("write")
    @documented(answers=Imported, query=QUERY, media=("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))
    async def post(self, kind: str) -> None:
        """Import a CSV or XLSX file, sent as the body: all of it, or nothing and a 422 that names each bad cell. A file over 1 MiB is
        answered with 202 and the address of the import (GET it until its state is applied, planned or failed)."""
        name = self.kind(kind).name if kind != AUTO else ""
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower() not in MEDIA:
            raise Problem(415, "unsupported_media_type", "Send text/csv, or XLSX under its own media type.")
        said = Choices(company=self.query.get("company", ""), preset=self.query.get("preset", ""))
        await self._import(name, self.query.get("name", kind)[:200], self.request.body, said)

    async def _import(self, kind: str, name: str, raw: bytes, said: Choices) -> None:
        dry_run, valid_only = flag(self.query, "dry_run"), flag(self.query, "valid_only")
        try:
            add = await work.bring(self.db, self.of, kind, name, raw, said, self.known.scope, self.actor, self.now)
            if len(raw) > ANSWERED_AT_ONCE:
                async with self.transaction() as tx:
                    batch = await add(tx)
                    await jobs.start(tx, batch, "planning" if dry_run else "applying", self.actor, self.now, valid_only=valid_only)
                    self._accepted(batch)
                return
            async with self.db.write() as tx:
                batch = await add(tx)
            batch = await work.plan(self.db, self.of, self.directory, batch, self.actor, self.now)
        except Unreadable as unreadable:
            wrong = Imported(0, 0, 0, [Wrong(1, "", "", str(unreadable))], [], [], applied=False)
            if not dry_run:
                raise refusal(wrong) from unreadable
            self.answer(wrong)
            return
        await self._answer(batch, dry_run=dry_run, valid_only=valid_only)

    async def _answer(self, batch: Batch, *, dry_run: bool, valid_only: bool) -> None:
        told = await imported(self.db, batch)
        if not dry_run and (valid_only or not batch.errors):

            async def done(tx: Transaction, applied: Batch) -> None:
                again = told if applied.digest == batch.digest else await imported(tx, applied)
                self.answer(msgspec.structs.replace(again, applied=True, state=applied.state))

            batch = await work.apply(
                self.db, self.of, self.directory, batch, self.actor, valid_only=valid_only, transaction=self.transaction, done=done
            )
            if batch.state == "applied":
                return
            told = await imported(self.db, batch)
        async with self.db.write() as tx:
            await batches.settled(tx, batch.id, "planned")
        if not dry_run:
            raise refusal(told)
        self.answer(msgspec.structs.replace(told, state="planned"))


class OneImport(ImportApi):
    """An import in the history."""

    @allowed_of("read")
    @documented(answers=ImportSummary)
    async def get(self, id: str) -> None:
        """How far an import is, and what came of it."""
        self.answer(summary(await self.batch(id)))

    @allowed_of("write")
    async def delete(self, id: str) -> None:
        """Forget an import that was not applied."""
        batch = await self.batch(id)
        if batch.state not in ("mapping", "planned", "failed"):
            raise Problem(409, "busy", "This import is being worked on, or was applied.")
        async with self.transaction() as tx:
            await batches.discard(tx, id)
            self.set_status(204)


class ImportRows(ImportApi):
    """The rows of a plan."""

    @allowed_of("read")
    @documented(answers=PlanRows, query=ROWS)
    async def get(self, id: str) -> None:
        """What rows would do or did, or what is wrong with them."""
        batch, outcome = await self.batch(id), self.query.get("outcome", "error")
        offset = self.query.get("offset", "0")
        if outcome not in plan_rows.PLANNED or not (offset.isascii() and offset.isdecimal() and len(offset) < 10):
            raise Problem(400, "invalid_filter", "outcome is create, update, unchanged or error; offset a number.")
        rows = await plan_rows.of_outcome(self.db, batch.id, outcome, MOST_ROWS, int(offset))
        wrong = [Wrong(row["line"], row["what"], row["value"], row["message"]) for row in rows if outcome == "error"]
        changes = [change_of(row) for row in rows if outcome != "error"]
        self.answer(PlanRows(changes, wrong))


class ImportPlan(ImportApi):
    """What is said of a file, and its plan anew."""

    @allowed_of("write")
    @documented(takes=Choices, answers=ImportSummary, status=202)
    async def put(self, id: str) -> None:
        """Say what the columns, words and companies of a file mean, and plan it anew; remembered for files with the same headings."""
        batch, said = await self.batch(id), self.body(Choices)
        understood = work.understand(self.of, batch.kind, batch.preset, batch.headings, said)
        async with self.transaction() as tx:
            await batches.choose(tx, batch, said, understood, batch.preset, self.now)
            if await jobs.start(tx, batch, "planning", self.actor, self.now) is None:
                raise Problem(409, "busy", "This import is being worked on, or is past that already.")
            found = await batches.by_id(tx, batch.id)
            assert found is not None
            self._accepted(found)


class ImportApplication(ImportApi):
    """Writes what was planned."""

    @allowed_of("write")
    @documented(takes=Application, answers=ImportSummary, status=202)
    async def put(self, id: str) -> None:
        """Apply an import: everything, or its good rows."""
        said = self.body(Application)
        await self.begin(await self.batch(id), "applying", valid_only=said.valid_only)


class ImportUndo(ImportApi):
    """Brings back what was there before."""

    @allowed_of("write")
    @documented(answers=ImportSummary, status=202)
    async def put(self, id: str) -> None:
        """Undo an import within 30 days, while nothing has been written to its rows since."""
        batch = await self.batch(id)
        if not batch.may_be_undone(self.now):
            raise Problem(409, "not_applied", "Only what was applied within 30 days can be undone.")
        await self.begin(batch, "undoing")


def api_of(imports: Imports) -> list[URLSpec]:
    """The addresses of a service's imports for programs."""
    of = {"of": imports}
    return [
        url(r"/api/imports", ImportList, of),
        url(rf"/api/imports/{ID}", OneImport, of),
        url(rf"/api/imports/{ID}/rows", ImportRows, of),
        url(rf"/api/imports/{ID}/plan", ImportPlan, of),
        url(rf"/api/imports/{ID}/application", ImportApplication, of),
        url(rf"/api/imports/{ID}/undo", ImportUndo, of),
        url(r"/api/imports/([a-z-]+)", Import, of),
    ]
