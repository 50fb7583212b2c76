"""Plans and their price versions for programs."""

from typing import Any

import msgspec

from hmlib.api.conventions import QUERY, Lookup, listed, patch_of
from hmlib.auth.permissions import allowed
from hmlib.db.list_query import ListDefinition, ListQuery, Page, folded
from hmlib.web.api_handler import documented
from treasury_srv.api.entries import LIST_QUERY, EntryHandler
from treasury_srv.billing.facts import Term
from treasury_srv.catalogue import records
from treasury_srv.catalogue.kinds import PLANS, PRICES
from treasury_srv.queries import plans, prices


class PlanDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A plan to be: a name and its features, name to label."""

    name: str
    features: dict[str, str] = {}


class Plan(PlanDraft, kw_only=True):
    """A plan. Times are UTC; `version` is a part of the ETag."""

    id: str
    created_at: str
    updated_at: str
    version: int


class PriceDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Prices to be: a plan's rates for one term from a day on (YYYY-MM-DD). Rates are decimal text with at most 4 decimals, included TB
    (2^40 bytes) with at most 6; 0 is a value."""

    plan_id: str
    term: Term
    valid_from: str
    currency: str
    per_user: str
    per_workstation: str
    per_server: str
    per_vm: str
    per_switch: str
    per_firewall: str
    per_hour: str
    backup_base_workstation: str
    backup_base_server: str
    backup_included_tb: str
    backup_per_tb: str


class Price(PriceDraft, kw_only=True):
    """A price version. Times are UTC; `version` is a part of the ETag."""

    id: str
    created_at: str
    updated_at: str
    version: int


PlanPatch = patch_of(PlanDraft)
PlanListed = listed(Plan)
PricePatch = patch_of(PriceDraft, without=["plan_id"])
PriceListed = listed(Price)


class PlanHandler(EntryHandler):
    """What both addresses of plans share."""

    noun = PLANS
    kind = Plan
    listing = ListDefinition(sorts={"name": "name"}, default="name", id_column="id", filters=("updated_since",))

    async def page_of(self, list_query: ListQuery) -> Page[Any]:
        words, since = folded(list_query.q).split(), list_query.filters.get("updated_since", "")
        known = [plan for plan in await plans.all_described(self.db) if plan.updated_at >= since]
        found = [plan for plan in known if all(word in folded(plan.name) for word in words)]
        return list_query.page_out_of(found, lambda plan: (folded(plan.name), plan.id))

    def empty(self, wanted: dict[str, Any]) -> Any:
        return plans.Described(id="", name="")


class PlanList(PlanHandler):
    """All plans."""

    @allowed("billing:read", staff=True)
    @documented(answers=PlanListed, query={"q": QUERY["q"], **LIST_QUERY})
    async def get(self) -> None:
        """The plans with their features."""
        await self.answer_list()

    @allowed("billing:write")
    @documented(takes=PlanDraft, answers=Plan, status=201)
    async def post(self) -> None:
        """Add a plan."""
        await self.create(PlanDraft)


class PlanLookup(PlanHandler):
    """Many plans by id."""

    @allowed("billing:read", staff=True)
    @documented(takes=Lookup, answers=PlanListed)
    async def post(self) -> None:
        """Those of up to 5,000 ids that exist."""
        await self.answer_lookup()


class PlanEntry(PlanHandler):
    """One plan."""

    @allowed("billing:read", staff=True)
    @documented(answers=Plan)
    async def get(self, id: str) -> None:
        """One plan; its ETag is what a change needs as If-Match."""
        await self.answer_entry(id)

    @allowed("billing:write")
    @documented(takes=PlanPatch, answers=Plan)
    async def patch(self, id: str) -> None:
        """Rename a plan, or replace its features."""
        await self.change(id, PlanPatch)

    @allowed("billing:write")
    @documented(status=204)
    async def delete(self, id: str) -> None:
        """Delete a plan that neither agreements nor prices belong to; else 409."""
        await self.remove(id)


class PriceHandler(EntryHandler):
    """What both addresses of price versions share."""

    noun = PRICES
    kind = Price
    listing = prices.LISTING

    async def page_of(self, list_query: ListQuery) -> Page[Any]:
        return await prices.page_of(self.db, list_query)

    def empty(self, wanted: dict[str, Any]) -> Any:
        return records.blank_price(wanted["plan_id"])


class PriceList(PriceHandler):
    """All price versions."""

    @allowed("billing:read", staff=True)
    @documented(answers=PriceListed, query={"plan_id": "Of this plan.", "term": "For this term.", **LIST_QUERY})
    async def get(self) -> None:
        """The price versions, the latest day first."""
        await self.answer_list()

    @allowed("billing:write")
    @documented(takes=PriceDraft, answers=Price, status=201)
    async def post(self) -> None:
        """Add prices from a day on; 409 when that would rewrite days that were billed by others."""
        await self.create(PriceDraft)


class PriceLookup(PriceHandler):
    """Many price versions by id."""

    @allowed("billing:read", staff=True)
    @documented(takes=Lookup, answers=PriceListed)
    async def post(self) -> None:
        """Those of up to 5,000 ids that exist."""
        await self.answer_lookup()


class PriceEntry(PriceHandler):
    """One price version."""

    @allowed("billing:read", staff=True)
    @documented(answers=Price)
    async def get(self, id: str) -> None:
        """One price version."""
        await self.answer_entry(id)

    @allowed("billing:write")
    @documented(takes=PricePatch, answers=Price)
    async def patch(self, id: str) -> None:
        """Change prices that nothing was billed by; else 409."""
        await self.change(id, PricePatch)

    @allowed("billing:write")
    @documented(status=204)
    async def delete(self, id: str) -> None:
        """Delete prices that nothing was billed by; else 409."""
        await self.remove(id)
