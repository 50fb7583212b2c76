"""The directory that a module's tests see: plain lists of a hub of their own, each call counted."""

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.clock import utc_now
from hmlib.nexus.client import Listed
from hmlib.nexus.directory import Asset, Company, CompanyFacts, Contact, Location, Summary, User

T = TypeVar("T")


class Hub(Protocol):
    """What holds the rows: hub.FakeHub."""

    rows: dict[str, list[Any]]
    facts: list[CompanyFacts]

    def count(self, call: str) -> None:
        """Count a call. Raises NexusDown while the hub is away."""


class FakeDirectory:
    """The directory as one caller may see it, counted by kind."""

    def __init__(self, hub: Hub, scope: CompanyScope) -> None:
        self._hub, self._scope = hub, scope
        self.companies: FakeSource[Company] = FakeSource(hub, "companies", scope)
        self.contacts: FakeSource[Contact] = FakeSource(hub, "contacts", scope)
        self.locations: FakeSource[Location] = FakeSource(hub, "locations", scope)
        self.assets: FakeSource[Asset] = FakeSource(hub, "assets", scope)
        self.users: FakeSource[User] = FakeSource(hub, "users", CompanyScope())

    async def billing_summary(self, ids: Sequence[str] | None = None) -> Summary:
        self._hub.count("billing_summary")
        seen = [facts for facts in self._hub.facts if self._scope.sees(facts.id) and (ids is None or facts.id in ids)]
        etag = f'"{hash(msgspec.json.encode(seen)):x}"'
        return Summary(as_of=utc_now(), companies=seen, etag=etag)


class FakeSource(Generic[T]):
    """One kind of row."""

    def __init__(self, hub: Hub, plural: str, scope: CompanyScope) -> None:
        self._hub, self._plural, self._scope = hub, plural, scope

    async def some(self, ids: Sequence[str]) -> list[T]:
        self._hub.count(self._plural)
        return [row for row in self._visible() if row.id in ids]

    async def page(self, **query: str) -> Listed[T]:
        self._hub.count(self._plural)
        rows = self._visible()
        wanted = query.get("q", "").casefold()
        found = [row for row in rows if wanted in f"{row.name} {getattr(row, 'account_number', '')}".casefold()]
        return Listed(found[: int(query.get("limit", "100"))], None, len(found))

    async def everything(self, **query: str) -> list[T]:
        self._hub.count(self._plural)
        return self._visible()

    def _visible(self) -> list[Any]:
        column = "id" if self._plural == "companies" else "company_id"
        return [row for row in self._hub.rows[self._plural] if not hasattr(row, column) or self._scope.sees(getattr(row, column))]
