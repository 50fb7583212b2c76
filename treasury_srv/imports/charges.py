"""Imports of billing types, line items and labour: what a file's rows mean beside what is stored."""

from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import structs

from hmlib.auth.permissions import CompanyScope
from hmlib.clock import new_id, shifted
from hmlib.db.database import Db
from hmlib.db.list_query import folded
from hmlib.resources import records
from hmlib.tables.columns import Column
from hmlib.tables.rows import Row
from treasury_srv.billing.facts import ASSET_BILLING_TYPES, CONTACT_BILLING_TYPES, ITEM_KINDS, TAX_CATEGORIES, item_problem
from treasury_srv.billing.money import ONE_E6, PRICE_PLACES, QUANTITY_PLACES
from treasury_srv.catalogue import labour, line_items
from treasury_srv.catalogue.billing_types import ASSET_OVERRIDES, CONTACT_OVERRIDES, AssetOverride, ContactOverride
from treasury_srv.catalogue.homes import SHARED
from treasury_srv.catalogue.labour import LabourEntry, too_long
from treasury_srv.catalogue.line_items import LineItem
from treasury_srv.imports.planning import Drafted, Ground, Refused, Thing, number

ASSET_COLUMNS = (
    Column("asset_external_id", key=True, required=True),
    Column("billing_type", required=True, kind="choice", choices=ASSET_BILLING_TYPES),
    Column("price", kind="decimal", minimum=0),
)
CONTACT_COLUMNS = (
    Column("contact_external_id", key=True, required=True),
    Column("billing_type", required=True, kind="choice", choices=CONTACT_BILLING_TYPES),
    Column("price", kind="decimal", minimum=0),
)
ITEM_COLUMNS = (
    Column("company_account_number", key=True, required=True),
    Column("name", key=True, required=True),
    Column("kind", key=True, required=True, kind="choice", choices=ITEM_KINDS),
    Column("quantity", kind="decimal", minimum=0, places=QUANTITY_PLACES),
    Column("unit_price", required=True, kind="decimal"),
    *(Column(name, kind="date") for name in ("from_on", "to_on")),
    Column("year", kind="int", minimum=2000, maximum=2199),
    Column("month", kind="int", minimum=1, maximum=12),
    Column("tax_category", kind="choice", choices=TAX_CATEGORIES),
)
TOO_LONG = "One entry has at most 24 hours; yes in a column hours_confirmed says that so many are meant."
EVERYONE = CompanyScope()


async def draft_asset_overrides(db: Db, ground: Ground) -> Drafted[AssetOverride]:
    """Rows match by the device's external id."""
    draft: Drafted[AssetOverride] = Drafted()
    things = await _things(ground, draft, "asset_external_id")
    stored = {one.asset_id: one for one in await records.by_ids(db, ASSET_OVERRIDES, EVERYONE, [thing.id for _, thing in things])}
    for row, thing in things:
        before = stored.get(thing.id)
        said = row.values["billing_type"], _own_price(row)
        after = AssetOverride(asset_id=thing.id, company_id=thing.company_id, billing_type=said[0], price_e4=said[1])
        draft.take(row, thing.name, before, structs.replace(after, version=before.version) if before else after)
    return draft


async def draft_contact_overrides(db: Db, ground: Ground) -> Drafted[ContactOverride]:
    """Rows match by the person's external id."""
    draft: Drafted[ContactOverride] = Drafted()
    things = await _things(ground, draft, "contact_external_id")
    stored = {one.contact_id: one for one in await records.by_ids(db, CONTACT_OVERRIDES, EVERYONE, [thing.id for _, thing in things])}
    for row, thing in things:
        before = stored.get(thing.id)
        said = row.values["billing_type"], _own_price(row)
        after = ContactOverride(contact_id=thing.id, company_id=thing.company_id, billing_type=said[0], price_e4=said[1])
        draft.take(row, thing.name, before, structs.replace(after, version=before.version) if before else after)
    return draft


async def _things(ground: Ground, draft: Drafted[AssetOverride] | Drafted[ContactOverride], column: str) -> list[tuple[Row, Thing]]:
    """The rows that can be used with the device or person of each; the others are refused."""
    found = []
    resolve = ground.known.asset if column == "asset_external_id" else ground.known.contact
    async for row in ground.rows():
        try:
            thing = resolve(row.values[column])
            if thing.id in ground.shared:
                raise Refused(column, row.values[column], SHARED)
            _own_price(row)
            found.append((row, thing))
        except Refused as why:
            draft.refuse(row, why)
    return found


