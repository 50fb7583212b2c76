"""How files of people and of devices are planned: whom a row means, and what it says otherwise than by a column of a field's own."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from msgspec import structs

from hmlib.db.database import Db
from hmlib.db.list_query import folded
from hmlib.imports.kind import BadRow, Ground
from hmlib.imports.plan.known import Key, NaturalKey, Reference
from hmlib.imports.plan.of_resource import FileOf
from hmlib.imports.reading import COMPANY
from nexus_srv.directory.assets import ASSETS, Asset
from nexus_srv.directory.contact_record import Contact, Link
from nexus_srv.directory.contacts import CONTACTS
from nexus_srv.directory.import_columns import READ
from nexus_srv.queries import contacts

NOBODY = "There is no contact with this address at this company."
NAMELESS = "A contact needs a name or an e-mail address."
ADDRESS, NAME = "@", "name"


def _name(values: Mapping[str, Any], before: Contact | None = None) -> str:
    """First and last name in one; where the file has but one of them, with the other as it stands."""
    parts = [values.get(part, getattr(before, part, None)) for part in ("first_name", "last_name")]
    return " ".join(part for part in parts if part) if values.get("first_name") or values.get("last_name") else ""


def contact_key(company_id: str, values: Mapping[str, Any]) -> Key | None:
    """Company and address; of a row with neither address nor external id company and name."""
    if values.get("email") is not None:
        return company_id, ADDRESS, values["email"].casefold()
    name = _name(values)
    return (company_id, NAME, folded(name)) if values.get("external_id") is None and name else None


def contact_keys(contact: Contact) -> Iterable[Key]:
    """All by which a contact may be meant."""
    for link in contact.companies:
        yield from ((link.company_id, ADDRESS, address.casefold()) for address in contact.emails)
        yield link.company_id, NAME, folded(contact.name)


async def contacts_having(db: Db, keys: Collection[Key]) -> list[tuple[Key, str]]:
    """The ids of those who have one of the keys."""
    found: list[tuple[Key, str]] = []
    for by, asked in ((ADDRESS, contacts.by_address), (NAME, contacts.by_name)):
        wanted = {(company_id, said) for company_id, kind, said in keys if kind == by}
        for (company_id, said), ids in (await asked(db, wanted) if wanted else {}).items():
            found += [((company_id, by, said), id) for id in ids]
    return found


def contact_given(ground: Ground, company_id: str, values: Mapping[str, Any], before: Contact | None) -> dict[str, Any]:
    """Name, addresses and companies of a person, and that who has a reason not to be billed is not."""
    name, email = _name(values, before), values.get("email")
    if before is None and not name and email is None:
        raise BadRow("email", NAMELESS)
    given: dict[str, Any] = {"company_id": company_id, "companies": _links(before, company_id, values)}
    if name:
        given["name"] = name
    if email is not None:
        given["emails"] = _emails(before.emails if before else (), email)
    if values.get("exclusion_reason") is not None and values.get("billable") is None:
        given["billable"] = False
    return given


def _links(before: Contact | None, company_id: str, values: Mapping[str, Any]) -> tuple[Link, ...]:
    """The row's company replaces the only one a contact had, and joins several."""
    earlier = {link.company_id: link for link in before.companies} if before else {}
    link = earlier.get(company_id, Link(company_id=company_id))
    if "role" in values:
        link = structs.replace(link, role=values["role"] or "")
    others = [other for other in earlier.values() if other.company_id != company_id]
    kept = others if company_id in earlier or len(earlier) > 1 else []
    return (link, *kept)


def _emails(known: tuple[str, ...], address: str) -> tuple[str, ...]:
    """The row's address is the primary one, in place of the one before; the others stay."""
    if any(address.casefold() == one.casefold() for one in known):
        return (address, *(one for one in known if one.casefold() != address.casefold()))
    return (address, *known[1:])


async def users_of(db: Db, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The contact whom a company has under an address: of several the one that was made last."""
    return {pair: ids[-1] for pair, ids in (await contacts.by_address(db, wanted)).items()}


def asset_given(ground: Ground, company_id: str, values: Mapping[str, Any], before: Asset | None) -> dict[str, Any]:
    """A size that is told for the first time was measured now, be it none; further ones when they change (see assets.completed)."""
    told = values.get("backup_bytes") is not None and values.get("measured_at") is None
    return {"measured_at": ground.now} if told and (before is None or before.measured_at is None) else {}


CONTACT_FILE = FileOf(
    of=CONTACTS,
    columns=READ["contacts"],
    keys=(NaturalKey(row=contact_key, record=contact_keys, find=contacts_having),),
    given=contact_given,
    called={"emails": "email", "companies": COMPANY},
)
ASSET_FILE = FileOf(
    of=ASSETS,
    columns=READ["assets"],
    keys=(("company_id", "name_form"),),
    refers=(Reference(attribute="contact_id", column="contact_email", find=users_of, told=contacts.addresses, said=NOBODY),),
    given=asset_given,
    called={"contact_id": "contact_email"},
)
