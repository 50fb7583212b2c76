"""Imports for programs: one file in, one answer out."""

from hmlib.api.openapi import documented
from hmlib.auth.permissions import allowed
from hmlib.db.database import Transaction
from hmlib.imports.answers import QUERY, Imported, flag, imported
from hmlib.imports.uploads import Applying
from hmlib.tables import files
from hmlib.web.api_handler import ApiHandler
from hmlib.web.problems import Problem
from nexus_srv.directory import imports

MEDIA = ("text/csv", "application/octet-stream", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")


class Import(ApiHandler):
    """A file of companies, contacts, assets or locations."""

    body_limit = files.MAX_BYTES

    @allowed("directory:write")
    @documented(answers=Imported, query=QUERY, media=("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))
    async def post(self, kind: str) -> None:
        """Import a CSV or XLSX file, sent as the body: all of it, or nothing and a 422 that names each bad cell."""
        if kind not in imports.KINDS:
            raise Problem(404, "not_found", f"There are imports of {', '.join(imports.KINDS)}.")
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower() not in MEDIA:
            raise Problem(415, "unsupported_media_type", "Send text/csv, or XLSX under its own media type.")
        dry_run = flag(self.query, "dry_run")
        outcome = await imports.run(
            kind, self.db, None, self.request.body, self.query.get("name", kind)[:200],
            dry_run=dry_run, valid_only=flag(self.query, "valid_only"), actor=self.actor, now=self.now, scope=self.known.scope,
            applying=Applying(self.transaction, self._done),
        )  # fmt: skip
        if not outcome.applied:
            self.answer(imported(outcome, dry_run=dry_run))

    async def _done(self, tx: Transaction, outcome: files.Outcome) -> None:
        self.answer(imported(outcome, dry_run=False))
