"""What an operator changes in daily life: declared by each service, kept in its database, checked, audited, exported."""

import builtins
import time
import weakref
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

import msgspec

from hmlib import json
from hmlib.db.database import Db, Transaction
from hmlib.records import audit
from hmlib.records.preference_kinds import Preference, Wrong, check, check_default

__all__ = ["Exported", "Preference", "Preferences", "Sealer"]

REQUEST_SECONDS = 5.0
REMOVED = "-"
SET = "set"
FROM_A_FILE = "A secret is not taken from a file: enter it on the settings page."


class Sealer(Protocol):
    """What seals a secret for its row: keys.Keys."""

    def seal(self, plain: bytes, *, table: str, column: str, row_id: str) -> str:
        """The sealed text."""

    def unseal(self, sealed: str, *, table: str, column: str, row_id: str) -> bytes:
        """What was sealed."""


@dataclass
class Seen:
    """What a request has read of the settings' state in a database; it holds for REQUEST_SECONDS, should the request take longer."""

    db: Db | None
    state: int | None
    at: float


_SEEN: ContextVar[Seen | None] = ContextVar("settings_seen", default=None)


class Exported(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """The settings of a service as a file; ``settings`` maps keys to values, ``secrets`` names those that are not in it."""

    format: Literal["hivematrix-settings/1"]
    settings: dict[str, str]
    secrets: list[str] = []


class Preferences:
    """The settings of one service. Raises ValueError for a declaration that is wrong in itself.

    Values read from a database are remembered with the state they were read at, which every change of them raises: what another
    process saved is seen by the next request. A request reads the state once, with its session where it has one; outside
    of a request every question does. A transaction always reads its own.
    """

    def __init__(self, declared: Sequence[Preference]) -> None:
        self.declared = tuple(declared)
        self._by_key = {preference.key: preference for preference in declared}
        self._remembered: weakref.WeakKeyDictionary[Db, tuple[builtins.int, dict[str, str]]] = weakref.WeakKeyDictionary()
        if len(self._by_key) != len(self.declared):
            raise ValueError("a setting is declared twice")
        for preference in declared:
            check_default(preference)

    def begin(self, db: Db, state: builtins.int | None = None) -> None:
        """A request begins, or has just read the settings' state: it need not be read again for this request."""
        _SEEN.set(Seen(db, state, time.monotonic()))

    async def all(self, db: Db) -> dict[str, str]:
        """Every declared setting's value, its default where none is stored, and "" for a secret."""
        stored = await self._stored(db)
        return {each.key: "" if each.kind == "secret" else stored.get(each.key, each.default) for each in self.declared}

    def remembered(self, db: Db, key: str, default: str) -> str:
        """The value as this process last read it, however long ago; ``default`` when it never did."""
        _, stored = self._remembered.get(db, (0, {}))
        return stored.get(key, default)

    async def text(self, db: Db, key: str) -> str:
        """The value of a text, lines, choice or time_zone setting. Raises KeyError for one that is not declared, as all of these do."""
        stored = await self._stored(db)
        return stored.get(key, self._by_key[key].default)

    async def int(self, db: Db, key: str) -> builtins.int:
        """The value of an int setting."""
        return builtins.int(await self.text(db, key))

    async def bool(self, db: Db, key: str) -> builtins.bool:
        """The value of a bool setting."""
        return await self.text(db, key) == "true"

    async def decimal(self, db: Db, key: str) -> Decimal:
        """The value of a decimal setting."""
        return Decimal(await self.text(db, key))

    async def lines(self, db: Db, key: str) -> tuple[str, ...]:
        """The lines of a lines setting that hold anything."""
        return tuple(line for line in (await self.text(db, key)).split("\n") if line)

    async def zone(self, db: Db, key: str) -> ZoneInfo:
        """The value of a time_zone setting."""
        return ZoneInfo(await self.text(db, key))

    async def secret(self, db: Db, key: str, keys: Sealer) -> str:
        """The value of a secret setting, "" when none is stored. Raises keys.Unsealable when it was sealed with another key."""
        sealed = await self.text(db, key)
        return keys.unseal(sealed, table="preference", column="value", row_id=key).decode() if sealed else ""

    async def secrets_set(self, db: Db) -> dict[str, str]:
        """By the key of each secret: SET where one is stored, else ""."""
        stored = await self._stored(db)
        return {each.key: SET if stored.get(each.key) else "" for each in self.declared if each.kind == "secret"}

    async def save(self, tx: Db, values: Mapping[str, str], *, actor: audit.Actor, now: str, keys: Sealer | None = None) -> dict[str, str]:
        """Check and store ``values``, which may be some of the settings; what is wrong, by key, and then nothing is stored.

        One audit entry tells what changed. ``keys`` are needed where a secret is declared.
        """
        checked, errors = self._checked(values)
        if errors:
            return errors
        stored = await self._stored(tx)
        current = {each.key: stored.get(each.key, each.default) for each in self.declared}
        new = {key: self._to_store(key, value, keys) for key, value in checked.items() if self._differs(key, value, current[key])}
        if new:
            await tx.many(_UPSERT, [{"key": key, "value": value, "now": now} for key, value in new.items()])
            before, after = self._for_audit({key: current[key] for key in new}), self._for_audit(new)
            await audit.record(tx, actor, "settings.changed", "settings", now=now, before=before, after=after)
            _SEEN.set(None)  # this request has changed the state that it had seen
        return {}

    async def exported(self, db: Db) -> bytes:
        """All settings but the secrets as JSON, for imported(); it names the secrets that are set."""
        values, secrets = await self.all(db), await self.secrets_set(db)
        shown = {key: value for key, value in values.items() if key not in secrets}
        file = Exported("hivematrix-settings/1", shown, [key for key, state in secrets.items() if state])
        return msgspec.json.format(json.encode(file), indent=2) + b"\n"

    def imported(self, raw: bytes) -> dict[str, str]:
        """The values in a file that exported() made, to give to save(). Raises json.Malformed."""
        return json.decode(raw, Exported).settings

    def not_from_a_file(self, values: Mapping[str, str]) -> dict[str, str]:
        """What is wrong with values for having come in a file, by key: secrets are not in one."""
        return {key: FROM_A_FILE for key in values if key in self._by_key and self._by_key[key].kind == "secret"}

    async def _stored(self, db: Db) -> dict[str, str]:
        if isinstance(db, Transaction):
            return await _read(db)
        state = await self._state(db)
        held = self._remembered.get(db)
        if held is not None and held[0] == state:
            return held[1]
        found = await _read(db)  # no older than the state, which was read before
        self._remembered[db] = (state, found)
        return found

    async def _state(self, db: Db) -> builtins.int:
        seen = _SEEN.get()
        if seen is not None and (seen.db is not db or time.monotonic() > seen.at + REQUEST_SECONDS):
            seen = None
        if seen is not None and seen.state is not None:
            return seen.state
        state: builtins.int = await db.value("SELECT state FROM preference_state WHERE id = 1")
        if seen is not None:
            seen.state = state
        return state

    def _checked(self, values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        checked: dict[str, str] = {}
        errors: dict[str, str] = {}
        for key, value in values.items():
            try:
                checked[key] = check(self._by_key[key], value)
            except KeyError:
                errors[key] = "There is no such setting."
            except Wrong as wrong:
                errors[key] = str(wrong)
        return checked, errors

    def _differs(self, key: str, value: str, current: str) -> builtins.bool:
        if self._by_key[key].kind != "secret":
            return value != current
        return current != "" if value == REMOVED else value != ""

    def _to_store(self, key: str, value: str, keys: Sealer | None) -> str:
        if self._by_key[key].kind != "secret":
            return value
        if keys is None:
            raise ValueError(f"the setting {key} is a secret: save() needs keys to seal it")
        return "" if value == REMOVED else keys.seal(value.encode(), table="preference", column="value", row_id=key)

    def _for_audit(self, values: Mapping[str, str]) -> dict[str, str]:
        """As the audit log may show them."""
        secret = {key for key in values if self._by_key[key].kind == "secret"}
        return {key: ("set" if value else "not set") if key in secret else value for key, value in values.items()}


async def _read(db: Db) -> dict[str, str]:
    return {row["key"]: row["value"] for row in await db.all("SELECT key, value FROM preference")}


_UPSERT = """
    INSERT INTO preference (key, value, updated_at) VALUES (:key, :value, :now)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
    """
