"""What the rows of a file would do to the directory: which entry each one means, and what becomes of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.clock import new_id
from hmlib.db.list_query import folded
from hmlib.errors import Invalid
from hmlib.tables.files import Change, Outcome
from hmlib.tables.rows import Row, RowError
from nexus_srv.directory.kinds import Noun
from nexus_srv.queries.companies import Company
from nexus_srv.queries.contacts import Contact, Link
from nexus_srv.queries.directory import Entry

T = TypeVar("T", bound=Entry)
SOURCE = "import"
Key = tuple[str, ...]
_NOT_SHOWN = frozenset({"id", "created_at", "updated_at", "version", "company_name", "source", "email"})


class BadRow(Exception):
    """A row that cannot be taken: the column at fault, and a sentence."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column, self.message = column, message


@dataclass(frozen=True)
class Known:
    """What rows refer to: companies by account number, as far as they are in scope, and contacts by company and address."""

    scope: CompanyScope
    companies: Mapping[str, Company]
    contacts: Mapping[tuple[str, str], str]
    words: Mapping[str, str]
    """How an id is written in a file: an account number, an address."""

    @classmethod
    def of(cls, scope: CompanyScope, companies: Iterable[Company], contacts: Iterable[Contact]) -> "Known":
        by_address = {
            (link.company_id, address.casefold()): contact.id
            for contact in contacts
            for link in contact.companies
            for address in contact.emails
        }
        seen = {company.account_number: company for company in companies if scope.sees(company.id)}
        words = {company.id: number for number, company in seen.items()} | {id: address for (_, address), id in by_address.items()}
        return cls(scope, seen, by_address, words)

    def company(self, account_number: str) -> Company:
        if account_number not in self.companies:
            raise BadRow("company_account_number", "There is no company with this account number.")
        return self.companies[account_number]


@dataclass
class Plan(Generic[T]):
    """What is to be written, and the account of it."""

    creates: list[T] = field(default_factory=list)
    updates: list[tuple[T, T]] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    """The ids of entries that give up what only one may have, so that another may take it."""
    outcome: Outcome = field(default_factory=Outcome)
    lines: dict[str, int] = field(default_factory=dict)
    """The line of each entry, by its id."""


