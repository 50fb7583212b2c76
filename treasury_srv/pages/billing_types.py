"""How one device or person of the directory is billed instead of by its own kind."""

from typing import Any

from msgspec import structs
from tornado.web import HTTPError

from hmlib.auth.permissions import CompanyScope, allowed
from hmlib.errors import Invalid
from treasury_srv.catalogue import homes
from treasury_srv.catalogue.kinds import ASSET_OVERRIDES, CONTACT_OVERRIDES, Noun
from treasury_srv.catalogue.shared_people import shared_people
from treasury_srv.invoices.gathering import only
from treasury_srv.pages.entries import EntryHandler, Frame
from treasury_srv.queries.billing_types import AssetOverride, ContactOverride

EVERYWHERE = CompanyScope()


class BillingTypeHandler(EntryHandler):
    """What the forms for devices and for people share; the address names the company and the thing."""

    routes: tuple[str, str]

    def empty(self, company_id: str, id: str) -> Any:
        raise NotImplementedError

    async def names(self, company_id: str) -> tuple[str, dict[str, str]]:
        """The company's name, and those of its devices or people by id; 404 for a company that the caller does not see."""
        company = only(await self.nexus.billing_summary([company_id]), company_id)
        if company is None:
            raise HTTPError(404)
        things = company.assets if self.noun is ASSET_OVERRIDES else company.contacts
        return company.name, {thing.id: thing.name for thing in things}

    async def stored(self, company_id: str, id: str) -> Any:
        """What is stored, or how it would begin; 404 for what the directory does not have at this company."""
        _, names = await self.names(company_id)
        if id not in names:
            raise HTTPError(404)
        found = await self.noun.visible(self.db, EVERYWHERE, id)  # it may be stored under a company that it has left
        return structs.replace(found, company_id=company_id) if found else self.empty(company_id, id)

    async def entry(self, id: str) -> Any:
        """What is stored, for the company in the address; else 404."""
        found = await self.stored(self.path_args[0], id)
        if not found.version:
            raise HTTPError(404)
        return found

    async def frame(self, entry: Any) -> Frame:
        id = self.noun.id(entry)
        name, names = await self.names(entry.company_id)
        company = self.reverse_url("company", entry.company_id)
        crumbs = (("Companies", self.reverse_url("companies")), (name, company))
        here, removal = (self.reverse_url(route, entry.company_id, id) for route in self.routes)
        return Frame(f"How {names.get(id, id)} is billed", here, company, crumbs, removal if entry.version else "")

    async def show(self, company_id: str, id: str) -> None:
        entry = await self.stored(company_id, id)
        await self.show_form(entry, values={} if entry.billing_type == "custom" else {"price": "", "billing_type": entry.billing_type})

    async def save(self, company_id: str, id: str) -> None:
        entry = await self.stored(company_id, id)
        if entry.version:
            await self.change(id)
        else:
            await self.create(entry)

    async def check(self, before: Any, wanted: Any) -> None:
        await self.check_shared(wanted)
        if before is None and self.form.get("version") not in ("0", None):
            raise Invalid({"": "Somebody has just deleted what you were changing; save again to put it back."})

    async def check_shared(self, entry: Any) -> None:
        """Raises Invalid where another company's bill, which the caller does not see, would change too."""


class AssetHandler(BillingTypeHandler):
    """What both addresses of a device share."""

    noun: Noun[Any] = ASSET_OVERRIDES
    routes = ("asset-billing", "asset-billing-removal")

    def empty(self, company_id: str, id: str) -> Any:
        return AssetOverride(asset_id=id, company_id=company_id, billing_type="")


class AssetBilling(AssetHandler):
    """How a device is billed."""

    @allowed("billing:write")
    async def get(self, company_id: str, id: str) -> None:
        await self.show(company_id, id)

    @allowed("billing:write")
    async def post(self, company_id: str, id: str) -> None:
        await self.save(company_id, id)


class AssetBillingRemoval(AssetHandler):
    """Back to the device's own type."""

    @allowed("billing:write")
    async def post(self, company_id: str, id: str) -> None:
        await self.remove(self.noun.id(await self.stored(company_id, id)))


class ContactHandler(BillingTypeHandler):
    """What both addresses of a person share."""

    noun: Noun[Any] = CONTACT_OVERRIDES
    routes = ("contact-billing", "contact-billing-removal")

    async def check_shared(self, entry: Any) -> None:
        if entry.contact_id in await shared_people(self):
            raise Invalid({"": homes.SHARED})

    def empty(self, company_id: str, id: str) -> Any:
        return ContactOverride(contact_id=id, company_id=company_id, billing_type="")


class ContactBilling(ContactHandler):
    """How a person is billed."""

    @allowed("billing:write")
    async def get(self, company_id: str, id: str) -> None:
        await self.show(company_id, id)

    @allowed("billing:write")
    async def post(self, company_id: str, id: str) -> None:
        await self.save(company_id, id)


class ContactBillingRemoval(ContactHandler):
    """Back to a paid user."""

    @allowed("billing:write")
    async def post(self, company_id: str, id: str) -> None:
        entry = await self.stored(company_id, id)
        try:
            await self.check_shared(entry)
        except Invalid as refusal:
            await self.show_form(entry, 422, errors=refusal.errors)
            return
        await self.remove(self.noun.id(entry))
