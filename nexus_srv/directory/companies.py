"""Companies: those the MSP looks after, and those it would like to."""

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import structs

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import folded
from hmlib.errors import NotAllowed
from hmlib.kinds.resource import Field, Lifecycle, Record, Removal, Resource, Unique, Writer
from hmlib.kinds.several import Words
from hmlib.kinds.types import Checked, Choice, Digits, Phone, Reference, Refused, Text
from nexus_srv.directory.countries import Country
from nexus_srv.queries import companies

STATUSES = {"prospect": "Prospect", "active": "Active", "inactive": "Inactive"}
COMPLIANCE = {"standard": "Standard", "hipaa": "HIPAA", "cjis": "CJIS"}
_DOMAIN = re.compile(r"(?=.{3,253}\Z)(?:[\w](?:[\w-]{0,61}[\w])?\.)+[^\W\d_]{2,63}")
SINGULAR = {"contacts": "contact", "locations": "location", "assets": "asset", "other companies": "other company"}
NOT_A_WEBSITE = "This is not the address of a website."


def as_website(said: str) -> str:
    """The address of a website, with https:// where nothing is said. Raises Refused."""
    address = said if "://" in said else f"https://{said}"
    try:
        parts = urlsplit(address)
    except ValueError:
        raise Refused(NOT_A_WEBSITE) from None
    if parts.scheme not in ("http", "https") or "." not in (parts.hostname or "") or re.search(r"[\s<>\"'\\@]", address):
        raise Refused(NOT_A_WEBSITE)
    return address


def domain(said: str) -> str:
    """An e-mail domain. Raises Refused."""
    value = said.strip().removeprefix("@").rstrip(".").casefold()
    if not _DOMAIN.fullmatch(value):
        raise Refused(f"{said[:100]} is not a domain.")
    return value


def in_words(counts: Mapping[str, int | None]) -> str:
    """{"contacts": 3, "assets": 1} as "3 contacts and 1 asset"; without a number where it is None."""
    parts = [plural if count is None else f"{count:,} {SINGULAR[plural] if count == 1 else plural}" for plural, count in counts.items()]
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1] if parts else ""]))


class Company(Record, frozen=True, kw_only=True):
    """A company. `account_number` is six digits and unique; `status` is prospect, active or inactive; `compliance_level` is
    standard, hipaa or cjis; `domains` are its e-mail domains; `country` is two letters (ISO 3166)."""

    name: Annotated[str, Field("Name", Text(needed=True), sort="name_form", searched=True, listed=True)]
    account_number: Annotated[
        str,
        Field(
            "Account number", Digits(said="An account number is six digits."), help="Six digits; the next free number when left empty.",
            sort="=", searched=True, identifier=True, listed=True, beside=True,
        ),
    ] = ""  # fmt: skip
    status: Annotated[str, Field("Status", Choice(STATUSES, needed=True), sort="=", filtered=True, listed=True)] = "active"
    compliance_level: Annotated[str, Field("Compliance", Choice(COMPLIANCE, needed=True), filtered=True, beside=True)] = "standard"
    main_phone: Annotated[str, Field("Main phone", Phone(), searched=True, listed=True)] = ""
    website: Annotated[str, Field("Website", Checked(check=as_website), beside=True)] = ""
    domains: Annotated[
        tuple[str, ...],
        Field("E-mail domains", Words(check=domain, said="Use at most 50 domains."), help="With a comma between them.", searched=True),
    ] = ()
    address: Annotated[str, Field("Address", Text(500, lines=True))] = ""
    postal_code: Annotated[str, Field("Postal code", Text(20))] = ""
    city: Annotated[str, Field("City", Text(100), sort="=", searched=True, listed=True, beside=True)] = ""
    region: Annotated[str, Field("State or region", Text(100), beside=True)] = ""
    country: Annotated[str, Field("Country", Country())] = ""
    parent_id: Annotated[str | None, Field("Belongs to", Reference(table="company", empty=None), filtered=True)] = None
    source: Annotated[str, Field("Source", Text(50), on_form=False)] = ""
    external_id: Annotated[
        str | None, Field("External id", Text(200, empty=None), help="By which name another system knows it.", beside=True)
    ] = None
    notes: Annotated[str, Field("Notes", Text(10_000, lines=True))] = ""


async def own(db: Db, company: Company) -> list[str]:
    """A company belongs to itself."""
    return [company.id]


async def numbered(tx: Db, writer: Writer, before: Company | None, after: Company) -> Company:
    """A company without an account number gets the next free one. Raises NotAllowed for who sees certain companies only."""
    if before is None and writer.scope.rule == "only":
        raise NotAllowed("not_allowed", "Whoever sees certain companies only cannot add another one.")
    return after if after.account_number else structs.replace(after, account_number=await companies.free_number(tx))


async def stands_below_another(tx: Db, writer: Writer, before: Company | None, after: Company) -> Mapping[str, str]:
    """No company stands above itself, whatever is between."""
    above, seen = after.parent_id, {after.id}
    while above is not None:
        if above in seen:
            return {"parent_id": "A company cannot stand above itself."}
        seen.add(above)
        above = await companies.parent_of(tx, above)
    return {}


async def removal(db: Db, scope: CompanyScope, company: Company) -> Removal:
    """A company goes when nothing belongs to it; of other companies that the caller may not see no number is told."""
    held = {name: count for name, count in (await companies.holds(db, company.id)).items() if count}
    told = {name: None if name == "other companies" and scope.rule != "all" else count for name, count in held.items()}
    if not held:
        return Removal()
    belong = "belongs" if list(told.values()) == [1] else "belong"
    return Removal(f"{company.name} cannot be deleted: {in_words(told)} {belong} to it. Deactivate it instead.")


COMPANIES = Resource(
    name="company",
    plural="companies",
    record=Company,
    read="directory:read",
    write="directory:write",
    followed=True,
    icon="building",
    custom=True,
    trigrams=True,
    number="account_number",
    seen=lambda scope: scope.clause("company.id"),
    companies=own,
    complete=numbered,
    rules=stands_below_another,
    removal=removal,
    derived={"name_form": lambda company: folded(company.name)},
    unique=(
        Unique(("account_number",), "company_account_number", "account_number", "This account number is taken."),
        Unique(("source", "external_id"), "company_external_id", "external_id", "This external id belongs to another company."),
    ),
    lifecycle=Lifecycle(lambda company, today: {"status": "inactive"}, {"status": "active"}, lambda company: company.status == "inactive"),
    in_use="Something belongs to it still. Deactivate it instead.",
)
