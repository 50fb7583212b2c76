"""How records come to be, change, end and go: read, checked, stored, told to the audit log and to followers, in one transaction."""

from collections.abc import Mapping
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import structs

from hmlib.api import tombstones
from hmlib.clock import new_id, parse
from hmlib.db.database import Conflict, Db, Transaction
from hmlib.errors import Invalid, NotAllowed, Stale, Taken
from hmlib.kinds.resource import STAMPS, Field, Resource, Writer
from hmlib.records import audit
from hmlib.resources import records
from hmlib.web.handler import Handler

R = TypeVar("R", bound=msgspec.Struct)
NOT_ALLOWED = "The data do not allow this."
UNSEEN = "You would not see it any more: it needs one of your companies."
NOTHING: Mapping[str, str] = {}


async def writer_of(handler: Handler) -> Writer:
    """The caller of a request, as a writer."""
    zone = await handler.preferences.text(handler.db, "time_zone")
    today = parse(handler.now).astimezone(ZoneInfo(zone)).date().isoformat()
    return Writer(handler.actor, handler.known.scope, handler.now, today, zone)


def read(of: Resource[R], said: Mapping[str, Any], writer: Writer, *, new: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """The attributes out of what is said by field, and what is wrong with the rest, by field. A new one needs what has no default."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for attribute, field in of.fields.items():
        name = field.name or attribute
        if name in said and not field.ours and (new or not field.fixed):
            try:
                values[attribute] = field.value.read(said[name], writer.zone)
            except ValueError as refused:
                wrong[name] = str(refused)
        elif new and attribute in of.required:
            wrong[name] = "This is needed."
    return values, wrong


def blank(of: Resource[R], values: Mapping[str, Any]) -> R:
    """A record of these attributes; what has no default and is not given is empty."""
    lacking = [field.name for field in structs.fields(of.record) if field.required and field.name not in values]
    empty = {name: of.fields[name].value.empty if name in of.fields else "" for name in lacking}
    return of.record(**{**empty, **values})


async def add(tx: Transaction, of: Resource[R], said: Mapping[str, Any], writer: Writer, *, wrong: Mapping[str, str] = NOTHING) -> R:
    """The new record as it stands. ``wrong`` is known to be wrong already. Raises Invalid with all that is wrong, Taken, NotAllowed."""
    values, unread = read(of, said, writer, new=True)
    fresh = {} if of.key != "id" else {"id": new_id()}
    wanted = structs.replace(blank(of, {**fresh, **values}), created_at=writer.now, updated_at=writer.now, version=1)
    stored = await _checked(tx, of, writer, None, wanted, {**wrong, **unread})
    try:
        await records.insert(tx, of, [stored], writer.now)
    except Conflict as conflict:
        raise refusal(of, conflict) from conflict
    await audit.record_all(tx, writer.actor, [created(of, stored)], now=writer.now)
    return await _again(tx, of, stored, writer)


async def change(
    tx: Transaction, of: Resource[R], before: R, said: Mapping[str, Any], writer: Writer, *, wrong: Mapping[str, str] = NOTHING
) -> R:
    """The record as it stands after what is said of some fields. Raises Invalid with all that is wrong, Taken, Stale, NotAllowed."""
    values, unread = read(of, said, writer, new=False)
    return await save(tx, of, before, structs.replace(before, **values), writer, wrong={**wrong, **unread})


async def save(tx: Transaction, of: Resource[R], before: R, wanted: R, writer: Writer, *, wrong: Mapping[str, str] = NOTHING) -> R:
    """As change(), of attributes that are read already; what changes nothing is asked nothing."""
    if not wrong and not differences(of, before, wanted):
        return before
    stored = await _checked(tx, of, writer, before, wanted, wrong)
    changed = differences(of, before, stored)
    if not changed:
        return before
    try:
        if not await records.save(tx, of, stored, writer.now, writer.scope):
            raise Stale
    except Conflict as conflict:
        raise refusal(of, conflict) from conflict
    now = await of.company_ids(tx, stored)
    if left := [id for id in await of.company_ids(tx, before) if id not in now]:
        await tombstones.add(tx, of.name, of.id_of(before), left, writer.now)
    await audit.record_all(tx, writer.actor, [_changed(of, before, stored, changed)], now=writer.now)
    return await _again(tx, of, stored, writer)


async def end(tx: Transaction, of: Resource[R], before: R, writer: Writer) -> R:
    """The normal end of a record: nothing is lost. Raises as save() does."""
    assert of.lifecycle is not None
    return await save(tx, of, before, structs.replace(before, **of.lifecycle.ended(before, writer.today)), writer)


async def resume(tx: Transaction, of: Resource[R], before: R, writer: Writer) -> R:
    """The way back. Raises as save() does."""
    assert of.lifecycle is not None
    return await save(tx, of, before, structs.replace(before, **of.lifecycle.running), writer)


async def remove(tx: Transaction, of: Resource[R], before: R, writer: Writer) -> None:
    """For what should never have been there. Raises Stale, and NotAllowed (409) while something hangs on it."""
    hindrance = (await of.removal(tx, writer.scope, before)).hindrance
    if hindrance:
        raise NotAllowed("in_use", hindrance, 409)
    along, companies = await of.goes_along(tx, before), await of.company_ids(tx, before)
    try:
        if not await records.delete(tx, of, before):
            raise Stale
    except Conflict as held:
        raise NotAllowed("in_use", of.in_use, 409) from held
    for kind, id in [(of.name, of.id_of(before)), *along]:
        await tombstones.add(tx, kind, id, companies, writer.now)
    event = audit.AuditEvent(f"{of.name}.deleted", f"{of.name}/{of.id_of(before)}", before=facts(of, before))
    await audit.record_all(tx, writer.actor, [event], now=writer.now)


def facts(of: Resource[R], record: R) -> dict[str, Any]:
    """What the audit log keeps of a record: its fields as JSON has them, without the empty ones."""
    said = {field.name or attribute: field.value.write(getattr(record, attribute)) for attribute, field in _kept(of).items()}
    return {name: value for name, value in said.items() if value not in ("", None, [], {})}


def differences(of: Resource[R], before: R, after: R) -> dict[str, tuple[Any, Any]]:
    """The fields that differ, by name, each as it was and as it is, as JSON has them. What follows from fields (see derived) is none."""
    pairs = {attribute: (getattr(before, attribute), getattr(after, attribute)) for attribute in _kept(of)}
    return {
        of.fields[attribute].name or attribute: (of.fields[attribute].value.write(old), of.fields[attribute].value.write(new))
        for attribute, (old, new) in pairs.items()
        if old != new
    }


def created(of: Resource[R], record: R) -> audit.AuditEvent:
    """What the audit log says of a new record."""
    return audit.AuditEvent(f"{of.name}.created", f"{of.name}/{of.id_of(record)}", after=facts(of, record))


def refusal(of: Resource[Any], conflict: Conflict) -> Invalid:
    """What a broken constraint means, by field: something taken, something that is not there, or something the data do not allow."""
    columns = {name.rpartition(".")[2] for name in conflict.constraint.split(", ")}  # SQLite names them, PostgreSQL the constraint
    unique = next((one for one in of.unique if one.constraint in conflict.constraint or columns == set(one.columns)), None)
    if unique is not None:
        return Taken({unique.field: unique.said})
    if conflict.kind != "unique":
        for name, _, to in of.referred:
            if to.table and to.table in conflict.constraint:
                return Invalid({name: to.said})
    return Invalid({"": NOT_ALLOWED})


async def _checked(tx: Db, of: Resource[R], writer: Writer, before: R | None, wanted: R, wrong: Mapping[str, str]) -> R:
    """The record as it will be stored. Raises Invalid with all that is wrong, Taken where that is only what others have."""
    stored = wanted if wrong else await of.complete(tx, writer, before, wanted)
    errors = {} if wrong else dict(await of.rules(tx, writer, before, stored))
    errors |= await _missing(tx, of, writer, before, stored)  # of what a caller may not see no rule tells anything
    taken = {name: said for name, said in (await records.taken(tx, of, stored)).items() if name not in {**errors, **wrong}}
    if wrong or errors:
        raise Invalid({**wrong, **{name: said for name, said in {**errors, **taken}.items() if name not in wrong}})
    if taken:
        raise Taken(taken)
    return stored


async def _missing(tx: Db, of: Resource[R], writer: Writer, before: R | None, wanted: R) -> dict[str, str]:
    """What is referred to anew in this database and is not there, or not for this caller."""
    found = {}
    for name, attribute, to in of.referred:
        id = getattr(wanted, attribute)
        if to.table and id and id != (getattr(before, attribute) if before else None):
            seen = writer.scope.clause("id" if to.to == "companies" else "company_id") if to.scoped else "TRUE"
            if await tx.value(f"SELECT 1 FROM {to.table} WHERE id = :id AND {seen}", id=id, **writer.scope.params()) is None:
                found[name] = to.said
    return found


async def _again(tx: Db, of: Resource[R], stored: R, writer: Writer) -> R:
    found = await records.visible(tx, of, writer.scope, of.id_of(stored))
    if found is None:
        raise NotAllowed("not_allowed", UNSEEN)
    return found


def _changed(of: Resource[R], before: R, after: R, changed: Mapping[str, tuple[Any, Any]]) -> audit.AuditEvent:
    old, new = ({name: pair[side] for name, pair in changed.items()} for side in (0, 1))
    return audit.AuditEvent(f"{of.name}.{_happened(of, before, after)}", f"{of.name}/{of.id_of(before)}", old, new)


def _happened(of: Resource[R], before: R, after: R) -> str:
    if of.lifecycle is None or of.lifecycle.is_over(before) == of.lifecycle.is_over(after):
        return "changed"
    return "deactivated" if of.lifecycle.is_over(after) else "reactivated"


def _kept(of: Resource[Any]) -> Mapping[str, Field]:
    return {name: field for name, field in of.fields.items() if name not in (*STAMPS, *of.derived) and field.told}
