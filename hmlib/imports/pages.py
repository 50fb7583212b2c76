"""Importing files: choose one, say what its columns and companies mean, see what it would do, apply it, undo it; and its history."""

import re
from pathlib import PurePath
from typing import Any

from tornado.routing import URLSpec
from tornado.web import HTTPError, url

from hmlib.auth.permissions import allowed_of
from hmlib.imports import batches, jobs, work
from hmlib.imports.batches import NOTHING, Batch, Choices, State
from hmlib.imports.kind import ImportKind, Imports
from hmlib.imports.plan import rows as plan_rows
from hmlib.imports.plan.planning import kinds_of, preset_of
from hmlib.jobs.job import by_id as job_by_id
from hmlib.records import audit
from hmlib.tables import export, files
from hmlib.tables.columns import Column
from hmlib.tables.sheets import Unreadable
from hmlib.web.page_handler import PageHandler
from hmlib.web.problems import Problem

ID = r"([0-9a-f]{8}-[0-9a-f-]{27})"
SHOWN = 200
SHOWS = ("error", "update", "create", "unchanged")


class ImportHandler(PageHandler):
    """What the pages about imports share."""

    body_limit = files.MAX_BYTES + 64 * 1024

    @property
    def imports(self) -> Imports:
        """What the service imports."""
        found: Imports = self.of
        return found

    def kinds(self) -> list[ImportKind]:
        """The kinds that the caller may import."""
        return [kind for kind in self.imports.kinds if self.known.may(kind.permission)]

    async def found(self, id: str) -> Batch:
        """An import of one's own, or anybody's for who sees every company; else 404."""
        batch = await batches.by_id(self.db, id)
        if batch is None or (batch.started_by != self.known.id and self.known.scope.rule != "all"):
            raise HTTPError(404)
        if batch.kind not in {kind.name for kind in self.kinds()}:
            raise Problem(403, "not_allowed", "You may not import this. Ask an administrator if you need to.")
        return batch

    async def show_list(self, status: int = 200, **context: Any) -> None:
        found = await batches.recent(self.db, None if self.known.scope.rule == "all" else self.known.id)
        kinds = self.kinds()
        shown = [batch for batch in found if batch.kind in {kind.name for kind in kinds}]
        titles = {kind.name: kind.title for kind in self.imports.kinds}
        presets = [preset for preset in self.imports.presets if {part.kind for part in preset.parts} & {kind.name for kind in kinds}]
        self.set_status(status)
        self.page(
            "imports/list.html", batches=shown, kinds=kinds, titles=titles, presets=presets, **{"errors": {}, "values": {}, **context}
        )

    async def parts(self, batch: Batch) -> dict[str, Any]:
        """What the state of an import is shown with."""
        counts = {"error": batch.errors, "update": batch.updated, "create": batch.created, "unchanged": batch.unchanged}
        show = self.query.get("show", "")
        show = show if show in SHOWS else next((name for name in SHOWS if counts[name]), "error")
        page = max(1, int(self.query["page"])) if re.fullmatch("[0-9]{1,5}", self.query.get("page", "")) else 1
        rows = await plan_rows.of_outcome(self.db, batch.id, show, SHOWN, (page - 1) * SHOWN) if not batch.working else []
        kind, job = self.imports.kind(batch.kind), await job_by_id(self.db, batch.job_id) if batch.working else None
        return {
            "batch": batch, "job": job, "counts": counts, "show": show, "rows": rows, "pages": -(-counts[show] // SHOWN),
            "page_number": page,
            "title": kind.title if kind else batch.kind, "columns": self.columns(batch), "preset": preset_of(self.imports, batch),
            "may_undo": batch.may_be_undone(self.now), "makes_companies": self.imports.makes_companies is not None,
        }  # fmt: skip

    def columns(self, batch: Batch) -> list[Column]:
        """The columns that headings may be taken for."""
        found = {
            column.name: column for kind, _ in kinds_of(self.imports, batch, preset_of(self.imports, batch)) for column in kind.columns
        }
        return list(found.values())

    async def begin(self, batch: Batch, state: State, *, valid_only: bool = False) -> None:
        """Start a job, and go back to the import. Raises Problem 409."""
        async with self.transaction() as tx:
            if await jobs.start(tx, batch, state, self.actor, self.now, valid_only=valid_only) is None:
                raise Problem(409, "busy", "This import is being worked on, or is past that already.")
            self.see_other(self.reverse_url("import", batch.id))


class ImportListPage(ImportHandler):
    """The latest imports, and where a file is posted to."""

    @allowed_of("read")
    async def get(self) -> None:
        await self.show_list(values=self.query)

    @allowed_of("write")
    async def post(self) -> None:
        kind, file = self.form.get("kind", ""), self.files.get("file")
        if kind and kind not in {one.name for one in self.kinds()}:
            if self.imports.kind(kind) is not None:
                raise Problem(403, "not_allowed", "You may not import this. Ask an administrator if you need to.")
            await self.show_list(422, errors={"kind": "Choose what the file holds."})
            return
        if file is None or not file.body:
            await self.show_list(422, errors={"file": "Choose a file that is not empty."}, values=self.form)
            return
        await self._bring(kind, PurePath(file.filename.replace("\\", "/")).name[:200] or kind or "file", file.body)

    async def _bring(self, kind: str, name: str, raw: bytes) -> None:
        options = {option: self.form[option].strip() for one in self.kinds() for option in one.options if self.form.get(option, "").strip()}
        said = Choices(company=self.form.get("company", "").strip(), options=options)
        try:
            add = await work.bring(self.db, self.imports, kind, name, raw, said, self.known.scope, self.actor, self.now)
        except Unreadable as unreadable:
            await self.show_list(422 if not unreadable.hostile else 400, errors={"file": str(unreadable)}, values=self.form)
            return
        async with self.transaction() as tx:
            batch = await add(tx)
            if not self.known.may(next((one.permission for one in self.imports.kinds if one.name == batch.kind), "")):
                raise Problem(403, "not_allowed", "You may not import this. Ask an administrator if you need to.")
            if not work.missing(self.imports, batch) and not work.unclear(batch):
                await jobs.start(tx, batch, "planning", self.actor, self.now)
            self.see_other(self.reverse_url("import", batch.id))


class ImportPage(ImportHandler):
    """One import."""

    @allowed_of("read")
    async def get(self, id: str) -> None:
        self.page("imports/page.html", **await self.parts(await self.found(id)))


class ImportState(ImportHandler):
    """How far it is, and what came of it."""

    @allowed_of("read")
    async def get(self, id: str) -> None:
        self.partial("imports/_state.html", **await self.parts(await self.found(id)))


class ImportMapping(ImportHandler):
    """What the columns of the file mean, and the companies that were not found; then it is tried out anew."""

    @allowed_of("write")
    async def post(self, id: str) -> None:
        batch = await self.found(id)
        said, wrong = self._said(batch)
        understood = work.understand(self.imports, batch.kind, batch.preset, batch.headings, said)
        wrong = wrong or self._lacking(batch, understood, said)
        if wrong:
            self.invalid("imports/page.html", **{**await self.parts(batch), "errors": {"": wrong}, "chosen": said.mapping})
            return
        async with self.transaction() as tx:
            await batches.choose(tx, batch, said, understood, batch.preset, self.now)
            if await jobs.start(tx, batch, "planning", self.actor, self.now) is None:
                raise Problem(409, "busy", "This import is being worked on, or is past that already.")
            self.see_other(self.reverse_url("import", id))

    def _said(self, batch: Batch) -> tuple[Choices, str]:
        """What the form says, on top of what was said before; then what is wrong with it."""
        names = {column.name for column in self.columns(batch)}
        chosen = {top: self.form[f"column-{at}"] for at, top in enumerate(batch.headings) if top and f"column-{at}" in self.form}
        if any(column and column not in names for column in chosen.values()):
            raise HTTPError(400)
        given = [column for column in chosen.values() if column]
        mapping = {top: column for top, column in chosen.items() if batch.understood.get(top, "") != column} | (
            {top: column for top, column in chosen.items() if top in batch.said.mapping}
        )
        companies = {one.text: self._company(at) for at, one in enumerate(batch.questions) if self._company(at)}
        before = batch.said if batch.said else NOTHING
        said = Choices(
            mapping={**before.mapping, **mapping}, words=before.words, company=self.form.get("company", before.company).strip(),
            source=before.source, decimal=before.decimal, preset=before.preset, companies={**before.companies, **companies},
            options=before.options,
        )  # fmt: skip
        return said, "Two columns cannot mean the same." if not batch.preset and len(set(given)) < len(given) else ""

    def _company(self, at: int) -> str:
        """What was chosen for a company that is not found."""
        deed = self.form.get(f"question-{at}", "")
        return self.form.get(f"company-{at}", "") if deed == "map" else deed

    def _lacking(self, batch: Batch, understood: dict[str, str], said: Choices) -> str:
        there = {**understood, **said.mapping}
        known = Batch(**{**{name: getattr(batch, name) for name in batch.__struct_fields__}, "understood": there, "said": said})
        lacking = work.missing(self.imports, known)
        return f"Nothing is said to be {', '.join(lacking)}." if lacking else ""


class ImportApplication(ImportHandler):
    """Writes what was tried out: everything, or the rows without errors."""

    @allowed_of("write")
    async def post(self, id: str) -> None:
        batch, rows = await self.found(id), self.form.get("rows", "all")
        if rows not in ("all", "valid"):
            raise HTTPError(400)
        await self.begin(batch, "applying", valid_only=rows == "valid")


class ImportUndo(ImportHandler):
    """Brings back what was there before."""

    @allowed_of("write")
    async def post(self, id: str) -> None:
        batch = await self.found(id)
        if not batch.may_be_undone(self.now):
            raise Problem(409, "not_applied", "Only what was applied within 30 days can be undone.")
        question = f"Undo the import of {batch.file_name}? What it made is deleted, what it changed is as before."
        if self.confirmed(question, "Undo it", self.reverse_url("import", id)):
            await self.begin(batch, "undoing")


class ImportRemoval(ImportHandler):
    """The file is not wanted after all."""

    @allowed_of("write")
    async def post(self, id: str) -> None:
        batch, here = await self.found(id), self.reverse_url("import", id)
        if batch.state not in ("mapping", "planned", "failed"):
            raise Problem(409, "busy", "This import is being worked on, or was applied.")
        if not self.confirmed(f"Discard {batch.file_name}? It is forgotten with what you chose for it.", "Discard the file", here):
            return
        async with self.transaction() as tx:
            await batches.discard(tx, id)
            await audit.record(
                tx, self.actor, f"{batch.kind}.import_discarded", f"import/{id}", now=self.now, before={"file": batch.file_name}
            )
            self.toast("The file is discarded; nothing was changed.", "info")
            self.see_other(self.reverse_url("imports"))


class ImportErrors(ImportHandler):
    """The bad cells as a file."""

    @allowed_of("read")
    async def get(self, id: str) -> None:
        rows = await plan_rows.of_outcome(self.db, (await self.found(id)).id, "error", plan_rows.MOST_ERRORS)
        cells = [[row["line"], row["what"], row["value"], row["message"]] for row in rows]
        await export.answer(self, "import-errors", ["line", "column", "value", "message"], cells)


def pages_of(imports: Imports) -> list[URLSpec]:
    """The addresses of a service's imports for people."""
    of = {"of": imports}
    return [
        url(r"/imports", ImportListPage, of, name="imports"),
        url(rf"/imports/{ID}", ImportPage, of, name="import"),
        url(rf"/imports/{ID}/state", ImportState, of, name="import-state"),
        url(rf"/imports/{ID}/mapping", ImportMapping, of, name="import-mapping"),
        url(rf"/imports/{ID}/application", ImportApplication, of, name="import-application"),
        url(rf"/imports/{ID}/undo", ImportUndo, of, name="import-undo"),
        url(rf"/imports/{ID}/removal", ImportRemoval, of, name="import-removal"),
        url(rf"/imports/{ID}/errors", ImportErrors, of, name="import-errors"),
    ]
