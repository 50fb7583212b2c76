"""How single devices and people are billed, for programs: each is where the directory has its device or person now."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import structs
from tornado.routing import URLSpec
from tornado.web import HTTPError, url

from hmlib.api.lists import page_headers
from hmlib.auth.permissions import allowed_of
from hmlib.db import change_numbers
from hmlib.errors import Invalid
from hmlib.kinds import statements
from hmlib.kinds.resource import Resource
from hmlib.resources import records
from hmlib.resources.api import GoneApi, ListApi, LookupApi, OneApi, ResourceApi
from hmlib.web.api_handler import Contract, speaks_of
from treasury_srv.catalogue import homes
from treasury_srv.catalogue.billing_types import ASSET_OVERRIDES, CONTACT_OVERRIDES
from treasury_srv.catalogue.shared_people import shared_people
from treasury_srv.invoices.gathering import only


class AtHome(ResourceApi):
    """What is stored for a device or person, with the company where it is now."""

    @property
    def things(self) -> Literal["assets", "contacts"]:
        return "assets" if self.of.name == ASSET_OVERRIDES.name else "contacts"

    async def at_home(self, ids: Sequence[str] | None) -> Sequence[Any]:
        """Those of the ids, or all, that the caller may see: few things have a billing type of their own."""
        known = homes.homes(await self.nexus.billing_summary(), self.things)
        every = await records.having(self.db, self.of, "TRUE")
        chosen = every if ids is None else [row for row in every if self.of.id_of(row) in set(ids)]
        return homes.at_home(chosen, known, self.known.scope, self.of.key)

    async def some(self, ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        return [structs.asdict(row) for row in await self.at_home(ids)]

    async def found(self, id: str) -> Any:
        rows = await self.at_home([id])
        if not rows:
            raise HTTPError(404)
        return rows[0]

    async def said(self, body: Any, before: Any | None = None) -> tuple[dict[str, Any], dict[str, str]]:
        values, wrong = await super().said(body, before)
        id = values[self.of.key] if before is None else self.of.id_of(before)
        if before is None and not wrong:
            company = only(await self.nexus.billing_summary([values["company_id"]]), values["company_id"])
            if company is None or id not in {thing.id for thing in getattr(company, self.things)}:
                what = "device" if self.things == "assets" else "contact"
                wrong[self.of.key] = f"The company has no such {what}."
        return values, wrong | await self.shared(id)

    async def shared(self, id: str) -> dict[str, str]:
        """What keeps the caller from changing another company's bill that they do not see."""
        wrong = self.things == "contacts" and id in await shared_people(self)
        return {self.of.key: homes.SHARED} if wrong else {}


class BillingTypeList(AtHome, ListApi):
    """All things with a billing type of their own."""

    async def answer_page(self) -> None:
        await self.answer_whole()

    async def answer_whole(self) -> None:
        number = self.since.number
        changed = None if number is None else await change_numbers.changed(self.db, self.of.name, number)
        rows = await self.at_home(changed)
        asked = statements.definition(self.of).read(self.query, self.keys, limit_default=len(rows) + 1)
        kept = [
            row
            for row in rows
            if row.updated_at >= self.since.time and all(getattr(row, name) == asked.filters[name] for name in asked.filters)
        ]
        column = asked.column.rpartition(".")[2]
        page = asked.page_out_of(kept, lambda row: (getattr(row, column), self.of.id_of(row)))
        for name, value in page_headers(self, page).items() if "limit" in self.query else ():
            self.set_header(name, value)
        self.answer(self.answered([structs.asdict(row) for row in page.rows]))


class BillingTypeLookup(AtHome, LookupApi):
    """Many by id."""


class BillingTypeGone(AtHome, GoneApi):
    """What is billed by its own kind again."""


class BillingType(AtHome, OneApi):
    """One thing, by its id in the directory."""

    @allowed_of("write")
    @speaks_of(lambda of: Contract(status=204))
    async def delete(self, id: str) -> None:
        """Back to the thing's own kind."""
        if wrong := await self.shared(id):
            raise Invalid(wrong)
        await super().delete(id)


def _routes(of: Resource[Any]) -> list[URLSpec]:
    at, known = f"/api/{of.plural}", {"of": of}
    kinds = ((at, BillingTypeList), (f"{at}:lookup", BillingTypeLookup), (f"{at}:gone", BillingTypeGone), (rf"{at}/([\w-]+)", BillingType))
    return [url(pattern, kind, known) for pattern, kind in kinds]


def routes() -> list[URLSpec]:
    """Every address of both."""
    return [*_routes(ASSET_OVERRIDES), *_routes(CONTACT_OVERRIDES)]
