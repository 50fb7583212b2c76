"""Importing files: choose one, say what its columns mean, see what it would do, apply it, and keep the result."""

import re
from pathlib import PurePath
from typing import Any

from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from hmlib.tables import export, files
from hmlib.web.page_handler import PageHandler
from hmlib.web.problems import Problem
from nexus_srv.directory import import_jobs
from nexus_srv.directory.import_columns import COLUMNS
from nexus_srv.directory.import_jobs import Jobs
from nexus_srv.directory.imports import KINDS
from nexus_srv.parts import NexusParts
from nexus_srv.queries import import_runs
from nexus_srv.queries.import_runs import ImportRun

SHOWN = 200
SHOWS = ("errors", "update", "create", "unchanged")


class ImportHandler(PageHandler):
    """What the pages about imports share."""

    body_limit = files.MAX_BYTES + 64 * 1024

    @property
    def jobs(self) -> Jobs:
        return self.spine.own(NexusParts).import_jobs

    async def found(self, id: str) -> ImportRun:
        """The import, if it is the caller's own or the caller sees every company; else 404."""
        run = await import_runs.by_id(self.db, id)
        if run is None or (run.started_by != self.known.id and self.known.scope.rule != "all"):
            raise HTTPError(404)
        return run

    async def show_list(self, status: int = 200, **context: Any) -> None:
        runs = await import_runs.recent(self.db, None if self.known.scope.rule == "all" else self.known.id)
        self.set_status(status)
        self.page("imports/list.html", runs=runs, kinds=KINDS, columns=COLUMNS, **{"errors": {}, "values": {}, **context})

    def parts(self, run: ImportRun) -> dict[str, Any]:
        """What the state of an import is shown with."""
        kept = import_jobs.kept(run.outcome)
        show = self.query.get("show", "")
        if kept is None or show not in SHOWS:
            show = next((name for name in SHOWS if kept and _rows(kept, name)), "errors")
        rows = _rows(kept, show) if kept else []
        page = max(1, int(self.query["page"])) if re.fullmatch("[0-9]{1,5}", self.query.get("page", "")) else 1
        shown = rows[(page - 1) * SHOWN : page * SHOWN]
        return {"run": run, "kept": kept, "show": show, "rows": shown, "pages": -(-len(rows) // SHOWN), "page_number": page}


class ImportListPage(ImportHandler):
    """The latest imports, and where a file is posted to."""

    @allowed("directory:write")
    async def get(self) -> None:
        await self.show_list(values=self.query)

    @allowed("directory:write")
    async def post(self) -> None:
        kind, file = self.form.get("kind", ""), self.files.get("file")
        if kind not in KINDS:
            await self.show_list(422, errors={"kind": "Choose what the file holds."})
            return
        if file is None or not file.body:
            await self.show_list(422, errors={"file": "Choose a file."}, values=self.form)
            return
        name = PurePath(file.filename.replace("\\", "/")).name[:200]
        try:
            run = await self.jobs.read(kind, name, file.body, self.known, self.now)
        except files.Unreadable as unreadable:
            await self.show_list(422, errors={"file": str(unreadable)}, values=self.form)
            return
        understood = not import_jobs.missing(kind, run.mapping) and not import_jobs.unclear(run)
        async with self.transaction() as tx:
            await import_runs.add(tx, run, file.body)
            if understood:
                await import_jobs.claim(tx, run.id, self.now, dry_run=True)
            self.see_other(self.reverse_url("import", run.id))
        if understood:
            self.jobs.work(run.id, self.known, self.actor, dry_run=True)


class ImportPage(ImportHandler):
    """One import."""

    @allowed("directory:write")
    async def get(self, id: str) -> None:
        run = await self.found(id)
        self.page("imports/page.html", columns=COLUMNS[run.kind], **self.parts(run))


class ImportState(ImportHandler):
    """How far it is, and what came of it."""

    @allowed("directory:write")
    async def get(self, id: str) -> None:
        run = await self.found(id)
        self.partial("imports/_state.html", columns=COLUMNS[run.kind], **self.parts(run))


class ImportMapping(ImportHandler):
    """What the columns of the file mean; then it is tried out."""

    @allowed("directory:write")
    async def post(self, id: str) -> None:
        run = await self.found(id)
        names = {column.name for column in COLUMNS[run.kind]}
        chosen = {top: self.form.get(f"column-{run.headings.index(top)}", "") for top in run.headings if top}
        if any(column and column not in names for column in chosen.values()):
            raise HTTPError(400)
        given = [column for column in chosen.values() if column]
        lacking = import_jobs.missing(run.kind, chosen)
        if lacking or len(set(given)) < len(given):
            said = f"Nothing is said to be {', '.join(lacking)}." if lacking else "Two columns cannot mean the same."
            context = {**self.parts(run), "errors": {"": said}, "chosen": chosen}
            self.invalid("imports/page.html", columns=COLUMNS[run.kind], **context)
            return
        async with self.transaction() as tx:
            await import_runs.choose(tx, run.id, run.kind, chosen, self.now)
            if not await import_jobs.claim(tx, id, self.now, dry_run=True):
                raise Problem(409, "busy", "This file is being worked on already.")
            self.see_other(self.reverse_url("import", id))
        self.jobs.work(id, self.known, self.actor, dry_run=True)


class ImportApplication(ImportHandler):
    """Writes what was tried out: everything, or the rows without errors."""

    @allowed("directory:write")
    async def post(self, id: str) -> None:
        run = await self.found(id)
        rows = self.form.get("rows", "all")
        if rows not in ("all", "valid"):
            raise HTTPError(400)
        async with self.transaction() as tx:
            if not await import_jobs.claim(tx, run.id, self.now, dry_run=False):
                raise Problem(409, "busy", "This import is being worked on, or is applied already.")
            self.see_other(self.reverse_url("import", id))
        self.jobs.work(run.id, self.known, self.actor, dry_run=False, valid_only=rows == "valid")


class ImportErrors(ImportHandler):
    """The bad cells as a file."""

    @allowed("directory:write")
    async def get(self, id: str) -> None:
        kept = import_jobs.kept((await self.found(id)).outcome)
        rows = [[error.line, error.column, error.value, error.message] for error in (kept.errors if kept else [])]
        await export.answer(self, "import-errors", ["line", "column", "value", "message"], rows)


def _rows(kept: import_jobs.Kept, show: str) -> list[Any]:
    return list(kept.errors) if show == "errors" else [change for change in kept.changes if change.what == show]
