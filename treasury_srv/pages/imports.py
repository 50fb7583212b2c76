"""Files in: choose one, see row by row what it would do, then apply all of it or its good rows."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from tornado.web import HTTPError

from hmlib.auth.permissions import Caller, allowed
from hmlib.clock import new_id
from hmlib.db.database import Transaction
from hmlib.imports import uploads
from hmlib.imports.uploads import AppliedAlready, Applying, ImportFile
from hmlib.tables import files
from hmlib.tables.columns import Column
from hmlib.tables.files import Change, Outcome
from hmlib.tables.rows import RowError
from hmlib.tables.sheets import Unreadable
from hmlib.web.page_handler import PageHandler
from hmlib.web.problems import Problem
from treasury_srv.billing import money
from treasury_srv.catalogue.shared_people import shared_people
from treasury_srv.imports import files as imports
from treasury_srv.queries import import_mappings, plans

LARGEST_FILE = 20 * 1024 * 1024
SHOWN = 200
TITLES = {
    "prices": "Prices",
    "agreements": "Agreements",
    "overrides": "Overrides of agreements",
    "asset-overrides": "Billing types of devices",
    "contact-overrides": "Billing types of people",
    "line-items": "Line items",
    "labour": "Labour",
    "payments": "Payments",
}


@dataclass(frozen=True)
class Told:
    """A changed field as a person reads it."""

    name: str
    before: str
    after: str


def may_import(caller: Caller, kind: str) -> bool:
    """Labour is also for those who write it down; everything else is billing's."""
    return caller.may("labour:write" if kind == "labour" else "billing:write")


class ImportHandler(PageHandler):
    """What the pages of imports share."""

    body_limit = LARGEST_FILE

    def columns(self, kind: str) -> Sequence[Column]:
        """The columns of a kind of file; 404 for an unknown one, 403 for one that is not the caller's to import."""
        if kind not in imports.KINDS:
            raise HTTPError(404)
        if not may_import(self.known, kind):
            raise Problem(403, "not_allowed", "You may not import this. Ask an administrator if you need to.")
        return imports.KINDS[kind]

    async def file(self, kind: str, id: str) -> ImportFile:
        """The caller's own file; else 404."""
        self.columns(kind)
        found = await uploads.of_owner(self.db, self.known.id, kind, id)
        if found is None:
            raise HTTPError(404)
        return found

    async def run(self, file: ImportFile, *, dry_run: bool = False, valid_only: bool = False, applying: Applying | None = None) -> Outcome:
        """Raises Unreadable."""
        return await imports.run(
            file.kind,
            self.db,
            self.nexus,
            file.raw or b"",
            file.name,
            mapping=file.mapping,
            dry_run=dry_run,
            valid_only=valid_only,
            actor=self.actor,
            now=self.now,
            applying=applying,
            shared=await shared_people(self) if file.kind == "contact-overrides" else frozenset(),
        )

    def show_upload(self, kind: str, error: str = "") -> None:
        self.set_status(422 if error else 200)
        errors = {"file": error} if error else {}
        self.page("imports/upload.html", kind=kind, title=TITLES.get(kind, kind), columns=self.columns(kind), errors=errors)


class ImportListPage(ImportHandler):
    """The kinds of file that one may import."""

    @allowed("labour:write")
    async def get(self) -> None:
        kinds = [(kind, TITLES.get(kind, kind), columns) for kind, columns in imports.KINDS.items() if may_import(self.known, kind)]
        self.page("imports/list.html", kinds=kinds)


class ImportNewPage(ImportHandler):
    """The form for a file of one kind, and where it is posted to."""

    @allowed("labour:write")
    async def get(self, kind: str) -> None:
        self.show_upload(kind)

    @allowed("labour:write")
    async def post(self, kind: str) -> None:
        columns = self.columns(kind)
        upload = self.files.get("file")
        if upload is None or not upload.body:
            self.show_upload(kind, "Choose a file that is not empty.")
            return
        try:
            headings, _ = await asyncio.to_thread(files.headings, upload.body, columns)
        except Unreadable as unreadable:
            self.show_upload(kind, str(unreadable))
            return
        remembered = await import_mappings.remembered(self.db, kind)
        mapping = {heading: remembered[heading] for heading in headings if heading in remembered}
        name = upload.filename.replace("\\", "/").rpartition("/")[2][:200] or kind
        file = ImportFile(id=new_id(), kind=kind, name=name, raw=upload.body, mapping=mapping, owner_id=self.known.id)
        async with self.transaction() as tx:
            await uploads.insert(tx, file, self.now)
            self.see_other(self.reverse_url("import-file", kind, file.id))


