"""Plans: named price lists with their features."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import folded
from hmlib.kinds.resource import Field, Part, Record, Removal, Resource, Unique
from hmlib.kinds.several import Pairs
from hmlib.kinds.types import Reference, Text
from hmlib.resources import records
from treasury_srv.queries import plans

PLAN = Reference(to="plans", one="plan", table="plan", scoped=False, needed=True, said="There is no such plan.")


class Feature(msgspec.Struct, frozen=True):
    """What a plan includes, and the text for it."""

    name: str
    label: str


@dataclass(frozen=True)
class Features(Pairs):
    """Pairs that stand in a table of their own."""

    empty: Any = ()

    def parse(self, said: Any, zone: str) -> Any:
        return tuple(Feature(name, label) for name, label in sorted(super().parse(said, zone).items()))

    def write(self, value: Any) -> Any:
        return {one.name: one.label for one in value}

    def show(self, value: Any, zone: str = "UTC") -> str:
        return super().show(self.write(value), zone)


class Plan(Record, frozen=True, kw_only=True):
    """A plan; its name is unique whatever its case and accents. `features` are texts by name."""

    name: Annotated[str, Field("Name", Text(needed=True), sort="folded", searched=True, listed=True)]
    features: Annotated[
        tuple[Feature, ...],
        Field("Features", Features(), searched=True, help="One a line: a name, a colon, and the text for it, such as antivirus: Included"),
    ] = ()


async def removal(db: Db, scope: CompanyScope, plan: Plan) -> Removal:
    """A plan stays while something was billed by it."""
    held = belonging(await plans.held_by(db, plan.id))
    return Removal(f"{held} End the agreements and keep the plan for what it was billed by." if held else "")


def belonging(counts: Mapping[str, int]) -> str:
    """The counts by their singular, in words; "" when there is nothing."""
    parts = [f"{count:,} {name}{'s' if count != 1 else ''}" for name, count in counts.items() if count]
    return f"{' and '.join(parts)} belong{'s' if list(filter(None, counts.values())) == [1] else ''} to it." if parts else ""


PLANS = Resource(
    name="plan",
    plural="plans",
    record=Plan,
    read="billing:read",
    write="billing:write",
    followed=True,
    icon="tags",
    staff=True,
    removal=removal,
    derived={"folded": lambda plan: folded(plan.name)},
    parts=(Part("features", Feature, "plan_feature", "plan_id", order="name"),),
    unique=(Unique(("folded",), "plan_name", "name", "There is a plan of this name."),),
    in_use="Agreements or prices belong to it still.",
)


async def everything(db: Db) -> list[Plan]:
    """All plans by name."""
    return await records.having(db, PLANS, "TRUE", "folded, id")
