"""Price versions of a plan: a new one, changing or deleting one that has not been billed by."""

from typing import Any

from msgspec import structs
from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from treasury_srv.billing.facts import PRICE_RATES
from treasury_srv.catalogue import checks, records
from treasury_srv.catalogue.kinds import PRICES
from treasury_srv.pages.entries import EntryHandler, Frame
from treasury_srv.queries import plans, prices
from treasury_srv.queries.plans import Plan
from treasury_srv.queries.prices import Price

NOTE = "Prices hold for whole months from this day on, until the next version. A price change never rewrites the past."


class PriceHandler(EntryHandler):
    """What the forms of price versions share."""

    noun = PRICES

    async def plan(self, id: str) -> Plan:
        """The plan; else 404."""
        found = await plans.by_id(self.db, id)
        if found is None:
            raise HTTPError(404)
        return found

    async def frame(self, entry: Any) -> Frame:
        plan = await self.plan(entry.plan_id)
        here = self.reverse_url("plan", plan.id)
        crumbs = (("Plans", self.reverse_url("plans")), (plan.name, here))
        if entry.version:
            removal = self.reverse_url("price-removal", entry.id)
            return Frame("Edit prices", self.reverse_url("price", entry.id), here, crumbs, removal, NOTE)
        return Frame("Add prices", self.reverse_url("plan-prices", plan.id), here, crumbs, note=NOTE)


class PriceNewPage(PriceHandler):
    """A new version: the newest one of the term, to be changed, as prices rarely start from nothing."""

    @allowed("billing:write")
    async def get(self, plan_id: str) -> None:
        term = self.query.get("term", "")
        empty = await self.empty(plan_id)
        earlier = next((one for one in await prices.of_plan(self.db, plan_id) if one.term == term), None)
        if earlier is not None:
            await self.show_form(structs.replace(earlier, id="", valid_from="", version=0))
        else:
            known = term if term in checks.TERM_LABELS else ""
            await self.show_form(structs.replace(empty, term=known), values=dict.fromkeys(PRICE_RATES, ""))

    @allowed("billing:write")
    async def post(self, plan_id: str) -> None:
        await self.create(await self.empty(plan_id))

    async def empty(self, plan_id: str) -> Price:
        await self.plan(plan_id)
        return records.blank_price(plan_id, await self.preferences.text(self.db, "default_currency"))


class PricePage(PriceHandler):
    """The form with what is stored, and where changes are posted to."""

    @allowed("billing:write")
    async def get(self, id: str) -> None:
        await self.show_form(await self.entry(id))

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        await self.change(id)


class PriceRemoval(PriceHandler):
    """The end of a version that nothing was billed by."""

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        await self.remove(id)
