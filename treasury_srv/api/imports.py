"""Files in, for programs."""

from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from hmlib.db.database import Transaction
from hmlib.imports.answers import QUERY, Imported, flag
from hmlib.imports.uploads import Applying, told
from hmlib.tables.files import Outcome
from hmlib.tables.sheets import Unreadable
from hmlib.web.api_handler import ApiHandler, documented
from hmlib.web.problems import Problem
from treasury_srv.catalogue.shared_people import shared_people
from treasury_srv.imports import files
from treasury_srv.pages.imports import LARGEST_FILE, may_import

MEDIA = (
    *("text/csv", "text/plain", "application/octet-stream", "application/vnd.ms-excel"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)


class Import(ApiHandler):
    """A file of one kind."""

    body_limit = LARGEST_FILE

    @allowed("labour:write")
    @documented(answers=Imported, query=QUERY, media=("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))
    async def post(self, kind: str) -> None:
        """Import a CSV or XLSX file, sent as the body: all of it, or nothing and a 422 that names each bad cell."""
        if kind not in files.KINDS:
            raise HTTPError(404)
        if not may_import(self.known, kind):
            raise Problem(403, "insufficient_scope", "The token does not allow this.")
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower() not in MEDIA:
            raise Problem(415, "unsupported_media_type", "Send text/csv or an XLSX file as the body.")
        dry_run = flag(self.query, "dry_run")
        outcome = await self._run(kind, dry_run=dry_run, valid_only=flag(self.query, "valid_only"))
        if not outcome.applied:
            self.answer(told(outcome, dry_run=dry_run))

    async def _done(self, tx: Transaction, outcome: Outcome) -> None:
        self.answer(told(outcome, dry_run=False))

    async def _run(self, kind: str, *, dry_run: bool, valid_only: bool) -> Outcome:
        name = self.query.get("name", kind)[:200]
        raw, actor, now = self.request.body, self.actor, self.now
        try:
            return await files.run(
                kind, self.db, self.nexus, raw, name,
                dry_run=dry_run, valid_only=valid_only, actor=actor, now=now, applying=Applying(self.transaction, self._done),
                shared=await shared_people(self) if kind == "contact-overrides" else frozenset(),
            )  # fmt: skip
        except Unreadable as unreadable:
            raise Problem(422, "unreadable", str(unreadable)) from unreadable
