"""Nexus's table of contents, and how its parts are put together."""

from pathlib import Path

from tornado.web import url

import hmlib
from hmlib.auth.sessions import Sessions
from hmlib.backups.runner import planned_backups
from hmlib.config import Settings
from hmlib.db import change_numbers
from hmlib.db.database import Db
from hmlib.db.migrate import Folder
from hmlib.imports.api import api_of as import_api_of
from hmlib.imports.jobs import jobs_of
from hmlib.imports.pages import pages_of as import_pages_of
from hmlib.keys import Keys, load_master
from hmlib.kinds.custom import definitions
from hmlib.nexus.client import Nexus
from hmlib.records.preferences import Preferences
from hmlib.resources import pickers
from hmlib.resources.api import api_of
from hmlib.resources.pages import pages_of
from hmlib.server import admin
from hmlib.server.application import application
from hmlib.web.handler import ServiceApplication
from hmlib.web.layout import NavigationItem
from nexus_srv.api import announcement, oauth_status, oauth_token, oauth_userinfo, scopes, session, token, well_known
from nexus_srv.api import billing_summary as api_billing_summary
from nexus_srv.api import users as api_users
from nexus_srv.directory.assets import ASSETS
from nexus_srv.directory.companies import COMPANIES
from nexus_srv.directory.contacts import CONTACTS
from nexus_srv.directory.imports import IMPORTS
from nexus_srv.directory.locations import LOCATIONS
from nexus_srv.identity.callers import NexusCallers
from nexus_srv.identity.passwords import Hasher
from nexus_srv.identity.sign_in import SignIn
from nexus_srv.oauth.grants import Grants
from nexus_srv.oauth.outbox import adopt_for_ever, outbox_of
from nexus_srv.oauth.refresh_rotation import Rotations
from nexus_srv.oauth.signing_keys import Signer
from nexus_srv.oauth.token_issuer import Issuer
from nexus_srv.pages import (
    account,
    adopt,
    authorize,
    backups,
    clients,
    companies,
    consent,
    consents,
    contacts,
    end_session,
    home,
    keys,
    login,
    setup,
    users,
)
from nexus_srv.parts import NexusParts
from nexus_srv.settings import PREFERENCES
from nexus_srv.sweeping import SWEEP

HERE = Path(__file__).parent
MIGRATIONS: list[Folder] = [("hmlib", Path(hmlib.__file__).parent / "migrations"), ("nexus", HERE / "migrations")]

CUSTOM_FIELDS = definitions(COMPANIES, LOCATIONS, ASSETS)

