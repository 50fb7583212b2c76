"""The programs that sign people in through Nexus, or call the suite themselves: rows in `client`."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from hmlib.config import HUB
from hmlib.db.database import Db
from hmlib.keys import Keys

OIDC_SCOPES = ("openid", "profile", "email", "offline_access")
MODULE_SERVICE = {HUB: ("directory:read", "scopes:read", "users:read")}
MODULE_TO_HUB = ("directory:read", "directory:write", "users:read")
MODULE_TO_MODULE = ("billing:read", "directory:read", "labour:read", "wiki:read")

Policy = Mapping[str, tuple[str, ...]]
_COLUMNS = (
    "id, name, module, secret_mac, redirect_uris, post_logout_uris, logout_uri, scopes, exchange, service, disabled, created_at,"
    " updated_at, version"
)


@dataclass(frozen=True)
class Client:
    """One row. `exchange` leads from an audience to the scopes a person's token may be exchanged for, `service` from an audience to
    those the client may have for itself; without `secret_mac` it is public. A module has every scope of the person it acts for."""

    id: str
    name: str
    module: bool = False
    secret_mac: str | None = field(default=None, repr=False)
    redirect_uris: tuple[str, ...] = ()
    post_logout_uris: tuple[str, ...] = ()
    logout_uri: str = ""
    scopes: tuple[str, ...] = OIDC_SCOPES
    exchange: Policy = field(default_factory=dict)
    service: Policy = field(default_factory=dict)
    disabled: bool = False
    created_at: str = ""
    updated_at: str = ""
    version: int = 1

    @property
    def public(self) -> bool:
        return self.secret_mac is None

    @property
    def origin(self) -> str:
        """Where the client's own pages are: scheme, host and port of its first redirect address."""
        return "/".join(self.redirect_uris[0].split("/")[:3]) if self.redirect_uris else ""

    def knows(self, keys: Keys, secret: str) -> bool:
        """Whether `secret` is the client's own."""
        return self.secret_mac is not None and hmac.compare_digest(self.secret_mac, secret_mac(keys, self.id, secret))


async def by_id(db: Db, id: str) -> Client | None:
    row = await db.one(f"SELECT {_COLUMNS} FROM client WHERE id = :id", id=id)
    return _client(row) if row else None


async def everything(db: Db) -> list[Client]:
    """Modules first, then by name."""
    return [_client(row) for row in await db.all(f"SELECT {_COLUMNS} FROM client ORDER BY module DESC, name, id")]


async def module_ids(db: Db) -> list[str]:
    return [row["id"] for row in await db.all("SELECT id FROM client WHERE module AND NOT disabled ORDER BY id")]


async def insert(tx: Db, client: Client, now: str) -> None:
    """Raises Conflict when the id is taken."""
    await tx.run(
        f"""
        INSERT INTO client ({_COLUMNS})
        VALUES (:id, :name, :module, :secret_mac, :redirect_uris, :post_logout_uris, :logout_uri, :scopes, :exchange, :service, :disabled,
            :now, :now, 1)
        """,
        **_values(client),
        secret_mac=client.secret_mac,
        module=client.module,
        now=now,
    )


async def save(tx: Db, client: Client, now: str) -> bool:
    """Everything but the secret and whether it is a module; false when it has changed since `client.version`."""
    return bool(
        await tx.run(
            """
            UPDATE client SET name = :name, redirect_uris = :redirect_uris, post_logout_uris = :post_logout_uris, logout_uri = :logout_uri,
                scopes = :scopes, exchange = :exchange, service = :service, disabled = :disabled, updated_at = :now, version = version + 1
            WHERE id = :id AND version = :version
            """,
            **_values(client),
            version=client.version,
            now=now,
        )
    )


async def renew_secret(tx: Db, keys: Keys, id: str, now: str) -> str | None:
    """A new secret in place of the old one, told once; None for a client without one."""
    secret = secrets.token_urlsafe(32)
    touched = await tx.run(
        "UPDATE client SET secret_mac = :mac, updated_at = :now, version = version + 1 WHERE id = :id AND secret_mac IS NOT NULL",
        mac=secret_mac(keys, id, secret),
        id=id,
        now=now,
    )
    return secret if touched else None


async def register_module(tx: Db, keys: Keys, name: str, origin: str, now: str) -> tuple[str, str] | None:
    """Register a module of the suite, or note its new origin; id and secret when it is new, None when it was known.

    A new module may exchange for every other, and every other for it, with reading rights only.
    """
    secret = secrets.token_urlsafe(32)
    known = await by_id(tx, name)
    if known is not None:
        await _move(tx, known, origin, now)
        return None
    others = [client for client in await everything(tx) if client.module]
    exchange = {HUB: MODULE_TO_HUB} | {other.id: MODULE_TO_MODULE for other in others}
    module = Client(name, name.capitalize(), True, secret_mac(keys, name, secret), exchange=exchange, service=MODULE_SERVICE)
    await insert(tx, at(module, origin), now)
    for other in others:
        await save(tx, replace(other, exchange={**other.exchange, name: MODULE_TO_MODULE}), now)
    return name, secret


async def register_client(tx: Db, keys: Keys, client: Client, now: str, *, public: bool = False) -> str | None:
    """Register another program; its secret, told once, or None for a public client. Raises Conflict when the id is taken.

    What its addresses and scopes may be is checked by client_rules.
    """
    secret = None if public else secrets.token_urlsafe(32)
    await insert(tx, replace(client, secret_mac=secret and secret_mac(keys, client.id, secret)), now)
    return secret


def secret_mac(keys: Keys, client_id: str, secret: str) -> str:
    return keys.mac("client secret", client_id, secret)


async def _move(tx: Db, module: Client, origin: str, now: str) -> None:
    if at(module, origin) != module:
        await save(tx, at(module, origin), now)


def at(module: Client, origin: str) -> Client:
    """The module with the addresses that follow from its origin."""
    return replace(
        module,
        redirect_uris=(f"{origin}/auth/callback",),
        post_logout_uris=(f"{origin}/login",),
        logout_uri=f"{origin}/auth/backchannel-logout",
    )


def _values(client: Client) -> dict[str, Any]:
    texts = ("redirect_uris", "post_logout_uris", "scopes", "exchange", "service")
    plain = {name: getattr(client, name) for name in ("id", "name", "logout_uri", "disabled")}
    return plain | {name: msgspec.json.encode(getattr(client, name)).decode() for name in texts}


def _client(row: Mapping[str, Any]) -> Client:
    lists = {name: tuple(msgspec.json.decode(row[name])) for name in ("redirect_uris", "post_logout_uris", "scopes")}
    policies = {name: msgspec.json.decode(row[name], type=dict[str, tuple[str, ...]]) for name in ("exchange", "service")}
    return Client(**{**row, **lists, **policies, "module": bool(row["module"]), "disabled": bool(row["disabled"])})
