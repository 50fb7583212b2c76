"""Files of a kind of record that is declared: its columns out of its fields, and which record a row means and how it changes it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import structs

from hmlib.clock import new_id
from hmlib.errors import Invalid, NotAllowed
from hmlib.imports.companies import Clue, name_form
from hmlib.imports.kind import WITHOUT_SOURCE, BadRow, Ground, Planned, SqlType, Table, bad
from hmlib.imports.plan.known import Asked, Known, NaturalKey, Reference, key_of, known_of, learn
from hmlib.imports.reading import COMPANY, clue_of
from hmlib.kinds import statements
from hmlib.kinds.resource import Field, Part, Resource, Writer, as_said, nothing_wrong
from hmlib.kinds.several import Many
from hmlib.kinds.types import Choice, Digits, YesNo
from hmlib.kinds.types import Reference as Id
from hmlib.resources import changes, records
from hmlib.tables.columns import Column
from hmlib.tables.rows import Row

_KEPT_WHEN_EMPTY = (Choice, YesNo, Digits)
_NOT_TOLD = frozenset({"source"})
HIDDEN = "This external id belongs to an entry that you may not see."


@dataclass(frozen=True, kw_only=True)
class FileOf:
    """How a declared kind is found in files: `keys` are the columns of the table by which a row without an external id finds its record,
    the first of them that it fills counting. `find` finds it otherwise, where that takes more (the id, or None). `held` says of a new
    record that `settle` has to complete it after the last row. With `any_id` a row found by a key is the one meant whatever its external
    id. Who `may_make` none is told, as of a record that they may not see, what `hidden` says. `ids_beside` is the table of
    the ids that further systems give a record.

    `refers` are attributes that files say in other words; `given` are those that a row gives otherwise than by a column of their own: of
    its company, its cells, and the record as it is (None: a new one); it raises BadRow. `called` are the columns of fields that are not
    called as these."""

    of: Resource[Any]
    columns: tuple[Column, ...]
    keys: tuple[tuple[str, ...] | NaturalKey, ...]
    find: Callable[[Ground, Mapping[str, Any]], str | None] | None = None
    complete: bool = True
    held: Callable[[Any], bool] = lambda record: False
    settle: Callable[[Ground, Sequence[Any], Sequence[str]], Awaitable[Sequence[Any]]] | None = None
    any_id: bool = False
    ids_beside: str = ""
    may_make: Callable[[Ground], bool] = lambda ground: True
    hidden: Callable[[Mapping[str, Any]], BadRow] = lambda values: BadRow("external_id", HIDDEN)
    refers: tuple[Reference, ...] = ()
    given: Callable[[Ground, str, Mapping[str, Any], Any], Mapping[str, Any]] = lambda ground, company_id, values, before: {}
    called: Mapping[str, str] = field(default_factory=dict)

    async def planner(self, ground: Ground) -> "RecordPlanner":
        """A planner for one file."""
        return RecordPlanner(self, ground)


def table_of(of: Resource[Any], company: str = "", keys: tuple[tuple[str, ...], ...] = ()) -> Table:
    """The table of a kind, for the last transaction."""
    hints = get_type_hints(of.record)
    names = [*statements.columns(of)[1:], *statements.derived_columns(of)]
    others = tuple(unique for unique in of.unique if of.key not in unique.columns)  # a plan finds its rows by the key itself
    return Table(of.table_name, {name: _sql_type(hints.get(name)) for name in names}, of.key, of.name, company, others, keys)


def part_of(of: Resource[Any], part: Part) -> Table:
    """The table of what belongs to the records of a kind, for the same."""
    hints = get_type_hints(part.of)
    columns = {name: _sql_type(hints[name]) for name in part.of.__struct_fields__}
    return Table(part.table, columns, part.key, of.name, part.scope, part_of=of.table_name)


def _sql_type(hint: Any) -> SqlType:
    parts = [part for part in get_args(hint) if part is not type(None)] if get_origin(hint) is UnionType else [hint]
    return "BOOLEAN" if parts == [bool] else "BIGINT" if parts == [int] else "TEXT"


class RecordPlanner:
    """Takes slices of rows: asks for the records that they may mean, and compares."""

    def __init__(self, how: FileOf, ground: Ground) -> None:
        self._how, self._of, self._ground = how, how.of, ground
        self._writer = Writer(ground.actor, ground.scope, ground.now, ground.today, ground.zone)
        self._source = ground.source or WITHOUT_SOURCE
        self._lines: dict[str, int] = {}
        self._made = Known()
        self._held: list[tuple[int, Any]] = []
        self._taken: set[str] = set()
        self._beside: list[Planned] = []
        self._ids = {company.id: company.external_ids for company in ground.known} if how.ids_beside else {}

    async def take(self, rows: Sequence[Row]) -> Sequence[Planned]:
        """See Planner."""
        found: list[Planned] = []
        asked: list[Asked] = []
        for row in rows:
            try:
                one = self._asked(row, found)
            except BadRow as wrong:
                found.append(_refused(row, wrong))
                continue
            asked += [one] if one else []
        known = await known_of(self._ground.db, self._of, self._how.keys, self._how.refers, asked)
        for one in asked:
            try:
                planned = await self._plan(one, known)
            except BadRow as wrong:
                found.append(_refused(one.row, wrong))
                continue
            found += [planned] if planned else []
        found, self._beside = [*found, *self._beside], []
        return found

    async def settle(self) -> Sequence[Planned]:
        """See Planner."""
        if not self._held or self._how.settle is None:
            return []
        whole = await self._how.settle(self._ground, [record for _, record in self._held], sorted(self._taken))
        return [self._created(line, record) for (line, _), record in zip(self._held, whole, strict=True)]

    def _asked(self, row: Row, found: list[Planned]) -> Asked | None:
        """The row's values; None for one that is left out or that belongs to a company that is not found (which is asked about once)."""
        values: dict[str, Any] = {}
        if "company_id" in self._of.fields:
            company_id = company_of(self._ground, row)
            if company_id is None:
                return None
            values["company_id"] = company_id
        wrong = False
        for attribute, one in self._of.fields.items():
            name = one.name or attribute
            if name not in row.values or attribute in values or one.ours:
                continue
            try:
                values |= self._value(attribute, one, row.values[name])
            except ValueError as refused:
                found.append(bad(row.line, name, row.values[name], str(refused)))
                wrong = True
        if wrong:
            return None
        found_by = self._how.find(self._ground, row.values) if self._how.find else None
        return Asked(row, values, values.get("external_id"), key_of(self._of, self._how.keys, row, values), found_by)

    def _value(self, attribute: str, one: Field, said: Any) -> dict[str, Any]:
        """The attribute as it is stored; nothing where an empty cell leaves it as it is. Raises ValueError."""
        if said is None and (one.value.needed or attribute == "external_id" or isinstance(one.value, _KEPT_WHEN_EMPTY)):
            return {}
        if isinstance(said, date | datetime):
            said = said.isoformat()
        elif isinstance(said, Decimal):
            said = f"{said:f}"
        return {attribute: one.value.read(said, self._ground.zone)}

    async def _plan(self, one: Asked, known: Known) -> Planned | None:
        before = self._found(one, known)
        if before is not None:
            await self._check_seen(one, before)
        if before is None and not self._ground.creates:
            named = {**one.values, **self._given(one, None)}.get(self._of.title)
            self._ground.missing.append(str(named or one.external_id or ""))
            return None
        if before is None and not self._how.may_make(self._ground):
            raise self._how.hidden(one.row.values)
        after = await self._after(one, before, known)
        self._mind(one, after)
        if before is not None and self._is_known_otherwise(one, before):
            return self._named_beside(one, before, after, known)
        if before is None:
            return self._new(one, after)
        return self._changed(one.row.line, before, after, known)

    def _found(self, one: Asked, known: Known) -> Any:
        """The record that the row means, None for a new one. Raises BadRow where it may be several."""
        if (id := self._by_external_id(one, known)) is not None:
            return self._record(id, known)
        if one.id is not None:
            return self._record(one.id, known)
        same = [*known.by_key.get(one.key, ()), *self._made.by_key.get(one.key, ())] if one.key else []
        fits = [record for id in same if self._may_be(record := self._record(id, known), one.external_id)]
        if len(fits) > 1:
            said = f"Several entries ({len(fits)}) have this name; the external_id must say which one is meant."
            raise BadRow("external_id", said)
        return fits[0] if fits else None

    def _record(self, id: str, known: Known) -> Any:
        return self._made.by_id.get(id) or known.by_id[id]

    def _by_external_id(self, one: Asked, known: Known) -> str | None:
        if not one.external_id:
            return None
        for found in (self._made, known):
            own = found.by_external_id.get((self._source, one.external_id))
            if own is not None or self._ground.source:
                if own is not None:
                    return own
                continue
            if (other := found.by_external_id.get(("", one.external_id))) is not None:
                return other
        return None

    def _may_be(self, record: Any, external_id: str | None) -> bool:
        """Whether a record with the row's natural key is the one meant: another id of the same system means another thing."""
        theirs = record.external_id
        return self._how.any_id or not external_id or theirs is None or (bool(self._ground.source) and record.source != self._source)

    async def _check_seen(self, one: Asked, before: Any) -> None:
        scope = self._ground.scope
        if scope.rule == "all" or self._of.id_of(before) in self._made.by_id:
            return
        if not any(scope.sees(id) for id in await self._of.company_ids(self._ground.db, before)):
            raise self._how.hidden(one.row.values)

    async def _after(self, one: Asked, before: Any, known: Known) -> Any:
        of, values = self._of, dict(one.values)
        given = {**self._referred(one, known), **self._given(one, before)}
        if before is not None and one.id == of.id_of(before) and before.external_id != one.external_id:
            values.pop(of.title, None)  # it was found by its name, which may be written in another way here
        if one.external_id and (before is None or before.external_id is None):
            values["source"] = self._source
        elif before is not None and before.external_id is not None and before.source != self._source and self._ground.source:
            values.pop("external_id", None)  # it goes by another system's; ours is remembered beside it
        if before is None:
            if of.key == "id":
                values["id"] = new_id()
            self._need(values)
            wanted = structs.replace(changes.blank(of, {**values, **given}), version=1)
        else:
            free = {name: value for name, value in values.items() if name == "source" or not of.fields[name].fixed}
            wanted = structs.replace(before, **{**free, **given})
        try:
            if self._how.complete and of.complete is not as_said:
                wanted = await of.complete(self._ground.db, self._writer, before, wanted)
            wrong = {} if of.rules is nothing_wrong else await of.rules(self._ground.db, self._writer, before, wanted)
        except Invalid as invalid:
            wrong = invalid.errors
        except NotAllowed as refusal:
            raise BadRow("", refusal.detail) from refusal
        for name, said in wrong.items():
            raise BadRow(self._named(name), said)
        return wanted

    def _given(self, one: Asked, before: Any) -> Mapping[str, Any]:
        return self._how.given(self._ground, one.values.get("company_id", ""), one.row.values, before)

    def _referred(self, one: Asked, known: Known) -> dict[str, str | None]:
        """The ids of the other records that the row names, None where its cell is empty. Raises BadRow."""
        found: dict[str, str | None] = {}
        for to in self._how.refers:
            if to.column in one.row.values:
                pair = one.refers(to)
                found[to.attribute] = known.referred[to.attribute].get(pair) if pair else None
                if pair and found[to.attribute] is None:
                    raise BadRow(to.column, to.said)
        return found

    def _need(self, values: Mapping[str, Any]) -> None:
        for attribute, one in self._of.fields.items():
            if attribute in self._of.required and values.get(attribute) in (None, ""):
                raise BadRow(one.name or attribute, f"A new {self._of.singular} needs a {one.label.lower()}.")

    def _mind(self, one: Asked, after: Any) -> None:
        """Raises BadRow where an earlier row is about the same."""
        line = self._lines.setdefault(self._of.id_of(after), one.row.line)
        if line != one.row.line:
            column = "external_id" if one.external_id else ""
            raise BadRow(column, f"This is the same {self._of.singular} as on line {line}.")

    def _is_known_otherwise(self, one: Asked, before: Any) -> bool:
        """Whether the row brings the id of a further system that is not known yet."""
        ids = self._ids.get(self._of.id_of(before), {})
        return bool(one.external_id and self._ground.source and before.external_id and before.source != self._source) and (
            ids.get(self._source) != one.external_id and self._how.ids_beside != ""
        )

    def _named_beside(self, one: Asked, before: Any, after: Any, known: Known) -> Planned:
        """An update that keeps the id of a further system beside the record's own."""
        id, line = self._of.id_of(before), one.row.line
        earlier = {source: said for source, said in self._ids.get(id, {}).items() if source != before.source}
        for outcome, ids in (("part before", earlier), ("part after", {**earlier, self._source: one.external_id or ""})):
            for source, said in ids.items():
                self._beside.append(_part(outcome, line, self._how.ids_beside, id, {"source": source, "external_id": said}))
        whole = self._changed(line, before, after, known)
        fields = {**whole.fields, "external_id": ("", f"{one.external_id} ({self._source})")}
        old, new = (records.values(self._of, side) for side in (before, after))
        return msgspec.structs.replace(whole, outcome="update", fields=fields, before=old, after=new)

    def _new(self, one: Asked, after: Any) -> Planned | None:
        id = self._of.id_of(after)
        learn(self._made, self._how.keys, id, after, one.key)
        if one.external_id:
            self._made.by_external_id[self._source, one.external_id] = self._made.by_external_id["", one.external_id] = id
        if self._how.held(after):
            self._held.append((one.row.line, after))
            return None
        return self._created(one.row.line, after)

    def _created(self, line: int, record: Any) -> Planned:
        of = self._of
        self._note(record)
        row = records.values(of, record)
        id = row.pop(of.key)
        self._put_parts(line, None, record)
        return Planned(line=line, outcome="create", target=of.table_name, id=id, version=1, label=of.title_of(record), after=row)

    def _changed(self, line: int, before: Any, after: Any, known: Known) -> Planned:
        of = self._of
        self._note(after)
        differences = changes.differences(of, before, after)
        fields = {self._named(name): self._told(name, pair, known) for name, pair in differences.items() if name not in _NOT_TOLD}
        outcome: Any = "update" if differences else "unchanged"
        old, new = (
            ({k: v for k, v in records.values(of, side).items() if k != of.key} if differences else None) for side in (before, after)
        )
        self._put_parts(line, before, after)
        common = {"line": line, "target": of.table_name, "id": of.id_of(before), "version": before.version, "label": of.title_of(after)}
        return Planned(outcome=outcome, fields=fields, before=old, after=new, **common)

    def _put_parts(self, line: int, before: Any, after: Any) -> None:
        """What belongs to a record, where that is new or changes: as it was and as it will be."""
        for part in self._of.parts:
            sides = [() if side is None else getattr(side, part.attribute) for side in (before, after)]
            if sides[0] != sides[1]:
                for outcome, several in zip(("part before", "part after"), sides, strict=True):
                    self._beside += [_part(outcome, line, part.table, self._of.id_of(after), structs.asdict(one)) for one in several]

    def _note(self, record: Any) -> None:
        number: str = getattr(record, self._of.number) if self._how.settle is not None else ""
        self._taken |= {number} if number else set()

    def _named(self, name: str) -> str:
        return COMPANY if name == "company_id" else self._how.called.get(name, name)

    def _told(self, name: str, pair: tuple[Any, Any], known: Known) -> tuple[str, str]:
        """Before and after in the words of a file."""
        words = {**known.words, **self._ground.numbers} if isinstance(self._of.by_name[name][1].value, Id | Many) else {}
        return _word(pair[0], words), _word(pair[1], words)


