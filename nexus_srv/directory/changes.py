"""What may be changed in the directory, by whom, and what follows from it."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from hmlib.api import tombstones
from hmlib.auth.permissions import Caller, CompanyScope
from hmlib.clock import new_id
from hmlib.db.database import Db, Transaction
from hmlib.db.engine import Conflict
from hmlib.errors import Invalid, NotAllowed, Stale, Taken
from hmlib.records import audit
from hmlib.records.audit import Actor
from nexus_srv.directory.kinds import COMPANIES, Noun
from nexus_srv.queries import assets, companies, contacts
from nexus_srv.queries import directory as state
from nexus_srv.queries.assets import Asset
from nexus_srv.queries.companies import Company
from nexus_srv.queries.contacts import Contact, Link
from nexus_srv.queries.directory import Entry

T = TypeVar("T", bound=Entry)
BILLED_BY = ("active", "billable", "exclusion_reason", "active_on", "ended_on")
SHARED = "This would change the bill of a company that you do not see, as the person is there too. Ask somebody who sees all of them."
NOT_AUDITED = frozenset({"created_at", "updated_at", "version", "company_name", "email"})


async def add(tx: Transaction, caller: Caller, noun: Noun[T], wanted: T, actor: Actor, now: str) -> T:
    """The new entry as it stands. Raises Invalid, Taken, NotAllowed."""
    try:
        return await added(tx, caller, noun, wanted, actor, now)
    except Conflict as taken:
        raise refusal(taken) from taken


async def added(tx: Db, caller: Caller, noun: Noun[T], wanted: T, actor: Actor, now: str) -> T:
    """add() that raises Conflict instead of Taken."""
    if noun is COMPANIES and caller.scope.rule == "only":
        raise NotAllowed("not_allowed", "Whoever sees certain companies only cannot add another one.")
    wanted = noun.settled(None, noun.checked(wanted), now[:10])
    wanted = msgspec.structs.replace(_measured(wanted, None, now), id=new_id(), created_at=now, updated_at=now, version=1)
    if isinstance(wanted, Company) and not wanted.account_number:
        wanted = msgspec.structs.replace(wanted, account_number=await companies.free_number(tx))
    await _check_references(tx, caller.scope, noun, None, wanted)
    await noun.rows.insert(tx, [wanted], now)
    await audit.record_all(tx, actor, [creation_of(noun, wanted)], now=now)
    return await _again(tx, caller, noun, wanted, now)


async def change(tx: Transaction, caller: Caller, noun: Noun[T], before: T, wanted: T, actor: Actor, now: str) -> T:
    """The entry as it stands after the change. Raises Invalid, Taken, Stale, NotAllowed."""
    try:
        return await changed(tx, caller, noun, before, wanted, actor, now)
    except Conflict as taken:
        raise refusal(taken) from taken


async def changed(tx: Db, caller: Caller, noun: Noun[T], before: T, wanted: T, actor: Actor, now: str) -> T:
    """change() that raises Conflict instead of Taken."""
    wanted = _measured(noun.settled(before, noun.checked(wanted), now[:10]), before, now)
    if wanted == before:
        return before
    await _check_references(tx, caller.scope, noun, before, wanted)
    hidden = await contacts.hidden_links(tx, caller.scope, wanted.id) if isinstance(wanted, Contact) else []
    check_shared(before, wanted, hidden)
    if not await noun.rows.save(tx, _with_hidden(wanted, hidden), now):
        raise Stale
    await _follow_up(tx, noun, before, wanted, actor, now)
    return await _again(tx, caller, noun, wanted, now)


async def deactivate(tx: Transaction, caller: Caller, noun: Noun[T], before: T, actor: Actor, now: str) -> T:
    """The normal end of an entry: nothing is lost. Raises Stale."""
    return await change(tx, caller, noun, before, msgspec.structs.replace(before, **noun.idle(before, now[:10])), actor, now)


async def reactivate(tx: Transaction, caller: Caller, noun: Noun[T], before: T, actor: Actor, now: str) -> T:
    """Back in use. Raises Stale."""
    return await change(tx, caller, noun, before, msgspec.structs.replace(before, **noun.busy), actor, now)


async def remove(tx: Transaction, caller: Caller, noun: Noun[T], before: T, actor: Actor, now: str) -> None:
    """For what should never have been there. Raises NotAllowed while something hangs on it."""
    try:
        if isinstance(before, Contact) and await contacts.hidden_links(tx, caller.scope, before.id):
            raise NotAllowed("in_use", "Something belongs to it still.", 409)
        await noun.rows.delete(tx, before.id)
        await tombstones.add(tx, noun.name, before.id, noun.company_ids(before), now)
        await state.count_change(tx, now)
        await audit.record(tx, actor, f"{noun.name}.deleted", f"{noun.name}/{before.id}", now=now, before=facts(before))
    except Conflict as held:
        raise NotAllowed("in_use", "Something belongs to it still. Deactivate it instead.", 409) from held


async def held_by(db: Db, scope: CompanyScope, entry: Entry) -> dict[str, int | None]:
    """How many of what keep an entry from being deleted; empty when nothing does. None counts what the caller may not see."""
    if isinstance(entry, Company):
        counts = await companies.counts(db, entry.id)
        held = {
            "contacts": counts["contacts"],
            "locations": counts["locations"],
            "assets": counts["assets"],
            "other companies": counts["children"],
        }
    elif isinstance(entry, Contact):
        held = {"other companies": len(await contacts.hidden_links(db, scope, entry.id))}
    else:
        held = {}
    unseen = isinstance(entry, Contact) or scope.rule != "all"
    return {plural: None if unseen and plural == "other companies" else count for plural, count in held.items() if count}


async def goes_with(db: Db, entry: Entry) -> dict[str, int]:
    """What loses its owner when an entry is deleted."""
    count = await assets.count_of_contact(db, entry.id) if isinstance(entry, Contact) else 0
    return {"assets": count} if count else {}


async def record_export(db: Db, noun: Noun[Any], asked: Mapping[str, str], rows: int, actor: Actor, now: str) -> None:
    """Who took which list away as a file."""
    async with db.write() as tx:
        await audit.record(tx, actor, f"{noun.plural}.exported", f"export/{noun.plural}", now=now, after={**asked, "rows": rows})


def facts(entry: msgspec.Struct) -> dict[str, Any]:
    """What the audit log keeps of an entry."""
    return {
        name: value for name, value in msgspec.to_builtins(entry).items() if name not in NOT_AUDITED and value not in ("", None, [], ())
    }


def differences(before: msgspec.Struct, after: msgspec.Struct) -> dict[str, tuple[Any, Any]]:
    """The fields that differ, each with both values."""
    names = (name for name in before.__struct_fields__ if name not in NOT_AUDITED)
    return {name: (getattr(before, name), getattr(after, name)) for name in names if getattr(before, name) != getattr(after, name)}


def _measured(wanted: T, before: T | None, now: str) -> T:
    """A backup that is told without the time of its measuring was measured now."""
    if not isinstance(wanted, Asset) or wanted.measured_at != getattr(before, "measured_at", None):
        return wanted
    return wanted if wanted.backup_bytes == getattr(before, "backup_bytes", 0) else msgspec.structs.replace(wanted, measured_at=now)


async def _again(tx: Db, caller: Caller, noun: Noun[T], row: T, now: str) -> T:
    await state.count_change(tx, now)
    found = await noun.rows.visible(tx, caller.scope, row.id)
    if found is None:
        raise NotAllowed("not_allowed", "You would not see it any more: it needs one of your companies.")
    return found


async def _follow_up(tx: Db, noun: Noun[Any], before: Any, wanted: Any, actor: Actor, now: str) -> None:
    changed = differences(before, wanted)
    left = [id for id in noun.company_ids(before) if id not in noun.company_ids(wanted)]
    if left:
        await tombstones.add(tx, noun.name, before.id, left, now)
    await audit.record_all(tx, actor, [change_of(noun, before, changed)], now=now)


def creation_of(noun: Noun[Any], entry: Any) -> audit.AuditEvent:
    """What the audit log says of a new entry."""
    return audit.AuditEvent(f"{noun.name}.created", f"{noun.name}/{entry.id}", after=facts(entry))


def change_of(noun: Noun[Any], before: Any, changed: Mapping[str, tuple[Any, Any]]) -> audit.AuditEvent:
    """What the audit log says of a change."""
    old, new = ({name: pair[side] for name, pair in changed.items()} for side in (0, 1))
    return audit.AuditEvent(f"{noun.name}.{_deed(noun, changed)}", f"{noun.name}/{before.id}", old, new)


def _deed(noun: Noun[Any], changed: Mapping[str, tuple[Any, Any]]) -> str:
    if not changed.keys() & noun.busy.keys():
        return "changed"
    ended = (
        changed.get("status", ("", ""))[1] == "inactive"
        or changed.get("active", (0, True))[1] is False
        or changed.get("retired_on", (0, None))[1]
    )
    return "deactivated" if ended else "reactivated"


def _with_hidden(wanted: T, hidden: Sequence[Link]) -> T:
    """A contact's companies that the caller does not see stay as they are."""
    return msgspec.structs.replace(wanted, companies=(*wanted.companies, *hidden)) if isinstance(wanted, Contact) and hidden else wanted


