"""What happened to a record, in words: "Alice Archer changed Main phone of Delta Ridge from … to …"."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from hmlib.db.database import Db
from hmlib.kinds.resource import Field, Resource
from hmlib.kinds.types import Reference
from hmlib.records import audit
from hmlib.resources import pickers
from hmlib.web.page_handler import PageHandler

MOST_SHOWN = 20
IMPORTED = """
    SELECT batch.applied_at, batch.started_by_name, batch.file_name, batch.undone_at, planned.changed
    FROM import_row planned JOIN import_batch batch ON batch.id = planned.batch_id
    WHERE planned.record_id = :id AND planned.target = :target AND planned.outcome IN ('create', 'update') AND batch.applied_at <> ''
    ORDER BY batch.applied_at DESC LIMIT :most
"""
VERBS = {"created": "added", "deleted": "deleted", "deactivated": "ended", "reactivated": "put back into use", "changed": "changed"}


@dataclass(frozen=True)
class Told:
    """One field of one event: what it is called, what it was and what it is, as people read it."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Event:
    """One thing that happened: when, who did it, the verb, and the fields that changed with it."""

    at: str
    who: str
    verb: str
    fields: tuple[Told, ...]


async def of_record(handler: PageHandler, of: Resource[Any], record: Any) -> list[Event]:
    """The last twenty events of a record, the latest first. Clients of the MSP are told nothing of who did what."""
    if handler.known.level == "client":
        return []
    zone = await handler.preferences.text(handler.db, "time_zone")
    rows = await audit.of_subject(handler.db, f"{of.name}/{of.id_of(record)}", MOST_SHOWN)
    names = await pickers.names_of(handler, of, [id for row in rows for id in _referred(of, row)])
    people = await audit.names_of(handler.db, {row.actor_id for row in rows if row.actor_name in ("", row.actor_id)})
    told = [event(of, row, names, zone, people.get(row.actor_id) or row.actor_name or "HiveMatrix") for row in rows]
    told += await _imported(handler.db, of, of.id_of(record))
    return sorted(told, key=lambda one: one.at, reverse=True)[:MOST_SHOWN]


async def _imported(db: Db, of: Resource[Any], id: str) -> list[Event]:
    """What imports did to a record: they have one entry in the audit log for a file, and keep its rows themselves."""
    rows = await db.all(IMPORTED, id=id, target=of.table_name, most=MOST_SHOWN)
    return [_import_event(of, row) for row in rows]


def _import_event(of: Resource[Any], row: Mapping[str, Any]) -> Event:
    said = ", undone since" if row["undone_at"] else ""
    fields = [
        Told(of.by_name[name][1].label if name in of.by_name else name.replace("_", " ").capitalize(), str(old), str(new))
        for name, (old, new) in msgspec.json.decode(row["changed"]).items()
    ]
    return Event(row["applied_at"], f"{row['started_by_name']} (import of {row['file_name']}{said})", VERBS["created"], tuple(fields))


def event(of: Resource[Any], row: audit.AuditRow, names: Mapping[str, str], zone: str, who: str) -> Event:
    """An entry of the audit log in the kind's words."""
    verb = VERBS.get(row.action.rpartition(".")[2], row.action)
    before, after = row.before or {}, row.after or {}
    changed = {name: (before.get(name), after.get(name)) for name in {**before, **after}} if before else {}
    pairs = [(field, *changed[name]) for name, (_, field) in of.by_name.items() if name in changed]
    fields = [Told(field.label, _words(field, old, names, zone), _words(field, new, names, zone)) for field, old, new in pairs]
    return Event(row.at, who, verb, tuple(fields))


def _words(field: Field, value: Any, names: Mapping[str, str], zone: str) -> str:
    if value in (None, "", [], {}):
        return ""
    if isinstance(field.value, Reference):
        return names.get(value, value)
    try:
        return field.value.words(field.value.read(value, zone))
    except ValueError:  # what was once stored and could not be entered today
        return str(value)


def _referred(of: Resource[Any], row: audit.AuditRow) -> list[str]:
    return [side[name] for side in (row.before or {}, row.after or {}) for name, _, _ in of.referred if side.get(name)]
