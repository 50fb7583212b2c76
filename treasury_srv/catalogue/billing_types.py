"""How single devices and people of the directory are billed instead of by their own kind."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from hmlib.db.database import Db
from hmlib.kinds.resource import Field, Resource, Unique, Writer
from hmlib.kinds.types import Choice, Money, Reference, Text
from treasury_srv.billing.facts import ASSET_BILLING_TYPES, CONTACT_BILLING_TYPES
from treasury_srv.catalogue.words import BILLED_AS, priced, unpriced

COMPANY = Field("Company", Reference(needed=True), filtered=True, listed=True, fixed=True, on_form=False)
PRICE = Field("Price of its own", Money(least=0), name="price", listed=True, beside=True)


def _as(types: tuple[str, ...]) -> Field:
    offered = {name: BILLED_AS[name] for name in types}
    return Field("Billed as", Choice(offered, needed=True), sort="=", filtered=True, listed=True)


def _thing(label: str) -> Field:
    return Field(label, Text(64, needed=True), listed=True, fixed=True, on_form=False)


class AssetOverride(msgspec.Struct, frozen=True, kw_only=True):
    """How a device is billed instead of by its own type; custom needs a price (decimal text), the others have none."""

    asset_id: Annotated[str, _thing("Device")]
    company_id: Annotated[str, COMPANY]
    billing_type: Annotated[str, _as(ASSET_BILLING_TYPES)]
    price_e4: Annotated[int | None, PRICE] = None
    created_at: str = ""
    updated_at: str = ""
    version: int = 0


class ContactOverride(msgspec.Struct, frozen=True, kw_only=True):
    """How a person is billed instead of as a paid user; custom needs a price (decimal text), the others have none."""

    contact_id: Annotated[str, _thing("Person")]
    company_id: Annotated[str, COMPANY]
    billing_type: Annotated[str, _as(CONTACT_BILLING_TYPES)]
    price_e4: Annotated[int | None, PRICE] = None
    created_at: str = ""
    updated_at: str = ""
    version: int = 0


async def only_custom_has_a_price(tx: Db, writer: Writer, before: Any, after: Any) -> Any:
    """Whatever is billed as one of the plan's rates has no price of its own."""
    return priced(after)


async def custom_has_a_price(tx: Db, writer: Writer, before: Any, after: Any) -> Mapping[str, str]:
    """And what is billed at one has it."""
    return unpriced(after)


ASSET_OVERRIDES = Resource(
    name="asset_override",
    plural="asset-overrides",
    record=AssetOverride,
    read="billing:read",
    write="billing:write",
    followed=True,
    label="billing type",
    title="asset_id",
    key="asset_id",
    order="created_at",
    staff=True,
    complete=only_custom_has_a_price,
    rules=custom_has_a_price,
    unique=(Unique(("asset_id",), "asset_override", "asset_id", "The device has a billing type of its own already."),),
)
CONTACT_OVERRIDES = Resource(
    name="contact_override",
    plural="contact-overrides",
    record=ContactOverride,
    read="billing:read",
    write="billing:write",
    followed=True,
    label="billing type",
    title="contact_id",
    key="contact_id",
    order="created_at",
    staff=True,
    complete=only_custom_has_a_price,
    rules=custom_has_a_price,
    unique=(Unique(("contact_id",), "contact_override", "contact_id", "The person has a billing type of their own already."),),
)