def company_of(ground: Ground, row: Row) -> str | None:
    """The id of the company that a row says. None where that is to be asked about, or is left out."""
    return company_by(ground, clue_of(row.values), row.line)


def company_by(ground: Ground, clue: Clue, line: int) -> str | None:
    """The same of a clue; what is not found is noted once for all its rows."""
    if name_form(clue.words) in ground.left_out:
        return None
    found = ground.companies.find(clue)
    if found is None:
        ground.unfound.add(clue, line, ground.companies.candidates(clue))
        return None
    return found.id


def _refused(row: Row, wrong: BadRow) -> Planned:
    return bad(row.line, wrong.column, row.values.get(wrong.column) if wrong.value is None else wrong.value, wrong.message)


def _part(outcome: str, line: int, table: str, id: str, facts: Mapping[str, Any]) -> Planned:
    before, after = (facts, None) if outcome == "part before" else (None, facts)
    return Planned(line=line, outcome=cast(Any, outcome), target=table, id=id, before=before, after=after)


def _word(value: Any, words: Mapping[str, str]) -> str:
    """A value as a file has it; an id that is among the words is said by its word, and what stands beside it in brackets."""
    if isinstance(value, list | tuple):
        return "; ".join(_word(part, words) for part in value)
    if isinstance(value, Mapping):
        first, *others = [words.get(part, part) for part in value.values() if isinstance(part, str) and part]
        return f"{first} ({', '.join(others)})" if others else first
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else words.get(value, value) if isinstance(value, str) else str(value)
