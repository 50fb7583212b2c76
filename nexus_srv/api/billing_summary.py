"""Everything that can be counted, in one answer, for those who bill it; or what of it has changed since a number."""

import hashlib
from contextlib import aclosing

import msgspec

from hmlib import json
from hmlib.api.answer_cache import AnswerCache
from hmlib.auth.permissions import CompanyScope, allowed
from hmlib.db import change_numbers
from hmlib.db.database import Db
from hmlib.tables.spool import Spool
from hmlib.web.api_handler import ApiHandler, documented
from hmlib.web.problems import Problem
from nexus_srv.queries import billing_summary
from nexus_srv.queries.billing_summary import CompanyFacts

MOST_IDS = 1000


class Summary(msgspec.Struct):
    """Companies that the caller may see, by account number; `as_of` is the UTC time for which the facts are true.

    Who follows asks next `since` this `number`, with this `scope`. A `whole` answer has every company and stands for all that was answered
    before; any other has those that changed, and in `gone` the ids of those that were deleted.
    """

    as_of: str
    number: int
    scope: str
    whole: bool
    gone: list[str]
    companies: list[CompanyFacts]


class BillingSummary(ApiHandler):
    """The directory's side of billing: no plans, no prices."""

    @allowed("directory:read")
    @documented(
        answers=Summary,
        query={
            "ids": "Only these companies, with a comma between them; at most 1,000.",
            "since": "The number of the last answer: only what has changed after it.",
            "scope": "The scope of the last answer: if the caller's is another one by now, the answer is whole.",
        },
    )
    async def get(self) -> None:
        """Companies with their assets and contacts. The ETag stands for the facts, not for the time they were asked at."""
        ids, since, scope = self._ids(), self._since(), self.known.scope
        asked = ["all"] if ids is None else sorted(ids)
        answers = self.spine.own(AnswerCache)
        etag = await answers.etag(self.db, scope, "billing_summary", str(since), self.query.get("scope", ""), *asked)
        self.set_header("X-As-Of", self.now)
        if self.not_modified(etag):
            self.finish()
            return
        since = await self._from(since)
        with Spool(self.hm.home) as spool:
            async with self.db.read(long=ids is None and since is None) as snapshot:
                await self._write(spool, snapshot, ids, since)
            self.set_header("Content-Type", "application/json; charset=UTF-8")
            await spool.send(self)

    def _ids(self) -> list[str] | None:
        if "ids" not in self.query:
            return None
        ids = [id for id in dict.fromkeys(self.query["ids"].split(",")) if id]
        if len(ids) > MOST_IDS:
            raise Problem(400, "too_many_ids", "At most 1,000 ids fit into an address; ask without ids for every company.")
        return ids

    def _since(self) -> int | None:
        text = self.query.get("since")
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) <= 18):
            raise Problem(400, "invalid_since", "since is the number that the last answer gave.")
        if "ids" in self.query:
            raise Problem(400, "invalid_since", "Ask by ids or since a number, not by both.")
        return int(text)

    async def _from(self, since: int | None) -> int | None:
        """The number to go on from, None for everything: who may see other companies than at that number starts anew."""
        if since is None or self.query.get("scope") not in (None, named(self.known.scope)):
            return None
        async with self.db.read() as snapshot:
            where = await change_numbers.followed(snapshot, since)
            anew = where.anew or await billing_summary.sees_otherwise(snapshot, self.known.id, since)
        return None if anew else since

    async def _write(self, spool: Spool, snapshot: Db, ids: list[str] | None, since: int | None) -> None:
        """The answer, some companies at a time, out of one snapshot that also says up to which number it goes."""
        where, scope = await change_numbers.followed(snapshot, since), self.known.scope
        gone = [] if since is None else await billing_summary.gone(snapshot, scope, since)
        head = {"as_of": self.now, "number": where.number, "scope": named(scope), "whole": ids is None and since is None, "gone": gone}
        await spool.write(json.encode(head)[:-1] + b',"companies":[')
        async with aclosing(billing_summary.in_slices(snapshot, scope, ids, since)) as slices:
            await spool.write_items(slices)
        await spool.write(b"]}")


def named(scope: CompanyScope) -> str:
    """A name for a scope that tells nothing of it."""
    return hashlib.sha256("\0".join((scope.rule, *sorted(scope.ids))).encode()).hexdigest()[:32]
