"""Where the devices and people with a billing type of their own are: the directory moves them, the billing type goes along. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeVar

from msgspec import structs

from hmlib.auth.permissions import CompanyScope
from hmlib.nexus.directory import Summary
from treasury_srv.catalogue.billing_types import AssetOverride, ContactOverride

SHARED = "This would change the bill of a company that you do not see, as the person is there too. Ask somebody who sees all of them."
R = TypeVar("R", AssetOverride, ContactOverride)
Homes = Mapping[str, Sequence[str]]


def homes(summary: Summary, things: Literal["assets", "contacts"]) -> Homes:
    """By the id of each device or person, the companies where the directory has it."""
    found: dict[str, list[str]] = defaultdict(list)
    for company in summary.companies:
        for thing in getattr(company, things):
            found[thing.id].append(company.id)
    return found


def beyond(whole: Summary, seen: Summary) -> frozenset[str]:
    """The people who are also at companies that a caller does not see: the whole directory beside what it shows them."""
    known = {company.id for company in seen.companies}
    return frozenset(person.id for company in whole.companies if company.id not in known for person in company.contacts)


def at_home(rows: Iterable[R], known: Homes, scope: CompanyScope, key: str) -> list[R]:
    """The rows whose device or person the caller may see, each with the company where it is now.

    A person of two companies stays with the one that is stored; what the directory no longer has stays where it was.
    """
    found = []
    for row in rows:
        companies = known.get(getattr(row, key), ())
        company_id = row.company_id if not companies or row.company_id in companies else companies[0]
        if scope.sees(company_id):
            found.append(structs.replace(row, company_id=company_id))
    return found
