"""Assets: the devices of companies, what is known of them, and from when until when they count."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated

from msgspec import structs

from hmlib.db.database import Db
from hmlib.db.list_query import folded
from hmlib.kinds.resource import Field, Filter, Lifecycle, Record, Resource, Unique, Writer
from hmlib.kinds.several import Tags, Words
from hmlib.kinds.types import Choice, Day, Moment, Reference, Refused, Size, Text
from nexus_srv.directory.locations import COMPANY
from nexus_srv.queries import assets

TYPES = {
    "workstation": "Workstation",
    "server": "Server",
    "vm": "Virtual machine",
    "switch": "Switch",
    "firewall": "Firewall",
    "other": "Other",
}
STATUS = Filter(
    "CASE WHEN asset.retired_on IS NULL THEN 'in_use' ELSE 'retired' END = :status",
    "in_use or retired.",
    "Status",
    (("in_use", "In use"), ("retired", "Retired")),
)
SYSTEM = Filter(
    "replace(lower(asset.operating_system), lower(:operating_system), '') <> lower(asset.operating_system)",
    "With these letters in its operating system.",
    "Operating system",
    kind="text",
)
TAG = Filter("replace(' ' || asset.tags || ' ', ' ' || :tag || ' ', '') <> ' ' || asset.tags || ' '", "With this tag.", "Tag", kind="text")
NO_CONTACT = "There is no such contact at this company."
NO_LOCATION = "There is no such location of this company."


def ip(said: str) -> str:
    """An address of IPv4 or IPv6, as it is usually written. Raises Refused."""
    try:
        return str(ip_address(said.strip()))
    except ValueError:
        raise Refused(f"{said[:100]} is not an IP address.") from None


def mac(said: str) -> str:
    """A hardware address with colons, however it was written. Raises Refused."""
    digits = re.sub("[-:.]", "", said.strip().lower())
    if not re.fullmatch("[0-9a-f]{12}", digits):
        raise Refused(f"{said[:100]} is not a MAC address.")
    return ":".join(re.findall("..", digits))


class Asset(Record, frozen=True, kw_only=True):
    """A device. `active_on` and `retired_on` are days, the latter the first that no longer counts; `backup_bytes` is bytes, as measured
    at `measured_at`."""

    company_id: Annotated[str, Field("Company", COMPANY, sort="=", searched=True, filtered=True, listed=True)]
    name: Annotated[str, Field("Host name", Text(needed=True), sort="name_form", searched=True, listed=True, beside=True)]
    type: Annotated[
        str, Field("Type", Choice(TYPES, empty="workstation"), sort="=", searched=True, filtered=True, listed=True)
    ] = "workstation"  # fmt: skip
    operating_system: Annotated[str, Field("Operating system", Text(100), searched=True, listed=True, beside=True)] = ""
    serial: Annotated[str, Field("Serial number", Text(100), searched=True, identifier=True, beside=True)] = ""
    manufacturer: Annotated[str, Field("Manufacturer", Text(100), searched=True)] = ""
    model: Annotated[str, Field("Model", Text(100), searched=True, beside=True)] = ""
    contact_id: Annotated[
        str | None,
        Field("Used by", Reference("contacts", "contact", table="contact", said=NO_CONTACT, scoped=False, empty=None), filtered=True),
    ] = None
    location_id: Annotated[
        str | None,
        Field("Location", Reference("locations", "location", table="location", said=NO_LOCATION, empty=None), filtered=True, beside=True),
    ] = None
    ip_addresses: Annotated[
        tuple[str, ...], Field("IP addresses", Words(check=ip), help="With a comma between them.", identifier=True)
    ] = ()  # fmt: skip
    mac_addresses: Annotated[tuple[str, ...], Field("MAC addresses", Words(check=mac), identifier=True, beside=True)] = ()
    active_on: Annotated[str | None, Field("Counts from", Day())] = None
    retired_on: Annotated[str | None, Field("Retired on", Day(), help="The first day that no longer counts.", beside=True)] = None
    purchased_on: Annotated[str | None, Field("Purchased on", Day())] = None
    warranty_until: Annotated[str | None, Field("Warranty until", Day(), beside=True)] = None
    backup_bytes: Annotated[
        int, Field("Backup", Size(), help="Such as 1.5 TB or 250 GB.", sort="=", listed=True, measured=True)
    ] = 0  # fmt: skip
    measured_at: Annotated[str | None, Field("Backup measured", Moment(), on_form=False, measured=True)] = None
    last_seen_at: Annotated[str | None, Field("Last seen", Moment(), on_form=False, measured=True)] = None
    tags: Annotated[tuple[str, ...], Field("Tags", Tags(), searched=True, beside=True)] = ()
    source: Annotated[str, Field("Source", Text(50), on_form=False)] = ""
    external_id: Annotated[
        str | None, Field("External id", Text(200, empty=None), help="By which name another system knows it; imports match by it.")
    ] = None
    notes: Annotated[str, Field("Notes", Text(10_000, lines=True))] = ""
    company_name: str = ""
    contact_name: str | None = None
    location_name: str | None = None


async def completed(tx: Db, writer: Writer, before: Asset | None, after: Asset) -> Asset:
    """A backup that is told without the time of its measuring was measured now. What moves to another company leaves the people and
    places of the one before behind."""
    if after.measured_at == (before.measured_at if before else None) and after.backup_bytes != (before.backup_bytes if before else 0):
        after = structs.replace(after, measured_at=writer.now)
    if before is None or before.company_id == after.company_id:
        return after
    strange = await misplaced(tx, writer, None, after)
    left = {name: None for name in ("contact_id", "location_id") if name in strange and getattr(before, name) == getattr(after, name)}
    return structs.replace(after, **left)


async def misplaced(tx: Db, writer: Writer, before: Asset | None, after: Asset) -> Mapping[str, str]:
    """Who uses a device and where it stands belong to its company; it does not retire before it counts."""
    wrong = {}
    if after.active_on and after.retired_on and after.retired_on < after.active_on:
        wrong["retired_on"] = "This is before the day it begins."
    for name, fits, said in (("contact_id", assets.works_at, NO_CONTACT), ("location_id", assets.stands_at, NO_LOCATION)):
        id = getattr(after, name)
        if id and id != getattr(before, name, None) and not await fits(tx, writer.scope, id, after.company_id):
            wrong[name] = said
    return wrong


def retired(asset: Asset, today: str) -> dict[str, str]:
    """The first day that no longer counts: an earlier end that was planned stays, a later one does not."""
    return {"retired_on": max(min(asset.retired_on or today, today), asset.active_on or "")}


ASSETS = Resource(
    name="asset",
    plural="assets",
    record=Asset,
    read="directory:read",
    write="directory:write",
    followed=True,
    icon="device-desktop",
    custom=True,
    trigrams=True,
    complete=completed,
    rules=misplaced,
    derived={"name_form": lambda asset: folded(asset.name)},
    unique=(Unique(("source", "external_id"), "asset_external_id", "external_id", "This external id belongs to another asset."),),
    filters={"status": STATUS, "operating_system": SYSTEM, "tag": TAG},
    lifecycle=Lifecycle(
        retired, {"retired_on": None}, lambda asset: asset.retired_on is not None, "Retire", "Put back into use", "Retired", "In use"
    ),
)