def _own_price(row: Row) -> int:
    """The price of a custom billing type; the others have none."""
    if row.values["billing_type"] != "custom":
        return 0
    if row.values["price"] is None:
        raise Refused("price", "", "The billing type custom needs a price.")
    return number(row.values["price"], "price", PRICE_PLACES)


async def draft_line_items(db: Db, ground: Ground) -> Drafted[LineItem]:
    """Rows match by company, name and kind."""
    draft: Drafted[LineItem] = Drafted()
    items = await line_items.of_companies(db, list(ground.known.names))
    stored = {(item.company_id, folded(item.name), item.kind): item for item in items}
    async for row in ground.rows():
        try:
            company_id = ground.known.company(row.values)
            key = company_id, folded(row.values["name"]), row.values["kind"]
            draft.first_of(key, row, "name")
            after = _line_item(row, ground, company_id, stored.get(key))
        except Refused as why:
            draft.refuse(row, why)
            continue
        draft.take(row, f"{ground.known.names[company_id]}: {after.name}", stored.get(key), after)
    return draft


def _line_item(row: Row, ground: Ground, company_id: str, before: LineItem | None) -> LineItem:
    values = row.values
    dates = {
        **{name: ground.day(row, name, before) for name in ("from_on", "to_on")},
        **{name: ground.value(row, name, before, None) for name in ("year", "month")},
    }
    problem = item_problem(values["kind"], **dates)
    if problem:
        raise Refused("kind", values["kind"], problem)
    if dates["to_on"] is not None and dates["from_on"] is not None and dates["to_on"] <= dates["from_on"]:
        raise Refused("to_on", dates["to_on"], "It must be later than from_on: it is the first day without the item.")
    quantity = ground.number(row, "quantity", QUANTITY_PLACES, before, "quantity_e6", ONE_E6)
    if not quantity:
        raise Refused("quantity", values["quantity"], "A quantity of 0 charges nothing.")
    said = {
        **dates,
        "name": values["name"],
        "quantity_e6": quantity,
        "unit_price_e4": number(values["unit_price"], "unit_price", PRICE_PLACES),
        "tax_category": ground.value(row, "tax_category", before, "standard"),
    }
    return structs.replace(before, **said) if before else LineItem(id=new_id(), company_id=company_id, kind=values["kind"], **said)


async def draft_labour(db: Db, ground: Ground) -> Drafted[LabourEntry]:
    """Rows match by external id; an entry on a finalised invoice stays as it is."""
    draft: Drafted[LabourEntry] = Drafted()
    stored = await labour.by_external_ids(db, [row.values["external_id"] for row in ground.sheet.rows])
    zone = ZoneInfo(ground.settings["time_zone"])
    async for row in ground.rows():
        before = stored.get(row.values["external_id"])
        try:
            after = _entry(row, ground, before, zone)
            if before and before.invoice_id and before != after:
                raise Refused("external_id", before.external_id, "The entry is on a finalised invoice and cannot be changed.")
        except Refused as why:
            draft.refuse(row, why)
            continue
        draft.take(row, row.values["external_id"], before, after)
    return draft


def _entry(row: Row, ground: Ground, before: LabourEntry | None, zone: ZoneInfo) -> LabourEntry:
    values = row.values
    company_id = ground.known.company(values)
    if before and before.company_id not in ground.known.names:
        raise Refused("external_id", values["external_id"], "This external id belongs to an entry that you may not see.")
    said = {
        "company_id": company_id,
        "worked_at": _utc(values["worked_at"], zone),
        "hours_e6": number(values["hours"], "hours", QUANTITY_PLACES),
        "billable": ground.value(row, "billable", before, True),
        "description": ground.value(row, "description", before, ""),
        "ticket": ground.value(row, "ticket", before, ""),
    }
    if too_long(said["hours_e6"]) and not values["hours_confirmed"] and not (before and before.hours_e6 == said["hours_e6"]):
        raise Refused("hours", str(values["hours"]), TOO_LONG)
    return structs.replace(before, **said) if before else LabourEntry(id=new_id(), external_id=values["external_id"], **said)


def _utc(moment: datetime, zone: ZoneInfo) -> str:
    return shifted((moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat(), 0)
