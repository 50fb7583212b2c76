"""Treasury, put together: the table of contents of its addresses, its navigation, and its application."""

from pathlib import Path

from tornado.web import Application, url

from hmlib import admin
from hmlib.application import application
from hmlib.db import Db
from hmlib.migrate import Folder
from hmlib.nexus import Nexus
from hmlib.pages import NavigationItem
from hmlib.settings import Settings
from treasury_srv.api import billing_summary as api_billing_summary
from treasury_srv.bills import Bills
from treasury_srv.pages import companies, home
from treasury_srv.settings import PREFERENCES

HERE = Path(__file__).parent

MIGRATIONS: tuple[Folder, ...] = (("hmlib", HERE.parent / "hmlib" / "migrations"), ("treasury", HERE / "migrations"))

NAVIGATION = (
    NavigationItem("Dashboard", "home", "layout-dashboard", "billing:read"),
    NavigationItem("Companies", "companies", "building", "billing:read"),
    NavigationItem("Settings", "settings", "settings", "settings:admin"),
    NavigationItem("Audit log", "audit", "clipboard-list", "audit:read"),
)

ID = r"([0-9a-f]{8}-[0-9a-f-]{27})"

ROUTES = [
    # browsers
    url(r"/", home.HomePage, name="home"),
    url(r"/companies", companies.CompanyListPage, name="companies"),
    url(r"/companies/export", companies.CompanyExport, name="companies-export"),
    url(rf"/companies/{ID}", companies.CompanyBillPage, name="company"),
    # pieces of pages
    url(r"/companies/rows", companies.CompanyRows, name="company-rows"),
    # other services
    url(r"/api/billing_summary", api_billing_summary.BillingSummary),
    *admin.routes(),
]


def make_app(settings: Settings, db: Db, nexus: Nexus | None) -> Application:
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
        bills=Bills(db, PREFERENCES),
    )