class ImportPage(ImportHandler):
    """What a file would do, or what came of it; applying it is posted here."""

    @allowed("labour:write")
    async def get(self, kind: str, id: str) -> None:
        await self._show(await self.file(kind, id))

    @allowed("labour:write")
    async def post(self, kind: str, id: str) -> None:
        file = await self.file(kind, id)
        if file.raw is None:
            self.see_other(self.reverse_url("import-file", kind, id))
        elif not await self._applied(file, valid_only=self.form.get("rows") == "valid"):
            self.set_status(422)
            await self._show(file)

    async def _applied(self, file: ImportFile, *, valid_only: bool) -> bool:
        """Apply the file and answer; false when nothing of it could be."""

        async def done(tx: Transaction, outcome: Outcome) -> None:
            await uploads.finish(tx, file.id, msgspec.json.encode(_result(outcome)).decode())
            self.toast("The file is applied.")
            self.see_other(self.reverse_url("import-file", file.kind, file.id))

        try:
            outcome = await self.run(file, valid_only=valid_only, applying=Applying(self.transaction, done))
        except AppliedAlready:
            self.see_other(self.reverse_url("import-file", file.kind, file.id))
            return True
        return outcome.applied

    async def _show(self, file: ImportFile) -> None:
        columns = self.columns(file.kind)
        common = {"file": file, "kind": file.kind, "title": TITLES.get(file.kind, file.kind), "columns": columns}
        if file.raw is None:
            self.page("imports/result.html", result=msgspec.json.decode(file.outcome), **common)
            return
        headings, found = list[str](), dict[str, str]()
        try:
            headings, found = await asyncio.to_thread(files.headings, file.raw, columns)
            outcome = await self.run(file, dry_run=True)
        except Unreadable as unreadable:  # its child may have run out of time where it did not at the upload
            self.set_status(422)
            outcome = Outcome(errors=[RowError(1, "", "", str(unreadable))])
        known = {plan.id: plan.name for plan in await plans.everything(self.db)}
        changes = [(change, _told(change, known)) for change in outcome.changes if change.what != "unchanged"]
        self.page(
            "imports/preview.html",
            outcome=outcome,
            changes=changes[:SHOWN],
            hidden=max(0, len(changes) - SHOWN),
            shown=SHOWN,
            headings=[(heading, file.mapping.get(heading, found.get(heading, ""))) for heading in headings],
            **common,
        )


class ImportMapping(ImportHandler):
    """Which column each heading of a file stands for; remembered for the next file."""

    @allowed("labour:write")
    async def post(self, kind: str, id: str) -> None:
        file = await self.file(kind, id)
        columns = self.columns(kind)
        if file.raw is None:
            raise HTTPError(404)
        try:
            headings, _ = await asyncio.to_thread(files.headings, file.raw, columns)
        except Unreadable:
            self.see_other(self.reverse_url("import-file", kind, id))
            return
        names = {"", *(column.name for column in columns)}
        chosen = {heading: self.form.get(f"column-{place}", "") for place, heading in enumerate(headings)}
        if not names.issuperset(chosen.values()):
            raise HTTPError(400)
        async with self.transaction() as tx:
            await import_mappings.put(tx, id, kind, chosen)
            self.see_other(self.reverse_url("import-file", kind, id))


class ImportRemoval(ImportHandler):
    """The file is not wanted after all."""

    @allowed("labour:write")
    async def post(self, kind: str, id: str) -> None:
        file, here = await self.file(kind, id), self.reverse_url("import-file", kind, id)
        if not self.confirmed(f"Discard {file.name}? It is forgotten with what you chose for it.", "Discard the file", here):
            return
        async with self.transaction() as tx:
            await uploads.delete(tx, file.id)
            self.toast("The file is discarded; nothing was changed.", "info")
            self.see_other(self.reverse_url("import", kind))


def _result(outcome: Outcome) -> dict[str, Any]:
    return {**outcome.as_json(), "notes": outcome.notes}


def _told(change: Change, names: Mapping[str, str]) -> list[Told]:
    return [Told(_bare(name), _text(name, old, names), _text(name, new, names)) for name, (old, new) in change.fields.items()]


def _bare(name: str) -> str:
    return name.removesuffix("_e4").removesuffix("_e6").removesuffix("_id").replace("_", " ")


def _text(name: str, value: Any, names: Mapping[str, str]) -> str:
    if value is None or value == "":
        return "—"
    if name.endswith("_e4"):
        return money.price_text(value)
    if name.endswith("_e6"):
        return money.quantity_text(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return names.get(str(value), str(value))
