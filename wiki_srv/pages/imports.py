"""Markdown in: choose a ZIP or a file, see what each file would become, then apply all of them or the good ones."""

import asyncio
from typing import Any

import msgspec
from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from hmlib.clock import new_id
from hmlib.db.database import Transaction
from hmlib.imports import uploads
from hmlib.imports.uploads import AppliedAlready, Applying, ImportFile
from hmlib.nexus.transport import NexusDown
from hmlib.tables.files import Outcome
from hmlib.tables.sheets import Unreadable
from hmlib.web.page_handler import PageHandler
from wiki_srv.articles import editing, imports, markdown_files
from wiki_srv.articles.drafts import GENERAL, one_line
from wiki_srv.articles.imports import KIND, LARGEST_FILE, refusal_status
from wiki_srv.queries import spaces

SHOWN = 500
ORDER = ("update", "create", "unchanged")


class ImportHandler(PageHandler):
    """What the pages of imports share."""

    body_limit = LARGEST_FILE

    async def file(self, id: str) -> ImportFile:
        """The caller's own file; else 404."""
        found = await uploads.of_owner(self.db, self.known.id, KIND, id)
        if found is None:
            raise HTTPError(404)
        return found

    async def run(self, file: ImportFile, *, dry_run: bool = False, valid_only: bool = False, applying: Applying | None = None) -> Outcome:
        return await imports.run(
            KIND,
            self.db,
            self.nexus,
            file.raw or b"",
            file.name,
            mapping=file.mapping,
            dry_run=dry_run,
            valid_only=valid_only,
            actor=self.actor,
            now=self.now,
            caller=self.known,
            applying=applying,
        )


class ImportListPage(ImportHandler):
    """The form for a file, and where it is posted to."""

    @allowed("wiki:write")
    async def get(self) -> None:
        await self._show()

    @allowed("wiki:write")
    async def post(self) -> None:
        upload, companies = self.files.get("file"), await self._companies()
        place = self.form.get("place", "")
        errors = {} if place in ("", GENERAL) or place in dict(companies) else {"place": "Choose one of the companies you look after."}
        status = 422
        if upload is None or not upload.body:
            errors["file"] = "Choose a file that is not empty."
        elif not errors:
            name = upload.filename.replace("\\", "/").rpartition("/")[2][:200] or KIND
            try:
                await asyncio.to_thread(markdown_files.read, upload.body, name)
            except Unreadable as unreadable:
                errors["file"], status = str(unreadable), refusal_status(unreadable)
            else:
                await self._keep(name, upload.body, place)
                return
        self.set_status(status)
        await self._show(errors=errors, values=self.form)

    async def _keep(self, name: str, raw: bytes, place: str) -> None:
        space = (one_line(self.form.get("space", ""))[:100] or GENERAL) if place == GENERAL else place
        file = ImportFile(id=new_id(), kind=KIND, name=name, raw=raw, mapping={"space": space}, owner_id=self.known.id)
        async with self.transaction() as tx:
            await uploads.insert(tx, file, self.now)
            self.see_other(self.reverse_url("import", file.id))

    async def _show(self, **context: Any) -> None:
        named = [space.name for space in await spaces.general(self.db, self.known)]
        companies = await self._companies()
        self.page("imports/list.html", companies=companies, spaces=named, general=GENERAL, **{"errors": {}, "values": {}, **context})

    async def _companies(self) -> list[tuple[str, str]]:
        """The companies to choose from, by account number: the directory's, or those that have articles while Nexus is away."""
        try:
            companies = await self.nexus.companies.everything(sort="name")
        except NexusDown:
            companies = [editing.as_company(space) for space in await spaces.of_companies(self.db, self.known)]
        return [(company.account_number, f"{company.name} ({company.account_number})") for company in companies]


class ImportPage(ImportHandler):
    """What a file would do, or what came of it; applying it is posted here."""

    @allowed("wiki:write")
    async def get(self, id: str) -> None:
        await self._show(await self.file(id))

    @allowed("wiki:write")
    async def post(self, id: str) -> None:
        file = await self.file(id)
        if file.raw is None:
            self.see_other(self.reverse_url("import", id))
        elif not await self._applied(file, valid_only=self.form.get("rows") == "valid"):
            self.set_status(422)
            await self._show(file)

    async def _applied(self, file: ImportFile, *, valid_only: bool) -> bool:
        """Apply the file and answer; false when nothing of it could be."""

        async def done(tx: Transaction, outcome: Outcome) -> None:
            await uploads.finish(tx, file.id, msgspec.json.encode(_told(outcome)).decode())
            self.toast("The file is applied.")
            self.see_other(self.reverse_url("import", file.id))

        try:
            outcome = await self.run(file, valid_only=valid_only, applying=Applying(self.transaction, done))
        except AppliedAlready:
            self.see_other(self.reverse_url("import", file.id))
            return True
        return outcome.applied

    async def _show(self, file: ImportFile) -> None:
        outcome = _told(await self.run(file, dry_run=True)) if file.raw is not None else msgspec.json.decode(file.outcome)
        self.page("imports/page.html", file=file, outcome=outcome, shown=SHOWN)


class ImportRemoval(ImportHandler):
    """The file is not wanted after all."""

    @allowed("wiki:write")
    async def post(self, id: str) -> None:
        file = await self.file(id)
        here = self.reverse_url("import", id)
        if not self.confirmed(f"Discard {file.name}? It is forgotten with what you chose for it.", "Discard the file", here):
            return
        async with self.transaction() as tx:
            await uploads.delete(tx, file.id)
            self.toast("The file is discarded; nothing was changed.", "info")
            self.see_other(self.reverse_url("imports"))


def _told(outcome: Outcome) -> dict[str, Any]:
    """What is shown of an outcome, and kept: its counts, every error, and the first of the files with what they change before those
    that are new."""
    changes = sorted(outcome.changes, key=lambda change: ORDER.index(change.what))
    rows = [{"what": change.what, "label": change.label, "fields": change.fields} for change in changes[:SHOWN]]
    return {**outcome.as_json(), "notes": outcome.notes, "changes": rows, "hidden": max(0, len(changes) - SHOWN)}
