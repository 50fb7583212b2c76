"""The directory as modules see it: the shapes Nexus answers with. Unknown fields are passed over, so that Nexus may grow first."""

import msgspec


class Company(msgspec.Struct, frozen=True):
    """A company. ``account_number`` is six digits; ``status`` is prospect, active or inactive."""

    id: str
    account_number: str
    name: str
    status: str
    main_phone: str = ""
    website: str = ""
    compliance_level: str = "standard"


class Contact(msgspec.Struct, frozen=True):
    """A person at a company (or several)."""

    id: str
    name: str
    email: str = ""
    phone: str = ""
    title: str = ""
    active: bool = True
    external_id: str | None = None


class Location(msgspec.Struct, frozen=True):
    """A place of a company."""

    id: str
    company_id: str
    name: str
    city: str = ""
    country: str = ""


class Asset(msgspec.Struct, frozen=True):
    """A device of a company; ``type`` is workstation, server, vm, switch, firewall or other."""

    id: str
    company_id: str
    name: str
    type: str
    external_id: str | None = None


class User(msgspec.Struct, frozen=True):
    """A person who signs in."""

    id: str
    username: str
    display_name: str
    permission_level: str
    status: str = "active"


class AssetFacts(msgspec.Struct, frozen=True, gc=False):
    """What billing may know of a device; days are ISO dates, ``backup_bytes`` bytes, ``retired_on`` the first day that no longer counts."""

    id: str
    name: str
    type: str
    external_id: str | None = None
    active_on: str | None = None
    retired_on: str | None = None
    backup_bytes: int = 0
    measured_at: str | None = None


class ContactFacts(msgspec.Struct, frozen=True, gc=False):
    """What billing may know of a person; ``ended_on`` is the first day that no longer counts."""

    id: str
    name: str
    external_id: str | None = None
    email: str = ""
    active: bool = True
    billable: bool = True
    exclusion_reason: str = ""
    active_on: str | None = None
    ended_on: str | None = None


class CompanyFacts(msgspec.Struct, frozen=True, gc=False):
    """One company of the billing summary, with everything that can be counted; ``number`` is that of the last change of any of it, -1
    where Nexus does not count."""

    id: str
    account_number: str
    name: str
    status: str
    assets: tuple[AssetFacts, ...] = ()
    contacts: tuple[ContactFacts, ...] = ()
    number: int = -1

    def things(self) -> list[str]:
        """The ids of its devices and people."""
        return [asset.id for asset in self.assets] + [contact.id for contact in self.contacts]


class Summary(msgspec.Struct, frozen=True):
    """Nexus's billing summary: every company the caller may see. ``etag`` names this very state."""

    as_of: str
    companies: list[CompanyFacts]
    etag: str = ""


class UserScope(msgspec.Struct, frozen=True):
    """Which companies one user may see: rule all, only or except."""

    user_id: str
    rule: str
    company_ids: list[str] = []


class Person(msgspec.Struct, frozen=True):
    """Who signed in, as /api/token names them."""

    id: str
    username: str
    permission_level: str
    display_name: str = ""


class SignedIn(msgspec.Struct, frozen=True):
    """Nexus's answer to a sign-in, a code or a refresh, whatever the endpoint calls its fields. ``expires_in`` is seconds."""

    token: str
    expires_in: int
    refresh_token: str
    session_expires_at: str
    ticket: str = ""
    id_token: str = ""
    user: Person | None = None
