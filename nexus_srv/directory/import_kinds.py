"""How each kind of file is read into the directory: which entry a row means, and which fields it gives."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from hmlib import clock
from hmlib.errors import Invalid
from nexus_srv.directory.contacts import billed_elsewhere
from nexus_srv.directory.import_plan import BadRow, Key, Planner, form, fresh
from nexus_srv.directory.kinds import ASSETS, CONTACTS
from nexus_srv.queries.assets import Asset
from nexus_srv.queries.contacts import Contact, Link

_PLACE = ("address", "city", "region", "postal_code", "country")


class AssetPlanner(Planner[Asset]):
    """Assets match by external id, else by company and name: the same host name in two companies is two assets."""

    noun = ASSETS
    columns_of = {"company_id": "company_account_number", "contact_id": "contact_email"}

    def keys(self, entry: Asset) -> Iterable[Key]:
        yield (entry.company_id, form(entry.name))

    def key(self, values: Mapping[str, Any]) -> Key | None:
        return (self.known.company(values["company_account_number"]).id, form(values["name"]))

    def start(self, values: Mapping[str, Any]) -> Asset:
        return Asset(**fresh(values["external_id"]), company_id="", name=values["name"])

    def changed(self, entry: Asset, values: Mapping[str, Any]) -> dict[str, Any]:
        company_id = self.known.company(values["company_account_number"]).id
        fields: dict[str, Any] = {
            "company_id": company_id,
            **self.given(values, "serial", "operating_system"),
            **self.given(values, "backup_bytes", empty=0),
            **self.chosen(values, "name", "type", "external_id"),
            **{name: _day(values[name]) for name in ("active_on", "retired_on") if name in self.present},
        }
        if values["last_seen_at"] is not None:
            fields["last_seen_at"] = _moment(values["last_seen_at"])
        if values["backup_bytes"] is not None and (entry.measured_at is None or values["backup_bytes"] != entry.backup_bytes):
            fields["measured_at"] = self.now
        if values["measured_at"] is not None:
            fields["measured_at"] = _moment(values["measured_at"])
        if "contact_email" in self.present:
            fields["contact_id"] = self._contact(company_id, values["contact_email"])
        elif entry.company_id != company_id:
            fields["contact_id"] = None
        return fields

    def _contact(self, company_id: str, address: str | None) -> str | None:
        if address is None:
            return None
        found = self.known.contacts.get((company_id, address.casefold()))
        if found is None:
            raise BadRow("contact_email", "There is no contact with this address at this company.")
        return found


class ContactPlanner(Planner[Contact]):
    """Contacts match by external id, else by company and e-mail address, else (a row with neither) by company and name."""

    noun = CONTACTS
    columns_of = {"emails": "email", "companies": "company_account_number"}

    def keys(self, entry: Contact) -> Iterable[Key]:
        for link in entry.companies:
            yield from ((link.company_id, "@", address.casefold()) for address in entry.emails)
            yield (link.company_id, "name", form(entry.name))

    def key(self, values: Mapping[str, Any]) -> Key | None:
        company_id = self.known.company(values["company_account_number"]).id
        if values["email"] is not None:
            return (company_id, "@", values["email"].casefold())
        return (company_id, "name", form(_name(values))) if values["external_id"] is None and _name(values) else None

    def start(self, values: Mapping[str, Any]) -> Contact:
        if not _name(values) and values["email"] is None:
            raise BadRow("email", "A contact needs a name or an e-mail address.")
        return Contact(**fresh(values["external_id"]), name=_name(values) or values["email"], billable=values["exclusion_reason"] is None)

    def changed(self, entry: Contact, values: Mapping[str, Any]) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "companies": self._links(entry, values),
            **self.given(values, "first_name", "last_name", "phone", "title", "exclusion_reason"),
            **self.chosen(values, "active", "billable", "external_id"),
            **{name: _day(values[name]) for name in ("active_on", "ended_on") if name in self.present},
        }
        if _name(values):
            fields["name"] = _name(values)
        if values["exclusion_reason"] is not None and values["billable"] is None:
            fields["billable"] = False
        if values["email"] is not None:
            fields["emails"] = _emails(entry, values["email"])
        return fields

    def check(self, found: Contact | None, after: Contact) -> None:
        hidden = [link for link in found.companies if not self.known.scope.sees(link.company_id)] if found else []
        if hidden and (wrong := billed_elsewhere(found, after)):
            raise Invalid(wrong)

    def _links(self, entry: Contact, values: Mapping[str, Any]) -> tuple[Link, ...]:
        """The row's company replaces the only one a contact had, and joins several."""
        company_id = self.known.company(values["company_account_number"]).id
        earlier = {link.company_id: link for link in entry.companies}
        link = earlier.get(company_id, Link(company_id=company_id))
        if "role" in self.present:
            link = msgspec.structs.replace(link, role=values["role"] or "")
        others = [other for other in entry.companies if other.company_id != company_id]
        kept = others if company_id in earlier or len(earlier) > 1 else []
        return (link, *kept)


PLANNERS: Mapping[str, type[Planner[Any]]] = {
    "contacts": ContactPlanner,
    "assets": AssetPlanner,
}


def _name(values: Mapping[str, Any]) -> str:
    return " ".join(part for part in (values["first_name"], values["last_name"]) if part)


def _emails(entry: Contact, address: str) -> tuple[str, ...]:
    """The row's address is the primary one, in place of the one before; the others stay."""
    if any(address.casefold() == known.casefold() for known in entry.emails):
        same = next(known for known in entry.emails if known.casefold() == address.casefold())
        return (address, *(known for known in entry.emails if known != same))
    return (address, *entry.emails[1:])


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _moment(value: datetime) -> str:
    return clock.shifted(value.isoformat(), 0)
