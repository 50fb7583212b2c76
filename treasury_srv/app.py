"""Treasury, put together: the table of contents of its addresses, its navigation, and its application."""

from pathlib import Path

from tornado.web import url

from hmlib.config import Settings
from hmlib.db.database import Db
from hmlib.db.migrate import Folder
from hmlib.imports.api import api_of as import_api_of
from hmlib.imports.jobs import jobs_of
from hmlib.imports.pages import pages_of as import_pages_of
from hmlib.nexus.client import Nexus
from hmlib.resources import pickers
from hmlib.resources.api import api_of
from hmlib.resources.pages import CompanyPicker, pages_of
from hmlib.server import admin
from hmlib.server.application import application
from hmlib.web.handler import ServiceApplication
from hmlib.web.layout import NavigationItem
from treasury_srv.api import agreements as api_agreements
from treasury_srv.api import billing_summary as api_billing_summary
from treasury_srv.api import billing_types as api_billing_types
from treasury_srv.api import overrides as api_overrides
from treasury_srv.api import plans as api_plans
from treasury_srv.catalogue import labour, line_items
from treasury_srv.catalogue.labour import LABOUR
from treasury_srv.catalogue.line_items import LINE_ITEMS
from treasury_srv.imports.files import IMPORTS
from treasury_srv.invoices.bills import Bills
from treasury_srv.pages import (
    agreement_ends,
    agreements,
    billing_types,
    companies,
    home,
    overrides,
    plans,
    prices,
)
from treasury_srv.parts import TreasuryParts
from treasury_srv.settings import PREFERENCES

HERE = Path(__file__).parent

MIGRATIONS: tuple[Folder, ...] = (("hmlib", HERE.parent / "hmlib" / "migrations"), ("treasury", HERE / "migrations"))

NAVIGATION = (
    NavigationItem("Dashboard", "home", "layout-dashboard", "billing:read", staff=True),
    NavigationItem("Companies", "companies", "building", "billing:read"),
    NavigationItem("Agreements", "agreements", "file-text", "billing:read", staff=True),
    NavigationItem("Labour", "labour-entries", "clock", "labour:read"),
    NavigationItem("Plans", "plans", "tags", "billing:read", staff=True),
    NavigationItem("Import", "imports", "file-import", "labour:write"),
    NavigationItem("Settings", "settings", "settings", "settings:admin"),
    NavigationItem("Jobs", "jobs", "list-check", "settings:admin"),
    NavigationItem("Audit log", "audit", "clipboard-list", "audit:read"),
)

ID = r"([0-9a-f]{8}-[0-9a-f-]{27})"
KIND = r"([a-z-]+)"

