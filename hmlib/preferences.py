"""What an operator changes in daily life: declared by each service, kept in its database, checked, audited, exported."""

import builtins
import time
import weakref
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

import msgspec

from hmlib import audit, jsonin
from hmlib.db import Db, Transaction
from hmlib.preference_kinds import Preference, Wrong, check, check_default

__all__ = ["Exported", "Preference", "Preferences", "Sealer"]

REMEMBER_SECONDS = 5
REMOVED = "-"


class Sealer(Protocol):
    """What seals a secret for its row: crypto.Keys."""

    def seal(self, plain: bytes, *, table: str, column: str, row_id: str) -> str:
        """The sealed text."""

    def unseal(self, sealed: str, *, table: str, column: str, row_id: str) -> bytes:
        """What was sealed."""


class Exported(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The settings of a service as a file; ``settings`` maps keys to values, without secrets."""

    format: Literal["hivematrix-settings/1"]
    settings: dict[str, str]


class Preferences:
    """The settings of one service. Raises ValueError for a declaration that is wrong in itself.

    Values read from a database are remembered by this process for REMEMBER_SECONDS; a transaction always reads its own.
    """

    def __init__(self, declared: Sequence[Preference]) -> None:
        self.declared = tuple(declared)
        self._by_key = {preference.key: preference for preference in declared}
        self._remembered: weakref.WeakKeyDictionary[Db, tuple[float, dict[str, str]]] = weakref.WeakKeyDictionary()
        self._doubtful_until = 0.0
        if len(self._by_key) != len(self.declared):
            raise ValueError("a setting is declared twice")
        for preference in declared:
            check_default(preference)

    async def all(self, db: Db, *, fresh: builtins.bool = False) -> dict[str, str]:
        """Every declared setting's value, its default where none is stored, and "" for a secret. ``fresh`` asks the database again."""
        stored = await self._stored(db, fresh=fresh)
        return {each.key: "" if each.kind == "secret" else stored.get(each.key, each.default) for each in self.declared}

    def remembered(self, db: Db, key: str, default: str) -> str:
        """The value as this process last read it, however long ago; ``default`` when it never did."""
        _, stored = self._remembered.get(db, (0.0, {}))
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
        """The value of a secret setting, "" when none is stored. Raises crypto.Unsealable when it was sealed with another key."""
        sealed = await self.text(db, key)
        return keys.unseal(sealed, table="preference", column="value", row_id=key).decode() if sealed else ""

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
            before, after = self._shown({key: current[key] for key in new}), self._shown(new)
            await audit.record(tx, actor, "settings.changed", "settings", now=now, before=before, after=after)
            self._doubtful_until = time.monotonic() + REMEMBER_SECONDS  # the transaction is still open: what is read now may be old
        return {}

    async def exported(self, db: Db) -> bytes:
        """All settings but the secrets as JSON, for imported()."""
        values = await self.all(db, fresh=True)
        shown = {each.key: values[each.key] for each in self.declared if each.kind != "secret"}
        return msgspec.json.format(jsonin.encode(Exported("hivematrix-settings/1", shown)), indent=2) + b"\n"

    def imported(self, raw: bytes) -> dict[str, str]:
        """The values in a file that exported() made, to give to save(). Raises jsonin.Malformed."""
        return jsonin.decode(raw, Exported).settings

    async def _stored(self, db: Db, *, fresh: builtins.bool = False) -> dict[str, str]:
        read_at, stored = self._remembered.get(db, (float("-inf"), {}))
        asked_at = time.monotonic()
        if not fresh and asked_at < read_at + REMEMBER_SECONDS and asked_at >= self._doubtful_until:
            return stored
        found = {row["key"]: row["value"] for row in await db.all("SELECT key, value FROM preference")}
        if not isinstance(db, Transaction):
            self._remembered[db] = (asked_at, found)
        return found

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

    def _shown(self, values: Mapping[str, str]) -> dict[str, str]:
        """As the audit log may show them."""
        secret = {key for key in values if self._by_key[key].kind == "secret"}
        return {key: ("set" if value else "not set") if key in secret else value for key, value in values.items()}


_UPSERT = """
    INSERT INTO preference (key, value, updated_at) VALUES (:key, :value, :now)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
    """
