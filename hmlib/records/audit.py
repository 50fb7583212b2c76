"""The audit log: who did what, where and when, each entry chained by SHA-256 to the one before."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec

from hmlib.clock import moment_of, shifted
from hmlib.db.database import Db
from hmlib.db.list_query import BadListQuery, ListDefinition, ListQuery, Page, like

LISTING = ListDefinition(
    sorts={"seq": "audit.seq"}, default="-seq", id_column="audit.seq", filters=("actor", "action", "subject", "from", "to")
)
FIRST_HASH = "0" * 64
_BATCH = 500
_ALL = 2**62
_COLUMNS = "seq, at, actor_id, actor_name, address, on_behalf_of, request_id, action, subject, before_json, after_json, previous_hash, hash"


@dataclass(frozen=True)
class Actor:
    """Who acts: a person's or a service's id and name, the network address, and the user id acted for, if another's."""

    id: str
    name: str
    address: str = ""
    on_behalf_of: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class AuditRow:
    """One entry. ``seq`` counts from 1 without gaps; the two JSON texts are as they were hashed, None when not given."""

    seq: int
    at: str
    actor_id: str
    actor_name: str
    address: str
    on_behalf_of: str
    request_id: str
    action: str
    subject: str
    before_json: str | None
    after_json: str | None
    previous_hash: str
    hash: str

    @property
    def before(self) -> Any:
        """What there was, as plain values."""
        return msgspec.json.decode(self.before_json) if self.before_json else None

    @property
    def after(self) -> Any:
        """What there is now, as plain values."""
        return msgspec.json.decode(self.after_json) if self.after_json else None

    @property
    def own_hash(self) -> str:
        """SHA-256 (hex) over every other field as one JSON array, the hash of the entry before among them."""
        parts = [getattr(self, name) for name in _FIELDS if name != "hash"]
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


_FIELDS = tuple(AuditRow.__dataclass_fields__)


@dataclass(frozen=True)
class AuditEvent:
    """One thing done: ``action`` is such as "company.created", ``subject`` "company/<id>", the rest what changed, as plain values,
    Structs or dataclasses. They are kept for ever and shown, so never pass a secret."""

    action: str
    subject: str
    before: object = None
    after: object = None


async def record(tx: Db, actor: Actor, action: str, subject: str, *, now: str, before: object = None, after: object = None) -> None:
    """Add an entry within the transaction of the change itself; see AuditEvent for the parts."""
    await record_all(tx, actor, [AuditEvent(action, subject, before, after)], now=now)


async def record_all(tx: Db, actor: Actor, events: Sequence[AuditEvent], *, now: str) -> None:
    """Add an entry for each event, in their order, within the transaction of the changes themselves."""
    seq, previous = await head(tx)
    chained = partial(_chained, seq, previous, actor, events, now)
    rows = await asyncio.to_thread(chained) if len(events) > _BATCH else chained()
    insert = f"INSERT INTO audit ({_COLUMNS}) VALUES ({', '.join(f':{name}' for name in _FIELDS)})"
    for start in range(0, len(rows), _BATCH):
        await tx.many(insert, rows[start : start + _BATCH])


def _chained(seq: int, previous: str, actor: Actor, events: Sequence[AuditEvent], now: str) -> list[dict[str, Any]]:
    who = (actor.id, actor.name, actor.address, actor.on_behalf_of, actor.request_id)
    rows = []
    for number, event in enumerate(events, seq + 1):
        what = (event.action, event.subject, _canonical(event.before), _canonical(event.after))
        entry = AuditRow(number, now, *who, *what, previous, "")
        previous = entry.own_hash
        rows.append({name: getattr(entry, name) for name in _FIELDS} | {"hash": previous})
    return rows


async def head(db: Db) -> tuple[int, str]:
    """The number and hash of the last entry, (0, 64 zeros) when there is none: kept elsewhere, it shows a log cut short."""
    row = await db.one("SELECT seq, hash FROM audit_head")
    return (row["seq"], row["hash"]) if row else (0, FIRST_HASH)