class Planner(Generic[T]):
    """Takes row after row. A kind of file says how an entry is found, and how a row changes it."""

    noun: Noun[T]
    columns_of: Mapping[str, str] = {}
    only_one = ("", "")
    """The column of what only one entry may have, and the sentence for the others."""

    def __init__(self, existing: Sequence[T], known: Known, present: frozenset[str], now: str) -> None:
        self.known, self.present, self.now, self._existing = known, present, now, existing
        self.plan: Plan[T] = Plan()
        self._by_external_id: dict[str, T] = {}
        self._by_key: dict[Key, list[T]] = {}
        self._lines = self.plan.lines
        for entry in existing:
            self._learn(entry)

    def keys(self, entry: T) -> Iterable[Key]:
        """Every natural key by which the entry may be meant."""
        raise NotImplementedError

    def key(self, values: Mapping[str, Any]) -> Key | None:
        """The natural key of a row; None when it has none."""
        raise NotImplementedError

    def single(self, entry: T) -> Key | None:
        """What no other entry may have."""
        return None

    def start(self, values: Mapping[str, Any]) -> T:
        """A new entry, before the row's values are put into it."""
        raise NotImplementedError

    def changed(self, entry: T, values: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that the row's values give."""
        raise NotImplementedError

    def check(self, found: T | None, after: T) -> None:
        """What the row may not change. Raises Invalid."""

    def hidden(self, values: Mapping[str, Any]) -> BadRow:
        """What is said of a row that means an entry out of scope; raises what is said of its company, if that is out of scope too."""
        self.key(values)
        return BadRow("external_id", "This external id belongs to an entry that you may not see.")

    def take(self, row: Row) -> None:
        """Plan one row, or say why it cannot be."""
        try:
            self._take(row)
        except BadRow as bad:
            value = row.values.get(bad.column)
            self.plan.outcome.errors.append(RowError(row.line, bad.column, "" if value is None else str(value)[:200], bad.message))

    def settle(self) -> None:
        """After the last row: refuse those that end with what another has. Each that is refused keeps what it had, so look again."""
        while refused := self._sharing():
            for entry in refused:
                self._take_back(entry)
        self.plan.moved = [before.id for before, after in self.plan.updates if self.single(before) != self.single(after)]

    def _sharing(self) -> list[T]:
        written = {after.id: after for _, after in self.plan.updates} | {entry.id: entry for entry in self.plan.creates}
        holders: dict[Key, list[T]] = {}
        for entry in ({entry.id: entry for entry in self._existing} | written).values():
            if key := self.single(entry):
                holders.setdefault(key, []).append(entry)
        refused = []
        for same in holders.values():
            mine = sorted((entry for entry in same if entry.id in written), key=lambda entry: self._lines[entry.id])
            refused += mine if len(mine) < len(same) else mine[1:]
        return refused

    def _take_back(self, entry: T) -> None:
        plan, outcome, line = self.plan, self.plan.outcome, self._lines[entry.id]
        made, changed = len(plan.creates), len(plan.updates)
        plan.creates = [other for other in plan.creates if other.id != entry.id]
        plan.updates = [pair for pair in plan.updates if pair[1].id != entry.id]
        outcome.created -= made - len(plan.creates)
        outcome.updated -= changed - len(plan.updates)
        outcome.changes = [change for change in outcome.changes if change.line != line]
        column, message = self.only_one
        outcome.errors.append(RowError(line, column, str(getattr(entry, column))[:200], message))

    def _take(self, row: Row) -> None:
        found = self._found(row.values)
        if (
            found is not None
            and not any(self.known.scope.sees(id) for id in self.noun.company_ids(found))
            and self.known.scope.rule != "all"
        ):
            raise self.hidden(row.values)
        before = found or self.start(row.values)
        try:
            after = self.noun.checked(msgspec.structs.replace(before, **self.changed(before, row.values)))
            after = self.noun.settled(found, after, self.now[:10])
            self.check(found, after)
        except Invalid as invalid:
            name, said = next(iter(invalid.errors.items()))
            raise BadRow(self.columns_of.get(name, name), said) from invalid
        if before.id in self._lines:
            raise BadRow(
                "external_id" if row.values.get("external_id") else "",
                f"This is the same {self.noun.name} as on line {self._lines[before.id]}.",
            )
        self._lines[before.id] = row.line
        self._note(row.line, found, after)

    def _note(self, line: int, found: T | None, after: T) -> None:
        plan, outcome = self.plan, self.plan.outcome
        label: str = after.name  # type: ignore[attr-defined]
        if found is None:
            plan.creates.append(after)
            self._learn(after)
            outcome.created += 1
            outcome.changes.append(Change(line, "create", label))
        elif after == found:
            outcome.unchanged += 1
            outcome.changes.append(Change(line, "unchanged", label))
        else:
            plan.updates.append((found, after))
            outcome.updated += 1
            outcome.changes.append(Change(line, "update", label, self._differences(found, after)))

    def _found(self, values: Mapping[str, Any]) -> T | None:
        external_id = values.get("external_id")
        if external_id is not None and external_id in self._by_external_id:
            return self._by_external_id[external_id]
        key = self.key(values)
        same = [entry for entry in self._by_key.get(key, ()) if self.may_be(entry, external_id)] if key else []
        if len(same) > 1:
            raise BadRow("external_id", f"Several entries ({len(same)}) have this name; the external_id must say which one is meant.")
        return same[0] if same else None

    def may_be(self, entry: T, external_id: str | None) -> bool:
        """Whether an entry with the row's natural key is the one meant: another external id means another thing."""
        return external_id is None or entry.external_id is None

    def _learn(self, entry: T) -> None:
        if entry.external_id is not None and (entry.source == SOURCE or entry.external_id not in self._by_external_id):
            self._by_external_id[entry.external_id] = entry
        for key in self.keys(entry):
            self._by_key.setdefault(key, []).append(entry)

    def given(self, values: Mapping[str, Any], *names: str, empty: Any = "") -> dict[str, Any]:
        """The fields of the same name as columns that the file has; an empty cell empties the field."""
        return {name: empty if values[name] is None else values[name] for name in names if name in self.present}

    def chosen(self, values: Mapping[str, Any], *names: str) -> dict[str, Any]:
        """As given(), but an empty cell leaves the field alone."""
        return {name: values[name] for name in names if values.get(name) is not None}

    def _differences(self, before: T, after: T) -> dict[str, tuple[str, str]]:
        """The fields that differ, in the words of a file."""
        names = [name for name in before.__struct_fields__ if name not in _NOT_SHOWN]
        pairs = {self.columns_of.get(name, name): (getattr(before, name), getattr(after, name)) for name in names}
        return {name: (self._word(old), self._word(new)) for name, (old, new) in pairs.items() if old != new}

    def _word(self, value: Any) -> str:
        if isinstance(value, tuple):
            return "; ".join(self._word(part) for part in value)
        if isinstance(value, Link):
            return self._word(value.company_id) + (f" ({value.role})" if value.role else "")
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "" if value is None else self.known.words.get(value, str(value)) if isinstance(value, str) else str(value)


def fresh(external_id: str | None) -> dict[str, Any]:
    return {"id": new_id(), "source": SOURCE, "external_id": external_id}


def form(text: str) -> str:
    return folded(text.strip())
