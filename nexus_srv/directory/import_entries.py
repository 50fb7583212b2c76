"""Files of contacts and assets, planned by the planners of today's records: all rows at once, after the last one."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import structs

from hmlib.imports.kind import Ground, Planned, SqlType, Table, bad
from hmlib.imports.plan.of_resource import company_of
from hmlib.kinds import statements
from hmlib.kinds.resource import Resource
from hmlib.kinds.statements import EVERY_COMPANY
from hmlib.resources import changes, records
from hmlib.tables.rows import Row
from nexus_srv.directory.assets import ASSETS
from nexus_srv.directory.contacts import CONTACTS
from nexus_srv.directory.import_columns import READ
from nexus_srv.directory.import_kinds import PLANNERS
from nexus_srv.directory.import_plan import Known
from nexus_srv.queries import assets, companies, contacts
from nexus_srv.queries.companies import Company

_ROWS: Mapping[str, Any] = {"contacts": contacts, "assets": assets}
_TABLES = {"contacts": "contact", "assets": "asset"}
_DECLARED: Mapping[str, Resource[Any]] = {"contacts": CONTACTS, "assets": ASSETS}
_SLICE = 500
_NUMBERS = frozenset({"backup_bytes"})
_FLAGS = frozenset({"active", "billable", "billed"})


def _type(column: str) -> SqlType:
    return "BIGINT" if column in _NUMBERS else "BOOLEAN" if column in _FLAGS else "TEXT"


def _typed(columns: Sequence[str]) -> dict[str, SqlType]:
    return {column: _type(column) for column in columns if column != "id"}


ASSET_TABLE = Table("asset", _typed(assets.COLUMNS), noun="asset", company="company_id", keys=(("company_id", "name_form"),))
CONTACT_TABLES = (
    Table("contact", _typed(contacts.COLUMNS), noun="contact"),
    Table(
        "contact_company",
        _typed(("company_id", "role", "billed")),
        key="contact_id",
        noun="contact",
        company="company_id",
        part_of="contact",
    ),
)


def planner_of(kind: str) -> Callable[[Ground], Awaitable["EntryPlanner"]]:
    """Makes a planner for a file of one of the two kinds."""

    async def planner(ground: Ground) -> EntryPlanner:
        return EntryPlanner(kind, ground)

    return planner


class EntryPlanner:
    """Keeps the rows until the last one."""

    def __init__(self, kind: str, ground: Ground) -> None:
        self._kind, self._ground = kind, ground
        self._rows: list[Row] = []
        self._whole: dict[str, Any] = {}

    async def take(self, rows: Sequence[Row]) -> Sequence[Planned]:
        """See Planner."""
        for row in rows:
            id = company_of(self._ground, row)
            if id is not None:
                self._rows.append(Row(row.line, {**row.values, "company_account_number": self._ground.numbers[id]}, row.beside))
        return []

    async def settle(self) -> Sequence[Planned]:
        """See Planner."""
        ground, kind = self._ground, self._kind
        everything, people = await companies.everything(ground.db), await contacts.everything(ground.db)
        there = {company.id for company in everything}
        everything += [
            Company(id=one.id, account_number=one.account_number, name=one.name) for one in ground.known if one.id not in there
        ]  # those that this very file makes
        existing = people if kind == "contacts" else await assets.everything(ground.db)
        present = frozenset(name for row in self._rows for name in row.values)
        planner = PLANNERS[kind](existing, Known.of(ground.scope, everything, people), present, ground.now)
        empty = {column.name: None for column in READ[kind]}
        for row in self._rows:
            planner.take(Row(row.line, {**empty, **row.values}, row.beside))
        planner.settle()
        errors = [bad(error.line, error.column, error.value, error.message) for error in planner.plan.outcome.errors]
        self._whole = await self._declared([before.id for before, _ in planner.plan.updates])
        return [*errors, *self._planned(planner.plan)]

    async def _declared(self, ids: Sequence[str]) -> dict[str, Any]:
        """The declared records of these ids: what they are found by is in fields that files do not have, too."""
        found: dict[str, Any] = {}
        for at in range(0, len(ids), _SLICE):
            for record in await records.by_ids(self._ground.db, _DECLARED[self._kind], EVERY_COMPANY, ids[at : at + _SLICE]):
                found[record.id] = record
        return found

    def _row(self, entry: Any) -> dict[str, Any]:
        """The columns of an entry, which is found by what its declared record is found by."""
        of, facts = _DECLARED[self._kind], structs.asdict(entry)
        record = self._whole.get(entry.id) or changes.blank(of, {"id": entry.id})
        known = {name: facts[name] for name in facts if name in of.fields and of.fields[name].searched}
        row = {**_ROWS[self._kind].columns_of(entry), "search": statements.search_text(of, structs.replace(record, **known))}
        del row["id"]
        return row

    def _planned(self, plan: Any) -> list[Planned]:
        changes = {change.line: change for change in plan.outcome.changes}
        lines = plan.lines
        found: list[Planned] = []
        if not self._ground.creates:
            self._ground.missing += [entry.name for entry in plan.creates]
        for entry in plan.creates if self._ground.creates else ():
            found += self._written("create", changes[lines[entry.id]], None, entry)
        for before, after in plan.updates:
            found += self._written("update", changes[lines[after.id]], before, after)
        same = [change for change in plan.outcome.changes if change.what == "unchanged"]
        return [*found, *(Planned(line=one.line, outcome="unchanged", target=_TABLES[self._kind], label=one.label) for one in same)]

    def _written(self, outcome: Any, change: Any, before: Any, after: Any) -> list[Planned]:
        old, new = (None if side is None else self._row(side) for side in (before, after))
        version = before.version if before else 1
        main = Planned(
            line=change.line, outcome=outcome, target=_TABLES[self._kind], id=after.id, version=version, label=change.label,
            fields=change.fields, before=old, after=new,
        )  # fmt: skip
        if self._kind == "assets" or (before and before.companies == after.companies):
            return [main]
        parts = [self._part("part before", change.line, before.id, link) for link in (before.companies if before else ())]
        return [main, *parts, *(self._part("part after", change.line, after.id, link) for link in after.companies)]

    def _part(self, outcome: Any, line: int, id: str, link: Any) -> Planned:
        facts, was = structs.asdict(link), outcome == "part before"
        return Planned(
            line=line, outcome=outcome, target="contact_company", id=id, before=facts if was else None, after=None if was else facts
        )