def check_shared(before: Any, wanted: Any, hidden: Sequence[Link]) -> None:
    """What other companies are billed for is changed by those who may see all of the person's companies. Raises Invalid."""
    if hidden:
        changed = {name: SHARED for name in BILLED_BY if getattr(before, name) != getattr(wanted, name)}
        if changed:
            raise Invalid(changed)


async def _check_references(tx: Db, scope: CompanyScope, noun: Noun[Any], before: Any, wanted: Any) -> None:
    """What an entry points to exists, is in the caller's scope, and fits."""
    if isinstance(wanted, Company):
        await _check_parent(tx, scope, wanted, before)
        return
    known = noun.company_ids(before) if before else []
    fresh = [id for id in noun.company_ids(wanted) if id not in known]
    if len(await companies.some(tx, scope, fresh)) < len(set(fresh)):
        raise Invalid({"companies" if isinstance(wanted, Contact) else "company_id": "There is no such company."})
    if isinstance(wanted, Asset) and wanted.contact_id and wanted.contact_id != getattr(before, "contact_id", None):
        person = await contacts.visible(tx, scope, wanted.contact_id)
        if person is None or wanted.company_id not in (link.company_id for link in person.companies):
            raise Invalid({"contact_id": "There is no such contact at this company."})


async def _check_parent(tx: Db, scope: CompanyScope, wanted: Company, before: Company | None) -> None:
    if wanted.parent_id is None or (before is not None and before.parent_id == wanted.parent_id):
        return
    parent = await companies.visible(tx, scope, wanted.parent_id)
    seen = {wanted.id}
    while parent is not None:
        if parent.id in seen:
            raise Invalid({"parent_id": "A company cannot stand above itself."})
        seen.add(parent.id)
        if parent.parent_id is None:
            return
        parent = await companies.visible(tx, CompanyScope(), parent.parent_id)
    raise Invalid({"parent_id": "There is no such company."})


_TAKEN = (
    ("account_number", "account_number", "This account number is taken."),
    ("external_id", "external_id", "This external id belongs to another entry."),
    ("name_form", "name", "The company has a location of this name."),
    ("location_of_company", "name", "The company has a location of this name."),
)


def refusal(conflict: Conflict) -> Invalid:
    """What a broken constraint means, by field: something taken, or else something that the data do not allow."""
    found = next(({field: said} for part, field, said in _TAKEN if part in conflict.constraint), None)
    return Taken(found) if found else Invalid({"": "The data do not allow this."})
