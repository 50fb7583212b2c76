"""What is changed in Treasury by people and programs: checked, stored in one transaction, told to the audit log."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from hmlib.api import tombstones
from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db, Transaction
from hmlib.db.engine import Conflict
from hmlib.errors import Invalid, NotAllowed, Stale, Taken
from hmlib.records import audit
from treasury_srv.catalogue.kinds import Noun
from treasury_srv.catalogue.rules import Change, Deed
from treasury_srv.queries.rows import differs

R = TypeVar("R", bound=msgspec.Struct)
EVERYTHING = CompanyScope()


async def add(tx: Transaction, noun: Noun[R], wanted: R, deed: Deed) -> R:
    """The new entry as it stands. Raises Invalid, Taken, NotAllowed."""
    try:
        return await added(tx, noun, wanted, deed)
    except Conflict as refused:
        raise _refusal(noun, refused) from refused


async def added(tx: Db, noun: Noun[R], wanted: R, deed: Deed) -> R:
    """add() that raises Conflict instead of Taken."""
    stored = await noun.rule(tx, Change(None, wanted, deed))
    assert stored is not None
    await noun.table.insert(tx, [stored], deed.now)
    await audit.record_all(tx, deed.actor, [creation_of(noun, stored)], now=deed.now)
    return await _again(tx, noun, stored)


async def change(tx: Transaction, noun: Noun[R], before: R, wanted: R, deed: Deed) -> R:
    """The entry as it stands after the change. Raises Invalid, Taken, Stale, NotAllowed."""
    if not differs(before, wanted):
        return before
    try:
        return await changed(tx, noun, before, wanted, deed)
    except Conflict as refused:
        raise _refusal(noun, refused) from refused


async def changed(tx: Db, noun: Noun[R], before: R, wanted: R, deed: Deed) -> R:
    """change() that raises Conflict instead of Taken."""
    stored = await noun.rule(tx, Change(before, wanted, deed))
    assert stored is not None
    if not await noun.table.save(tx, stored, deed.now):
        raise Stale
    await bury_moved(tx, noun, [(before, stored)], deed.now)
    await audit.record_all(tx, deed.actor, [change_of(noun, before, stored)], now=deed.now)
    return await _again(tx, noun, stored)


def creation_of(noun: Noun[R], record: R) -> audit.AuditEvent:
    """What the audit log says of a new entry."""
    return audit.AuditEvent(f"{noun.name}.created", f"{noun.name}/{noun.id(record)}", after=noun.public(record))


def change_of(noun: Noun[R], before: R, after: R) -> audit.AuditEvent:
    """What the audit log says of a change: the fields that differ, as they were and as they are."""
    old, new = noun.public(before), noun.public(after)
    names = [name for name in new if new[name] != old[name]]
    parts = {name: old[name] for name in names}, {name: new[name] for name in names}
    return audit.AuditEvent(f"{noun.name}.changed", f"{noun.name}/{noun.id(before)}", *parts)


async def remove(tx: Transaction, noun: Noun[R], before: R, deed: Deed) -> None:
    """Raises Stale, and NotAllowed while something hangs on it."""
    try:
        await noun.rule(tx, Change(before, None, deed))
        graves = await noun.graves(tx, before)
        if not await noun.table.delete(tx, before):
            raise Stale
        await tombstones.add_all(tx, graves, deed.now)
        subject = f"{noun.name}/{noun.id(before)}"
        await audit.record(tx, deed.actor, f"{noun.name}.deleted", subject, now=deed.now, before=noun.public(before))
    except Conflict as held:
        raise NotAllowed("in_use", noun.in_use, 409) from held


async def bury_moved(tx: Db, noun: Noun[R], pairs: Sequence[tuple[R, R]], now: str) -> None:
    """Tell those who follow a company that what now belongs to another one has left it."""
    left = [(before, was) for before, after in pairs if (was := _company_id(before)) != _company_id(after)]
    await tombstones.add_all(tx, [(noun.name, noun.id(before), was) for before, was in left], now)


def _company_id(record: msgspec.Struct) -> str:
    return str(getattr(record, "company_id", ""))


async def _again(tx: Db, noun: Noun[R], record: R) -> R:
    found = await noun.visible(tx, EVERYTHING, noun.id(record))
    assert found is not None
    return found


def _refusal(noun: Noun[R], refused: Conflict) -> Invalid:
    if refused.kind == "unique":
        return Taken(dict([noun.taken]))
    return Invalid(dict([noun.missing]))
