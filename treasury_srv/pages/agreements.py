"""What agreements are shown with: where they stand, what they have otherwise, how a new one begins; and the day on which one ends."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs
from tornado.web import HTTPError

from hmlib.auth.permissions import allowed
from hmlib.errors import Invalid, NotAllowed, Stale
from hmlib.kinds.types import Day, Refused
from hmlib.resources import changes, forms, pickers, records
from hmlib.resources.changes import writer_of
from hmlib.resources.pickers import Option, Source
from hmlib.web.handler import Handler
from hmlib.web.page_handler import PageHandler
from treasury_srv.billing import periods
from treasury_srv.billing.pricing import FEATURE
from treasury_srv.catalogue import agreements, manual_items, overrides, plans, prices, terms
from treasury_srv.catalogue.agreements import AGREEMENTS, Agreement
from treasury_srv.catalogue.words import BILLED_AS
from treasury_srv.invoices.labels import words

ENDS = "The first day without it. Left empty, the agreement goes on."


async def options(handler: Handler, found: Sequence[Agreement]) -> Sequence[Option]:
    """Agreements to choose from, each with the name of its company."""
    names = await pickers.names(handler, AGREEMENTS, found)
    return [Option(one.id, f"{names.get(one.company_id, one.company_id)}, from {one.start_on}") for one in found]


async def _search(handler: Handler, typed: str, most: int) -> Sequence[Option]:
    near = await pickers.local(AGREEMENTS).search(handler, typed.partition(", from ")[0], most)
    return await options(handler, await records.by_ids(handler.db, AGREEMENTS, handler.known.scope, [one.id for one in near]))


async def _by_ids(handler: Handler, ids: Sequence[str]) -> Mapping[str, Option]:
    found = await records.by_ids(handler.db, AGREEMENTS, handler.known.scope, ids)
    return {one.id: one for one in await options(handler, found)}


SOURCE = Source(_search, _by_ids)


async def today_of(handler: Handler) -> str:
    """The day it is for the MSP."""
    return periods.work_date(handler.now, await handler.preferences.text(handler.db, "time_zone"))


async def rows(handler: PageHandler, found: Sequence[Agreement]) -> Mapping[str, Any]:
    """Where each agreement of a list stands."""
    today = await today_of(handler)
    return {"states": {one.id: terms.state(one, today) for one in found}, **words()}


async def page(handler: PageHandler, agreement: Agreement) -> Mapping[str, Any]:
    """What one agreement has otherwise, and the others of its company."""
    today = await today_of(handler)
    others = await agreements.of_companies(handler.db, [agreement.company_id])
    return {
        "state": terms.state(agreement, today),
        "overrides": await overrides.of_agreements(handler.db, [agreement.id]),
        "manual": await manual_items.of_agreement(handler.db, agreement.id),
        "others": [other for other in others if other.id != agreement.id],
        "plans": {plan.id: plan.name for plan in await plans.everything(handler.db)},
        "doubt": await _doubt(handler, agreement, today),
        "what_labels": overrides.WHATS,
        "type_labels": BILLED_AS,
        **words(),
    }


async def _doubt(handler: Handler, agreement: Agreement, today: str) -> str:
    """Why the agreement cannot be billed by its own plan."""
    day = max(agreement.start_on, f"{today[:7]}-01")
    versions = await prices.of_plan(handler.db, agreement.plan_id)
    offered = [one for one in versions if one.term == agreement.term and one.valid_from <= day]
    if not offered:
        return "The plan has no prices for this term: the company is not billable."
    if offered[0].currency != agreement.currency:
        return f"The plan's prices are in {offered[0].currency}, the agreement in {agreement.currency}: the company is not billable."
    return ""


async def form(handler: PageHandler, agreement: Agreement | None) -> Mapping[str, Any]:
    """A new agreement begins with the settings' currency, tax and days until due, or like the one that it `renews`."""
    if agreement is not None:
        return {}
    settings = await handler.preferences.all(handler.db)
    begins = {"currency": settings["default_currency"], "tax_percent": settings["default_tax_percent"]}
    begins["due_days"] = settings["default_due_days"]
    if earlier_id := handler.query.get("renews"):
        earlier = await records.visible(handler.db, AGREEMENTS, handler.known.scope, earlier_id)
        if earlier is None:
            raise HTTPError(404)
        begins = {**forms.written(AGREEMENTS, earlier, "UTC"), "start_on": await _next_start(handler, earlier), "end_on": ""}
    return {"begins": begins, "note": "An agreement whose term is over ends by itself when the next one starts."}


async def _next_start(handler: Handler, earlier: Agreement) -> str:
    """The day after the last agreed one, or next month where there is none."""
    next_month = periods.period((await today_of(handler))[:7]).next_first
    return earlier.ended_on or (periods.day_after(earlier.end_on) if earlier.end_on else next_month)


async def override_form(handler: PageHandler, override: overrides.Override | None) -> Mapping[str, Any]:
    """What can be different: the rates of a plan, and the features of all."""
    known = await plans.everything(handler.db)
    features = sorted({feature.name for plan in known for feature in plan.features})
    return {"offered": {"what": [(FEATURE + name, f"Feature: {name}") for name in features]}, "note": overrides.NOTE}


async def manual_form(handler: PageHandler, item: manual_items.ManualItem | None) -> Mapping[str, Any]:
    """What stands above the form."""
    return {"note": "For what the directory does not know."}


class AgreementEnd(PageHandler):
    """The form for the day on which an agreement is really over, and where it is posted to."""

    @allowed("billing:write")
    async def get(self, id: str) -> None:
        await self._show(id, {})

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        before = await self._found(id)
        version, writer = forms.version(self.form), await writer_of(self)
        try:
            wanted = structs.replace(before, ended_on=Day().read(self.form.get("ended_on"), writer.zone))
            if version != before.version:
                raise Stale
            async with self.transaction() as tx:
                await changes.save(tx, AGREEMENTS, before, wanted, writer)
                self.toast("The agreement ends then." if wanted.ended_on else "The agreement goes on.")
                self.see_other(self.reverse_url("agreement", id))
        except Refused as refused:
            await self._show(id, {"ended_on": str(refused)}, 422)
        except (Invalid, NotAllowed) as refusal:
            errors = refusal.errors if isinstance(refusal, Invalid) else {"": refusal.detail}
            await self._show(id, errors, 422)
        except Stale:
            await self._show(id, {"": "Somebody changed this at the same moment. Look again."}, 409)

    async def _found(self, id: str) -> Agreement:
        found = await records.visible(self.db, AGREEMENTS, self.known.scope, id)
        if found is None:
            raise HTTPError(404)
        return found

    async def _show(self, id: str, errors: Mapping[str, str], status: int = 200) -> None:
        agreement = await self._found(id)
        name = (await pickers.names(self, AGREEMENTS, [agreement])).get(agreement.company_id, agreement.company_id)
        values = self.form if status != 200 else {}
        messages = {field if field in ("", "ended_on") else "ended_on": message for field, message in errors.items()}
        self.set_status(status)
        self.page("agreements/end.html", agreement=agreement, company_name=name, help=ENDS, values=values, errors=messages)
