"""Manual items: devices and users that an agreement counts although the directory does not know them."""

from collections.abc import Mapping
from typing import Annotated

from hmlib.db.database import Db
from hmlib.kinds.resource import Field, Filter, Record, Resource, Writer
from hmlib.kinds.types import Choice, Day, Money, Text
from hmlib.resources import records
from treasury_srv.billing.facts import ASSET_BILLING_TYPES, CONTACT_BILLING_TYPES
from treasury_srv.catalogue.overrides import AGREEMENT
from treasury_srv.catalogue.words import BILLED_AS, FIRST_DAY_WITHOUT, priced, span, unpriced
from treasury_srv.queries import agreements

KINDS = {"device": "Device", "user": "User"}


class ManualItem(Record, frozen=True, kw_only=True):
    """A device or user by hand: a device is billed as one of the types of assets, a user as paid, free or custom; custom needs a price.
    `to_on` is the first day without it."""

    agreement_id: Annotated[str, Field("Agreement", AGREEMENT, filtered=True, fixed=True)]
    name: Annotated[str, Field("Name", Text(needed=True), sort="=", searched=True, listed=True)]
    kind: Annotated[str, Field("Kind", Choice(KINDS, needed=True), filtered=True, listed=True, beside=True)]
    billing_type: Annotated[str, Field("Billed as", Choice(BILLED_AS, needed=True), filtered=True, listed=True)]
    price_e4: Annotated[int | None, Field("Price of its own", Money(least=0), name="price", listed=True, beside=True)] = None
    from_on: Annotated[str | None, Field("From", Day(), listed=True)] = None
    to_on: Annotated[str | None, Field("Until", Day(), help=FIRST_DAY_WITHOUT, listed=True, beside=True)] = None
    note: Annotated[str, Field("Note", Text(1000, lines=True), searched=True)] = ""


async def only_custom_has_a_price(tx: Db, writer: Writer, before: ManualItem | None, after: ManualItem) -> ManualItem:
    """Whatever is billed as one of the plan's rates has no price of its own."""
    priced_item: ManualItem = priced(after)
    return priced_item


async def rules(tx: Db, writer: Writer, before: ManualItem | None, after: ManualItem) -> Mapping[str, str]:
    """A device and a user are billed differently."""
    offered = ASSET_BILLING_TYPES if after.kind == "device" else CONTACT_BILLING_TYPES
    errors = {} if after.billing_type in offered else {"billing_type": f"A {after.kind} is billed as one of {', '.join(offered)}."}
    return {**errors, **unpriced(after), **span("to_on", after.from_on, after.to_on)}


MANUAL_ITEMS = Resource(
    name="manual_item",
    plural="manual-items",
    record=ManualItem,
    read="billing:read",
    write="billing:write",
    followed=True,
    label="device or user by hand",
    labels="Devices and users by hand",
    icon="device-desktop",
    staff=True,
    within="agreement_id",
    seen=lambda scope: agreements.seen_in("manual_item", scope),
    companies=lambda db, record: agreements.company_of(db, record.agreement_id),
    complete=only_custom_has_a_price,
    rules=rules,
    filters={"company_id": Filter(agreements.parts_of_company("manual_item"), "Of this company's agreements.")},
)


async def of_agreement(db: Db, agreement_id: str) -> list[ManualItem]:
    """What an agreement counts by hand, by kind and name."""
    return await records.having(db, MANUAL_ITEMS, "agreement_id = :agreement_id", "kind, name, id", agreement_id=agreement_id)
