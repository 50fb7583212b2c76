"""Everything that can be counted, in one answer, for those who bill it."""

import msgspec

from hmlib import json
from hmlib.api.openapi import speaks
from hmlib.auth.permissions import allowed
from hmlib.web.api_handler import ApiHandler
from hmlib.web.problems import Problem
from nexus_srv.directory.answer_cache import answers_of
from nexus_srv.queries import billing_summary
from nexus_srv.queries.billing_summary import CompanyFacts

MOST_IDS = 1000
PIECE = 256 * 1024


class Summary(msgspec.Struct):
    """Every company the caller may see, by account number; `as_of` is the UTC time for which the facts are true."""

    as_of: str
    companies: list[CompanyFacts]


class BillingSummary(ApiHandler):
    """The directory's side of billing: no plans, no prices."""

    @allowed("directory:read")
    @speaks(answers=Summary, query={"ids": "Only these companies, with a comma between them; at most 1,000."})
    async def get(self) -> None:
        """Companies with their assets and contacts. The ETag stands for the facts, not for the time they were asked at."""
        answers = answers_of(self.application)
        ids = self._ids()
        etag = await answers.etag(self.db, self.known.scope, "billing_summary", *(["all"] if ids is None else sorted(ids)))
        self.set_header("X-As-Of", self.now)
        if self.not_modified(etag):
            self.finish()
            return
        raw = await answers.of(etag, lambda: self._facts(ids))
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        await self._stream(b'{"as_of":' + json.encode(self.now) + b',"companies":' + raw + b"}")

    def _ids(self) -> list[str] | None:
        if "ids" not in self.query:
            return None
        ids = [id for id in dict.fromkeys(self.query["ids"].split(",")) if id]
        if len(ids) > MOST_IDS:
            raise Problem(400, "too_many_ids", "At most 1,000 ids fit into an address; ask without ids for every company.")
        return ids

    async def _facts(self, ids: list[str] | None) -> bytes:
        return json.encode(await billing_summary.facts(self.db, self.known.scope, ids))

    async def _stream(self, raw: bytes) -> None:
        """In pieces, each sent before the next is queued: a slow reader does not fill the memory."""
        self.set_header("Content-Length", str(len(raw)))
        view = memoryview(raw)
        for start in range(0, len(raw), PIECE):
            self.write(bytes(view[start : start + PIECE]))
            await self.flush()
        self.finish()
