"""Files in, for programs."""

from typing import Any

import msgspec
from tornado.web import HTTPError

from hmlib.auth import allowed
from hmlib.files import Unreadable
from hmlib.openapi import speaks
from hmlib.web import ApiHandler, Problem
from treasury_srv import imports
from treasury_srv.pages.imports import LARGEST_FILE, may_import

FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}
MEDIA = (
    *("text/csv", "text/plain", "application/octet-stream", "application/vnd.ms-excel"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)


class Wrong(msgspec.Struct):
    """One cell that cannot be used; `line` counts from 1 in the file."""

    line: int
    column: str
    value: str
    message: str


class RowChange(msgspec.Struct):
    """What a row would do or did: create, update or unchanged; `fields` maps what changes to what was and what is."""

    line: int
    what: str
    label: str
    fields: dict[str, tuple[Any, Any]]


class Imported(msgspec.Struct):
    """The result of an import or of its dry run."""

    created: int
    updated: int
    unchanged: int
    errors: list[Wrong]
    notes: list[str]
    changes: list[RowChange]
    applied: bool


class Import(ApiHandler):
    """A file of one kind."""

    body_limit = LARGEST_FILE

    @allowed("labour:write")
    @speaks(
        answers=Imported,
        query={
            "dry_run": "true: only say what would happen.",
            "valid_only": "true: apply the good rows although others have errors.",
            "name": "The file's name, for messages.",
        },
    )
    async def post(self, kind: str) -> None:
        """Import a CSV or XLSX file, sent as the body: all of it, or nothing and a 422 that names each bad cell."""
        if kind not in imports.KINDS:
            raise HTTPError(404)
        if not may_import(self.known, kind):
            raise Problem(403, "insufficient_scope", "The token does not allow this.")
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower() not in MEDIA:
            raise Problem(415, "unsupported_media_type", "Send text/csv or an XLSX file as the body.")
        dry_run = self._flag("dry_run")
        outcome = await self._run(kind, dry_run=dry_run, valid_only=self._flag("valid_only"))
        answer = msgspec.convert(outcome, Imported, from_attributes=True)
        if not dry_run and not outcome.applied:
            told = msgspec.structs.asdict(answer)
            raise Problem(422, "invalid_rows", "Nothing was applied: some rows cannot be used.", **told)
        self.answer(answer)

    async def _run(self, kind: str, *, dry_run: bool, valid_only: bool) -> Any:
        name = self.query.get("name", kind)[:200]
        raw, actor, now = self.request.body, self.actor, self.now
        try:
            return await imports.run(kind, self.db, self.nexus, raw, name, dry_run=dry_run, valid_only=valid_only, actor=actor, now=now)
        except Unreadable as unreadable:
            raise Problem(422, "unreadable", str(unreadable)) from unreadable

    def _flag(self, name: str) -> bool:
        given = self.query.get(name, "").lower()
        if given not in FLAGS:
            raise Problem(400, "invalid_filter", f"{name} is true or false.")
        return FLAGS[given]
