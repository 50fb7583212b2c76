"""Markdown in, for programs."""

from hmlib.auth.permissions import allowed
from hmlib.db.database import Transaction
from hmlib.imports.answers import QUERY, Imported, flag
from hmlib.imports.uploads import Applying, told
from hmlib.tables.files import Outcome
from hmlib.tables.sheets import Unreadable
from hmlib.web.api_handler import documented
from hmlib.web.problems import Problem
from wiki_srv.api.articles import ArticleHandler
from wiki_srv.articles import imports
from wiki_srv.articles.imports import KIND, LARGEST_FILE, refusal_status

NAMES = {
    "application/zip": "articles.zip",
    "application/x-zip-compressed": "articles.zip",
    "application/octet-stream": "articles.zip",
    "text/markdown": "article.md",
}


class Import(ArticleHandler):
    """A ZIP of Markdown files, or one of them."""

    body_limit = LARGEST_FILE

    @allowed("wiki:write")
    @documented(
        answers=Imported,
        query={**QUERY, "space": "An account number, or the name of a company or general space; else folders and front matter say it."},
    )
    async def post(self) -> None:
        """Import a ZIP of Markdown files or one of them, sent as the body: all of it, or nothing and a 422 that names each bad file."""
        media = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media not in NAMES:
            raise Problem(415, "unsupported_media_type", "Send application/zip or text/markdown as the body.")
        dry_run = flag(self.query, "dry_run")
        name = self.query.get("name", "")[:200] or NAMES[media]
        outcome = await self._run(name, dry_run=dry_run, valid_only=flag(self.query, "valid_only"))
        if not outcome.applied:
            self.answer(told(outcome, dry_run=dry_run))

    async def _done(self, tx: Transaction, outcome: Outcome) -> None:
        self.answer(told(outcome, dry_run=False))

    async def _run(self, name: str, *, dry_run: bool, valid_only: bool) -> Outcome:
        mapping = {"space": self.query.get("space", "")[:100]}
        raw, actor, now, caller = self.request.body, await self.writer(), self.now, self.known
        try:
            return await imports.run(
                KIND, self.db, self.nexus, raw, name,
                mapping=mapping, dry_run=dry_run, valid_only=valid_only, actor=actor, now=now, caller=caller,
                applying=Applying(self.transaction, self._done),
            )  # fmt: skip
        except Unreadable as unreadable:
            raise Problem(refusal_status(unreadable), "unreadable", str(unreadable)) from unreadable
