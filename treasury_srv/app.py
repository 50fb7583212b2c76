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
from treasury_srv.catalogue import labour, line_items
from treasury_srv.catalogue.agreements import AGREEMENTS
from treasury_srv.catalogue.billing_types import ASSET_OVERRIDES, CONTACT_OVERRIDES
from treasury_srv.catalogue.labour import LABOUR
from treasury_srv.catalogue.line_items import LINE_ITEMS
from treasury_srv.catalogue.manual_items import MANUAL_ITEMS
from treasury_srv.catalogue.overrides import OVERRIDES
from treasury_srv.catalogue.plans import PLANS
from treasury_srv.catalogue.prices import PRICES
from treasury_srv.imports.files import IMPORTS
from treasury_srv.invoices.bills import Bills
from treasury_srv.pages import (
    agreements,
    billing_types,
    companies,
    home,
    plans,
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
    url(r"/companies/picker", CompanyPicker, name="companies-picker"),
    *pages_of(LINE_ITEMS, fills=line_items.form),
    *pages_of(LABOUR, fills=labour.form),
    url(rf"/companies/{ID}/devices/{ID}/billing", billing_types.BillingType, {"of": ASSET_OVERRIDES}, name="asset-billing"),
    url(rf"/companies/{ID}/people/{ID}/billing", billing_types.BillingType, {"of": CONTACT_OVERRIDES}, name="contact-billing"),
    *pages_of(AGREEMENTS, shows=agreements.page, fills=agreements.form, rows=agreements.rows),
    url(rf"/agreements/{ID}/end", agreements.AgreementEnd, name="agreement-end"),
    *pages_of(OVERRIDES, fills=agreements.override_form),
    *pages_of(MANUAL_ITEMS, fills=agreements.manual_form),
    *pages_of(PLANS, shows=plans.page, rows=plans.rows),
    *pages_of(PRICES, fills=plans.price_form),
    *import_pages_of(IMPORTS),
    # pieces of pages
    url(r"/companies/rows", companies.CompanyRows, name="company-rows"),
    # other services
    url(r"/api/billing_summary", api_billing_summary.BillingSummary),
    *api_of(LINE_ITEMS),
    *api_of(LABOUR),
    *api_of(AGREEMENTS),
    url(rf"/api/agreements/{ID}/end", api_agreements.AgreementEnd, {"of": AGREEMENTS}),
    *api_of(OVERRIDES),
    *api_of(MANUAL_ITEMS),
    *api_of(PLANS),
    *api_of(PRICES),
    *api_billing_types.routes(),
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
        imported=("agreements", "overrides", "prices", "line-items"),
        jobs=jobs_of(IMPORTS),
        pickers={"companies": pickers.DIRECTORY_COMPANIES, "plans": pickers.local(PLANS), "agreements": agreements.SOURCE},
        parts=TreasuryParts(Bills(db, PREFERENCES, settings.epoch)),
    )