ROUTES = [
    # browsers: signing in and out
    url(r"/", home.HomePage, name="home"),
    url(r"/login", login.SignInPage, name="login"),
    url(r"/logout", login.SignOutPage, name="logout"),
    url(r"/confirm", login.ConfirmPage, name="confirm"),
    url(r"/setup", setup.SetupPage, name="setup"),
    url(r"/setup/password", setup.SetupPassword, name="setup-password"),
    url(r"/sso/adopt", adopt.Adopt, name="sso-adopt"),
    url(r"/sso/finish", adopt.Finish, name="sso-finish"),
    url(r"/sso/switch", adopt.Switch, name="sso-switch"),
    url(r"/oauth/authorize", authorize.Authorize, name="authorize"),
    url(r"/oauth/consent", consent.Consent, name="consent"),
    url(r"/oauth/logout", end_session.EndSession, name="end-session"),
    # browsers: oneself
    url(r"/account", account.AccountPage, name="account"),
    url(r"/account/password", account.AccountPassword, name="account-password"),
    url(r"/account/sessions/end", account.AccountSessionsEnd, name="account-sessions-end"),
    url(r"/account/sessions/([\w-]+)/end", account.AccountSessionsEnd, name="account-session-end"),
    # browsers: the directory
    *pages_of(COMPANIES, shows=companies.tabs),
    url(r"/companies/([\w-]+)/contacts", companies.CompanyPartPage, {"of": CONTACTS}, name="company-contacts"),
    url(r"/companies/([\w-]+)/contacts/rows", companies.CompanyPartRows, {"of": CONTACTS}, name="company-contact-rows"),
    url(r"/companies/([\w-]+)/locations", companies.CompanyPartPage, {"of": LOCATIONS}, name="company-locations"),
    url(r"/companies/([\w-]+)/locations/rows", companies.CompanyPartRows, {"of": LOCATIONS}, name="company-location-rows"),
    url(r"/companies/([\w-]+)/assets", companies.CompanyPartPage, {"of": ASSETS}, name="company-assets"),
    url(r"/companies/([\w-]+)/assets/rows", companies.CompanyPartRows, {"of": ASSETS}, name="company-asset-rows"),
    *pages_of(CONTACTS, shows=contacts.beside, export=contacts.ContactExport),
    url(r"/contacts/([\w-]+)/companies", contacts.ContactPlaces, {"of": CONTACTS}, name="contact-companies"),
    url(r"/contacts/([\w-]+)/companies/([\w-]+)", contacts.ContactPlace, {"of": CONTACTS}, name="contact-company"),
    *pages_of(LOCATIONS),
    *pages_of(ASSETS),
    *pages_of(CUSTOM_FIELDS),
    # browsers: imports
    *import_pages_of(IMPORTS),
    url(r"/account/programs", consents.ConsentListPage, name="consents"),
    url(r"/account/programs/([\w-]+)/end", consents.ConsentEnd, name="consent-end"),
    # browsers: the people who sign in
    url(r"/users", users.UserListPage, name="users"),
    url(r"/users/rows", users.UserRows, name="user-rows"),
    url(r"/users/export", users.UserExport, name="users-export"),
    url(r"/users/new", users.UserNewPage, name="user-new"),
    url(r"/users/([\w-]+)", users.UserPage, name="user"),
    url(r"/users/([\w-]+)/edit", users.UserEditPage, name="user-edit"),
    url(r"/users/([\w-]+)/status", users.UserStatus, name="user-status"),
    url(r"/users/([\w-]+)/invite", users.UserInvite, name="user-invite"),
    url(r"/users/([\w-]+)/access", users.UserAccessPage, name="user-access"),
    url(r"/users/([\w-]+)/sessions/end", users.UserSessionsEnd, name="user-sessions-end"),
    url(r"/users/([\w-]+)/sessions/([\w-]+)/end", users.UserSessionsEnd, name="user-session-end"),
    # browsers: the programs they sign in to
    url(r"/clients", clients.ClientListPage, name="clients"),
    url(r"/clients/new", clients.ClientNewPage, name="client-new"),
    url(r"/clients/([\w-]+)", clients.ClientPage, name="client"),
    url(r"/clients/([\w-]+)/edit", clients.ClientEditPage, name="client-edit"),
    url(r"/clients/([\w-]+)/secret", clients.ClientSecret, name="client-secret"),
    url(r"/clients/([\w-]+)/status", clients.ClientStatus, name="client-status"),
    url(r"/keys", keys.KeyListPage, name="keys"),
    url(r"/keys/rotation", keys.KeyRotation, name="key-rotation"),
    url(r"/keys/([\w-]+)/compromise", keys.KeyCompromise, name="key-compromise"),
    url(r"/backups", backups.BackupListPage, name="backups"),
    url(r"/backups/release", backups.OutboxRelease, name="outbox-release"),
    # other services and programs
    url(r"/oauth/token", oauth_token.TokenEndpoint),
    url(r"/oauth/userinfo", oauth_userinfo.UserinfoEndpoint),
    url(r"/oauth/revoke", oauth_status.RevocationEndpoint),
    url(r"/oauth/introspect", oauth_status.IntrospectionEndpoint),
    url(r"/.well-known/openid-configuration", well_known.Configuration),
    url(r"/.well-known/oauth-authorization-server", well_known.Configuration),
    url(r"/.well-known/jwks.json", well_known.KeySet),
    url(r"/api/session", session.OwnSession),
    url(r"/api/token", token.Token),
    url(r"/api/announcement", announcement.Announcement),
    url(r"/api/me", api_users.Me),
    url(r"/api/scopes", scopes.ScopeList),
    url(r"/api/users", api_users.UserList),
    url(r"/api/users:lookup", api_users.UserLookup),
    url(r"/api/users/([\w-]+)", api_users.OneUser),
    *api_of(COMPANIES),
    *api_of(CONTACTS),
    *api_of(LOCATIONS),
    *api_of(ASSETS),
    *api_of(CUSTOM_FIELDS),
    url(r"/api/billing_summary", api_billing_summary.BillingSummary),
    *import_api_of(IMPORTS),
    # what every service has
    *admin.routes(),
]

NAVIGATION = [
    NavigationItem("Companies", "companies", "building", "directory:read"),
    NavigationItem("Contacts", "contacts", "address-book", "directory:read"),
    NavigationItem("Locations", "locations", "map-pin", "directory:read"),
    NavigationItem("Assets", "assets", "device-desktop", "directory:read"),
    NavigationItem("Import", "imports", "file-import", "directory:write"),
    NavigationItem("Users", "users", "users", "users:read"),
    NavigationItem("Programs", "clients", "plug-connected", "clients:admin"),
    NavigationItem("Custom fields", "custom-fields", "adjustments-horizontal", "settings:admin"),
    NavigationItem("Settings", "settings", "settings", "settings:admin"),
    NavigationItem("Jobs", "jobs", "list-check", "settings:admin"),
    NavigationItem("Backups", "backups", "database", "settings:admin"),
    NavigationItem("Audit log", "audit", "clipboard-list", "audit:read"),
]


def make_app(settings: Settings, db: Db, nexus: Nexus | None) -> ServiceApplication:
    """Nexus's application; `nexus` is None here, for Nexus does not call itself."""
    keys = Keys(load_master(settings.master_key_file), settings.service)
    preferences = Preferences(PREFERENCES)
    signer = Signer(db, keys, settings.origin)
    issuer, sessions = Issuer(keys, signer), Sessions(db, keys)
    return application(
        settings,
        db,
        None,
        routes=ROUTES,
        templates=HERE / "templates",
        preferences=preferences,
        navigation=NAVIGATION,
        callers=NexusCallers(db, signer.verifier),
        state=change_numbers.latest,
        imported=("companies", "contacts", "locations", "assets"),
        pickers={
            "companies": pickers.local(COMPANIES),
            "contacts": pickers.local(CONTACTS),
            "locations": pickers.local(LOCATIONS),
        },
        keys=keys,
        parts=NexusParts(
            signer=signer,
            issuer=issuer,
            grants=Grants(db, keys, preferences, issuer, Rotations(db)),
            sign_in=SignIn(db, keys, Hasher(), sessions, preferences),
        ),
        jobs=[*jobs_of(IMPORTS), SWEEP, planned_backups(lambda: preferences.text(db, "time_zone"))],
        background=[signer.follow, outbox_of(db, signer, settings).run, lambda: adopt_for_ever(db)],
    )
