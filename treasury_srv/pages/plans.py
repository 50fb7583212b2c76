"""Plans: the list, one plan with its price versions by term, and its form."""

from dataclasses import dataclass
from typing import Any

from hmlib.auth.permissions import allowed
from hmlib.db.list_query import ListDefinition, ListQuery, Page, folded
from treasury_srv.catalogue import checks
from treasury_srv.catalogue.kinds import PLANS
from treasury_srv.invoices.gathering import RATE_COLUMNS
from treasury_srv.invoices.labels import words
from treasury_srv.pages.entries import EntryHandler, Frame
from treasury_srv.queries import plans, prices
from treasury_srv.queries.plans import Described
from treasury_srv.queries.prices import Price

LISTING = ListDefinition(sorts={"name": "name", "agreements": "agreements"}, default="name", id_column="id")
NEW = Described(id="", name="")


@dataclass(frozen=True)
class PlanRow:
    """A plan in the list: agreements in force, and the terms it has prices for."""

    plan: Described
    agreements: int
    terms: tuple[str, ...]

    def key(self, sort: str) -> tuple[str | int, str]:
        return self.agreements if sort == "agreements" else folded(self.plan.name), self.plan.id


@dataclass(frozen=True)
class TermPrices:
    """A plan's versions for one term, the newest first; `current` is the one in force today."""

    term: str
    versions: tuple[Price, ...]
    current: str


class PlanHandler(EntryHandler):
    """What the pages about plans share."""

    noun = PLANS

    async def found(self) -> Page[PlanRow]:
        list_query = LISTING.read(self.query, self.keys)
        today = await self.today()
        async with self.db.read() as snapshot:
            in_force, described = await plans.agreements_by_plan(snapshot, today), await plans.all_described(snapshot)
            versions = await prices.everything(snapshot)
        terms: dict[str, dict[str, None]] = {}
        for version in versions:
            terms.setdefault(version.plan_id, {})[version.term] = None
        rows = [PlanRow(one, in_force.get(one.id, 0), tuple(terms.get(one.id, ()))) for one in described]
        return list_query.page_out_of(
            [row for row in rows if _matches(row, list_query)], lambda row: row.key(list_query.sort.removeprefix("-"))
        )

    async def frame(self, entry: Any) -> Frame:
        here = self.reverse_url("plans")
        if not entry.id:
            return Frame("Add a plan", here, here, (("Plans", here),))
        one, removal = self.reverse_url("plan", entry.id), self.reverse_url("plan-removal", entry.id)
        return Frame(f"Edit {entry.name}", one, one, (("Plans", here), (entry.name, one)), removal)

    async def after(self, entry: Any) -> str:
        return self.reverse_url("plan", entry.id)


class PlanListPage(PlanHandler):
    """Every plan, and where a new one is posted to."""

    @allowed("billing:read", staff=True)
    async def get(self) -> None:
        self.page("plans/list.html", page=await self.found(), **words())

    @allowed("billing:write")
    async def post(self) -> None:
        await self.create(NEW)


class PlanRows(PlanHandler):
    """The rows alone."""

    @allowed("billing:read", staff=True)
    async def get(self) -> None:
        self.partial("plans/_rows.html", page=await self.found(), **words())


class PlanNewPage(PlanHandler):
    """An empty form."""

    @allowed("billing:write")
    async def get(self) -> None:
        await self.show_form(NEW)


class PlanPage(PlanHandler):
    """One plan with its price versions; where changes are posted to."""

    @allowed("billing:read", staff=True)
    async def get(self, id: str) -> None:
        plan, today = await self.entry(id), await self.today()
        async with self.db.read() as snapshot:
            in_force = (await plans.agreements_by_plan(snapshot, today)).get(id, 0)
            terms = by_term(await prices.of_plan(snapshot, id), today)
        rates = [(checks.RATE_LABELS[name], column) for name, column in RATE_COLUMNS.items()]
        missing = [term for term in checks.TERM_LABELS if term not in {one.term for one in terms}]
        self.page("plans/page.html", plan=plan, in_force=in_force, by_term=terms, rates=rates, missing=missing, today=today, **words())

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        await self.change(id)


class PlanEditPage(PlanHandler):
    """The form with what is stored."""

    @allowed("billing:write")
    async def get(self, id: str) -> None:
        await self.show_form(await self.entry(id))


class PlanRemoval(PlanHandler):
    """The end of a plan that nothing belongs to."""

    @allowed("billing:write")
    async def post(self, id: str) -> None:
        await self.remove(id)

    async def after(self, entry: Any) -> str:
        return self.reverse_url("plans")


def by_term(versions: list[Price], today: str) -> list[TermPrices]:
    """The versions of a plan (newest first) by term, in the order of the terms."""
    found = []
    for term in checks.TERM_LABELS:
        own = tuple(one for one in versions if one.term == term)
        if own:
            current = next((one.id for one in own if one.valid_from <= today), "")
            found.append(TermPrices(term, own, current))
    return found


def _matches(row: PlanRow, list_query: ListQuery) -> bool:
    text = folded(f"{row.plan.name} {' '.join(row.plan.features.values())}")
    return all(word in text for word in folded(list_query.q).split())
