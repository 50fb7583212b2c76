"""Imports for programs: one file in, one answer out."""

import msgspec

from hmlib import files
from hmlib.auth import allowed
from hmlib.files import RowError
from hmlib.openapi import speaks
from hmlib.web import ApiHandler, Problem
from nexus_srv import imports

MEDIA = ("text/csv", "application/octet-stream", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")


class ImportOutcome(msgspec.Struct):
    """How many entries were created, updated and left alone, and which cells cannot be used. With errors nothing was applied, unless
    only the valid rows were wanted."""

    created: int
    updated: int
    unchanged: int
    errors: list[RowError]


class Import(ApiHandler):
    """A file of companies, contacts, assets or locations."""

    body_limit = files.MAX_BYTES

    @allowed("directory:write")
    @speaks(
        answers=ImportOutcome,
        query={"dry_run": "yes to change nothing.", "valid_only": "yes to apply the good rows."},
        media=("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    )
    async def post(self, kind: str) -> None:
        """Import CSV or XLSX, sent as the body; the columns are those of the import page."""
        if kind not in imports.KINDS:
            raise Problem(404, "not_found", f"There are imports of {', '.join(imports.KINDS)}.")
        media = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media not in MEDIA:
            raise Problem(415, "unsupported_media_type", "Send text/csv, or XLSX under its own media type.")
        outcome = await imports.run(
            kind, self.db, None, self.request.body, kind, dry_run=self._wants("dry_run"), valid_only=self._wants("valid_only"),
            actor=self.actor, now=self.now, scope=self.known.scope,
        )  # fmt: skip
        failed = outcome.errors and not outcome.applied and not self._wants("dry_run")
        self.answer(outcome.as_json(), 422 if failed else 200)

    def _wants(self, name: str) -> bool:
        said = self.query.get(name, "no").lower()
        if said not in ("yes", "true", "1", "no", "false", "0", ""):
            raise Problem(400, "invalid_request", f"{name} is yes or no.")
        return said in ("yes", "true", "1")
