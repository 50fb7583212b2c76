"""How one device or person of the directory is billed instead of by its own kind; the address names the company and the thing."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs
from tornado.web import HTTPError

from hmlib.auth.permissions import CompanyScope, allowed_of
from hmlib.errors import Invalid, NotAllowed, Stale
from hmlib.kinds.resource import Removal, Resource
from hmlib.resources import changes, forms, records
from hmlib.resources.changes import writer_of
from hmlib.web.page_handler import PageHandler
from treasury_srv.catalogue import homes
from treasury_srv.catalogue.billing_types import ASSET_OVERRIDES
from treasury_srv.catalogue.shared_people import shared_people
from treasury_srv.invoices.gathering import only

EVERYWHERE = CompanyScope()
DELETED = "Somebody has just deleted what you were changing; save again to put it back."


class BillingType(PageHandler):
    """The form, where it is posted to, and the way back to the thing's own kind."""

    of: Resource[Any]

    @allowed_of("write")
    async def get(self, company_id: str, id: str) -> None:
        await self._show(company_id, id)

    @allowed_of("write")
    async def post(self, company_id: str, id: str) -> None:
        _, _, before = await self._stored(company_id, id)
        said, wrong = await forms.said(self, self.of, before)
        writer = await writer_of(self)
        try:
            await self._check(id, before)
            async with self.transaction() as tx:
                if before is None:
                    await changes.add(tx, self.of, {**said, self.of.key: id, "company_id": company_id}, writer, wrong=wrong)
                else:
                    values, unread = changes.read(self.of, said, writer, new=False)
                    wanted = structs.replace(before, company_id=company_id, **values)
                    await changes.save(tx, self.of, before, wanted, writer, wrong=unread)
                self.toast("Saved.")
                self.see_other(self.reverse_url("company", company_id))
        except (Invalid, NotAllowed) as refusal:
            await self._show(company_id, id, self.form, forms.errors(self.of, refusal))
        except Stale:
            await self._show_conflict(company_id, id)

    @allowed_of("write")
    async def delete(self, company_id: str, id: str) -> None:
        name, _, before = await self._stored(company_id, id)
        if before is None:
            raise HTTPError(404)
        company = self.reverse_url("company", company_id)
        writer = await writer_of(self)
        try:
            await self._check(id, before)
            if not self.confirmed(Removal().question(f"how {name} is billed"), f"Delete how {name} is billed", company):
                return
            async with self.transaction() as tx:
                await changes.remove(tx, self.of, before, writer)
                self.toast(f"{name} is billed by its own kind again.")
                self.see_other(company)
        except Invalid as refusal:
            await self._show(company_id, id, None, refusal.errors)
        except Stale:
            await self._show(company_id, id, None, {"": "Somebody changed this at the same moment. Look again."}, 409)

    async def _check(self, id: str, before: Any | None) -> None:
        """Raises Stale for another version, and Invalid where another company's bill, which the caller does not see, would change too."""
        if self.of is not ASSET_OVERRIDES and id in await shared_people(self):
            raise Invalid({"": homes.SHARED})
        if before is not None and forms.version(self.form) != before.version:
            raise Stale
        if before is None and self.form.get("version") not in ("0", None):
            raise Invalid({"": DELETED})

    async def _stored(self, company_id: str, id: str) -> tuple[str, str, Any | None]:
        """What the thing and the company are called, and what is stored; 404 for what the directory does not have at this company."""
        company = only(await self.nexus.billing_summary([company_id]), company_id)
        if company is None:
            raise HTTPError(404)
        names = {thing.id: thing.name for thing in (company.assets if self.of is ASSET_OVERRIDES else company.contacts)}
        if id not in names:
            raise HTTPError(404)
        # it may be stored under a company that it has left
        return names[id], company.name, await records.visible(self.db, self.of, EVERYWHERE, id)

    async def _show(
        self, company_id: str, id: str, typed: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None, status: int = 422
    ) -> None:
        name, company, record = await self._stored(company_id, id)
        context = await forms.context(self, self.of, record, typed, errors, {"back": self.reverse_url("company", company_id)})
        if record is not None and record.billing_type != "custom":
            context["written"]["price"] = ""
        self.set_status(status if errors else 200)
        around = {"company_id": company_id, "company": company, "name": name, "here": self.request.path, "action": self.request.path}
        self.page("billing-types/form.html", **context, **around)

    async def _show_conflict(self, company_id: str, id: str) -> None:
        name, company, record = await self._stored(company_id, id)
        self.set_status(409)
        context = await forms.conflict(self, self.of, record)
        self.page("billing-types/conflict.html", company_id=company_id, company=company, name=name, here=self.request.path, **context)