ROUTES = [
    # browsers
    url(r"/", home.HomePage, name="home"),
    url(r"/companies", companies.CompanyListPage, name="companies"),
    url(r"/companies/export", companies.CompanyExport, name="companies-export"),
    url(rf"/companies/{ID}", companies.CompanyBillPage, name="company"),
    url(rf"/companies/{ID}/agreements", agreements.AgreementNewPage, name="company-agreements"),
    url(rf"/companies/{ID}/devices/{ID}/billing", billing_types.AssetBilling, name="asset-billing"),
    url(rf"/companies/{ID}/devices/{ID}/billing/removal", billing_types.AssetBillingRemoval, name="asset-billing-removal"),
    url(rf"/companies/{ID}/people/{ID}/billing", billing_types.ContactBilling, name="contact-billing"),
    url(rf"/companies/{ID}/people/{ID}/billing/removal", billing_types.ContactBillingRemoval, name="contact-billing-removal"),
    url(r"/companies/picker", CompanyPicker, name="companies-picker"),
    *pages_of(LINE_ITEMS, fills=line_items.form),
    *pages_of(LABOUR, fills=labour.form),
    url(r"/agreements", agreements.AgreementListPage, name="agreements"),
    url(r"/agreements/export", agreements.AgreementExport, name="agreements-export"),
    url(rf"/agreements/{ID}", agreements.AgreementPage, name="agreement"),
    url(rf"/agreements/{ID}/edit", agreements.AgreementEditPage, name="agreement-edit"),
    url(rf"/agreements/{ID}/end", agreement_ends.AgreementEnd, name="agreement-end"),
    url(rf"/agreements/{ID}/removal", agreements.AgreementRemoval, name="agreement-removal"),
    url(rf"/agreements/{ID}/overrides", overrides.OverrideNewPage, name="agreement-overrides"),
    url(rf"/overrides/{ID}", overrides.OverridePage, name="override"),
    url(rf"/overrides/{ID}/removal", overrides.OverrideRemoval, name="override-removal"),
    url(rf"/agreements/{ID}/manual-items", overrides.ManualItemNewPage, name="agreement-manual-items"),
    url(rf"/manual-items/{ID}", overrides.ManualItemPage, name="manual-item"),
    url(rf"/manual-items/{ID}/removal", overrides.ManualItemRemoval, name="manual-item-removal"),
    url(r"/plans", plans.PlanListPage, name="plans"),
    url(r"/plans/new", plans.PlanNewPage, name="plan-new"),
    url(rf"/plans/{ID}", plans.PlanPage, name="plan"),
    url(rf"/plans/{ID}/edit", plans.PlanEditPage, name="plan-edit"),
    url(rf"/plans/{ID}/removal", plans.PlanRemoval, name="plan-removal"),
    url(rf"/plans/{ID}/prices", prices.PriceNewPage, name="plan-prices"),
    url(rf"/prices/{ID}", prices.PricePage, name="price"),
    url(rf"/prices/{ID}/removal", prices.PriceRemoval, name="price-removal"),
    *import_pages_of(IMPORTS),
    # pieces of pages
    url(r"/companies/rows", companies.CompanyRows, name="company-rows"),
    url(r"/agreements/rows", agreements.AgreementRows, name="agreement-rows"),
    url(r"/plans/rows", plans.PlanRows, name="plan-rows"),
    # other services
    url(r"/api/billing_summary", api_billing_summary.BillingSummary),
    url(r"/api/agreements", api_agreements.AgreementList),
    url(r"/api/agreements:lookup", api_agreements.AgreementLookup),
    url(rf"/api/agreements/{ID}", api_agreements.AgreementEntry),
    url(rf"/api/agreements/{ID}/end", api_agreements.AgreementEnd),
    url(r"/api/overrides", api_overrides.OverrideList),
    url(r"/api/overrides:lookup", api_overrides.OverrideLookup),
    url(rf"/api/overrides/{ID}", api_overrides.OverrideEntry),
    url(r"/api/manual-items", api_overrides.ManualItemList),
    url(r"/api/manual-items:lookup", api_overrides.ManualItemLookup),
    url(rf"/api/manual-items/{ID}", api_overrides.ManualItemEntry),
    *api_of(LINE_ITEMS),
    *api_of(LABOUR),
    url(r"/api/asset-overrides", api_billing_types.AssetOverrideList),
    url(r"/api/asset-overrides:lookup", api_billing_types.AssetOverrideLookup),
    url(rf"/api/asset-overrides/{ID}", api_billing_types.AssetOverrideEntry),
    url(r"/api/contact-overrides", api_billing_types.ContactOverrideList),
    url(r"/api/contact-overrides:lookup", api_billing_types.ContactOverrideLookup),
    url(rf"/api/contact-overrides/{ID}", api_billing_types.ContactOverrideEntry),
    url(r"/api/plans", api_plans.PlanList),
    url(r"/api/plans:lookup", api_plans.PlanLookup),
    url(rf"/api/plans/{ID}", api_plans.PlanEntry),
    url(r"/api/prices", api_plans.PriceList),
    url(r"/api/prices:lookup", api_plans.PriceLookup),
    url(rf"/api/prices/{ID}", api_plans.PriceEntry),
    *import_api_of(IMPORTS),
    *admin.routes(),
]


def make_app(settings: Settings, db: Db, nexus: Nexus | None) -> ServiceApplication:
    """Treasury's application over its database and the Nexus it asks."""
    return application(
        settings,
        db,
        nexus,
        routes=ROUTES,
        templates=HERE / "templates",
        preferences=PREFERENCES,
        navigation=NAVIGATION,
        search_route="companies",
        jobs=jobs_of(IMPORTS),
        pickers={"companies": pickers.DIRECTORY_COMPANIES},
        parts=TreasuryParts(Bills(db, PREFERENCES, settings.epoch)),
    )