async def first_broken(db: Db, anchor: tuple[int, str] | None = None) -> int | None:
    """The number of the first entry that is missing or changed, None when the log is whole.

    ``anchor`` is an earlier answer of head(), kept where whoever may change the database cannot reach it.
    """
    known = dict([await head(db), *([anchor] if anchor else [])])
    seq, previous = 0, FIRST_HASH
    while rows := await _after(db, seq):
        for row in rows:
            seq += 1
            expected = known.get(seq, row.hash)
            if (row.seq, row.previous_hash, row.hash, row.hash) != (seq, previous, row.own_hash, expected):
                return seq
            previous = row.hash
    if seq < max(known):
        return seq + 1
    last, _ = await head(db)  # entries may have come meanwhile, but never fewer than were read
    return last + 1 if last < seq else None


async def page_of(db: Db, list_query: ListQuery) -> Page[AuditRow]:
    """Entries, newest first unless asked otherwise.

    Filters: ``actor`` (id or name), ``action`` (its beginning), ``subject``, ``from`` and ``to`` (UTC times or days, both included).
    """
    where, params = _filtered(list_query.filters)
    place, order, limits = list_query.sql()
    async with db.read() as snapshot:
        total = await snapshot.value(f"SELECT COUNT(*) FROM audit WHERE {where}", **params)
        found = await snapshot.all(f"SELECT {_COLUMNS} FROM audit WHERE {where} {place} {order}", **params, **limits)
    return list_query.page([AuditRow(**row) for row in found], total, key=lambda row: (row.seq, row.seq))


async def everything(snapshot: Db, list_query: ListQuery) -> AsyncGenerator[AuditRow, None]:
    """The entries of all the pages that page_of() would give, by a cursor."""
    where, params = _filtered(list_query.filters)
    place, order, limits = replace(list_query, limit=_ALL).sql()
    async for rows in snapshot.slices(f"SELECT {_COLUMNS} FROM audit WHERE {where} {place} {order}", **params, **limits):
        for row in rows:
            yield AuditRow(**row)


async def of_subject(db: Db, subject: str, most: int) -> list[AuditRow]:
    """The latest entries about one thing, the last one first; ``subject`` is such as "company/<id>"."""
    found = await db.all(f"SELECT {_COLUMNS} FROM audit WHERE subject = :subject ORDER BY seq DESC LIMIT :most", subject=subject, most=most)
    return [AuditRow(**row) for row in found]


async def names_of(db: Db, actor_ids: Collection[str]) -> dict[str, str]:
    """What people are called who also acted under their names: programs that act for them know only their ids."""
    if not actor_ids:
        return {}
    named = "actor_id IN :ids AND actor_name <> actor_id AND actor_name <> ''"
    rows = await db.all(f"SELECT actor_id, max(actor_name) AS name FROM audit WHERE {named} GROUP BY actor_id", ids=sorted(actor_ids))
    return {row["actor_id"]: row["name"] for row in rows}


async def _after(db: Db, seq: int) -> list[AuditRow]:
    rows = await db.all(f"SELECT {_COLUMNS} FROM audit WHERE seq > :seq ORDER BY seq LIMIT :batch", seq=seq, batch=_BATCH)
    return [AuditRow(**row) for row in rows]


def _canonical(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value, order="sorted").decode()


def _filtered(filters: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The condition, and its parameters, for what page_of() may be asked."""
    parts = {
        "actor": "(actor_id = :actor OR actor_name = :actor)",
        "action": "action LIKE :action ESCAPE '\\'",
        "subject": "subject = :subject",
        "from": "at >= :from",
        "to": "at < :to",
    }
    values: dict[str, Any] = dict(filters)
    if "action" in filters:
        values["action"] = like(filters["action"]).removeprefix("%")
    for name in ("from", "to"):
        if name in filters:
            values[name] = _moment(name, filters[name])
    return " AND ".join(["TRUE", *(parts[name] for name in filters)]), values


def _moment(name: str, text: str) -> str:
    """A UTC time, or a day's beginning; for ``to`` the first moment that no longer belongs."""
    try:
        return shifted(moment_of(text), 0 if name == "from" else 86_400 if len(text) == 10 else 0.000_001)
    except ValueError:
        raise BadListQuery("invalid_filter", f"{name} must be a day or a UTC time, such as 2026-11-22.", name) from None
