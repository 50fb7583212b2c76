"""Agreements, their overrides and their manual items for programs."""

from typing import Any, Literal

import msgspec
from msgspec import structs

from hmlib.api.conventions import Lookup, check_version, listed, patch_of
from hmlib.auth.permissions import allowed
from hmlib.db.list_query import ListQuery, Page
from hmlib.errors import Invalid
from hmlib.web.api_handler import documented
from treasury_srv.api.entries import LIST_QUERY, EntryHandler
from treasury_srv.billing.facts import Term
from treasury_srv.catalogue import fields
from treasury_srv.catalogue.fields import Field
from treasury_srv.catalogue.kinds import AGREEMENTS
from treasury_srv.queries import agreements

FILTERS = {
    "company_id": "Of this company.",
    "plan_id": "With this plan.",
    "term": "For this term.",
    "state": "in_force, ending (within 90 days), expired, ended or future.",
}
FOUND_AT_MOST = 1000
ENDED_ON = ((Field("ended_on", "Ends on", "date", required=True),),)


class AgreementDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An agreement to be. Days are YYYY-MM-DD; `end_on` is the last agreed day, derived from start and term unless given. Hours are decimal
    text with at most 6 decimals, the tax percent with at most 4."""

    company_id: str
    plan_id: str
    term: Term
    start_on: str
    end_on: str | None = None
    currency: str
    proration: Literal["none", "daily"] = "none"
    prepaid_hours_monthly: str = "0"
    prepaid_hours_yearly: str = "0"
    minimum_hours_per_entry: str = "0"
    rounding_hours: str = "0"
    tax_percent: str = "0"
    due_days: int = 30


class Agreement(AgreementDraft, kw_only=True):
    """An agreement; `ended_on` is the first day on which it is really over. Times are UTC; `version` is a part of the ETag."""

    id: str
    ended_on: str | None
    created_at: str
    updated_at: str
    version: int


class AgreementEnded(msgspec.Struct, forbid_unknown_fields=True):
    """The first day (YYYY-MM-DD) without the agreement."""

    ended_on: str


AgreementPatch = patch_of(AgreementDraft, without=["company_id"])
AgreementListed = listed(Agreement)


class AgreementHandler(EntryHandler):
    """What the addresses of agreements share."""

    noun = AGREEMENTS
    kind = Agreement
    listing = agreements.LISTING

    async def page_of(self, list_query: ListQuery) -> Page[Any]:
        ids = None
        if list_query.q:
            companies = await self.nexus.companies.page(q=list_query.q, limit=str(FOUND_AT_MOST))
            ids = [company.id for company in companies.items]
        return await agreements.page_of(self.db, self.known.scope, list_query, await self.today(), ids)

    def empty(self, wanted: dict[str, Any]) -> Any:
        return agreements.Agreement(id="", company_id=wanted["company_id"], plan_id="", term="", start_on="", currency="")

    async def check(self, before: Any, wanted: Any) -> None:
        if before is None:
            await self.check_company(wanted.company_id)


class AgreementList(AgreementHandler):
    """All agreements."""

    @allowed("billing:read", staff=True)
    @documented(answers=AgreementListed, query={"q": "Words of the company's name.", **FILTERS, **LIST_QUERY})
    async def get(self) -> None:
        """The agreements of companies that the caller may see, the latest start first."""
        await self.answer_list()

    @allowed("billing:write")
    @documented(takes=AgreementDraft, answers=Agreement, status=201)
    async def post(self) -> None:
        """Add an agreement; one whose term is over ends when it starts, any other overlap is 409."""
        await self.create(AgreementDraft)


class AgreementLookup(AgreementHandler):
    """Many agreements by id."""

    @allowed("billing:read", staff=True)
    @documented(takes=Lookup, answers=AgreementListed)
    async def post(self) -> None:
        """Those of up to 5,000 ids that the caller may see."""
        await self.answer_lookup()


class AgreementEntry(AgreementHandler):
    """One agreement."""

    @allowed("billing:read", staff=True)
    @documented(answers=Agreement)
    async def get(self, id: str) -> None:
        """One agreement; its ETag is what a change needs as If-Match."""
        await self.answer_entry(id)

    @allowed("billing:write")
    @documented(takes=AgreementPatch, answers=Agreement)
    async def patch(self, id: str) -> None:
        """Change some terms; a last day that followed from start and term follows again."""
        await self.change(id, AgreementPatch)

    @allowed("billing:write")
    @documented(status=204)
    async def delete(self, id: str) -> None:
        """Delete what should never have been; with bills it is 409, and ending it is the way."""
        await self.remove(id)


class AgreementEnd(AgreementHandler):
    """Whether an agreement is ended."""

    @allowed("billing:write")
    @documented(takes=AgreementEnded, answers=Agreement)
    async def put(self, id: str) -> None:
        """End the agreement on a day."""
        self.if_match()
        await self._end(id, fields.read(ENDED_ON, {"ended_on": self.body(AgreementEnded).ended_on})["ended_on"])

    @allowed("billing:write")
    @documented(answers=Agreement)
    async def delete(self, id: str) -> None:
        """Let the agreement go on."""
        await self._end(id, None)

    async def _end(self, id: str, ended_on: str | None) -> None:
        self.if_match()
        before = await self.entry(id)
        check_version(self, before.version)
        wanted = structs.replace(before, ended_on=ended_on)
        if errors := self.noun.checked(wanted):
            raise Invalid(errors)
        await self.save(before, wanted)
