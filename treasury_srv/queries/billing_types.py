"""How single devices and people of the directory are billed instead of by their own kind."""

from collections.abc import Iterable, Sequence

import msgspec

from hmlib.auth.permissions import CompanyScope
from hmlib.db.database import Db
from hmlib.db.list_query import ListDefinition
from treasury_srv.queries import rows


class AssetOverride(msgspec.Struct, frozen=True, kw_only=True):
    """A device's billing type; `price_e4` counts for custom only."""

    asset_id: str
    company_id: str
    billing_type: str
    price_e4: int = 0
    created_at: str = ""
    updated_at: str = ""
    version: int = 0


class ContactOverride(msgspec.Struct, frozen=True, kw_only=True):
    """A person's billing type; `price_e4` counts for custom only."""

    contact_id: str
    company_id: str
    billing_type: str
    price_e4: int = 0
    created_at: str = ""
    updated_at: str = ""
    version: int = 0


ASSET_LISTING = ListDefinition(
    sorts={"created_at": "asset_override.created_at"},
    default="created_at",
    id_column="asset_override.asset_id",
    filters=("company_id", "billing_type", "updated_since"),
)
CONTACT_LISTING = ListDefinition(
    sorts={"created_at": "contact_override.created_at"},
    default="created_at",
    id_column="contact_override.contact_id",
    filters=("company_id", "billing_type", "updated_since"),
)
ASSETS = rows.Stored("asset_override", AssetOverride, key="asset_id")
CONTACTS = rows.Stored("contact_override", ContactOverride, key="contact_id")


async def every_asset(db: Db) -> list[AssetOverride]:
    """All of them, wherever their devices are: few devices have a billing type of their own."""
    return [AssetOverride(**row) for row in await db.all(f"SELECT {ASSETS.columns} FROM asset_override")]


async def every_contact(db: Db) -> list[ContactOverride]:
    """All of them, wherever their people are."""
    return [ContactOverride(**row) for row in await db.all(f"SELECT {CONTACTS.columns} FROM contact_override")]


async def some_assets(db: Db, scope: CompanyScope, ids: Sequence[str]) -> list[AssetOverride]:
    return await rows.some(db, ASSETS, ids, AssetOverride, scope, "asset_override.company_id")


async def some_contacts(db: Db, scope: CompanyScope, ids: Sequence[str]) -> list[ContactOverride]:
    return await rows.some(db, CONTACTS, ids, ContactOverride, scope, "contact_override.company_id")


async def of_assets(db: Db, scope: CompanyScope, ids: Sequence[str]) -> dict[str, AssetOverride]:
    """The overrides of devices by the device's id."""
    return {one.asset_id: one for one in await some_assets(db, scope, ids)}


async def of_contacts(db: Db, scope: CompanyScope, ids: Sequence[str]) -> dict[str, ContactOverride]:
    """The overrides of people by the person's id."""
    return {one.contact_id: one for one in await some_contacts(db, scope, ids)}


async def insert_assets(tx: Db, overrides: Iterable[AssetOverride], now: str) -> None:
    """Raises Conflict when a device has one."""
    await rows.insert(tx, ASSETS, overrides, now)


async def update_assets(tx: Db, overrides: Iterable[AssetOverride], now: str) -> None:
    await rows.update(tx, ASSETS, overrides, now)


async def insert_contacts(tx: Db, overrides: Iterable[ContactOverride], now: str) -> None:
    """Raises Conflict when a person has one."""
    await rows.insert(tx, CONTACTS, overrides, now)


async def update_contacts(tx: Db, overrides: Iterable[ContactOverride], now: str) -> None:
    await rows.update(tx, CONTACTS, overrides, now)


async def save_asset(tx: Db, override: AssetOverride, now: str) -> bool:
    """False when the row has changed since `override.version`."""
    return await rows.save(tx, ASSETS, override, now)


async def save_contact(tx: Db, override: ContactOverride, now: str) -> bool:
    """False when the row has changed since `override.version`."""
    return await rows.save(tx, CONTACTS, override, now)


async def delete_asset(tx: Db, override: AssetOverride) -> bool:
    """Back to the device's own type; False when the row has changed."""
    return bool(await tx.run(ASSETS.delete, asset_id=override.asset_id, version=override.version))


async def delete_contact(tx: Db, override: ContactOverride) -> bool:
    """Back to a paid user; False when the row has changed."""
    return bool(await tx.run(CONTACTS.delete, contact_id=override.contact_id, version=override.version))
